// Processes of all kinds and plants in one list, and the look-up of actors by an outer system's
// number. Both walk (kind, plant) pairs in order; the cursor of the process list is
// "<kind>~<plant>~<id>".
#include <algorithm>

#include "nodes/gateway/core.hpp"
#include "nodes/gateway/json_text.hpp"

namespace millrace::gateway {
namespace {

struct place {
  const kind_model* kind;
  std::string plant;
};

/// Reads (kind, plant) places one after the other until the page is full.
struct sweep : std::enable_shared_from_this<sweep> {
  core& g;
  call_ptr c;
  std::vector<place> places;
  std::vector<std::pair<std::string, std::string>> filters;
  std::string after;
  std::uint32_t limit = 50;
  std::size_t at = 0;
  std::vector<std::pair<const kind_model*, actor_view>> items;

  sweep(core& core_, call_ptr call_) : g(core_), c(std::move(call_)) {}
  void step() {
    if (at >= places.size()) return finish({});
    list_query q;
    q.plant = places[at].plant;
    q.kind = places[at].kind->name;
    q.filters = filters;
    q.after = after;
    q.limit = limit - static_cast<std::uint32_t>(items.size());
    g.engine.list(std::move(q),
                  on_thread_of<list_page>(c, [self = shared_from_this()](result<list_page> page) {
                    if (!page) return self->c->fail(page.error());
                    self->take(std::move(*page));
                  }));
  }
  void take(list_page page) {
    for (auto& v : page.items) items.emplace_back(places[at].kind, std::move(v));
    after.clear();
    const bool more = !page.next.empty() || at + 1 < places.size();
    if (items.size() >= limit && more && !items.empty()) {
      const auto& last = items.back();
      return finish(last.first->name + '~' + last.second.where.plant + '~' + last.second.where.id);
    }
    ++at;
    step();
  }
  void finish(std::string_view next) {
    std::string out;
    {
      json_object o(out);
      {
        json_array all(o.key("items"));
        for (const auto& [kind, view] : items) append_actor(g.model, *kind, view, all.next());
      }
      if (next.empty())
        o.raw("next", "null");
      else
        o.text("next", next);
    }
    c->json(200, std::move(out));
  }
};

/// Moves the sweep to where a cursor "<kind>~<plant>~<id>" left off; false when it is not one.
bool resume(sweep& s, std::string_view cursor) {
  if (cursor.empty()) return true;
  const auto first = cursor.find('~');
  const auto second = first == std::string_view::npos ? first : cursor.find('~', first + 1);
  if (second == std::string_view::npos) return false;
  const auto kind = cursor.substr(0, first);
  const auto plant = cursor.substr(first + 1, second - first - 1);
  while (s.at < s.places.size() &&
         !(s.places[s.at].kind->name == kind && s.places[s.at].plant >= plant))
    ++s.at;
  if (s.at < s.places.size() && s.places[s.at].plant == plant) s.after = cursor.substr(second + 1);
  return true;
}

}  // namespace

void get_processes(core& g, const call_ptr& c) {
  const auto limit = limit_of(c->target);
  if (limit < 0)
    return c->fail({"request.invalid", "limit is 1 to 1000", {{"/limit", "out of range"}}});
  if (unknown_plant(g, c, c->target.get("plant"))) return;
  auto s = std::make_shared<sweep>(g, c);
  s->limit = static_cast<std::uint32_t>(limit);
  with_plants(g, c, [&g, c, s](const std::vector<std::string>& plants) {
    const auto only_kind = c->target.get("kind");
    const auto only_plant = c->target.get("plant");
    for (const auto& kind : g.model.kinds()) {
      if (!kind.process || (!only_kind.empty() && only_kind != kind.name)) continue;
      for (const auto& p : plants)
        if (only_plant.empty() || only_plant == p) s->places.push_back({&kind, p});
    }
    if (!resume(*s, c->target.get("cursor")))
      return c->fail({"cursor.invalid", "not a cursor of this list"});
    s->step();
  });
}

void get_xref(core& g, const call_ptr& c) {
  const std::string field = std::string(c->target.get("system")) + "_id";
  const std::string id(c->target.get("id"));
  if (!system_number(c->target.get("system")) || id.empty())
    return c->fail(
        {"request.invalid", "xref takes system and id", {{"/system", "missing or unknown"}}});
  auto s = std::make_shared<sweep>(g, c);
  s->limit = 1000;
  s->filters = {{field, id}};
  with_plants(g, c, [&g, c, s, field](const std::vector<std::string>& plants) {
    for (const auto& kind : g.model.kinds()) {
      const bool indexed = std::any_of(kind.indexes.begin(), kind.indexes.end(),
                                       [&](const auto& i) { return i.field == field; });
      for (const auto& p : plants)
        if (indexed) s->places.push_back({&kind, p});
    }
    s->step();
  });
}

}  // namespace millrace::gateway
