// Carrying a decision out. Inspection stock leaves by usage decision only, so the inspections are
// asked, and they ask the batch; what is free and has to stay is held; a retest is a new inspection
// lot. Whoever signed is answered when it is done.
#include <algorithm>

#include "actors/batch.hpp"
#include "actors/batch_release_parts.hpp"
#include "actors/inspection.hpp"
#include "cluster/sha256.hpp"

namespace millrace::actors::release_of_batch {

namespace {

namespace lot = millrace::batch;
namespace lots = millrace::inspection;

constexpr std::string_view usage = "usage~", again = "retest~", hold_task = "hold",
                           unhold_task = "unhold";

/// "<prefix><id>~<number>", with the id's hash in its place when that would be too long for an id.
std::string derived_id(std::string_view prefix, std::string_view id, std::string_view mark,
                       std::uint32_t number) {
  const auto tail = std::string(mark) + std::to_string(number);
  auto middle = std::string(id);
  if (prefix.size() + middle.size() + tail.size() > 80) middle = sha256_hex(id).substr(0, 16);
  return std::string(prefix) + middle + tail;
}

rel::TaskT task_of(std::string tag, std::string actor) {
  rel::TaskT out;
  out.tag = std::move(tag);
  out.actor = std::move(actor);
  return out;
}

std::string reason_of(const rel::StateT& state) {
  const auto& decision = *state.decision;
  if (!decision.sign_reason.empty()) return decision.sign_reason;
  for (const auto& one : decision.findings)
    if (one.verdict != rel::Verdict::pass) return one.reason;
  return "batch release, decision " + std::to_string(decision.number);
}

std::string decided_by(const draft& work) {
  const auto& by = work.state.decision->signed_by;
  return by.empty() ? "batch_release/" + std::string(work.ctx.id()) : by;
}

rel::TaskT ask_usage(draft& work, const std::string& inspection, lot::Decision decision) {
  lots::DecideUsageT ask;
  ask.decision = decision;
  ask.code = decision == lot::Decision::accept ? "released" : "rejected";
  ask.reason = reason_of(work.state);
  ask.person = decided_by(work);
  auto task = task_of(std::string(usage) + inspection, "inspection/" + inspection);
  work.d.ask<lots::schema>(inspection, ask, task.tag, Lane::hold);
  return task;
}

rel::TaskT ask_retest(draft& work, const std::string& failed) {
  const auto* inspected = work.ctx.look_up<inspection>(failed);
  lots::CreateT ask;
  ask.batch = work.ctx.id();
  ask.retest_of = failed;
  ask.origin = "batch_release";
  if (inspected != nullptr) {
    ask.plan = inspected->plan;
    ask.revision = inspected->revision;
    ask.sample_size = inspected->sample_size;
    for (const auto& one : inspected->characteristics) {
      auto& wanted = ask.characteristics.emplace_back();
      wanted.name = one.name;
      if (one.lower) wanted.lower = std::make_unique<decimal>(*one.lower);
      if (one.upper) wanted.upper = std::make_unique<decimal>(*one.upper);
      if (one.target) wanted.target = std::make_unique<decimal>(*one.target);
      wanted.unit = one.unit;
      wanted.text = one.text;
      wanted.optional = one.optional;
    }
  }
  const auto id = derived_id("", failed, "~R", work.state.retests + 1);
  auto task = task_of(std::string(again) + failed, "inspection/" + id);
  work.d.ask<lots::schema>(id, ask, task.tag, Lane::release);
  return task;
}

bool is_free(const lot::StateT& batch) {
  return batch.quality == lot::Quality::released ||
         batch.quality == lot::Quality::conditionally_released;
}

/// Holds a batch that could be used or shipped otherwise; empty = it cannot.
std::string ask_hold(draft& work, const lot::StateT& batch, std::vector<rel::TaskT>& tasks) {
  if (!work.state.hold.empty() || !is_free(batch)) return {};
  lot::PlaceHoldT ask;
  ask.hold = derived_id("release~", work.ctx.id(), "~", work.state.round);
  ask.type = lot::HoldType::quality;
  ask.reason = reason_of(work.state);
  ask.source = "batch_release/" + std::string(work.ctx.id());
  ask.person = decided_by(work);
  tasks.push_back(task_of(std::string(hold_task), "batch/" + std::string(work.ctx.id())));
  work.d.ask<lot::schema>(work.ctx.id(), ask, hold_task, Lane::hold);
  return ask.hold;
}

void ask_unhold(draft& work, std::vector<rel::TaskT>& tasks) {
  if (work.state.hold.empty()) return;
  lot::ReleaseHoldT ask;
  ask.hold = work.state.hold;
  ask.reason = reason_of(work.state);
  ask.person = decided_by(work);
  tasks.push_back(task_of(std::string(unhold_task), "batch/" + std::string(work.ctx.id())));
  work.d.ask<lot::schema>(work.ctx.id(), ask, unhold_task, Lane::hold);
}

/// The tasks of the last decision; `hold` is the one that is placed with them.
std::vector<rel::TaskT> tasks_of(draft& work, const lot::StateT& batch, std::string& hold) {
  std::vector<rel::TaskT> out;
  const auto decision = work.state.decision->decision;
  for (const auto& one : last_lots(batch)) {
    const auto* state = work.ctx.look_up<inspection>(one.inspection);
    if (state == nullptr || state->status == lots::Status::cancelled) continue;
    const bool open = state->status != lots::Status::usage_decided;
    if (decision == rel::Decision::release && open)
      out.push_back(ask_usage(work, one.inspection, lot::Decision::accept));
    if (decision == rel::Decision::reject && open && state->status != lots::Status::created)
      out.push_back(ask_usage(work, one.inspection, lot::Decision::reject));
    if (decision == rel::Decision::retest && has_failed(*state))
      out.push_back(open ? ask_usage(work, one.inspection, lot::Decision::reject)
                         : ask_retest(work, one.inspection));
  }
  switch (decision) {
    case rel::Decision::release:
      ask_unhold(work, out);
      break;
    case rel::Decision::quarantine:
    case rel::Decision::reject:
      hold = out.empty() ? ask_hold(work, batch, out) : std::string();
      break;
    case rel::Decision::retest:
    case rel::Decision::none:
      break;
  }
  return out;
}

void settle(draft& work, bool done, std::string_view code = {}, std::string_view detail = {}) {
  if (!work.state.command.given()) return;
  if (done)
    work.d.settle(work.state.command);
  else
    work.d.settle_refused(work.state.command, code, detail);
}

/// Nothing is under way any more.
void finish(draft& work) {
  settle(work, true);
  rel::EndedT event;
  switch (work.state.decision->decision) {
    case rel::Decision::release:
      event.status = rel::Status::released;
      break;
    case rel::Decision::reject:
      event.status = rel::Status::rejected;
      break;
    case rel::Decision::retest:
      event.status = rel::Status::retesting;
      break;
    case rel::Decision::quarantine:
    case rel::Decision::none:
      event.status = rel::Status::quarantined;
      break;
  }
  const bool over = event.status == rel::Status::released || event.status == rel::Status::rejected;
  work.emit(std::move(event));
  if (over) work.d.cancel_timer(recheck_timer);
}

}  // namespace

void act(draft& work) {
  const auto& decision = *work.state.decision;
  if (decision.signature_needed && decision.signed_by.empty()) return;
  const auto* lot_state = work.ctx.look_up<batch>(work.ctx.id());
  if (lot_state == nullptr) return finish(work);
  std::string hold;
  auto tasks = tasks_of(work, *lot_state, hold);
  if (tasks.empty()) return finish(work);
  rel::ActionBegunT event;
  event.tasks = std::move(tasks);
  event.hold = std::move(hold);
  work.emit(std::move(event));
}

void on_task(draft& work, const std::string& tag, const answer& a) {
  const bool ours =
      std::ranges::any_of(work.state.tasks, [&](const auto& t) { return t.tag == tag; });
  if (!ours) return;
  if (!a.granted()) {
    rel::TaskFailedT event;
    event.tag = tag;
    event.code = a.code;
    event.detail = a.detail;
    settle(work, false, a.code, a.detail);
    work.emit(std::move(event));
    work.d.timer(recheck_timer, work.ctx.now().plus_ms(60'000));
    return;
  }
  rel::TaskDoneT event;
  event.tag = tag;
  const bool rejected_for_retest =
      tag.starts_with(usage) && work.state.decision->decision == rel::Decision::retest;
  if (rejected_for_retest)
    event.next = std::make_unique<rel::TaskT>(ask_retest(work, tag.substr(usage.size())));
  work.emit(std::move(event));
  if (work.state.tasks.empty()) finish(work);
}

}  // namespace millrace::actors::release_of_batch
