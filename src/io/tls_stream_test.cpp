#include "io/tls_stream.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <thread>

#include "base/error.h"
#include "io/memory_stream.h"
#include "io/openssl.h"
#include "io/socket_stream.h"
#include "io/test_stream.h"
#include "io/test_tls.h"

namespace sinew::io {

/// Has OpenSSL do what no program of ours asks of it.
struct TlsTestAccess {
  static void ask_for_new_keys(TlsStream& stream) {
    const std::scoped_lock lock(stream.mutex_);
    ASSERT_EQ(OpenSsl::get().SSL_key_update(stream.ssl_, SSL_KEY_UPDATE_REQUESTED), 1);
  }
};

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::client_options;
using testing::read;
using testing::server_options;
using testing::TlsPair;
using testing::write;

using Streams = std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>>;

Deadline in_time() { return Deadline::after(seconds(20)); }
Deadline soon() { return Deadline::after(milliseconds(5)); }

Streams socket_pair() {
  int ends[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  return {std::make_unique<SocketStream>(Fd(ends[0])), std::make_unique<SocketStream>(Fd(ends[1]))};
}

Streams one_byte_pair() {
  auto [near, far] = make_memory_pair(7);
  return {std::make_unique<testing::OneByteStream>(std::move(near)),
          std::make_unique<testing::OneByteStream>(std::move(far))};
}

struct Over {
  const char* name;
  Streams (*make)();
};

class TlsOver : public ::testing::TestWithParam<Over> {
 protected:
  TlsPair pair{GetParam().make(), client_options(), server_options()};
};

INSTANTIATE_TEST_SUITE_P(Streams, TlsOver,
                         ::testing::Values(Over{"memory", [] { return make_memory_pair(); }},
                                           Over{"sockets", &socket_pair},
                                           Over{"single_bytes", &one_byte_pair}),
                         [](const auto& param) { return param.param.name; });

// Writes all of it, waiting where there is no room.
void write_all(Stream& stream, std::string_view text) {
  while (!text.empty()) {
    const auto count = write(stream, text);
    if (count) {
      text.remove_prefix(*count);
    } else {
      ASSERT_EQ(count.error(), Errc::kWouldBlock) << stream.last_error();
      ASSERT_TRUE(stream.wait({.readable = false, .writable = true}, in_time()));
    }
  }
}

std::string read_all(Stream& stream, std::size_t size) {
  std::string text;
  while (text.size() < size) {
    const auto piece = read(stream, in_time());
    if (!piece) {
      ADD_FAILURE() << describe(piece.error()) << ": " << stream.last_error();
      break;
    }
    text += *piece;
  }
  return text;
}

TEST_P(TlsOver, BytesGoBothWays) {
  const auto [of_client, of_server] = pair.shake_hands();
  ASSERT_TRUE(of_client) << pair.client.last_error();
  ASSERT_TRUE(of_server) << pair.server.last_error();
  std::string text(40'000, ' ');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i % 26);
  std::thread writer([&] { write_all(pair.client, text); });
  EXPECT_EQ(read_all(pair.server, text.size()), text);
  writer.join();
  std::thread answerer([&] { write_all(pair.server, "answer"); });
  EXPECT_EQ(read_all(pair.client, 6), "answer");
  answerer.join();
}

TEST_P(TlsOver, AnOrderlyEndIsOne) {
  ASSERT_TRUE(pair.shake_hands().second);
  std::thread closer([&] {
    write_all(pair.client, "last words");
    pair.client.interrupt();
  });
  EXPECT_EQ(read_all(pair.server, 10), "last words");
  closer.join();
  const auto end = read(pair.server, in_time());
  // Over seven bytes of memory the farewell has no room, and nobody waits for it.
  const bool has_room = std::string(GetParam().name) != "single_bytes";
  EXPECT_EQ(end.error(), has_room ? Errc::kEndOfStream : Errc::kConnectionReset);
  EXPECT_EQ(read(pair.client, in_time()).error(), Errc::kEndOfStream);
}

TEST_P(TlsOver, NewKeysAfterTheHandshakeAreNoticedByNobody) {
  ASSERT_TRUE(pair.shake_hands().second);
  for (int round = 0; round < 3; ++round) {
    TlsTestAccess::ask_for_new_keys(pair.client);
    std::thread writer([&] { write_all(pair.client, "question"); });
    EXPECT_EQ(read_all(pair.server, 8), "question");
    writer.join();
    std::thread answerer([&] { write_all(pair.server, "answer"); });
    EXPECT_EQ(read_all(pair.client, 6), "answer");
    answerer.join();
  }
}

TEST_P(TlsOver, ASilentPeerEndsTheHandshakeAtTheDeadlineAndItGoesOnLater) {
  EXPECT_EQ(pair.server.handshake(soon()).error(), Errc::kTimedOut);
  const auto [of_client, of_server] = pair.shake_hands();
  EXPECT_TRUE(of_client && of_server);
}

// ---------------------------------------------------------------------------------------------

TEST(TlsStream, TicketsBehindTheHandshakeAreNotData) {
  TlsOptions tickets = server_options();
  TlsPair pair(socket_pair(), client_options(), tickets);
  ASSERT_EQ(OpenSsl::get().SSL_CTX_set_num_tickets(pair.server_context->get(), 4), 1);
  ASSERT_TRUE(pair.shake_hands().first);
  EXPECT_EQ(read(pair.client, soon()).error(), Errc::kTimedOut);
  write_all(pair.server, "data");
  EXPECT_EQ(read(pair.client, in_time()), "data");
}

TEST(TlsStream, WhatItHoldsIsNotForgottenByAWait) {
  TlsPair pair(socket_pair(), client_options(), server_options());
  ASSERT_TRUE(pair.shake_hands().first);
  EXPECT_EQ(read(pair.client, soon()).error(), Errc::kTimedOut);
  EXPECT_FALSE(pair.client.has_buffered());
  write_all(pair.server, "ten bytes.and more");
  std::uint8_t some[10];
  ASSERT_EQ(pair.client.read(some, 1, in_time()), 10u);
  pollfd raw{.fd = pair.client.descriptor(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&raw, 1, 0), 0) << "the descriptor has nothing left";
  EXPECT_TRUE(pair.client.has_buffered());
  const auto ready = pair.client.wait({.readable = true, .writable = false}, soon());
  EXPECT_TRUE(ready && ready->readable);
  EXPECT_EQ(read(pair.client, soon()), "and more");
  EXPECT_EQ(read(pair.client, soon()).error(), Errc::kTimedOut);
  EXPECT_FALSE(pair.client.has_buffered());
}

// A frame of these tests: its length in one byte, and what follows.
constexpr Framing kFraming{.header_size = 1,
                           .frame_size = [](const std::uint8_t* header) noexcept -> std::size_t {
                             return std::size_t{1} + *header;
                           }};

// The sizes of the contents of the records that are on their way to `raw`.
std::vector<std::size_t> records_at(Stream& raw) {
  constexpr std::size_t kMacAndType = 17;
  std::string bytes;
  while (const auto more = read(raw, soon())) bytes += *more;
  std::vector<std::size_t> sizes;
  for (std::size_t at = 0; at + 5 <= bytes.size();) {
    const std::size_t length =
        static_cast<std::uint8_t>(bytes[at + 3]) * 256u + static_cast<std::uint8_t>(bytes[at + 4]);
    sizes.push_back(length - kMacAndType);
    at += 5 + length;
  }
  return sizes;
}

TEST(TlsStream, FramesShareNoRecordWhereTheyAreToBeKeptApart) {
  for (const bool apart : {false, true}) {
    auto streams = make_memory_pair();
    Stream& raw = *streams.second;
    TlsPair pair(std::move(streams), client_options(), server_options());
    ASSERT_TRUE(pair.shake_hands().first);
    if (apart) pair.client.keep_frames_apart(kFraming);
    // Frames of 4, 1 and 3 bytes, the last of them in two pieces and two writes.
    write_all(pair.client, std::string("\3abc\0\2x", 7));
    write_all(pair.client, "y");
    const std::vector<std::size_t> expected =
        apart ? std::vector<std::size_t>{4, 1, 2, 1} : std::vector<std::size_t>{7, 1};
    EXPECT_EQ(records_at(raw), expected);
  }
}

TEST(TlsStream, ACutConnectionIsNoOrderlyEnd) {
  auto streams = socket_pair();
  const int raw = streams.second->descriptor();
  TlsPair pair(std::move(streams), client_options(), server_options());
  ASSERT_TRUE(pair.shake_hands().first);
  write_all(pair.server, "half of it");
  ::shutdown(raw, SHUT_RDWR);
  EXPECT_EQ(read(pair.client, in_time()), "half of it");
  EXPECT_EQ(read(pair.client, in_time()).error(), Errc::kConnectionReset);
  EXPECT_NE(pair.client.last_error().find("cut short"), std::string::npos);
}

TEST(TlsStream, AChangedByteIsSeen) {
  auto streams = make_memory_pair();
  Stream& wire = *streams.first;
  TlsPair pair(std::move(streams), client_options(), server_options());
  ASSERT_TRUE(pair.shake_hands().first);
  write(wire, std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x'));
  EXPECT_EQ(read(pair.server, in_time()).error(), Errc::kConnectionReset);
  EXPECT_EQ(pair.server.last_error(), "decryption failed or bad record mac");
}

TEST(TlsStream, AnotherHostIsRefusedAndBothSidesSayWhy) {
  TlsPair pair(socket_pair(), client_options(), server_options(), "lab.example.org");
  const auto [of_client, of_server] = pair.shake_hands();
  EXPECT_EQ(of_client.error(), Errc::kConnectionReset);
  EXPECT_EQ(of_server.error(), Errc::kConnectionReset);
  EXPECT_EQ(pair.client.last_error(),
            "host name mismatch, certificate is not valid for 'lab.example.org'");
  EXPECT_EQ(pair.client.verify_error(), X509_V_ERR_HOSTNAME_MISMATCH);
  EXPECT_NE(pair.server.last_error().find("alert bad certificate"), std::string::npos)
      << pair.server.last_error();
}

TEST(TlsStream, AnAddressIsCheckedAsAHostIs) {
  EXPECT_TRUE(
      TlsPair(socket_pair(), client_options(), server_options(), "127.0.0.1").shake_hands().first);
  EXPECT_FALSE(
      TlsPair(socket_pair(), client_options(), server_options(), "127.0.0.2").shake_hands().first);
  TlsOptions any_host = client_options();
  any_host.check_host_name = false;
  EXPECT_TRUE(TlsPair(socket_pair(), any_host, server_options(), "127.0.0.2").shake_hands().first);
}

TEST(TlsStream, AStrangersCertificateIsRefusedUnlessNobodyAsks) {
  TlsOptions stranger = server_options();
  stranger.certificate_file = testing::certificates().certificate("stranger");
  stranger.key_file = testing::certificates().key("stranger");
  TlsPair pair(socket_pair(), client_options(), stranger);
  const auto [of_client, of_server] = pair.shake_hands();
  EXPECT_FALSE(of_client || of_server);
  EXPECT_EQ(pair.client.last_error(), "self-signed certificate");
  EXPECT_NE(pair.server.last_error().find("alert unknown ca"), std::string::npos);
  TlsOptions trusting = client_options();
  trusting.verify = TlsOptions::Verify::kNone;
  EXPECT_TRUE(TlsPair(socket_pair(), trusting, stranger).shake_hands().first);
}

TlsOptions demanding_server() {
  TlsOptions options = server_options();
  options.verify = TlsOptions::Verify::kRequired;
  options.ca_file = testing::certificates().certificate("authority");
  return options;
}

TEST(TlsStream, AClientThatShowsNothingHearsWhy) {
  TlsPair pair(socket_pair(), client_options(), demanding_server());
  const auto [of_client, of_server] = pair.shake_hands();
  EXPECT_FALSE(of_server);
  EXPECT_EQ(pair.server.last_error(), "peer did not return a certificate");
  // With TLS 1.3 the client is done before the server has looked.
  EXPECT_TRUE(of_client);
  EXPECT_EQ(read(pair.client, in_time()).error(), Errc::kConnectionReset);
  EXPECT_EQ(pair.client.last_error(), "tlsv13 alert certificate required");
}

TEST(TlsStream, AWriteToAPeerThatHasLeftSaysWhyItLeft) {
  TlsPair pair(socket_pair(), client_options(), demanding_server());
  const auto [of_client, of_server] = pair.shake_hands();
  ASSERT_TRUE(of_client);
  ASSERT_FALSE(of_server);
  pair.server.interrupt();
  EXPECT_EQ(write(pair.client, "request").error(), Errc::kConnectionReset);
  EXPECT_EQ(pair.client.last_error(), "tlsv13 alert certificate required");
}

TEST(TlsStream, ThePeersCertificateIsThere) {
  TlsOptions named = client_options();
  named.certificate_file = testing::certificates().certificate("client");
  named.key_file = testing::certificates().key("client");
  TlsPair pair(socket_pair(), named, demanding_server());
  const auto [of_client, of_server] = pair.shake_hands();
  ASSERT_TRUE(of_server) << pair.server.last_error();
  const auto shown = pair.server.peer_certificate();
  ASSERT_TRUE(shown);
  const TlsCertificate::Name subject{{{"organizationName", "test"}}, {{"commonName", "client"}}};
  EXPECT_EQ(shown->subject, subject);
  EXPECT_EQ(shown->issuer.back().front().second, "authority");
  ASSERT_EQ(shown->alt_names.size(), 1u);
  EXPECT_EQ(shown->alt_names[0].kind, "email");
  EXPECT_EQ(shown->alt_names[0].text, "client@example.org");
  EXPECT_EQ(shown->version, 3);
  EXPECT_TRUE(shown->not_after.ends_with(" GMT")) << shown->not_after;
  EXPECT_EQ(pair.server.version(), "TLSv1.3");
  EXPECT_EQ(pair.server.cipher().bits, 256);
  TlsPair anonymous(socket_pair(), client_options(), server_options());
  ASSERT_TRUE(anonymous.shake_hands().first);
  EXPECT_FALSE(anonymous.server.peer_certificate());
}

TEST(TlsStream, OldVersionsAreRefused) {
  TlsOptions old = client_options();
  old.min_version = old.max_version = 0x0302;
  old.ciphers = "ALL:@SECLEVEL=0";
  TlsPair pair(socket_pair(), old, server_options());
  const auto [of_client, of_server] = pair.shake_hands();
  EXPECT_FALSE(of_client || of_server);
  EXPECT_EQ(pair.server.last_error(), "unsupported protocol");
  EXPECT_EQ(pair.client.last_error(), "tlsv1 alert protocol version");
}

TEST(TlsStream, PlainBytesAreNoHandshake) {
  auto streams = socket_pair();
  TlsStream server(std::move(streams.second), std::make_shared<TlsContext>(server_options()));
  ASSERT_TRUE(write(*streams.first, std::string("\0\0\0\x10\0plain", 10)));
  EXPECT_EQ(server.handshake(in_time()).error(), Errc::kConnectionReset);
  EXPECT_EQ(server.last_error(), "the peer does not speak TLS");
  // Who knows TLS sees an alert, and may say so.
  EXPECT_EQ(read(*streams.first, in_time())->substr(0, 3), "\x15\x03\x01");
}

TEST(TlsStream, APeerThatLeavesDuringTheHandshakeIsReported) {
  for (const bool speaks : {false, true}) {
    auto streams = socket_pair();
    TlsStream server(std::move(streams.second), std::make_shared<TlsContext>(server_options()));
    if (speaks) {
      ASSERT_TRUE(write(*streams.first, "\x16\x03\x01"));
    }
    streams.first->interrupt();
    EXPECT_EQ(server.handshake(in_time()).error(), Errc::kConnectionReset);
    EXPECT_EQ(
        server.last_error(),
        speaks ? "the peer closed the connection during the TLS handshake"
               : "the peer closed the connection before the TLS handshake: it may not speak TLS");
  }
}

TEST(TlsStream, AnInterruptedReaderReturns) {
  TlsPair pair(socket_pair(), client_options(), server_options());
  ASSERT_TRUE(pair.shake_hands().first);
  std::thread reader([&] { EXPECT_EQ(read(pair.client, in_time()).error(), Errc::kEndOfStream); });
  pair.client.interrupt();
  reader.join();
}

// ---------------------------------------------------------------------------------------------

// Sends `count` blocks whose bytes tell where they are, in pieces as a connection gives them.
void send_blocks(Stream& stream, std::size_t count) {
  std::string block(1 << 20, ' ');
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t at = 0; at < block.size(); at += 4096)
      block[at] = static_cast<char>(i + at / 4096);
    std::string_view rest = block;
    while (!rest.empty()) {
      const std::size_t head = std::min<std::size_t>(rest.size(), 9);
      char* const bytes = const_cast<char*>(rest.data());
      const iovec pieces[] = {{bytes, head}, {bytes + head, rest.size() - head}};
      const auto written = stream.try_write(pieces);
      if (written) {
        rest.remove_prefix(*written);
      } else {
        ASSERT_EQ(written.error(), Errc::kWouldBlock) << stream.last_error();
        ASSERT_TRUE(stream.wait({.readable = false, .writable = true}, in_time()));
      }
    }
  }
}

void receive_blocks(Stream& stream, std::size_t count) {
  std::string block(1 << 20, ' ');
  for (std::size_t i = 0; i < count; ++i) {
    auto* const bytes = reinterpret_cast<std::uint8_t*>(block.data());
    for (std::size_t at = 0; at < block.size();) {
      const auto got = stream.read({bytes + at, block.size() - at}, 1, in_time());
      ASSERT_TRUE(got) << stream.last_error();
      at += *got;
    }
    for (std::size_t at = 0; at < block.size(); at += 4096) {
      ASSERT_EQ(block[at], static_cast<char>(i + at / 4096)) << "block " << i << " at " << at;
    }
  }
}

TEST(TlsStream, SixtyFourMegabytesGoBothWaysAtOnce) {
  TlsPair pair(socket_pair(), client_options(), server_options());
  ASSERT_TRUE(pair.shake_hands().first);
  constexpr std::size_t kBlocks = 64;
  std::thread threads[] = {std::thread([&] { send_blocks(pair.client, kBlocks); }),
                           std::thread([&] { send_blocks(pair.server, kBlocks); }),
                           std::thread([&] { receive_blocks(pair.client, kBlocks); })};
  receive_blocks(pair.server, kBlocks);
  for (std::thread& thread : threads) thread.join();
}

TEST(TlsContext, ErrorsNameTheFileAndTheReason) {
  const auto message_of = [](TlsOptions options) -> std::string {
    try {
      const TlsContext context(std::move(options));
      return "none";
    } catch (const Error& error) {
      return error.message();
    }
  };
  TlsOptions options = server_options();
  options.certificate_file = "/nowhere/server.pem";
  EXPECT_EQ(message_of(options),
            "cannot read the certificate file '/nowhere/server.pem': No such file or directory");
  options = server_options();
  options.key_file = testing::certificates().key("client");
  EXPECT_EQ(message_of(options),
            "the key file '" + options.key_file + "' cannot be used: key values mismatch");
  options.key_file = testing::certificates().certificate("client");
  EXPECT_TRUE(message_of(options).starts_with("the key file '" + options.key_file + "' cannot"));
  options = client_options();
  options.ca_file = testing::certificates().key("client");
  EXPECT_TRUE(message_of(options).starts_with("the CA file '" + options.ca_file + "' cannot"));
  options = client_options();
  options.ciphers = "NONSENSE";
  EXPECT_EQ(message_of(options), "the ciphers 'NONSENSE' cannot be used: no cipher match");
  options = server_options();
  options.certificate_file.clear();
  EXPECT_EQ(message_of(options), "a TLS server needs a certificate file");
  EXPECT_EQ(message_of(client_options()), "none");
}

}  // namespace
}  // namespace sinew::io
