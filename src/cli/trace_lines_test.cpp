#include "cli/trace_lines.h"

#include <gtest/gtest.h>

#include <string>

namespace sinew::cli {
namespace {

using namespace std::chrono_literals;
using trace::Event;

Event answer() {
  Event event;
  event.time = trace::WallTime(1'700'000'000s + 42us);
  event.connection = 3;
  event.from = trace::Side::kServer;
  event.size = 24;
  event.text = "'\\x1b[2J\" \\' \xc3\xa9'";
  event.message = wire::MessageText{.family = wire::Family::kB,
                                    .kind = wire::MessageKind::kReply,
                                    .seq = 7,
                                    .threads = {},
                                    .handler = {},
                                    .body = {},
                                    .is_sound = true};
  event.took = 120'500ns;
  event.answers = "GETATTR";
  return event;
}

TEST(TraceLines, AnAnswerOnALine) {
  const Terminal plain;
  const std::string line = trace_line(answer(), plain);
  EXPECT_NE(line.find(".000042  3 <- REPLY     seq=7  "), std::string::npos) << line;
  EXPECT_TRUE(line.ends_with("  [GETATTR, 120 us]") || line.ends_with("  [GETATTR, 120.5 us]"))
      << line;
}

TEST(TraceLines, AnAnswerAsJson) {
  EXPECT_EQ(trace_json(answer()),
            R"({"time": 1700000000.000042, "connection": 3, "from": "server", "event": "message", )"
            R"("bytes": 24, "family": "B", "kind": "reply", "seq": 7, )"
            R"("text": "'\\x1b[2J\" \\' )"
            "\xc3\xa9"
            R"('", "answers": "GETATTR", "us": 120.5})");
}

TEST(TraceLines, WhatIsNoMessageIsMarked) {
  Event event;
  event.text = "16 03 01 <it is TLS>";
  const Terminal plain;
  EXPECT_NE(trace_line(event, plain).find(" -> ?          16 03 01"), std::string::npos)
      << trace_line(event, plain);
  event.kind = Event::Kind::kRaw;
  EXPECT_NE(trace_line(event, plain).find(" -> raw "), std::string::npos);
  EXPECT_EQ(trace_json(event).find("\"kind\""), std::string::npos);
}

TEST(TraceLines, StatisticsSayWhatWasDropped) {
  trace::Statistics statistics;
  statistics.calls["GETATTR"] = {
      .count = 3, .answered = 2, .failed = 1, .total = 300us, .longest = 200us};
  EXPECT_EQ(statistics_text(statistics, 0).find("too slow"), std::string::npos);
  EXPECT_NE(statistics_text(statistics, 5).find("too slow: 5\n"), std::string::npos);
  EXPECT_NE(
      statistics_json(statistics, 5)
          .find(R"("dropped": 5, "requests": {"GETATTR": {"count": 3, "answered": 2, "failed": 1, )"
                R"("total_us": 300.0, "longest_us": 200.0}}})"),
      std::string::npos)
      << statistics_json(statistics, 5);
}

}  // namespace
}  // namespace sinew::cli
