#include "base/error.h"

#include <utility>

namespace sinew {
namespace {

// As Python's interpreter prints the last line of a traceback.
std::string summary_of(const RemoteError::Details& details) {
  std::string text = details.module.empty() || details.module == "builtins"
                         ? details.type
                         : details.module + "." + details.type;
  if (details.args.empty()) return text;
  text += ": ";
  if (details.args.size() > 1) return text + to_text(Value::tuple(details.args));
  const Value& only = details.args.front();
  return text += only.kind() == ValueKind::kText ? std::string(only.text()) : to_text(only);
}

}  // namespace

Error::Error(Kind kind, std::string message) : kind_(kind), message_(std::move(message)) {}

Error make_error(Errc errc, std::string_view doing) {
  std::string message(doing);
  message += ": ";
  message += describe(errc);
  return {kind_of(errc), std::move(message)};
}

RemoteError::RemoteError(Details details)
    : Error(Kind::kFailed, summary_of(details)),
      details_(std::make_shared<const Details>(std::move(details))) {}

Error::Kind kind_of(Errc errc) noexcept {
  switch (errc) {
    case Errc::kEndOfStream:
    case Errc::kConnectionReset: return Error::Kind::kDisconnected;
    case Errc::kTimedOut: return Error::Kind::kTimedOut;
    case Errc::kTooManyExports:
    case Errc::kTooManyPending:
    case Errc::kNoMemory:
    case Errc::kQueueFull: return Error::Kind::kOverloaded;
    case Errc::kTruncated:
    case Errc::kTrailingBytes:
    case Errc::kUnknownTag:
    case Errc::kWrongType:
    case Errc::kTooDeep:
    case Errc::kTooLong:
    case Errc::kBadText:
    case Errc::kBadInteger:
    case Errc::kBadFrame:
    case Errc::kFrameTooLarge:
    case Errc::kInflateFailed:
    case Errc::kInflateTooLarge:
    case Errc::kWrongFamily:
    case Errc::kSpeaksTls:
    case Errc::kUnknownMessage:
    case Errc::kUnknownHandler:
    case Errc::kUnknownLabel:
    case Errc::kUnknownObject:
    case Errc::kBadExtension:
    case Errc::kReleaseUnderflow: return Error::Kind::kProtocol;
    case Errc::kOk:
    case Errc::kNotDumpable:
    case Errc::kModelFailed:
    case Errc::kWouldBlock:
    case Errc::kInterrupted: return Error::Kind::kFailed;
  }
  return Error::Kind::kFailed;
}

std::string_view name_of(Error::Kind kind) noexcept {
  switch (kind) {
    case Error::Kind::kFailed: return "failed";
    case Error::Kind::kDisconnected: return "disconnected";
    case Error::Kind::kTimedOut: return "timed out";
    case Error::Kind::kOverloaded: return "overloaded";
    case Error::Kind::kProtocol: return "protocol error";
    case Error::Kind::kUnsupported: return "unsupported";
  }
  return "failed";
}

}  // namespace sinew
