// What TLS costs: bytes a second one way, and a byte there and back, over TCP on the loopback
// device between two processes, plain and with TLS in turn.
//
//     tls_bench [rounds] [megabytes of each run]
//
// One JSON line: the best of the rounds, in MB/s and in microseconds.

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "io/address.h"
#include "io/socket_stream.h"
#include "io/test_tls.h"

namespace sinew::io {
namespace {

constexpr std::size_t kBlock = std::size_t{1} << 20;
constexpr int kRoundTrips = 20'000;

[[noreturn]] void give_up(const Stream& stream) {
  std::fprintf(stderr, "%s\n", stream.last_error().c_str());
  std::exit(1);
}

void send_all(Stream& stream, ByteView bytes) {
  while (!bytes.empty()) {
    const iovec piece{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
    const auto count = stream.try_write({&piece, 1});
    if (count) {
      bytes = bytes.subspan(*count);
    } else if (count.error() != Errc::kWouldBlock ||
               !stream.wait({.readable = false, .writable = true}, Deadline::never())) {
      give_up(stream);
    }
  }
}

void receive_all(Stream& stream, MutableByteView bytes) {
  while (!bytes.empty()) {
    const auto count = stream.read(bytes, 1, Deadline::never());
    if (!count) give_up(stream);
    bytes = bytes.subspan(*count);
  }
}

std::unique_ptr<Stream> over(Fd socket, bool tls, const TlsOptions& options) {
  auto plain = std::make_unique<SocketStream>(std::move(socket));
  if (!tls) return plain;
  auto stream = std::make_unique<TlsStream>(
      std::move(plain), std::make_shared<const TlsContext>(options), "localhost");
  if (!stream->handshake(Deadline::never())) give_up(*stream);
  return stream;
}

// The other process: takes the blocks, acknowledges the last, then sends back each byte.
[[noreturn]] void serve(int listener, bool tls, std::size_t blocks) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const auto stream = over(*accept(listener, Deadline::never()), tls, testing::server_options());
  std::vector<std::uint8_t> block(kBlock);
  for (std::size_t i = 0; i < blocks; ++i) receive_all(*stream, block);
  for (int i = 0; i <= kRoundTrips; ++i) {
    send_all(*stream, ByteView(block).first(1));
    if (i < kRoundTrips) receive_all(*stream, MutableByteView(block).first(1));
  }
  ::_exit(0);
}

struct Figures {
  double megabytes_a_second = 0;
  double microseconds = 1e9;
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void measure(bool tls, std::size_t blocks, Figures& best) {
  const Fd listener = listen(Address::tcp("127.0.0.1", 0), 1);
  const pid_t child = ::fork();
  if (child == 0) serve(listener.get(), tls, blocks);
  const auto stream = over(connect(local_address(listener.get()), Deadline::never()), tls,
                           testing::client_options());
  std::vector<std::uint8_t> block(kBlock, 'x');
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < blocks; ++i) send_all(*stream, block);
  receive_all(*stream, MutableByteView(block).first(1));
  best.megabytes_a_second =
      std::max(best.megabytes_a_second, static_cast<double>(blocks) / seconds_since(start));
  const auto middle = std::chrono::steady_clock::now();
  for (int i = 0; i < kRoundTrips; ++i) {
    send_all(*stream, ByteView(block).first(1));
    receive_all(*stream, MutableByteView(block).first(1));
  }
  best.microseconds = std::min(best.microseconds, seconds_since(middle) * 1e6 / kRoundTrips);
  ::waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace sinew::io

int main(int argc, char** argv) {
  using namespace sinew::io;
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 5;
  const std::size_t blocks = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 512;
  static_cast<void>(testing::certificates());  // before the first fork
  Figures plain;
  Figures tls;
  for (int i = 0; i < rounds; ++i) {
    measure(false, blocks, plain);
    measure(true, blocks, tls);
  }
  fmt::print(
      "{{\"plain_MB_s\": {:.0f}, \"tls_MB_s\": {:.0f}, \"plain_us\": {:.1f}, \"tls_us\": "
      "{:.1f}}}\n",
      plain.megabytes_a_second, tls.megabytes_a_second, plain.microseconds, tls.microseconds);
}
