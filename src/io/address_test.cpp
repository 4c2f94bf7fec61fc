#include "io/address.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/error.h"
#include "base/eventually.h"

namespace sinew::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Deadline patient() { return Deadline::after(seconds(30)); }

// The error of an attempt to connect or to listen.
template <class Attempt>
Error error_of(Attempt attempt) {
  try {
    attempt();
  } catch (const Error& error) {
    return error;
  }
  return {Error::Kind::kUnsupported, "nothing was thrown"};
}

std::string scratch_path() {
  return (std::filesystem::temp_directory_path() /
          ("sinew-address-test-" + std::to_string(::getpid())))
      .string();
}

TEST(Address, ReadsAsText) {
  EXPECT_EQ(Address::tcp("127.0.0.1", 18812).to_text(), "127.0.0.1:18812");
  EXPECT_EQ(Address::tcp("::1", 18812).to_text(), "[::1]:18812");
  EXPECT_EQ(Address::unix_socket("/run/x").to_text(), "unix:/run/x");
}

TEST(Address, ListensOnAFreePortAndAccepts) {
  const Fd listener = listen(Address::tcp("127.0.0.1", 0), 4);
  const Address where = local_address(listener.get());
  EXPECT_EQ(where.host, "127.0.0.1");
  EXPECT_NE(where.port, 0);
  const Fd client = connect(where, patient());
  const auto accepted = accept(listener.get(), patient());
  ASSERT_TRUE(accepted);
  EXPECT_EQ(describe_socket(client.get()).find("127.0.0.1:"), 0u);
  EXPECT_NE(describe_socket(client.get()).find(where.to_text()), std::string::npos);
}

TEST(Address, ANameIsResolved) {
  const Fd listener = listen(Address::tcp("localhost", 0), 4);
  EXPECT_TRUE(connect(Address::tcp("localhost", local_address(listener.get()).port), patient()));
}

TEST(Address, ListensOnAUnixPathThatADeadServerLeft) {
  const Address where = Address::unix_socket(scratch_path());
  static_cast<void>(listen(where, 1));  // dead at once; the path stays
  const Fd listener = listen(where, 1);
  EXPECT_TRUE(connect(where, patient()));
  EXPECT_EQ(local_address(listener.get()).path, where.path);
  std::filesystem::remove(where.path);
}

TEST(Address, AUnixPathOfALivingServerOrOfAnotherFileIsLeftAlone) {
  const Address where = Address::unix_socket(scratch_path());
  {
    const Fd living = listen(where, 4);
    EXPECT_EQ(error_of([&] { static_cast<void>(listen(where, 1)); }).kind(), Error::Kind::kFailed);
    EXPECT_TRUE(connect(where, patient()));
  }
  std::filesystem::remove(where.path);
  std::ofstream(where.path) << "precious";
  EXPECT_EQ(error_of([&] { static_cast<void>(listen(where, 1)); }).kind(), Error::Kind::kFailed);
  EXPECT_TRUE(std::filesystem::exists(where.path));
  std::filesystem::remove(where.path);
}

TEST(Address, AnAbstractUnixNameNeedsNoFile) {
  const Address where =
      Address::unix_socket(std::string(1, '\0') + "sinew-abstract-" + std::to_string(::getpid()));
  const Fd listener = listen(where, 1);
  EXPECT_TRUE(connect(where, patient()));
}

TEST(Address, AConnectionToNobodyIsRefused) {
  Address nobody;
  {
    const Fd listener = listen(Address::tcp("127.0.0.1", 0), 1);
    nobody = local_address(listener.get());
  }
  const Error error = error_of([&] { static_cast<void>(connect(nobody, patient())); });
  EXPECT_EQ(error.kind(), Error::Kind::kDisconnected);
  EXPECT_NE(error.message().find(nobody.to_text()), std::string::npos) << error.message();
  EXPECT_EQ(error_of([] {
              static_cast<void>(connect(Address::unix_socket("/no/such/socket"), patient()));
            }).kind(),
            Error::Kind::kDisconnected);
}

TEST(Address, AnUnknownHostIsSaidToBeOne) {
  const Error error = error_of(
      [] { static_cast<void>(connect(Address::tcp("no-such-host.invalid", 1), patient())); });
  EXPECT_EQ(error.kind(), Error::Kind::kFailed);
  EXPECT_NE(error.message().find("no-such-host.invalid"), std::string::npos);
}

TEST(Address, AConnectionAttemptEndsAtItsDeadline) {
  // A full backlog makes the kernel ignore further attempts.
  const Fd listener = listen(Address::tcp("127.0.0.1", 0), 0);
  const Address where = local_address(listener.get());
  std::vector<Fd> fillers;
  Error error(Error::Kind::kUnsupported, "");
  while (error.kind() == Error::Kind::kUnsupported && fillers.size() < 10) {
    try {
      fillers.push_back(connect(where, Deadline::after(milliseconds(20))));
    } catch (const Error& thrown) {
      error = thrown;
    }
  }
  EXPECT_EQ(error.kind(), Error::Kind::kTimedOut) << error.message();
}

TEST(Address, APathThatIsTooLongIsRefused) {
  const Error error =
      error_of([] { static_cast<void>(listen(Address::unix_socket(std::string(200, 'x')), 1)); });
  EXPECT_EQ(error.kind(), Error::Kind::kFailed);
  EXPECT_NE(error.message().find("200"), std::string::npos);
}

TEST(Address, APortInUseIsRefused) {
  const Fd listener = listen(Address::tcp("127.0.0.1", 0), 1);
  const Address taken = local_address(listener.get());
  EXPECT_EQ(error_of([&] { static_cast<void>(listen(taken, 1)); }).kind(), Error::Kind::kFailed);
}

TEST(Address, AcceptEndsAtItsDeadline) {
  const Fd listener = listen(Address::tcp("127.0.0.1", 0), 1);
  EXPECT_EQ(accept(listener.get(), Deadline::after(milliseconds(2))).error(), Errc::kTimedOut);
}

TEST(Address, AcceptIsWokenByTheListenersShutdown) {
  for (const bool tcp : {true, false}) {
    const Fd listener =
        listen(tcp ? Address::tcp("127.0.0.1", 0) : Address::unix_socket(scratch_path()), 1);
    std::thread accepting(
        [&] { EXPECT_EQ(accept(listener.get(), Deadline::never()).error(), Errc::kEndOfStream); });
    ::shutdown(listener.get(), SHUT_RDWR);
    accepting.join();
  }
  std::filesystem::remove(scratch_path());
}

TEST(Address, ASignalInterruptsAccept) {
  const InterruptingSignal signal;
  const Fd listener = listen(Address::tcp("127.0.0.1", 0), 1);
  std::atomic<bool> left{false};
  std::thread accepting([&] {
    EXPECT_EQ(accept(listener.get(), Deadline::never()).error(), Errc::kInterrupted);
    left.store(true);
  });
  EXPECT_TRUE(eventually([&] {
    if (!left.load()) signal.send_to(accepting);
    return left.load();
  }));
  accepting.join();
}

TEST(Fd, OwnsItsDescriptor) {
  int raw = -1;
  {
    const Fd listener = listen(Address::tcp("127.0.0.1", 0), 1);
    raw = listener.get();
    EXPECT_TRUE(listener);
  }
  struct stat unused = {};
  EXPECT_NE(::fstat(raw, &unused), 0);
  Fd one(listen(Address::tcp("127.0.0.1", 0), 1).release());
  Fd two = std::move(one);
  EXPECT_FALSE(one);  // NOLINT(bugprone-use-after-move): what is left is the test
  EXPECT_TRUE(two);
  two.reset();
  EXPECT_FALSE(two);
}

}  // namespace
}  // namespace sinew::io
