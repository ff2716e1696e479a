// POST /v1/rules/dry-run: what other rules would have changed, by the plant's past events.
#include "actors/rules_rehearsal.hpp"
#include "nodes/gateway/cloud_event.hpp"
#include "nodes/gateway/json_text.hpp"
#include "nodes/gateway/rules.hpp"

namespace millrace::gateway {
namespace {

constexpr std::uint32_t events_a_page = 1000;
constexpr std::uint64_t events_max = 100'000;  // of one answer; `next` goes on

/// Reads events page after page and plays them to the rehearsal.
struct rehearsing : std::enable_shared_from_this<rehearsing> {
  core& g;
  call_ptr c;
  actors::rule_rehearsal rehearsal;
  event_query query;
  std::uint64_t seen = 0;
  timestamp first, last;

  rehearsing(core& core_, call_ptr call_, actors::rule_rehearsal r)
      : g(core_), c(std::move(call_)), rehearsal(std::move(r)) {}
  void step() {
    g.engine.events(query, on_thread_of<event_page>(c, [self = shared_from_this()](auto page) {
                      if (!page) return self->c->fail(page.error());
                      self->take(*page);
                    }));
  }
  void take(const event_page& page) {
    for (const auto& e : page.events) {
      if (!first.given()) first = e.stamp;
      last = e.stamp;
      rehearsal.take({e.kind, e.id, e.correlation, e.member, e.body, e.stamp});
    }
    seen += page.events.size();
    query.index = page.next_index;
    query.ordinal = page.next_ordinal;
    if (!page.at_head && seen < events_max) return step();
    finish(page.at_head);
  }
  void finish(bool at_head) {
    std::string out;
    {
      json_object o(out);
      o.text("plant", query.plant).number("events", seen).when("from", first).when("to", last);
      o.number("differences", rehearsal.count());
      if (!at_head) o.text("next", position{1, query.index, query.ordinal}.text());
      {
        json_array all(o.key("not_rehearsed"));
        for (const auto& name : rehearsal.not_rehearsed()) append_json_string(name, all.next());
      }
      json_array all(o.key("items"));
      for (const auto& one : rehearsal.differences()) {
        json_object i(all.next());
        i.text("rule", one.rule).text("actor", one.actor).when("at", one.at);
        i.text("was", one.was).text("would", one.would).some("correlation", one.correlation);
      }
    }
    c->json(200, std::move(out));
  }
};

}  // namespace

void post_rules_dry_run(core& g, const call_ptr& c) {
  const auto body = object_in(c);
  if (!body) return;
  const auto plant = body->text("plant");
  for (const auto& m : body->members())
    if (m.key != "plant" && m.key != "rules" && m.key != "after")
      return c->fail({"request.invalid", "unknown member", {{'/' + m.key, "is not known"}}});
  if (plant.empty())
    return c->fail({"request.invalid", "a plant is needed", {{"/plant", "is missing"}}});
  if (unknown_plant(g, c, plant)) return;
  const auto* rules = body->find("rules");
  if (rules == nullptr || !rules->is_object() || rules->members().empty())
    return c->fail({"request.invalid", "rules is an object", {{"/rules", "is missing"}}});
  std::map<std::string, std::string> wanted;
  for (const auto& m : rules->members()) wanted[m.key] = m.value.text();
  auto rehearsal = actors::rule_rehearsal::with(std::move(wanted));
  if (!rehearsal) return c->fail(rehearsal.error());
  const auto from = parse_position(body->text("after"));
  if (!from) return c->fail(from.error());
  auto r = std::make_shared<rehearsing>(g, c, std::move(*rehearsal));
  r->query.plant = plant;
  r->query.limit = events_a_page;
  r->query.index = from->index;
  r->query.ordinal = from->ordinal;
  r->step();
}

}  // namespace millrace::gateway
