#include "cli/members.h"

#include <algorithm>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>

#include "cli/remote_code.h"
#include "sinew/detail/request.hpp"

namespace sinew::cli {
namespace {

constexpr std::size_t kLongestValue = 60;

// A classic server inspects itself: one request instead of five for each name.
constexpr std::string_view kInspector = R"PY(
import inspect, sys

def first_line(value):
    doc = inspect.getdoc(value)
    return doc.strip().partition("\n")[0] if isinstance(doc, str) else ""

def signature(value):
    try:
        return str(inspect.signature(value))
    except (TypeError, ValueError):
        return "(...)"

def describe(name, value):
    if inspect.ismodule(value):
        return name, "module", "", first_line(value)
    if inspect.isclass(value):
        return name, "class", signature(value), first_line(value)
    if callable(value):
        return name, "method", signature(value), first_line(value)
    text = repr(value)
    return name, "value", " = " + (text if len(text) <= 60 else text[:57] + "..."), ""

def members(thing):
    found = []
    for name in getattr(thing, "__all__", None) or dir(thing):
        if name.startswith("_"):
            continue
        try:
            found.append(describe(name, getattr(thing, name)))
        except Exception as error:
            found.append((name, "value", " raises " + type(error).__name__, ""))
    if inspect.ismodule(thing) or inspect.isclass(thing):
        title = thing.__name__
    else:
        title = type(thing).__module__ + "." + type(thing).__qualname__
    return title, first_line(thing), tuple(sorted(found))

def modules():
    return tuple((name, "module", "", first_line(sys.modules[name])) for name in sorted(sys.modules)
        if name.partition(".")[0] == name and not name.startswith("_"))
)PY";

using Row = std::tuple<std::string, std::string, std::string, std::string>;

std::vector<Member> members_of(const std::vector<Row>& rows) {
  std::vector<Member> members;
  for (const auto& [name, kind, text, doc] : rows) members.push_back({name, kind, text, doc});
  return members;
}

std::string first_line(std::string_view doc) {
  const std::size_t begin = doc.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  doc.remove_prefix(begin);
  return std::string(doc.substr(0, doc.find('\n')));
}

// -- Of a service: everything is asked for at once ----------------------------------------------

using Pending = std::shared_ptr<detail::Pending>;

Pending start_get(const Object& object, std::string_view name) {
  return detail::start(object.value(), {.verb = detail::Verb::kGet, .name = name});
}

// Nothing: the peer does not let us have it.
std::optional<Object> result_of(const Pending& asked) {
  try {
    return Object(asked->result());
  } catch (const RemoteError&) {
    return std::nullopt;
  }
}

std::string text_of(const std::optional<Object>& found) {
  const bool is_text = found && found->value().kind() == ValueKind::kText;
  return is_text ? std::string(found->value().text()) : std::string();
}

// RPyC's services have the prefix, which nobody needs to write, and three methods of their own.
std::set<std::string> names_of(const Object& thing) {
  constexpr std::string_view kPrefix = "exposed_";
  std::set<std::string> names;
  for (std::string name : thing.dir()) {
    if (name.starts_with(kPrefix)) name.erase(0, kPrefix.size());
    if (!name.empty() && name.front() != '_') names.insert(std::move(name));
  }
  for (const char* const of_rpyc :
       {"get_service_aliases", "get_service_name", "ALIASES", "on_connect", "on_disconnect"}) {
    names.erase(of_rpyc);
  }
  return names;
}

bool is_function(const Object& object) {
  const std::string type = object.type_name();
  constexpr std::string_view kFunctions[] = {"builtins.method", "builtins.function",
                                             "builtins.builtin_function_or_method",
                                             "sinew.function"};
  return std::ranges::find(kFunctions, type) != std::end(kFunctions);
}

std::string short_repr(const Object& value) {
  std::string text = value.repr();
  if (text.size() > kLongestValue) text = text.substr(0, kLongestValue - 3) + "...";
  return text;
}

struct Asked {
  std::string name;
  Pending value;
  std::optional<Object> found = std::nullopt;
  Pending signature = nullptr;
  Pending doc = nullptr;
};

Member described(const Asked& asked) {
  if (!asked.found->is_reference()) {
    return {asked.name, "value", " = " + short_repr(*asked.found), ""};
  }
  const std::string doc = first_line(text_of(result_of(asked.doc)));
  if (!is_function(*asked.found)) {
    return {asked.name, "value", ": " + asked.found->type_name(), doc};
  }
  std::string signature = text_of(result_of(asked.signature));
  for (const std::string_view self : {"($self, ", "($self", "($module, ", "($module"}) {
    if (signature.starts_with(self)) signature.replace(0, self.size(), "(");
  }
  return {asked.name, "method", signature.empty() ? "(...)" : signature, doc};
}

}  // namespace

Listing list_members(Peer& peer, const Object& thing) {
  if (!thing.is_reference()) return {thing.type_name() + " " + short_repr(thing), "", {}};
  if (peer.is_classic()) {
    const Object members = define_remotely(peer, kInspector, "members");
    const auto [title, doc, rows] =
        members.invoke<std::tuple<std::string, std::string, std::vector<Row>>>(thing);
    return {title, doc, members_of(rows)};
  }
  std::vector<Asked> asked;
  for (const std::string& name : names_of(thing)) asked.push_back({name, start_get(thing, name)});
  const Pending doc = start_get(thing, "__doc__");
  std::erase_if(asked, [](Asked& one) {
    one.found = result_of(one.value);
    return !one.found;
  });
  for (Asked& one : asked) {
    if (!one.found->is_reference()) continue;
    one.signature = start_get(*one.found, "__text_signature__");
    one.doc = start_get(*one.found, "__doc__");
  }
  Listing listing{thing.type_name(), first_line(text_of(result_of(doc))), {}};
  for (const Asked& one : asked) listing.members.push_back(described(one));
  return listing;
}

std::vector<std::string> member_names(const Object& thing) {
  const std::set<std::string> names = names_of(thing);
  return {names.begin(), names.end()};
}

Listing list_modules(Peer& peer) {
  const Object modules = define_remotely(peer, kInspector, "modules");
  return {"modules that are loaded", "", members_of(modules.invoke<std::vector<Row>>())};
}

}  // namespace sinew::cli
