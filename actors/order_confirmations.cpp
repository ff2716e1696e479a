// Confirmations of operations: the hottest command of the plant floor, one
// record without effects where no ERP is bound. Every confirmation stays for
// ever as a child row under the sender's id, which is how a second arrival is
// known.
#include <algorithm>
#include <string>
#include <utility>

#include "actors/duration.hpp"
#include "actors/material.hpp"
#include "actors/order_parts.hpp"
#include "actors/rules.hpp"

namespace millrace::actors::order_parts {

namespace {

constexpr std::string_view table = "confirmations";

bool implies(const std::vector<po::ImpliedT>& implied, std::string_view operation) {
  return std::ranges::any_of(implied, [&](const auto& one) { return one.operation == operation; });
}

/// The order's confirmation track once `operation` is done or not (empty: an
/// order without operations), with those that it implies.
po::Progress progress_after(const po::StateT& state, std::string_view operation, bool done,
                            bool any, const std::vector<po::ImpliedT>& implied = {}) {
  if (!any) return po::Progress::none;
  if (!done) return po::Progress::partial;
  for (const auto& one : state.operations)
    if (one.confirmation_required && one.status != po::OperationStatus::confirmed &&
        one.operation != operation && !implies(implied, one.operation))
      return po::Progress::partial;
  return po::Progress::final;
}

/// The quantities in the order's unit; false when the unit cannot be converted.
bool to_order_unit(const po::StateT& state, po::OperationConfirmedT& e, context& ctx) {
  if (e.unit.empty() || e.unit == state.unit) {
    e.unit = state.unit;
    return true;
  }
  const auto* m = ctx.look_up<material>(state.material);
  if (m == nullptr) return false;
  for (auto* quantity : {&e.yield, &e.scrap, &e.rework}) {
    const auto converted = convert(*m, *quantity, e.unit, state.unit);
    if (!converted) return false;
    *quantity = *converted;
  }
  e.unit = state.unit;
  return true;
}

po::OperationConfirmedT event_of(const po::ConfirmOperationT& c) {
  po::OperationConfirmedT e;
  e.confirmation = c.confirmation;
  e.operation = c.operation;
  e.yield = c.yield;
  e.scrap = c.scrap;
  e.rework = c.rework;
  e.unit = c.unit;
  e.final = c.final;
  e.occurred_at = c.occurred_at;
  e.started = c.started;
  e.finished = c.finished;
  e.posting_date = c.posting_date;
  e.scrap_reason = c.scrap_reason;
  e.labour = c.labour;
  e.machine_time = c.machine_time;
  e.equipment = c.equipment;
  e.person = c.person;
  e.serials = c.serials;
  e.output_batch = c.output_batch;
  e.location = c.location;
  e.manual = c.manual;
  e.text = c.text;
  e.stock = c.stock;
  return e;
}

/// The second arrival of a confirmation: fine when it says the same.
made known(const po::OperationConfirmedT& now, context& ctx) {
  auto before = ctx.row<po::ConfirmationT>(table, now.confirmation);
  if (!before) return made::fault("a confirmation row that is there and is not");
  before->received_at = timestamp();
  before->cancelled = false;
  before->cancel_reason.clear();
  before->erp.reset();
  before->reversal.reset();
  before->implied.clear();
  before->backflushed = 0;
  if (made::pack(*before) == made::pack(confirmation_of(now))) return {};
  return made::refuse(
      po::Refusal::report_differs,
      "Confirmation " + now.confirmation + " was reported before with another content.");
}

/// A milestone confirms the operations before it that are released: what passed
/// it has passed them.
std::vector<po::ImpliedT> implied_by(const po::StateT& state, const po::OperationT& milestone,
                                     const po::OperationConfirmedT& e) {
  std::vector<po::ImpliedT> out;
  if (!milestone.milestone) return out;
  const auto passed =
      milestone.yield + milestone.scrap + milestone.rework + e.yield + e.scrap + e.rework;
  for (const auto& one : state.operations) {
    if (&one == &milestone) break;
    if (one.status == po::OperationStatus::waiting || one.status == po::OperationStatus::confirmed)
      continue;
    auto& implied = out.emplace_back();
    implied.operation = one.operation;
    implied.yield = std::max(decimal(), passed - one.yield - one.scrap - one.rework);
  }
  return out;
}

std::optional<made> invalid(const po::ConfirmOperationT& c) {
  for (const auto* duration : {&c.labour, &c.machine_time})
    if (!duration_seconds(*duration))
      return made::refuse_with("request.invalid",
                               '"' + *duration + "\" is not an ISO 8601 duration.");
  if (!is_date(c.posting_date))
    return made::refuse_with("request.invalid", '"' + c.posting_date + "\" is not a date.");
  return std::nullopt;
}

}  // namespace

po::ConfirmationT confirmation_of(const po::OperationConfirmedT& e) {
  po::ConfirmationT row;
  row.confirmation = e.confirmation;
  row.operation = e.operation;
  row.yield = e.yield;
  row.scrap = e.scrap;
  row.rework = e.rework;
  row.unit = e.unit;
  row.final = e.final;
  row.occurred_at = e.occurred_at;
  row.started = e.started;
  row.finished = e.finished;
  row.posting_date = e.posting_date;
  row.scrap_reason = e.scrap_reason;
  row.labour = e.labour;
  row.machine_time = e.machine_time;
  row.equipment = e.equipment;
  row.person = e.person;
  row.serials = e.serials;
  row.output_batch = e.output_batch;
  row.location = e.location;
  row.manual = e.manual;
  row.text = e.text;
  row.stock = e.stock;
  row.implied = e.implied;
  row.backflushed = e.backflushed;
  return row;
}

made confirm_operation(const po::StateT& state, const po::ConfirmOperationT& c, context& ctx) {
  auto event = event_of(c);
  if (!to_order_unit(state, event, ctx))
    return made::refuse(po::Refusal::unit_not_convertible,
                        c.unit + " cannot be converted to " + state.unit + '.');
  if (ctx.has_row(table, c.confirmation)) return known(event, ctx);
  if (auto bad = invalid(c)) return std::move(*bad);
  if (auto why = unpostable(state)) return std::move(*why);
  const auto* operation = find_operation(state, c.operation);
  if (operation == nullptr && !state.operations.empty())
    return made::park(po::Refusal::operation_unknown,
                      "The order has no operation " + c.operation + '.');
  if (operation != nullptr && operation->status == po::OperationStatus::waiting)
    return made::park(po::Refusal::not_released, "Operation " + c.operation + " is not released.");
  event.completes = c.final;
  if (!c.final && operation != nullptr && rule_of(ctx, "operation.completed_by") == "quantity")
    event.completes =
        operation->yield + operation->scrap + event.yield + event.scrap >= operation->planned;
  event.last_operation = operation == nullptr || operation == &state.operations.back();
  if (operation != nullptr) event.implied = implied_by(state, *operation, event);
  event.confirmed = progress_after(state, c.operation, event.completes, true,
                                   event.completes ? event.implied : std::vector<po::ImpliedT>());
  made d, backflushed;
  event.backflushed = backflush(backflushed, state, event, ctx);
  event.erp_status = po::PostingStatus::posted;
  if (ctx.bound(System::erp)) {
    millrace::production_confirmation::PostingT posting;
    posting.kind = po::ReportKind::confirmation;
    posting.report = c.confirmation;
    posting.confirmation = std::make_unique<po::ConfirmationT>(confirmation_of(event));
    event.erp_status = post_to_erp(d, state, ctx, std::move(posting));
  }
  d.emit(std::move(event));
  for (auto& one : backflushed.events) d.events.push_back(std::move(one));
  for (auto& one : backflushed.effects) d.effects.push_back(std::move(one));
  return d;
}

made cancel_confirmation(const po::StateT& state, const po::CancelConfirmationT& c, context& ctx) {
  const auto row = ctx.row<po::ConfirmationT>(table, c.confirmation);
  if (!row)
    return made::park(po::Refusal::report_unknown,
                      "There is no confirmation " + c.confirmation + " yet.");
  made d;
  if (row->cancelled) return d;
  if (auto why = unpostable(state)) return std::move(*why);
  po::ConfirmationCancelledT event;
  event.confirmation = c.confirmation;
  event.reason = c.reason;
  event.confirmed = progress_after(
      state, {}, !row->final && row->implied.empty() && state.confirmation == po::Progress::final,
      state.confirmations > 1);
  millrace::production_confirmation::PostingT posting;
  posting.kind = po::ReportKind::cancel_confirmation;
  posting.report = c.confirmation;
  posting.reason = c.reason;
  event.erp_status = post_to_erp(d, state, ctx, std::move(posting));
  d.emit(std::move(event));
  take_backflush_back(d, *row, ctx);
  return d;
}

made mark_posted(const po::StateT&, const po::MarkPostedT& c, context& ctx) {
  made d;
  if (!c.erp || !ctx.has_row(table_of(c.kind), c.report)) return d;
  po::ReportPostedT event;
  event.kind = c.kind;
  event.report = c.report;
  event.erp = std::make_unique<po::ErpT>(*c.erp);
  d.emit(std::move(event));
  return d;
}

}  // namespace millrace::actors::order_parts
