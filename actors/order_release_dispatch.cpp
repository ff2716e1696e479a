// After the checks: the MES gets the order in its own form, the ERP its release
// call; and the way back when it is cancelled. Both are deliveries under the
// order's key, so that a change or a cancellation cannot overtake the dispatch.
#include <algorithm>
#include <set>

#include "actors/order_release_parts.hpp"

namespace millrace::actors::release_parts {

namespace {

std::string key_of(const context& ctx) { return "order/" + std::string(ctx.id()); }

bool selected(const pr::StateT& state, const std::string& operation) {
  if (state.operations.empty() || operation.empty()) return true;
  for (const auto& one : state.operations)
    if (one == operation) return true;
  return false;
}

/// The order in the MES's form: operations with labour standards, material
/// requirements with the lots set aside.
pr::DispatchT dispatch_of(const pr::StateT& state, const context& ctx) {
  const auto& order = *state.order;
  pr::DispatchT out;
  out.order = ctx.id();
  out.erp_id = order.erp_id;
  out.mes_id = order.mes_id;
  out.type = order.type;
  out.material = order.material;
  out.revision = order.revision;
  out.quantity = state.quantity.is_positive() ? state.quantity : order.quantity;
  out.unit = order.unit;
  out.due = order.due;
  out.start = order.start;
  for (const auto& one : order.operations) {
    if (!selected(state, one.operation)) continue;
    auto& operation = out.operations.emplace_back();
    operation.operation = one.operation;
    operation.work_center = one.work_center;
    operation.description = one.description;
    operation.setup_time = one.setup_time;
    operation.machine_time = one.machine_time;
    operation.labour_time = one.labour_time;
    operation.confirmation_required = one.confirmation_required;
    operation.milestone = one.milestone;
    operation.quantity = out.quantity;
  }
  for (const auto& one : order.components) {
    if (one.unplanned || !selected(state, one.operation)) continue;
    auto& required = out.materials.emplace_back();
    required.material = one.material;
    required.quantity =
        state.quantity.is_positive() && order.quantity.is_positive()
            ? decimal::proportion(one.planned, state.quantity, order.quantity).value_or(one.planned)
            : one.planned;
    required.unit = one.unit;
    required.operation = one.operation;
    required.issue = one.issue;
    for (const auto& reserved : state.reservations) {
      if (reserved.run != state.runs || reserved.material != one.material ||
          reserved.operation != one.operation)
        continue;
      auto& lot = required.lots.emplace_back();
      lot.batch = reserved.batch;
      lot.quantity = reserved.quantity;
      lot.unit = reserved.unit;
    }
  }
  return out;
}

/// Lots of this run's reservations that the order's confirmations will use up.
std::vector<po::SetAsideT> to_backflush(const pr::StateT& state) {
  std::vector<po::SetAsideT> out;
  for (const auto& component : state.order->components) {
    if (component.issue != millrace::material::Issue::backflush_platform) continue;
    for (const auto& one : state.reservations) {
      const bool alternative =
          std::ranges::find(component.alternatives, one.material) != component.alternatives.end();
      if (one.run != state.runs || one.operation != component.operation ||
          (one.material != component.material && !alternative))
        continue;
      auto& lot = out.emplace_back();
      lot.material = one.material;
      lot.operation = one.operation;
      lot.batch = one.batch;
      lot.quantity = one.quantity;
      lot.unit = one.unit;
    }
  }
  return out;
}

void call_erp(draft& work) {
  const auto& order = *work.state.order;
  pr::ReleaseOrderT call;
  call.order = work.ctx.id();
  call.erp_id = order.erp_id;
  call.operations = work.state.operations;
  call.quantity = work.state.quantity.is_positive() ? work.state.quantity : order.quantity;
  call.unit = order.unit;
  work.d.deliver(System::erp, key_of(work.ctx), call, "erp_release", Lane::release);
}

void complete_when_acknowledged(draft& work) {
  if (work.state.status == pr::Status::dispatching && work.state.mes == pr::Call::acknowledged &&
      work.state.erp == pr::Call::acknowledged)
    work.emit(pr::CompletedT());
}

pr::Call call_end(engine::DeliveryEnd end) {
  switch (end) {
    case engine::DeliveryEnd::acknowledged:
      return pr::Call::acknowledged;
    case engine::DeliveryEnd::dead:
      return pr::Call::dead;
    case engine::DeliveryEnd::discarded:
      return pr::Call::discarded;
    case engine::DeliveryEnd::retried:
    case engine::DeliveryEnd::edited:
      break;
  }
  return pr::Call::sent;
}

void deliver_cancel(draft& work, const std::string& reason, std::string_view tag) {
  pr::CancelOrderT call;
  call.order = work.ctx.id();
  call.mes_id = work.state.order ? work.state.order->mes_id : std::string();
  call.reason = reason;
  work.d.deliver(System::mes, key_of(work.ctx), call, tag, Lane::release);
}

void block(draft& work, const char* check, const std::string& reason) {
  po::BlockerT blocker;
  blocker.check = check;
  blocker.reason = reason;
  tell_blocked(work, {blocker});
}

template <class Conclude>
void conclude_question(draft& work, bool agreed, std::string_view reason) {
  Conclude tell;
  tell.agreed = agreed;
  tell.reason = reason;
  work.d.tell<po::schema>(work.ctx.id(), tell, Lane::release);
}

}  // namespace

void pass(draft& work, std::vector<pr::CheckT> checks) {
  const bool to_mes = work.ctx.bound(System::mes);
  const bool to_erp = work.state.mode == po::Mode::gate && work.ctx.bound(System::erp);
  po::MarkReleasedT tell;
  tell.operations = work.state.order->operations;
  tell.components = work.state.order->components;
  tell.released_operations = work.state.operations;
  tell.quantity = work.state.quantity;
  tell.revision = work.state.order->revision;
  tell.dispatched = !to_mes;
  tell.set_aside = to_backflush(work.state);
  work.d.tell<po::schema>(work.ctx.id(), tell, Lane::release);
  if (to_mes)
    work.d.deliver(System::mes, key_of(work.ctx), dispatch_of(work.state, work.ctx), "dispatch",
                   Lane::release);
  if (to_erp) call_erp(work);
  work.d.cancel_timer(timeout_timer);
  pr::PassedT event;
  event.checks = std::move(checks);
  event.mes = to_mes ? pr::Call::sent : pr::Call::acknowledged;
  event.erp = to_erp ? pr::Call::sent : pr::Call::acknowledged;
  work.emit(std::move(event));
  complete_when_acknowledged(work);
}

void give_back(draft& work) {
  if (work.state.reservations.empty()) return;
  std::set<std::string> batches;
  for (const auto& one : work.state.reservations) batches.insert(one.batch);
  for (const auto& batch : batches) {
    millrace::batch::UnreserveT back;
    back.order = work.ctx.id();
    work.d.tell<millrace::batch::schema>(batch, back, Lane::release);
  }
  work.emit(pr::ReservationsReturnedT());
}

void ask_change(draft& work, const pr::ChangeT& c) {
  pr::OrderUpdatedT event;
  event.order = std::make_unique<po::SnapshotT>(*c.order);
  event.change = c.ask_mes ? pr::Call::sent : pr::Call::none;
  work.emit(std::move(event));
  if (c.ask_mes) {
    pr::ChangeOrderT call;
    call.order = work.ctx.id();
    call.mes_id = c.order->mes_id;
    call.quantity = c.order->quantity;
    call.unit = c.order->unit;
    call.due = c.order->due;
    call.start = c.order->start;
    work.d.deliver(System::mes, key_of(work.ctx), call, "change", Lane::release);
  } else if (work.state.status == pr::Status::parked) {
    begin_round(work);
  } else if (work.state.status == pr::Status::checking) {
    pr::RecheckNotedT note;
    note.cause = "order changed";
    work.emit(std::move(note));
  }
}

void cancel(draft& work, const pr::CancelT& c) {
  if (c.ask_mes) {
    deliver_cancel(work, c.reason, "cancel");
    pr::CancelAskedT event;
    event.reason = c.reason;
    return work.emit(std::move(event));
  }
  if (work.state.status == pr::Status::cancelled) return;
  if (work.state.status == pr::Status::parked) work.d.cancel_timer(recheck_timer);
  if (work.state.status <= pr::Status::parked) work.d.cancel_timer(timeout_timer);
  if (work.state.mes == pr::Call::sent)
    deliver_cancel(work, c.reason, "cancel_notice");  // it follows the dispatch
  give_back(work);
  pr::ReleaseCancelledT event;
  event.reason = c.reason;
  work.emit(std::move(event));
}

void note_holds(draft& work, const pr::NoteHoldsT& c) {
  const bool turned = work.state.holds.empty() != c.holds.empty();
  const bool with_mes =
      work.state.mes == pr::Call::sent || work.state.mes == pr::Call::acknowledged;
  pr::HoldsNotedT event;
  event.holds = c.holds;
  event.reason = c.reason;
  work.emit(std::move(event));
  if (work.state.status == pr::Status::parked) return begin_round(work);
  if (!turned || !with_mes || !work.ctx.bound(System::mes)) return;
  pr::HoldOrderT call;
  call.order = work.ctx.id();
  call.mes_id = work.state.order ? work.state.order->mes_id : std::string();
  call.held = !c.holds.empty();
  call.holds = c.holds;
  call.reason = c.reason;
  work.d.deliver(System::mes, key_of(work.ctx), call, "hold", Lane::hold);
}

made on_call(const pr::StateT& state, const delivered& in, context& ctx) {
  draft work(state, ctx);
  pr::CallEndedT event;
  event.call = in.tag;
  event.end = call_end(in.end);
  event.document = in.document;
  event.reason = event.end == pr::Call::acknowledged ? std::string() : std::string(in.detail);
  const bool agreed = event.end == pr::Call::acknowledged;
  const auto reason = event.reason;
  const auto document = event.document;
  work.emit(std::move(event));
  if (in.tag == "dispatch") {
    po::MarkDispatchedT tell;
    tell.document = document;
    if (agreed)
      work.d.tell<po::schema>(ctx.id(), tell, Lane::release);
    else
      block(work, "dispatch", "The MES did not take the order: " + reason);
    complete_when_acknowledged(work);
  } else if (in.tag == "erp_release") {
    if (!agreed) block(work, "erp_release", "The ERP did not release the order: " + reason);
    complete_when_acknowledged(work);
  } else if (in.tag == "change") {
    conclude_question<po::ConcludeChangeT>(work, agreed, reason);
  } else if (in.tag == "cancel") {
    conclude_question<po::ConcludeCancelT>(work, agreed, reason);
  } else if (in.tag == "hold" && !agreed) {
    block(work, "hold", "The MES was not told of the hold: " + reason);
  }
  return std::move(work).done();
}

}  // namespace millrace::actors::release_parts
