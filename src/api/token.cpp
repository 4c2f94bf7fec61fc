#include "api/token.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "io/fd.h"

namespace sinew::detail {
namespace {

constexpr std::size_t kShortest = 16;  // bytes, without white space at the ends
constexpr std::size_t kLongest = 4096;
constexpr std::string_view kSpace = " \t\r\n\v\f";

[[noreturn]] void refuse(std::string message) {
  throw Error(Error::Kind::kFailed, std::move(message));
}

std::string checked(std::string_view token, std::string_view what) {
  const std::size_t begin = token.find_first_not_of(kSpace);
  const std::size_t end = token.find_last_not_of(kSpace);
  if (begin != std::string_view::npos) token = token.substr(begin, end - begin + 1);
  if (begin == std::string_view::npos) token = {};
  if (token.size() >= kShortest && token.size() <= kLongest) return std::string(token);
  refuse(
      fmt::format("{} has {} bytes, and needs {} to {}; to make one: openssl rand -hex 32 > "
                  "FILE; chmod 600 FILE",
                  what, token.size(), kShortest, kLongest));
}

std::string read_all(int file, const std::string& path) {
  std::string text(kLongest + 3, '\0');
  std::size_t have = 0;
  while (have < text.size()) {
    const ssize_t got = ::read(file, text.data() + have, text.size() - have);
    if (got == 0) break;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) refuse(path + ": " + std::generic_category().message(errno));
    have += static_cast<std::size_t>(got);
  }
  text.resize(have);
  return text;
}

std::string read_file(const std::string& path) {
  const io::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) refuse(path + ": " + std::generic_category().message(errno));
  struct stat found{};
  if (::fstat(file.get(), &found) != 0) {
    refuse(path + ": " + std::generic_category().message(errno));
  }
  if (!S_ISREG(found.st_mode)) refuse(path + " is no file");
  if ((found.st_mode & 077) != 0) {
    refuse(fmt::format("others may use the token in {0} (mode {1:o}): chmod 600 {0}", path,
                       found.st_mode & 07777));
  }
  if (found.st_uid != 0 && found.st_uid != ::geteuid()) {
    refuse(fmt::format("the token in {} belongs to another user: chown it", path));
  }
  return checked(read_all(file.get(), path), "the token in " + path);
}

}  // namespace

std::string find_token(const Options& options) {
  if (!options.token_file.empty()) {
    if (options.token) refuse("token and token_file are both set: which one is meant?");
    return read_file(options.token_file);
  }
  if (options.token) return options.token->empty() ? "" : checked(*options.token, "the token");
  const char* const text = std::getenv("SINEW_TOKEN");
  const char* const path = std::getenv("SINEW_TOKEN_FILE");
  if (text != nullptr && path != nullptr) {
    refuse("SINEW_TOKEN and SINEW_TOKEN_FILE are both set: which one is meant?");
  }
  if (path != nullptr) return read_file(path);
  return text != nullptr ? checked(text, "SINEW_TOKEN") : "";
}

}  // namespace sinew::detail
