// A plant's decisions: commissioned once, then active, paused and resumed, at last retired.
// Releases that wait for the plant are told whenever its life changes.
#include "actors/plant.hpp"

#include <algorithm>
#include <set>

#include "actors/rules.hpp"
#include "actors/waiters.hpp"

namespace millrace::actors {

namespace {

using namespace millrace::plant;  // the kind's own tables; this file has no others
using made = decision<schema>;

constexpr std::string_view resume_timer = "resume";

made commission(const StateT&, const CommissionT& c, context& ctx) {
  if (ctx.sequence() != 0)
    return made::refuse(Refusal::already_commissioned, "The plant exists since its commissioning.");
  made d;
  CommissionedT event;
  event.region = c.region;
  event.time_zone = c.time_zone;
  event.name = c.name;
  event.autonomy = c.autonomy;
  d.emit(std::move(event));
  if (c.activate) d.emit(ActivatedT());
  return d;
}

made activate(const StateT& state) {
  if (state.life == Life::retired)
    return made::refuse(Refusal::retired, "A retired plant stays retired.");
  if (state.life != Life::commissioned)
    return made::refuse(Refusal::not_commissioned,
                        "Only a plant that is commissioned and not yet active is activated.");
  made d;
  d.emit(ActivatedT());
  tell_waiters(d, state, "plant", WaitersToldT());
  return d;
}

made pause(const StateT& state, const PauseT& c) {
  if (state.life != Life::active)
    return made::refuse(Refusal::not_active, "Only an active plant can be paused.");
  made d;
  PausedT event;
  event.reason = c.reason;
  event.until = c.until;
  d.emit(std::move(event));
  if (c.until.given()) d.timer(resume_timer, c.until);
  return d;
}

made resume(const StateT& state) {
  if (state.life != Life::paused)
    return made::refuse(Refusal::not_paused, "The plant is not paused.");
  made d;
  d.emit(ResumedT());
  if (state.paused_until.given()) d.cancel_timer(resume_timer);
  tell_waiters(d, state, "plant", WaitersToldT());
  return d;
}

made retire(const StateT& state, const RetireT& c) {
  if (state.life == Life::retired)
    return made::refuse(Refusal::retired, "The plant is retired already.");
  made d;
  RetiredT event;
  event.reason = c.reason;
  d.emit(std::move(event));
  if (state.paused_until.given()) d.cancel_timer(resume_timer);
  tell_waiters(d, state, "plant", WaitersToldT());
  return d;
}

made describe(const StateT& state, const DescribeT& c) {
  if (state.life == Life::retired)
    return made::refuse(Refusal::retired, "A retired plant does not change.");
  made d;
  DescribedT event;
  event.region = c.region.empty() ? state.region : c.region;
  event.time_zone = c.time_zone.empty() ? state.time_zone : c.time_zone;
  event.name = c.name.empty() ? state.name : c.name;
  if (event.region != state.region || event.time_zone != state.time_zone ||
      event.name != state.name)
    d.emit(std::move(event));
  return d;
}

made bind_system(const StateT& state, const BindSystemT& c, context& ctx) {
  if (state.life == Life::retired)
    return made::refuse(Refusal::retired, "A retired plant binds no systems.");
  if (c.system == System::none) return made::refuse_with("request.invalid", "A system is needed.");
  made d;
  SystemBoundT event;
  event.binding = std::make_unique<BindingT>();
  event.binding->system = c.system;
  event.binding->adapter = c.adapter;
  event.binding->endpoint = c.endpoint;
  event.binding->since = ctx.now();
  d.emit(std::move(event));
  return d;
}

made unbind_system(const StateT& state, const UnbindSystemT& c) {
  const bool bound =
      std::ranges::any_of(state.systems, [&](const auto& b) { return b.system == c.system; });
  if (!bound) return made::refuse(Refusal::not_bound, "No adapter is bound for that system.");
  made d;
  SystemUnboundT event;
  event.system = c.system;
  d.emit(std::move(event));
  return d;
}

made await_change(const StateT& state, const AwaitChangeT& c) {
  made d;
  if (waits(state, c.process) || is_full_of_waiters(state)) return d;
  WaiterAddedT event;
  event.process = c.process;
  d.emit(std::move(event));
  return d;
}

made adopt_rules(const StateT& state, const AdoptRulesT& c, context& ctx) {
  if (c.enterprise_version < state.enterprise_rules || c.plant_version < state.plant_rules)
    return made::refuse(Refusal::rules_older, "The plant has adopted later versions already.");
  std::set<std::string> named;
  for (const auto& one : c.rules) {
    if (!named.insert(one.name).second)
      return made::refuse(Refusal::rule_invalid, "Rule " + one.name + " is named twice.");
    if (const auto sound = check_rule(one.name, one.value); !sound)
      return made::refuse(Refusal::rule_invalid, sound.error().detail + '.');
  }
  RulesAdoptedT event;
  event.rules = c.rules;
  event.enterprise_version = c.enterprise_version;
  event.region_version = c.region_version;
  event.plant_version = c.plant_version;
  const auto& from = ctx.from();
  event.by = from.on_behalf_of.empty() ? from.principal : from.on_behalf_of;
  made d;
  RulesAdoptedT now;
  now.rules = state.rules;
  now.enterprise_version = state.enterprise_rules;
  now.region_version = state.region_rules;
  now.plant_version = state.plant_rules;
  now.by = event.by;
  if (made::pack(now) == made::pack(event)) return d;
  d.emit(std::move(event));
  tell_waiters(d, state, "plant", WaitersToldT());  // what a rule has stopped may go on
  return d;
}

void set_life(StateT& state, Life life, std::string reason, timestamp since) {
  state.life = life;
  state.reason = std::move(reason);
  state.since = since;
  state.paused_until = timestamp();
}

}  // namespace

decision<plant::schema> plant::decide(const schema::state& state, const schema::command& command,
                                      context& ctx) {
  switch (command.type) {
    case Command::Commission:
      return commission(state, *command.AsCommission(), ctx);
    case Command::Activate:
      return activate(state);
    case Command::Pause:
      return pause(state, *command.AsPause());
    case Command::Resume:
      return resume(state);
    case Command::Retire:
      return retire(state, *command.AsRetire());
    case Command::Describe:
      return describe(state, *command.AsDescribe());
    case Command::BindSystem:
      return bind_system(state, *command.AsBindSystem(), ctx);
    case Command::UnbindSystem:
      return unbind_system(state, *command.AsUnbindSystem());
    case Command::AwaitChange:
      return await_change(state, *command.AsAwaitChange());
    case Command::AdoptRules:
      return adopt_rules(state, *command.AsAdoptRules(), ctx);
    case Command::NONE:
      break;
  }
  return made::fault("a command without a type");
}

decision<plant::schema> plant::on_timer(const schema::state& state, std::string_view name,
                                        context&) {
  if (name != resume_timer || state.life != Life::paused) return {};
  made d;
  d.emit(ResumedT());
  tell_waiters(d, state, "plant", WaitersToldT());
  return d;
}

result<void> plant::evolve(schema::state& state, const schema::event& event, evolution& evo) {
  switch (event.type) {
    case Event::Commissioned: {
      const auto& e = *event.AsCommissioned();
      state.region = e.region;
      state.time_zone = e.time_zone;
      state.name = e.name;
      state.autonomy = e.autonomy;
      set_life(state, Life::commissioned, {}, evo.stamp());
      return {};
    }
    case Event::Activated:
    case Event::Resumed:
      set_life(state, Life::active, {}, evo.stamp());
      return {};
    case Event::Paused:
      set_life(state, Life::paused, event.AsPaused()->reason, evo.stamp());
      state.paused_until = event.AsPaused()->until;
      return {};
    case Event::Retired:
      set_life(state, Life::retired, event.AsRetired()->reason, evo.stamp());
      return {};
    case Event::Described:
      state.region = event.AsDescribed()->region;
      state.time_zone = event.AsDescribed()->time_zone;
      state.name = event.AsDescribed()->name;
      return {};
    case Event::SystemBound: {
      const auto* binding = event.AsSystemBound()->binding.get();
      if (binding == nullptr) return error{"kind.fault", "SystemBound without a binding"};
      std::erase_if(state.systems, [&](const auto& b) { return b.system == binding->system; });
      state.systems.push_back(*binding);
      return {};
    }
    case Event::SystemUnbound:
      std::erase_if(state.systems,
                    [&](const auto& b) { return b.system == event.AsSystemUnbound()->system; });
      return {};
    case Event::WaiterAdded:
      state.waiters.push_back(event.AsWaiterAdded()->process);
      return {};
    case Event::WaitersTold:
      state.waiters.clear();
      return {};
    case Event::RulesAdopted: {
      const auto& e = *event.AsRulesAdopted();
      state.rules = e.rules;
      state.enterprise_rules = e.enterprise_version;
      state.region_rules = e.region_version;
      state.plant_rules = e.plant_version;
      state.rules_adopted_at = evo.stamp();
      return {};
    }
    case Event::NONE:
      break;
  }
  return error{"kind.fault", "an event without a type"};
}

}  // namespace millrace::actors
