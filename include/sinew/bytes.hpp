#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "sinew/convert.hpp"
#include "sinew/value.hpp"

namespace sinew {

/// Bytes that are shared and not copied, for large ones: an image, a buffer of samples. Sent, they
/// go to the kernel from where they are; received, they stay where they were read.
///
///     auto image = camera.call<sinew::Bytes>("grab");                     // 80 MB, in one place
///     archive.call<void>("store", image);                                 // and from there on
///     archive.call<void>("store", sinew::Bytes(std::move(vector)));       // takes them over
///     archive.call<void>("store", sinew::Bytes(frame->pixels(), frame));  // keeps `frame`
///
/// What they lie in lives as long as a copy of this does, and as long as the message that carries
/// them is not sent as a whole, which may be after a call's time is over. Nobody may change them
/// meanwhile.
///
/// threads: a value; the same bytes may be read by any.
class Bytes {
 public:
  Bytes() = default;

  /// `content`, which lies in something that `owner` keeps.
  Bytes(std::span<const std::byte> content, std::shared_ptr<const void> owner)
      : value_(Value::bytes(detail::bytes_of(content), std::move(owner))) {}

  explicit Bytes(std::vector<std::byte>&& content)
      : Bytes(std::make_shared<const std::vector<std::byte>>(std::move(content))) {}
  explicit Bytes(std::shared_ptr<const std::vector<std::byte>> content)
      : Bytes(std::span<const std::byte>(*content), content) {}

  /// Good as long as this or a copy of it lives; not of a temporary.
  std::span<const std::byte> span() const& noexcept { return std::as_bytes(value_.bytes()); }
  void span() const&& = delete;

  std::size_t size() const noexcept { return value_.bytes().size(); }

 private:
  friend struct Converter<Bytes>;
  explicit Bytes(Value value) : value_(std::move(value)) {}

  Value value_ = Value::bytes({});
};

template <>
struct Converter<Bytes> {
  static Value to_value(const Bytes& bytes) { return bytes.value_; }
  static Bytes from_value(const Value& value) {
    if (value.kind() != ValueKind::kBytes) detail::refuse_conversion(value, "bytes");
    return Bytes(value);
  }
};

}  // namespace sinew
