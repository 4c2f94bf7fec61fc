// Any bytes as a message: a header that parses must be written back to one that parses to the same,
// and a body that decodes must survive being sent.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "wire/brine.h"
#include "wire/rpyc_message.h"
#include "wire/value.h"

namespace {

using namespace sinew;
using namespace sinew::wire;

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto message = parse_message({data, size});
  const auto slow = detail::parse_message_slow({data, size});
  require(message.has_value() == slow.has_value());
  if (!message) return 0;
  require(message->seq == slow->seq && message->body.data() == slow->body.data());

  ValueModel model;
  Reader in(message->body);
  const auto body = decode_brine(model, in, BrineLimits{});
  Writer out;
  begin_message(out, message->family, message->kind, message->seq);
  if (body) {
    require(encode_brine(model, &**body, out, BrineLimits{}).has_value());
  } else {
    out.append(message->body);
  }
  if (!out.borrowed().empty()) return 0;

  const auto again = parse_message(out.copied());
  require(again.has_value());
  require(again->family == message->family && again->kind == message->kind);
  require(again->seq == message->seq);
  return 0;
}
