// Commands over HTTP: one, or up to a thousand at once.
// The schema is checked here, so that the engine only ever sees verified tables from the right
// owners.
#include <algorithm>

#include "nodes/gateway/core.hpp"
#include "nodes/gateway/delegated.hpp"
#include "nodes/gateway/json_text.hpp"
#include "nodes/gateway/utf8.hpp"
#include "nodes/json/json_value.hpp"
#include "schemas/errors.hpp"
#include "schemas/platform/plant_generated.h"

namespace millrace::gateway {
namespace {

constexpr std::size_t key_bytes_max = 255;

/// application/json, any +json, nothing at all, or what `curl -d` claims when told nothing.
result<void> check_media_type(const http::request& r) {
  auto type = r.get("Content-Type");
  type = type.substr(0, type.find(';'));
  while (!type.empty() && type.back() == ' ') type.remove_suffix(1);
  const auto ends = [&](std::string_view tail) {
    return type.size() > tail.size() &&
           http::same_name(type.substr(type.size() - tail.size()), tail);
  };
  if (type.empty() || r.body.empty() || http::same_name(type, "application/json") || ends("+json"))
    return {};
  if (http::same_name(type, "application/x-www-form-urlencoded") && r.body.front() == '{')
    return {};
  return error{"request.media_type", "send application/json, not " + std::string(type)};
}

result<void> check_key(std::string_view key) {
  if (key.size() > key_bytes_max || !is_utf8(key) || has_control_characters(key))
    return error{"request.malformed", "an idempotency key is 1-255 bytes of text"};
  return {};
}

bool prefers(const http::request& r, std::string_view what) {
  return r.get("Prefer").find(what) != std::string_view::npos;
}

/// "wait=N" of Prefer (RFC 7240), in milliseconds; the fallback when absent.
std::uint32_t deadline_of(const http::request& r, const settings& s) {
  const auto prefer = r.get("Prefer");
  const auto at = prefer.find("wait=");
  if (at == std::string_view::npos) return s.deadline_ms;
  auto digits = prefer.substr(at + 5);
  digits = digits.substr(0, std::min(digits.find_first_not_of("0123456789"), digits.size()));
  const auto seconds = parse_number(digits, 3600);
  if (seconds < 0) return s.deadline_ms;
  return std::min<std::uint32_t>(static_cast<std::uint32_t>(seconds) * 1000, s.deadline_ms_max);
}

std::string etag_of(std::uint32_t generation, std::uint64_t sequence) {
  return '"' + std::to_string(generation) + '.' + std::to_string(sequence) + '"';
}

/// The workflow that one of the events names ("process":"hold/H-9"), found in their text.
std::string_view process_in(std::string_view events) {
  constexpr std::string_view member = "\"process\":\"";
  const auto at = events.find(member);
  if (at == std::string_view::npos) return {};
  const auto rest = events.substr(at + member.size());
  const auto named = rest.substr(0, std::min(rest.find('"'), rest.size()));
  return named.find('\\') == std::string_view::npos ? named : std::string_view{};
}

bool is_fine(const reply& r) { return r.outcome == engine::Outcome::accepted && r.code.empty(); }

/// The members that every outcome but a refusal has.
void append_outcome(const core& g, const kind_model& kind, const address& to, const reply& r,
                    json_object& o) {
  o.text("address", to.to_string());
  if (r.outcome != engine::Outcome::pending) o.number("sequence", r.sequence);
  std::string events;
  {
    json_array all(events);
    for (const auto& e : r.events) append_event(g.model, kind, e, all.next());
  }
  o.raw("events", events);
  o.text("correlation", r.correlation);
  o.some("process", process_in(events));
  if (r.outcome == engine::Outcome::parked) {
    json_object x(o.key("exception"));
    x.text("id", public_exception_id(to.plant, r.exception))
        .text("code", r.code)
        .some("reason", r.detail);
  } else if (r.outcome == engine::Outcome::pending) {
    o.text("transaction", "/v1/transactions/" + encode_segment(r.correlation));
  }
}

/// Answers with the outcome; `state` when it was wanted and could be read.
void answer_outcome(const core& g, const call_ptr& c, const address& to, const reply& r,
                    const actor_view* state) {
  const auto* kind = g.model.kind(to.kind);
  http::response answer;
  answer.status = status_of(r);
  answer.set("Content-Type", "application/json");
  // What is not known yet has no version.
  if (r.outcome != engine::Outcome::pending) answer.set("ETag", etag_of(r.generation, r.sequence));
  if (r.replayed) answer.set("Idempotent-Replayed", "true");
  if (r.outcome == engine::Outcome::parked)
    answer.set("Location",
               "/v1/exceptions/" + encode_segment(public_exception_id(to.plant, r.exception)));
  if (r.outcome == engine::Outcome::pending)
    answer.set("Location", "/v1/transactions/" + encode_segment(r.correlation));
  {
    json_object o(answer.body);
    append_outcome(g, *kind, to, r, o);
    if (state != nullptr) table_to_json(g.model, kind->state, state->state, o.key("state"));
  }
  c->answer(std::move(answer));
}

void refuse_outcome(const core& g, const call_ptr& c, const reply& r) {
  const auto code = r.code.empty() ? std::string("kind.fault") : r.code;
  c->code = code;
  auto answer = http::problem(
      {code, r.detail}, {c->target.path, c->correlation, title_of(g.model, code), r.retry_after_s});
  if (r.replayed) answer.set("Idempotent-Replayed", "true");
  if (r.code == "command.precondition" && r.sequence != 0)
    answer.set("ETag", etag_of(r.generation, r.sequence));  // the version that it would take
  c->answer(std::move(answer));
}

void finish(core& g, const call_ptr& c, const address& to, reply r) {
  if (r.correlation.empty()) r.correlation = c->correlation;
  c->correlation = r.correlation;
  g.metrics.outcome(r.outcome);
  g.metrics.command_took(c->age());
  if (!is_fine(r) && status_of(r) >= 400) return refuse_outcome(g, c, r);
  if (prefers(c->request(), "return=minimal")) return answer_outcome(g, c, to, r, nullptr);
  auto held = std::make_shared<reply>(std::move(r));
  g.engine.read(to, consistency::leader,
                on_thread_of<actor_view>(c, [&g, c, to, held](result<actor_view> view) {
                  answer_outcome(g, c, to, *held, view && !view->state.empty() ? &*view : nullptr);
                }));
}

/// Makes the table of a command from JSON text; an empty body is {}.
result<bytes> table_of(const core& g, const table_model& command, std::string_view body) {
  if (!is_utf8(body)) return error{"request.not_utf8", "the body is not UTF-8"};
  return json_to_table(g.model, command, body.empty() ? std::string_view("{}") : body);
}

/// The command's table; of a `signed` command the member `signature` {meaning, reason} goes into
/// the request.
result<bytes> take_body(const core& g, const table_model& command, std::string_view body,
                        request& r) {
  if (!command.is_signed || !is_utf8(body)) return table_of(g, command, body);
  const auto parsed = json_value::parse(body.empty() ? std::string_view("{}") : body);
  if (!parsed) return parsed.error();
  auto rest = json_value::make_object();
  for (const auto& m : parsed->members()) {
    if (m.key != "signature") {
      rest.set(m.key, m.value);
      continue;
    }
    for (const auto& s : m.value.members())
      if ((s.key != "meaning" && s.key != "reason") || !s.value.is_string() ||
          s.value.text().size() > 1000)
        return error{"request.invalid",
                     "a signature has meaning and reason",
                     {{"/signature/" + s.key, "not a text of a signature"}}};
    r.signature_meaning = m.value.text("meaning");
    r.signature_reason = m.value.text("reason");
  }
  if (r.signature_meaning.empty() || r.signature_reason.empty())
    return error{"signature.missing",
                 command.wire_name + " needs signature {meaning, reason}",
                 {{"/signature", "missing"}}};
  return table_of(g, command, rest.dump());
}

}  // namespace

bool may_send(core& g, const call_ptr& c, const table_model& command, request& r) {
  const auto system = speaking_system(c->who.who.systems, command.owners, command.any_owner);
  if (system == 0) {
    g.metrics.not_owner();
    c->fail(not_owner(command));
    return false;
  }
  r.system = static_cast<System>(system);
  return true;
}

bool apply_headers(core& g, const call_ptr& c, request& r) {
  const auto& in = c->request();
  if (in.has("Idempotency-Key")) {
    r.key = in.get("Idempotency-Key");
    if (r.key.empty()) return c->fail({"request.malformed", "the idempotency key is empty"}), false;
    if (const auto sound = check_key(r.key); !sound) return c->fail(sound.error()), false;
  }
  if (auto match = in.get("If-Match"); !match.empty() && match != "*") {
    if (match.size() >= 2 && match.front() == '"' && match.back() == '"')
      match = match.substr(1, match.size() - 2);
    const auto dot = match.find('.');
    const bool sound = dot != std::string_view::npos &&
                       parse_number(match.substr(0, dot), UINT32_MAX) >= 0 &&
                       parse_number(match.substr(dot + 1), INT64_MAX) >= 0;
    if (!sound)
      return c->fail({"command.precondition", "If-Match is \"<generation>.<sequence>\""}), false;
    r.if_match = match;
  }
  if (const auto cause = in.get("Causation-Id"); !cause.empty()) {
    if (cause.size() > 200 || !is_utf8(cause) || has_control_characters(cause))
      return c->fail({"request.malformed", "Causation-Id is not an id"}), false;
    r.causation = cause;
  }
  r.from = c->who.who;
  r.correlation = c->correlation;
  r.deadline_ms = deadline_of(in, g.options);
  return true;
}

void send_request(core& g, const call_ptr& c, request r) {
  auto to = r.to;
  g.commands.push(
      *c->exchange, std::move(r),
      [&g, c, to = std::move(to)](reply answer) { finish(g, c, to, std::move(answer)); },
      c->exchange);
}

namespace {

/// The home region that a commissioning names.
std::string region_in(const table_model& command, const bytes& body) {
  if (command.wire_name != "commission") return {};
  const auto* region = flatbuffers::GetRoot<millrace::plant::Commission>(body.data())->region();
  return region != nullptr ? region->str() : std::string();
}

}  // namespace

void post_command(core& g, const call_ptr& c, const address& to, std::string_view name) {
  const auto* kind = g.model.kind(to.kind);
  const auto* command = kind->command(name);
  if (speaking_system(c->who.who.systems, command->owners, command->any_owner) == 0)
    return post_delegated(g, c, to, *command);
  request r;
  if (may_send(g, c, *command, r)) carry_out(g, c, to, *command, std::move(r));
}

void carry_out(core& g, const call_ptr& c, const address& to, const table_model& command, request r,
               const std::string& delegation) {
  if (const auto media = check_media_type(c->request()); !media) return c->fail(media.error());
  if (!apply_headers(g, c, r)) return;
  if (!delegation.empty()) {
    r.from.systems |= static_cast<system_set>(1u << static_cast<unsigned>(r.system));
    if (r.causation.empty()) r.causation = "delegation/" + delegation;
  }
  auto body = take_body(g, command, c->request().body, r);
  if (!body) return c->fail(body.error());
  r.to = to;
  r.command = command.member;
  r.body = std::move(*body);
  if (to.kind != "plant" || g.engine.has_plant(to.plant)) return send_request(g, c, std::move(r));
  auto held = std::make_shared<request>(std::move(r));
  auto then = on_thread_of<void>(c, [&g, c, held](auto made) {
    made ? send_request(g, c, std::move(*held)) : c->fail(made.error());
  });
  if (g.cluster == nullptr) return g.engine.create_plant(to.plant, std::move(then));
  g.cluster->create_plant_in(to.plant, region_in(command, held->body), std::move(then));
}

// ---- many commands in one request ----

namespace {

/// The answers of one bulk request, in the order of its commands.
struct bulk {
  std::vector<std::string> results;
  std::size_t open = 0;
};

std::string bulk_refusal(const core& g, const error& e, std::string_view where,
                         bool replayed = false) {
  std::string out;
  json_object o(out);
  o.number("status", http_status(e.code)).some("address", where);
  if (replayed) o.flag("replayed", true);
  o.raw("problem", http::problem_json(e, {{}, {}, title_of(g.model, e.code)}));
  return out;
}

std::string bulk_outcome(const core& g, const address& to, const reply& r) {
  const auto status = status_of(r);
  if (!is_fine(r) && status >= 400)
    return bulk_refusal(g, {r.code.empty() ? "kind.fault" : r.code, r.detail}, to.to_string(),
                        r.replayed);
  std::string out;
  {
    json_object o(out);
    o.number("status", static_cast<std::uint64_t>(status));
    if (r.replayed) o.flag("replayed", true);
    append_outcome(g, *g.model.kind(to.kind), to, r, o);
  }
  return out;
}

/// "kind/id", "collection/id" or "plant/kind/id" of that plant.
result<address> bulk_address(const core& g, const std::string& plant, std::string_view text) {
  if (text.rfind(plant + '/', 0) == 0) text.remove_prefix(plant.size() + 1);
  const auto [name, id] = split_local(text);
  const auto* kind = g.model.kind(name);
  if (kind == nullptr) kind = g.model.collection(name);
  if (kind == nullptr) return error{"route.unknown", "no kind " + std::string(name)};
  if (!is_actor_id(id)) return error{"id.invalid", "the address has no valid id"};
  return address{plant, kind->name, std::string(id)};
}

/// One entry of the bulk as a request, or why not.
result<request> bulk_request(core& g, const call_ptr& c, const std::string& plant,
                             const json_value& entry) {
  if (!entry.is_object()) return error{"request.invalid", "an entry is an object"};
  for (const auto& m : entry.members())
    if (m.key != "address" && m.key != "command" && m.key != "body" && m.key != "idempotency_key" &&
        m.key != "if_match")
      return error{"request.invalid", "unknown member", {{'/' + m.key, "unknown field"}}};
  auto to = bulk_address(g, plant, entry.text("address"));
  if (!to) return to.error();
  const auto* command = g.model.kind(to->kind)->command(entry.text("command"));
  if (command == nullptr || command->internal)
    return error{"command.unknown", "no command " + entry.text("command")};
  request r;
  const auto system = speaking_system(c->who.who.systems, command->owners, command->any_owner);
  if (system == 0) return g.metrics.not_owner(), not_owner(*command);
  const auto* body = entry.find("body");
  auto table = take_body(g, *command, body == nullptr ? std::string("{}") : body->dump(), r);
  if (!table) return table.error();
  r.key = entry.text("idempotency_key");
  if (const auto sound = check_key(r.key); !sound) return sound.error();
  r.if_match = entry.text("if_match");
  r.system = static_cast<System>(system);
  r.to = std::move(*to);
  r.command = command->member;
  r.body = std::move(*table);
  r.from = c->who.who;
  r.correlation = c->correlation;
  r.deadline_ms = deadline_of(c->request(), g.options);
  return r;
}

void answer_bulk(const call_ptr& c, const bulk& b) {
  std::string out = "{\"results\":";
  {
    json_array all(out);
    for (const auto& r : b.results) all.next() += r;
  }
  out += '}';
  c->json(200, std::move(out));
}

}  // namespace

void post_bulk(core& g, const call_ptr& c, const std::string& plant) {
  if (const auto media = check_media_type(c->request()); !media) return c->fail(media.error());
  if (!is_utf8(c->request().body)) return c->fail({"request.not_utf8", "the body is not UTF-8"});
  auto parsed = json_value::parse(c->request().body);
  if (!parsed) return c->fail(parsed.error());
  const auto* list = parsed->is_object() ? parsed->find("commands") : &*parsed;
  if (list == nullptr || !list->is_array())
    return c->fail({"request.invalid", "send an array of commands", {{"/commands", "missing"}}});
  const auto& entries = list->items();
  if (entries.empty() || entries.size() > g.options.bulk_max)
    return c->fail({"request.invalid",
                    "1 to " + std::to_string(g.options.bulk_max) + " commands",
                    {{"/commands", "wrong number"}}});
  auto all = std::make_shared<bulk>();
  all->results.resize(entries.size());
  std::vector<std::pair<std::size_t, request>> sent;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    auto r = bulk_request(g, c, plant, entries[i]);
    if (r)
      sent.emplace_back(i, std::move(*r));
    else
      all->results[i] = bulk_refusal(g, r.error(), entries[i].text("address"));
  }
  all->open = sent.size();
  if (sent.empty()) return answer_bulk(c, *all);
  for (auto& [i, r] : sent) {
    auto to = r.to;
    g.commands.push(
        *c->exchange, std::move(r),
        [&g, c, all, slot = i, to = std::move(to)](reply answer) {
          g.metrics.outcome(answer.outcome);
          all->results[slot] = bulk_outcome(g, to, answer);
          if (--all->open == 0) answer_bulk(c, *all);
        },
        c->exchange);
  }
}

}  // namespace millrace::gateway
