#include "object/access.h"

#include <gtest/gtest.h>

#include <string>

namespace sinew::object {
namespace {

// What RPyC 6 does, transcribed from its _check_attr() word by word (docs/protocols/rpyc.md section
// 1.4): the oracle that the decision is held against.
Grant rpycs_decision(const AccessPolicy& config, std::string_view name, bool safe, bool has_name,
                     bool has_twin) {
  const std::string prefix = config.allow_exposed_attrs ? config.exposed_prefix : "";
  bool plain = config.allow_all_attrs;
  plain |= config.allow_exposed_attrs && name.starts_with(prefix);
  plain |= config.allow_safe_attrs && safe;
  plain |= config.allow_public_attrs && !name.starts_with("_");
  const bool has_exposed = !prefix.empty() && has_twin;
  if (plain && (!has_exposed || has_name)) return Grant::kPlain;
  if (has_exposed) return Grant::kPrefixed;
  if (plain) return Grant::kPlain;
  return Grant::kDenied;
}

Grant decide(const AccessPolicy& policy, std::string_view name, bool safe, bool has_name,
             bool has_twin, bool marked = false) {
  return decide_access(
      policy, name, [&] { return safe; }, [&] { return has_name; }, [&] { return has_twin; },
      [&] { return marked; });
}

TEST(Access, TheWholeTableIsRpycs) {
  for (int bits = 0; bits < 128; ++bits) {
    AccessPolicy policy;
    policy.allow_safe_attrs = (bits & 1) != 0;
    policy.allow_exposed_attrs = (bits & 2) != 0;
    policy.allow_public_attrs = (bits & 4) != 0;
    policy.allow_all_attrs = (bits & 8) != 0;
    const bool safe = (bits & 16) != 0;
    const bool has_name = (bits & 32) != 0;
    const bool has_twin = (bits & 64) != 0;
    for (const char* prefix : {"exposed_", "x"}) {
      policy.exposed_prefix = prefix;
      for (const char* name :
           {"name", "_private", "__add__", "exposed_name", "exposed_", "x", ""}) {
        EXPECT_EQ(decide(policy, name, safe, has_name, has_twin),
                  rpycs_decision(policy, name, safe, has_name, has_twin))
            << bits << " " << prefix << " " << name;
      }
    }
  }
}

TEST(Access, TheDefaultGrantsSafeAndExposedNamesOnly) {
  const AccessPolicy policy;
  EXPECT_EQ(decide(policy, "name", false, true, false), Grant::kDenied);
  EXPECT_EQ(decide(policy, "name", false, true, true), Grant::kPrefixed);
  EXPECT_EQ(decide(policy, "exposed_name", false, true, false), Grant::kPlain);
  EXPECT_EQ(decide(policy, "__add__", true, true, false), Grant::kPlain);
  EXPECT_EQ(decide(policy, "__class__", false, true, false), Grant::kDenied);
}

TEST(Access, AnEmptyPrefixExposesNothing) {
  // RPyC would grant every name then, because every name begins with an empty prefix.
  AccessPolicy policy;
  policy.exposed_prefix.clear();
  EXPECT_EQ(decide(policy, "__class__", false, true, true), Grant::kDenied);
  EXPECT_EQ(decide(policy, "__add__", true, true, true), Grant::kPlain);
}

TEST(Access, AMarkGrantsWhatWouldBeDeniedAndNothingElse) {
  AccessPolicy policy;
  EXPECT_EQ(decide(policy, "name", false, true, false, true), Grant::kPlain);
  EXPECT_EQ(decide(policy, "__call__", false, true, false, true), Grant::kPlain);
  EXPECT_EQ(decide(policy, "name", false, true, true, true), Grant::kPrefixed);
  policy.exposed_prefix.clear();
  EXPECT_EQ(decide(policy, "name", false, true, true, true), Grant::kPlain);
  policy.allow_exposed_attrs = false;
  EXPECT_EQ(decide(policy, "name", false, true, true, true), Grant::kDenied);
}

TEST(Access, TheObjectIsAskedOnlyWhenItMatters) {
  int asked = 0;
  const auto count = [&] { return ++asked > 0; };
  AccessPolicy policy;
  policy.allow_exposed_attrs = false;
  policy.allow_all_attrs = true;
  EXPECT_EQ(decide_access(policy, "name", count, count, count, count), Grant::kPlain);
  EXPECT_EQ(asked, 0) << "asking may run code of the object";
}

}  // namespace
}  // namespace sinew::object
