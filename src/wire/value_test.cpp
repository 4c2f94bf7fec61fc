#include "wire/value.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace sinew::wire {
namespace {

constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
constexpr auto kMax = std::numeric_limits<std::int64_t>::max();

TEST(Value, IsMadeFromTheTypesOfCpp) {
  EXPECT_EQ(Value().kind(), Kind::kNone);
  EXPECT_EQ(Value(true).kind(), Kind::kTrue);
  EXPECT_EQ(Value(7).integer(), 7);
  EXPECT_EQ(Value(1.5).real(), 1.5);
  EXPECT_EQ(Value("abc").text(), "abc");
  EXPECT_EQ(Value(std::string_view("abc")).kind(), Kind::kText);
  EXPECT_EQ(as_text(Value::bytes(as_bytes("abc")).bytes()), "abc");
  EXPECT_EQ(Value::tuple({1, "a"}).items().size(), 2u);
}

TEST(Value, AnUnsignedNumberBeyondInt64IsABigInteger) {
  const Value value(std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(value.kind(), Kind::kInteger);
  EXPECT_FALSE(value.integer());
  EXPECT_EQ(value.decimal(), "18446744073709551615");
}

TEST(Value, DecimalTextIsNormalised) {
  EXPECT_EQ(Value::from_decimal("-0"), Value(0));
  EXPECT_EQ(Value::from_decimal("0009"), Value(9));
  EXPECT_EQ(Value::from_decimal("-9223372036854775808"), Value(kMin));
  EXPECT_EQ(Value::from_decimal("9223372036854775807"), Value(kMax));
  EXPECT_EQ(Value::from_decimal("9223372036854775808").decimal(), "9223372036854775808");
  EXPECT_EQ(Value::from_decimal("-00" + std::string(40, '7')).decimal(),
            "-" + std::string(40, '7'));
}

TEST(Value, EqualsItsCopyWhateverItIs) {
  const Value one(1);
  for (const Value& value :
       {Value(), one, Value(std::nan("")), Value(ComplexParts{0.0, -0.0}), Value("x"),
        Value::bytes(as_bytes("x")), Value::tuple({one}), Value::slice(one, one, one),
        Value::frozen_set({one}), Value::ellipsis(), Value::not_implemented(),
        Value(Opaque{3, nullptr}), Value::from_decimal(std::string(30, '9'))}) {
    const Value copy = value;
    EXPECT_EQ(copy, value) << to_text(value);
  }
}

TEST(Value, DiffersFromAnotherKind) {
  EXPECT_NE(Value(1), Value(true));
  EXPECT_NE(Value(1), Value(1.0));
  EXPECT_NE(Value("a"), Value::bytes(as_bytes("a")));
  EXPECT_NE(Value::tuple({}), Value::frozen_set({}));
  EXPECT_NE(Value(0.0), Value(-0.0));
  EXPECT_NE(Value(Opaque{1, nullptr}), Value(Opaque{2, nullptr}));
  EXPECT_NE(Value(Opaque{1, nullptr}), Value(Opaque{1, std::make_shared<int>(1)}));
}

TEST(Value, FrozenSetsCompareWithoutOrderAndDuplicates) {
  EXPECT_EQ(Value::frozen_set({1, 2, 3}), Value::frozen_set({3, 1, 2, 1}));
  EXPECT_NE(Value::frozen_set({1, 2}), Value::frozen_set({1, 2, 3}));
  EXPECT_EQ(Value::frozen_set({Value::frozen_set({1, 2}), "a"}),
            Value::frozen_set({"a", Value::frozen_set({2, 1})}));
}

TEST(Value, TuplesOrderByTheirItems) {
  EXPECT_LT(Value::tuple({1, 2}), Value::tuple({1, 3}));
  EXPECT_LT(Value::tuple({1}), Value::tuple({1, 0}));
}

TEST(Value, OnlyLargeContentHasAnOwner) {
  EXPECT_EQ(Value(std::string(kBorrowThreshold - 1, 'x')).owner(), nullptr);
  const Value large(std::string(kBorrowThreshold, 'x'));
  EXPECT_NE(large.owner(), nullptr);
  const Value copy = large;  // NOLINT(performance-unnecessary-copy-initialization): it is the test
  EXPECT_EQ(copy.text().data(), large.text().data());
}

TEST(Value, RealsPrintAsPythonDoes) {
  EXPECT_EQ(to_text(0.0), "0.0");
  EXPECT_EQ(to_text(-0.0), "-0.0");
  EXPECT_EQ(to_text(1.0), "1.0");
  EXPECT_EQ(to_text(0.1), "0.1");
  EXPECT_EQ(to_text(-18.25), "-18.25");
  EXPECT_EQ(to_text(100.0), "100.0");
  EXPECT_EQ(to_text(1e15), "1000000000000000.0");
  EXPECT_EQ(to_text(1e16), "1e+16");
  EXPECT_EQ(to_text(1.5e22), "1.5e+22");
  EXPECT_EQ(to_text(0.0001), "0.0001");
  EXPECT_EQ(to_text(0.00001), "1e-05");
  EXPECT_EQ(to_text(5e-324), "5e-324");
  EXPECT_EQ(to_text(1.7976931348623157e308), "1.7976931348623157e+308");
  EXPECT_EQ(to_text(std::numeric_limits<double>::infinity()), "inf");
  EXPECT_EQ(to_text(-std::numeric_limits<double>::infinity()), "-inf");
  EXPECT_EQ(to_text(std::nan("")), "nan");
}

TEST(Value, ComplexNumbersPrintAsPythonDoes) {
  EXPECT_EQ(to_text(Value(ComplexParts{1, 2})), "(1+2j)");
  EXPECT_EQ(to_text(Value(ComplexParts{0, 2.5})), "2.5j");
  EXPECT_EQ(to_text(Value(ComplexParts{-0.0, 2})), "(-0+2j)");
  EXPECT_EQ(to_text(Value(ComplexParts{1, -2})), "(1-2j)");
  EXPECT_EQ(to_text(Value(ComplexParts{1, std::nan("")})), "(1+nanj)");
}

TEST(Value, TextPrintsAsPythonDoes) {
  EXPECT_EQ(to_text(Value("a'b")), R"("a'b")");
  EXPECT_EQ(to_text(Value(R"(a'b"c)")), R"('a\'b"c')");
  EXPECT_EQ(to_text(Value("\\\n\r\t\x01\x7f")), R"('\\\n\r\t\x01\x7f')");
  EXPECT_EQ(to_text(Value("\u00e9\u65e5")), "'\u00e9\u65e5'");
  EXPECT_EQ(to_text(Value("\u0085\u00a0\u00ad")), R"('\x85\xa0\xad')");
  EXPECT_EQ(to_text(Value::bytes(as_bytes("a'\xff\n"))), R"(b"a'\xff\n")");
}

TEST(Value, ContainersPrintAsPythonDoes) {
  EXPECT_EQ(to_text(Value::tuple({})), "()");
  EXPECT_EQ(to_text(Value::tuple({1})), "(1,)");
  EXPECT_EQ(to_text(Value::tuple({1, Value::none()})), "(1, None)");
  EXPECT_EQ(to_text(Value::slice(1, 2, Value())), "slice(1, 2, None)");
  EXPECT_EQ(to_text(Value::frozen_set({})), "frozenset()");
  EXPECT_EQ(to_text(Value::frozen_set({1, 2})), "frozenset({1, 2})");
  EXPECT_EQ(to_text(Value(Opaque{7, nullptr})), "<opaque 7>");
}

TEST(Utf8, WellFormedTextIsAccepted) {
  for (const char* text : {"", "abc", "abcdefghi", "\u00e9", "abcdefg\u65e5", "\U0010ffff",
                           "\ud7ff", "\ue000", "\U00010000", "\u0080", "\u0800"}) {
    EXPECT_TRUE(is_utf8(as_bytes(text))) << text;
  }
}

TEST(Utf8, MalformedTextIsRefused) {
  for (const char* text :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xc3", "\xe0\x9f\xbf", "\xe6\x97", "\xed\xa0\x80",
        "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",
        "\xf0\x9f\x98", "abcdefgh\x80", "\xe6\x97\x41", "abcdefg\xc3"}) {
    EXPECT_FALSE(is_utf8(as_bytes(text))) << text;
  }
}

}  // namespace
}  // namespace sinew::wire
