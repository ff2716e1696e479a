// How rules are checked, found and merged.
#include "actors/rules.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "actors/owned_fields.hpp"
#include "actors/plant.hpp"
#include "actors/second_person.hpp"

namespace millrace::actors {

namespace {

bool is_choice(std::string_view choices, std::string_view value) {
  while (true) {
    const auto bar = choices.find('|');
    if (choices.substr(0, bar) == value) return true;
    if (bar == std::string_view::npos) return false;
    choices.remove_prefix(bar + 1);
  }
}

std::string words_of(std::string_view choices) {
  std::string out(choices);
  std::ranges::replace(out, '|', ',');
  return out;
}

error invalid(std::string_view name, std::string detail) {
  return {"request.invalid",
          "rule " + std::string(name) + ' ' + detail,
          {{"/rules/" + std::string(name), detail}}};
}

const millrace::plant::AdoptedRuleT* adopted(const millrace::plant::StateT& plant,
                                             std::string_view name) {
  for (const auto& one : plant.rules)
    if (one.name == name) return &one;
  return nullptr;
}

rule_in_force seen_at(const millrace::plant::AdoptedRuleT& rule) {
  rule_in_force out;
  out.value = rule.value;
  out.level = millrace::plant::EnumNameRuleLevel(rule.level);
  out.version = rule.version;
  return out;
}

}  // namespace

const rule_entry* find_rule(std::string_view name) {
  const auto at =
      std::ranges::find_if(rule_catalogue, [&](const auto& r) { return r.name == name; });
  if (at != rule_catalogue.end()) return &*at;
  const auto owned =
      std::ranges::find_if(owned_fields, [&](const auto& f) { return f.rule.name == name; });
  if (owned != owned_fields.end()) return &owned->rule;
  const auto asked =
      std::ranges::find_if(approvable_commands, [&](const auto& a) { return a.rule.name == name; });
  return asked == approvable_commands.end() ? nullptr : &asked->rule;
}

result<void> check_rule(std::string_view name, std::string_view value) {
  const auto* rule = find_rule(name);
  if (rule == nullptr) return invalid(name, "is not in the catalogue");
  switch (rule->type) {
    case rule_type::choice:
      if (is_choice(rule->choices, value)) return {};
      return invalid(name, "must be one of " + words_of(rule->choices));
    case rule_type::whole: {
      std::int64_t number = 0;
      const auto [end, failed] = std::from_chars(value.data(), value.data() + value.size(), number);
      if (failed == std::errc() && end == value.data() + value.size() && number >= rule->least &&
          number <= rule->most)
        return {};
      return invalid(name, "must be a whole number from " + std::to_string(rule->least) + " to " +
                               std::to_string(rule->most));
    }
    case rule_type::number: {
      if (value.empty() && rule->fallback.empty()) return {};
      const auto number = decimal::parse(value);
      if (number && *number >= decimal::from_units(rule->least) &&
          *number <= decimal::from_units(rule->most))
        return {};
      return invalid(name, "must be a decimal from " + std::to_string(rule->least) + " to " +
                               std::to_string(rule->most));
    }
  }
  return invalid(name, "has no type");
}

rule_in_force rule_at(const millrace::plant::StateT& plant, std::string_view name) {
  if (const auto* one = adopted(plant, name)) return seen_at(*one);
  const auto* rule = find_rule(name);
  return {std::string(rule ? rule->fallback : ""), "default", 0};
}

rule_in_force rule_seen(context& ctx, std::string_view name) {
  if (const auto* site = ctx.look_up<plant>(ctx.plant()))
    if (const auto* one = adopted(*site, name)) return seen_at(*one);
  const auto* rule = find_rule(name);
  const auto fallback = rule ? rule->fallback : std::string_view();
  auto value = ctx.rule(name, fallback);
  const bool configured = value != fallback;
  return {std::move(value), configured ? "configuration" : "default", 0};
}

std::string rule_of(context& ctx, std::string_view name) { return rule_seen(ctx, name).value; }

std::vector<millrace::plant::AdoptedRuleT> merge_rules(const millrace::rule_set::StateT* enterprise,
                                                       const millrace::rule_set::StateT* region,
                                                       const millrace::rule_set::StateT* own) {
  using millrace::plant::RuleLevel;
  std::vector<millrace::plant::AdoptedRuleT> out;
  const auto add = [&](const millrace::rule_set::StateT* set, RuleLevel level) {
    if (set == nullptr) return;
    for (const auto& rule : set->rules) {
      std::erase_if(out, [&](const auto& before) { return before.name == rule.name; });
      auto& one = out.emplace_back();
      one.name = rule.name;
      one.value = rule.value;
      one.level = level;
      one.version = rule.version;
    }
  };
  add(enterprise, RuleLevel::enterprise);
  add(region, RuleLevel::region);
  add(own, RuleLevel::plant);
  std::ranges::sort(out, {}, &millrace::plant::AdoptedRuleT::name);
  return out;
}

std::string region_rules(std::string_view region) { return "region~" + std::string(region); }

}  // namespace millrace::actors
