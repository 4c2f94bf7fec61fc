#include "cli/json.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "cli/exit_codes.h"
#include "wire/value.h"

namespace sinew::cli {
namespace {

constexpr std::array<std::string_view, 5> kSequences{
    "builtins.list", "builtins.tuple", "builtins.set", "builtins.frozenset", "collections.deque"};
constexpr std::array<std::string_view, 4> kMappings{
    "builtins.dict", "collections.OrderedDict", "collections.defaultdict", "collections.Counter"};

bool contains(std::span<const std::string_view> names, std::string_view name) {
  for (const std::string_view one : names) {
    if (one == name) return true;
  }
  return false;
}

// The length of the well-formed character that begins at `at`; 0: none does.
std::size_t character_at(std::string_view text, std::size_t at) {
  for (std::size_t size = 1; size <= 4 && at + size <= text.size(); ++size) {
    const auto* const begin = reinterpret_cast<const std::uint8_t*>(text.data() + at);
    if (wire::is_utf8({begin, size})) return size;
  }
  return 0;
}

class JsonWriter {
 public:
  std::string take() { return std::move(out_); }

  void write(const Object& object, std::size_t depth) {
    if (depth > kMaxJsonDepth) {
      throw MissingError(
          fmt::format("the result is more than {} containers deep: no JSON", kMaxJsonDepth));
    }
    if (++items_ > kMaxJsonItems) {
      throw MissingError(fmt::format("the result has more than {} items: no JSON", kMaxJsonItems));
    }
    if (object.is_reference()) {
      write_reference(object, depth);
    } else {
      write_value(object.value(), depth);
    }
  }

 private:
  void write_value(const Value& value, std::size_t depth) {
    switch (value.kind()) {
      case ValueKind::kNone: out_ += "null"; return;
      case ValueKind::kTrue: out_ += "true"; return;
      case ValueKind::kFalse: out_ += "false"; return;
      case ValueKind::kInteger: out_ += value.decimal(); return;
      case ValueKind::kReal: out_ += json_number(value.real()); return;
      case ValueKind::kText: out_ += json_text(value.text()); return;
      case ValueKind::kComplex:
        out_ += fmt::format(R"({{"real": {}, "imaginary": {}}})", json_number(value.complex().real),
                            json_number(value.complex().imaginary));
        return;
      case ValueKind::kBytes: write_bytes(value.bytes()); return;
      case ValueKind::kTuple:
      case ValueKind::kFrozenSet: write_items(value.items(), depth); return;
      default: out_ += fmt::format(R"({{"repr": {}}})", json_text(to_text(value))); return;
    }
  }

  void write_bytes(std::span<const std::uint8_t> bytes) {
    out_ += R"({"bytes": ")";
    for (const std::uint8_t byte : bytes) out_ += fmt::format("{:02x}", byte);
    out_ += "\"}";
  }

  template <class Items>
  void write_items(const Items& items, std::size_t depth) {
    out_ += '[';
    bool is_first = true;
    for (const auto& item : items) {
      if (!is_first) out_ += ", ";
      is_first = false;
      write(item, depth + 1);
    }
    out_ += ']';
  }

  void write_reference(const Object& object, std::size_t depth) {
    const std::string type = object.type_name();
    if (contains(kSequences, type)) {
      write_items(object, depth);
    } else if (contains(kMappings, type)) {
      write_mapping(object, depth);
    } else {
      out_ +=
          fmt::format(R"({{"type": {}, "repr": {}}})", json_text(type), json_text(object.repr()));
    }
  }

  // By its keys: a service lends iteration and items, not the method `items`.
  void write_mapping(const Object& object, std::size_t depth) {
    out_ += '{';
    bool is_first = true;
    for (const Object& key : object) {
      if (!is_first) out_ += ", ";
      is_first = false;
      out_ += json_text(key.str());
      out_ += ": ";
      write(object.item(key), depth + 1);
    }
    out_ += '}';
  }

  std::string out_;
  std::size_t items_ = 0;
};

}  // namespace

std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
      ++i;
    } else if (c == '\n' || c == '\t' || c == '\r') {
      out += c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r";
      ++i;
    } else if (c < 0x20 || c == 0x7F) {
      out += fmt::format("\\u{:04x}", c);
      ++i;
    } else if (const std::size_t size = character_at(text, i); size != 0) {
      out += text.substr(i, size);
      i += size;
    } else {
      out += "\\ufffd";
      ++i;
    }
  }
  return out + "\"";
}

std::string json_number(double value) {
  if (std::isnan(value)) return "\"nan\"";
  if (std::isinf(value)) return value > 0 ? "\"inf\"" : "\"-inf\"";
  return to_text(value);
}

std::string json_of(const Object& object) {
  JsonWriter writer;
  writer.write(object, 0);
  return writer.take();
}

}  // namespace sinew::cli
