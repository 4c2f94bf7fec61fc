#include "wire/rpyc_message.h"

#include "base/reader.h"

namespace sinew::wire::detail {
namespace {

Result<MessageKind> kind_of(std::int64_t code) noexcept {
  if (code < 1 || code > 4) return fail(Errc::kUnknownMessage);
  return static_cast<MessageKind>(code);
}

/// The sequence number and the body, which the two families have in common.
Result<Message> parse_rest(Reader& in, Family family, MessageKind kind) noexcept {
  SINEW_ASSIGN(const std::int64_t seq, read_int(in));
  if (in.empty()) return fail(Errc::kTruncated);
  return Message{family, kind, seq, ByteView{in.position(), in.remaining()}};
}

}  // namespace

Result<Message> parse_message_slow(ByteView payload) noexcept {
  Reader in(payload);
  SINEW_ASSIGN(const std::uint8_t first, in.take());
  if (first < kTagTuple1) {
    SINEW_ASSIGN(const MessageKind kind, kind_of(first));
    SINEW_TRY(read_tuple_header_of(in, 2));
    return parse_rest(in, Family::kC, kind);
  }
  // Stock peers of family B always write the short form; the longer ones are legal brine.
  if (first != kTagTuple1 + 2 && first != kTagTupleL1 && first != kTagTupleL4) {
    return fail(Errc::kWrongFamily);
  }
  in = Reader(payload);
  SINEW_TRY(read_tuple_header_of(in, 3));
  SINEW_ASSIGN(const std::int64_t code, read_int(in));
  SINEW_ASSIGN(const MessageKind kind, kind_of(code));
  return parse_rest(in, Family::kB, kind);
}

}  // namespace sinew::wire::detail
