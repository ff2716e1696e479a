// How a containment's state follows from its events, and what it waits for.
#include <algorithm>

#include "actors/supplier_containment.hpp"

namespace millrace::actors {

namespace supplier_containments {
namespace {

namespace pr = millrace::supplier_containment;
using millrace::supplier::StepStatus;

pr::StepT& step_of(pr::StateT& state, pr::StepKind kind, const std::string& plant) {
  for (auto& one : state.steps)
    if (one.step == kind && one.plant == plant) return one;
  state.steps.emplace_back();
  state.steps.back().step = kind;
  state.steps.back().plant = plant;
  return state.steps.back();
}

void step_asked(pr::StateT& state, const pr::StepAskedT& e, timestamp at) {
  auto& step = step_of(state, e.step, e.plant);
  step.system = e.system;
  step.status = e.undo ? StepStatus::undo_asked : StepStatus::asked;
  step.asked_at = at;
  step.done_at = {};
  step.reason.clear();
  ++step.attempts;
}

void step_ended(pr::StateT& state, const pr::StepEndedT& e, timestamp at) {
  auto& step = step_of(state, e.step, e.plant);
  step.system = e.system;
  if (e.undo)
    step.status = e.failed ? StepStatus::undo_failed : StepStatus::undone;
  else
    step.status = e.failed ? StepStatus::failed : StepStatus::done;
  step.done_at = e.failed ? timestamp() : at;
  step.document = e.document;
  step.reason = e.reason;
  step.by_platform = e.by_platform;
  step.batches = e.batches;
}

void timer_set(pr::StateT& state, const pr::TimerSetT& e) {
  std::erase_if(state.timers, [&](const auto& t) { return t.name == e.name; });
  if (!e.due.given()) return;
  state.timers.emplace_back();
  state.timers.back().name = e.name;
  state.timers.back().due = e.due;
}

void requested(pr::StateT& state, const pr::RequestedT& e, timestamp at) {
  state.supplier = e.supplier;
  state.supplier_lots = e.supplier_lots;
  state.materials = e.materials;
  state.severity = e.severity;
  state.reason = e.reason;
  state.raised_by = e.raised_by;
  state.alerted = e.alerted;
  state.asked_at = at;
  state.status = pr::Status::placing;
}

}  // namespace

std::vector<std::string> waits_for(const pr::StateT& state) {
  std::vector<std::string> out;
  for (const auto& step : state.steps) {
    if (step.status == StepStatus::done || step.status == StepStatus::undone) continue;
    std::string line = step.plant.empty() ? std::string() : step.plant + ": ";
    line +=
        step.system == System::none ? pr::EnumNameStepKind(step.step) : EnumNameSystem(step.system);
    out.push_back(line + ": " + (step.reason.empty() ? "not answered yet" : step.reason));
  }
  return out;
}

std::vector<std::string> unacknowledged(const pr::StateT& state) {
  std::vector<std::string> out;
  const auto has = [&](const std::string& person) {
    return std::ranges::any_of(state.acknowledgements,
                               [&](const auto& a) { return a.person == person; });
  };
  for (const auto& person : state.alerted)
    if (!has(person)) out.push_back(person);
  if (state.alerted.empty() && state.acknowledgements.empty()) out.emplace_back("anyone");
  return out;
}

namespace {

void take(pr::StateT& state, const pr::EventUnion& event, timestamp at) {
  switch (event.type) {
    case pr::Event::NONE:
      return;
    case pr::Event::Requested:
      return requested(state, *event.AsRequested(), at);
    case pr::Event::StepAsked:
      return step_asked(state, *event.AsStepAsked(), at);
    case pr::Event::StepEnded:
      return step_ended(state, *event.AsStepEnded(), at);
    case pr::Event::Acknowledged: {
      auto& one = state.acknowledgements.emplace_back();
      one.person = event.AsAcknowledged()->person;
      one.note = event.AsAcknowledged()->note;
      one.at = at;
      return;
    }
    case pr::Event::Escalated:
      ++state.escalations;
      return;
    case pr::Event::Contained:
      state.status = pr::Status::contained;
      if (!state.contained_at.given()) state.contained_at = at;
      return;
    case pr::Event::Enforced:
      state.status = pr::Status::enforced;
      if (!state.enforced_at.given()) state.enforced_at = at;
      state.overdue = false;
      return;
    case pr::Event::PartiallyEnforced:
      state.status = pr::Status::partially_enforced;
      state.overdue |= event.AsPartiallyEnforced()->overdue;
      return;
    case pr::Event::TimerSet:
      return timer_set(state, *event.AsTimerSet());
    case pr::Event::WithdrawalRequested:
      state.status = pr::Status::withdrawing;
      state.withdrawn_by = event.AsWithdrawalRequested()->by;
      state.withdraw_reason = event.AsWithdrawalRequested()->reason;
      return;
    case pr::Event::Withdrawn:
      state.status = pr::Status::withdrawn;
      state.withdrawn_at = at;
      return;
  }
}

}  // namespace

void apply(pr::StateT& state, const pr::EventUnion& event, timestamp at) {
  take(state, event, at);
  state.waits_for = waits_for(state);
  if (state.status == pr::Status::withdrawing || state.status == pr::Status::withdrawn) return;
  for (const auto& person : unacknowledged(state))
    state.waits_for.push_back("acknowledgement by " + person);
}

}  // namespace supplier_containments

result<void> supplier_containment::evolve(schema::state& state, const schema::event& event,
                                          evolution& evo) {
  supplier_containments::apply(state, event, evo.stamp());
  return {};
}

}  // namespace millrace::actors
