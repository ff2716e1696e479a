// Reads: one actor, its history, lists by indexed fields in a plant or over all plants.
// A list's cursor is the last id seen; over plants it is "<plant>~<id>".
#include <flatbuffers/reflection.h>

#include <algorithm>

#include "nodes/gateway/cloud_event.hpp"
#include "nodes/gateway/core.hpp"
#include "nodes/gateway/export.hpp"
#include "nodes/gateway/json_text.hpp"

namespace millrace::gateway {
namespace {

std::string etag_of(const actor_view& v) {
  return '"' + std::to_string(v.generation) + '.' + std::to_string(v.sequence) + '"';
}

result<consistency> consistency_of(const target& t) {
  const auto text = t.get("consistency");
  if (text.empty() || text == "leader") return consistency::leader;
  if (text == "linearizable") return consistency::linearizable;
  if (text == "local") return consistency::local;
  return error{"request.invalid",
               "consistency is leader, linearizable or local",
               {{"/consistency", "unknown value"}}};
}

bool is_name_of(const reflection::Enum& type, std::string_view name) {
  for (const auto* value : *type.values())
    if (value->name()->string_view() == name) return true;
  return false;
}

/// Everything in the query but limit and cursor must be an indexed field.
result<list_query> query_of(const target& t, const kind_model& kind) {
  list_query q;
  q.kind = kind.name;
  const auto limit = limit_of(t);
  if (limit < 0)
    return error{"request.invalid", "limit is 1 to 1000", {{"/limit", "out of range"}}};
  q.limit = static_cast<std::uint32_t>(limit);
  for (const auto& [name, value] : t.query) {
    if (name == "limit" || name == "cursor" || name == "consistency") continue;
    const auto index = std::find_if(kind.indexes.begin(), kind.indexes.end(),
                                    [&, n = name](const auto& i) { return i.field == n; });
    if (index == kind.indexes.end()) {
      std::string fields;
      for (const auto& i : kind.indexes) fields += (fields.empty() ? "" : ", ") + i.field;
      return error{"request.invalid",
                   "lists of " + kind.collection + " filter by " + fields,
                   {{'/' + name, "not an indexed field"}}};
    }
    if (index->enumeration != nullptr && !is_name_of(*index->enumeration, value))
      return error{"request.invalid",
                   "no such value",
                   {{'/' + name, "'" + value + "' is not a value of " + name}}};
    q.filters.emplace_back(name, value);
  }
  return q;
}

/// The list's own path with another cursor.
std::string next_page(const call_ptr& c, std::string_view cursor) {
  auto out = c->target.path + "?cursor=" + encode_segment(cursor);
  for (const auto& [name, value] : c->target.query)
    if (name != "cursor") out += '&' + encode_segment(name) + '=' + encode_segment(value);
  return out;
}

void answer_list(const core& g, const call_ptr& c, const kind_model& kind,
                 const std::vector<actor_view>& items, std::string_view next) {
  std::string out;
  out.reserve(items.size() * 512);
  if (wants_lines(c)) {
    for (const auto& v : items) {
      append_actor(g.model, kind, v, out);
      out += '\n';
    }
    return answer_lines(c, std::move(out), next.empty() ? std::string() : next_page(c, next), next);
  }
  {
    json_object o(out);
    {
      json_array all(o.key("items"));
      for (const auto& v : items) append_actor(g.model, kind, v, all.next());
    }
    if (next.empty())
      o.raw("next", "null");
    else
      o.text("next", next);
  }
  c->json(200, std::move(out));
}

/// Walks the plants in order until the page is full.
struct walk : std::enable_shared_from_this<walk> {
  core& g;
  call_ptr c;
  const kind_model& kind;
  list_query query;
  std::vector<std::string> plants;
  std::size_t at = 0;
  std::vector<actor_view> items;

  walk(core& core_, call_ptr call_, const kind_model& k, list_query q)
      : g(core_), c(std::move(call_)), kind(k), query(std::move(q)) {}
  void step() {
    if (at >= plants.size()) return answer_list(g, c, kind, items, {});
    auto q = query;
    q.plant = plants[at];
    q.limit = query.limit - static_cast<std::uint32_t>(items.size());
    g.engine.list(std::move(q),
                  on_thread_of<list_page>(c, [self = shared_from_this()](result<list_page> page) {
                    if (!page) return self->c->fail(page.error());
                    self->take(std::move(*page));
                  }));
  }
  void take(list_page page) {
    std::move(page.items.begin(), page.items.end(), std::back_inserter(items));
    query.after.clear();
    const bool full = items.size() >= query.limit;
    if (full && (!page.next.empty() || at + 1 < plants.size()) && !items.empty())
      return answer_list(
          g, c, kind, items,
          plants[at] + '~' + (page.next.empty() ? items.back().where.id : page.next));
    ++at;
    step();
  }
};

}  // namespace

void get_actor(core& g, const call_ptr& c, const address& where) {
  const auto how = consistency_of(c->target);
  if (!how) return c->fail(how.error());
  g.engine.read(where, *how, on_thread_of<actor_view>(c, [&g, c, where](result<actor_view> view) {
                  if (!view) return c->fail(view.error());
                  if (!view->quarantined.empty())
                    return c->fail({"actor.quarantined", view->quarantined});
                  const auto* kind = g.model.kind(where.kind);
                  http::response r;
                  r.set("ETag", etag_of(*view));
                  if (c->request().get("If-None-Match") == etag_of(*view)) {
                    r.status = 304;
                    return c->answer(std::move(r));
                  }
                  r.set("Content-Type", "application/json");
                  append_actor(g.model, *kind, *view, r.body);
                  c->answer(std::move(r));
                }));
}

void get_history(core& g, const call_ptr& c, const address& where) {
  event_query q;
  q.plant = where.plant;
  q.actor = where.local();
  const auto limit = limit_of(c->target, 100);
  const auto from = parse_position(c->target.get("cursor"));
  if (limit < 0)
    return c->fail({"request.invalid", "limit is 1 to 1000", {{"/limit", "out of range"}}});
  if (!from) return c->fail(from.error());
  q.limit = static_cast<std::uint32_t>(limit);
  q.index = from->index;
  q.ordinal = from->ordinal;
  g.engine.events(
      std::move(q), on_thread_of<event_page>(c, [&g, c, where](result<event_page> page) {
        if (!page) return c->fail(page.error());
        std::string out;
        {
          json_object o(out);
          o.text("address", where.to_string());
          json_array all(o.key("items"));
          for (const auto& e : page->events)
            append_cloud_event(g.model, where.plant, e, all.next());
        }
        out.pop_back();
        out += page->at_head ? ",\"next\":null}"
                             : ",\"next\":\"" +
                                   position{1, page->next_index, page->next_ordinal}.text() + "\"}";
        c->json(200, std::move(out));
      }));
}

void get_list(core& g, const call_ptr& c, const std::string& plant, const kind_model& kind) {
  auto q = query_of(c->target, kind);
  if (!q) return c->fail(q.error());
  q->plant = plant;
  q->after = c->target.get("cursor");
  g.engine.list(std::move(*q), on_thread_of<list_page>(c, [&g, c, &kind](result<list_page> page) {
                  if (!page) return c->fail(page.error());
                  answer_list(g, c, kind, page->items, page->next);
                }));
}

void get_list_all(core& g, const call_ptr& c, const kind_model& kind) {
  auto q = query_of(c->target, kind);
  if (!q) return c->fail(q.error());
  const auto cursor = c->target.get("cursor");
  const auto tilde = cursor.find('~');
  if (!cursor.empty() && tilde == std::string_view::npos)
    return c->fail({"cursor.invalid", "not a cursor of this list"});
  const std::string first(cursor.substr(0, std::min(tilde, cursor.size())));
  if (!cursor.empty()) q->after = cursor.substr(tilde + 1);
  auto w = std::make_shared<walk>(g, c, kind, std::move(*q));
  with_plants(g, c, [w, first](std::vector<std::string> plants) {
    w->at = static_cast<std::size_t>(std::lower_bound(plants.begin(), plants.end(), first) -
                                     plants.begin());
    if (w->at < plants.size() && plants[w->at] != first) w->query.after.clear();
    w->plants = std::move(plants);
    w->step();
  });
}

}  // namespace millrace::gateway
