// The order's side of its release: asked (gate) or told (follow), then what the
// release process found and reached. Who asked gets the answer when the checks
// have passed or the order is parked with its blockers.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "actors/order_parts.hpp"
#include "actors/order_plan.hpp"
#include "actors/rules.hpp"
#include "schemas/production/order_release_kind.hpp"

namespace millrace::actors::order_parts {

namespace {

void start_process(made& d, const po::StateT& state, po::Mode mode,
                   const std::vector<std::string>& operations, decimal quantity, context& ctx) {
  millrace::order_release::StartT start;
  start.mode = mode;
  start.order = std::make_unique<po::SnapshotT>(snapshot_of(state));
  start.operations = operations;
  start.quantity = quantity;
  start.holds = hold_names(state);
  d.ask<millrace::order_release::schema>(ctx.id(), start, "release", Lane::release);
}

const std::string* unknown_operation(const po::StateT& state,
                                     const std::vector<std::string>& operations) {
  if (state.operations.empty()) return nullptr;
  for (const auto& one : operations)
    if (find_operation(state, one) == nullptr) return &one;
  return nullptr;
}

/// The life after releasing these operations (none named = all) or this much
/// more (zero = all).
po::Life life_after(const po::StateT& state, const std::vector<std::string>& released,
                    decimal quantity) {
  if (quantity.is_positive() && state.released_quantity + quantity < state.quantity)
    return po::Life::partially_released;
  if (released.empty()) return po::Life::released;
  for (const auto& operation : state.operations)
    if (operation.status == po::OperationStatus::waiting &&
        std::ranges::find(released, operation.operation) == released.end())
      return po::Life::partially_released;
  return po::Life::released;
}

po::OrderReleasedT released_event(const po::StateT& state, po::Mode mode,
                                  const std::vector<std::string>& operations, decimal quantity) {
  po::OrderReleasedT event;
  event.mode = mode;
  event.life = life_after(state, operations, quantity);
  event.released_operations = operations;
  event.quantity = quantity.is_positive()
                       ? std::min(state.released_quantity + quantity, state.quantity)
                       : state.quantity;
  return event;
}

}  // namespace

made request_release(const po::StateT& state, const po::RequestReleaseT& c, context& ctx) {
  if (state.release_waits)
    return made::refuse(po::Refusal::release_pending,
                        "A release of this order is at work already.");
  if (state.life != po::Life::created && state.life != po::Life::partially_released)
    return made::refuse(po::Refusal::wrong_life,
                        "The order is " + std::string(po::EnumNameLife(state.life)) + '.');
  if (const auto* unknown = unknown_operation(state, c.operations))
    return made::refuse(po::Refusal::operation_unknown,
                        "The order has no operation " + *unknown + '.');
  const auto mode = rule_of(ctx, "release.mode") == "follow" ? po::Mode::follow : po::Mode::gate;
  made d;
  po::ReleaseRequestedT event;
  event.mode = mode;
  event.operations = c.operations;
  event.quantity = c.quantity;
  if (mode == po::Mode::gate) event.command = ctx.command_id();
  d.emit(std::move(event));
  if (mode == po::Mode::follow) d.emit(released_event(state, mode, c.operations, c.quantity));
  start_process(d, state, mode, c.operations, c.quantity, ctx);
  if (mode == po::Mode::gate) d.wait();
  return d;
}

made release(const po::StateT& state, const po::ReleaseT& c, context& ctx) {
  made d;
  switch (state.life) {
    case po::Life::released:
    case po::Life::technically_completed:
      return d;  // known already
    case po::Life::closed:
      return made::park(po::Refusal::closed, "The order is closed.");
    case po::Life::cancelled:
      return made::park(po::Refusal::cancelled, "The order is cancelled.");
    case po::Life::created:
    case po::Life::partially_released:
      break;
  }
  if (const auto* unknown = unknown_operation(state, c.operations))
    return made::park(po::Refusal::operation_unknown,
                      "The order has no operation " + *unknown + '.');
  d.emit(released_event(state, po::Mode::follow, c.operations, c.quantity));
  if (state.release_command.given()) d.settle(state.release_command);
  if (!state.release_waits)
    start_process(d, state, po::Mode::follow, c.operations, c.quantity, ctx);
  return d;
}

made mark_released(const po::StateT& state, const po::MarkReleasedT& c, context& ctx) {
  made d;
  if (state.life > po::Life::released) {  // ended while the checks were under way
    d.tell<millrace::order_release::schema>(ctx.id(), millrace::order_release::GiveBackT(),
                                            Lane::release);
    return d;
  }
  const bool resolved = state.operations.empty() != c.operations.empty() ||
                        state.components.empty() != c.components.empty();
  const bool open = state.life != po::Life::released && state.mode == po::Mode::gate;
  if (open || resolved || !c.set_aside.empty()) {
    auto event = released_event(state, state.mode, c.released_operations, c.quantity);
    if (!open) {  // follow: released already, only the plan is new
      event.life = state.life;
      event.quantity = state.released_quantity;
    }
    if (resolved) {
      event.operations = c.operations;
      event.components = c.components;
    }
    event.revision = c.revision;
    event.set_aside = c.set_aside;
    d.emit(std::move(event));
  } else if (!state.blockers.empty()) {
    d.emit(po::OrderBlockedT());
  }
  if (c.dispatched) d.emit(po::OrderDispatchedT());
  if (state.release_command.given()) d.settle(state.release_command);
  return d;
}

made mark_blocked(const po::StateT& state, const po::MarkBlockedT& c, context& ctx) {
  made d;
  if (state.life > po::Life::released) return d;
  po::OrderBlockedT event;
  event.blockers = c.blockers;
  for (auto& blocker : event.blockers) {
    blocker.since = ctx.now();
    for (const auto& before : state.blockers)
      if (before.check == blocker.check && before.reason == blocker.reason)
        blocker.since = before.since;
  }
  d.emit(std::move(event));
  if (state.release_command.given()) d.settle(state.release_command);
  return d;
}

made mark_dispatched(const po::StateT& state, const po::MarkDispatchedT& c) {
  made d;
  if (state.life > po::Life::technically_completed) return d;
  po::OrderDispatchedT event;
  event.document = c.document;
  d.emit(std::move(event));
  return d;
}

made mark_release_ended(const po::StateT& state, const po::MarkReleaseEndedT& c) {
  made d;
  if (!state.release_waits) return d;
  po::ReleaseEndedT event;
  event.code = c.code;
  event.reason = c.reason;
  d.emit(std::move(event));
  if (state.release_command.given()) d.settle_refused(state.release_command, c.code, c.reason);
  return d;
}

made on_release_answer(const po::StateT& state, const answer& a) {
  if (a.granted()) return {};
  po::MarkReleaseEndedT ended;
  ended.code = a.code;
  ended.reason = a.detail;
  return mark_release_ended(state, ended);
}

made report_dispatch(const po::StateT& state, const po::ReportDispatchT& c) {
  if (auto why = unpostable(state)) return std::move(*why);
  made d;
  if (state.dispatch == c.dispatch && (c.mes_id.empty() || c.mes_id == state.mes_id)) return d;
  po::DispatchReportedT event;
  event.dispatch = c.dispatch;
  event.reason = c.reason;
  event.mes_id = c.mes_id;
  d.emit(std::move(event));
  return d;
}

}  // namespace millrace::actors::order_parts
