// Consumption and production as the MES reports them, and their reversals: the
// order asks the lot, which alone decides. A report that the lot cannot post
// waits there as an exception and comes back as an answer when it is posted.
#include <algorithm>
#include <string>
#include <utility>

#include "actors/material.hpp"
#include "actors/order_parts.hpp"
#include "actors/rules.hpp"
#include "schemas/inventory/batch_kind.hpp"

namespace millrace::actors::order_parts {

namespace {

namespace lot = millrace::batch;

constexpr std::size_t lots_max = 2000;  // of each side; keeps the order's state below its limit

/// The second arrival of a report: fine when it says the same.
made known(po::MovementT before, const po::MovementT& now) {
  auto same = now;
  same.received_at = before.received_at;
  same.status = before.status;
  same.posted_quantity = before.posted_quantity;
  same.planned_quantity = before.planned_quantity;
  same.exception = before.exception;
  same.reverse_exception = before.reverse_exception;
  same.code = before.code;
  same.reason = before.reason;
  same.linked = before.linked;
  same.known = before.known;
  if (same.batch_run.empty()) same.batch_run = before.batch_run;  // told through the run before
  if (before.batch_run.empty()) before.batch_run = same.batch_run;
  same.batch = now.batch.empty() ? before.batch : now.batch;
  before.erp.reset();
  before.reversal.reset();
  if (made::pack(before) == made::pack(same)) return {};
  return made::refuse(po::Refusal::report_differs,
                      "Report " + now.report + " came before with another content.");
}

std::optional<made> check_operation(const po::StateT& state, const std::string& operation) {
  if (operation.empty() || state.operations.empty()) return std::nullopt;
  if (find_operation(state, operation) == nullptr)
    return made::park(po::Refusal::operation_unknown,
                      "The order has no operation " + operation + '.');
  return std::nullopt;
}

/// Gives a movement without a batch the material's anonymous lot at its
/// location; false when it needs a real one.
bool choose_lot(po::MovementT& movement, context& ctx) {
  if (!movement.batch.empty()) return true;
  const auto* m = ctx.look_up<material>(movement.material);
  if (m == nullptr || m->batch_managed) return false;
  const auto& location = movement.location.empty() ? m->location : movement.location;
  movement.batch = location.empty() ? movement.material : movement.material + '~' + location;
  return true;
}

/// A unit that the material knows for sure it does not have.
bool wrong_unit(std::string_view material_id, std::string_view unit, context& ctx) {
  const auto* m = ctx.look_up<material>(material_id);
  return m != nullptr && !convert(*m, decimal::from_units(1), unit, m->base_unit);
}

/// The stock that a consumption takes from: unrestricted unless the report says
/// otherwise.
lot::StockType taken_from(lot::Into stock) {
  switch (stock) {
    case lot::Into::by_plan:
    case lot::Into::unrestricted:
      break;
    case lot::Into::quality_inspection:
      return lot::StockType::quality_inspection;
    case lot::Into::blocked:
      return lot::StockType::blocked;
    case lot::Into::restricted:
      return lot::StockType::restricted;
    case lot::Into::returns:
      return lot::StockType::returns;
  }
  return lot::StockType::unrestricted;
}

lot::ConsumeT consume_of(const po::StateT& state, const po::MovementT& m,
                         std::string_view order_id) {
  lot::ConsumeT out;
  out.order = order_id;
  out.operation = m.operation;
  out.report = m.report;
  out.material = m.material;
  out.quantity = m.quantity;
  out.unit = m.unit;
  out.location = m.location;
  out.stock = taken_from(m.stock);
  out.serials = m.serials;
  out.occurred_at = m.occurred_at;
  out.posting_date = m.posting_date;
  out.basis = m.output_batch.empty() ? lot::Basis::order : lot::Basis::reported;
  for (const auto& output : state.outputs)
    if (!output.removed && (m.output_batch.empty() || m.output_batch == output.batch))
      out.outputs.push_back(output.batch);
  return out;
}

lot::ProduceT produce_of(const po::StateT& state, const po::MovementT& m,
                         std::string_view order_id) {
  lot::ProduceT out;
  out.order = order_id;
  out.operation = m.operation;
  out.report = m.report;
  out.material = m.material;
  out.quantity = m.quantity;
  out.unit = m.unit;
  out.location = m.location;
  out.stock = m.stock;
  out.serials = m.serials;
  out.use = m.use;
  out.occurred_at = m.occurred_at;
  out.posting_date = m.posting_date;
  for (const auto& input : state.inputs) {
    if (input.removed || (!input.output.empty() && input.output != m.batch)) continue;
    auto& link = out.inputs.emplace_back();
    link.batch = input.batch;
    link.quantity = input.quantity;
    link.unit = input.unit;
    link.operation = input.operation;
    link.report = input.report;
    link.basis = input.output.empty() ? lot::Basis::order : lot::Basis::reported;
    link.at = m.received_at;
  }
  return out;
}

/// Whether so much more of the product stays within the tolerance for
/// over-delivery.
bool within_tolerance(const po::StateT& state, decimal more, context& ctx) {
  std::optional<decimal> percent;
  if (state.over_delivery_percent) {
    percent = *state.over_delivery_percent;
  } else if (const auto rule = rule_of(ctx, "tolerance.over_delivery_percent"); !rule.empty()) {
    if (const auto parsed = decimal::parse(rule)) percent = *parsed;
  }
  if (!percent) return true;
  const auto hundred = decimal::from_units(100);
  const auto most = decimal::proportion(state.quantity, hundred + *percent, hundred);
  return !most || state.delivered + more <= *most;
}

/// Asks the lot and notes the report; its answer ends it.
template <class Event, class Ask>
void ask_lot(made& d, po::MovementT movement, const Ask& ask) {
  d.ask<lot::schema>(movement.batch, ask, tag_of(movement.kind, movement.report),
                     Lane::confirmation);
  Event event;
  event.movement = std::make_unique<po::MovementT>(std::move(movement));
  d.emit(std::move(event));
}

template <class Event, class Ask>
made report(po::MovementT movement, const Ask& ask, context& ctx) {
  made d;
  ask_lot<Event>(d, std::move(movement), ask);
  if (!ctx.reposting()) d.wait();
  return d;
}

template <class Reverse>
void request_reversal(made& d, po::ReportKind kind, const po::MovementT& movement,
                      const std::string& reason, context& ctx) {
  po::ReversalRequestedT event;
  event.kind = kind;
  event.report = movement.report;
  event.reason = reason;
  d.emit(std::move(event));
  Reverse ask;
  ask.order = ctx.id();
  ask.report = movement.report;
  ask.reason = reason;
  d.ask<lot::schema>(movement.batch, ask, tag_of(kind, movement.report), Lane::confirmation);
}

template <class Reverse>
made ask_reversal(po::ReportKind kind, const po::MovementT& movement, const std::string& reason,
                  context& ctx) {
  made d;
  request_reversal<Reverse>(d, kind, movement, reason, ctx);
  if (!ctx.reposting()) d.wait();
  return d;
}

/// What a reversal finds out before it asks the lot; nullopt = ask.
std::optional<made> reversal_answer(const po::StateT& state,
                                    const std::optional<po::MovementT>& movement,
                                    const std::string& report) {
  if (!movement)
    return made::park(po::Refusal::report_unknown, "There is no report " + report + " yet.");
  switch (movement->status) {
    case po::MovementStatus::reversed:
    case po::MovementStatus::reversing:
    case po::MovementStatus::refused:
      return made();  // nothing is in force
    case po::MovementStatus::reported:
    case po::MovementStatus::parked:
      return made::park(po::Refusal::report_not_posted,
                        "Report " + report + " has not been posted by its lot yet.");
    case po::MovementStatus::posted:
      break;
  }
  return unpostable(state);
}

po::MovementT movement_from(const po::ReportConsumptionT& c, timestamp now) {
  po::MovementT m;
  m.kind = po::ReportKind::consumption;
  m.report = c.report;
  m.operation = c.operation;
  m.material = c.material;
  m.batch = c.batch;
  m.quantity = c.quantity;
  m.unit = c.unit;
  m.location = c.location;
  m.stock = c.stock;
  m.serials = c.serials;
  m.output_batch = c.output_batch;
  m.occurred_at = c.occurred_at;
  m.posting_date = c.posting_date;
  m.equipment = c.equipment;
  m.person = c.person;
  m.manual = c.manual;
  m.text = c.text;
  m.batch_run = c.batch_run;
  m.received_at = now;
  return m;
}

po::MovementT movement_from(const po::ReportProductionT& c, const std::string& product,
                            timestamp now) {
  po::MovementT m;
  m.kind = po::ReportKind::production;
  m.report = c.report;
  m.operation = c.operation;
  m.material = c.material.empty() ? product : c.material;
  m.batch = c.batch;
  m.quantity = c.quantity;
  m.unit = c.unit;
  m.location = c.location;
  m.stock = c.stock;
  m.serials = c.serials;
  m.use = c.use;
  m.occurred_at = c.occurred_at;
  m.posting_date = c.posting_date;
  m.equipment = c.equipment;
  m.person = c.person;
  m.manual = c.manual;
  m.text = c.text;
  m.batch_run = c.batch_run;
  m.scrap_reason = c.scrap_reason;
  m.received_at = now;
  return m;
}

/// What both kinds of report have to pass before the lot is asked; nullopt = go
/// on.
std::optional<made> not_yet(const po::StateT& state, po::MovementT& movement, std::size_t lots,
                            context& ctx) {
  if (auto before = movement_of(ctx, movement.kind, movement.report);
      before && (before->status != po::MovementStatus::refused || !before->exception.empty()))
    return known(std::move(*before), movement);
  if (!is_date(movement.posting_date))
    return made::refuse_with("request.invalid", '"' + movement.posting_date + "\" is not a date.");
  if (wrong_unit(movement.material, movement.unit, ctx))
    return made::refuse(
        po::Refusal::unit_not_convertible,
        "Material " + movement.material + " knows no conversion from " + movement.unit + '.');
  if (auto why = unpostable(state)) return why;
  if (auto why = check_operation(state, movement.operation)) return why;
  if (!choose_lot(movement, ctx))
    return made::park(po::Refusal::batch_missing,
                      "Material " + movement.material + " is managed in batches.");
  if (lots >= lots_max) return made::park(po::Refusal::too_large, "The order has too many lots.");
  return std::nullopt;
}

}  // namespace

made report_consumption(const po::StateT& state, const po::ReportConsumptionT& c, context& ctx) {
  auto movement = movement_from(c, ctx.now());
  if (auto answered = not_yet(state, movement, state.inputs.size(), ctx))
    return std::move(*answered);
  if (const auto* component = find_component(state, movement.material);
      component && component->issue == millrace::material::Issue::backflush_platform)
    return made::park(po::Refusal::backflushed,
                      "Confirmations post the consumption of " + component->material + '.');
  movement.known = static_cast<std::uint32_t>(state.outputs.size());
  const auto ask = consume_of(state, movement, ctx.id());
  return report<po::ConsumptionReportedT>(std::move(movement), ask, ctx);
}

made report_production(const po::StateT& state, const po::ReportProductionT& c, context& ctx) {
  auto movement = movement_from(c, state.material, ctx.now());
  if (auto answered = not_yet(state, movement, state.outputs.size(), ctx))
    return std::move(*answered);
  if (movement.use == lot::MaterialUse::product && movement.material == state.material) {
    auto more = std::optional(movement.quantity);
    if (movement.unit != state.unit) {
      const auto* m = ctx.look_up<material>(state.material);
      more = m ? convert(*m, movement.quantity, movement.unit, state.unit) : std::nullopt;
    }
    if (!more)
      return made::refuse(po::Refusal::unit_not_convertible,
                          movement.unit + " cannot be converted to " + state.unit + '.');
    if (!within_tolerance(state, *more, ctx))
      return made::park(po::Refusal::over_delivery,
                        "With this the order would exceed its tolerance for over-delivery.");
    movement.planned_quantity = *more;
  }
  movement.known = static_cast<std::uint32_t>(state.inputs.size());
  const auto ask = produce_of(state, movement, ctx.id());
  return report<po::ProductionReportedT>(std::move(movement), ask, ctx);
}

void consume(made& d, const po::StateT& state, po::MovementT movement, context& ctx) {
  static_cast<void>(choose_lot(movement, ctx));
  // A lot that nobody names is waited for under the material's name, where a
  // person sees it.
  if (movement.batch.empty()) movement.batch = movement.material;
  movement.known = static_cast<std::uint32_t>(state.outputs.size());
  const auto ask = consume_of(state, movement, ctx.id());
  ask_lot<po::ConsumptionReportedT>(d, std::move(movement), ask);
}

void take_consumption_back(made& d, const po::MovementT& movement, const std::string& reason,
                           context& ctx) {
  request_reversal<lot::ReverseConsumeT>(d, po::ReportKind::reverse_consumption, movement, reason,
                                         ctx);
}

made reverse_consumption(const po::StateT& state, const po::ReverseConsumptionT& c, context& ctx) {
  const auto movement = movement_of(ctx, po::ReportKind::consumption, c.report);
  if (auto answered = reversal_answer(state, movement, c.report)) return std::move(*answered);
  return ask_reversal<lot::ReverseConsumeT>(po::ReportKind::reverse_consumption, *movement,
                                            c.reason, ctx);
}

made reverse_production(const po::StateT& state, const po::ReverseProductionT& c, context& ctx) {
  const auto movement = movement_of(ctx, po::ReportKind::production, c.report);
  if (auto answered = reversal_answer(state, movement, c.report)) return std::move(*answered);
  return ask_reversal<lot::ReverseProduceT>(po::ReportKind::reverse_production, *movement, c.reason,
                                            ctx);
}

}  // namespace millrace::actors::order_parts
