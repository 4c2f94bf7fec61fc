#include "io/socket_stream.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>

#include "base/eventually.h"
#include "io/address.h"
#include "io/test_stream.h"

namespace sinew::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::read;
using testing::write;

Deadline soon() { return Deadline::after(milliseconds(2)); }

enum class Kind { kTcp, kUnix };

/// Two connected sockets over the loopback device or a Unix path.
class SocketStreamTest : public ::testing::TestWithParam<Kind> {
 protected:
  SocketStreamTest() {
    const Address wanted =
        GetParam() == Kind::kTcp
            ? Address::tcp("127.0.0.1", 0)
            : Address::unix_socket(std::string("\0sinew-", 7) + std::to_string(::getpid()));
    const Fd listener = listen(wanted, 1);
    Fd near = connect(GetParam() == Kind::kTcp ? local_address(listener.get()) : wanted,
                      Deadline::after(seconds(30)));
    Fd far = *accept(listener.get(), Deadline::after(seconds(30)));
    near_ = std::make_unique<SocketStream>(std::move(near));
    far_ = std::make_unique<SocketStream>(std::move(far));
  }

  static Result<std::size_t> try_read(Stream& stream) {
    std::uint8_t bytes[1000];
    return stream.try_read(bytes, 1);
  }
  static void fill(Stream& stream) {
    const std::string text(100000, 'x');
    while (write(stream, text)) {
    }
  }

  std::unique_ptr<SocketStream> near_;
  std::unique_ptr<SocketStream> far_;
};

TEST_P(SocketStreamTest, BytesGoBothWays) {
  EXPECT_EQ(write(*near_, "hello"), 5u);
  EXPECT_EQ(read(*far_, Deadline::never()), "hello");
  EXPECT_EQ(write(*far_, "world"), 5u);
  EXPECT_EQ(read(*near_, Deadline::after(seconds(30))), "world");
}

TEST_P(SocketStreamTest, PiecesLeaveInOrderInOneWrite) {
  const iovec pieces[] = {{const_cast<char*>("one "), 4}, {const_cast<char*>("two"), 3}};
  EXPECT_EQ(near_->try_write(pieces), 7u);
  EXPECT_EQ(read(*far_, Deadline::never()), "one two");
}

TEST_P(SocketStreamTest, NothingToReadIsNoError) {
  EXPECT_EQ(try_read(*near_).error(), Errc::kWouldBlock);
  ASSERT_TRUE(write(*far_, "x"));
  EXPECT_TRUE(eventually([&] { return try_read(*near_).has_value(); }));
}

TEST_P(SocketStreamTest, AReadEndsAtItsDeadline) {
  EXPECT_EQ(read(*near_, Deadline::after(Duration::zero())).error(), Errc::kTimedOut);
  EXPECT_EQ(read(*near_, soon()).error(), Errc::kTimedOut);
  // Long enough for SO_RCVTIMEO, which ends a little earlier; the rest is waited for in poll.
  const Deadline deadline = Deadline::after(milliseconds(250));
  EXPECT_EQ(read(*near_, deadline).error(), Errc::kTimedOut);
  EXPECT_TRUE(deadline.passed());
}

TEST_P(SocketStreamTest, AReadWithoutADeadlineHasNoTimeoutLeftFromTheOneBefore) {
  EXPECT_EQ(read(*near_, Deadline::after(milliseconds(210))).error(), Errc::kTimedOut);
  std::atomic<bool> reading{false};
  std::thread reader([&] {
    reading.store(true);
    EXPECT_EQ(read(*near_, Deadline::never()), "late");
  });
  ASSERT_TRUE(eventually([&] { return reading.load(); }));
  const Deadline beyond_the_old_timeout = Deadline::after(milliseconds(300));
  ASSERT_TRUE(eventually([&] { return beyond_the_old_timeout.passed(); }));
  ASSERT_TRUE(write(*far_, "late"));
  reader.join();
}

TEST_P(SocketStreamTest, AFullStreamWouldBlockAndIsWritableAgainOnceRead) {
  fill(*near_);
  EXPECT_EQ(write(*near_, "x").error(), Errc::kWouldBlock);
  EXPECT_EQ(near_->wait({.readable = true, .writable = true}, soon()).error(), Errc::kTimedOut);
  std::thread reader([&] {
    while (read(*far_, Deadline::after(milliseconds(500)))) {
    }
  });
  const auto ready =
      near_->wait({.readable = false, .writable = true}, Deadline::after(seconds(30)));
  EXPECT_TRUE(ready && ready->writable && !ready->readable);
  reader.join();
}

TEST_P(SocketStreamTest, WaitTellsWhichDirectionIsReady) {
  const auto room = near_->wait({.readable = true, .writable = true}, Deadline::never());
  EXPECT_TRUE(room && room->writable && !room->readable);
  ASSERT_TRUE(write(*far_, "x"));
  const auto input = near_->wait({.readable = true, .writable = false}, Deadline::never());
  EXPECT_TRUE(input && input->readable && !input->writable);
}

TEST_P(SocketStreamTest, TheEndIsSeenBehindTheLastByte) {
  ASSERT_TRUE(write(*far_, "last"));
  far_.reset();
  EXPECT_EQ(read(*near_, Deadline::never()), "last");
  EXPECT_EQ(read(*near_, Deadline::never()).error(), Errc::kEndOfStream);
  EXPECT_EQ(near_->last_error(), "");
}

TEST_P(SocketStreamTest, WritingToAClosedPeerIsAnErrorAndNoSignal) {
  far_.reset();
  EXPECT_TRUE(eventually([&] {
    const auto written = write(*near_, "x");
    return !written && written.error() == Errc::kConnectionReset;
  }));
  EXPECT_NE(near_->last_error(), "");
}

TEST_P(SocketStreamTest, InterruptWakesTheReaderAndThePeer) {
  std::thread reader(
      [&] { EXPECT_EQ(read(*near_, Deadline::never()).error(), Errc::kEndOfStream); });
  std::thread waiter([&] { EXPECT_TRUE(near_->wait({.readable = true}, Deadline::never())); });
  near_->interrupt();
  reader.join();
  waiter.join();
  EXPECT_EQ(read(*far_, Deadline::never()).error(), Errc::kEndOfStream);
}

TEST_P(SocketStreamTest, ASignalInterruptsAReadAndAWait) {
  const InterruptingSignal signal;
  for (const bool blocking_read : {true, false}) {
    std::atomic<bool> left{false};
    std::thread reader([&] {
      const Errc errc = blocking_read ? read(*near_, Deadline::never()).error()
                                      : near_->wait({.readable = true}, Deadline::never()).error();
      EXPECT_EQ(errc, Errc::kInterrupted);
      left.store(true);
    });
    EXPECT_TRUE(eventually([&] {
      if (!left.load()) signal.send_to(reader);
      return left.load();
    }));
    reader.join();
  }
}

TEST_P(SocketStreamTest, ANonBlockingDescriptorWorksToo) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
  SocketStream one{Fd(ends[0])};
  SocketStream two{Fd(ends[1])};
  EXPECT_EQ(read(one, soon()).error(), Errc::kTimedOut);
  std::thread writer([&] { ASSERT_TRUE(write(two, "x")); });
  EXPECT_EQ(read(one, Deadline::never()), "x");
  writer.join();
}

TEST_P(SocketStreamTest, DescribesItsEndsAndShowsItsDescriptor) {
  EXPECT_NE(near_->describe().find(GetParam() == Kind::kTcp ? "127.0.0.1:" : "unix:"),
            std::string::npos)
      << near_->describe();
  EXPECT_GE(near_->descriptor(), 0);
  near_->hasten_acknowledgement();
}

INSTANTIATE_TEST_SUITE_P(Loopback, SocketStreamTest, ::testing::Values(Kind::kTcp, Kind::kUnix),
                         [](const auto& parameter) {
                           return parameter.param == Kind::kTcp ? "Tcp" : "Unix";
                         });

}  // namespace
}  // namespace sinew::io
