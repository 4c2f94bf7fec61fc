#pragma once

#include <string>
#include <vector>

#include "cli/connecting.h"

namespace sinew::cli {

/// Something that an object has. Text comes from the peer: escape it before it is shown.
struct Member {
  std::string name;
  std::string kind;  ///< "method", "class", "module" or "value"
  std::string text;  ///< behind the name: "(a, b=2)", " = 1000"; "(...)" if it is not told
  std::string doc;   ///< the first line
};

struct Listing {
  std::string title;
  std::string doc;  ///< the first line
  std::vector<Member> members;
};

/// What `thing` has that can be reached, by name. Names with an underscore in front are left out,
/// and so is what the peer does not let us have. Throws what asking the peer throws.
Listing list_members(Peer& peer, const Object& thing);

/// The names that it has, without asking whether they can be reached.
std::vector<std::string> member_names(const Object& thing);

/// The modules that a classic server has loaded.
Listing list_modules(Peer& peer);

}  // namespace sinew::cli
