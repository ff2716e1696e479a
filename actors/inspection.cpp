// Decisions of an inspection lot. Results are facts: what cannot be recorded
// now is parked; the rest are requests.
#include "actors/inspection.hpp"

#include <algorithm>

#include "actors/batch.hpp"
#include "actors/batch_release.hpp"
#include "actors/draft.hpp"
#include "actors/inspection_parts.hpp"
#include "actors/material.hpp"
#include "actors/rules.hpp"

namespace millrace::actors {

namespace {

namespace lots = millrace::inspection;
namespace lot = millrace::batch;
using inspections::made;
using inspections::not_testing;
using lots::Refusal;
using lots::Status;
using lots::Verdict;

constexpr std::size_t results_max = 1000;
constexpr std::string_view ask_start = "start", ask_usage = "usage", ask_cancel = "cancel",
                           ask_hold = "hold";

bool exists(const lots::StateT& state) { return !state.batch.empty() && state.refused.empty(); }

const lots::CharacteristicT* find(const lots::StateT& state, std::string_view name) {
  for (const auto& one : state.characteristics)
    if (one.name == name) return &one;
  return nullptr;
}

made create(const lots::StateT& state, const lots::CreateT& c, context& ctx) {
  if (state.pending) return made::refuse(Refusal::busy, "The lot waits for its batch.");
  if (exists(state))
    return made::refuse(Refusal::exists, "Inspection " + std::string(ctx.id()) + " exists.");
  made d;
  lots::RequestedT event;
  event.batch = c.batch;
  event.plan = c.plan;
  event.revision = c.revision;
  event.retest_of = c.retest_of;
  event.characteristics = c.characteristics;
  event.sample_size = c.sample_size;
  event.origin = c.origin;
  event.erp_id = c.erp_id;
  event.qms_id = c.qms_id;
  event.command = ctx.command_id();
  d.emit(std::move(event));
  lot::StartInspectionT start;
  start.inspection = ctx.id();
  start.retest_of = c.retest_of;
  d.ask<lot::schema>(c.batch, start, ask_start, Lane::release);
  return std::move(d.wait());
}

/// The characteristics to test: the lot's own, else those of the plan in
/// effect. False when there is no plan.
bool resolve(lots::ReleasedT& event, const std::string& material_id, context& ctx) {
  if (!event.characteristics.empty()) return true;
  const auto* known = ctx.look_up<material>(material_id);
  const auto* plan =
      known ? effective_plan(*known, known->revision, ctx.now(), event.plan) : nullptr;
  if (!plan) return false;
  event.plan = plan->plan;
  event.revision = plan->revision;
  event.characteristics = plan->characteristics;
  if (event.sample_size == 0) event.sample_size = plan->sample_size;
  return true;
}

made release(const lots::StateT& state, const lots::ReleaseT& c, context& ctx) {
  if (state.pending) return made::refuse(Refusal::busy, "The lot waits for its batch.");
  if (state.status == Status::cancelled)
    return made::refuse(Refusal::cancelled, "The lot is cancelled.");
  if (state.status != Status::created) return made::refuse(Refusal::exists, "The lot is released.");
  lots::ReleasedT event;
  event.plan = c.plan.empty() ? state.plan : c.plan;
  event.revision = state.revision;
  event.characteristics = c.characteristics;
  event.sample_size = state.sample_size;
  if (!resolve(event, state.material, ctx))
    return made::refuse(
        Refusal::plan_not_effective,
        "Material " + state.material + " has no effective inspection plan " + event.plan + '.');
  made d;
  d.emit(std::move(event));
  return d;
}

/// A hold as soon as a result fails, where the rule wants it; the usage
/// decision then finds it in place.
void hold_on_failure(made& d, const lots::StateT& state, const lots::ResultT& r, context& ctx) {
  if (r.verdict != Verdict::fail || rule_of(ctx, "inspection.hold_on_failed_result") != "yes")
    return;
  lot::PlaceHoldT hold;
  hold.hold = ctx.id();
  hold.type = lot::HoldType::quality;
  hold.reason = "result of " + r.characteristic + " failed";
  hold.source = "inspection/" + std::string(ctx.id());
  hold.person = r.by;
  d.ask<lot::schema>(state.batch, hold, ask_hold, Lane::hold);
}

/// A release of the batch that waits looks again.
void wake_release(made& d, const lots::StateT& state, context& ctx) {
  const auto* waiting = ctx.look_up<batch_release>(state.batch);
  using millrace::batch_release::Status;
  if (waiting == nullptr || waiting->status == Status::released ||
      waiting->status == Status::rejected)
    return;
  millrace::batch_release::RecheckT recheck;
  recheck.cause = "inspection/" + std::string(ctx.id());
  d.tell<millrace::batch_release::schema>(state.batch, recheck, Lane::release);
}

made record_result(const lots::StateT& state, const lots::RecordResultT& c, context& ctx) {
  if (!c.result.empty()) {
    if (const auto row = ctx.row<lots::ResultRowT>("results", c.result)) {
      if (row->characteristic == c.characteristic) return {};  // the same result again
      return made::refuse(Refusal::result_differs,
                          "Result " + c.result + " was for " + row->characteristic + '.');
    }
  }
  const auto* characteristic = find(state, c.characteristic);
  if (characteristic && !c.unit.empty() && c.unit != characteristic->unit)
    return made::refuse(Refusal::unit_mismatch,
                        "The value is in " + c.unit + ", the characteristic in " +
                            (characteristic->unit.empty() ? "no unit" : characteristic->unit) +
                            '.');
  if (!c.value && c.text.empty() && c.verdict == Verdict::none)
    return made::refuse(Refusal::value_missing, "A result is a value, a text or a verdict.");
  if (const auto why = not_testing(state)) return made::park(why->first, why->second);
  if (!characteristic)
    return made::park(Refusal::characteristic_unknown,
                      "The plan has no characteristic " + c.characteristic + '.');
  const bool measured = characteristic->lower || characteristic->upper;
  if (measured && !c.value)
    return made::refuse(Refusal::value_missing,
                        "The characteristic has limits: a value is needed.");
  if (measured && c.unit.empty() && !characteristic->unit.empty())
    return made::refuse(Refusal::unit_mismatch,
                        "The value needs its unit, " + characteristic->unit + '.');
  if (state.results.size() >= results_max)
    return made::park(Refusal::results_full, "The lot has its most results.");
  auto result = std::make_unique<lots::ResultT>();
  result->characteristic = c.characteristic;
  if (c.value) result->value = std::make_unique<decimal>(*c.value);
  result->unit = c.unit;
  result->verdict = verdict_of(*characteristic, c.value.get());
  if (result->verdict == Verdict::none) result->verdict = c.verdict;
  result->sample = c.sample;
  result->serial = c.serial;
  result->text = c.text;
  result->instrument = c.instrument;
  result->at = c.occurred_at.given() ? c.occurred_at : ctx.now();
  result->by = who_of(ctx);
  result->person = c.person;
  result->result = c.result;
  made d;
  hold_on_failure(d, state, *result, ctx);
  wake_release(d, state, ctx);
  lots::ResultRecordedT event;
  event.result = std::move(result);
  d.emit(std::move(event));
  return d;
}

made decide_usage(const lots::StateT& state, const lots::DecideUsageT& c, context& ctx) {
  if (state.pending) return made::refuse(Refusal::busy, "The lot waits for its batch.");
  if (const auto why = not_testing(state)) return made::refuse(why->first, why->second);
  if (c.decision == lot::Decision::undecided)
    return made::refuse_with("request.invalid", "A decision is accept, reject or conditional.");
  if (c.decision == lot::Decision::accept) {
    for (const auto& one : state.characteristics) {
      if (one.results == 0 && !one.optional)
        return made::refuse(Refusal::results_missing,
                            "There is no result of " + one.name + " yet.");
      if (one.failed != 0)
        return made::refuse(Refusal::results_failed, "Results of " + one.name + " have failed.");
    }
  }
  made d;
  lots::UsageRequestedT event;
  event.decision = c.decision;
  event.quantities = c.quantities;
  event.code = c.code;
  event.reason = c.reason;
  event.by = who_of(ctx, c.person);
  event.command = ctx.command_id();
  if (c.concession) event.concession = std::make_unique<lot::ConcessionT>(*c.concession);
  lot::DecideUsageT ask;
  ask.inspection = ctx.id();
  ask.decision = c.decision;
  ask.quantities = c.quantities;
  ask.code = c.code;
  ask.reason = c.reason;
  ask.decided_by = event.by;
  if (c.concession) ask.concession = std::make_unique<lot::ConcessionT>(*c.concession);
  d.emit(std::move(event));
  d.ask<lot::schema>(state.batch, ask, ask_usage, Lane::hold);
  return std::move(d.wait());
}

made cancel(const lots::StateT& state, const lots::CancelT& c, context& ctx) {
  if (state.pending) return made::refuse(Refusal::busy, "The lot waits for its batch.");
  if (state.status == Status::usage_decided)
    return made::refuse(Refusal::decided, "The usage has been decided.");
  if (state.status == Status::cancelled)
    return made::refuse(Refusal::cancelled, "The lot is cancelled.");
  made d;
  lots::CancelledT event;
  event.reason = c.reason;
  event.by = who_of(ctx);
  d.emit(std::move(event));
  lot::CancelInspectionT tell;
  tell.inspection = ctx.id();
  tell.reason = c.reason;
  d.tell<lot::schema>(state.batch, tell, Lane::release);
  return d;
}

made started(const lots::StateT& state, const answer& a, context& ctx) {
  made d;
  const auto command = state.pending ? state.pending->id : a.origin;
  if (!a.granted()) {
    lots::RequestRefusedT event;
    event.code = a.code;
    event.detail = a.detail;
    d.emit(std::move(event));
    d.settle_refused(command, a.code, a.detail);
    return d;
  }
  lots::CreatedT created;
  if (const auto begun = a.event<lot::schema, lot::InspectionStartedT>()) {
    created.material = begun->material;
    created.quantity = begun->quantity;
    created.unit = begun->unit;
  }
  lots::ReleasedT released;
  released.plan = state.plan;
  released.revision = state.revision;
  for (const auto& one : state.characteristics) {
    millrace::material::CharacteristicT wanted;
    wanted.name = one.name;
    if (one.lower) wanted.lower = std::make_unique<decimal>(*one.lower);
    if (one.upper) wanted.upper = std::make_unique<decimal>(*one.upper);
    if (one.target) wanted.target = std::make_unique<decimal>(*one.target);
    wanted.unit = one.unit;
    wanted.text = one.text;
    wanted.optional = one.optional;
    released.characteristics.push_back(std::move(wanted));
  }
  released.sample_size = state.sample_size;
  const bool planned = resolve(released, created.material, ctx);
  d.emit(std::move(created));
  if (planned) d.emit(std::move(released));
  d.settle(command);
  return d;
}

made decided(const lots::StateT& state, const answer& a, context& ctx) {
  made d;
  const auto command = state.pending ? state.pending->id : a.origin;
  if (!a.granted()) {
    lots::UsageRefusedT event;
    event.code = a.code;
    event.detail = a.detail;
    d.emit(std::move(event));
    d.settle_refused(command, a.code, a.detail);
    return d;
  }
  lots::UsageDecidedT event;
  event.batch = state.batch;
  event.decision = state.decision;
  event.quantities = state.quantities;
  event.code = state.code;
  event.reason = state.reason;
  event.by = state.decided_by;
  d.emit(std::move(event));
  if (ctx.bound(System::mes)) {
    lots::UsageDecisionT usage;
    usage.inspection = ctx.id();
    usage.batch = state.batch;
    usage.material = state.material;
    usage.decision = state.decision;
    usage.code = state.code;
    usage.reason = state.reason;
    d.deliver(System::mes, "usage/" + state.batch, usage, "usage", Lane::release);
  }
  d.settle(command);
  return d;
}

}  // namespace

millrace::inspection::Verdict verdict_of(const lots::CharacteristicT& characteristic,
                                         const decimal* value) {
  if (!value || (!characteristic.lower && !characteristic.upper)) return Verdict::none;
  if (characteristic.lower && *value < *characteristic.lower) return Verdict::fail;
  if (characteristic.upper && *value > *characteristic.upper) return Verdict::fail;
  return Verdict::pass;
}

decision<inspection::schema> inspection::decide(const schema::state& state,
                                                const schema::command& command, context& ctx) {
  switch (command.type) {
    case lots::Command::NONE:
      break;
    case lots::Command::Create:
      return create(state, *command.AsCreate(), ctx);
    case lots::Command::Release:
      return release(state, *command.AsRelease(), ctx);
    case lots::Command::RecordResult:
      return record_result(state, *command.AsRecordResult(), ctx);
    case lots::Command::DecideUsage:
      return decide_usage(state, *command.AsDecideUsage(), ctx);
    case lots::Command::Cancel:
      return cancel(state, *command.AsCancel(), ctx);
    case lots::Command::DrawSample:
      return inspections::draw_sample(state, *command.AsDrawSample(), ctx);
  }
  return made::fault("an inspection has no such command");
}

decision<inspection::schema> inspection::on_answer(const schema::state& state, const answer& a,
                                                   context& ctx) {
  if (a.tag == ask_start) return started(state, a, ctx);
  if (a.tag == ask_usage) return decided(state, a, ctx);
  if (a.tag == inspections::ask_sample) return inspections::drawn(state, a);
  return {};  // a hold that is there already is as good as one that was placed
}

}  // namespace millrace::actors
