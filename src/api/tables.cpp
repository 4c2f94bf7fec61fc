// Imports and exports of one connection.

#include <optional>
#include <utility>

#include "api/peer.h"
#include "dialect/rpyc/give_back.h"

namespace sinew::detail {
namespace {

// A type's number on the wire: proxies of one type share what was learned of it.
std::int64_t number_of(std::string_view type_name) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a
  for (const char c : type_name) {
    hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3U;
  }
  return static_cast<std::int64_t>(hash >> 2);
}

object::IdKey key_of(const object::ObjectIdView& id) noexcept {
  return {id.class_id, id.instance_id};
}

}  // namespace

Import::Import(std::shared_ptr<Peer> of, const object::ObjectIdView& of_id)
    : peer(std::move(of)), id{std::string(of_id.name), of_id.class_id, of_id.instance_id} {}

Import::~Import() { peer->forget_import(*this); }

std::shared_ptr<Import> Peer::import_object(const object::ObjectIdView& id) {
  // Made before the lock is taken, as it may be destroyed without use: that takes the lock.
  std::shared_ptr<Import> made;
  while (true) {
    std::unique_lock lock(mutex_);
    auto& slot = imports_[key_of(id)];
    if (std::shared_ptr<Import> known = slot.lock()) {
      ++known->received;
      lock.unlock();
      if (made) made->received = 0;
      return known;
    }
    if (made) {
      slot = made;
      return made;
    }
    lock.unlock();
    made = std::make_shared<Import>(shared_from_this(), id);
  }
}

void Peer::forget_import(const Import& import) noexcept {
  {
    const std::scoped_lock lock(mutex_);
    // Another one may have taken its place since the last owner let go.
    const auto found = imports_.find(key_of(import.id.view()));
    if (found != imports_.end() && found->second.expired()) imports_.erase(found);
  }
  if (import.received == 0 || connection_.is_dead()) return;
  try {
    constexpr auto kSoon = std::chrono::milliseconds(10);
    if (releases_.push({import.id, import.received})) connection_.flush_within(kSoon);
  } catch (const std::bad_alloc&) {
    return;  // the peer keeps one object too many until the connection ends
  }
}

dialect::rpyc::ReleaseWriter Peer::release_writer() {
  return {session_.family(), session_.agrees_on(dialect::rpyc::Extension::kRelease),
          [this] { return connection_.next_seq(); }};
}

void Peer::send_releases() noexcept {
  if (releases_.empty()) return;
  try {
    auto writer = release_writer();
    const auto write = [&](Release&& release) {
      writer.add(static_cast<std::int64_t>(release.count),
                 [&](Writer& out) { dialect::rpyc::write_object_id(out, release.id.view()); });
    };
    if (releases_.drain(write) > 0) connection_.cork(writer.finish());
  } catch (const std::bad_alloc&) {
    return;  // what was drained is lost to the peer's count, not to memory safety
  }
}

void Peer::give_back_box(Reader box) noexcept {
  dialect::rpyc::give_back_box(*this, box, brine_limits_.max_depth);
}

void Peer::give_back_rest(Reader box, const Reader& stopped_at) noexcept {
  if (stopped_at.remaining() == 0) return;
  dialect::rpyc::give_back_box(*this, box, brine_limits_.max_depth, stopped_at.remaining());
}

Result<void> Peer::write_export_id(const std::shared_ptr<Servant>& servant, Writer& out,
                                   std::vector<object::IdKey>& sent) {
  const std::string name = servant->type_name();
  const std::scoped_lock lock(mutex_);
  SINEW_ASSIGN(const object::ObjectIdView id,
               exports_.add(
                   servant.get(), [&] { return object::ObjectId{name, number_of(name), 1}; },
                   [&] { return servant; }));
  sent.push_back(key_of(id));
  dialect::rpyc::write_object_id(out, id);
  return {};
}

std::shared_ptr<Servant> Peer::exported_object(const object::ObjectIdView& id) {
  {
    const std::scoped_lock lock(mutex_);
    const std::shared_ptr<Servant>* const found = exports_.find(id);
    if (found != nullptr) return *found;
  }
  count_bad_id();
  return nullptr;
}

Result<void> Peer::release_export(const object::ObjectIdView& id, std::uint64_t count) noexcept {
  std::optional<std::shared_ptr<Servant>> dying;  // outlives the lock: destructors run anything
  Result<void> outcome;
  {
    const std::scoped_lock lock(mutex_);
    kept_.keep(connection_, exports_, brine_limits_.max_depth);
    auto released = exports_.release(id, count);
    dying = std::move(released.handle);
    outcome = released.outcome;
  }
  if (!outcome) count_bad_id();
  return outcome;
}

void Peer::answer_taken(rpc::Call& call) noexcept {
  connection_.answer_taken(call);
  std::vector<object::IdKey> kept;
  {
    const std::scoped_lock lock(mutex_);
    kept = kept_.take(call);
  }
  for (const object::IdKey& key : kept) {
    static_cast<void>(release_export({{}, key.class_id, key.instance_id}, 1));
  }
}

std::size_t Peer::export_count() const noexcept {
  const std::scoped_lock lock(mutex_);
  return exports_.size();
}

}  // namespace sinew::detail
