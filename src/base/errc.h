#pragma once

#include <cstdint>
#include <expected>
#include <string_view>

namespace sinew {

/// What can go wrong on the hot and hostile paths (codecs, framing, socket loops). The enum is
/// closed: every value has one sentence in describe(). These paths return Result<T> and throw
/// nothing; sinew::Error (error.h) is for the API level.
enum class Errc : std::uint8_t {
  kOk = 0,

  // Decoding: the peer's bytes are at fault.
  kTruncated,        ///< the bytes end in the middle of a value
  kTrailingBytes,    ///< bytes are left over after a complete value
  kUnknownTag,       ///< a type tag that the format does not define
  kWrongType,        ///< a well-formed value of another type than the place demands
  kTooDeep,          ///< nesting beyond the `max_depth` option
  kTooLong,          ///< an announced length or count beyond what can follow
  kBadText,          ///< text that is not valid UTF-8
  kBadInteger,       ///< an integer's decimal text has something other than digits
  kBadFrame,         ///< a frame header or message header that breaks the format
  kFrameTooLarge,    ///< a frame beyond the `max_frame_size` option
  kInflateFailed,    ///< a compressed payload that zlib refuses
  kInflateTooLarge,  ///< a compressed payload that inflates beyond `max_inflated_size`
  kWrongFamily,      ///< the peer speaks another RPyC wire family
  kSpeaksTls,        ///< the peer speaks TLS where plain bytes were expected
  kUnknownMessage,   ///< a message kind that the format does not define
  kUnknownHandler,   ///< a request code that nobody answers
  kUnknownLabel,     ///< a box label that the format does not define
  kBadExtension,     ///< an extension that was not agreed on, or used in another way than agreed
  kUnknownObject,    ///< a reference to an object that is not exported (any more)

  // Encoding: our value is at fault.
  kNotDumpable,  ///< the value has no by-value form in this format
  kModelFailed,  ///< the object model could not make or read a value; it holds the reason

  // Tables and queues: a limit option was reached.
  kTooManyExports,    ///< `max_exports` objects are held by the peer
  kTooManyPending,    ///< `max_pending_calls` calls are unanswered
  kQueueFull,         ///< `max_queued_bytes` or `max_connections`, or the system has no descriptors
  kReleaseUnderflow,  ///< the peer returned more references than it was given
  kNoMemory,          ///< the system has no memory for a frame, or for what it inflates to

  // Input and output.
  kWouldBlock,       ///< nothing can be done now without waiting
  kInterrupted,      ///< a signal arrived while waiting (EINTR)
  kTimedOut,         ///< the deadline passed
  kEndOfStream,      ///< the peer closed the stream in an orderly way
  kConnectionReset,  ///< the stream broke: reset, broken pipe or another system error
};

/// One sentence, without a final stop, that says what `errc` means to a reader of a log. Static and
/// terminated by a NUL.
std::string_view describe(Errc errc) noexcept;

/// The result type of the hot and hostile paths.
template <class T>
using Result = std::expected<T, Errc>;

/// Shorthand: `return fail(Errc::kTruncated);` in a function that returns any Result<T>.
constexpr std::unexpected<Errc> fail(Errc errc) noexcept { return std::unexpected<Errc>(errc); }

}  // namespace sinew

/// Evaluates an expression of type Result<void> (or Result<T> whose value is not needed) and
/// returns its error from the enclosing function. A macro because only a macro can return.
#define SINEW_TRY(expression)                                      \
  do {                                                             \
    if (auto sinew_try_result = (expression); !sinew_try_result) { \
      return ::sinew::fail(sinew_try_result.error());              \
    }                                                              \
  } while (false)

/// `SINEW_ASSIGN(auto name, expression)`: declares `name` with the value of a Result<T>, or
/// returns its error from the enclosing function.
#define SINEW_ASSIGN(declaration, expression) \
  SINEW_ASSIGN_IMPL_(declaration, expression, __COUNTER__)
#define SINEW_ASSIGN_IMPL_(declaration, expression, counter) \
  SINEW_ASSIGN_IMPL2_(declaration, expression, counter)
#define SINEW_ASSIGN_IMPL2_(declaration, expression, counter) \
  auto sinew_assign_##counter = (expression);                 \
  if (!sinew_assign_##counter) {                              \
    return ::sinew::fail(sinew_assign_##counter.error());     \
  }                                                           \
  declaration = *std::move(sinew_assign_##counter)
