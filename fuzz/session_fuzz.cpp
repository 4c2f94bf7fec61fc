// Any bytes as a stream from a peer, against a session that has exports and makes proxies: frames
// are cut, opened and unboxed as the engine does it. Whatever unboxes must survive being boxed.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <tuple>

#include "dialect/rpyc/boxing.h"
#include "dialect/rpyc/rpyc_session.h"
#include "object/export_table.h"
#include "wire/value.h"

namespace {

using namespace sinew;
using namespace sinew::dialect::rpyc;

void require(bool condition) {
  if (!condition) std::abort();
}

// C++ values with references: exports by number, imports by id.
class FuzzModel : public wire::ValueModel {
 public:
  bool is_import(const wire::Value* value) const { return value->opaque().id >= kFirstImport; }

  void write_import_id(const wire::Value* value, Writer& out) const {
    for (const auto& [id, number] : imports_) {
      if (number != value->opaque().id) continue;
      return write_object_id(out, {std::get<0>(id), std::get<1>(id), std::get<2>(id)});
    }
    std::abort();  // every import of ours is in the table
  }

  Result<void> write_export_id(const wire::Value* value, Writer& out) {
    const auto id = exports_.add(
        value->opaque().id, [] { return object::ObjectId{"fuzz.Thing", 7, 1}; },
        [&] { return *value; });
    if (!id) return fail(id.error());
    write_object_id(out, *id);
    return {};
  }

  Handle import_object(const object::ObjectIdView& id) {
    const auto key = std::tuple(std::string(id.name), id.class_id, id.instance_id);
    const auto number = imports_.emplace(key, kFirstImport + imports_.size()).first->second;
    return wire::Value(wire::Opaque{.id = number, .object = {}});
  }

  Handle exported_object(const object::ObjectIdView& id) const {
    const wire::Value* const found = exports_.find(id);
    return found != nullptr ? Handle(*found) : Handle();
  }

  Result<void> release(const object::ObjectIdView& id, std::uint64_t count) {
    return exports_.release(id, count).outcome;
  }

 private:
  static constexpr std::uint64_t kFirstImport = 1'000'000;

  std::map<std::tuple<std::string, std::int64_t, std::int64_t>, std::uint64_t> imports_;
  object::ExportTable<wire::Value, std::uint64_t> exports_{100};
};

// A request as the dispatcher reads it: the code, then its arguments one by one.
void read_request(FuzzModel& model, Reader& in, const wire::BrineLimits& limits) {
  if (!wire::read_tuple_header_of(in, 2)) return;
  const auto code = wire::read_int(in);
  auto items = code ? ItemReader::of_box(in) : Result<ItemReader>(fail(Errc::kWrongType));
  if (!items) return;
  if (*code == static_cast<std::int64_t>(Handler::kDel)) {
    const auto id = items->next_id();
    const auto count = id ? items->next_int() : Result<std::int64_t>(fail(Errc::kWrongType));
    if (count && *count >= 0) {
      static_cast<void>(model.release(*id, static_cast<std::uint64_t>(*count)));
    }
    return;
  }
  while (items->remaining() > 0) {
    const auto value = items->next(model, limits);
    if (!value) return;
    Writer out;
    require(box(model, model.ref(*value), out, wire::BrineLimits{.max_depth = 1000}).has_value());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  RpycSession session({.wire_family = SessionOptions::Family::kAuto,
                       .max_frame_size = 1 << 20,
                       .max_inflated_size = 1 << 20});
  FuzzModel model;
  const wire::BrineLimits limits{.max_depth = 50};
  Writer held;
  const wire::Value thing(wire::Opaque{.id = 1, .object = {}});
  require(model.write_export_id(&thing, held).has_value());

  ByteView left(data, size);
  while (true) {
    const auto whole = session.frame_size(left);
    if (!whole || *whole == 0 || *whole > left.size()) return 0;
    const auto incoming = session.open(Slice::copy_of(left.first(*whole)));
    if (!incoming) return 0;
    left = left.subspan(*whole);
    Reader in(incoming->body.bytes());
    if (incoming->kind == rpc::Incoming::Kind::kRequest) {
      read_request(model, in, limits);
    } else if (incoming->kind == rpc::Incoming::Kind::kReply) {
      static_cast<void>(session.carries_references(*incoming));
      static_cast<void>(unbox(model, in, limits));
    } else {
      static_cast<void>(wire::decode_brine(model, in, limits));
    }
  }
}
