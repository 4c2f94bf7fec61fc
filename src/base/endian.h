#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace sinew {

static_assert(std::endian::native == std::endian::little,
              "the big-endian helpers below swap unconditionally");

/// Reads a big-endian (network order) 32-bit number from four bytes of any alignment.
inline std::uint32_t load_be32(const std::uint8_t* from) noexcept {
  std::uint32_t value = 0;
  std::memcpy(&value, from, sizeof value);
  return __builtin_bswap32(value);
}

/// Reads a big-endian 64-bit number from eight bytes of any alignment.
inline std::uint64_t load_be64(const std::uint8_t* from) noexcept {
  std::uint64_t value = 0;
  std::memcpy(&value, from, sizeof value);
  return __builtin_bswap64(value);
}

/// Writes `value` big-endian to four bytes of any alignment.
inline void store_be32(std::uint8_t* to, std::uint32_t value) noexcept {
  value = __builtin_bswap32(value);
  std::memcpy(to, &value, sizeof value);
}

/// Writes `value` big-endian to eight bytes of any alignment.
inline void store_be64(std::uint8_t* to, std::uint64_t value) noexcept {
  value = __builtin_bswap64(value);
  std::memcpy(to, &value, sizeof value);
}

}  // namespace sinew
