#include "wire/compress.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <random>
#include <string>

namespace sinew::wire {
namespace {

using Bytes = std::vector<std::uint8_t>;

// Kilobytes, for a limit of 16 MiB. One and a half times that is allocated at once, but the heap
// may not find a place for it where the smaller pieces were. Sanitizers keep freed memory and
// shadow what is used.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t kMostGrown = 1 << 20;
#elif defined(__has_feature)
constexpr std::size_t kMostGrown =
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ? 1 << 20 : 34 << 10;
#else
constexpr std::size_t kMostGrown = 34 << 10;
#endif

Bytes noise(std::size_t size) {
  std::minstd_rand random(1);
  Bytes bytes(size);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

TEST(Inflate, GivesBackWhatWasDeflated) {
  for (const std::size_t size : {0u, 1u, 3000u, 4096u, 4097u, 100'000u, 3'000'000u}) {
    for (const Bytes& plain : {Bytes(size, 7), noise(size)}) {
      const auto inflated = inflate(deflate(plain), plain.size());
      ASSERT_TRUE(inflated) << size;
      EXPECT_EQ(*inflated, plain);
    }
  }
}

TEST(Inflate, TheLimitIsTheLargestSizeAllowed) {
  const Bytes compressed = deflate(Bytes(10'000, 7));
  EXPECT_TRUE(inflate(compressed, 10'000));
  EXPECT_EQ(inflate(compressed, 9'999).error(), Errc::kInflateTooLarge);
  EXPECT_EQ(inflate(compressed, 0).error(), Errc::kInflateTooLarge);
  EXPECT_TRUE(inflate(deflate({}), 0));
}

TEST(Inflate, EveryStreamCutShortIsTruncated) {
  const Bytes compressed = deflate(noise(500));
  for (std::size_t size = 0; size < compressed.size(); ++size) {
    const Bytes cut(compressed.begin(), compressed.begin() + static_cast<long>(size));
    const auto inflated = inflate(cut, 1000);
    ASSERT_FALSE(inflated) << size;
    EXPECT_EQ(inflated.error(), Errc::kTruncated) << size;
  }
}

TEST(Inflate, BytesBehindTheStreamAreRefused) {
  Bytes compressed = deflate(noise(500));
  compressed.push_back(0);
  EXPECT_EQ(inflate(compressed, 1000).error(), Errc::kTrailingBytes);
}

TEST(Inflate, GarbageIsRefused) {
  EXPECT_EQ(inflate(Bytes(100, 'x'), 1000).error(), Errc::kInflateFailed);
  Bytes wrong_checksum = deflate(noise(500));
  wrong_checksum.back() ^= 1;
  EXPECT_EQ(inflate(wrong_checksum, 1000).error(), Errc::kInflateFailed);
  const Bytes wants_dictionary = {0x78, 0xbb, 0, 0, 0, 1, 3, 0};
  EXPECT_EQ(inflate(wants_dictionary, 1000).error(), Errc::kInflateFailed);
}

/// Kilobytes of memory that this process has had at the most.
std::size_t peak_memory() {
  std::ifstream status("/proc/self/status");
  std::size_t kilobytes = 0;
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) kilobytes = std::stoul(line.substr(6));
  }
  return kilobytes;
}

TEST(Inflate, ABombStopsAtTheLimitAndCostsLittleMoreThanIt) {
  constexpr std::size_t kLimit = 16 << 20;
  const Bytes bomb = deflate(Bytes(8 * kLimit, 0));
  EXPECT_LT(bomb.size(), kLimit / 16);
  const pid_t child = fork();  // whose peak starts at what it has now
  if (child == 0) {
    const std::size_t before = peak_memory();
    const auto inflated = inflate(bomb, kLimit);
    const std::size_t grown = peak_memory() - before;
    _exit(inflated || inflated.error() != Errc::kInflateTooLarge ? 2 : grown > kMostGrown ? 1 : 0);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace sinew::wire
