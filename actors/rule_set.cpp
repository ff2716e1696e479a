// A rule set's one decision. Nothing follows from it here: a plant adopts what it is to work by.
#include "actors/rule_set.hpp"

#include <algorithm>
#include <set>

#include "actors/rules.hpp"

namespace millrace::actors {

namespace {

using namespace millrace::rule_set;  // the kind's own tables; this file has no others
using made = decision<schema>;

const RuleT* find(const StateT& state, std::string_view name) {
  for (const auto& one : state.rules)
    if (one.name == name) return &one;
  return nullptr;
}

made set_rules(const StateT& state, const SetT& c, context& ctx) {
  RulesSetT event;
  std::set<std::string> named;
  for (const auto& one : c.rules) {
    if (!named.insert(one.name).second)
      return made::refuse(Refusal::named_twice, one.name + " is named twice.");
    if (find_rule(one.name) == nullptr)
      return made::refuse(Refusal::rule_unknown, "There is no rule " + one.name + '.');
    if (const auto sound = check_rule(one.name, one.value); !sound)
      return made::refuse(Refusal::value_invalid, sound.error().detail + '.');
    const auto* before = find(state, one.name);
    if (before == nullptr || before->value != one.value) event.rules.push_back(one);
  }
  for (const auto& name : c.unset) {
    if (!named.insert(name).second)
      return made::refuse(Refusal::named_twice, name + " is named twice.");
    if (find(state, name) == nullptr)
      return made::refuse(Refusal::not_set, "The set does not have rule " + name + '.');
    event.unset.push_back(name);
  }
  made d;
  if (event.rules.empty() && event.unset.empty() && ctx.sequence() != 0) return d;
  event.version = state.version + 1;
  event.reason = c.reason;
  const auto& from = ctx.from();
  event.by = from.on_behalf_of.empty() ? from.principal : from.on_behalf_of;
  d.emit(std::move(event));
  return d;
}

std::string number_key(std::uint64_t number) {
  const auto digits = std::to_string(number);
  return std::string(10 - std::min<std::size_t>(10, digits.size()), '0') + digits;
}

}  // namespace

decision<rule_set::schema> rule_set::decide(const schema::state& state,
                                            const schema::command& command, context& ctx) {
  switch (command.type) {
    case Command::Set:
      return set_rules(state, *command.AsSet(), ctx);
    case Command::NONE:
      break;
  }
  return made::fault("a command without a type");
}

result<void> rule_set::evolve(schema::state& state, const schema::event& event, evolution& evo) {
  switch (event.type) {
    case Event::RulesSet: {
      const auto& e = *event.AsRulesSet();
      state.version = e.version;
      state.changed_at = evo.stamp();
      std::erase_if(state.rules, [&](const auto& rule) {
        return std::ranges::find(e.unset, rule.name) != e.unset.end() ||
               std::ranges::any_of(e.rules, [&](const auto& s) { return s.name == rule.name; });
      });
      for (const auto& one : e.rules) {
        auto& rule = state.rules.emplace_back();
        rule.name = one.name;
        rule.value = one.value;
        rule.version = e.version;
        rule.by = e.by;
        rule.at = evo.stamp();
      }
      std::ranges::sort(state.rules, {}, &RuleT::name);
      VersionRowT row;
      row.version = e.version;
      row.rules = e.rules;
      row.unset = e.unset;
      row.reason = e.reason;
      row.by = e.by;
      row.at = evo.stamp();
      evo.put_row("versions", number_key(e.version), row);
      return {};
    }
    case Event::NONE:
      break;
  }
  return error{"kind.fault", "an event without a type"};
}

}  // namespace millrace::actors
