#include "api/exceptions.h"

#include <cerrno>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "sinew/python_error.hpp"
#include "wire/value.h"

namespace sinew::detail {
namespace {

// StopIteration travels as this number.
constexpr std::int64_t kStopIteration = 1;

bool is_text(const Value& value) noexcept { return value.kind() == ValueKind::kText; }

// ((module, name), args, attributes, traceback), or nothing if it is something else.
std::optional<RemoteError::Details> details_of(const Value& raw) {
  const auto parts = raw.items();
  if (raw.kind() != ValueKind::kTuple || parts.size() != 4) return std::nullopt;
  const auto names = parts[0].items();
  if (names.size() != 2 || !is_text(names[0]) || !is_text(names[1])) return std::nullopt;
  RemoteError::Details details;
  details.module = names[0].text();
  details.type = names[1].text();
  const auto args = parts[1].items();
  details.args.assign(args.begin(), args.end());
  for (const Value& attribute : parts[2].items()) {
    const auto pair = attribute.items();
    if (pair.size() == 2 && is_text(pair[0])) {
      details.attributes.emplace_back(pair[0].text(), pair[1]);
    }
  }
  if (is_text(parts[3])) details.traceback = parts[3].text();
  return details;
}

struct Described {
  std::string module = "builtins";
  std::string type;
  std::vector<Value> args;
  std::vector<std::pair<std::string, Value>> attributes;
  std::string traceback;
};

Described described(std::string type, const char* message) {
  return {"builtins", std::move(type), {Value(message)}, {}, {}};
}

Described describe_error(const Error& error) {
  if (const auto* const remote = dynamic_cast<const RemoteError*>(&error)) {
    const RemoteError::Details& of = remote->details();
    return {of.module, of.type, of.args, of.attributes, of.traceback};
  }
  if (dynamic_cast<const ConversionError*>(&error) != nullptr) {
    return described("TypeError", error.what());
  }
  switch (error.kind()) {
    case Error::Kind::kTimedOut: return described("TimeoutError", error.what());
    case Error::Kind::kDisconnected: return described("EOFError", error.what());
    default: return described("RuntimeError", error.what());
  }
}

// Python chooses the subclass by the number when an OSError is made; a peer only names a type.
std::string type_of_system_error(const std::error_code& code) {
  struct Row {
    int number;
    const char* type;
  };
  static constexpr Row kRows[] = {
      {EACCES, "PermissionError"},
      {EAGAIN, "BlockingIOError"},
      {ECHILD, "ChildProcessError"},
      {ECONNABORTED, "ConnectionAbortedError"},
      {ECONNREFUSED, "ConnectionRefusedError"},
      {ECONNRESET, "ConnectionResetError"},
      {EEXIST, "FileExistsError"},
      {EINTR, "InterruptedError"},
      {EISDIR, "IsADirectoryError"},
      {ENOENT, "FileNotFoundError"},
      {ENOTDIR, "NotADirectoryError"},
      {EPERM, "PermissionError"},
      {EPIPE, "BrokenPipeError"},
      {ESRCH, "ProcessLookupError"},
      {ETIMEDOUT, "TimeoutError"},
  };
  if (code.category() != std::generic_category() && code.category() != std::system_category()) {
    return "RuntimeError";
  }
  for (const Row& row : kRows) {
    if (row.number == code.value()) return row.type;
  }
  return "OSError";
}

Described describe_system_error(const std::system_error& error) {
  std::string type = type_of_system_error(error.code());
  if (type == "RuntimeError") return described(std::move(type), error.what());
  const Value number = error.code().value();
  const Value text = error.what();
  return {"builtins", std::move(type), {number, text}, {{"errno", number}, {"strerror", text}}, {}};
}

Described describe(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const PythonError& error) {
    return {"builtins", error.type(), error.args(), {}, {}};
  } catch (const Error& error) {
    return describe_error(error);
  } catch (const std::out_of_range& error) {
    return described("IndexError", error.what());
  } catch (const std::range_error& error) {
    return described("OverflowError", error.what());
  } catch (const std::overflow_error& error) {
    return described("OverflowError", error.what());
  } catch (const std::underflow_error& error) {
    return described("OverflowError", error.what());
  } catch (const std::logic_error& error) {  // invalid_argument, domain_error, length_error
    return described("ValueError", error.what());
  } catch (const std::system_error& error) {
    return describe_system_error(error);
  } catch (const std::bad_alloc&) {
    return described("MemoryError", "out of memory");
  } catch (const std::bad_cast& error) {
    return described("TypeError", error.what());
  } catch (const std::exception& error) {
    return described("RuntimeError", error.what());
  } catch (...) {
    return described("RuntimeError", "an exception of an unknown C++ type");
  }
}

// What Python prints for an exception that C++ has no traceback of.
std::string traceback_of(const Described& of) {
  const RemoteError shown({of.module, of.type, of.args, {}, {}});
  return "Traceback (most recent call last):\n  in a function of a C++ program\n" +
         shown.message() + "\n";
}

Value as_value(const Described& of) {
  std::vector<Value> attributes;
  for (const auto& [name, value] : of.attributes) {
    attributes.push_back(Value::tuple({Value(name), value}));
  }
  return Value::tuple({Value::tuple({Value(of.module), Value(of.type)}), Value::tuple(of.args),
                       Value::tuple(std::move(attributes)),
                       Value(of.traceback.empty() ? traceback_of(of) : of.traceback)});
}

}  // namespace

void throw_remote(Reader& in, const wire::BrineLimits& limits) {
  wire::ValueModel model;
  const auto raw = wire::decode_brine(model, in, limits);
  if (!raw) throw make_error(raw.error(), "cannot read a remote exception");
  const Value& value = **raw;
  if (value == Value(kStopIteration)) {
    throw RemoteError({.module = "builtins",
                       .type = "StopIteration",
                       .args = {},
                       .attributes = {},
                       .traceback = {}});
  }
  if (auto details = details_of(value)) throw RemoteError(*std::move(details));
  throw RemoteError({.module = {},
                     .type = is_text(value) ? std::string(value.text()) : "Exception",
                     .args = {},
                     .attributes = {},
                     .traceback = {}});
}

void write_exception(Writer& out, const std::exception_ptr& exception,
                     const wire::BrineLimits& limits) {
  const Described of = describe(exception);
  if (of.module == "builtins" && of.type == "StopIteration")
    return wire::write_int(out, kStopIteration);
  wire::ValueModel model;
  const Value whole = as_value(of);
  const Writer::Mark start = out.mark();
  if (wire::encode_brine(model, &whole, out, limits)) return;
  out.rewind(start);  // text that is no UTF-8, or an argument that is no value
  const Value plain = as_value(described(of.type, "an exception that cannot be sent"));
  static_cast<void>(wire::encode_brine(model, &plain, out, limits));
}

}  // namespace sinew::detail
