#include "dialect/rpyc/token.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "io/openssl.h"

namespace sinew::dialect::rpyc {
namespace {

constexpr std::string_view kMagic = "SINEW-TOKEN 1";
constexpr std::string_view kRefused = "SINEW-REFUSED";
static_assert(kMagic.size() == kRefused.size());
// A frame of RPyC's with a message that means nothing: a server without tokens drops it at once.
constexpr std::string_view kHelloHead{"\0\0\0\x2d\0SINEW-TOKEN 1", 5 + kMagic.size()};
constexpr std::size_t kHelloSize = kHelloHead.size() + kProofSize + 1;
constexpr std::size_t kAnswerSize = kMagic.size() + kProofSize + 1;
constexpr std::size_t kLongestRefusal = 200;
constexpr Duration kGrace = std::chrono::milliseconds(500);
constexpr int kMostReads = 16;

// What the client is told, too.
struct Refusal {
  std::string_view reason;
};

struct Broken {
  Errc errc;
};

std::string_view text_of(ByteView bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Exact reads and writes, all of them within one time. Throws Broken.
class Line {
 public:
  Line(io::Stream& stream, Deadline deadline) noexcept : stream_(stream), deadline_(deadline) {}

  std::size_t read_some(MutableByteView into) {
    while (true) {
      const auto count = stream_.read(into, into.size(), deadline_);
      if (count) return *count;
      if (count.error() != Errc::kInterrupted && count.error() != Errc::kWouldBlock) {
        throw Broken{count.error()};
      }
      if (deadline_.passed()) throw Broken{Errc::kTimedOut};
    }
  }

  void read(MutableByteView into) {
    while (!into.empty()) into = into.subspan(read_some(into));
  }

  void write(std::string_view text) {
    while (!text.empty()) {
      const iovec piece{const_cast<char*>(text.data()), text.size()};
      const auto count = stream_.try_write({&piece, 1});
      if (count) {
        text.remove_prefix(*count);
        continue;
      }
      if (count.error() != Errc::kWouldBlock && count.error() != Errc::kInterrupted) {
        throw Broken{count.error()};
      }
      const auto ready = stream_.wait({.readable = false, .writable = true}, deadline_);
      if (!ready && ready.error() != Errc::kInterrupted) throw Broken{ready.error()};
    }
  }

 private:
  io::Stream& stream_;
  const Deadline deadline_;
};

Nonce make_nonce() {
  Nonce nonce;
  std::size_t have = 0;
  while (have < nonce.size()) {
    const ssize_t got = ::getrandom(nonce.data() + have, nonce.size() - have, 0);
    if (got > 0) have += static_cast<std::size_t>(got);
  }
  return nonce;
}

std::string text_of(const Nonce& bytes) { return std::string(text_of(ByteView(bytes))); }

// Takes as long wherever they differ.
bool equal(const Proof& one, const Proof& other) noexcept {
  std::uint8_t difference = 0;
  for (std::size_t i = 0; i < one.size(); ++i) {
    difference = static_cast<std::uint8_t>(difference | (one[i] ^ other[i]));
  }
  return difference == 0;
}

// ---------------------------------------------------------------------------------------------
// Client

[[noreturn]] void throw_no_tokens(const std::string& where) {
  throw Error(Error::Kind::kFailed,
              where +
                  " does not take tokens: give the server one, or connect without (SINEW_TOKEN and "
                  "SINEW_TOKEN_FILE count as one)");
}

// The rest of a refusal, as far as it comes. It is the server's text.
std::string read_refusal(Line& line) {
  std::string text;
  try {
    while (text.size() < kLongestRefusal) {
      std::uint8_t byte = 0;
      line.read({&byte, 1});
      if (byte == '\n') break;
      text += byte >= ' ' && byte < 0x7f ? static_cast<char>(byte) : '?';
    }
  } catch (const Broken&) {
    return text;
  }
  return text;
}

Nonce read_answer(Line& line, const std::string& where) {
  std::array<std::uint8_t, kAnswerSize> answer{};
  const MutableByteView all(answer);
  line.read(all.first(kMagic.size()));
  const std::string_view magic = text_of(ByteView(all.first(kMagic.size())));
  if (magic == kRefused) {
    throw Error(Error::Kind::kFailed, where + " refuses:" + read_refusal(line));
  }
  if (magic != kMagic) throw_no_tokens(where);
  line.read(all.subspan(kMagic.size()));
  Nonce said;
  std::copy_n(answer.begin() + kMagic.size(), said.size(), said.begin());
  return said;
}

}  // namespace

Proof token_proof(std::string_view key, std::string_view role, const Nonce& client,
                  const Nonce& server) {
  std::string said = fmt::format("sinew-token 1 {}", role);
  said += '\0';
  said += text_of(client) + text_of(server);
  Proof proof{};
  unsigned int size = 0;
  const io::OpenSsl& ssl = io::OpenSsl::get();
  const auto* const made = ssl.HMAC(ssl.EVP_sha256(), key.data(), static_cast<int>(key.size()),
                                    reinterpret_cast<const unsigned char*>(said.data()),
                                    said.size(), proof.data(), &size);
  if (made == nullptr || size != proof.size()) {
    throw Error(Error::Kind::kUnsupported, "OpenSSL has no HMAC-SHA256");
  }
  return proof;
}

void prove_to_server(io::Stream& stream, std::string_view key, const std::string& where,
                     Deadline deadline) {
  Line line(stream, deadline);
  try {
    const Nonce ours = make_nonce();
    line.write(std::string(kHelloHead) + text_of(ours) + "\n");
    const Nonce theirs = read_answer(line, where);
    line.write(text_of(token_proof(key, "client", ours, theirs)));
    if (!equal(read_answer(line, where), token_proof(key, "server", ours, theirs))) {
      throw Error(Error::Kind::kFailed,
                  where + " does not know the token: it may not be your server");
    }
  } catch (const Broken& broken) {
    if (broken.errc != Errc::kTimedOut) throw_no_tokens(where);
    throw Error(Error::Kind::kTimedOut, where + " did not answer when it was offered a token");
  }
}

// ---------------------------------------------------------------------------------------------
// Server

double TokenTries::level_locked(const Failures& failures, TimePoint now) const noexcept {
  const std::chrono::duration<double> since = now - failures.at;
  return std::max(failures.count - since.count() * kPerSecond, 0.0);
}

// While there is no room the count is shared; room is looked for once a second.
const std::string& TokenTries::place_of_locked(const std::string& source, TimePoint now) {
  static const std::string others = "others";
  if (failed_.contains(source) || failed_.size() < kMostSources) return source;
  if (now - swept_ >= std::chrono::seconds(1)) {
    swept_ = now;
    std::erase_if(failed_, [&](const auto& one) { return level_locked(one.second, now) == 0; });
  }
  return failed_.size() < kMostSources ? source : others;
}

TokenTries::Verdict TokenTries::judge(const std::string& source,
                                      const std::function<bool()>& is_right) {
  const std::scoped_lock lock(mutex_);
  const TimePoint now = clock_.now();
  const std::string& place = place_of_locked(source, now);
  const auto found = failed_.find(place);
  const double level = found == failed_.end() ? 0 : level_locked(found->second, now);
  if (level + 1 > kBurst) return Verdict::kWait;
  if (is_right()) return Verdict::kRight;
  failed_.insert_or_assign(place, Failures{level + 1, now});
  return Verdict::kWrong;
}

std::string token_source(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return "unknown";
  if (address.ss_family == AF_INET) {
    const auto* const v4 = reinterpret_cast<const sockaddr_in*>(&address);
    ::inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
    return text.data();
  }
  if (address.ss_family != AF_INET6) return "this machine";
  in6_addr v6 = reinterpret_cast<const sockaddr_in6*>(&address)->sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) {
    ::inet_ntop(AF_INET, &v6.s6_addr[12], text.data(), text.size());
    return text.data();
  }
  std::fill(std::begin(v6.s6_addr) + 8, std::end(v6.s6_addr), std::uint8_t{0});
  ::inet_ntop(AF_INET6, &v6, text.data(), text.size());
  return std::string(text.data()) + "/64";
}

namespace {

// Whoever says something else is told so at his first wrong byte.
Nonce read_hello(Line& line) {
  std::array<std::uint8_t, kHelloSize> hello{};
  std::size_t have = 0;
  while (have < hello.size()) {
    have += line.read_some(MutableByteView(hello).subspan(have));
    const std::size_t known = std::min(have, kHelloHead.size());
    if (text_of(ByteView(hello).first(known)) != kHelloHead.substr(0, known)) {
      throw Refusal{"this server wants a token"};
    }
  }
  Nonce theirs;
  std::copy_n(hello.begin() + kHelloHead.size(), theirs.size(), theirs.begin());
  return theirs;
}

void demand(Line& line, std::string_view key, TokenTries& tries, const std::string& source) {
  const Nonce theirs = read_hello(line);
  const Nonce ours = make_nonce();
  line.write(std::string(kMagic) + text_of(ours) + "\n");
  Proof shown{};
  line.read(shown);
  switch (
      tries.judge(source, [&] { return equal(shown, token_proof(key, "client", theirs, ours)); })) {
    case TokenTries::Verdict::kRight: break;
    case TokenTries::Verdict::kWrong: throw Refusal{"the token is wrong"};
    case TokenTries::Verdict::kWait:
      throw Refusal{"too many wrong tokens came from your address: wait a while"};
  }
  line.write(std::string(kMagic) + text_of(token_proof(key, "server", theirs, ours)) + "\n");
}

// Tells the client why, and waits a moment for it to read that: an unread byte of its own would
// make the system drop ours.
void send_away(io::Stream& stream, const Refusal& refusal) try {
  Line line(stream, Deadline::after(kGrace));
  line.write(fmt::format("{} {}\n", kRefused, refusal.reason));
  if (stream.descriptor() >= 0) ::shutdown(stream.descriptor(), SHUT_WR);
  std::array<std::uint8_t, 4096> ignored{};
  for (int i = 0; i < kMostReads; ++i) static_cast<void>(line.read_some(ignored));
} catch (const Broken&) {
  return;  // it has left
}

}  // namespace

void demand_token(io::Stream& stream, std::string_view key, TokenTries& tries,
                  const std::string& source, Deadline deadline) {
  Line line(stream, deadline);
  try {
    demand(line, key, tries, source);
  } catch (const Refusal& refusal) {
    send_away(stream, refusal);
    throw Error(Error::Kind::kFailed, std::string(refusal.reason));
  } catch (const Broken& broken) {
    if (broken.errc == Errc::kTimedOut) {
      throw Error(Error::Kind::kTimedOut, "no token within handshake_timeout");
    }
    throw Error(Error::Kind::kFailed, "the client left in the handshake");
  }
}

}  // namespace sinew::dialect::rpyc
