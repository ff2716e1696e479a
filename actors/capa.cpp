// Decisions of a corrective action. A plan that did not help leads back to the root cause.
#include "actors/capa.hpp"

#include <algorithm>

#include "actors/draft.hpp"
#include "schemas/quality/nonconformance_kind.hpp"

namespace millrace::actors {

namespace capas {
namespace {

namespace ca = millrace::capa;
using made = decision<ca::schema>;
using ca::Refusal;
using ca::Status;

constexpr std::size_t actions_max = 100;
constexpr std::size_t links_max = 100;
constexpr std::string_view check_timer = "check";
constexpr std::string_view action_timer = "action~";

ca::PlannedActionT* find_action(ca::StateT& state, std::string_view action) {
  for (auto& one : state.actions)
    if (one.action == action) return &one;
  return nullptr;
}

bool done(const ca::StateT& state) {
  return std::ranges::all_of(state.actions, [](const auto& one) { return one.done_at.given(); });
}

void planned(ca::StateT& state, const ca::ActionsPlannedT& e) {
  for (const auto& one : e.actions) {
    auto& action = state.actions.emplace_back();
    action.action = one.action;
    action.text = one.text;
    action.owner = one.owner;
    action.due = one.due;
  }
  if (!e.criteria.empty()) state.criteria = e.criteria;
  if (e.check_due.given()) state.check_due = e.check_due;
  state.status = Status::action_planned;
}

void checked(ca::StateT& state, const ca::EffectivenessCheckedT& e, timestamp at) {
  auto& check = state.checks.emplace_back();
  check.effective = e.effective;
  check.by = e.by;
  check.at = at;
  check.note = e.note;
  state.overdue = false;
  state.status = e.effective ? Status::effectiveness_checked : Status::root_cause;
  if (!e.effective) ++state.rounds;
}

void overdue(ca::StateT& state, const ca::OverdueT& e) {
  state.overdue = true;
  if (auto* action = find_action(state, e.action)) action->overdue = true;
}

void opened(ca::StateT& state, const ca::OpenedT& e, timestamp at) {
  state.title = e.title;
  state.problem = e.problem;
  state.type = e.type;
  state.severity = e.severity;
  state.owner = e.owner;
  state.qms_id = e.qms_id;
  state.opened_by = e.by;
  state.opened_at = at;
}

void completed(ca::StateT& state, const ca::ActionCompletedT& e, timestamp at) {
  auto* action = find_action(state, e.action);
  if (action == nullptr) return;
  action->done_at = at;
  action->done_by = e.by;
  action->evidence = e.evidence;
  action->overdue = false;
  state.overdue = std::ranges::any_of(state.actions, [](const auto& one) { return one.overdue; });
}

void apply(ca::StateT& state, const ca::EventUnion& event, timestamp at) {
  switch (event.type) {
    case ca::Event::NONE:
    case ca::Event::LinkAsked:
      return;
    case ca::Event::Opened:
      return opened(state, *event.AsOpened(), at);
    case ca::Event::RootCauseRecorded:
      state.root_cause = event.AsRootCauseRecorded()->root_cause;
      state.method = event.AsRootCauseRecorded()->method;
      state.status = Status::root_cause;
      return;
    case ca::Event::ActionsPlanned:
      return planned(state, *event.AsActionsPlanned());
    case ca::Event::ActionCompleted:
      return completed(state, *event.AsActionCompleted(), at);
    case ca::Event::Implemented:
      state.status = Status::implemented;
      return;
    case ca::Event::EffectivenessChecked:
      return checked(state, *event.AsEffectivenessChecked(), at);
    case ca::Event::Closed:
      state.status = Status::closed;
      state.closed_at = at;
      state.closed_by = event.AsClosed()->by;
      return;
    case ca::Event::NonconformanceLinked:
      state.nonconformances.push_back(event.AsNonconformanceLinked()->nonconformance);
      return;
    case ca::Event::Overdue:
      return overdue(state, *event.AsOverdue());
  }
}

using step = draft<ca::schema, apply>;

std::optional<made> unless(const step& s, std::initializer_list<Status> allowed) {
  if (std::ranges::find(allowed, s.next.status) != allowed.end()) return std::nullopt;
  std::string words;
  for (const auto one : allowed)
    words += (words.empty() ? "" : " or ") + std::string(ca::EnumNameStatus(one));
  return made::refuse(
      Refusal::wrong_status,
      "It is " + std::string(ca::EnumNameStatus(s.next.status)) + ", not " + words + '.');
}

bool linked(const ca::StateT& state, std::string_view id) {
  return std::ranges::find(state.nonconformances, id) != state.nonconformances.end();
}

void link(step& s, std::string_view nonconformance) {
  if (linked(s.next, nonconformance)) return;
  ca::NonconformanceLinkedT event;
  event.nonconformance = nonconformance;
  s.emit(std::move(event));
}

made open(step& s, const ca::OpenT& c) {
  if (s.ctx.sequence() != 0)
    return made::refuse(Refusal::exists,
                        "Corrective action " + std::string(s.ctx.id()) + " exists.");
  ca::OpenedT event;
  event.title = c.title;
  event.problem = c.problem;
  event.type = c.type;
  event.severity = c.severity;
  event.owner = c.owner;
  event.qms_id = c.qms_id;
  event.by = who_of(s.ctx, c.person);
  s.emit(std::move(event));
  for (const auto& one : c.nonconformances) {
    link(s, one);
    millrace::nonconformance::CapaLinkedT tell;
    tell.capa = s.ctx.id();
    s.d.tell<millrace::nonconformance::schema>(one, tell);
  }
  return s.done();
}

made record_root_cause(step& s, const ca::RecordRootCauseT& c) {
  if (auto no = unless(s, {Status::open, Status::root_cause})) return std::move(*no);
  ca::RootCauseRecordedT event;
  event.root_cause = c.root_cause;
  event.method = c.method;
  s.emit(std::move(event));
  return s.done();
}

made plan_actions(step& s, const ca::PlanActionsT& c) {
  if (auto no = unless(s, {Status::root_cause, Status::action_planned})) return std::move(*no);
  if (c.actions.empty())
    return made::refuse(Refusal::actions_missing, "A plan has at least one action.");
  if (s.next.actions.size() + c.actions.size() > actions_max)
    return made::refuse(Refusal::too_many,
                        "At most " + std::to_string(actions_max) + " actions are planned.");
  for (std::size_t i = 0; i < c.actions.size(); ++i) {
    const bool twice =
        find_action(s.next, c.actions[i].action) != nullptr ||
        std::any_of(c.actions.begin(), c.actions.begin() + static_cast<std::ptrdiff_t>(i),
                    [&](const auto& one) { return one.action == c.actions[i].action; });
    if (twice)
      return made::refuse(Refusal::action_twice,
                          "Action " + c.actions[i].action + " is planned already.");
  }
  ca::ActionsPlannedT event;
  event.actions = c.actions;
  event.criteria = c.criteria;
  event.check_due = c.check_due;
  s.emit(std::move(event));
  for (const auto& one : c.actions)
    if (one.due.given()) s.d.timer(std::string(action_timer) + one.action, one.due);
  if (c.check_due.given()) s.d.timer(check_timer, c.check_due);
  return s.done();
}

made complete_action(step& s, const ca::CompleteActionT& c) {
  if (auto no = unless(s, {Status::action_planned})) return std::move(*no);
  const auto* action = find_action(s.next, c.action);
  if (action == nullptr)
    return made::refuse(Refusal::action_unknown, "There is no action " + c.action + '.');
  if (action->done_at.given())
    return made::refuse(Refusal::action_done,
                        "Action " + c.action + " was done by " + action->done_by + '.');
  if (action->due.given()) s.d.cancel_timer(std::string(action_timer) + c.action);
  ca::ActionCompletedT event;
  event.action = c.action;
  event.evidence = c.evidence;
  event.by = who_of(s.ctx, c.person);
  s.emit(std::move(event));
  if (done(s.next)) s.emit(ca::ImplementedT());
  return s.done();
}

made check_effectiveness(step& s, const ca::CheckEffectivenessT& c) {
  if (auto no = unless(s, {Status::implemented})) return std::move(*no);
  ca::EffectivenessCheckedT event;
  event.effective = c.effective;
  event.note = c.note;
  event.by = who_of(s.ctx, c.person);
  s.emit(std::move(event));
  s.d.cancel_timer(check_timer);
  return s.done();
}

made close(step& s, const ca::CloseT& c) {
  if (auto no = unless(s, {Status::effectiveness_checked})) return std::move(*no);
  ca::ClosedT event;
  event.by = who_of(s.ctx, c.person);
  event.note = c.note;
  s.emit(std::move(event));
  return s.done();
}

made link_nonconformance(step& s, const ca::LinkNonconformanceT& c) {
  if (linked(s.next, c.nonconformance))
    return made::refuse(Refusal::linked, "It is linked to " + c.nonconformance + " already.");
  if (s.next.nonconformances.size() >= links_max)
    return made::refuse(Refusal::too_many, "Too many nonconformances.");
  ca::LinkAskedT event;
  event.nonconformance = c.nonconformance;
  s.emit(std::move(event));
  millrace::nonconformance::CapaLinkedT ask;
  ask.capa = s.ctx.id();
  s.d.ask<millrace::nonconformance::schema>(c.nonconformance, ask, c.nonconformance);
  return std::move(s.d.wait());
}

}  // namespace
}  // namespace capas

decision<capa::schema> capa::decide(const schema::state& state, const schema::command& command,
                                    context& ctx) {
  using millrace::capa::Command;
  capas::step s{ctx, state, {}};
  switch (command.type) {
    case Command::NONE:
      break;
    case Command::Open:
      return capas::open(s, *command.AsOpen());
    case Command::RecordRootCause:
      return capas::record_root_cause(s, *command.AsRecordRootCause());
    case Command::PlanActions:
      return capas::plan_actions(s, *command.AsPlanActions());
    case Command::CompleteAction:
      return capas::complete_action(s, *command.AsCompleteAction());
    case Command::CheckEffectiveness:
      return capas::check_effectiveness(s, *command.AsCheckEffectiveness());
    case Command::Close:
      return capas::close(s, *command.AsClose());
    case Command::LinkNonconformance:
      return capas::link_nonconformance(s, *command.AsLinkNonconformance());
    case Command::Link:
      capas::link(s, command.AsLink()->nonconformance);
      return s.done();
  }
  return decision<schema>::fault("a corrective action has no such command");
}

result<void> capa::evolve(schema::state& state, const schema::event& event, evolution& evo) {
  capas::apply(state, event, evo.stamp());
  return {};
}

decision<capa::schema> capa::on_answer(const schema::state& state, const answer& a, context& ctx) {
  capas::step s{ctx, state, {}};
  if (!a.granted()) {
    s.d.settle_refused(a.origin, a.code, a.detail);
    return s.done();
  }
  capas::link(s, a.tag);
  s.d.settle(a.origin);
  return s.done();
}

decision<capa::schema> capa::on_timer(const schema::state& state, std::string_view name,
                                      context& ctx) {
  capas::step s{ctx, state, {}};
  const bool check = name == capas::check_timer;
  const auto action = check ? std::string_view() : name.substr(capas::action_timer.size());
  if (state.status == millrace::capa::Status::closed) return s.done();
  if (check && !state.checks.empty() && state.checks.back().at >= state.check_due) return s.done();
  millrace::capa::OverdueT event;
  event.action = action;
  s.emit(std::move(event));
  return s.done();
}

}  // namespace millrace::actors
