// How a nonconformance's state follows from its events.
#include <algorithm>

#include "actors/nonconformance_parts.hpp"

namespace millrace::actors {

namespace nonconformances {
namespace {

nc::AffectedT* affected_of(nc::StateT& state, std::string_view batch) {
  for (auto& one : state.affected)
    if (one.batch == batch) return &one;
  return nullptr;
}
nc::TaskT* task_of(nc::StateT& state, std::uint32_t task) {
  for (auto& one : state.tasks)
    if (one.task == task) return &one;
  return nullptr;
}

void raised(nc::StateT& state, const nc::RaisedT& e) {
  state.category = e.category;
  state.title = e.title;
  state.description = e.description;
  state.severity = e.severity;
  state.defect_code = e.defect_code;
  state.order = e.order;
  state.operation = e.operation;
  state.supplier = e.supplier;
  state.supplier_lot = e.supplier_lot;
  state.work_center = e.work_center;
  state.customer = e.customer;
  state.material = e.material;
  state.qms_id = e.qms_id;
  state.raised_by = e.raised_by;
  state.raised_at = e.occurred_at;
  state.hold = e.hold;
}

void hold_asked(nc::StateT& state, const nc::HoldAskedT& e) {
  if (!e.lot) return;
  if (state.batch.empty()) state.batch = e.lot->batch;
  auto* known = affected_of(state, e.lot->batch);
  if (known == nullptr) known = &state.affected.emplace_back();
  *known = *e.lot;
  known->hold = nc::HoldState::asked;
}

void hold_answered(nc::StateT& state, const nc::HoldAnsweredT& e) {
  auto* known = affected_of(state, e.batch);
  if (known == nullptr) return;
  known->hold = e.placed ? nc::HoldState::placed : nc::HoldState::failed;
  known->reason = e.reason;
}

void hold_released(nc::StateT& state, const nc::HoldReleasedT& e) {
  auto* known = affected_of(state, e.batch);
  if (known == nullptr) return;
  known->hold = e.reason.empty() ? nc::HoldState::released : nc::HoldState::placed;
  known->reason = e.reason;
}

void proposed(nc::StateT& state, const nc::DispositionProposedT& e) {
  state.lines = e.lines;
  state.needs = e.needs;
  state.approvals.clear();
  state.disposed_by = e.by;
  state.reason = e.reason;
  state.status = nc::Status::mrb_pending;  // for as long as an approval is needed
}

void task_asked(nc::StateT& state, const nc::TaskAskedT& e, timestamp at) {
  auto* task = task_of(state, e.task);
  if (task == nullptr) return;
  task->status = nc::TaskStatus::asked;
  if (!e.reference.empty()) task->reference = e.reference;
  task->reason.clear();
  task->at = at;
}

void task_ended(nc::StateT& state, const nc::TaskEndedT& e, timestamp at) {
  auto* task = task_of(state, e.task);
  if (task == nullptr) return;
  task->status = e.failed ? nc::TaskStatus::failed : nc::TaskStatus::done;
  if (!e.reference.empty()) task->reference = e.reference;
  task->reason = e.reason;
  task->by = e.by;
  task->at = at;
}

void reopened(nc::StateT& state, const nc::ReopenedT& e) {
  state.status = nc::Status::under_review;
  ++state.reopened;
  state.reason = e.reason;
  state.hold = e.hold;
  state.lines.clear();
  state.needs.clear();
  state.approvals.clear();
  state.tasks.clear();
  state.closed_at = {};
  state.verified_by.clear();
}

bool tasks(nc::StateT& state, const nc::EventUnion& event, timestamp at) {
  if (const auto* begun = event.AsExecutionBegun()) {
    state.tasks = begun->tasks;
    for (auto& one : state.tasks) one.at = at;
    state.status = nc::Status::executing;
  } else if (const auto* asked = event.AsTaskAsked()) {
    task_asked(state, *asked, at);
  } else if (const auto* ended = event.AsTaskEnded()) {
    task_ended(state, *ended, at);
  } else {
    return false;
  }
  return true;
}

/// What it waits for, derived anew after every event.
void waits(nc::StateT& state) {
  state.tasks_open = 0;
  state.waits_for.clear();
  for (const auto& task : state.tasks) {
    if (task.status == nc::TaskStatus::done) continue;
    ++state.tasks_open;
    state.waits_for.push_back(
        "task " + std::to_string(task.task) + ": " +
        (task.reason.empty() ? nc::EnumNameTaskStatus(task.status) : task.reason));
  }
  if (state.status == nc::Status::mrb_pending)
    for (const auto role : state.needs)
      state.waits_for.push_back(std::string("approval by ") + nc::EnumNameRole(role));
  for (const auto& lot : state.affected)
    if (lot.hold == nc::HoldState::asked || lot.hold == nc::HoldState::failed)
      state.waits_for.push_back("hold on " + lot.batch +
                                (lot.reason.empty() ? "" : ": " + lot.reason));
}

void take(nc::StateT& state, const nc::EventUnion& event, timestamp at) {
  switch (event.type) {
    case nc::Event::NONE:
    case nc::Event::CapaAsked:
      return;
    case nc::Event::Raised:
      return raised(state, *event.AsRaised());
    case nc::Event::HoldAsked:
      return hold_asked(state, *event.AsHoldAsked());
    case nc::Event::HoldAnswered:
      return hold_answered(state, *event.AsHoldAnswered());
    case nc::Event::HoldReleaseAsked:
      if (auto* one = affected_of(state, event.AsHoldReleaseAsked()->batch))
        one->hold = nc::HoldState::release_asked;
      return;
    case nc::Event::HoldReleased:
      return hold_released(state, *event.AsHoldReleased());
    case nc::Event::Contained:
      state.status = nc::Status::contained;
      state.reason = event.AsContained()->action;
      return;
    case nc::Event::ReviewBegun:
      state.status = nc::Status::under_review;
      state.reviewer = event.AsReviewBegun()->reviewer;
      if (!event.AsReviewBegun()->root_cause.empty())
        state.root_cause = event.AsReviewBegun()->root_cause;
      return;
    case nc::Event::DispositionProposed:
      return proposed(state, *event.AsDispositionProposed());
    case nc::Event::DispositionApproved: {
      const auto* approval = event.AsDispositionApproved()->approval.get();
      if (approval == nullptr) return;
      state.approvals.push_back(*approval);
      std::erase(state.needs, approval->role);
      return;
    }
    case nc::Event::DispositionRejected:
      state.status = nc::Status::under_review;
      state.reason = event.AsDispositionRejected()->reason;
      state.lines.clear();
      state.needs.clear();
      state.approvals.clear();
      return;
    case nc::Event::Dispositioned:
      state.status = nc::Status::dispositioned;
      return;
    case nc::Event::ExecutionBegun:
    case nc::Event::TaskAsked:
    case nc::Event::TaskEnded:
      tasks(state, event, at);
      return;
    case nc::Event::Verified:
      state.status = nc::Status::verified;
      state.verified_by = event.AsVerified()->by;
      return;
    case nc::Event::Closed:
      state.status = nc::Status::closed;
      state.closed_at = at;
      return;
    case nc::Event::Cancelled:
      state.status = nc::Status::cancelled;
      state.reason = event.AsCancelled()->reason;
      return;
    case nc::Event::Reopened:
      return reopened(state, *event.AsReopened());
    case nc::Event::CapaAdded:
      state.capas.push_back(event.AsCapaAdded()->capa);
      return;
  }
}

}  // namespace

void apply(nc::StateT& state, const nc::EventUnion& event, timestamp at) {
  take(state, event, at);
  waits(state);
}

const nc::AffectedT* find_affected(const nc::StateT& state, std::string_view batch) {
  for (const auto& one : state.affected)
    if (one.batch == batch) return &one;
  return nullptr;
}

const nc::TaskT* find_task(const nc::StateT& state, std::uint32_t task) {
  for (const auto& one : state.tasks)
    if (one.task == task) return &one;
  return nullptr;
}

}  // namespace nonconformances

result<void> nonconformance::evolve(schema::state& state, const schema::event& event,
                                    evolution& evo) {
  nonconformances::apply(state, event, evo.stamp());
  return {};
}

}  // namespace millrace::actors
