// What the lots answer to the order: posted, parked as an exception, or
// refused; and what follows for genealogy and ERP. The caller of the report is
// answered by the first answer; later ones (an exception posts itself) only
// change the order.
#include <string>
#include <utility>

#include "actors/material.hpp"
#include "actors/order_parts.hpp"
#include "schemas/inventory/batch_kind.hpp"
#include "schemas/production/batch_run_kind.hpp"

namespace millrace::actors::order_parts {

namespace {

namespace lot = millrace::batch;

std::string held_code() {
  return std::string(lot::schema::name) + '.' + lot::schema::refusal_name(lot::Refusal::held);
}

void link(made& d, const po::InputLotT& input, const po::OutputLotT& output, context& ctx) {
  lot::LinkOutputT tell;
  tell.output = output.batch;
  tell.material = output.material;
  tell.order = ctx.id();
  tell.operation = input.operation;
  tell.report = input.report;
  tell.quantity = input.quantity;
  tell.unit = input.unit;
  tell.basis = input.output.empty() ? lot::Basis::order : lot::Basis::reported;
  tell.at = ctx.now();
  d.tell<lot::schema>(input.batch, tell, Lane::hold);
}

/// Links the input to outputs that have come since its lot was asked.
void link_later_outputs(made& d, const po::StateT& state, const po::MovementT& m, decimal quantity,
                        const std::string& unit, context& ctx) {
  const auto input = input_of(m, quantity, unit);
  for (std::size_t i = m.known; i < state.outputs.size(); ++i) {
    const auto& output = state.outputs[i];
    if (!output.removed && (m.output_batch.empty() || m.output_batch == output.batch))
      link(d, input, output, ctx);
  }
}

decimal in_unit(std::string_view material_id, decimal quantity, const std::string& from,
                const std::string& to, decimal otherwise, context& ctx) {
  if (from == to) return quantity;
  const auto* m = ctx.look_up<material>(material_id);
  return (m ? convert(*m, quantity, from, to) : std::nullopt).value_or(otherwise);
}

millrace::production_confirmation::PostingT posting_of(po::ReportKind kind,
                                                       const po::MovementT& m) {
  millrace::production_confirmation::PostingT posting;
  posting.kind = kind;
  posting.report = m.report;
  posting.reason = m.reason;
  posting.movement = std::make_unique<po::MovementT>(m);
  return posting;
}

/// The batch run that the report names hears what became of it.
void tell_run(made& d, const po::MovementT& m, millrace::batch_run::MaterialStatus status,
              decimal quantity, const std::string& unit, std::string_view reason = {}) {
  if (m.batch_run.empty()) return;
  millrace::batch_run::NoteMaterialT note;
  note.report = m.report;
  note.movement = m.kind == po::ReportKind::consumption ? millrace::batch_run::Movement::consumption
                                                        : millrace::batch_run::Movement::production;
  note.status = status;
  note.material = m.material;
  note.batch = m.batch;
  note.quantity = quantity;
  note.unit = unit;
  note.reason = reason;
  d.tell<millrace::batch_run::schema>(m.batch_run, note, Lane::confirmation);
}

bool erp_backflushes(const po::ComponentT* component) {
  return component && component->issue == millrace::material::Issue::backflush_erp;
}

made consumed(const po::StateT& state, po::MovementT m, const answer& a, context& ctx) {
  const auto posted = a.event<lot::schema, lot::ConsumedT>();
  po::ComponentConsumedT event;
  event.report = m.report;
  event.quantity = posted ? posted->quantity : m.quantity;
  event.unit = posted && !posted->unit.empty() ? posted->unit : m.unit;
  const auto* component = find_component(state, m.material);
  event.planned_quantity = in_unit(m.material, event.quantity, event.unit,
                                   component ? component->unit : m.unit, event.quantity, ctx);
  made d;
  if (!m.linked) link_later_outputs(d, state, m, event.quantity, event.unit, ctx);
  m.posted_quantity = event.quantity;
  tell_run(d, m, millrace::batch_run::MaterialStatus::posted, event.quantity, event.unit);
  // Exactly one party posts: what the ERP backflushes it has from the confirmation.
  event.erp_status = erp_backflushes(component) ? po::PostingStatus::none
                                                : post_to_erp(d, state, ctx, posting_of(m.kind, m));
  d.emit(std::move(event));
  return d;
}

made produced(const po::StateT& state, po::MovementT m, const answer& a, context& ctx) {
  const auto posted = a.event<lot::schema, lot::ProducedT>();
  po::ProductProducedT event;
  event.report = m.report;
  event.quantity = posted ? posted->quantity : m.quantity;
  event.unit = posted && !posted->unit.empty() ? posted->unit : m.unit;
  if (m.use == lot::MaterialUse::product && m.material == state.material)
    event.order_quantity =
        in_unit(m.material, event.quantity, event.unit, state.unit, m.planned_quantity, ctx);
  event.delivered = delivery_progress(state, state.delivered + event.order_quantity);
  made d;
  po::OutputLotT output;
  output.batch = m.batch;
  output.material = m.material;
  for (std::size_t i = m.known; i < state.inputs.size(); ++i) {
    const auto& input = state.inputs[i];
    if (!input.removed && (input.output.empty() || input.output == m.batch))
      link(d, input, output, ctx);
  }
  m.posted_quantity = event.quantity;
  tell_run(d, m, millrace::batch_run::MaterialStatus::posted, event.quantity, event.unit);
  event.erp_status = post_to_erp(d, state, ctx, posting_of(m.kind, m));
  d.emit(std::move(event));
  return d;
}

made on_report(const po::StateT& state, const po::MovementT& m, const answer& a, context& ctx) {
  const bool first = m.status == po::MovementStatus::reported;
  const bool waited_for = first && a.origin.given() && !m.backflush;
  if (!first && m.status != po::MovementStatus::parked)
    return {};  // posted already: an answer that came twice
  if (a.outcome == engine::Outcome::accepted) {
    auto d = m.kind == po::ReportKind::consumption ? consumed(state, m, a, ctx)
                                                   : produced(state, m, a, ctx);
    if (waited_for) d.settle(a.origin);
    return d;
  }
  made d;
  if (a.outcome == engine::Outcome::parked) {
    po::MovementParkedT event;
    event.kind = m.kind;
    event.report = m.report;
    event.code = a.code;
    event.reason = a.detail;
    event.exception = a.exception;
    event.linked = m.kind == po::ReportKind::consumption && (m.linked || a.code == held_code());
    if (event.linked && !m.linked) link_later_outputs(d, state, m, m.quantity, m.unit, ctx);
    d.emit(std::move(event));
    if (waited_for) d.settle_parked(a.origin, a.code, a.detail, a.exception);
    return d;
  }
  po::MovementRefusedT event;
  event.kind = m.kind;
  event.report = m.report;
  event.code = a.code;
  event.reason = a.detail;
  d.emit(std::move(event));
  tell_run(d, m, millrace::batch_run::MaterialStatus::refused, m.quantity, m.unit, a.code);
  const bool at_lot = m.status == po::MovementStatus::parked && m.code != "batch.unknown";
  if (at_lot && m.kind == po::ReportKind::consumption) {  // given up: its links must not stay
    lot::ReverseConsumeT reverse;
    reverse.order = ctx.id();
    reverse.report = m.report;
    reverse.reason = a.detail;
    d.tell<lot::schema>(m.batch, reverse, Lane::confirmation);
  }
  if (waited_for) d.settle_refused(a.origin, a.code, a.detail);
  return d;
}

made on_reversal(const po::StateT& state, po::ReportKind kind, const po::MovementT& m,
                 const answer& a, context& ctx) {
  if (m.status != po::MovementStatus::reversing) return {};
  const bool first = m.reverse_exception.empty() && !m.backflush;
  made d;
  if (a.outcome == engine::Outcome::accepted) {
    po::MovementReversedT event;
    event.kind = kind;
    event.report = m.report;
    event.reason = m.reason;
    event.planned_quantity = m.planned_quantity;
    const bool production = kind == po::ReportKind::reverse_production;
    event.delivered = production ? delivery_progress(state, state.delivered - m.planned_quantity)
                                 : state.delivery;
    const bool silent = !production && (!m.posted_quantity.is_positive() ||
                                        erp_backflushes(find_component(state, m.material)));
    event.erp_status =
        silent ? po::PostingStatus::none : post_to_erp(d, state, ctx, posting_of(kind, m));
    d.emit(std::move(event));
    tell_run(d, m, millrace::batch_run::MaterialStatus::reversed, m.posted_quantity, m.unit);
    if (first && a.origin.given()) d.settle(a.origin);
    return d;
  }
  po::ReversalRefusedT event;
  event.kind = kind;
  event.report = m.report;
  event.code = a.code;
  event.reason = a.detail;
  event.exception = a.exception;
  d.emit(std::move(event));
  if (!first || !a.origin.given()) return d;
  if (a.outcome == engine::Outcome::parked)
    d.settle_parked(a.origin, a.code, a.detail, a.exception);
  else
    d.settle_refused(a.origin, a.code, a.detail);
  return d;
}

}  // namespace

made on_movement_answer(const po::StateT& state, po::ReportKind kind, std::string_view report,
                        const answer& a, context& ctx) {
  const auto m = movement_of(ctx, kind, report);
  if (!m)
    return made::fault("an answer for report " + std::string(report) + ", which is not known");
  switch (kind) {
    case po::ReportKind::consumption:
    case po::ReportKind::production:
      return on_report(state, *m, a, ctx);
    case po::ReportKind::reverse_consumption:
    case po::ReportKind::reverse_production:
      return on_reversal(state, kind, *m, a, ctx);
    case po::ReportKind::confirmation:
    case po::ReportKind::cancel_confirmation:
      break;
  }
  return made::fault("an answer for a confirmation, which asks nobody");
}

}  // namespace millrace::actors::order_parts
