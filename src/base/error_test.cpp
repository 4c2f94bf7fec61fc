#include "base/error.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "base/errc.h"

namespace sinew {
namespace {

constexpr Errc kLast = Errc::kConnectionReset;

TEST(Errc, EveryValueHasASentenceOfItsOwn) {
  std::set<std::string_view> sentences;
  for (int code = 0; code <= static_cast<int>(kLast); ++code) {
    const std::string_view sentence = describe(static_cast<Errc>(code));
    EXPECT_FALSE(sentence.empty());
    EXPECT_NE(sentence.back(), '.');
    EXPECT_TRUE(sentences.insert(sentence).second) << sentence;
  }
  EXPECT_EQ(describe(static_cast<Errc>(250)), "an error code of another version of this library");
}

TEST(Error, TheKindOfAHotPathCodeSaysWhatTheCallerMayDo) {
  EXPECT_EQ(kind_of(Errc::kEndOfStream), Error::Kind::kDisconnected);
  EXPECT_EQ(kind_of(Errc::kTimedOut), Error::Kind::kTimedOut);
  EXPECT_EQ(kind_of(Errc::kTooManyPending), Error::Kind::kOverloaded);
  EXPECT_EQ(kind_of(Errc::kUnknownTag), Error::Kind::kProtocol);
  EXPECT_EQ(kind_of(Errc::kNotDumpable), Error::Kind::kFailed);
}

TEST(Error, SaysWhatWasBeingDone) {
  const Error error = make_error(Errc::kTruncated, "reading a reply");
  EXPECT_EQ(error.kind(), Error::Kind::kProtocol);
  EXPECT_EQ(error.message(), "reading a reply: the bytes end in the middle of a value");
  EXPECT_STREQ(error.what(), error.message().c_str());
}

TEST(Error, KindsHaveNamesForLogs) {
  EXPECT_EQ(name_of(Error::Kind::kDisconnected), "disconnected");
  EXPECT_EQ(name_of(Error::Kind::kUnsupported), "unsupported");
}

Result<int> half(int number) {
  if (number % 2 != 0) return fail(Errc::kWrongType);
  return number / 2;
}

Result<int> quarter(int number) {
  SINEW_ASSIGN(const int once, half(number));
  SINEW_TRY(half(once));
  return half(once);
}

TEST(Errc, TheMacrosReturnTheFirstError) {
  EXPECT_EQ(quarter(12), 3);
  EXPECT_EQ(quarter(6).error(), Errc::kWrongType);
  EXPECT_EQ(quarter(5).error(), Errc::kWrongType);
}

}  // namespace
}  // namespace sinew
