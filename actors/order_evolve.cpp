// How an order's events change it: planning, release, change and the end of its
// life. What reports change is in order_evolve_reports.cpp. Everything here
// follows from the event alone.
#include <algorithm>
#include <utility>

#include "actors/order_parts.hpp"

namespace millrace::actors {

namespace po = millrace::order;

namespace {

result<void> missing(const char* what) {
  return error{"kind.fault", std::string(what) + " without its content"};
}

std::unique_ptr<decimal> copy(const std::unique_ptr<decimal>& value) {
  return value ? std::make_unique<decimal>(*value) : nullptr;
}

result<void> created(po::StateT& state, const po::OrderCreatedT& e) {
  if (!e.order) return missing("OrderCreated");
  state.type = e.order->type;
  state.material = e.order->material;
  state.revision = e.order->revision;
  state.quantity = e.order->quantity;
  state.unit = e.order->unit;
  state.due = e.order->due;
  state.start = e.order->start;
  state.erp_id = e.order->erp_id;
  state.mes_id = e.order->mes_id;
  state.operations = e.order->operations;
  state.components = e.order->components;
  state.over_delivery_percent = copy(e.over_delivery_percent);
  state.under_delivery_percent = copy(e.under_delivery_percent);
  return {};
}

void set_pending(po::StateT& state) {
  if (state.dispatch == po::Dispatch::waiting) state.dispatch = po::Dispatch::pending;
}

void released(po::StateT& state, const po::OrderReleasedT& e, timestamp stamp) {
  state.life = e.life;
  state.mode = e.mode;
  state.release_waits = true;
  state.release_command = {};
  state.released_quantity = e.quantity;
  if (!state.released_at.given()) state.released_at = stamp;
  if (!e.revision.empty()) state.revision = e.revision;
  if (!e.operations.empty()) state.operations = e.operations;
  if (!e.components.empty()) state.components = e.components;
  for (auto& operation : state.operations) {
    const bool named = e.released_operations.empty() ||
                       std::ranges::find(e.released_operations, operation.operation) !=
                           e.released_operations.end();
    if (named && operation.status == po::OperationStatus::waiting)
      operation.status = po::OperationStatus::released;
  }
  state.set_aside.insert(state.set_aside.end(), e.set_aside.begin(), e.set_aside.end());
  state.blockers.clear();
  set_pending(state);
}

void changed(po::StateT& state, const po::SnapshotT& to) {
  state.quantity = to.quantity;
  state.due = to.due;
  state.start = to.start;
  for (auto& operation : state.operations)
    for (const auto& other : to.operations) {
      if (operation.operation != other.operation) continue;
      operation.planned = other.planned;
      operation.machine_time = other.machine_time;
      operation.labour_time = other.labour_time;
    }
  for (std::size_t i = 0; i < std::min(state.components.size(), to.components.size()); ++i)
    if (state.components[i].material == to.components[i].material)
      state.components[i].planned = to.components[i].planned;
  state.delivery = order_parts::delivery_progress(state, state.delivered);
}

void release_ended(po::StateT& state, const po::ReleaseEndedT& e, timestamp stamp) {
  state.release_waits = false;
  state.release_command = {};
  state.blockers.clear();
  auto& blocker = state.blockers.emplace_back();
  blocker.check = "release";
  blocker.reason = e.reason.empty() ? e.code : e.reason;
  blocker.since = stamp;
  if (state.life == po::Life::created && state.dispatch == po::Dispatch::pending)
    state.dispatch = po::Dispatch::waiting;
}

void cancelled(po::StateT& state) {
  state.life = po::Life::cancelled;
  state.dispatch = po::Dispatch::cancelled;
  state.release_waits = false;
  state.release_command = {};
  state.cancel_command = {};
  state.cancelling.clear();
  state.blockers.clear();
}

void release_requested(po::StateT& state, const po::ReleaseRequestedT& e) {
  state.mode = e.mode;
  state.release_waits = true;
  state.release_command = e.command;
  state.blockers.clear();
  set_pending(state);
}

void blocked(po::StateT& state, const po::OrderBlockedT& e) {
  state.blockers = e.blockers;
  state.release_command = {};
}

void change_ended(po::StateT& state) {
  state.change.reset();
  state.change_command = {};
}

void cancelling(po::StateT& state, const std::string& reason, hash128 command) {
  state.cancelling = reason;
  state.cancel_command = command;
}

void dispatched(po::StateT& state) {
  state.release_waits = false;
  state.blockers.clear();
  if (state.dispatch == po::Dispatch::waiting || state.dispatch == po::Dispatch::pending)
    state.dispatch = po::Dispatch::dispatched;
}

void dispatch_reported(po::StateT& state, const po::DispatchReportedT& e) {
  state.dispatch = e.dispatch;
  if (!e.mes_id.empty()) state.mes_id = e.mes_id;
}

result<void> change_requested(po::StateT& state, const po::ChangeRequestedT& e) {
  if (!e.order) return missing("ChangeRequested");
  state.change = std::make_unique<po::SnapshotT>(*e.order);
  state.change_command = e.command;
  return {};
}

void completed_technically(po::StateT& state) {
  state.life_before = state.life;
  state.life = po::Life::technically_completed;
  state.blockers.clear();
}

result<void> holds_changed(po::StateT& state, const po::EventUnion& event) {
  if (const auto* e = event.AsOrderHeld()) {
    if (!e->hold) return missing("OrderHeld");
    state.holds.push_back(*e->hold);
  }
  if (const auto* e = event.AsOrderHoldReleased())
    std::erase_if(state.holds, [&](const auto& one) { return one.hold == e->hold; });
  return {};
}

/// The end of life, and back.
void life_changed(po::StateT& state, po::Event event) {
  if (event == po::Event::CompletionRevoked) state.life = state.life_before;
  if (event == po::Event::OrderClosed) state.life = po::Life::closed;
  if (event == po::Event::OrderReopened) state.life = po::Life::technically_completed;
}

}  // namespace

result<void> order::evolve(schema::state& state, const schema::event& event, evolution& evo) {
  using po::Event;
  switch (event.type) {
    case Event::OperationConfirmed:
    case Event::ConfirmationCancelled:
    case Event::ConsumptionReported:
    case Event::ComponentConsumed:
    case Event::MovementParked:
    case Event::MovementRefused:
    case Event::ProductionReported:
    case Event::ProductProduced:
    case Event::ReversalRequested:
    case Event::ReversalRefused:
    case Event::MovementReversed:
    case Event::ReportPosted:
      return order_parts::evolve_reports(state, event, evo);
    case Event::OrderCreated:
      return created(state, *event.AsOrderCreated());
    case Event::ReleaseRequested:
      release_requested(state, *event.AsReleaseRequested());
      return {};
    case Event::OrderReleased:
      released(state, *event.AsOrderReleased(), evo.stamp());
      return {};
    case Event::OrderBlocked:
      blocked(state, *event.AsOrderBlocked());
      return {};
    case Event::OrderDispatched:
      dispatched(state);
      return {};
    case Event::ReleaseEnded:
      release_ended(state, *event.AsReleaseEnded(), evo.stamp());
      return {};
    case Event::DispatchReported:
      dispatch_reported(state, *event.AsDispatchReported());
      return {};
    case Event::ChangeRequested:
      return change_requested(state, *event.AsChangeRequested());
    case Event::OrderChanged:
      if (!event.AsOrderChanged()->order) return missing("OrderChanged");
      changed(state, *event.AsOrderChanged()->order);
      [[fallthrough]];
    case Event::ChangeRefused:
      change_ended(state);
      return {};
    case Event::CancelRequested:
      cancelling(state, event.AsCancelRequested()->reason, event.AsCancelRequested()->command);
      return {};
    case Event::CancelRefused:
      cancelling(state, {}, {});
      return {};
    case Event::OrderCancelled:
      cancelled(state);
      return {};
    case Event::TechnicallyCompleted:
      completed_technically(state);
      return {};
    case Event::CompletionRevoked:
    case Event::OrderClosed:
    case Event::OrderReopened:
      life_changed(state, event.type);
      return {};
    case Event::OrderHeld:
    case Event::OrderHoldReleased:
      return holds_changed(state, event);
    case Event::NONE:
      break;
  }
  return error{"kind.fault", "an event without a type"};
}

}  // namespace millrace::actors
