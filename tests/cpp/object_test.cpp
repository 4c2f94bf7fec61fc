// What a C++ program does with objects of a Python interpreter.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "eventually.h"
#include "with_server.h"

namespace sinew::testing {
namespace {

class Objects : public WithServer {
 protected:
  void SetUp() override {
    WithServer::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) conn = connected();
  }

  Connection conn{nullptr};
};
INSTANTIATE_TEST_SUITE_P(Against, Objects, ::testing::ValuesIn(kServers), name_of_server);

TEST_P(Objects, PlainValuesCrossWhole) {
  const Object echo = conn.eval("lambda x: x");
  const Value values[] = {
      {},
      Value(true),
      Value(-5),
      Value::from_decimal("123456789012345678901234567890"),
      Value(2.5),
      Value(ComplexParts{1, -2}),
      Value("text \xc3\xa4"),
      Value::bytes({}),
      Value::tuple({Value(1), Value::tuple({Value("a"), Value()})}),
      Value::slice(Value(1), Value(), Value(2)),
      Value::frozen_set({Value(1), Value(2)}),
      Value::ellipsis(),
      Value::not_implemented(),
  };
  for (const Value& value : values) {
    EXPECT_EQ(echo(value).value(), value) << to_text(value);
  }
}

TEST_P(Objects, ContainersCrossAsTuplesAndComeBackAsWhatIsAskedFor) {
  const Object echo = conn.eval("lambda x: x");
  using Row = std::tuple<int, std::string, std::vector<double>>;
  const Row row{1, "two", {3.0, 4.5}};
  EXPECT_EQ(echo.invoke<Row>(row), row);
  EXPECT_EQ(echo.invoke<std::optional<int>>(std::optional<int>()), std::nullopt);
  EXPECT_EQ((echo.invoke<std::variant<int, std::string>>("x")),
            (std::variant<int, std::string>("x")));
  const std::vector<std::byte> bytes(100'000, std::byte{7});
  EXPECT_EQ(echo.invoke<std::vector<std::byte>>(bytes), bytes);
  EXPECT_EQ(conn.eval<std::set<int>>("{3, 1, 2}"), (std::set<int>{1, 2, 3}));
  EXPECT_EQ(conn.eval<std::vector<int>>("[i * i for i in range(5)]"),
            (std::vector<int>{0, 1, 4, 9, 16}));
  EXPECT_EQ(echo.invoke<double>(std::chrono::milliseconds(1500)), 1.5);
}

TEST_P(Objects, EveryContainerCrosses) {
  const Object echo = conn.eval("lambda x: x");
  const std::map<std::string, int> ages{{"ann", 40}, {"bob", 7}};
  const std::unordered_map<int, std::string> names{{1, "one"}, {2, "two"}};
  EXPECT_EQ((echo.invoke<std::map<std::string, int>>(ages)), ages);
  EXPECT_EQ((conn.eval<std::map<std::string, int>>("{'ann': 40, 'bob': 7}")), ages);
  EXPECT_EQ((conn.eval<std::unordered_map<int, std::string>>("{1: 'one', 2: 'two'}")), names);
  EXPECT_EQ(conn.builtin("dict").invoke<Object>(ages).item<int>("bob"), 7);
  EXPECT_EQ((conn.eval<std::map<int, std::vector<int>>>("{n: [n, n] for n in range(3000)}")[2999]),
            (std::vector<int>{2999, 2999}));
  const std::unordered_set<int> set{1, 2, 3};
  EXPECT_EQ(echo.invoke<std::unordered_set<int>>(set), set);
  EXPECT_EQ(conn.eval("lambda s: sum(s)").invoke<int>(set), 6);
  const std::deque<int> deque{1, 2};
  EXPECT_EQ(echo.invoke<std::deque<int>>(deque), deque);
  const std::vector<double> reals{0.5, 1.5};
  EXPECT_EQ(conn.builtin("sum").invoke<double>(std::span(reals)), 2.0);
  const std::array<std::uint8_t, 4> bytes{1, 2, 3, 4};
  EXPECT_EQ((echo.invoke<std::array<std::uint8_t, 4>>(bytes)), bytes);
  EXPECT_EQ(echo(bytes).type_name(), "bytes");
  EXPECT_EQ(echo.invoke<std::filesystem::path>(std::filesystem::path("/tmp/x")), "/tmp/x");
  EXPECT_TRUE(echo(std::nullopt).is_none());
}

TEST_P(Objects, TimesCrossAsSeconds) {
  const Object echo = conn.eval("lambda x: x");
  using Clock = std::chrono::system_clock;
  const auto then = Clock::time_point(std::chrono::seconds(1'700'000'000));
  EXPECT_EQ(echo.invoke<double>(then), 1.7e9);
  EXPECT_EQ(echo.invoke<Clock::time_point>(then), then);
  EXPECT_LT(std::chrono::abs(conn.module("time").call<Clock::time_point>("time") - Clock::now()),
            std::chrono::minutes(1));
  EXPECT_EQ(echo.invoke<std::chrono::seconds>(90.9), std::chrono::seconds(90));
  for (const char* const beyond : {"1e300", "-1e300", "float('nan')", "float('inf')"}) {
    EXPECT_THROW(conn.eval<std::chrono::nanoseconds>(beyond), ConversionError) << beyond;
  }
}

TEST_P(Objects, LargeBytesStayWhereTheyAre) {
  const std::size_t size = 5'000'000;
  auto made = std::make_shared<const std::vector<std::byte>>(size, std::byte{7});
  const std::weak_ptr<const void> lives = made;
  const Object echo = conn.eval("lambda x: x");
  {
    const Bytes mine(std::move(made));
    const Bytes back = echo.invoke<Bytes>(mine);
    EXPECT_EQ(back.size(), size);
    EXPECT_TRUE(std::ranges::all_of(back.span(), [](std::byte b) { return b == std::byte{7}; }));
    EXPECT_FALSE(lives.expired());
    conn.ping();
    EXPECT_EQ(back.span()[size - 1], std::byte{7}) << "the message that it came in is still there";
    EXPECT_EQ(echo.invoke<Bytes>(back).size(), size) << "and sent on from there";
  }
  EXPECT_TRUE(lives.expired());
  EXPECT_EQ(echo.invoke<Bytes>(Bytes()).size(), 0u);
  EXPECT_EQ(thrown_by<ConversionError>([&] { echo.invoke<Bytes>("x"); }), "'x' (str) is not bytes");
}

TEST_P(Objects, OfAnotherPeerAreTheSameEachTime) {
  const Connection other = connect(ServerProcess::shared("ours", "classic:slave").uri());
  const Object list = other.eval("[1, 2]");
  EXPECT_TRUE(conn.eval("lambda a, b: a is b").invoke<bool>(list, list));
  conn.execute("kept = []");
  conn.eval("kept.append")(list);
  EXPECT_TRUE(conn.eval("lambda a: a is kept[0]").invoke<bool>(list));
  EXPECT_TRUE(conn.eval("lambda a: a == a").invoke<bool>(list));
  EXPECT_EQ(conn.eval("lambda a: '%d %d %r' % (len(a), a[1], a)").invoke<std::string>(list),
            "2 2 [1, 2]")
      << "asked where it lives";
  EXPECT_TRUE(conn.eval("kept[0]").is(list)) << "and comes back as itself";
  conn.execute("kept.clear()");
}

TEST_P(Objects, AttributesAreReadWrittenAndDeleted) {
  const Object thing = conn.module("types").call("SimpleNamespace");
  thing.set("size", 7);
  EXPECT_EQ(thing.get<int>("size"), 7);
  EXPECT_TRUE(thing.has("size"));
  thing.del("size");
  EXPECT_FALSE(thing.has("size"));
  EXPECT_NE(thrown_by<RemoteError>([&] { thing.get("size"); }).find("AttributeError"),
            std::string::npos);
}

TEST_P(Objects, CallsTakePositionalAndNamedArguments) {
  const Object f = conn.eval("lambda *args, **kwargs: (args, sorted(kwargs.items()))");
  EXPECT_EQ(f(1, "b", arg("z") = 2, arg("y") = nullptr).item(0).value(),
            Value::tuple({Value(1), Value("b")}));
  EXPECT_EQ(conn.eval("'a-b'.replace").invoke<std::string>("-", "+"), "a+b");
  EXPECT_EQ(conn.builtin("int").invoke<int>("ff", arg("base") = 16), 255);
}

TEST_P(Objects, ItemsAreReadWrittenDeletedAndCounted) {
  const Object dict = conn.eval("{'a': 1}");
  dict.set_item("b", 2);
  EXPECT_EQ(dict.item<int>("b"), 2);
  EXPECT_EQ(dict.size(), 2u);
  EXPECT_TRUE(dict.contains("a"));
  dict.del_item("a");
  EXPECT_FALSE(dict.contains("a"));
  EXPECT_NE(thrown_by<RemoteError>([&] { dict.item("a"); }).find("KeyError"), std::string::npos);
}

TEST_P(Objects, ATupleHasItsItemsHere) {
  const Object tuple = conn.eval("(1, 'b', [3])");
  EXPECT_EQ(tuple.size(), 3u);
  EXPECT_EQ(tuple.item<int>(0), 1);
  EXPECT_EQ(tuple.item(-1).item<int>(0), 3);
  EXPECT_EQ(thrown_by<ConversionError>([&] { tuple.item(3); }), "index 3 is beyond a tuple of 3");
  conn.close();
  std::vector<std::string> types;
  for (const Object& item : tuple) types.push_back(item.type_name());
  EXPECT_EQ(types, (std::vector<std::string>{"int", "str", "builtins.list"}));
}

TEST_P(Objects, ALoopGoesThroughEveryItem) {
  for (const int count : {0, 1, 15, 16, 17, 5000}) {
    const Object list = conn.builtin("list")(conn.builtin("range")(count));
    int expected = 0;
    for (const Object& item : list) EXPECT_EQ(item.as<int>(), expected++);
    EXPECT_EQ(expected, count);
  }
}

TEST_P(Objects, AGeneratorRunsNoFurtherThanTheLoop) {
  conn.execute("made = []\ndef numbers():\n  for i in range(10):\n    made.append(i)\n    yield i");
  for (const Object& item : conn.eval("numbers()")) {
    if (item.as<int>() == 2) break;
  }
  EXPECT_EQ(conn.eval<int>("len(made)"), 3);
}

TEST_P(Objects, HaveWhatEveryObjectHas) {
  const Object list = conn.eval("[1, 2]");
  EXPECT_EQ(list.type_name(), "builtins.list");
  EXPECT_EQ(list.repr(), "[1, 2]");
  EXPECT_EQ(list.str(), "[1, 2]");
  EXPECT_TRUE(list.truth());
  EXPECT_FALSE(conn.eval("[]").truth());
  EXPECT_TRUE(conn.eval("object()").truth());
  const std::vector<std::string> names = list.dir();
  EXPECT_EQ(std::ranges::count(names, "append"), 1);
  EXPECT_NE(list.doc().find("mutable sequence"), std::string::npos);
  EXPECT_TRUE(list.isinstance(conn.builtin("list")));
  EXPECT_FALSE(list.isinstance(conn.builtin("dict")));
  EXPECT_EQ(conn.module("fractions").call("Fraction", 42).hash(), 42);
}

TEST_P(Objects, AreCompared) {
  const Object one = conn.eval("[1]");
  EXPECT_TRUE(one == conn.eval("[1]"));
  EXPECT_FALSE(one == conn.eval("[2]"));
  EXPECT_TRUE(one < conn.eval("[2]"));
  EXPECT_TRUE(one >= conn.eval("[1]"));
  EXPECT_FALSE(one.is(conn.eval("[1]")));
}

TEST_P(Objects, TheSameObjectIsTheSameProxy) {
  conn.execute("thing = object()");
  EXPECT_TRUE(conn.eval("thing").is(conn.eval("thing")));
  EXPECT_TRUE(conn.eval("lambda x: x is thing").invoke<bool>(conn.eval("thing")));
}

TEST_P(Objects, AContextManagerIsEnteredAndLeft) {
  conn.execute(
      "__name__ = 'session'\n"
      "class Manager:\n"
      "  log = []\n"
      "  def __enter__(self):\n    self.log.append('in')\n    return 'target'\n"
      "  def __exit__(self, kind, value, tb):\n    self.log.append(kind)\n");
  {
    const Entered entered(conn.eval("Manager()"));
    EXPECT_EQ(entered->as<std::string>(), "target");
  }
  EXPECT_EQ(conn.eval("Manager.log == ['in', None]").as<bool>(), true);
}

TEST_P(Objects, ModulesAndNamesOfTheInterpreter) {
  EXPECT_EQ(conn.module("os.path").call<std::string>("join", "a", "b"), "a/b");
  conn.execute("x = 20");
  EXPECT_EQ(conn.eval<int>("x + 1"), 21);
  EXPECT_EQ(conn.variables().item<int>("x"), 20);
}

TEST_P(Objects, ModulesAndTheRootAreAskedForOnce) {
  const Object os = conn.module("os");
  const Object pi = conn.eval("3.5");
  const Connection copy = conn;
  const TimeLimit none(std::chrono::nanoseconds(1));
  EXPECT_TRUE(conn.module("os").is(os)) << "or there would be no answer in time";
  EXPECT_TRUE(copy.module("os").is(os));
  EXPECT_NO_THROW(conn.root());
}

TEST_P(Objects, WhatWasAskedForIsForgottenWithTheConnection) {
  const Object os = conn.module("os");
  const Connection other = connected();
  EXPECT_FALSE(other.module("os").is(os)) << "another connection has its own";
  EXPECT_EQ(other.module("os").call<int>("getpid"), os.call<int>("getpid"));
  conn.close();
  EXPECT_EQ(thrown_by([&] { conn.module("os"); }), "the connection was closed");
  EXPECT_EQ(thrown_by([&] { conn.root(); }), "the connection was closed");
}

TEST_P(Objects, AModuleThatCannotBeImportedMayBeLater) {
  const auto later = [&] { return conn.module("made_later").get<int>("x"); };
  EXPECT_NE(thrown_by<RemoteError>(later).find("made_later"), std::string::npos);
  conn.module("sys").get("modules").set_item(
      "made_later", conn.module("types").call("SimpleNamespace", arg("x") = 5));
  EXPECT_EQ(later(), 5);
  conn.module("sys").get("modules").del_item("made_later");
}

TEST_P(Objects, AValueOfAnotherTypeIsRefused) {
  EXPECT_EQ(thrown_by<ConversionError>([&] { conn.eval<int>("'x'"); }), "'x' (str) is not an int");
  EXPECT_EQ(thrown_by<ConversionError>([&] { conn.eval<std::int8_t>("200"); }),
            "200 does not fit in 8 bits");
  EXPECT_EQ(thrown_by<ConversionError>([&] { conn.eval<unsigned>("-1"); }),
            "-1 does not fit in 32 bits without a sign");
  EXPECT_EQ(thrown_by<ConversionError>([&] { conn.eval<std::string>("[]"); }),
            "an object of type builtins.list is not a str");
  EXPECT_EQ(thrown_by<ConversionError>([&] { (conn.eval<std::pair<int, int>>("(1, 2, 3)")); }),
            "(1, 2, 3) (tuple) is not a tuple of 2");
}

TEST_P(Objects, ARemoteExceptionTellsAllAboutItself) {
  try {
    conn.eval("{}['missing']");
    FAIL() << "nothing was thrown";
  } catch (const RemoteError& error) {
    EXPECT_TRUE(error.is("KeyError"));
    EXPECT_STREQ(error.what(), "KeyError: missing");
    EXPECT_EQ(error.details().args, std::vector<Value>{Value("missing")});
    EXPECT_NE(error.traceback().find("Traceback (most recent call last)"), std::string::npos);
  }
}

class Services : public WithServer {};
INSTANTIATE_TEST_SUITE_P(Against, Services, ::testing::ValuesIn(kServers), name_of_server);

TEST_P(Services, ThatIsNoClassicServerSaysSo) {
  const Connection conn = connected("lifetime:tracker");
  EXPECT_NE(thrown_by([&] { conn.module("os"); }).find("not a classic server"), std::string::npos);
}

TEST_P(Services, ObjectsAreGivenBack) {
  const Connection conn = connected("lifetime:tracker");
  const Object root = conn.root();
  const int before = root.call<int>("living");
  {
    const auto tracked = root.call<std::vector<Object>>("make", 10'000);
    EXPECT_EQ(root.call<int>("living"), before + 10'000);
    EXPECT_EQ(root.call<int>("number", tracked[4711]), 4711);
  }
  EXPECT_TRUE(eventually([&] { return root.call<int>("living") == before; }));
}

}  // namespace
}  // namespace sinew::testing
