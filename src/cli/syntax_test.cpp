#include "cli/syntax.h"

#include <gtest/gtest.h>

#include <string>

#include "cli/exit_codes.h"

namespace sinew::cli {
namespace {

// The node as Python would write it, so that a test reads as what it is about.
std::string shown(const Node& node) {
  const auto list = [&node](std::string_view open, std::string_view close) {
    std::string text(open);
    for (const Node& part : node.parts) text += shown(part) + ",";
    return text + std::string(close);
  };
  switch (node.kind) {
    case Node::Kind::kValue: return to_text(node.value);
    case Node::Kind::kTuple: return list("(", ")");
    case Node::Kind::kList: return list("[", "]");
    case Node::Kind::kSet: return list("set(", ")");
    case Node::Kind::kDict: return list("dict(", ")");
    case Node::Kind::kName: return node.name;
    case Node::Kind::kAttribute: return shown(node.parts[0]) + "." + node.name;
    case Node::Kind::kItem: return shown(node.parts[0]) + "[" + shown(node.parts[1]) + "]";
    case Node::Kind::kCall: break;
  }
  std::string text = shown(node.parts[0]) + "(";
  const std::size_t unnamed = node.parts.size() - node.names.size();
  for (std::size_t i = 1; i < node.parts.size(); ++i) {
    if (i >= unnamed) text += node.names[i - unnamed] + "=";
    text += shown(node.parts[i]) + ",";
  }
  return text + ")";
}

std::string literal(std::string_view text) { return shown(parse_literal(text)); }
std::string expression(std::string_view text) { return shown(parse_expression(text)); }
std::string word(std::string_view text) { return shown(parse_word(text)); }

std::string complaint(std::string_view text) {
  try {
    parse_expression(text);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no complaint";
}

TEST(Literal, Constants) {
  EXPECT_EQ(literal("None"), "None");
  EXPECT_EQ(literal("null"), "None");
  EXPECT_EQ(literal("True"), "True");
  EXPECT_EQ(literal(" false "), "False");
  EXPECT_EQ(literal("..."), "Ellipsis");
}

TEST(Literal, Integers) {
  EXPECT_EQ(literal("0"), "0");
  EXPECT_EQ(literal("-12"), "-12");
  EXPECT_EQ(literal("+1_000_000"), "1000000");
  EXPECT_EQ(literal("0xFF"), "255");
  EXPECT_EQ(literal("-0b101"), "-5");
  EXPECT_EQ(literal("0o17"), "15");
  EXPECT_EQ(literal("0xFFFF_FFFF_FFFF_FFFF"), "18446744073709551615");
  EXPECT_EQ(literal("-0xFFFFFFFFFFFFFFFF"), "-18446744073709551615");
  EXPECT_EQ(literal("123456789012345678901234567890"), "123456789012345678901234567890");
}

TEST(Literal, RealAndComplexNumbers) {
  EXPECT_EQ(literal("2.5"), "2.5");
  EXPECT_EQ(literal("-.5"), "-0.5");
  EXPECT_EQ(literal("1."), "1.0");
  EXPECT_EQ(literal("1e3"), "1000.0");
  EXPECT_EQ(literal("1.5E-3"), "0.0015");
  EXPECT_EQ(literal("2j"), "2j");
  EXPECT_EQ(literal("1-2.5j"), "(1-2.5j)");
}

TEST(Literal, Strings) {
  EXPECT_EQ(literal(R"("a b")"), "'a b'");
  EXPECT_EQ(literal(R"('it\'s\n')"), R"("it's\n")");
  EXPECT_EQ(literal(R"('\x41\u00e9\U0001F600\101\0')"),
            "'A\xc3\xa9\xf0\x9f\x98\x80"
            R"(A\x00')");
  EXPECT_EQ(literal(R"(r'\n')"), R"('\\n')");
  EXPECT_EQ(literal(R"('\q')"), R"('\\q')");
  EXPECT_EQ(literal(R"('''a'b''')"), R"("a'b")");
  EXPECT_EQ(literal("''"), "''");
  EXPECT_EQ(literal(R"(b'\xff\0a')"), R"(b'\xff\x00a')");
  EXPECT_EQ(literal(R"(rb'\x')"), R"(b'\\x')");
}

TEST(Literal, Containers) {
  EXPECT_EQ(literal("[1, 2.5, 'x',]"), "[1,2.5,'x',]");
  EXPECT_EQ(literal("()"), "()");
  EXPECT_EQ(literal("(1)"), "1");
  EXPECT_EQ(literal("(1,)"), "(1,)");
  EXPECT_EQ(literal("{}"), "dict()");
  EXPECT_EQ(literal("{1}"), "set(1,)");
  EXPECT_EQ(literal("{1, 2,}"), "set(1,2,)");
  EXPECT_EQ(literal(R"({"a": [1], 2: {3: ()},})"), "dict('a',[1,],2,dict(3,(),),)");
}

TEST(Word, IsAStringIfItIsNoLiteral) {
  EXPECT_EQ(word("red"), "'red'");
  EXPECT_EQ(word("10.0.0.1"), "'10.0.0.1'");
  EXPECT_EQ(word("2026-11-21"), "'2026-11-21'");
  EXPECT_EQ(word("1+1"), "'1+1'");
  EXPECT_EQ(word("-v"), "'-v'");
  EXPECT_EQ(word(""), "''");
  EXPECT_EQ(word("a 'b'"), R"("a 'b'")");
  EXPECT_EQ(word("it's"), R"("it's")");
  EXPECT_EQ(word("3"), "3");
  EXPECT_EQ(word("true"), "True");
  EXPECT_EQ(word("'3'"), "'3'");
  EXPECT_EQ(word("b'3'"), "b'3'");
}

TEST(Word, ThatBeginsAsALiteralHasToBeOne) {
  for (const char* const wrong : {"[1, 2", "'abc", "{1:}", "(", "b'abc", "[red]", "[1] 2"}) {
    EXPECT_THROW(parse_word(wrong), UsageError) << wrong;
  }
}

TEST(Word, HasToBeUtf8) {
  EXPECT_THROW(parse_word("\xff"), UsageError);
  EXPECT_THROW(parse_word("'\xc3'"), UsageError);
}

TEST(Expression, NamesCallsAndItems) {
  EXPECT_EQ(expression("a"), "a");
  EXPECT_EQ(expression("a.b . c"), "a.b.c");
  EXPECT_EQ(expression("add(1, b=2)"), "add(1,b=2,)");
  EXPECT_EQ(expression("f(g(1), [h])[0].x()"), "f(g(1,),[h,],)[0].x()");
  EXPECT_EQ(expression("table['key']"), "table['key']");
  EXPECT_EQ(expression("f(x = y)"), "f(x=y,)");
}

TEST(Expression, SaysWhereItIsWrong) {
  EXPECT_EQ(complaint("f(1"), "',' or ')' is missing at character 4 of: f(1");
  EXPECT_EQ(complaint("f(a=1, 2)"),
            "a positional argument follows a named one at character 8 of: f(a=1, 2)");
  EXPECT_EQ(complaint("a b"), "unexpected text at character 3 of: a b");
  EXPECT_EQ(complaint(""), "something is missing at character 1 of: ");
  EXPECT_EQ(complaint("a."), "a name is missing at character 3 of: a.");
  EXPECT_EQ(complaint("1 +"), "unexpected text at character 3 of: 1 +");
  EXPECT_EQ(complaint("'\\ud800'"), "there is no such character: '\\ud800'");
  EXPECT_EQ(complaint("0x1FFFFFFFFFFFFFFFF"),
            "larger than 64 bits: write it in decimal at character 20 of: 0x1FFFFFFFFFFFFFFFF");
}

TEST(Syntax, IsBounded) {
  EXPECT_NO_THROW(parse_literal(std::string(kMaxDepth - 1, '[') + std::string(kMaxDepth - 1, ']')));
  EXPECT_THROW(parse_literal(std::string(kMaxDepth + 1, '[')), UsageError);
  EXPECT_THROW(parse_literal(std::string(kMaxText + 1, ' ')), UsageError);
  EXPECT_THROW(parse_word(std::string(kMaxText + 1, 'a')), UsageError);
}

TEST(Expression, HasABoundedNumberOfSteps) {
  std::string path = "a";
  for (std::size_t i = 0; i < kMaxSteps; ++i) path += i % 2 == 0 ? ".b" : "(1)";
  EXPECT_NO_THROW(parse_expression(path));
  EXPECT_EQ(complaint(path + ".b").substr(0, 20), "more than 200 steps ");
}

TEST(Name, IsOneInPython) {
  EXPECT_TRUE(is_name("_a1"));
  EXPECT_FALSE(is_name("1a"));
  EXPECT_FALSE(is_name("a-b"));
  EXPECT_FALSE(is_name(""));
}

}  // namespace
}  // namespace sinew::cli
