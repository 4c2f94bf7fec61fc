#include "base/log.h"

#include <atomic>

namespace sinew {
namespace {

constinit std::atomic<LogSink*> installed{nullptr};

}  // namespace

std::string_view name_of(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::kDebug: return "debug";
    case LogLevel::kInfo: return "info";
    case LogLevel::kWarning: return "warning";
    case LogLevel::kError: return "error";
  }
  return "error";
}

LogSink* install_log_sink(LogSink* sink) noexcept {
  return installed.exchange(sink, std::memory_order_acq_rel);
}

bool log_wanted(LogLevel level) noexcept {
  const LogSink* sink = installed.load(std::memory_order_acquire);
  return sink != nullptr && sink->wants(level);
}

void log(LogLevel level, std::string_view text) noexcept {
  LogSink* sink = installed.load(std::memory_order_acquire);
  if (sink != nullptr && sink->wants(level)) sink->write(level, text);
}

}  // namespace sinew
