#pragma once

#include <cstdint>
#include <string_view>

namespace sinew {

/// The core never prints: what it has to say goes to a sink that the host installs (the tools
/// install spdlog, the Python package the `logging` module). Without one nothing is said, which is
/// the default.

enum class LogLevel : std::uint8_t {
  kDebug,    ///< for who follows single messages
  kInfo,     ///< life cycle: listening, connected, closed
  kWarning,  ///< something was refused or dropped, the program goes on
  kError,    ///< something is broken
};

/// Lower-case name of a level ("warning").
std::string_view name_of(LogLevel level) noexcept;

/// Takes what the core says.
class LogSink {
 public:
  virtual ~LogSink() = default;

  /// Whether texts of this level are wanted; the core asks before it makes them. Must be cheap.
  virtual bool wants(LogLevel level) const noexcept = 0;

  /// Takes one line, without a line feed. May be called from any thread, several at once, but never
  /// while a core lock is held. `text` is the caller's: copy it to keep it.
  virtual void write(LogLevel level, std::string_view text) noexcept = 0;
};

/// Installs `sink` for the whole process, or none if it is null, and returns what was installed
/// before. A thread may still be inside a sink that has just been replaced: the host keeps it until
/// no thread of the core can be, best for ever.
///
/// threads: any.
LogSink* install_log_sink(LogSink* sink) noexcept;

/// Whether somebody wants to read texts of this level.
bool log_wanted(LogLevel level) noexcept;

/// Hands one line to the sink, if there is one that wants it.
///
/// threads: any.
void log(LogLevel level, std::string_view text) noexcept;

/// The same for texts that cost something: `make_text()` is called only if it is wanted.
template <class MakeText>
  requires requires(MakeText make_text) { std::string_view(make_text()); }
void log(LogLevel level, MakeText&& make_text) {
  if (log_wanted(level)) log(level, std::string_view(make_text()));
}

}  // namespace sinew
