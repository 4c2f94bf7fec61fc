#pragma once

#include <string>
#include <string_view>

namespace sinew::object {

/// What a peer may do with the attributes of our objects: RPyC's configuration keys of the same
/// names (source: RPyC wire, docs/protocols/rpyc.md section 1.4).
struct AccessPolicy {
  bool allow_safe_attrs = true;
  bool allow_exposed_attrs = true;
  bool allow_public_attrs = false;
  bool allow_all_attrs = false;
  bool allow_getattr = true;
  bool allow_setattr = false;
  bool allow_delattr = false;
  std::string exposed_prefix = "exposed_";
};

/// Under which name an access is granted.
enum class Grant : unsigned char { kDenied, kPlain, kPrefixed };

/// The one place where an access by name is decided, on the real object and the name asked for.
/// `is_safe()` says whether the name is in safe_attrs, `has_plain()` and `has_prefixed()` whether
/// the object has the name, or the name with the prefix; each is asked only when it matters,
/// because asking may run code of the object. `is_marked()` says whether the object's class exposes
/// the name by a mark on it (@sinew.expose), which no configuration of RPyC's knows: it is asked
/// last, and counts like the prefix.
///
/// The caller has checked the switch of the kind of access (allow_getattr and its kin) before.
template <class IsSafe, class HasPlain, class HasPrefixed, class IsMarked>
Grant decide_access(const AccessPolicy& policy, std::string_view name, IsSafe is_safe,
                    HasPlain has_plain, HasPrefixed has_prefixed, IsMarked is_marked) {
  const bool exposing = policy.allow_exposed_attrs && !policy.exposed_prefix.empty();
  const bool plain = policy.allow_all_attrs ||
                     (exposing && name.starts_with(policy.exposed_prefix)) ||
                     (policy.allow_safe_attrs && is_safe()) ||
                     (policy.allow_public_attrs && !name.starts_with('_'));
  const bool prefixed = exposing && has_prefixed();
  // An exposed twin goes before a plain name that the object does not have.
  if (plain && (!prefixed || has_plain())) return Grant::kPlain;
  if (prefixed) return Grant::kPrefixed;
  if (policy.allow_exposed_attrs && is_marked()) return Grant::kPlain;
  return Grant::kDenied;
}

}  // namespace sinew::object
