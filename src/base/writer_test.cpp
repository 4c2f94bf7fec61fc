#include "base/writer.h"

#include <gtest/gtest.h>

#include <string>

namespace sinew {
namespace {

void write(Writer& out, std::string_view text) { out.append(as_bytes(text)); }

// The whole message, borrowed parts where they belong.
std::string whole(const Writer& out) {
  std::string text;
  std::size_t at = 0;
  for (const Writer::Borrowed& piece : out.borrowed()) {
    text += as_text(out.copied().subspan(at, piece.offset - at));
    text += as_text(piece.bytes);
    at = piece.offset;
  }
  return text.append(as_text(out.copied().subspan(at)));
}

TEST(Writer, StartsEmpty) {
  const Writer out;
  EXPECT_EQ(out.copied_size(), 0u);
  EXPECT_EQ(out.total_size(), 0u);
  EXPECT_TRUE(out.copied().empty());
}

TEST(Writer, NumbersAreBigEndian) {
  Writer out;
  out.put(0x01);
  out.put_be32(0x02030405);
  out.put_be64(0x060708090a0b0c0d);
  EXPECT_EQ(as_text(out.copied()), "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d");
}

TEST(Writer, GrowsBeyondItsInlineBytesAndKeepsWhatWasWritten) {
  Writer out;
  std::string expected;
  for (int i = 0; i < 5000; ++i) {
    const std::string text = std::to_string(i);
    write(out, text);
    expected += text;
    if (out.copied_size() == Writer::kInlineSize) {
      EXPECT_EQ(as_text(out.copied()), expected) << "exactly full";
    }
  }
  EXPECT_EQ(as_text(out.copied()), expected);
}

TEST(Writer, OneLargeAppendFits) {
  Writer out;
  const std::string large(1 << 20, 'x');
  write(out, "a");
  write(out, large);
  EXPECT_EQ(as_text(out.copied()), "a" + large);
}

TEST(Writer, BorrowedBytesAreSplicedInWithoutACopy) {
  const auto owner = std::make_shared<const std::string>("BORROWED");
  Writer out;
  out.borrow(as_bytes(*owner), owner);
  write(out, "between");
  out.borrow(as_bytes(*owner), owner);
  write(out, "end");
  EXPECT_EQ(whole(out), "BORROWEDbetweenBORROWEDend");
  EXPECT_EQ(out.copied_size(), 10u);
  EXPECT_EQ(out.total_size(), 26u);
  EXPECT_EQ(out.borrowed()[0].bytes.data(), as_bytes(*owner).data());
  EXPECT_EQ(owner.use_count(), 3);
}

TEST(Writer, RewindForgetsWhatCameAfterTheMarkAndLetsOwnersGo) {
  const auto owner = std::make_shared<const std::string>("BORROWED");
  Writer out;
  write(out, "kept ");
  out.borrow(as_bytes(*owner), owner);
  const Writer::Mark mark = out.mark();
  write(out, std::string(2000, 'x'));
  out.borrow(as_bytes(*owner), owner);
  out.rewind(mark);
  EXPECT_EQ(whole(out), "kept BORROWED");
  EXPECT_EQ(out.total_size(), 13u);
  EXPECT_EQ(owner.use_count(), 2);
  out.clear();
  EXPECT_EQ(out.total_size(), 0u);
  EXPECT_EQ(owner.use_count(), 1);
}

TEST(Writer, AnEarlierPlaceCanBePatched) {
  Writer out;
  out.put_be32(0);
  write(out, std::string(1000, 'x'));
  store_be32(out.at(0), 1000);
  EXPECT_EQ(load_be32(out.copied().data()), 1000u);
}

}  // namespace
}  // namespace sinew
