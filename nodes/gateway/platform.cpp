// What the platform says about itself: plants, kinds and their commands, metrics.
// All of it is read; nothing here changes anything.
#include "nodes/gateway/answers.hpp"
#include "nodes/gateway/core.hpp"
#include "nodes/gateway/json_text.hpp"
#include "nodes/gateway/slas.hpp"

namespace millrace::gateway {
namespace {

void append_plant(const plant_status& p, std::string& out) {
  json_object o(out);
  o.text("plant", p.plant)
      .number("generation", p.generation)
      .number("term", p.term)
      .number("commit", p.commit);
  o.number("applied", p.applied).number("checkpoint", p.checkpoint).number("resident", p.resident);
  o.number("in_flight", p.in_flight).number("parked", p.parked).number("timers", p.timers);
  o.number("quarantined", p.quarantined).some("chain_head", p.chain_head);
  if (p.quarantined_actors.empty()) return;
  json_array all(o.key("quarantined_actors"));
  for (const auto& [actor, why] : p.quarantined_actors)
    json_object(all.next()).text("actor", actor).text("reason", why);
}

}  // namespace

void get_plants(core& g, const call_ptr& c) {
  g.engine.plants(on_thread_of<std::vector<plant_status>>(c, [c](auto found) {
    if (!found) return c->fail(found.error());
    answer_items(c, *found, {}, append_plant);
  }));
}

namespace {

void append_command(const table_model& command, std::string& out) {
  json_object o(out);
  o.text("name", command.wire_name).some("doc", command.doc).flag("fact", command.fact);
  o.text("owners", command.any_owner ? "any" : system_names(command.owners));
  o.flag("creates", command.creates).flag("signed", command.is_signed).number("lane", command.lane);
}

void append_kind(const kind_model& kind, bool whole, std::string& out) {
  json_object o(out);
  o.text("kind", kind.name)
      .text("collection", kind.collection)
      .text("domain", kind.domain)
      .text("steward", kind.steward);
  o.flag("process", kind.process);
  if (!whole) return;
  {
    json_array all(o.key("commands"));
    for (const auto& command : kind.commands)
      if (command.member != 0 && !command.internal) append_command(command, all.next());
  }
  {
    json_array all(o.key("events"));
    for (const auto& e : kind.events)
      if (e.member != 0) append_json_string(e.wire_name, all.next());
  }
  {
    json_array all(o.key("indexes"));
    for (const auto& i : kind.indexes) append_json_string(i.field, all.next());
  }
  json_array all(o.key("refusals"));
  for (const auto& [name, doc] : kind.refusals) {
    json_object r(all.next());
    r.text("code", kind.name + '.' + name).some("title", doc);
  }
}

}  // namespace

void get_schemas(core& g, const call_ptr& c) {
  std::vector<const kind_model*> kinds;
  for (const auto& k : g.model.kinds()) kinds.push_back(&k);
  answer_items(c, kinds, {},
               [](const kind_model* k, std::string& out) { append_kind(*k, false, out); });
}

void get_schema(core& g, const call_ptr& c, const std::string& name) {
  const auto* kind = g.model.kind(name);
  if (kind == nullptr) kind = g.model.collection(name);
  if (kind == nullptr) return c->fail({"route.unknown", "no kind " + name});
  std::string out;
  append_kind(*kind, true, out);
  c->json(200, std::move(out));
}

void get_metrics(core& g, const call_ptr& c) { get_metrics(g, c, {}); }

void get_metrics(core& g, const call_ptr& c, std::string more) {
  g.engine.plants(on_thread_of<std::vector<plant_status>>(c, [&g, c,
                                                              more = std::move(more)](auto plants) {
    auto held = std::make_shared<std::vector<plant_status>>(plants ? std::move(*plants)
                                                                   : std::vector<plant_status>());
    g.engine.endpoints(
        on_thread_of<std::vector<endpoint_view>>(c, [&g, c, held, more](auto endpoints) {
          http::response r;
          r.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
          r.body = g.metrics.text(*held, endpoints ? *endpoints : std::vector<endpoint_view>(),
                                  g.server_figures ? g.server_figures() : http::server_figures(),
                                  wall_clock());
          r.body += more;
          c->answer(std::move(r));
        }));
  }));
}

}  // namespace millrace::gateway
