#pragma once

#include <optional>

#include "base/bytes.h"
#include "rpc/session.h"
#include "wire/brine_tokens.h"

namespace sinew::python {

/// The number of the handler that a request is for, or nothing where something else stands.
inline std::optional<std::int64_t> code_of(const rpc::Incoming& request) noexcept {
  Reader in(request.body.bytes());
  if (!wire::read_tuple_header_of(in, 2) || !wire::next_is_int(in)) return std::nullopt;
  const auto code = wire::read_int(in);
  return code ? std::optional(*code) : std::nullopt;
}

/// The arguments of a request, as a box.
inline Reader arguments_of(const rpc::Incoming& request) noexcept {
  Reader in(request.body.bytes());
  if (wire::read_tuple_header_of(in, 2)) static_cast<void>(wire::read_int(in));
  return in;
}

}  // namespace sinew::python
