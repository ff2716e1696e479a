// /v1/rules: what may be set, what is in force, and what was set when by whom.
#include "nodes/gateway/rules.hpp"

#include <flatbuffers/flatbuffers.h>

#include "actors/owned_fields.hpp"
#include "actors/rules.hpp"
#include "actors/second_person.hpp"
#include "nodes/gateway/answers.hpp"
#include "nodes/gateway/json_text.hpp"

namespace millrace::gateway {
namespace {

namespace rs = millrace::rule_set;

std::string_view type_name(actors::rule_type type) {
  switch (type) {
    case actors::rule_type::choice:
      return "choice";
    case actors::rule_type::whole:
      return "whole";
    case actors::rule_type::number:
      return "number";
  }
  return {};
}

void append_rule(const actors::rule_entry& rule, const millrace::plant::StateT* site,
                 std::string& out) {
  json_object o(out);
  o.text("name", rule.name).text("type", type_name(rule.type)).text("default", rule.fallback);
  o.text("meaning", rule.meaning);
  if (rule.type == actors::rule_type::choice) {
    json_array all(o.key("choices"));
    for (auto rest = rule.choices; !rest.empty();) {
      const auto bar = std::min(rest.find('|'), rest.size());
      append_json_string(rest.substr(0, bar), all.next());
      rest.remove_prefix(std::min(bar + 1, rest.size()));
    }
  } else {
    o.number("minimum", static_cast<std::uint64_t>(rule.least));
    o.number("maximum", static_cast<std::uint64_t>(rule.most));
  }
  if (site == nullptr) return;
  const auto in_force = actors::rule_at(*site, rule.name);
  const bool adopted = in_force.level != "default";
  o.flag("adopted", adopted);
  if (!adopted) return;  // the node's configuration, else the default
  o.text("value", in_force.value).text("level", in_force.level).number("version", in_force.version);
}

void answer_rules(const call_ptr& c, const millrace::plant::StateT* site) {
  std::string out;
  {
    json_object o(out);
    if (site != nullptr) {
      o.number("enterprise_version", site->enterprise_rules);
      o.number("region_version", site->region_rules).number("plant_version", site->plant_rules);
      o.when("adopted_at", site->rules_adopted_at);
    }
    json_array all(o.key("items"));
    for (const auto& rule : actors::rule_catalogue) append_rule(rule, site, all.next());
    for (const auto& a : actors::approvable_commands) append_rule(a.rule, site, all.next());
    for (const auto& f : actors::owned_fields) append_rule(f.rule, site, all.next());
  }
  c->json(200, std::move(out));
}

/// The set that level, region and plant name.
result<address> set_of(std::string_view level, const std::string& region,
                       const std::string& plant) {
  const std::string home(actors::enterprise_plant);
  if (level == "enterprise")
    return address{home, "rule_set", std::string(actors::enterprise_rules)};
  if (level == "region" && !region.empty())
    return address{home, "rule_set", actors::region_rules(region)};
  if (level == "plant" && is_plant_name(plant))
    return address{plant, "rule_set", std::string(actors::plant_rules)};
  return error{"request.invalid",
               "level is enterprise, region (with region) or plant (with plant)",
               {{"/level", "does not name a rule set"}}};
}

result<rs::SetT> settings_in(const json_value& body) {
  rs::SetT out;
  out.reason = body.text("reason");
  for (const auto& m : body.members())
    if (m.key != "level" && m.key != "region" && m.key != "plant" && m.key != "rules" &&
        m.key != "reason")
      return error{"request.invalid", "unknown member", {{'/' + m.key, "is not known"}}};
  if (out.reason.empty() || out.reason.size() > 1000)
    return error{"request.invalid", "a reason is needed", {{"/reason", "1 to 1000 bytes"}}};
  const auto* rules = body.find("rules");
  if (rules == nullptr || !rules->is_object())
    return error{"request.invalid", "rules is an object", {{"/rules", "is missing"}}};
  for (const auto& m : rules->members()) {
    if (m.value.is_null()) {
      out.unset.push_back(m.key);
      continue;
    }
    if (const auto sound = actors::check_rule(m.key, m.value.text()); !sound) return sound.error();
    auto& one = out.rules.emplace_back();
    one.name = m.key;
    one.value = m.value.text();
  }
  return out;
}

/// Sets, then lets the plants concerned adopt, one after the other.
struct setting : std::enable_shared_from_this<setting> {
  core& g;
  call_ptr c;
  address where;
  request command;
  std::uint64_t sequence = 0;
  std::vector<std::string> plants;
  std::vector<adoption> adoptions;

  setting(core& core_, call_ptr call_) : g(core_), c(std::move(call_)) {}
  void start() {
    if (g.engine.has_plant(where.plant)) return send();
    g.engine.create_plant(where.plant,
                          on_thread_of<void>(c, [self = shared_from_this()](result<void> made) {
                            made ? self->send() : self->c->fail(made.error());
                          }));
  }
  void send() {
    g.commands.push(
        *c->exchange, std::move(command),
        [self = shared_from_this()](reply r) {
          if (r.outcome != engine::Outcome::accepted)
            return self->c->fail({r.code.empty() ? "kind.fault" : r.code, r.detail},
                                 title_of(self->g.model, r.code), r.retry_after_s);
          self->sequence = r.sequence;
          self->adopt_everywhere();
        },
        c->exchange);
  }
  void adopt_everywhere() {
    with_plants(g, c, [self = shared_from_this()](std::vector<std::string> names) {
      std::erase(names, actors::enterprise_plant);
      if (self->where.plant != actors::enterprise_plant) names = {self->where.plant};
      self->plants = std::move(names);
      self->next();
    });
  }
  void next() {
    if (plants.empty()) return finish();
    auto plant = std::move(plants.back());
    plants.pop_back();
    adopt_rules(g.engine, std::move(plant), [self = shared_from_this()](adoption how) {
      auto held = std::make_shared<adoption>(std::move(how));
      self->c->later([self, held] {
        self->adoptions.push_back(std::move(*held));
        self->next();
      });
    });
  }
  void finish() {
    std::string out;
    {
      json_object o(out);
      o.text("address", where.to_string()).number("sequence", sequence);
      json_array all(o.key("adopted"));
      for (const auto& one : adoptions) {
        if (!one.changed && one.why.code.empty()) continue;
        json_object i(all.next());
        i.text("plant", one.plant).number("sequence", one.sequence).some("code", one.why.code);
        i.some("detail", one.why.detail);
      }
    }
    c->json(200, std::move(out));
  }
};

}  // namespace

void get_rules(core& g, const call_ptr& c) {
  const std::string plant(c->target.get("plant"));
  if (plant.empty()) return answer_rules(c, nullptr);
  if (unknown_plant(g, c, plant)) return;
  g.engine.read({plant, "plant", plant}, consistency::leader,
                on_thread_of<actor_view>(c, [c](result<actor_view> view) {
                  if (!view) return c->fail(view.error());
                  millrace::plant::StateT site;
                  flatbuffers::GetRoot<millrace::plant::State>(view->state.data())->UnPackTo(&site);
                  answer_rules(c, &site);
                }));
}

void put_rules(core& g, const call_ptr& c) {
  if (refused_for_operators(c)) return;
  const auto body = object_in(c);
  if (!body) return;
  auto where = set_of(body->text("level"), body->text("region"), body->text("plant"));
  if (!where) return c->fail(where.error());
  if (where->plant != actors::enterprise_plant && unknown_plant(g, c, where->plant)) return;
  auto settings = settings_in(*body);
  if (!settings) return c->fail(settings.error());
  auto s = std::make_shared<setting>(g, c);
  s->where = std::move(*where);
  const auto* command = g.model.kind("rule_set")->command("set");
  if (!may_send(g, c, *command, s->command) || !apply_headers(g, c, s->command)) return;
  s->command.to = s->where;
  s->command.command = command->member;
  s->command.body = decision<rs::schema>::pack(*settings);
  s->start();
}

void get_rule_history(core& g, const call_ptr& c) {
  const auto where = set_of(c->target.get("level"), std::string(c->target.get("region")),
                            std::string(c->target.get("plant")));
  if (!where) return c->fail(where.error());
  const auto limit = limit_of(c->target, 100);
  if (bad_limit(c, limit)) return;
  if (!g.engine.has_plant(where->plant)) return c->json(200, R"({"items":[],"next":null})");
  g.engine.rows(
      *where, "versions", std::string(c->target.get("cursor")), static_cast<std::uint32_t>(limit),
      on_thread_of<std::vector<row_view>>(c, [&g, c, limit](result<std::vector<row_view>> rows) {
        if (!rows) return c->fail(rows.error());
        const auto* row = g.model.kind("rule_set")->row("versions");
        const bool full = rows->size() == static_cast<std::size_t>(limit);
        answer_items(c, *rows, full ? rows->back().key : std::string(),
                     [&g, row](const row_view& r, std::string& out) {
                       table_to_json(g.model, *row, r.row, out);
                     });
      }));
}

}  // namespace millrace::gateway
