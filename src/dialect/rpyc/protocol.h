#pragma once

#include <cstdint>
#include <string_view>

namespace sinew::dialect::rpyc {

/// RPyC's request codes (source: RPyC wire, docs/protocols/rpyc.md section 2.6).
enum class Handler : std::int64_t {
  kPing = 1,
  kClose = 2,
  kGetRoot = 3,
  kGetAttr = 4,
  kDelAttr = 5,
  kSetAttr = 6,
  kCall = 7,
  kCallAttr = 8,
  kRepr = 9,
  kStr = 10,
  kCmp = 11,
  kHash = 12,
  kDir = 13,
  kPickle = 14,
  kDel = 15,
  kInspect = 16,
  kBuffIter = 17,
  kOldSlicing = 18,
  kCtxExit = 19,
  kInstanceCheck = 20,
};

/// What a request of this code asks for, in words for messages.
constexpr std::string_view describe(Handler handler) noexcept {
  switch (handler) {
    case Handler::kPing: return "a ping";
    case Handler::kClose: return "a farewell";
    case Handler::kGetRoot: return "the request for the root";
    case Handler::kGetAttr: return "a look at the attribute";
    case Handler::kDelAttr: return "a removal of the attribute";
    case Handler::kSetAttr: return "a change of the attribute";
    case Handler::kCall: return "a call";
    case Handler::kCallAttr: return "a call of the method";
    case Handler::kBuffIter: return "an iteration";
    case Handler::kPickle: return "a request for a copy";
    default: return "a request";
  }
}

/// True if the first argument after the object is the name of one of its attributes.
constexpr bool names_attribute(Handler handler) noexcept {
  return handler == Handler::kGetAttr || handler == Handler::kDelAttr ||
         handler == Handler::kSetAttr || handler == Handler::kCallAttr;
}

/// How a value is boxed (section 2.4): by value, as a tuple of boxes, as a reference to an object
/// of the receiver, as a reference to an object of the sender.
enum class Label : std::int64_t { kValue = 1, kTuple = 2, kLocalRef = 3, kRemoteRef = 4 };

}  // namespace sinew::dialect::rpyc
