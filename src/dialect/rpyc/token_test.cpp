#include "dialect/rpyc/token.h"

#include <gtest/gtest.h>

#include <numeric>
#include <thread>

#include <fmt/format.h>

#include "base/error.h"
#include "io/memory_stream.h"
#include "io/test_stream.h"

namespace sinew::dialect::rpyc {
namespace {

constexpr std::string_view kKey = "correct horse battery staple";

std::string hex(const Proof& proof) {
  std::string text;
  for (const std::uint8_t byte : proof) text += fmt::format("{:02x}", byte);
  return text;
}

Deadline soon() { return Deadline::after(std::chrono::seconds(20)); }

TEST(Token, ProofsAreThoseOfTheSpecification) {
  Nonce client;
  Nonce server;
  std::iota(client.begin(), client.end(), std::uint8_t{0});
  std::iota(server.begin(), server.end(), std::uint8_t{0x20});
  EXPECT_EQ(hex(token_proof(kKey, "client", client, server)),
            "7138c767baa2df54da345e72ae8de4cba857dc84ab9ebf5149a95c67c84491eb");
  EXPECT_EQ(hex(token_proof(kKey, "server", client, server)),
            "541e52bcb6e364ea904d1d6e7a1103423a5653867be7cc3453729337681f4b5e");
}

// What the server throws, and then what the client does; empty: nothing.
std::pair<std::string, std::string> meet(std::string_view servers, std::string_view clients,
                                         TokenTries& tries) {
  auto [here, there] = io::make_memory_pair();
  std::string said;
  std::thread server([&, stream = there.get()] {
    try {
      demand_token(*stream, servers, tries, "here", soon());
    } catch (const Error& error) {
      said = error.message();
    }
    stream->interrupt();
  });
  std::string got;
  try {
    prove_to_server(*here, clients, "there", soon());
  } catch (const Error& error) {
    got = error.message();
  }
  here->interrupt();
  server.join();
  return {said, got};
}

TEST(Token, TwoThatKnowItAgree) {
  TokenTries tries;
  EXPECT_EQ(meet(kKey, kKey, tries), (std::pair<std::string, std::string>()));
}

TEST(Token, AWrongOneIsRefusedAndCounted) {
  ManualClock clock;
  TokenTries tries(clock);
  const std::pair<std::string, std::string> wrong{"the token is wrong",
                                                  "there refuses: the token is wrong"};
  for (int i = 0; i < 10; ++i) EXPECT_EQ(meet(kKey, "another token of ours", tries), wrong);
  EXPECT_NE(meet(kKey, kKey, tries).second.find("wait a while"), std::string::npos)
      << "a right one, too";
  clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(meet(kKey, kKey, tries).second, "");
}

TEST(Token, ManySourcesShareACount) {
  ManualClock clock;
  TokenTries tries(clock);
  const auto wrong = [] { return false; };
  for (std::size_t i = 0; i < TokenTries::kMostSources; ++i) {
    EXPECT_EQ(tries.judge(std::to_string(i), wrong), TokenTries::Verdict::kWrong);
  }
  for (int i = 0; i < 9; ++i) {
    EXPECT_EQ(tries.judge("new" + std::to_string(i), wrong), TokenTries::Verdict::kWrong);
  }
  EXPECT_EQ(tries.judge("yet another", wrong), TokenTries::Verdict::kWrong);
  EXPECT_EQ(tries.judge("and one", wrong), TokenTries::Verdict::kWait);
  clock.advance(std::chrono::seconds(2));
  EXPECT_EQ(tries.judge("and one", wrong), TokenTries::Verdict::kWrong) << "there is room again";
}

// What a server says to bytes that are no hello.
std::string answer_to(std::string_view bytes) {
  auto [here, there] = io::make_memory_pair();
  TokenTries tries;
  EXPECT_TRUE(io::testing::write(*here, bytes));
  std::thread server([&, stream = there.get()] {
    EXPECT_THROW(demand_token(*stream, kKey, tries, "here", soon()), Error);
    stream->interrupt();
  });
  const auto said = io::testing::read(*here, soon());
  here->interrupt();
  server.join();
  return said.value_or("");
}

TEST(Token, TheFirstWrongByteIsRefused) {
  EXPECT_EQ(answer_to(std::string_view("\0\0\0\x2e", 4)),
            "SINEW-REFUSED this server wants a token\n");
  EXPECT_EQ(answer_to("GET / HTTP/1.1\r\n"), "SINEW-REFUSED this server wants a token\n");
}

TEST(Token, AProofIsNotShownBack) {
  auto [here, there] = io::make_memory_pair();
  std::string got;
  std::thread client([&, stream = here.get()] {
    try {
      prove_to_server(*stream, kKey, "there", soon());
    } catch (const Error& error) {
      got = error.message();
    }
  });
  const std::string hello = io::testing::read(*there, soon()).value_or("");
  ASSERT_EQ(hello.size(), 51u);
  ASSERT_TRUE(io::testing::write(*there, "SINEW-TOKEN 1" + hello.substr(18, 32) + "\n"));
  const std::string proof = io::testing::read(*there, soon()).value_or("");
  ASSERT_EQ(proof.size(), 32u);
  ASSERT_TRUE(io::testing::write(*there, "SINEW-TOKEN 1" + proof + "\n"));
  client.join();
  EXPECT_EQ(got, "there does not know the token: it may not be your server");
}

TEST(Token, WhoSaysNothingIsNotWaitedFor) {
  auto [here, there] = io::make_memory_pair();
  TokenTries tries;
  EXPECT_THROW(demand_token(*there, kKey, tries, "here", Deadline::after(Duration::zero())), Error);
  EXPECT_THROW(prove_to_server(*here, kKey, "there", Deadline::after(Duration::zero())), Error);
}

}  // namespace
}  // namespace sinew::dialect::rpyc
