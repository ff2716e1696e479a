// Dead letters and endpoints: what waits for outer systems, and what operators do about it.
// Acting needs platform operations; a preview shows what a mapping makes of a message and sends
// nothing.
#include <algorithm>

#include "nodes/gateway/answers.hpp"
#include "nodes/gateway/core.hpp"
#include "nodes/gateway/json_text.hpp"
#include "nodes/json/json_value.hpp"

namespace millrace::gateway {
namespace {

void append_delivery(const core& g, const delivery_view& d, std::string& out) {
  json_object o(out);
  const auto* kind = g.model.kind(d.kind);
  const auto* type = kind == nullptr ? nullptr : kind->delivery(d.member);
  o.text("id", d.id)
      .text("plant", d.plant)
      .text("system", EnumNameSystem(d.system))
      .text("key", d.key)
      .text("type", type == nullptr ? d.type : type->wire_name);
  o.text("state", d.state)
      .some("actor", d.actor)
      .some("correlation", d.correlation)
      .number("attempts", d.attempts);
  o.when("filed_at", d.filed_at).when("last_attempt", d.last_attempt);
  if (d.state != "dead") o.when("next_attempt", d.next_attempt);
  o.some("last_error", d.last_error).some("document", d.document);
  if (type != nullptr && !d.body.empty()) table_to_json(g.model, *type, d.body, o.key("body"));
}

void append_endpoint(const endpoint_view& e, std::string& out) {
  json_object o(out);
  o.text("id", e.plant + '~' + EnumNameSystem(e.system))
      .text("plant", e.plant)
      .text("system", EnumNameSystem(e.system));
  o.text("breaker", e.breaker.empty() ? "closed" : e.breaker)
      .flag("paused", e.paused)
      .when("paused_until", e.paused_until);
  o.some("pause_reason", e.pause_reason).number("waiting", e.waiting).number("dead", e.dead);
  o.number("acknowledged", e.acknowledged)
      .number("attempts", e.attempts)
      .number("failures", e.failures);
  o.when("oldest", e.oldest)
      .when("last_success", e.last_success)
      .when("last_failure", e.last_failure);
  o.some("last_error", e.last_error);
}

}  // namespace

void get_deadletters(core& g, const call_ptr& c) {
  const auto limit = limit_of(c->target, 100);
  const auto plant = std::string(c->target.get("plant"));
  if (bad_limit(c, limit) || unknown_plant(g, c, plant)) return;
  g.engine.deadletters(
      plant, std::string(c->target.get("cursor")), static_cast<std::uint32_t>(limit),
      on_thread_of<std::vector<delivery_view>>(c, [&g, c, limit](auto found) {
        if (!found) return c->fail(found.error());
        const bool more = found->size() >= static_cast<std::size_t>(limit);
        answer_items(c, *found, more ? found->back().id : std::string(),
                     [&](const auto& d, std::string& out) { append_delivery(g, d, out); });
      }));
}

namespace {

/// Sends the operator's word on a dead letter; `edited` empty = as it is.
void act_on_deadletter(core& g, const call_ptr& c, const std::string& id,
                       engine_api::deadletter_op op, bytes edited) {
  g.engine.deadletter(
      id, op, std::move(edited), c->who.who, on_thread_of<void>(c, [c, id, op](result<void> r) {
        if (!r) return c->fail(r.error());
        std::string out;
        {
          json_object o(out);
          o.text("id", id).text("state",
                                op == engine_api::deadletter_op::retry ? "waiting" : "discarded");
        }
        c->json(200, std::move(out));
      }));
}

/// Looks one dead letter up over all pages and hands it to `then`, or answers 404.
struct deadletter_search : std::enable_shared_from_this<deadletter_search> {
  core& g;
  call_ptr c;
  std::string plant, id, after;
  std::function<void(const delivery_view&)> then;
  explicit deadletter_search(core& g_) : g(g_) {}
  void step() {
    g.engine.deadletters(
        plant, after, 1000,
        on_thread_of<std::vector<delivery_view>>(c, [self = shared_from_this()](auto found) {
          if (!found) return self->c->fail(found.error());
          self->take(*found);
        }));
  }
  void take(const std::vector<delivery_view>& found) {
    for (const auto& d : found)
      if (d.id == id) return then(d);
    if (found.size() < 1000) return c->fail({"deadletter.unknown", "no dead letter " + id});
    after = found.back().id;
    step();
  }
};

void find_deadletter(core& g, const call_ptr& c, const std::string& id,
                     std::function<void(const delivery_view&)> then) {
  auto s = std::make_shared<deadletter_search>(g);
  s->c = c;
  s->plant = split_public(id).first;
  s->id = id;
  s->then = std::move(then);
  if (!s->plant.empty() && !g.engine.has_plant(s->plant))
    return c->fail({"deadletter.unknown", "no dead letter " + id});
  s->step();
}

/// The new body of a dead letter as the table of its type.
result<bytes> edited_table(const core& g, const delivery_view& d, std::string_view body) {
  const auto* kind = g.model.kind(d.kind);
  const auto* type = kind == nullptr ? nullptr : kind->delivery(d.member);
  if (type == nullptr)
    return error{"deadletter.unknown", "the type of the dead letter is not known"};
  return json_to_table(g.model, *type, body);
}

}  // namespace

void post_deadletter(core& g, const call_ptr& c, const std::string& id, const std::string& verb) {
  if (verb != "retry" && verb != "discard")
    return c->fail({"route.unknown", "a dead letter can be retried or discarded"});
  if (refused_for_operators(c)) return;
  if (verb == "discard") return act_on_deadletter(g, c, id, engine_api::deadletter_op::discard, {});
  const auto body = object_in(c);
  if (!body) return;
  for (const auto& m : body->members())
    if (m.key != "body")
      return c->fail({"request.invalid", "retry takes body", {{'/' + m.key, "unknown field"}}});
  const auto* edited = body->find("body");
  if (edited == nullptr) return act_on_deadletter(g, c, id, engine_api::deadletter_op::retry, {});
  find_deadletter(g, c, id, [&g, c, id, text = edited->dump()](const delivery_view& d) {
    auto table = edited_table(g, d, text);
    if (!table) return c->fail(table.error());
    act_on_deadletter(g, c, id, engine_api::deadletter_op::retry, std::move(*table));
  });
}

namespace {

/// Delivers many again, page by page: those of one endpoint, or whose last error names a code, or
/// both.
struct retry_many : std::enable_shared_from_this<retry_many> {
  core& g;
  call_ptr c;
  std::string plant, system, code, after;
  std::vector<std::string> wanted;
  std::size_t at = 0, retried = 0, failed = 0;
  explicit retry_many(core& g_) : g(g_) {}
  void collect() {
    g.engine.deadletters(
        plant, after, 1000,
        on_thread_of<std::vector<delivery_view>>(c, [self = shared_from_this()](auto found) {
          if (!found) return self->c->fail(found.error());
          self->take(*found);
        }));
  }
  void take(const std::vector<delivery_view>& found) {
    for (const auto& d : found) {
      const bool here = system.empty() || system == EnumNameSystem(d.system);
      if (here && (code.empty() || d.last_error.find(code) != std::string::npos))
        wanted.push_back(d.id);
    }
    if (found.size() < 1000) return step();
    after = found.back().id;
    collect();
  }
  void step() {
    if (at >= wanted.size()) return finish();
    g.engine.deadletter(wanted[at], engine_api::deadletter_op::retry, {}, c->who.who,
                        on_thread_of<void>(c, [self = shared_from_this()](result<void> r) {
                          r ? ++self->retried : ++self->failed;
                          ++self->at;
                          self->step();
                        }));
  }
  void finish() {
    std::string out;
    {
      json_object o(out);
      o.number("retried", retried).number("failed", failed);
    }
    c->json(200, std::move(out));
  }
};

/// "plant~system" or "system"; false (and answered) when it is neither.
bool split_endpoint(core& g, const call_ptr& c, std::string_view text, std::string& plant,
                    std::string& system) {
  const auto tilde = text.find('~');
  if (tilde != std::string_view::npos) plant = text.substr(0, tilde);
  system = tilde == std::string_view::npos ? text : text.substr(tilde + 1);
  if (system_number(system)) return !unknown_plant(g, c, plant);
  c->fail({"endpoint.unknown", "an endpoint is named <plant>~<system>"});
  return false;
}

}  // namespace

void post_deadletters_retry(core& g, const call_ptr& c) {
  if (refused_for_operators(c)) return;
  const auto endpoint = c->target.get("endpoint");
  auto all = std::make_shared<retry_many>(g);
  all->c = c;
  all->code = c->target.get("code");
  if (endpoint.empty() && all->code.empty())
    return c->fail(
        {"request.invalid", "name an endpoint, a code or both", {{"/endpoint", "missing"}}});
  if (!endpoint.empty() && !split_endpoint(g, c, endpoint, all->plant, all->system)) return;
  all->collect();
}

void get_endpoints(core& g, const call_ptr& c) {
  if (unknown_plant(g, c, c->target.get("plant"))) return;
  g.engine.endpoints(on_thread_of<std::vector<endpoint_view>>(c, [c](auto found) {
    if (!found) return c->fail(found.error());
    const auto plant = c->target.get("plant");
    std::vector<endpoint_view> wanted;
    for (auto& e : *found)
      if (plant.empty() || e.plant == plant) wanted.push_back(std::move(e));
    answer_items(c, wanted, {}, append_endpoint);
  }));
}

void get_endpoint(core& g, const call_ptr& c, const std::string& plant, const std::string& system) {
  if (!system_number(system)) return c->fail({"endpoint.unknown", "no system " + system});
  if (unknown_plant(g, c, plant)) return;
  g.engine.endpoints(on_thread_of<std::vector<endpoint_view>>(c, [c, plant, system](auto found) {
    if (!found) return c->fail(found.error());
    for (const auto& e : *found)
      if (e.plant == plant && system == EnumNameSystem(e.system)) {
        std::string out;
        append_endpoint(e, out);
        return c->json(200, std::move(out));
      }
    c->fail({"endpoint.unknown", plant + " has no endpoint for " + system});
  }));
}

namespace {

void answer_preview(core& g, const call_ptr& c, const attempt& a) {
  if (!g.preview) return c->fail({"endpoint.unknown", "this node has no adapters"});
  const auto request = g.preview(a);
  if (!request) return c->fail(request.error());
  std::string out;
  {
    json_object o(out);
    o.text("method", request->method)
        .text("path", request->path)
        .raw("body", request->body.empty() ? "null" : request->body);
  }
  c->json(200, std::move(out));
}

/// The attempt that would carry a message of that type and data.
result<attempt> attempt_of(const core& g, const json_value& message) {
  for (const auto& m : message.members())
    if (m.key != "type" && m.key != "data" && m.key != "actor" && m.key != "key" &&
        m.key != "correlation")
      return error{"request.invalid",
                   "preview takes deadletter, or type, data, actor, key and correlation",
                   {{'/' + m.key, "unknown field"}}};
  const auto* data = message.find("data");
  for (const auto& kind : g.model.kinds())
    for (const auto& type : kind.deliveries) {
      if (type.wire_name.empty() || type.wire_name != message.text("type")) continue;
      auto table = json_to_table(g.model, type, data == nullptr ? std::string("{}") : data->dump());
      if (!table) return table.error();
      attempt a;
      a.kind = kind.name;
      a.member = type.member;
      a.actor = message.text("actor");
      a.key = message.text("key");
      a.correlation = message.text("correlation");
      a.body = std::make_shared<const bytes>(std::move(*table));
      return a;
    }
  return error{"request.invalid", "no delivery of that type", {{"/type", "unknown value"}}};
}

}  // namespace

void post_preview(core& g, const call_ptr& c, const std::string& plant, const std::string& system) {
  if (refused_for_operators(c)) return;
  const auto number = system_number(system);
  if (!number) return c->fail({"endpoint.unknown", "no system " + system});
  if (unknown_plant(g, c, plant)) return;
  const auto body = object_in(c);
  if (!body) return;
  const auto place = [plant, number](attempt a) {
    a.plant = plant;
    a.system = static_cast<System>(*number);
    a.id = "msg_preview";
    a.filed_at = wall_clock();
    return a;
  };
  if (!body->has("deadletter")) {
    auto a = attempt_of(g, *body);
    return a ? answer_preview(g, c, place(std::move(*a))) : c->fail(a.error());
  }
  find_deadletter(g, c, body->text("deadletter"), [&g, c, place](const delivery_view& d) {
    attempt a;
    a.kind = d.kind;
    a.member = d.member;
    a.actor = d.actor;
    a.key = d.key;
    a.correlation = d.correlation;
    a.body = std::make_shared<const bytes>(d.body);
    answer_preview(g, c, place(std::move(a)));
  });
}

void post_pause(core& g, const call_ptr& c, const std::string& plant, const std::string& system) {
  if (refused_for_operators(c)) return;
  const auto number = system_number(system);
  if (!number) return c->fail({"endpoint.unknown", "no system " + system});
  if (unknown_plant(g, c, plant)) return;
  const auto body = object_in(c);
  if (!body) return;
  for (const auto& m : body->members())
    if (m.key != "until" && m.key != "reason")
      return c->fail(
          {"request.invalid", "pause takes until and reason", {{'/' + m.key, "unknown field"}}});
  timestamp until;  // absent = resume now
  if (body->has("until")) {
    const auto parsed = timestamp::parse(body->text("until"));
    if (!parsed)
      return c->fail({"request.invalid", parsed.error().detail, {{"/until", parsed.error().code}}});
    until = *parsed;
  }
  const auto reason = body->text("reason");
  if (until.given() && reason.empty())
    return c->fail({"request.invalid", "a pause needs a reason", {{"/reason", "missing"}}});
  if (reason.size() > 1000)
    return c->fail(
        {"request.invalid", "the reason is too long", {{"/reason", "longer than 1000 bytes"}}});
  g.engine.pause_endpoint(
      plant, static_cast<System>(*number), until, reason, c->who.who,
      on_thread_of<void>(c, [c, plant, system, until](result<void> r) {
        if (!r) return c->fail(r.error());
        std::string out;
        {
          json_object o(out);
          o.text("plant", plant).text("system", system).flag("paused", until > wall_clock());
          o.when("paused_until", until);
        }
        c->json(200, std::move(out));
      }));
}

}  // namespace millrace::gateway
