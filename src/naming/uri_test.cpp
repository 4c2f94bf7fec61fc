#include "naming/uri.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace sinew::naming {
namespace {

Uri tcp(const char* host, std::uint16_t port, bool is_tls = false) {
  return {io::Address::tcp(host, port), is_tls};
}

std::string complaint(std::string_view text) {
  try {
    static_cast<void>(parse_uri(text));
    return "none";
  } catch (const Error& error) {
    return error.message().substr(0, error.message().find(';'));
  }
}

TEST(Uri, NamesPlaces) {
  EXPECT_EQ(parse_uri("tcp://lab-7:4711"), tcp("lab-7", 4711));
  EXPECT_EQ(parse_uri("tls://lab-7:4711/"), tcp("lab-7", 4711, true));
  EXPECT_EQ(parse_uri("lab-7:4711"), tcp("lab-7", 4711));
  EXPECT_EQ(parse_uri("tcp://[::1]:4711"), tcp("::1", 4711));
  EXPECT_EQ(parse_uri("unix:///run/x.sock").address.path, "/run/x.sock");
}

TEST(Uri, HasDefaultPorts) {
  EXPECT_EQ(parse_uri("lab-7"), tcp("lab-7", 18812));
  EXPECT_EQ(parse_uri("tcp://[::1]"), tcp("::1", 18812));
  EXPECT_EQ(parse_uri("tls://lab-7"), tcp("lab-7", 18821, true));
}

TEST(Uri, ReadsWhatItWrites) {
  for (const char* text : {"tcp://lab-7:1", "tls://[::1]:2", "unix:///run/x.sock"}) {
    EXPECT_EQ(parse_uri(text).to_text(), text);
  }
}

TEST(Uri, SaysWhatIsWrong) {
  EXPECT_EQ(complaint("http://x"), "'http://x': the scheme must be tcp, tls or unix, not 'http'");
  EXPECT_EQ(complaint("tcp://"), "'tcp://': there is no host");
  EXPECT_EQ(complaint("unix://"), "'unix://': there is no path");
  EXPECT_EQ(complaint("::1"), "'::1': an IPv6 address must be in brackets");
  EXPECT_EQ(complaint("[x]:1"), "'[x]:1': brackets are for IPv6 addresses, not for 'x'");
  EXPECT_EQ(complaint("[::1"), "'[::1': there is no closing bracket behind the IPv6 address");
  EXPECT_EQ(complaint("a:65536"), "'a:65536': the port must be a number below 65536, not '65536'");
  EXPECT_EQ(complaint("a:-1"), "'a:-1': the port must be a number below 65536, not '-1'");
  EXPECT_EQ(complaint("me@a"), "'me@a': 'me@a' is no host");
}

}  // namespace
}  // namespace sinew::naming
