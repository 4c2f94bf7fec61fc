#pragma once

#include <string>
#include <string_view>

#include "sinew/object.hpp"

namespace sinew::cli {

/// `text` as a JSON string, in quotes. What is no UTF-8 becomes U+FFFD.
std::string json_text(std::string_view text);

/// A real number; what JSON has no number for is a string: "nan", "inf", "-inf".
std::string json_number(double value);

/// An object as JSON, on one line. Lists, tuples and sets are arrays, and so are their like; a dict
/// is an object whose keys are text; the peer's lists and dicts are fetched. Bytes are
/// {"bytes": "<hexadecimal>"}, complex numbers {"real": , "imaginary": }; what is none of these is
/// {"type": , "repr": }. Throws what asking the peer throws, and MissingError beyond kMaxJsonDepth
/// or kMaxJsonItems: by then the call has been made.
std::string json_of(const Object& object);

inline constexpr std::size_t kMaxJsonDepth = 50;
inline constexpr std::size_t kMaxJsonItems = 10'000'000;

}  // namespace sinew::cli
