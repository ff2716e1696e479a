// The HTTP gateway: routing.
// A path is looked at segment by segment; what a path may mean is written down here and nowhere
// else.
#include "nodes/gateway/gateway.hpp"

#include "nodes/gateway/answers.hpp"
#include "nodes/gateway/audit.hpp"
#include "nodes/gateway/batch_record.hpp"
#include "nodes/gateway/cluster.hpp"
#include "nodes/gateway/correlation.hpp"
#include "nodes/gateway/event_hub.hpp"
#include "nodes/gateway/export.hpp"
#include "nodes/gateway/rows.hpp"
#include "nodes/gateway/rules.hpp"
#include "nodes/gateway/slas.hpp"
#include "nodes/gateway/utf8.hpp"
#include "nodes/gateway/views.hpp"

namespace millrace::gateway {
namespace {

/// True when the method is the wanted one; else answers 405 with Allow.
bool method_is(const call_ptr& c, std::string_view wanted) {
  const auto& m = c->request().method;
  if (m == wanted || (wanted == "GET" && m == "HEAD")) return true;
  c->code = "request.method";
  auto r = http::problem({c->code, m + " is not allowed here: use " + std::string(wanted)},
                         {c->target.path, c->correlation, {}});
  r.set("Allow", wanted == "GET" ? "GET, HEAD" : std::string(wanted));
  c->answer(std::move(r));
  return false;
}

void unknown(const call_ptr& c) { c->fail({"route.unknown", "no such path: " + c->target.path}); }

bool is_get(const call_ptr& c) {
  return c->request().method == "GET" || c->request().method == "HEAD";
}

/// On-Behalf-Of, for clients that may assert it.
result<void> apply_person(const call_ptr& c) {
  const auto person = c->request().get("On-Behalf-Of");
  if (person.empty()) return {};
  if (!c->who.persons)
    return error{"command.not_authorised", "this client may not speak on behalf of persons"};
  if (person.size() > 200 || !is_utf8(person) || has_control_characters(person))
    return error{"request.malformed", "On-Behalf-Of is not a name"};
  c->who.who.on_behalf_of = person;
  return {};
}

}  // namespace

gateway::gateway(engine_api& engine, const schema_model& model, authenticator auth,
                 settings options)
    : core_(engine, model, std::move(auth), options),
      keeper_(std::make_shared<rule_keeper>(engine)) {}
gateway::~gateway() = default;

void gateway::set_service_levels(std::shared_ptr<slas::reader> measured) {
  measured_ = std::move(measured);
}

void gateway::tick() {
  core_.live->tick();
  if (stopping_.load() || !core_.engine.ready()) return;
  keeper_->tick();
  if (measured_) measured_->tick(wall_clock());
}

void gateway::begin_stop() {
  stopping_.store(true);
  core_.live->clear();
  if (measured_) measured_->stop();
}

void gateway::handle(std::shared_ptr<http::exchange> e) {
  auto c = std::make_shared<call>(std::move(e), core_.metrics);
  const auto given = c->request().get("Correlation-Id");
  const bool sound = given.empty() || is_correlation(given);
  c->correlation = sound && !given.empty() ? std::string(given) : make_correlation();
  auto parsed = parse_target(c->request().target);
  if (!parsed) return c->fail(parsed.error());
  c->target = std::move(*parsed);
  if (!sound)
    return c->fail({"request.malformed", "Correlation-Id is 1-128 visible ASCII characters"});
  for (const std::string_view once :
       {"Authorization", "Idempotency-Key", "If-Match", "Content-Type", "On-Behalf-Of"})
    if (c->request().count(once) > 1)
      return c->fail({"request.malformed", std::string(once) + " is given twice"});
  if (route_public(c)) return;
  if (c->target.segments.empty() || c->target.segments[0] != "v1") return unknown(c);
  auto who = core_.auth.header(c->request().get("Authorization"));
  if (!who) return c->fail(who.error());
  c->who = std::move(*who);
  if (const auto person = apply_person(c); !person) return c->fail(person.error());
  route_call(c);
}

/// What needs no token. True when it was one of these.
bool gateway::route_public(const call_ptr& c) {
  const auto& s = c->target.segments;
  if (s.size() != 1) return false;
  if (s[0] == "healthz" || s[0] == "readyz") {
    c->route = route::platform;
    if (!method_is(c, "GET")) return true;
    const bool ready = core_.engine.ready() && !stopping_.load();
    if (s[0] == "healthz" || ready)
      c->json(200, R"({"status":"ok"})");
    else
      c->fail({"node.not_ready", "the node is starting or stopping"});
    return true;
  }
  if (s[0] == "metrics") {
    c->route = route::platform;
    if (!method_is(c, "GET")) return true;
    if (!core_.options.open_metrics) {
      const auto who = core_.auth.header(c->request().get("Authorization"));
      if (!who) return c->fail(who.error()), true;
    }
    return get_metrics(core_, c, sla_metrics(measured_.get())), true;
  }
  if (s[0] == "openapi.json") {
    c->route = route::platform;
    if (method_is(c, "GET")) get_openapi(core_, c);
    return true;
  }
  if (s[0] == "asyncapi.json") {
    c->route = route::platform;
    if (method_is(c, "GET")) asyncapi_.answer(core_, c);
    return true;
  }
  return false;
}

void gateway::route_call(const call_ptr& c) {
  const auto& s = c->target.segments;
  for (const auto& segment : s)
    if (segment.empty()) return unknown(c);
  if (s.size() < 2) return unknown(c);
  const auto* cluster = core_.cluster;
  if (cluster != nullptr ? !cluster->open() : !core_.engine.ready())
    return c->fail({"node.not_ready", "the node is starting"});
  if (s[1] == "plants" && s.size() > 2) return route_plant(c);
  route_platform(c);
}

/// /v1/{what}…, across plants.
void gateway::route_platform(const call_ptr& c) {
  const auto& s = c->target.segments;
  const auto& what = s[1];
  c->route = route::operations;
  const auto get = [&](void (*f)(core&, const call_ptr&)) {
    return method_is(c, "GET") ? f(core_, c) : void();
  };
  if (s.size() == 2) {
    if (what == "plants") return get(get_plants);
    if (what == "cluster") return get(get_cluster);
    if (what == "exceptions") return get(get_exceptions);
    if (what == "deadletters") return get(get_deadletters);
    if (what == "endpoints") return get(get_endpoints);
    if (what == "schemas") return get(get_schemas);
    if (what == "xref") return get(get_xref);
    if (what == "slas") return method_is(c, "GET") ? get_slas(core_, c, measured_.get()) : void();
    if (what == "rules" && c->request().method == "PUT") return put_rules(core_, c);
    if (what == "rules") return get(get_rules);
    if (what == "audit") return method_is(c, "GET") ? get_audit(core_, c, journals_) : void();
    if (what == "export") return c->route = route::events, get(get_export);
    if (what == "events") return c->route = route::events, get(get_events);
    if (what == "processes") return c->route = route::process, get(get_processes);
    // The ledger's lines are rows of each reconciliation.
    const auto* kind =
        core_.model.collection(what == "reconciliation" ? "stock-reconciliations" : what);
    c->route = kind == nullptr ? route::unknown : route::list;
    if (kind == nullptr) return unknown(c);
    return method_is(c, "GET") ? get_list_all(core_, c, *kind) : void();
  }
  if (what == "audit" && s.size() == 3 && s[2] == "entries")
    return method_is(c, "GET") ? get_audit_entries(core_, c, journals_) : void();
  if (what == "views" && s.size() == 3 && s[2] == "recall") return get(get_recall);
  if (what == "views" && s.size() <= 4)
    return method_is(c, "GET") ? get_view(core_, c, s[2], s.size() == 4 ? s[3] : std::string())
                               : void();
  if (what == "rules" && s.size() == 3 && s[2] == "history") return get(get_rule_history);
  if (what == "rules" && s.size() == 3 && s[2] == "dry-run")
    return method_is(c, "POST") ? post_rules_dry_run(core_, c) : void();
  if (what == "cluster" && s.size() == 5 && s[2] == "nodes")
    return method_is(c, "POST") ? post_cluster_node(core_, c, s[3], s[4]) : void();
  if (what == "transactions" && s.size() == 3) {
    c->route = route::process;
    return method_is(c, "GET") ? get_transaction(core_, c, s[2]) : void();
  }
  if (what == "schemas" && s.size() == 3)
    return method_is(c, "GET") ? get_schema(core_, c, s[2]) : void();
  if (what == "exceptions" && s.size() == 3)
    return method_is(c, "GET") ? get_exception(core_, c, s[2]) : void();
  if (what == "exceptions" && s.size() == 4)
    return method_is(c, "POST") ? post_exception(core_, c, s[2], s[3]) : void();
  if (what == "deadletters" && s.size() == 3 && s[2] == "retry")
    return method_is(c, "POST") ? post_deadletters_retry(core_, c) : void();
  if (what == "deadletters" && s.size() == 4)
    return method_is(c, "POST") ? post_deadletter(core_, c, s[2], s[3]) : void();
  if (what == "endpoints" && s.size() == 4)
    return method_is(c, "GET") ? get_endpoint(core_, c, s[2], s[3]) : void();
  if (what == "endpoints" && s.size() == 5 && s[4] == "preview")
    return method_is(c, "POST") ? post_preview(core_, c, s[2], s[3]) : void();
  if (what == "endpoints" && s.size() == 5 && s[4] == "pause")
    return method_is(c, "POST") ? post_pause(core_, c, s[2], s[3]) : void();
  c->route = route::unknown;
  unknown(c);
}

/// /v1/plants/{plant}…
void gateway::route_plant(const call_ptr& c) {
  const auto& s = c->target.segments;
  const auto& plant = s[2];
  if (!is_plant_name(plant))
    return c->fail({"id.invalid", "a plant is 1-40 of letters, digits, '.', '_' and '-'"});
  const bool known = core_.engine.has_plant(plant);
  const auto missing = [&] { c->fail({"plant.unknown", "no plant " + plant}); };
  if (s.size() == 3) {
    c->route = route::read;
    if (!method_is(c, "GET")) return;
    return known ? get_actor(core_, c, {plant, "plant", plant}) : missing();
  }
  if (s.size() == 4 && s[3] == "commands") {
    c->route = route::bulk;
    if (!method_is(c, "POST")) return;
    return known ? post_bulk(core_, c, plant) : missing();
  }
  if (s.size() == 4 && s[3] == "stock") {
    c->route = route::list;
    if (!method_is(c, "GET")) return;
    return known ? get_stock(core_, c, plant) : missing();
  }
  if (s.size() == 4) {
    if (const auto* kind = core_.model.collection(s[3])) {
      c->route = route::list;
      if (!method_is(c, "GET")) return;
      return known ? get_list(core_, c, plant, *kind) : missing();
    }
    c->route = route::command;
    const auto* kind = core_.model.kind("plant");
    if (kind == nullptr || is_get(c)) return unknown(c);
    const auto* command = kind->command(s[3]);
    if (command == nullptr || command->internal)
      return c->fail({"command.unknown", "a plant has no command " + s[3]});
    if (!method_is(c, "POST")) return;
    if (!known && !command->creates) return missing();
    return post_command(core_, c, {plant, "plant", plant}, s[3]);
  }
  const auto* kind = core_.model.collection(s[3]);
  if (kind == nullptr) return unknown(c);
  if (!known) return missing();
  route_actor(c, *kind);
}

/// /v1/plants/{plant}/{collection}/{id}…
void gateway::route_actor(const call_ptr& c, const kind_model& kind) {
  const auto& s = c->target.segments;
  if (!is_actor_id(s[4]))
    return c->fail(
        {"id.invalid", "an id is 1-80 bytes of UTF-8 in NFC without control characters"});
  const address where{s[2], kind.name, s[4]};
  if (s.size() == 5) {
    c->route = route::read;
    if (!method_is(c, "GET")) return;
    return c->target.get("history") == "true" ? get_history(core_, c, where)
                                              : get_actor(core_, c, where);
  }
  if (s.size() != 6) return unknown(c);
  if (kind.name == "batch" && s[5] == "availability") {
    c->route = route::read;
    return method_is(c, "GET") ? get_availability(core_, c, where) : void();
  }
  if (kind.name == "batch" && s[5] == "genealogy") {
    c->route = route::read;
    return method_is(c, "GET") ? get_genealogy(core_, c, where) : void();
  }
  if (kind.name == "batch_run" && s[5] == "record") {
    c->route = route::read;
    return method_is(c, "GET") ? get_batch_record(core_, c, where) : void();
  }
  if (kind.name == "order" && s[5] == "check-release") {
    c->route = route::read;
    return method_is(c, "POST") ? post_check_release(core_, c, where) : void();
  }
  if (const auto* table = is_get(c) ? row_table(kind, s[5]) : nullptr) {
    c->route = route::list;
    return get_rows(core_, c, where, *table);
  }
  c->route = route::command;
  const auto* command = kind.command(s[5]);
  if (command == nullptr || command->internal)
    return c->fail({"command.unknown", "kind " + kind.name + " has no command " + s[5]});
  if (method_is(c, "POST")) post_command(core_, c, where, s[5]);
}

}  // namespace millrace::gateway
