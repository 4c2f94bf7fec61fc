#pragma once

#include <cstddef>
#include <cstdint>

#include "base/endian.h"
#include "base/errc.h"
#include "base/writer.h"

namespace sinew::dialect::rpyc {

/// Which threads a message goes between, where both sides have `bind_threads` set (source: RPyC
/// wire, docs/protocols/rpyc.md section 2.11). Stock hands a message to the thread that it names,
/// so that a reply, or a request made on behalf of a call, reaches the thread that waits:
///
///     uint64 sender | uint64 recipient | message        (inside the frame, before compression)
///
/// A recipient of 0 is any thread that is free.
struct ThreadBinding {
  std::uint64_t sender = 0;
  std::uint64_t recipient = 0;
};

inline constexpr std::size_t kThreadBindingSize = 16;

inline void write_thread_binding(Writer& out, const ThreadBinding& binding) {
  std::uint8_t* const at = out.extend(kThreadBindingSize);
  store_be64(at, binding.sender);
  store_be64(at + 8, binding.recipient);
}

/// Fails with kTruncated when no message follows.
inline Result<ThreadBinding> read_thread_binding(ByteView payload) noexcept {
  if (payload.size() <= kThreadBindingSize) return fail(Errc::kTruncated);
  return ThreadBinding{load_be64(payload.data()), load_be64(payload.data() + 8)};
}

/// While a request is being served: what this thread sends over that connection goes to the thread
/// that has sent the request, in the name of the one it was sent to. On the stack.
///
/// threads: the one that serves.
class ServingBound {
 public:
  /// `connection` tells connections apart. `request` is as it came.
  ServingBound(const void* connection, const ThreadBinding& request) noexcept;
  ~ServingBound();
  ServingBound(const ServingBound&) = delete;
  ServingBound& operator=(const ServingBound&) = delete;

 private:
  friend ThreadBinding binding_for_sending(const void* connection) noexcept;

  const void* const connection_;
  const ThreadBinding own_;
  ServingBound* const outer_;
};

/// What a message that this thread sends is to say.
ThreadBinding binding_for_sending(const void* connection) noexcept;

}  // namespace sinew::dialect::rpyc
