#include <gtest/gtest.h>
#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <functional>

#include "wire/brine.h"
#include "wire/testdata.h"
#include "wire/value.h"

namespace sinew::wire {
namespace {

using testdata::Bytes;
using testdata::from_hex;

constexpr BrineLimits kLimits{};

Result<ValueModel::Handle> decode(ByteView bytes, const BrineLimits& limits = kLimits) {
  ValueModel model;
  Reader in(bytes);
  return decode_brine(model, in, limits);
}

Errc decode_error(std::string_view hex) {
  const auto decoded = decode(from_hex(hex));
  return decoded ? Errc::kOk : decoded.error();
}

Result<Bytes> encode(const Value& value, const BrineLimits& limits = kLimits) {
  ValueModel model;
  Writer out;
  SINEW_TRY(encode_brine(model, &value, out, limits));
  return Bytes(out.copied().begin(), out.copied().end());
}

/// Runs `work` on a thread with a stack of 256 KiB and returns how long it took.
std::chrono::microseconds on_a_small_stack(std::function<void()> work) {
  std::chrono::microseconds took{};
  std::function<void()> timed = [&] {
    const auto start = std::chrono::steady_clock::now();
    work();
    took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() -
                                                                 start);
  };
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  EXPECT_EQ(pthread_attr_setstacksize(&attributes, 256 * 1024), 0);
  pthread_t thread;
  const auto entry = [](void* argument) -> void* {
    (*static_cast<std::function<void()>*>(argument))();
    return nullptr;
  };
  EXPECT_EQ(pthread_create(&thread, &attributes, entry, &timed), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  return took;
}

TEST(BrineLimits, NestingIsAllowedUpToTheLimitAndNoFurther) {
  for (const bool set : {false, true}) {
    for (const std::size_t depth : {1u, 5u, 6u}) {
      Bytes bytes;
      for (std::size_t i = 0; i < depth; ++i) {
        if (set) bytes.push_back(0x1a);
        bytes.push_back(0x10);
      }
      bytes.push_back(0x50);
      const auto decoded = decode(bytes, {.max_depth = 5});
      EXPECT_EQ(decoded ? Errc::kOk : decoded.error(), depth <= 5 ? Errc::kOk : Errc::kTooDeep);
      const auto whole = decode(bytes);
      ValueModel model;
      EXPECT_EQ(dumpable(model, &**whole, {.max_depth = 5}), depth <= 5);
      EXPECT_EQ(encode(**whole, {.max_depth = 5}).has_value(), depth <= 5);
    }
  }
}

TEST(BrineLimits, AMillionNestedContainersAreRefusedAtOnceOnASmallStack) {
  const Bytes tuples(1'000'000, 0x10);
  Bytes slices;
  Bytes sets;
  for (int i = 0; i < 1'000'000; ++i) {
    slices.insert(slices.end(), {0x19, 0x12});
    sets.insert(sets.end(), {0x1a, 0x10});
  }
  for (const Bytes& bomb : {tuples, slices, sets}) {
    Errc errc = Errc::kOk;
    Errc skipped = Errc::kOk;
    auto took = std::chrono::microseconds::max();
    for (int i = 0; i < 5; ++i) {  // the best of some: a busy machine may take its time
      const auto once = on_a_small_stack([&] {
        errc = decode(bomb).error();
        Reader in(bomb);
        skipped = skip_value(in, kLimits.max_depth).error();
      });
      took = std::min(took, once);
    }
    EXPECT_EQ(errc, Errc::kTooDeep);
    EXPECT_EQ(skipped, Errc::kTooDeep);
    EXPECT_LT(took, std::chrono::milliseconds(10));  // of the order of 20 us without sanitizers
  }
}

TEST(BrineLimits, TheDeepestAllowedValueFitsOnASmallStack) {
  Bytes bytes(kLimits.max_depth, 0x10);
  bytes.push_back(0x50);
  Bytes again;
  on_a_small_stack([&] { again = *encode(**decode(bytes)); });
  EXPECT_EQ(again, bytes);
}

TEST(BrineLimits, ACountBombIsRefusedBeforeAnythingIsAllocated) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(decode_error("1580000000"), Errc::kTruncated);
  EXPECT_EQ(decode_error("15ffffffff"
                         "5050"),
            Errc::kTruncated);
  EXPECT_EQ(decode_error("1a15ffffffff"
                         "5050"),
            Errc::kTruncated);
  EXPECT_EQ(decode_error("0fffffffff"
                         "5050"),
            Errc::kTruncated);
  EXPECT_EQ(decode_error("080fffffffff"
                         "5050"),
            Errc::kTruncated);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(10));
}

/// Counts how many items its tuples were asked to make room for.
struct CountingModel : ValueModel {
  std::size_t reserved = 0;
  TupleBuilder begin_tuple(std::size_t count) {
    reserved += count;
    return TupleBuilder(count);
  }
};

TEST(BrineLimits, NestedCountBombsTogetherReserveNoMoreThanTheBytesThatCame) {
  // 150 tuples in one another, each claiming all the bytes that are left after its header.
  Bytes bytes(100'000, 0x50);
  for (std::size_t i = 0; i < 150; ++i) {
    bytes[5 * i] = 0x15;
    store_be32(&bytes[5 * i + 1], static_cast<std::uint32_t>(bytes.size() - 5 * i - 5));
  }
  CountingModel model;
  Reader in(bytes);
  const auto decoded = decode_brine(model, in, kLimits);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error(), Errc::kTruncated);
  EXPECT_LE(model.reserved, bytes.size());
}

}  // namespace
}  // namespace sinew::wire
