#include "base/errc.h"

namespace sinew {

std::string_view describe(Errc errc) noexcept {
  switch (errc) {
    case Errc::kOk: return "no error";
    case Errc::kTruncated: return "the bytes end in the middle of a value";
    case Errc::kTrailingBytes: return "bytes are left over after a complete value";
    case Errc::kUnknownTag: return "a type tag that the format does not define";
    case Errc::kWrongType: return "a value of another type than the place demands";
    case Errc::kTooDeep: return "nesting beyond max_depth";
    case Errc::kTooLong: return "an announced length beyond the bytes that follow";
    case Errc::kBadText: return "text that is not valid UTF-8";
    case Errc::kBadInteger: return "an integer whose text has something other than digits";
    case Errc::kBadFrame: return "a frame or message header that breaks the format";
    case Errc::kFrameTooLarge: return "a frame beyond max_frame_size";
    case Errc::kInflateFailed: return "a compressed payload that zlib refuses";
    case Errc::kInflateTooLarge:
      return "a compressed payload that inflates beyond max_inflated_size";
    case Errc::kWrongFamily: return "the peer speaks another RPyC wire family";
    case Errc::kSpeaksTls: return "the peer speaks TLS, and this side does not";
    case Errc::kUnknownMessage: return "a message kind that the format does not define";
    case Errc::kUnknownHandler: return "a request code that nobody answers";
    case Errc::kUnknownLabel: return "a box label that the format does not define";
    case Errc::kBadExtension:
      return "an extension that was not agreed on, or used in another way than agreed";
    case Errc::kUnknownObject: return "a reference to an object that is not exported";
    case Errc::kNotDumpable: return "the value has no by-value form in this format";
    case Errc::kModelFailed: return "the object model could not make or read a value";
    case Errc::kTooManyExports: return "max_exports objects are held by the peer";
    case Errc::kTooManyPending: return "max_pending_calls calls are unanswered";
    case Errc::kQueueFull: return "max_queued_bytes or max_connections was reached";
    case Errc::kReleaseUnderflow: return "the peer returned more references than it was given";
    case Errc::kNoMemory: return "there is not enough memory for the message";
    case Errc::kWouldBlock: return "nothing can be done now without waiting";
    case Errc::kInterrupted: return "a signal arrived while waiting";
    case Errc::kTimedOut: return "the deadline passed";
    case Errc::kEndOfStream: return "the peer closed the stream";
    case Errc::kConnectionReset: return "the stream broke";
  }
  return "an error code of another version of this library";
}

}  // namespace sinew
