// What several routes need: paths and titles, actors and events as JSON, limits, the list of
// plants. Kept here so that the same thing looks the same in every answer.
#include <algorithm>

#include "nodes/gateway/core.hpp"
#include "nodes/gateway/event_hub.hpp"
#include "nodes/gateway/json_text.hpp"
#include "schemas/errors.hpp"

namespace millrace::gateway {

core::core(engine_api& e, const schema_model& m, authenticator a, settings s)
    : engine(e),
      model(m),
      auth(std::move(a)),
      options(s),
      commands(e, s.threads),
      live(std::make_shared<event_hub>()) {}
core::~core() = default;

std::string title_of(const schema_model& model, std::string_view code) {
  const auto dot = code.find('.');
  if (dot == std::string_view::npos) return {};
  const auto* kind = model.kind(code.substr(0, dot));
  if (kind == nullptr) return {};
  for (const auto& [name, doc] : kind->refusals)
    if (name == code.substr(dot + 1)) return doc;
  return {};
}

std::string path_of(const schema_model& model, const address& where) {
  const auto* kind = model.kind(where.kind);
  if (where.kind == "plant") return "/v1/plants/" + encode_segment(where.plant);
  return "/v1/plants/" + encode_segment(where.plant) + '/' +
         (kind == nullptr ? where.kind : kind->collection) + '/' + encode_segment(where.id);
}

int status_of(const reply& r) {
  switch (r.outcome) {
    case engine::Outcome::accepted:
      return http_status(r.code);
    case engine::Outcome::pending:
    case engine::Outcome::parked:
      return 202;
    case engine::Outcome::refused:
      return http_status(r.code.empty() ? "kind.fault" : r.code);
  }
  return 500;
}

std::string public_exception_id(const std::string& plant, const std::string& id) {
  return id.rfind(plant + '~', 0) == 0 ? id : plant + '~' + id;
}

void append_event(const schema_model& model, const kind_model& kind, const packed& event,
                  std::string& out) {
  json_object o(out);
  const auto* type = kind.event(event.type);
  if (type == nullptr) {
    o.text("type", "unknown");
    return;
  }
  o.text("type", type->wire_name);
  table_to_json(model, *type, event.body, o.key("data"));
}

void append_actor(const schema_model& model, const kind_model& kind, const actor_view& view,
                  std::string& out) {
  json_object o(out);
  o.text("address", view.where.to_string());
  o.number("sequence", view.sequence);
  o.when("changed_at", view.stamp);
  table_to_json(model, kind.state, view.state, o.key("state"));
}

long long limit_of(const target& t, long long fallback) {
  if (!t.has("limit")) return fallback;
  const auto n = parse_number(t.get("limit"), 1000);
  return n < 1 ? -1 : n;
}

bool refused_for_operators(const call_ptr& c) {
  if ((c->who.who.systems >> static_cast<unsigned>(System::ops)) & 1u) return false;
  c->fail({"command.not_authorised", "only platform operations (ops) may do this"});
  return true;
}

std::pair<std::string, std::string> split_public(const std::string& id) {
  const auto tilde = id.find('~');
  if (tilde == std::string::npos) return {{}, id};
  return {id.substr(0, tilde), id.substr(tilde + 1)};
}

bool bad_limit(const call_ptr& c, long long limit) {
  if (limit > 0) return false;
  c->fail({"request.invalid", "limit is 1 to 1000", {{"/limit", "out of range"}}});
  return true;
}

bool unknown_plant(core& g, const call_ptr& c, std::string_view plant) {
  if (plant.empty() || g.engine.has_plant(plant)) return false;
  c->fail({"plant.unknown", "no plant " + std::string(plant)});
  return true;
}

std::optional<json_value> object_in(const call_ptr& c) {
  const auto& body = c->request().body;
  auto parsed = json_value::parse(body.empty() ? std::string_view("{}") : body);
  if (!parsed) return c->fail(parsed.error()), std::nullopt;
  if (!parsed->is_object())
    return c->fail({"request.invalid", "send an object", {{"", "not an object"}}}), std::nullopt;
  return std::move(*parsed);
}

void with_plants(core& g, const call_ptr& c, std::function<void(std::vector<std::string>)> then) {
  g.engine.plants(
      on_thread_of<std::vector<plant_status>>(c, [c, then = std::move(then)](auto found) {
        if (!found) return c->fail(found.error());
        std::vector<std::string> names;
        for (const auto& p : *found) names.push_back(p.plant);
        std::sort(names.begin(), names.end());
        then(std::move(names));
      }));
}

}  // namespace millrace::gateway
