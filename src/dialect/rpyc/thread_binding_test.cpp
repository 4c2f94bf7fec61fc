#include "dialect/rpyc/thread_binding.h"

#include <thread>

#include <gtest/gtest.h>

namespace sinew::dialect::rpyc {
namespace {

TEST(ThreadBinding, IsReadAsItWasWritten) {
  Writer out;
  write_thread_binding(out, {.sender = 0x00007fe5425092c0, .recipient = 7});
  out.append(as_bytes("x"));
  const auto read = read_thread_binding(out.copied());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->sender, 0x00007fe5425092c0u);
  EXPECT_EQ(read->recipient, 7u);
}

TEST(ThreadBinding, WithoutAMessageIsTruncated) {
  Writer out;
  write_thread_binding(out, {});
  EXPECT_EQ(read_thread_binding(out.copied()).error(), Errc::kTruncated);
  EXPECT_EQ(read_thread_binding({}).error(), Errc::kTruncated);
}

TEST(ThreadBinding, AThreadThatServesNothingSpeaksForItselfToAnybody) {
  const int connection = 0;
  const ThreadBinding here = binding_for_sending(&connection);
  EXPECT_NE(here.sender, 0u);
  EXPECT_EQ(here.recipient, 0u);
  ThreadBinding there;
  std::thread([&] { there = binding_for_sending(&connection); }).join();
  EXPECT_NE(there.sender, here.sender);
}

TEST(ThreadBinding, WhileServingItAnswersWhoAsked) {
  const int one = 0;
  const int other = 0;
  const ServingBound outer(&one, {.sender = 11, .recipient = 0});
  EXPECT_EQ(binding_for_sending(&one).recipient, 11u);
  EXPECT_EQ(binding_for_sending(&one).sender, binding_for_sending(&other).sender);
  EXPECT_EQ(binding_for_sending(&other).recipient, 0u);
  {
    const ServingBound inner(&one, {.sender = 12, .recipient = 5});
    EXPECT_EQ(binding_for_sending(&one).sender, 5u);
    EXPECT_EQ(binding_for_sending(&one).recipient, 12u);
  }
  EXPECT_EQ(binding_for_sending(&one).recipient, 11u);
}

}  // namespace
}  // namespace sinew::dialect::rpyc
