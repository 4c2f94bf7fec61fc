#pragma once

#include <exception>

#include "base/reader.h"
#include "base/writer.h"
#include "wire/brine.h"

namespace sinew::detail {

/// Throws the exception that a peer tells of (RemoteError; source: RPyC wire,
/// docs/protocols/rpyc.md section 2.8).
[[noreturn]] void throw_remote(Reader& in, const wire::BrineLimits& limits);

/// Writes an exception for the peer, as the Python type that fits:
///
/// | C++ | Python |
/// | --- | --- |
/// | RemoteError | the type it had, with arguments, attributes and traceback |
/// | std::out_of_range | IndexError |
/// | std::invalid_argument, std::domain_error, std::length_error | ValueError |
/// | std::range_error, std::overflow_error, std::underflow_error | OverflowError |
/// | ConversionError, std::bad_cast | TypeError |
/// | std::bad_alloc | MemoryError |
/// | std::system_error | OSError or its kind for the error number |
/// | Error | TimeoutError, EOFError or RuntimeError, by its kind |
/// | PythonError | the type that it names |
/// | everything else | RuntimeError |
void write_exception(Writer& out, const std::exception_ptr& exception,
                     const wire::BrineLimits& limits);

}  // namespace sinew::detail
