#include "sinew/convert.hpp"

#include <charconv>
#include <limits>

#include <fmt/format.h>

#include "sinew/function.hpp"
#include "sinew/object.hpp"
#include "sinew/python_error.hpp"

namespace sinew::detail {
namespace {

// A value's text, for messages.
std::string shown(const Value& value) {
  constexpr std::size_t kMost = 60;
  std::string text = to_text(value);
  if (text.size() > kMost) text = text.substr(0, kMost) + "...";
  return text;
}

}  // namespace

void refuse_conversion(const Value& value, std::string_view wanted) {
  const std::string type = Object(value).type_name();
  throw ConversionError(value.kind() == ValueKind::kOther
                            ? fmt::format("an object of type {} is not {}", type, wanted)
                            : fmt::format("{} ({}) is not {}", shown(value), type, wanted));
}

void refuse_integer(const Value& value, std::size_t bits, bool is_signed) {
  throw ConversionError(fmt::format("{} does not fit in {} bits{}", shown(value), bits,
                                    is_signed ? "" : " without a sign"));
}

std::int64_t signed_integer(const Value& value, std::size_t bits) {
  if (value.kind() != ValueKind::kInteger) refuse_conversion(value, "an int");
  const auto number = value.integer();
  const auto most = std::numeric_limits<std::int64_t>::max() >> (64 - bits);
  if (!number || *number > most || *number < -most - 1) refuse_integer(value, bits, true);
  return *number;
}

std::uint64_t unsigned_integer(const Value& value, std::size_t bits) {
  if (value.kind() != ValueKind::kInteger) refuse_conversion(value, "an int");
  std::uint64_t number = 0;
  const std::string text = value.decimal();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const auto most = std::numeric_limits<std::uint64_t>::max() >> (64 - bits);
  if (error != std::errc() || end != text.data() + text.size() || number > most) {
    refuse_integer(value, bits, false);
  }
  return number;
}

double real_number(const Value& value) {
  if (value.kind() == ValueKind::kReal) return value.real();
  if (value.kind() != ValueKind::kInteger) refuse_conversion(value, "a float");
  if (const auto small = value.integer()) return static_cast<double>(*small);
  const std::string text = value.decimal();
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) throw ConversionError(shown(value) + " is too large for a float");
  return number;
}

std::vector<Value> items_of(const Value& value) {
  if (value.kind() == ValueKind::kTuple || value.kind() == ValueKind::kFrozenSet) {
    return {value.items().begin(), value.items().end()};
  }
  if (value.kind() != ValueKind::kOther) refuse_conversion(value, "a container");
  std::vector<Value> items;
  const Object object(value);
  for (auto it = object.begin(); it != object.end(); ++it) items.push_back(it->value());
  return items;
}

std::vector<Value> pairs_of(const Value& value) {
  if (value.kind() != ValueKind::kOther) return items_of(value);
  return items_of(Object(value).call("items").value());
}

void expect_arguments(const Arguments& arguments, std::size_t count) {
  if (arguments.named.empty() && arguments.positional.size() == count) return;
  if (!arguments.named.empty()) {
    throw PythonError("TypeError", {Value(fmt::format("the function takes no argument named '{}'",
                                                      arguments.named.front().first))});
  }
  throw PythonError("TypeError",
                    {Value(fmt::format("the function takes {} argument{}, {} given", count,
                                       count == 1 ? "" : "s", arguments.positional.size()))});
}

}  // namespace sinew::detail
