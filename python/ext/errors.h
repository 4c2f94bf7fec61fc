#pragma once

#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "state.h"

namespace sinew::python {

// How failures look in Python. One table (errors.cpp) says it for the codes of hot paths, one for
// the kinds of Error; what is in neither is a mistake of the peer's or of ours.
//
//   a limit of the configuration    sinew.LimitError, which is a ValueError and a RecursionError;
//                                   `limit` is the name of the option
//   the connection is gone          EOFError, as in stock RPyC, whatever it was that ended it; or
//                                   sinew.StaleReference, which is one, if another takes its place
//   an answer that came too late    TimeoutError
//   no value of the wire            TypeError
//   an object or request unknown    KeyError
//   other bytes that make no sense  ValueError
//   no memory                       MemoryError
//   anything else                   RuntimeError

/// Makes LimitError. False with an exception set.
bool init_limit_error(State& state, PyObject* module) noexcept;

/// Makes StaleReference. False with an exception set.
bool init_stale_error(State& state, PyObject* module) noexcept;

/// A limit of the configuration was reached. `limit` is the option's name, a literal.
class LimitReached : public Error {
 public:
  LimitReached(const char* limit, std::string message)
      : Error(Kind::kOverloaded, std::move(message)), limit_(limit) {}
  const char* limit() const noexcept { return limit_; }

 private:
  const char* limit_;
};

/// Raises LimitError for the option of that name.
void raise_limit(const char* limit, const char* message) noexcept;

/// Says on standard error that an exception was raised in `where` that nobody can catch, and lets
/// go of it. Ctrl-C is not lost: it is raised again, where code of the main thread runs next.
void report_unraisable(PyObject* where) noexcept;

/// Turns the C++ exception being handled into a Python one. The one place where that happens:
/// `try { ... } catch (...) { raise_current(); return nullptr; }`, or caught<> (slot.h).
void raise_current() noexcept;

/// Raises `error`, most often that of a connection that has ended, as the Python exception of its
/// kind.
void raise_error(const Error& error) noexcept;

/// Raises the failure of a codec or of sending, as "`doing`: what the code says"; what the object
/// model has raised already stays.
void raise_codec_error(Errc errc, const char* doing) noexcept;

/// Puts the key of the configuration in front of the exception that is set, about its value.
void name_key(const char* key) noexcept;

/// A deadline that many seconds from now; a negative number counts as zero.
Deadline deadline_after(double seconds) noexcept;

}  // namespace sinew::python
