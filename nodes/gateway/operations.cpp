// What operators look at and act on: exceptions and transactions.
// Acting on an exception needs the fact's owner or platform operations; the engine journals who did
// it.
#include <flatbuffers/reflection.h>

#include <algorithm>

#include "cluster/approval.hpp"
#include "nodes/gateway/answers.hpp"
#include "nodes/gateway/core.hpp"
#include "nodes/gateway/json_text.hpp"
#include "nodes/gateway/utf8.hpp"
#include "nodes/json/json_value.hpp"
#include "schemas/errors.hpp"

namespace millrace::gateway {
namespace {

constexpr std::size_t reason_bytes_max = 1000;

void append_exception(const core& g, const exception_view& x, std::string& out) {
  json_object o(out);
  o.text("id", public_exception_id(x.plant, x.id))
      .text("plant", x.plant)
      .text("actor", x.actor)
      .text("code", x.code);
  const auto own = title_of(g.model, x.code);
  o.some("title", own.empty() ? error_title(x.code) : std::string_view(own))
      .some("reason", x.reason)
      .text("command", x.command);
  o.some("principal", x.principal)
      .some("correlation", x.correlation)
      .when("raised_at", x.raised_at);
  const auto* kind = g.model.kind(split_local(x.actor).first);
  const auto* command = kind == nullptr ? nullptr : kind->command(x.command);
  if (command != nullptr && !x.body.empty())
    table_to_json(g.model, *command, x.body, o.key("body"));
}

/// Calls `then` with the exception of that public id, or answers 404.
void find_exception(core& g, const call_ptr& c, const std::string& id,
                    std::function<void(exception_view)> then) {
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
      g.engine.exceptions(
          plant, {}, after, 1000,
          on_thread_of<std::vector<exception_view>>(c, [self = shared_from_this()](auto found) {
            if (!found) return self->c->fail(found.error());
            self->take(std::move(*found));
          }));
    }
    void take(std::vector<exception_view> found) {
      for (auto& x : found)
        if (x.id == local || x.id == id || public_exception_id(x.plant, x.id) == id)
          return then(std::move(x));
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
  o.when("at", h.at)
      .text("what", h.what)
      .some("actor", h.actor)
      .some("type", h.type)
      .some("principal", h.principal);
  o.some("code", h.code)
      .some("detail", h.detail)
      .some("system", h.system)
      .some("document", h.document);
  if (h.index != 0) o.number("index", h.index);
  if (h.sequence != 0) o.number("sequence", h.sequence);
  if (h.attempt != 0) o.number("attempt", h.attempt);
}

}  // namespace

void get_exceptions(core& g, const call_ptr& c) {
  const auto limit = limit_of(c->target, 100);
  const auto plant = std::string(c->target.get("plant"));
  if (bad_limit(c, limit) || unknown_plant(g, c, plant)) return;
  auto after = std::string(c->target.get("cursor"));
  g.engine.exceptions(plant, std::string(c->target.get("code")), std::move(after),
                      static_cast<std::uint32_t>(limit),
                      on_thread_of<std::vector<exception_view>>(c, [&g, c, limit](auto found) {
                        if (!found) return c->fail(found.error());
                        const bool more = found->size() >= static_cast<std::size_t>(limit);
                        answer_items(
                            c, *found, more ? found->back().id : std::string(),
                            [&](const auto& x, std::string& out) { append_exception(g, x, out); });
                      }));
}

namespace {

/// Platform operations may always, else the owner of the fact. Facts that an actor passed on have
/// no owner: anyone may have them tried again, the MES, whose reports they come from, may also
/// correct and discard them.
bool may_act_on_exception(core& g, const call_ptr& c, const table_model& command,
                          request::exception_op op, request& r) {
  const auto speaks = [&](System s) {
    return ((c->who.who.systems >> static_cast<unsigned>(s)) & 1u) != 0;
  };
  if (speaks(System::ops)) return r.system = System::ops, true;
  if (!command.internal) return may_send(g, c, command, r);
  const bool may = op == request::exception_op::retry || speaks(System::mes);
  if (!may)
    return c->fail({"command.not_owner", "corrections of this fact belong to mes, ops"}), false;
  r.system = static_cast<System>(speaking_system(c->who.who.systems, 0, true));
  return true;
}

/// A member of the sender's own report that the fact, as an actor passed it on, does not have: the
/// lot that it went to (then it must be that lot), or what only the report itself keeps (person,
/// equipment, …). Error: a member that no such report has.
result<void> only_of_the_report(const core& g, const exception_view& x,
                                const json_value::member& m) {
  const auto [kind, actor] = split_local(x.actor);
  if (m.key == kind && m.value.text() == actor) return {};
  if (m.key == kind)
    return error{"request.invalid",
                 "a correction cannot move the fact to another " + std::string(kind) +
                     ": discard it and report anew",
                 {{'/' + m.key, "is " + std::string(actor)}}};
  const auto has = [](const table_model& t, const std::string& field) {
    return t.object != nullptr && t.object->fields()->LookupByKey(field.c_str()) != nullptr;
  };
  for (const auto& k : g.model.kinds())
    for (const auto& t : k.commands)
      if (t.fact && !t.internal && has(t, "report") && has(t, m.key)) return {};
  return error{"request.invalid",
               "neither the parked fact nor its report has this field",
               {{'/' + m.key, "unknown field"}}};
}

/// The parked body with the given members in place of its own.
result<bytes> corrected(const core& g, const exception_view& x, const table_model& command,
                        std::string_view text) {
  if (!is_utf8(text)) return error{"request.not_utf8", "the body is not UTF-8"};
  const auto given = json_value::parse(text.empty() ? std::string_view("{}") : text);
  if (!given) return given.error();
  if (!given->is_object() || given->members().empty())
    return error{"request.invalid",
                 "send an object with the fields to correct; the others stay as parked"};
  if (x.body.empty()) return json_to_table(g.model, command, text);
  std::string kept;
  table_to_json(g.model, command, x.body, kept);
  auto merged = json_value::parse(kept);
  if (!merged) return merged.error();
  for (const auto& m : given->members()) {
    if (command.internal && command.object->fields()->LookupByKey(m.key.c_str()) == nullptr) {
      if (auto sound = only_of_the_report(g, x, m); !sound) return sound.error();
      continue;
    }
    const bool names_it = m.key == "report" || m.key == "order";
    if (command.internal && names_it && merged->text(m.key) != m.value.text())
      return error{"request.invalid",
                   "a correction keeps the fact's ids",
                   {{'/' + m.key, "is " + merged->text(m.key)}}};
    merged->set(m.key, m.value);
  }
  return json_to_table(g.model, command, merged->dump());
}

}  // namespace

void get_exception(core& g, const call_ptr& c, const std::string& id) {
  find_exception(g, c, id, [&g, c](const exception_view& x) {
    std::string out;
    append_exception(g, x, out);
    c->json(200, std::move(out));
  });
}

namespace {

/// Who approves says why, and signs what is signed. False when the call has been answered.
bool take_approval(const call_ptr& c, const exception_view& x, const table_model& command,
                   request& r) {
  if (x.code != approval_needed)
    return c->fail({"request.invalid", "the exception waits for no second person"}), false;
  const auto body = object_in(c);
  if (!body) return false;
  for (const auto& m : body->members())
    if (m.key != "reason" && m.key != "signature")
      return c->fail({"request.invalid",
                      "approve takes a reason and, of a signed command, a signature",
                      {{'/' + m.key, "not expected"}}}),
             false;
  r.reason = body->text("reason");
  if (r.reason.size() > reason_bytes_max)
    return c->fail({"request.invalid", "a reason of up to 1000 bytes", {{"/reason", "too long"}}}),
           false;
  const auto* signature = body->find("signature");
  if (signature != nullptr) {
    r.signature_meaning = signature->text("meaning");
    r.signature_reason = signature->text("reason");
  }
  if (command.is_signed && (r.signature_meaning.empty() || r.signature_reason.empty()))
    return c->fail({"signature.missing",
                    command.wire_name + " needs signature {meaning, reason}",
                    {{"/signature", "missing"}}}),
           false;
  return true;
}

/// Why a fact is given up or a command rejected. False when the call has been answered.
bool take_reason(const call_ptr& c, request& r) {
  const auto body = object_in(c);
  if (!body) return false;
  r.reason = body->text("reason");
  for (const auto& m : body->members())
    if (m.key != "reason" || r.reason.size() > reason_bytes_max)
      return c->fail({"request.invalid",
                      "discard and reject take a reason of up to 1000 bytes",
                      {{'/' + m.key, "not expected"}}}),
             false;
  if (r.reason.empty())
    return c->fail({"request.invalid",
                    "say why it is given up: {reason}",
                    {{"/reason", "is required"}}}),
           false;
  return true;
}

/// To approve is to have it tried again, by a second person.
request::exception_op op_of(std::string_view verb) {
  if (verb == "correct") return request::exception_op::correct;
  if (verb == "retry" || verb == "approve") return request::exception_op::retry;
  if (verb == "discard" || verb == "reject") return request::exception_op::discard;
  return request::exception_op::none;
}

}  // namespace

void post_exception(core& g, const call_ptr& c, const std::string& id, const std::string& verb) {
  const auto op = op_of(verb);
  if (op == request::exception_op::none)
    return c->fail({"route.unknown",
                    "an exception can be corrected, retried or discarded, a command that waits for "
                    "a second person approved or rejected"});
  find_exception(g, c, id, [&g, c, op, approve = verb == "approve"](const exception_view& x) {
    const auto [kind_name, actor] = split_local(x.actor);
    const auto* kind = g.model.kind(kind_name);
    const auto* command = kind == nullptr ? nullptr : kind->command(x.command);
    if (command == nullptr)
      return c->fail({"command.unknown", "the exception's command is not known"});
    request r;
    const bool may =
        approve ? may_send(g, c, *command, r) : may_act_on_exception(g, c, *command, op, r);
    if (!may) return;
    if (!apply_headers(g, c, r)) return;
    r.to = {x.plant, std::string(kind_name), std::string(actor)};
    r.command = command->member;
    r.exception = x.id;
    r.op = op;
    r.body = x.body;
    if (op == request::exception_op::correct) {
      auto body = corrected(g, x, *command, c->request().body);
      if (!body) return c->fail(body.error());
      r.body = std::move(*body);
    }
    if (op == request::exception_op::discard && !take_reason(c, r)) return;
    if (approve && !take_approval(c, x, *command, r)) return;
    send_request(g, c, std::move(r));
  });
}

void get_transaction(core& g, const call_ptr& c, const std::string& correlation) {
  g.engine.transaction(
      correlation, on_thread_of<std::vector<hop>>(c, [c, correlation](auto hops) {
        if (!hops && hops.error().code != "transaction.unknown") return c->fail(hops.error());
        if (!hops || hops->empty())
          return c->fail({"transaction.unknown", "nothing happened under " + correlation});
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
