#include "trace/relay.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <string>

#include "base/error.h"
#include "base/eventually.h"
#include "io/address.h"
#include "io/socket_stream.h"
#include "io/test_stream.h"

namespace sinew::trace {
namespace {

using Kind = Journal::Entry::Kind;

const Deadline kSoon = Deadline::after(std::chrono::seconds(20));

struct Place {
  Place() : listener(io::listen(io::Address::tcp("127.0.0.1", 0), 16)) {
    address = io::local_address(listener.get());
  }
  io::Fd listener;
  io::Address address;
};

io::SocketStream reach(const io::Address& address) {
  return io::SocketStream(io::connect(address, kSoon));
}

std::string read_all(io::Stream& stream, std::size_t size) {
  std::string all;
  while (all.size() < size) {
    const auto some = io::testing::read(stream, kSoon);
    if (!some) break;
    all += *some;
  }
  return all;
}

struct Wired {
  explicit Wired(RelayOptions options = {}) {
    Place place;
    here = place.address;
    relay = std::make_unique<Relay>(
        std::move(place.listener),
        [this] { return std::make_unique<io::SocketStream>(io::connect(target.address, kSoon)); },
        journal, options);
  }
  io::SocketStream accept() {
    return io::SocketStream(io::accept(target.listener.get(), kSoon).value());
  }
  std::vector<Journal::Entry> rest() {
    std::vector<Journal::Entry> all;
    while (auto entry = journal.take()) all.push_back(*std::move(entry));
    return all;
  }

  Place target;
  io::Address here;
  Journal journal{1 << 20};
  std::unique_ptr<Relay> relay;
};

TEST(Relay, PassesOnWhatBothSay) {
  Wired wired;
  {
    auto client = reach(wired.here);
    auto server = wired.accept();
    ASSERT_TRUE(io::testing::write(client, "no frame at all"));
    EXPECT_EQ(read_all(server, 15), "no frame at all");
    ASSERT_TRUE(io::testing::write(server, "nor this"));
    EXPECT_EQ(read_all(client, 8), "nor this");
    ::shutdown(client.descriptor(), SHUT_WR);
    EXPECT_EQ(io::testing::read(server, kSoon).error(), Errc::kEndOfStream);
    ASSERT_TRUE(io::testing::write(server, "bye"));
    EXPECT_EQ(read_all(client, 3), "bye") << "who has said his last may still listen";
  }
  const auto told = wired.rest();
  ASSERT_FALSE(told.empty()) << "without follow it is over with the first client";
  EXPECT_EQ(told[0].kind, Kind::kOpened);
  std::size_t from_client = 0;
  std::size_t from_server = 0;
  std::size_t ends = 0;
  for (const auto& entry : told) {
    (entry.from == Side::kClient ? from_client : from_server) += entry.piece.size;
    if (entry.kind == Kind::kEnded) ++ends;
  }
  EXPECT_EQ(from_client, 15u);
  EXPECT_EQ(from_server, 11u);
  EXPECT_EQ(ends, 2u);
}

TEST(Relay, ManyBytesPassUnchangedWhileNobodyReadsTheJournal) {
  Wired wired;
  auto client = reach(wired.here);
  auto server = wired.accept();
  std::string sent(std::size_t{8} << 20, '\0');
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 2654435761 >> 13);
  std::thread writing([&] {
    std::string_view left = sent;
    while (!left.empty()) {
      const auto taken = io::testing::write(client, left);
      if (taken) left.remove_prefix(*taken);
      if (!taken) static_cast<void>(client.wait({.writable = true}, kSoon));
    }
  });
  EXPECT_TRUE(read_all(server, sent.size()) == sent);
  writing.join();
}

TEST(Relay, WithFollowItGoesOn) {
  Wired wired({.follow = true});
  for (int i = 0; i < 3; ++i) {
    auto client = reach(wired.here);
    auto server = wired.accept();
    ASSERT_TRUE(io::testing::write(client, "x"));
    EXPECT_EQ(read_all(server, 1), "x");
  }
  wired.relay->stop();
  std::uint64_t last = 0;
  for (const auto& entry : wired.rest()) last = std::max(last, entry.connection);
  EXPECT_EQ(last, 3u);
}

TEST(Relay, StopEndsWhatIsUnderWay) {
  Wired wired({.follow = true});
  auto client = reach(wired.here);
  auto server = wired.accept();
  wired.relay->stop();
  EXPECT_EQ(io::testing::read(client, kSoon).error(), Errc::kEndOfStream);
  EXPECT_EQ(io::testing::read(server, kSoon).error(), Errc::kEndOfStream);
  wired.rest();
}

TEST(Relay, ATargetThatIsNotThereIsToldAndTheClientIsClosed) {
  Place place;
  Journal journal(1 << 20);
  Relay relay(
      std::move(place.listener),
      []() -> std::unique_ptr<io::Stream> {
        throw Error(Error::Kind::kDisconnected, "nobody is there");
      },
      journal);
  auto client = reach(place.address);
  EXPECT_FALSE(io::testing::read(client, kSoon));
  const auto told = journal.take();
  ASSERT_TRUE(told);
  EXPECT_EQ(told->kind, Kind::kRefused);
  EXPECT_EQ(told->text, "nobody is there");
  EXPECT_FALSE(journal.take());
}

TEST(Journal, DropsWhatNobodyReadsAndCountsIt) {
  Journal journal(4000);
  for (int i = 0; i < 100; ++i) {
    journal.add({.kind = Kind::kPiece,
                 .time = {},
                 .piece = {.size = 100, .bytes = std::vector<std::uint8_t>(100), .why = {}}});
  }
  journal.add({.kind = Kind::kEnded, .time = {}});
  journal.close();
  std::size_t pieces = 0;
  bool ended = false;
  while (const auto entry = journal.take()) {
    entry->kind == Kind::kEnded ? void(ended = true) : void(++pieces);
  }
  EXPECT_GT(pieces, 0u);
  EXPECT_EQ(pieces + journal.dropped(), 100u);
  EXPECT_TRUE(ended) << "ends are not dropped";
}

}  // namespace
}  // namespace sinew::trace
