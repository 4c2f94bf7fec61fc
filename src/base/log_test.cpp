#include "base/log.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sinew {
namespace {

/// Keeps what it is given while it is installed.
class Recorder : public LogSink {
 public:
  explicit Recorder(LogLevel from) : from_(from), before_(install_log_sink(this)) {}
  ~Recorder() override { install_log_sink(before_); }

  bool wants(LogLevel level) const noexcept override { return level >= from_; }
  void write(LogLevel level, std::string_view text) noexcept override {
    lines.push_back(std::string(name_of(level)) + ": " + std::string(text));
  }

  std::vector<std::string> lines;

 private:
  LogLevel from_;
  LogSink* before_;
};

TEST(Log, NothingHappensWithoutASink) {
  LogSink* before = install_log_sink(nullptr);
  EXPECT_FALSE(log_wanted(LogLevel::kError));
  log(LogLevel::kError, "unheard");
  install_log_sink(before);
}

TEST(Log, TheInstalledSinkGetsLevelAndText) {
  Recorder recorder(LogLevel::kDebug);
  log(LogLevel::kInfo, "listening");
  log(LogLevel::kWarning, std::string("refused"));
  EXPECT_EQ(recorder.lines, (std::vector<std::string>{"info: listening", "warning: refused"}));
}

TEST(Log, UnwantedTextsAreNotEvenMade) {
  Recorder recorder(LogLevel::kWarning);
  bool made = false;
  const auto text = [&made] {
    made = true;
    return std::string("costly");
  };
  log(LogLevel::kDebug, text);
  EXPECT_FALSE(made);
  log(LogLevel::kError, text);
  EXPECT_TRUE(made);
  EXPECT_EQ(recorder.lines, std::vector<std::string>{"error: costly"});
}

TEST(Log, InstallingReturnsTheSinkBefore) {
  Recorder outer(LogLevel::kDebug);
  {
    Recorder inner(LogLevel::kDebug);
    log(LogLevel::kDebug, "to the inner one");
    EXPECT_EQ(inner.lines.size(), 1u);
  }
  log(LogLevel::kDebug, "to the outer one");
  EXPECT_EQ(outer.lines, std::vector<std::string>{"debug: to the outer one"});
}

}  // namespace
}  // namespace sinew
