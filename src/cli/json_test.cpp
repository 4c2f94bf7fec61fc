#include "cli/json.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "cli/exit_codes.h"

namespace sinew::cli {
namespace {

TEST(Json, PlainValues) {
  EXPECT_EQ(json_of({}), "null");
  EXPECT_EQ(json_of(true), "true");
  EXPECT_EQ(json_of(-3), "-3");
  EXPECT_EQ(json_of(Value::from_decimal("123456789012345678901234567890")),
            "123456789012345678901234567890");
  EXPECT_EQ(json_of(2.5), "2.5");
  EXPECT_EQ(json_of(1e22), "1e+22");
  EXPECT_EQ(json_of(Value(ComplexParts{1, -2})), R"({"real": 1.0, "imaginary": -2.0})");
  EXPECT_EQ(json_of(Value::ellipsis()), R"({"repr": "Ellipsis"})");
}

TEST(Json, HasNoNumberForInfinityAndNan) {
  EXPECT_EQ(json_of(std::numeric_limits<double>::infinity()), "\"inf\"");
  EXPECT_EQ(json_of(-std::numeric_limits<double>::infinity()), "\"-inf\"");
  EXPECT_EQ(json_of(std::numeric_limits<double>::quiet_NaN()), "\"nan\"");
}

TEST(Json, TextIsEscaped) {
  EXPECT_EQ(json_text("a\"\\\n\t\x01\x7f"), R"("a\"\\\n\t\u0001\u007f")");
  EXPECT_EQ(json_text("\xc3\xa9\xf0\x9f\x98\x80"), "\"\xc3\xa9\xf0\x9f\x98\x80\"");
  EXPECT_EQ(json_text("a\xff\xc3"), R"("a\ufffd\ufffd")");
}

TEST(Json, Containers) {
  const Value inner = Value::tuple({Value(1), Value("x")});
  EXPECT_EQ(json_of(Value::tuple({inner, Value::frozen_set({Value(2)})})), R"([[1, "x"], [2]])");
  constexpr std::array<std::uint8_t, 3> kBytes{0, 10, 255};
  EXPECT_EQ(json_of(Value::bytes(kBytes)), R"({"bytes": "000aff"})");
}

TEST(Json, IsBounded) {
  Value deep;
  for (std::size_t i = 0; i <= kMaxJsonDepth; ++i) deep = Value::tuple({deep});
  EXPECT_THROW(json_of(deep), MissingError);
}

}  // namespace
}  // namespace sinew::cli
