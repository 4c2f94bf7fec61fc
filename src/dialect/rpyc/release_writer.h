#pragma once

#include <cstdint>
#include <functional>

#include "base/writer.h"
#include "dialect/rpyc/boxing.h"
#include "dialect/rpyc/extensions.h"
#include "dialect/rpyc/thread_binding.h"
#include "wire/rpyc_frame.h"

namespace sinew::dialect::rpyc {

/// Writes the messages that give references back: a DEL for each, or with the extension `release`
/// one message for many.
///
/// threads: one.
class ReleaseWriter {
 public:
  /// `extended`: the peer agrees on Extension::kRelease. `next_seq` numbers the requests.
  /// `bound`: messages name threads; these go to any.
  ReleaseWriter(wire::Family family, bool extended, std::function<std::int64_t()> next_seq,
                bool bound = false)
      : family_(family), extended_(extended), bound_(bound), next_seq_(std::move(next_seq)) {}

  /// Gives `count` receptions of an object back, whose id `write_id(out)` writes. Throws
  /// std::bad_alloc.
  template <class WriteId>
  void add(std::int64_t count, WriteId write_id) {
    if (extended_) {
      wire::write_tuple_header(entries_, 2);
      write_id(entries_);
      wire::write_int(entries_, count);
      if (++entry_count_ == kMostEntries) end_message();
      return;
    }
    const std::size_t start = wire::begin_frame(out_);
    if (bound_) write_thread_binding(out_, binding_for_sending(nullptr));
    wire::begin_message(out_, family_, wire::MessageKind::kRequest, next_seq_());
    wire::write_tuple_header(out_, 2);
    wire::write_int(out_, static_cast<std::int64_t>(Handler::kDel));
    write_label(out_, Label::kTuple);
    wire::write_tuple_header(out_, 2);
    write_label(out_, Label::kLocalRef);
    write_id(out_);
    write_label(out_, Label::kValue);
    wire::write_int(out_, count);
    static_cast<void>(wire::end_frame(out_, start));  // far below the largest frame
  }

  /// All of it, complete messages. Nothing may be added after.
  const Writer& finish() {
    if (entry_count_ > 0) end_message();
    return out_;
  }

 private:
  static constexpr std::size_t kMostEntries = 1000;  // some 60 KB: a message like others

  void end_message() {
    const std::size_t start = begin_extension(out_, family_, Extension::kRelease);
    wire::write_tuple_header(out_, entry_count_);
    out_.append(entries_.copied());
    static_cast<void>(wire::end_frame(out_, start));
    entries_.clear();
    entry_count_ = 0;
  }

  const wire::Family family_;
  const bool extended_;
  const bool bound_;
  const std::function<std::int64_t()> next_seq_;
  Writer out_;
  Writer entries_;
  std::size_t entry_count_ = 0;
};

}  // namespace sinew::dialect::rpyc
