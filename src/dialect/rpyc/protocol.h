#pragma once

#include <cstdint>

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

/// How a value is boxed (section 2.4): by value, as a tuple of boxes, as a reference to an object
/// of the receiver, as a reference to an object of the sender.
enum class Label : std::int64_t { kValue = 1, kTuple = 2, kLocalRef = 3, kRemoteRef = 4 };

}  // namespace sinew::dialect::rpyc
