#pragma once

#include <list>
#include <optional>

#include "base/read_buffer.h"
#include "io/stream.h"
#include "rpc/session.h"

namespace sinew::rpc {

/// Turns the stream's bytes into frames. One read takes as much as is there; frames are slices of
/// the read buffer, not copies. A frame larger than the buffer gets memory of exactly its size, so
/// large payloads are received where they stay.
///
/// threads: the connection's leader only.
class Inbox {
 public:
  static constexpr std::size_t kBufferSize = 64 * 1024;

  Inbox(io::Stream& stream, Session& session) noexcept : stream_(stream), session_(session) {}
  ~Inbox();
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  /// The next complete frame of what was read, or nothing. No system call.
  Result<std::optional<Slice>> next();

  /// True when next() has a frame.
  bool has_frame() const noexcept { return !ahead_.empty() || complete_; }

  /// True when a frame has begun and is not complete.
  bool has_partial() const noexcept { return filled_ > taken_ && !complete_; }

  /// Bytes read in all, and how many of them begin a frame that is not complete.
  std::uint64_t received() const noexcept { return received_; }
  std::size_t partial() const noexcept { return has_partial() ? filled_ - taken_ : 0; }

  /// Reads once, without waiting (kWouldBlock) or until `deadline`. Requires that no complete frame
  /// is left in the buffer: next() gave nothing, or set_aside() was called.
  Result<void> try_fill();
  Result<void> fill(Deadline deadline);

  /// Moves all complete frames out of the buffer, to be found by next() later, so that more can be
  /// read: for a sender that must read while its own bytes do not fit. Returns the bytes held so.
  Result<std::size_t> set_aside();

  /// Lets go of the buffer if nothing is in it: a connection that is idle for long needs none.
  void trim() noexcept;

  /// Calls `look` with the bytes that were read and not handed out, in their order and in pieces
  /// that begin with a frame.
  template <class Look>
  void look_at_waiting(Look look) const {
    for (const Slice& frame : ahead_) look(frame.bytes());
    if (filled_ > taken_) look(ByteView(buffer_->data() + taken_, filled_ - taken_));
  }

  /// Gives a frame back that next() returned: the next next() returns it again.
  void put_back(Slice frame) {
    ahead_bytes_ += frame.size();
    ahead_.push_front(std::move(frame));
  }

 private:
  Result<MutableByteView> prepare();
  std::size_t missing() const noexcept;
  Result<void> took(std::size_t count);
  Result<void> look();
  Result<std::optional<Slice>> split();

  io::Stream& stream_;
  Session& session_;
  ReadBuffer* buffer_ = nullptr;
  std::size_t taken_ = 0;       // bytes of the buffer that were handed out
  std::size_t filled_ = 0;      // bytes of the buffer that were read
  std::size_t frame_size_ = 0;  // of the frame at taken_; 0 while its header is incomplete
  bool complete_ = false;       // the frame at taken_ is there as a whole
  Errc bad_ = Errc::kOk;        // what is wrong with the frame at taken_
  std::uint64_t received_ = 0;  // bytes, in all
  std::size_t ahead_bytes_ = 0;
  std::list<Slice> ahead_;  // complete frames that were set aside or put back; an empty deque
                            // would hold half a KB
};

}  // namespace sinew::rpc
