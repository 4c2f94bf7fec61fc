#pragma once

#include <cstdint>

#include "base/clock.h"

namespace sinew::rpc {

/// When a connection shows its peer that it lives, and when the peer's silence means death. Knows
/// neither bytes nor threads: look() is given what was seen, and says what to do.
///
/// A side that wants to be sure of its peer asks it for a sign of life every `interval`; the peer
/// then sends one whenever it has sent nothing else for half of that. So a peer that is busy, or
/// whose program never lets go of the interpreter, is told from one that is gone: its engine still
/// sends. After nearly two intervals without a byte the peer counts as gone.
///
/// A peer that makes no such promise may be asked something that it answers (a stock peer: PING),
/// one at a time; that it does not answer proves nothing, it may be busy. There the system's word
/// about the peer's machine has to do.
///
/// threads: one at a time.
class Heartbeat {
 public:
  /// What a look finds. The counts only have to change when something came or went.
  struct Seen {
    std::uint64_t received = 0;
    std::uint64_t sent = 0;
    Duration wanted_every = Duration::zero();  ///< the peer wants a sign this often; zero: none
    bool promised = false;      ///< the peer has been asked for signs, and will send them
    bool may_ask = false;       ///< the peer promises nothing, and would answer a question
    bool unsure = false;        ///< more may have come than `received` shows
    bool machine_gone = false;  ///< the system has not heard the peer's machine for too long
  };

  struct Step {
    bool show_life = false;
    bool ask = false;
    bool give_up = false;
  };

  /// `interval` zero: the peer's silence is no concern.
  Heartbeat(Duration interval, TimePoint now) noexcept;

  Step look(TimePoint now, const Seen& seen) noexcept;

  /// How long until the next look.
  Duration period() const noexcept { return period_; }

  /// How long nothing has been heard, as of the last look.
  Duration silence() const noexcept { return last_look_ - last_heard_; }

  Duration interval() const noexcept { return interval_; }

  /// Signs are sent no more often than this, whatever the peer wants.
  static constexpr Duration kFastest = std::chrono::milliseconds(20);

 private:
  void note_time(TimePoint now) noexcept;

  const Duration interval_;
  Duration period_;
  std::uint64_t received_ = 0;
  std::uint64_t sent_ = 0;
  TimePoint last_look_;
  TimePoint last_heard_;
  TimePoint last_sent_;
  bool asked_ = false;  // and nothing has been heard since
};

}  // namespace sinew::rpc
