#include "rpc/unread_answers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "rpc/test_dialect.h"

namespace sinew::rpc {
namespace {

using namespace testing;
using Kind = Incoming::Kind;

// Three questions, and answers to the first two.
struct UnreadAnswersTest : ::testing::Test {
  UnreadAnswersTest() {
    for (auto& call : calls) {
      call.emplace(wired.side->next_seq());
      EXPECT_TRUE(send(*wired.side.connection, *call, "question"));
    }
    arrives(0);
    arrives(1);
    EXPECT_EQ(wired.side->wait(*calls[1], Deadline::never()), WaitStatus::kDone);
  }

  void arrives(std::size_t i, Kind kind = Kind::kReply) {
    wired.arrives(kind, calls[i]->seq(), "answer " + std::to_string(i));
  }

  std::vector<std::string> visited() {
    std::vector<std::string> found;
    wired.side->visit_unread([&](const Call& call) { found.push_back(answer_of(call)); });
    std::ranges::sort(found);
    return found;
  }

  Wired wired;
  std::optional<Call> calls[3];
};

using Texts = std::vector<std::string>;

TEST_F(UnreadAnswersTest, EachIsVisitedOnce) {
  EXPECT_EQ(visited(), (Texts{"answer 0", "answer 1"}));
  EXPECT_EQ(visited(), Texts{});
  arrives(2);
  EXPECT_EQ(wired.side->wait(*calls[2], Deadline::never()), WaitStatus::kDone);
  EXPECT_EQ(visited(), Texts{"answer 2"});
}

TEST_F(UnreadAnswersTest, WhatWasTakenIsNotVisited) {
  wired.side->answer_taken(*calls[0]);
  EXPECT_EQ(visited(), Texts{"answer 1"});
  wired.side->answer_taken(*calls[1]);  // after the visit, as it must be allowed
}

TEST_F(UnreadAnswersTest, ACallThatDiesLeavesByItself) {
  calls[1].reset();
  EXPECT_EQ(visited(), Texts{"answer 0"});
}

TEST_F(UnreadAnswersTest, AnExceptionBringsNothingBack) {
  static_cast<void>(visited());
  arrives(2, Kind::kException);
  EXPECT_EQ(wired.side->wait(*calls[2], Deadline::never()), WaitStatus::kDone);
  EXPECT_EQ(visited(), Texts{});
}

TEST(UnreadAnswers, ACallMayOutliveItsConnection) {
  std::optional<Call> call;
  {
    Wired wired;
    call.emplace(wired.side->next_seq());
    ASSERT_TRUE(send(*wired.side.connection, *call, "question"));
    wired.arrives(Kind::kReply, call->seq(), "answer");
    ASSERT_EQ(wired.side->wait(*call, Deadline::never()), WaitStatus::kDone);
  }
  EXPECT_EQ(answer_of(*call), "answer");
}

}  // namespace
}  // namespace sinew::rpc
