#include "cli/syntax.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "cli/exit_codes.h"
#include "cli/string_literal.h"
#include "wire/value.h"

namespace sinew::cli {
namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_letter(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

class Parser {
 public:
  Parser(std::string_view text, bool names) : text_(text), names_(names) {
    if (text.size() > kMaxText) {
      throw UsageError(
          fmt::format("a text of {} bytes is too long (at most {})", text.size(), kMaxText));
    }
    if (!wire::is_utf8({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()})) {
      throw UsageError("the text is not UTF-8");
    }
  }

  Node whole() {
    Node node = term();
    skip_spaces();
    if (at_ != text_.size()) fail("unexpected text");
    return node;
  }

 private:
  [[noreturn]] void fail(std::string_view what) const {
    constexpr std::size_t kShown = 40;
    const std::string_view shown = text_.substr(0, kShown);
    throw UsageError(fmt::format("{} at character {} of: {}{}", what, at_ + 1, shown,
                                 shown.size() < text_.size() ? "..." : ""));
  }

  char peek(std::size_t ahead = 0) const noexcept {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool accept(char c) noexcept {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void skip_spaces() noexcept {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }

  // A literal or a name, and what follows a name.
  Node term() {
    if (++depth_ > kMaxDepth) fail(fmt::format("more than {} brackets in each other", kMaxDepth));
    skip_spaces();
    Node node = primary();
    while (names_) {
      skip_spaces();
      if (accept('.')) {
        node = attribute(std::move(node));
      } else if (accept('(')) {
        node = call(std::move(node));
      } else if (accept('[')) {
        node = item(std::move(node));
      } else {
        break;
      }
      if (++steps_ > kMaxSteps) fail(fmt::format("more than {} steps", kMaxSteps));
    }
    --depth_;
    return node;
  }

  Node primary() {
    if (at_ == text_.size()) fail("something is missing");
    const char c = text_[at_];
    if (is_digit(c) || c == '-' || c == '+' || (c == '.' && is_digit(peek(1)))) return number();
    if (auto string = read_string_literal(text_, at_)) return {.value = *std::move(string)};
    if (accept('(')) return tuple();
    if (accept('[')) return {.kind = Node::Kind::kList, .parts = items(']')};
    if (accept('{')) return braces();
    if (is_letter(c)) return word();
    if (text_.substr(at_, 3) == "...") {
      at_ += 3;
      return {.value = Value::ellipsis()};
    }
    fail("unexpected text");
  }

  Node word() {
    const std::string_view found = identifier();
    if (found == "None" || found == "null") return {};
    if (found == "True" || found == "true") return {.value = true};
    if (found == "False" || found == "false") return {.value = false};
    if (names_) return {.kind = Node::Kind::kName, .name = std::string(found)};
    at_ -= found.size();
    fail("a name, where a literal is wanted; text is written in quotes");
  }

  std::string_view identifier() {
    const std::size_t begin = at_;
    if (!is_letter(peek())) fail("a name is missing");
    while (is_letter(peek()) || is_digit(peek())) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  // Behind the opening bracket.
  std::vector<Node> items(char closing) {
    std::vector<Node> found;
    while (true) {
      skip_spaces();
      if (accept(closing)) return found;
      found.push_back(term());
      skip_spaces();
      if (accept(closing)) return found;
      if (!accept(',')) fail(fmt::format("',' or '{}' is missing", closing));
    }
  }

  Node tuple() {
    skip_spaces();
    if (accept(')')) return {.kind = Node::Kind::kTuple};
    Node first = term();
    skip_spaces();
    if (accept(')')) return first;
    if (!accept(',')) fail("',' or ')' is missing");
    std::vector<Node> rest = items(')');
    rest.insert(rest.begin(), std::move(first));
    return {.kind = Node::Kind::kTuple, .parts = std::move(rest)};
  }

  Node braces() {
    skip_spaces();
    if (accept('}')) return {.kind = Node::Kind::kDict};
    Node first = term();
    skip_spaces();
    if (peek() == ':') return dictionary(std::move(first));
    std::vector<Node> members;
    if (!accept('}')) {
      if (!accept(',')) fail("',', ':' or '}' is missing");
      members = items('}');
    }
    members.insert(members.begin(), std::move(first));
    return {.kind = Node::Kind::kSet, .parts = std::move(members)};
  }

  Node dictionary(Node first_key) {
    Node made{.kind = Node::Kind::kDict};
    made.parts.push_back(std::move(first_key));
    while (true) {
      skip_spaces();
      if (!accept(':')) fail("':' is missing");
      made.parts.push_back(term());
      skip_spaces();
      if (accept('}')) return made;
      if (!accept(',')) fail("',' or '}' is missing");
      skip_spaces();
      if (accept('}')) return made;
      made.parts.push_back(term());
    }
  }

  Node attribute(Node of) {
    skip_spaces();
    Node made{.kind = Node::Kind::kAttribute, .name = std::string(identifier())};
    made.parts.push_back(std::move(of));
    return made;
  }

  Node item(Node of) {
    Node made{.kind = Node::Kind::kItem};
    made.parts.push_back(std::move(of));
    made.parts.push_back(term());
    skip_spaces();
    if (!accept(']')) fail("']' is missing");
    return made;
  }

  Node call(Node of) {
    Node made{.kind = Node::Kind::kCall};
    made.parts.push_back(std::move(of));
    while (true) {
      skip_spaces();
      if (accept(')')) return made;
      if (std::string name = argument_name(); !name.empty()) {
        made.names.push_back(std::move(name));
      } else if (!made.names.empty()) {
        fail("a positional argument follows a named one");
      }
      made.parts.push_back(term());
      skip_spaces();
      if (accept(')')) return made;
      if (!accept(',')) fail("',' or ')' is missing");
    }
  }

  // `name=`, or nothing.
  std::string argument_name() {
    const std::size_t begin = at_;
    if (is_letter(peek())) {
      std::string name(identifier());
      skip_spaces();
      if (peek() == '=' && peek(1) != '=') {
        ++at_;
        return name;
      }
    }
    at_ = begin;
    return {};
  }

  // -- Numbers ---------------------------------------------------------------------------------

  Node number() {
    Value first = real_or_integer();
    if (accept_imaginary()) return {.value = ComplexParts{0, as_double(first)}};
    const char sign = peek();
    if ((sign == '+' || sign == '-') && (is_digit(peek(1)) || peek(1) == '.')) {
      const Value second = real_or_integer();
      if (!accept_imaginary()) fail("'j' is missing: calculations are not literals");
      return {.value = ComplexParts{as_double(first), as_double(second)}};
    }
    if (is_letter(peek())) fail("unexpected text behind a number");
    return {.value = std::move(first)};
  }

  bool accept_imaginary() noexcept { return accept('j') || accept('J'); }

  static double as_double(const Value& value) {
    if (value.kind() == ValueKind::kReal) return value.real();
    return std::strtod(value.decimal().c_str(), nullptr);
  }

  Value real_or_integer() {
    const bool negative = peek() == '-';
    if (negative || peek() == '+') ++at_;
    if (peek() == '0' && (peek(1) | 0x20) >= 'a' && is_letter(peek(1))) {
      if (const int base = base_of(static_cast<char>(peek(1) | 0x20)); base != 0) {
        return in_base(base, negative);
      }
    }
    std::string digits = negative ? "-" : "";
    bool is_real = false;
    const std::size_t whole = read_digits(digits);
    std::size_t fraction = 0;
    if (accept('.')) {
      is_real = true;
      digits += '.';
      fraction = read_digits(digits);
    }
    if (whole + fraction == 0) fail("a digit is missing");
    if ((peek() | 0x20) == 'e' && (is_digit(peek(1)) || peek(1) == '-' || peek(1) == '+')) {
      is_real = true;
      digits += 'e';
      ++at_;
      if (peek() == '-' || peek() == '+') digits += text_[at_++];
      if (read_digits(digits) == 0) fail("a digit is missing");
    }
    if (is_real) return std::strtod(digits.c_str(), nullptr);
    return Value::from_decimal(digits);
  }

  static int base_of(char letter) noexcept {
    return letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
  }

  // Appends digits, in which single underscores may stand; returns how many.
  std::size_t read_digits(std::string& into) {
    std::size_t count = 0;
    while (is_digit(peek()) || (peek() == '_' && count > 0 && is_digit(peek(1)))) {
      if (peek() != '_') {
        into += peek();
        ++count;
      }
      ++at_;
    }
    return count;
  }

  Value in_base(int base, bool negative) {
    at_ += 2;
    std::string digits;
    while (is_letter(peek()) || is_digit(peek())) {
      if (peek() != '_') digits += peek();
      ++at_;
    }
    std::uint64_t number = 0;
    const char* const end = digits.data() + digits.size();
    const auto [stopped, error] = std::from_chars(digits.data(), end, number, base);
    if (error == std::errc::result_out_of_range) fail("larger than 64 bits: write it in decimal");
    if (error != std::errc() || stopped != end) fail("a digit is wrong");
    if (!negative) return number;
    return Value::from_decimal("-" + std::to_string(number));
  }

  const std::string_view text_;
  const bool names_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  std::size_t steps_ = 0;
};

}  // namespace

Node parse_literal(std::string_view text) { return Parser(text, false).whole(); }
Node parse_expression(std::string_view text) { return Parser(text, true).whole(); }

Node parse_word(std::string_view word) {
  if (const auto begin = word.find_first_not_of(' '); begin != word.npos && word[begin] == '[') {
    word.remove_prefix(begin);
  }
  constexpr std::string_view kOpening = "\"'([{";
  const bool is_quoted = !word.empty() && kOpening.find(word.front()) != std::string_view::npos;
  // b"..." and the like.
  const std::size_t quote = word.find_first_of("\"'");
  const bool has_prefix = quote != std::string_view::npos && quote <= 2 && quote > 0 &&
                          word.find_first_not_of("bBrRuU") == quote;
  if (is_quoted || has_prefix) return parse_literal(word);
  try {
    return parse_literal(word);
  } catch (const UsageError&) {
    if (!wire::is_utf8({reinterpret_cast<const std::uint8_t*>(word.data()), word.size()}) ||
        word.size() > kMaxText) {
      throw;
    }
    return {.value = word};
  }
}

bool is_name(std::string_view text) noexcept {
  if (text.empty() || !is_letter(text.front())) return false;
  for (const char c : text) {
    if (!is_letter(c) && !is_digit(c)) return false;
  }
  return true;
}

}  // namespace sinew::cli
