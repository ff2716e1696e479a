// Decisions of a containment: every plant's copy of the supplier is told, what comes back is noted,
// people are alerted and asked again until they acknowledge. It decides nothing about stock.
#include "actors/supplier_containment.hpp"

#include <algorithm>

#include "actors/draft.hpp"
#include "actors/rules.hpp"
#include "schemas/masterdata/supplier_kind.hpp"
#include "schemas/text.hpp"

namespace millrace::actors {

namespace supplier_containments {
namespace {

namespace pr = millrace::supplier_containment;
namespace sp = millrace::supplier;
using made = decision<pr::schema>;
using sp::StepStatus;
using step = draft<pr::schema, apply>;

constexpr pr::StepKind plant_steps[] = {pr::StepKind::batches, pr::StepKind::procurement,
                                        pr::StepKind::material};

System system_of(pr::StepKind kind) {
  switch (kind) {
    case pr::StepKind::procurement:
      return System::erp;
    case pr::StepKind::material:
      return System::mes;
    case pr::StepKind::alert:
      return System::ops;
    case pr::StepKind::batches:
      break;
  }
  return System::none;
}

std::int64_t rule_ms(context& ctx, std::string_view name) {
  const auto seconds = decimal::parse(rule_of(ctx, name));
  return seconds ? seconds->micros() / 1000 : 0;
}

void arm(step& s, const std::string& name, timestamp due) {
  pr::TimerSetT event;
  event.name = name;
  event.due = due;
  s.emit(std::move(event));
  due.given() ? s.d.timer(name, due) : s.d.cancel_timer(name);
}
void arm(step& s, const std::string& name, std::string_view rule) {
  arm(s, name, s.ctx.now().plus_ms(rule_ms(s.ctx, rule)));
}
void disarm(step& s, const std::string& name) {
  if (std::ranges::any_of(s.next.timers, [&](const auto& t) { return t.name == name; }))
    arm(s, name, timestamp());
}

void mark_asked(step& s, pr::StepKind kind, const std::string& plant, bool undo) {
  pr::StepAskedT event;
  event.step = kind;
  event.plant = plant;
  event.system = system_of(kind);
  event.undo = undo;
  s.emit(std::move(event));
}

std::string joined(const std::vector<std::string>& all, const char* none) {
  std::string out;
  for (const auto& one : all) out += (out.empty() ? "" : ", ") + one;
  return out.empty() ? none : out;
}

std::vector<std::string> plants_of(const pr::StateT& state) {
  std::vector<std::string> out;
  for (const auto& one : state.steps)
    if (one.step == pr::StepKind::batches) out.push_back(one.plant);
  return out;
}

void alert(step& s, bool withdrawn) {
  const auto& state = s.next;
  pr::AlertT out;
  out.containment = s.ctx.id();
  out.severity = state.severity;
  out.supplier = state.supplier;
  out.supplier_lots = state.supplier_lots;
  out.materials = state.materials;
  out.plants = plants_of(state);
  out.people = withdrawn ? std::vector<std::string>() : unacknowledged(state);
  out.path =
      "/v1/plants/" + std::string(s.ctx.plant()) + "/supplier-containments/" + out.containment;
  out.escalation = state.escalations;
  out.withdrawn = withdrawn;
  const std::string what = "Supplier " + state.supplier + ", lots " +
                           joined(state.supplier_lots, "all") + ", materials " +
                           joined(state.materials, "all");
  if (withdrawn) {
    out.title = "Containment " + out.containment + " withdrawn";
    out.text = what + ": " + state.withdraw_reason + ". Withdrawn by " + state.withdrawn_by + '.';
  } else {
    out.title = std::string(sp::EnumNameSeverity(state.severity)) + " supplier quality event " +
                out.containment + (state.escalations == 0 ? "" : ", not acknowledged yet");
    out.text = what + ": " + state.reason + ". Held in " + joined(out.plants, "no plant so far") +
               ". Raised by " + state.raised_by + ". To acknowledge: " + joined(out.people, "-") +
               '.';
  }
  const bool bound = s.ctx.bound(System::ops);
  mark_asked(s, pr::StepKind::alert, {}, withdrawn);
  if (bound) {
    s.d.deliver(System::ops, "containment/" + out.containment, out,
                withdrawn ? "withdrawn" : "alert", Lane::hold);
    return;
  }
  pr::StepEndedT ended;
  ended.step = pr::StepKind::alert;
  ended.system = System::ops;
  ended.undo = withdrawn;
  ended.by_platform = true;
  s.emit(std::move(ended));
}

void contain_at(step& s, const std::string& plant) {
  sp::ContainT out;
  out.containment = s.ctx.id();
  out.supplier_lots = s.next.supplier_lots;
  out.materials = s.next.materials;
  out.reason = s.next.reason;
  out.severity = s.next.severity;
  out.placed_by = s.next.raised_by;
  s.d.tell<sp::schema>(s.next.supplier, out, Lane::hold, plant);
}

void lift_at(step& s, const std::string& plant) {
  sp::LiftT out;
  out.containment = s.ctx.id();
  out.reason = s.next.withdraw_reason;
  out.by = s.next.withdrawn_by;
  s.d.tell<sp::schema>(s.next.supplier, out, Lane::hold, plant);
}

bool ended(const pr::StateT& state, bool batches_only) {
  return std::ranges::all_of(state.steps, [&](const auto& one) {
    return (batches_only && one.step != pr::StepKind::batches) || one.status == StepStatus::done ||
           one.status == StepStatus::undone;
  });
}
bool failed(const pr::StateT& state) {
  return std::ranges::any_of(state.steps, [](const auto& one) {
    return one.status == StepStatus::failed || one.status == StepStatus::undo_failed;
  });
}

void settle_withdrawal(step& s) {
  if (!ended(s.next, false)) return;
  s.emit(pr::WithdrawnT());
  disarm(s, "reach");
  sp::ContainmentEndedT over;
  over.containment = s.ctx.id();
  s.d.tell<sp::schema>(s.next.supplier, over, Lane::hold);
}

/// How far it is by now.
made settle(step& s) {
  if (s.next.status == pr::Status::withdrawn) return s.done();
  if (s.next.status == pr::Status::withdrawing) return settle_withdrawal(s), s.done();
  if (!s.next.contained_at.given() && ended(s.next, true)) {
    pr::ContainedT event;
    for (const auto& one : s.next.steps)
      if (one.step == pr::StepKind::batches) ++event.plants, event.batches += one.batches;
    s.emit(std::move(event));
  }
  if (ended(s.next, false)) {
    if (s.next.status == pr::Status::enforced) return s.done();
    pr::EnforcedT event;
    event.plants = static_cast<std::uint32_t>(plants_of(s.next).size());
    s.emit(std::move(event));
    disarm(s, "reach");
  } else if (failed(s.next) || s.next.overdue) {
    if (s.next.status == pr::Status::partially_enforced) return s.done();
    pr::PartiallyEnforcedT event;
    event.waits_for = waits_for(s.next);
    event.overdue = s.next.overdue;
    s.emit(std::move(event));
  }
  return s.done();
}

void ask_plant(step& s, const std::string& plant) {
  for (const auto kind : plant_steps) mark_asked(s, kind, plant, false);
  contain_at(s, plant);
}

made start(step& s, const pr::StartT& c) {
  pr::RequestedT event;
  event.supplier = c.supplier;
  event.supplier_lots = c.supplier_lots;
  event.materials = c.materials;
  event.severity = c.severity;
  event.reason = c.reason;
  event.raised_by = c.raised_by;
  event.alerted = c.alert;
  s.emit(std::move(event));
  for (const auto& plant : c.plants) ask_plant(s, plant);
  alert(s, false);
  arm(s, "reach", "containment.reach_timeout_s");
  arm(s, "acknowledge", "containment.acknowledge_timeout_s");
  return settle(s);
}

bool over(const pr::StateT& state) {
  return state.status == pr::Status::withdrawing || state.status == pr::Status::withdrawn;
}

made plant_joined(step& s, const pr::PlantJoinedT& c) {
  const auto known = plants_of(s.next);
  if (over(s.next) || std::ranges::find(known, c.plant) != known.end()) return s.done();
  ask_plant(s, c.plant);
  arm(s, "reach", "containment.reach_timeout_s");
  return settle(s);
}

made end_step(step& s, pr::StepEndedT event) {
  if (event.undo != over(s.next)) return s.done();  // crossed with the withdrawal
  event.system = system_of(event.step);
  s.emit(std::move(event));
  return settle(s);
}

made batches_reported(step& s, const pr::BatchesReportedT& c) {
  pr::StepEndedT event;
  event.step = pr::StepKind::batches;
  event.plant = c.plant;
  event.undo = c.undo;
  event.failed = c.failed != 0;
  event.reason = event.failed ? joined(c.failures, "refused") : std::string();
  event.batches = c.held;
  return end_step(s, std::move(event));
}

made system_reported(step& s, const pr::SystemReportedT& c) {
  pr::StepEndedT event;
  event.step = c.system == System::erp ? pr::StepKind::procurement : pr::StepKind::material;
  event.plant = c.plant;
  event.undo = c.undo;
  event.failed = c.failed;
  event.document = c.document;
  event.reason = c.reason;
  event.by_platform = c.by_platform;
  return end_step(s, std::move(event));
}

made acknowledge(step& s, const pr::AcknowledgeT& c) {
  for (const auto& one : s.next.acknowledgements)
    if (one.person == c.person)
      return made::refuse(pr::Refusal::acknowledged_already,
                          c.person + " acknowledged at " + one.at.to_string() + '.');
  pr::AcknowledgedT event;
  event.person = c.person;
  event.note = c.note;
  s.emit(std::move(event));
  if (unacknowledged(s.next).empty()) disarm(s, "acknowledge");
  return s.done();
}

made retry(step& s) {
  if (s.next.status == pr::Status::withdrawn)
    return made::refuse(pr::Refusal::withdrawn, "The containment is withdrawn.");
  if (ended(s.next, false))
    return made::refuse(pr::Refusal::nothing_to_retry, "Every step is done.");
  const bool undo = over(s.next);
  for (const auto& plant : plants_of(s.next)) {
    bool open = false;
    for (const auto kind : plant_steps)
      for (const auto& one : s.next.steps)
        if (one.step == kind && one.plant == plant && one.status != StepStatus::done &&
            one.status != StepStatus::undone) {
          mark_asked(s, kind, plant, undo);
          open = true;
          break;
        }
    if (open) undo ? lift_at(s, plant) : contain_at(s, plant);
  }
  for (const auto& one : s.next.steps)
    if (one.step == pr::StepKind::alert &&
        (one.status == StepStatus::failed || one.status == StepStatus::undo_failed)) {
      alert(s, undo);
      break;
    }
  arm(s, "reach", "containment.reach_timeout_s");
  return settle(s);
}

made withdraw(step& s, const pr::WithdrawT& c) {
  if (over(s.next))
    return made::refuse(
        pr::Refusal::withdrawn,
        "The containment is " + std::string(pr::EnumNameStatus(s.next.status)) + '.');
  const auto by = who_of(s.ctx, c.person);
  if (rule_of(s.ctx, "hold.release_second_person") == "yes" && is_same_person(by, s.next.raised_by))
    return made::refuse_with("command.not_authorised",
                             "A second person withdraws it, not " + by + " who raised it.");
  pr::WithdrawalRequestedT event;
  event.reason = c.reason;
  event.by = by;
  s.emit(std::move(event));
  disarm(s, "acknowledge");
  for (const auto& plant : plants_of(s.next)) {
    for (const auto kind : plant_steps) mark_asked(s, kind, plant, true);
    lift_at(s, plant);
  }
  alert(s, true);
  arm(s, "reach", "containment.reach_timeout_s");
  return settle(s);
}

}  // namespace
}  // namespace supplier_containments

decision<supplier_containment::schema> supplier_containment::decide(const schema::state& state,
                                                                    const schema::command& command,
                                                                    context& ctx) {
  using millrace::supplier_containment::Command;
  supplier_containments::step s{ctx, state, {}};
  switch (command.type) {
    case Command::NONE:
      break;
    case Command::Start:
      return supplier_containments::start(s, *command.AsStart());
    case Command::PlantJoined:
      return supplier_containments::plant_joined(s, *command.AsPlantJoined());
    case Command::BatchesReported:
      return supplier_containments::batches_reported(s, *command.AsBatchesReported());
    case Command::SystemReported:
      return supplier_containments::system_reported(s, *command.AsSystemReported());
    case Command::Acknowledge:
      return supplier_containments::acknowledge(s, *command.AsAcknowledge());
    case Command::Retry:
      return supplier_containments::retry(s);
    case Command::Withdraw:
      return supplier_containments::withdraw(s, *command.AsWithdraw());
  }
  return decision<schema>::fault("a containment has no such command");
}

decision<supplier_containment::schema> supplier_containment::on_timer(const schema::state& state,
                                                                      std::string_view name,
                                                                      context& ctx) {
  namespace pr = millrace::supplier_containment;
  supplier_containments::step s{ctx, state, {}};
  pr::TimerSetT fired;
  fired.name = name;
  s.emit(std::move(fired));
  if (name == "acknowledge") {
    const auto waiting = supplier_containments::unacknowledged(state);
    const auto most = decimal::parse(rule_of(ctx, "containment.escalations_max"));
    const auto limit = (most ? most->micros() : 3'000'000) / 1'000'000;
    if (waiting.empty() || supplier_containments::over(state) || state.escalations >= limit)
      return s.done();
    pr::EscalatedT event;
    event.waits_for = waiting;
    s.emit(std::move(event));
    supplier_containments::alert(s, false);
    supplier_containments::arm(s, "acknowledge", "containment.acknowledge_timeout_s");
    return supplier_containments::settle(s);
  }
  if (supplier_containments::ended(state, false)) return s.done();
  if (state.status == pr::Status::withdrawing || state.status == pr::Status::withdrawn)
    return s.done();
  pr::PartiallyEnforcedT event;
  event.waits_for = supplier_containments::waits_for(state);
  event.overdue = true;
  s.emit(std::move(event));
  return s.done();
}

decision<supplier_containment::schema> supplier_containment::on_delivered(
    const schema::state& state, const delivered& d, context& ctx) {
  namespace pr = millrace::supplier_containment;
  supplier_containments::step s{ctx, state, {}};
  pr::StepEndedT event;
  event.step = pr::StepKind::alert;
  event.undo = d.tag == "withdrawn";
  event.failed = d.end != engine::DeliveryEnd::acknowledged;
  event.document = d.document;
  if (event.failed)
    event.reason = d.detail.empty() ? EnumNameDeliveryEnd(d.end) : std::string(d.detail);
  return supplier_containments::end_step(s, std::move(event));
}

}  // namespace millrace::actors
