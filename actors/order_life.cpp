// An order's creation, changes, cancellation and the end of its life.
// After dispatch the MES has a say: a change or a cancellation waits for its agreement.
#include <memory>
#include <string>
#include <utility>

#include "actors/material.hpp"
#include "actors/order_parts.hpp"
#include "actors/order_plan.hpp"
#include "actors/rules.hpp"
#include "schemas/production/order_release_kind.hpp"

namespace millrace::actors::order_parts {

namespace {

namespace release_process = millrace::order_release;

made wrong_life(const po::StateT& state, std::string_view what) {
  return made::refuse(po::Refusal::wrong_life, "The order is " +
                                                   std::string(po::EnumNameLife(state.life)) +
                                                   " and cannot be " + std::string(what) + '.');
}

std::unique_ptr<decimal> copy(const std::unique_ptr<decimal>& value) {
  return value ? std::make_unique<decimal>(*value) : nullptr;
}

/// True while the MES has the order and works, or may work, on it.
bool with_mes(const po::StateT& state) {
  switch (state.dispatch) {
    case po::Dispatch::dispatched:
    case po::Dispatch::ready:
    case po::Dispatch::running:
    case po::Dispatch::held:
    case po::Dispatch::suspended:
      return true;
    case po::Dispatch::waiting:
    case po::Dispatch::pending:
    case po::Dispatch::completed:
    case po::Dispatch::aborted:
    case po::Dispatch::closed:
    case po::Dispatch::cancelled:
      break;
  }
  return false;
}

bool has_reports(const po::StateT& state) {
  if (state.confirmations > 0 || state.movements_open > 0) return true;
  for (const auto& lot : state.inputs)
    if (!lot.removed) return true;
  for (const auto& lot : state.outputs)
    if (!lot.removed) return true;
  return false;
}

void tell_release_cancelled(made& d, context& ctx, const std::string& reason, bool ask_mes) {
  release_process::CancelT cancel;
  cancel.reason = reason;
  cancel.ask_mes = ask_mes;
  d.tell<release_process::schema>(ctx.id(), cancel, Lane::release);
}

void emit_cancelled(made& d, const std::string& reason) {
  po::OrderCancelledT event;
  event.reason = reason;
  d.emit(std::move(event));
}

po::SnapshotT planned(const po::CreateT& c) {
  po::SnapshotT out;
  out.type = c.type;
  out.material = c.material;
  out.revision = c.revision;
  out.quantity = c.quantity;
  out.unit = c.unit;
  out.due = c.due;
  out.start = c.start;
  out.erp_id = c.erp_id;
  out.mes_id = c.mes_id;
  const auto one = decimal::from_units(1);
  out.operations = plan_operations(c.operations, c.quantity, one);
  out.components = plan_components(c.components, c.quantity, one);
  return out;
}

}  // namespace

made create(const po::StateT&, const po::CreateT& c, context& ctx) {
  if (ctx.sequence() != 0) return made::refuse(po::Refusal::exists, "The order exists already.");
  auto plan = planned(c);
  po::OrderCreatedT event;
  event.over_delivery_percent = copy(c.over_delivery_percent);
  event.under_delivery_percent = copy(c.under_delivery_percent);
  if (const auto* m = ctx.look_up<material>(c.material)) {
    if (!convert(*m, c.quantity, c.unit, m->base_unit))
      return made::refuse(po::Refusal::unit_not_convertible,
                          "Material " + c.material + " knows no conversion from " + c.unit +
                              " to " + m->base_unit + '.');
    if (!resolve_from_material(plan, *m))
      return made::refuse(po::Refusal::revision_unknown,
                          "Material " + c.material + " has no revision " + c.revision + '.');
    if (!event.over_delivery_percent) event.over_delivery_percent = copy(m->over_delivery_percent);
    if (!event.under_delivery_percent)
      event.under_delivery_percent = copy(m->under_delivery_percent);
  } else if (rule_of(ctx, "references.must_exist") == "true") {
    return made::refuse(po::Refusal::material_unknown,
                        "Material " + c.material + " is not known here.");
  }
  event.order = std::make_unique<po::SnapshotT>(std::move(plan));
  made d;
  d.emit(std::move(event));
  return d;
}

made change(const po::StateT& state, const po::ChangeT& c, context& ctx) {
  if (state.life > po::Life::released) return wrong_life(state, "changed");
  if (state.change_command.given() || state.cancel_command.given())
    return made::refuse(po::Refusal::answer_pending,
                        "The MES has not answered the last question yet.");
  auto wanted = snapshot_of(state);
  if (c.due.given()) wanted.due = c.due;
  if (c.start.given()) wanted.start = c.start;
  if (c.quantity.is_positive()) {
    auto quantity = std::optional(c.quantity);
    if (!c.unit.empty() && c.unit != state.unit) {
      const auto* m = ctx.look_up<material>(state.material);
      quantity = m ? convert(*m, c.quantity, c.unit, state.unit) : std::nullopt;
    }
    if (!quantity)
      return made::refuse(po::Refusal::unit_not_convertible,
                          c.unit + " cannot be converted to " + state.unit + '.');
    if (*quantity < state.delivered)
      return made::refuse(po::Refusal::quantity_too_small,
                          state.delivered.to_string() + ' ' + state.unit + " are delivered.");
    rescale(wanted, *quantity);
  }
  made d;
  if (wanted.due == state.due && wanted.start == state.start && wanted.quantity == state.quantity)
    return d;
  const bool ask = with_mes(state) && ctx.bound(System::mes);
  if (ask || state.release_waits) {
    release_process::ChangeT tell;
    tell.order = std::make_unique<po::SnapshotT>(wanted);
    tell.ask_mes = ask;
    d.tell<release_process::schema>(ctx.id(), tell, Lane::release);
  }
  if (ask) {
    po::ChangeRequestedT event;
    event.order = std::make_unique<po::SnapshotT>(std::move(wanted));
    event.reason = c.reason;
    event.command = ctx.command_id();
    return std::move(d.emit(std::move(event)).wait());
  }
  po::OrderChangedT event;
  event.order = std::make_unique<po::SnapshotT>(std::move(wanted));
  event.reason = c.reason;
  d.emit(std::move(event));
  return d;
}

made conclude_change(const po::StateT& state, const po::ConcludeChangeT& c) {
  made d;
  if (!state.change) return d;
  if (c.agreed) {
    po::OrderChangedT event;
    event.order = std::make_unique<po::SnapshotT>(*state.change);
    event.reason = c.reason;
    d.emit(std::move(event)).settle(state.change_command);
  } else {
    po::ChangeRefusedT event;
    event.reason = c.reason;
    d.emit(std::move(event))
        .settle_refused(state.change_command, code_of(po::Refusal::mes_disagreed), c.reason);
  }
  return d;
}

made cancel(const po::StateT& state, const po::CancelT& c, context& ctx) {
  made d;
  if (state.life > po::Life::released) return wrong_life(state, "cancelled");
  if (state.change_command.given() || state.cancel_command.given())
    return made::refuse(po::Refusal::answer_pending,
                        "The MES has not answered the last question yet.");
  if (has_reports(state))
    return made::refuse(po::Refusal::has_reports,
                        "Reverse what is confirmed and posted first, or complete technically.");
  const bool ask = with_mes(state) && ctx.bound(System::mes);
  if (ask) {
    tell_release_cancelled(d, ctx, c.reason, true);
    po::CancelRequestedT event;
    event.reason = c.reason;
    event.command = ctx.command_id();
    return std::move(d.emit(std::move(event)).wait());
  }
  if (state.life != po::Life::created || state.release_waits)
    tell_release_cancelled(d, ctx, c.reason, false);
  emit_cancelled(d, c.reason);
  if (state.release_command.given())
    d.settle_refused(state.release_command, code_of(po::Refusal::release_cancelled),
                     "The order was cancelled.");
  return d;
}

made conclude_cancel(const po::StateT& state, const po::ConcludeCancelT& c, context& ctx) {
  made d;
  if (!state.cancel_command.given()) return d;
  if (c.agreed && !has_reports(state)) {
    emit_cancelled(d, c.reason.empty() ? state.cancelling : c.reason);
    tell_release_cancelled(d, ctx, state.cancelling, false);
    d.settle(state.cancel_command);
    return d;
  }
  const auto why = c.agreed ? std::string("The MES reported something meanwhile.") : c.reason;
  po::CancelRefusedT event;
  event.reason = why;
  d.emit(std::move(event))
      .settle_refused(state.cancel_command, code_of(po::Refusal::mes_disagreed), why);
  return d;
}

made complete_technically(const po::StateT& state, const po::CompleteTechnicallyT& c,
                          context& ctx) {
  if (state.life != po::Life::released && state.life != po::Life::partially_released)
    return wrong_life(state, "technically completed");
  if (state.change_command.given() || state.cancel_command.given())
    return made::refuse(po::Refusal::answer_pending,
                        "The MES has not answered the last question yet.");
  made d;
  po::TechnicallyCompletedT event;
  event.reason = c.reason;
  d.emit(std::move(event));
  if (!state.release_waits) {
    d.tell<release_process::schema>(ctx.id(), release_process::GiveBackT(), Lane::release);
    return d;
  }
  tell_release_cancelled(d, ctx, "technically completed", false);  // of the rest
  if (state.release_command.given())
    d.settle_refused(state.release_command, code_of(po::Refusal::release_cancelled),
                     "The order was technically completed.");
  return d;
}

made revoke(const po::StateT& state, const po::RevokeT& c) {
  if (state.life != po::Life::technically_completed)
    return wrong_life(state, "taken back from technical completion");
  made d;
  po::CompletionRevokedT event;
  event.reason = c.reason;
  d.emit(std::move(event));
  return d;
}

made close(const po::StateT& state, const po::CloseT& c, context& ctx) {
  made d;
  if (state.life == po::Life::released || state.life == po::Life::partially_released) {
    po::CompleteTechnicallyT first;
    first.reason = c.reason;
    d = complete_technically(state, first, ctx);
    if (d.outcome == engine::Outcome::refused) return d;
  } else if (state.life != po::Life::technically_completed) {
    return wrong_life(state, "closed");
  }
  po::OrderClosedT event;
  event.reason = c.reason;
  d.emit(std::move(event));
  return d;
}

made reopen(const po::StateT& state, const po::ReopenT& c) {
  if (state.life != po::Life::closed) return wrong_life(state, "reopened");
  made d;
  po::OrderReopenedT event;
  event.reason = c.reason;
  d.emit(std::move(event));
  return d;
}

}  // namespace millrace::actors::order_parts
