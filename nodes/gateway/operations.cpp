// What operators look at and act on: exceptions, dead letters, endpoints, transactions.
// Acting on them needs the command's owner or platform operations; the engine journals who did it.
#include <algorithm>

#include "nodes/gateway/answers.hpp"
#include "nodes/gateway/core.hpp"
#include "nodes/gateway/json_text.hpp"
#include "nodes/json/json_value.hpp"

namespace millrace::gateway {
namespace {

/// "<plant>~<id in the plant>", or a bare id.
std::pair<std::string, std::string> split_public(const std::string& id) {
  const auto tilde = id.find('~');
  if (tilde == std::string::npos) return {{}, id};
  return {id.substr(0, tilde), id.substr(tilde + 1)};
}

void append_exception(const core& g, const exception_view& x, std::string& out) {
  json_object o(out);
  o.text("id", public_exception_id(x.plant, x.id)).text("plant", x.plant).text("actor", x.actor).text("code", x.code);
  o.some("title", title_of(g.model, x.code)).some("reason", x.reason).text("command", x.command);
  o.some("principal", x.principal).some("correlation", x.correlation).when("raised_at", x.raised_at);
  const auto* kind = g.model.kind(split_local(x.actor).first);
  const auto* command = kind == nullptr ? nullptr : kind->command(x.command);
  if (command != nullptr && !x.body.empty()) table_to_json(g.model, *command, x.body, o.key("body"));
}

/// Calls `then` with the exception of that public id, or answers 404.
void find_exception(core& g, const call_ptr& c, const std::string& id, std::function<void(exception_view)> then) {
  auto [plant, local] = split_public(id);
  if (!g.engine.has_plant(plant)) {  // a bare id, "<kind>~<actor>~<n>"
    plant = c->target.get("plant");
    local = id;
  }
  struct search : std::enable_shared_from_this<search> {
    core& g;
    call_ptr c;
    std::string plant, local, id, after;
    std::function<void(exception_view)> then;
    explicit search(core& g_) : g(g_) {}
    void step() {
      g.engine.exceptions(plant, {}, after, 1000, on_thread_of<std::vector<exception_view>>(c, [self = shared_from_this()](auto found) {
                            if (!found) return self->c->fail(found.error());
                            self->take(std::move(*found));
                          }));
    }
    void take(std::vector<exception_view> found) {
      for (auto& x : found)
        if (x.id == local || x.id == id || public_exception_id(x.plant, x.id) == id) return then(std::move(x));
      if (found.size() < 1000) return c->fail({"exception.unknown", "no open exception " + id});
      after = found.back().id;
      step();
    }
  };
  auto s = std::make_shared<search>(g);
  s->c = c;
  s->plant = plant;
  s->local = local;
  s->id = id;
  s->then = std::move(then);
  s->step();
}

void append_hop(const hop& h, std::string& out) {
  json_object o(out);
  o.when("at", h.at).text("what", h.what).some("actor", h.actor).some("type", h.type).some("principal", h.principal);
  o.some("code", h.code).some("detail", h.detail).some("system", h.system).some("document", h.document);
  if (h.index != 0) o.number("index", h.index);
  if (h.sequence != 0) o.number("sequence", h.sequence);
  if (h.attempt != 0) o.number("attempt", h.attempt);
}

void append_delivery(const core& g, const delivery_view& d, std::string& out) {
  json_object o(out);
  o.text("id", d.id).text("plant", d.plant).text("system", EnumNameSystem(d.system)).text("key", d.key).text("type", d.type);
  o.text("state", d.state).some("actor", d.actor).some("correlation", d.correlation).number("attempts", d.attempts);
  o.when("filed_at", d.filed_at).when("last_attempt", d.last_attempt).when("next_attempt", d.next_attempt);
  o.some("last_error", d.last_error).some("document", d.document);
  const auto* kind = g.model.kind(d.kind);
  const auto* type = kind == nullptr ? nullptr : kind->delivery(d.member);
  if (type != nullptr && !d.body.empty()) table_to_json(g.model, *type, d.body, o.key("body"));
}

void append_endpoint(const endpoint_view& e, std::string& out) {
  json_object o(out);
  o.text("id", e.plant + '~' + EnumNameSystem(e.system)).text("plant", e.plant).text("system", EnumNameSystem(e.system));
  o.text("breaker", e.breaker.empty() ? "closed" : e.breaker).flag("paused", e.paused).when("paused_until", e.paused_until);
  o.some("pause_reason", e.pause_reason).number("waiting", e.waiting).number("dead", e.dead);
  o.number("acknowledged", e.acknowledged).number("attempts", e.attempts).number("failures", e.failures);
  o.when("oldest", e.oldest).when("last_success", e.last_success).when("last_failure", e.last_failure);
  o.some("last_error", e.last_error);
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

/// The JSON object in the body; an empty body is {}. nullopt when answered.
std::optional<json_value> object_in(const call_ptr& c) {
  const auto& body = c->request().body;
  auto parsed = json_value::parse(body.empty() ? std::string_view("{}") : body);
  if (!parsed) return c->fail(parsed.error()), std::nullopt;
  if (!parsed->is_object()) return c->fail({"request.invalid", "send an object", {{"", "not an object"}}}), std::nullopt;
  return std::move(*parsed);
}

}  // namespace

void get_exceptions(core& g, const call_ptr& c) {
  const auto limit = limit_of(c->target, 100);
  const auto plant = std::string(c->target.get("plant"));
  if (bad_limit(c, limit) || unknown_plant(g, c, plant)) return;
  auto after = std::string(c->target.get("cursor"));
  g.engine.exceptions(plant, std::string(c->target.get("code")), std::move(after), static_cast<std::uint32_t>(limit),
                      on_thread_of<std::vector<exception_view>>(c, [&g, c, limit](auto found) {
                        if (!found) return c->fail(found.error());
                        const bool more = found->size() >= static_cast<std::size_t>(limit);
                        answer_items(c, *found, more ? found->back().id : std::string(),
                                     [&](const auto& x, std::string& out) { append_exception(g, x, out); });
                      }));
}

namespace {

/// Platform operations may always, else the owner of the fact. Facts that an actor passed on have no owner: anyone may have
/// them tried again, the MES, whose reports they come from, may also correct and discard them.
bool may_act_on_exception(core& g, const call_ptr& c, const table_model& command, request::exception_op op, request& r) {
  const auto speaks = [&](System s) { return ((c->who.who.systems >> static_cast<unsigned>(s)) & 1u) != 0; };
  if (speaks(System::ops)) return r.system = System::ops, true;
  if (!command.internal) return may_send(g, c, command, r);
  const bool may = op == request::exception_op::retry || speaks(System::mes);
  if (!may) return c->fail({"command.not_owner", "corrections of this fact belong to mes, ops"}), false;
  r.system = static_cast<System>(speaking_system(c->who.who.systems, 0, true));
  return true;
}

}  // namespace

void get_exception(core& g, const call_ptr& c, const std::string& id) {
  find_exception(g, c, id, [&g, c](const exception_view& x) {
    std::string out;
    append_exception(g, x, out);
    c->json(200, std::move(out));
  });
}

void post_exception(core& g, const call_ptr& c, const std::string& id, const std::string& verb) {
  auto op = request::exception_op::none;
  if (verb == "correct") op = request::exception_op::correct;
  else if (verb == "retry") op = request::exception_op::retry;
  else if (verb == "discard") op = request::exception_op::discard;
  else return c->fail({"route.unknown", "an exception can be corrected, retried or discarded"});
  find_exception(g, c, id, [&g, c, op](const exception_view& x) {
    const auto [kind_name, actor] = split_local(x.actor);
    const auto* kind = g.model.kind(kind_name);
    const auto* command = kind == nullptr ? nullptr : kind->command(x.command);
    if (command == nullptr) return c->fail({"command.unknown", "the exception's command is not known"});
    request r;
    if (!may_act_on_exception(g, c, *command, op, r)) return;
    if (!apply_headers(g, c, r)) return;
    r.to = {x.plant, std::string(kind_name), std::string(actor)};
    r.command = command->member;
    r.exception = x.id;
    r.op = op;
    r.body = x.body;
    if (op == request::exception_op::correct) {
      auto body = json_to_table(g.model, *command, c->request().body);
      if (!body) return c->fail(body.error());
      r.body = std::move(*body);
    }
    send_request(g, c, std::move(r));
  });
}

void get_deadletters(core& g, const call_ptr& c) {
  const auto limit = limit_of(c->target, 100);
  const auto plant = std::string(c->target.get("plant"));
  if (bad_limit(c, limit) || unknown_plant(g, c, plant)) return;
  g.engine.deadletters(plant, std::string(c->target.get("cursor")), static_cast<std::uint32_t>(limit),
                       on_thread_of<std::vector<delivery_view>>(c, [&g, c, limit](auto found) {
                         if (!found) return c->fail(found.error());
                         const bool more = found->size() >= static_cast<std::size_t>(limit);
                         answer_items(c, *found, more ? found->back().id : std::string(),
                                      [&](const auto& d, std::string& out) { append_delivery(g, d, out); });
                       }));
}

namespace {

/// Sends the operator's word on a dead letter; `edited` empty = as it is.
void act_on_deadletter(core& g, const call_ptr& c, const std::string& id, engine_api::deadletter_op op, bytes edited) {
  g.engine.deadletter(id, op, std::move(edited), c->who.who, on_thread_of<void>(c, [c, id, op](result<void> r) {
                        if (!r) return c->fail(r.error());
                        std::string out;
                        {
                          json_object o(out);
                          o.text("id", id).text("state", op == engine_api::deadletter_op::retry ? "waiting" : "discarded");
                        }
                        c->json(200, std::move(out));
                      }));
}

/// Looks the dead letter up for its type, so that an edited body can be checked against it.
struct deadletter_edit : std::enable_shared_from_this<deadletter_edit> {
  core& g;
  call_ptr c;
  std::string plant, id, after, body;
  explicit deadletter_edit(core& g_) : g(g_) {}
  void step() {
    g.engine.deadletters(plant, after, 1000, on_thread_of<std::vector<delivery_view>>(c, [self = shared_from_this()](auto found) {
                           if (!found) return self->c->fail(found.error());
                           self->take(*found);
                         }));
  }
  void take(const std::vector<delivery_view>& found) {
    for (const auto& d : found)
      if (d.id == id) return edit(d);
    if (found.size() < 1000) return c->fail({"deadletter.unknown", "no dead letter " + id});
    after = found.back().id;
    step();
  }
  void edit(const delivery_view& d) {
    const auto* kind = g.model.kind(d.kind);
    const auto* type = kind == nullptr ? nullptr : kind->delivery(d.member);
    if (type == nullptr) return c->fail({"deadletter.unknown", "the type of the dead letter is not known"});
    auto table = json_to_table(g.model, *type, body);
    if (!table) return c->fail(table.error());
    act_on_deadletter(g, c, id, engine_api::deadletter_op::retry, std::move(*table));
  }
};

}  // namespace

void post_deadletter(core& g, const call_ptr& c, const std::string& id, const std::string& verb) {
  if (verb != "retry" && verb != "discard") return c->fail({"route.unknown", "a dead letter can be retried or discarded"});
  if (refused_for_operators(c)) return;
  if (verb == "discard") return act_on_deadletter(g, c, id, engine_api::deadletter_op::discard, {});
  const auto body = object_in(c);
  if (!body) return;
  for (const auto& m : body->members())
    if (m.key != "body") return c->fail({"request.invalid", "retry takes body", {{'/' + m.key, "unknown field"}}});
  const auto* edited = body->find("body");
  if (edited == nullptr) return act_on_deadletter(g, c, id, engine_api::deadletter_op::retry, {});
  auto e = std::make_shared<deadletter_edit>(g);
  e->c = c;
  e->plant = split_public(id).first;
  e->id = id;
  e->body = edited->dump();
  e->step();
}

void get_endpoints(core& g, const call_ptr& c) {
  g.engine.endpoints(on_thread_of<std::vector<endpoint_view>>(c, [c](auto found) {
    if (!found) return c->fail(found.error());
    const auto plant = c->target.get("plant");
    std::vector<endpoint_view> wanted;
    for (auto& e : *found)
      if (plant.empty() || e.plant == plant) wanted.push_back(std::move(e));
    answer_items(c, wanted, {}, append_endpoint);
  }));
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
      return c->fail({"request.invalid", "pause takes until and reason", {{'/' + m.key, "unknown field"}}});
  timestamp until;  // absent = resume now
  if (body->has("until")) {
    const auto parsed = timestamp::parse(body->text("until"));
    if (!parsed) return c->fail({"request.invalid", parsed.error().detail, {{"/until", parsed.error().code}}});
    until = *parsed;
  }
  const auto reason = body->text("reason");
  if (until.given() && reason.empty()) return c->fail({"request.invalid", "a pause needs a reason", {{"/reason", "missing"}}});
  if (reason.size() > 1000) return c->fail({"request.invalid", "the reason is too long", {{"/reason", "longer than 1000 bytes"}}});
  g.engine.pause_endpoint(plant, static_cast<System>(*number), until, reason, c->who.who,
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

void get_transaction(core& g, const call_ptr& c, const std::string& correlation) {
  g.engine.transaction(correlation, on_thread_of<std::vector<hop>>(c, [c, correlation](auto hops) {
    if (!hops) return c->fail(hops.error());
    if (hops->empty()) return c->fail({"transaction.unknown", "nothing happened under " + correlation});
    std::string out;
    {
      json_object o(out);
      o.text("correlation", correlation);
      json_array all(o.key("hops"));
      for (const auto& h : *hops) append_hop(h, all.next());
    }
    c->json(200, std::move(out));
  }));
}

}  // namespace millrace::gateway
