// How reports change an order: confirmed quantities, lots in and out, what was
// delivered, and how far the ERP is. Each report is a child row; the order's
// state keeps only sums and the lots that genealogy needs.
#include <algorithm>
#include <string>
#include <utility>

#include "actors/duration.hpp"
#include "actors/order_parts.hpp"

namespace millrace::actors::order_parts {

namespace {

result<void> missing(const std::string& what) { return error{"kind.fault", what + " is missing"}; }

bool is_open(po::PostingStatus s) {
  return s == po::PostingStatus::accepted || s == po::PostingStatus::sent ||
         s == po::PostingStatus::corrected;
}
bool is_refused(po::PostingStatus s) {
  return s == po::PostingStatus::refused || s == po::PostingStatus::partly_posted;
}

/// Keeps the order's counts of unposted and refused reports when one of them
/// changes.
void count_posting(po::StateT& state, po::PostingStatus before, po::PostingStatus after) {
  if (is_open(before) && state.postings_open > 0) --state.postings_open;
  if (is_refused(before) && state.postings_refused > 0) --state.postings_refused;
  if (is_open(after)) ++state.postings_open;
  if (is_refused(after)) ++state.postings_refused;
}

std::unique_ptr<po::ErpT> first_posting(po::StateT& state, po::PostingStatus status,
                                        timestamp stamp) {
  auto erp = std::make_unique<po::ErpT>();
  erp->status = status;
  if (status == po::PostingStatus::posted) erp->posted_at = stamp;
  count_posting(state, po::PostingStatus::none, status);
  return erp;
}

po::OperationT* operation_of(po::StateT& state, std::string_view operation) {
  for (auto& one : state.operations)
    if (one.operation == operation) return &one;
  return nullptr;
}

po::ComponentT* component_of(po::StateT& state, std::string_view material) {
  const auto* found = find_component(state, material);
  return found ? &state.components[static_cast<std::size_t>(found - state.components.data())]
               : nullptr;
}

std::optional<po::MovementT> load(evolution& evo, po::ReportKind kind, std::string_view report) {
  const auto table = table_of(kind);
  if (table == "consumptions") {
    auto row = evo.row<po::ConsumptionRowT>(table, report);
    if (row && row->movement) return std::move(*row->movement);
  } else {
    auto row = evo.row<po::ProductionRowT>(table, report);
    if (row && row->movement) return std::move(*row->movement);
  }
  return std::nullopt;
}

void store(evolution& evo, po::MovementT movement) {
  const auto table = table_of(movement.kind);
  const auto report = movement.report;
  if (table == "consumptions") {
    po::ConsumptionRowT row;
    row.movement = std::make_unique<po::MovementT>(std::move(movement));
    evo.put_row(table, report, row);
  } else {
    po::ProductionRowT row;
    row.movement = std::make_unique<po::MovementT>(std::move(movement));
    evo.put_row(table, report, row);
  }
}

void confirm_on_operation(po::OperationT& operation, const po::OperationConfirmedT& e,
                          timestamp at) {
  operation.yield += e.yield;
  operation.scrap += e.scrap;
  operation.rework += e.rework;
  operation.labour = duration_sum(operation.labour, e.labour);
  operation.machine = duration_sum(operation.machine, e.machine_time);
  ++operation.confirmations;
  const auto started = e.started.given() ? e.started : at;
  if (!operation.started.given() || started < operation.started) operation.started = started;
  if (e.completes) {
    operation.status = po::OperationStatus::confirmed;
    operation.finished = e.finished.given() ? e.finished : at;
  } else if (operation.status < po::OperationStatus::started) {
    operation.status = po::OperationStatus::started;
  }
}

void confirm_implied(po::StateT& state, const po::OperationConfirmedT& e, timestamp at) {
  for (const auto& one : e.implied) {
    auto* operation = operation_of(state, one.operation);
    if (!operation) continue;
    operation->yield += one.yield;
    if (!operation->started.given()) operation->started = at;
    operation->status = e.completes ? po::OperationStatus::confirmed : po::OperationStatus::started;
    if (e.completes) operation->finished = at;
  }
}

void unconfirm_implied(po::StateT& state, const po::ConfirmationT& row) {
  for (const auto& one : row.implied) {
    auto* operation = operation_of(state, one.operation);
    if (!operation) continue;
    operation->yield -= one.yield;
    operation->finished = timestamp();
    operation->status = operation->yield.is_positive() || operation->confirmations > 0
                            ? po::OperationStatus::started
                            : po::OperationStatus::released;
  }
}

result<void> confirmed(po::StateT& state, const po::OperationConfirmedT& e, evolution& evo) {
  if (auto* operation = operation_of(state, e.operation))
    confirm_on_operation(*operation, e, e.occurred_at.given() ? e.occurred_at : evo.stamp());
  confirm_implied(state, e, e.occurred_at.given() ? e.occurred_at : evo.stamp());
  if (e.last_operation) state.yield += e.yield;
  state.scrap += e.scrap;
  state.rework += e.rework;
  state.confirmation = e.confirmed;
  state.dispatch =
      e.confirmed == po::Progress::final ? po::Dispatch::completed : po::Dispatch::running;
  ++state.confirmations;
  auto row = confirmation_of(e);
  row.received_at = evo.stamp();
  row.erp = first_posting(state, e.erp_status, evo.stamp());
  evo.put_row("confirmations", e.confirmation, row);
  return {};
}

result<void> confirmation_cancelled(po::StateT& state, const po::ConfirmationCancelledT& e,
                                    evolution& evo) {
  auto row = evo.row<po::ConfirmationT>("confirmations", e.confirmation);
  if (!row) return missing("confirmation " + e.confirmation);
  if (auto* operation = operation_of(state, row->operation)) {
    operation->yield -= row->yield;
    operation->scrap -= row->scrap;
    operation->rework -= row->rework;
    operation->labour = duration_difference(operation->labour, row->labour);
    operation->machine = duration_difference(operation->machine, row->machine_time);
    if (operation->confirmations > 0) --operation->confirmations;
    if (row->final || operation->confirmations == 0) operation->finished = timestamp();
    if (operation->confirmations == 0)
      operation->status = po::OperationStatus::released;
    else if (row->final)
      operation->status = po::OperationStatus::started;
  }
  unconfirm_implied(state, *row);
  const bool last = state.operations.empty() || state.operations.back().operation == row->operation;
  if (last) state.yield -= row->yield;
  state.scrap -= row->scrap;
  state.rework -= row->rework;
  if (state.confirmations > 0) --state.confirmations;
  state.confirmation = e.confirmed;
  if (state.dispatch == po::Dispatch::completed && e.confirmed != po::Progress::final)
    state.dispatch = po::Dispatch::running;
  row->cancelled = true;
  row->cancel_reason = e.reason;
  row->reversal = first_posting(state, e.erp_status, evo.stamp());
  if (e.erp_status == po::PostingStatus::posted && row->erp)
    row->erp->status = po::PostingStatus::cancelled;
  evo.put_row("confirmations", e.confirmation, *row);
  return {};
}

/// What was set aside of the lot is used, whether or not the lot can post it.
void use_set_aside(po::StateT& state, const po::MovementT& m) {
  for (auto& one : state.set_aside) {
    if (one.batch != m.batch || one.operation != m.operation) continue;
    one.quantity -= std::min(one.quantity, m.quantity);
    break;
  }
}

result<void> reported(po::StateT& state, const std::unique_ptr<po::MovementT>& movement,
                      evolution& evo) {
  if (!movement) return missing("a reported movement");
  ++state.movements_open;
  if (movement->backflush) use_set_aside(state, *movement);
  store(evo, *movement);
  return {};
}

void close_movement(po::StateT& state) {
  if (state.movements_open > 0) --state.movements_open;
}

result<void> consumed(po::StateT& state, const po::ComponentConsumedT& e, evolution& evo) {
  auto m = load(evo, po::ReportKind::consumption, e.report);
  if (!m) return missing("consumption " + e.report);
  close_movement(state);
  auto* component = component_of(state, m->material);
  if (component == nullptr) {
    component = &state.components.emplace_back();
    component->material = m->material;
    component->unit = m->unit;
    component->operation = m->operation;
    component->unplanned = true;
  }
  component->consumed += e.planned_quantity;
  const auto input = input_of(*m, e.quantity, e.unit);
  const auto linked = std::ranges::find_if(
      state.inputs, [&](const auto& i) { return i.report == e.report && !i.removed; });
  if (linked != state.inputs.end())
    *linked = input;
  else
    state.inputs.push_back(input);
  m->status = po::MovementStatus::posted;
  m->posted_quantity = e.quantity;
  m->planned_quantity = e.planned_quantity;
  m->linked = true;
  m->erp = first_posting(state, e.erp_status, evo.stamp());
  store(evo, std::move(*m));
  return {};
}

result<void> produced(po::StateT& state, const po::ProductProducedT& e, evolution& evo) {
  auto m = load(evo, po::ReportKind::production, e.report);
  if (!m) return missing("production " + e.report);
  close_movement(state);
  const auto same = std::ranges::find_if(
      state.outputs, [&](const auto& o) { return o.batch == m->batch && !o.removed; });
  if (same != state.outputs.end()) {
    same->quantity += e.quantity;
  } else {
    auto& output = state.outputs.emplace_back();
    output.batch = m->batch;
    output.material = m->material;
    output.quantity = e.quantity;
    output.unit = e.unit;
    output.use = m->use;
  }
  state.delivered += e.order_quantity;
  state.delivery = e.delivered;
  m->status = po::MovementStatus::posted;
  m->posted_quantity = e.quantity;
  m->planned_quantity = e.order_quantity;
  m->linked = true;
  m->erp = first_posting(state, e.erp_status, evo.stamp());
  store(evo, std::move(*m));
  return {};
}

result<void> parked(po::StateT& state, const po::MovementParkedT& e, evolution& evo) {
  auto m = load(evo, e.kind, e.report);
  if (!m) return missing("report " + e.report);
  if (e.linked && !m->linked) {
    state.inputs.push_back(input_of(*m, m->quantity, m->unit));
    m->known = static_cast<std::uint32_t>(state.outputs.size());
  }
  m->linked = e.linked;
  m->status = po::MovementStatus::parked;
  m->code = e.code;
  m->reason = e.reason;
  m->exception = e.exception;
  store(evo, std::move(*m));
  return {};
}

void remove_input(po::StateT& state, std::string_view report) {
  for (auto& input : state.inputs)
    if (input.report == report) input.removed = true;
}

result<void> refused(po::StateT& state, const po::MovementRefusedT& e, evolution& evo) {
  auto m = load(evo, e.kind, e.report);
  if (!m) return missing("report " + e.report);
  close_movement(state);
  if (e.kind == po::ReportKind::consumption) remove_input(state, e.report);
  m->linked = false;
  m->status = po::MovementStatus::refused;
  m->code = e.code;
  m->reason = e.reason;
  store(evo, std::move(*m));
  return {};
}

result<void> reversal_requested(const po::ReversalRequestedT& e, evolution& evo) {
  auto m = load(evo, e.kind, e.report);
  if (!m) return missing("report " + e.report);
  m->status = po::MovementStatus::reversing;
  m->reason = e.reason;
  store(evo, std::move(*m));
  return {};
}

result<void> reversal_refused(const po::ReversalRefusedT& e, evolution& evo) {
  auto m = load(evo, e.kind, e.report);
  if (!m) return missing("report " + e.report);
  if (e.exception.empty()) m->status = po::MovementStatus::posted;
  m->reverse_exception = e.exception;
  m->code = e.code;
  m->reason = e.reason;
  store(evo, std::move(*m));
  return {};
}

void take_output_back(po::StateT& state, const po::MovementT& m, const po::MovementReversedT& e) {
  state.delivered -= e.planned_quantity;
  state.delivery = e.delivered;
  for (auto& output : state.outputs) {
    if (output.batch != m.batch || output.removed) continue;
    output.quantity -= m.posted_quantity;
    output.removed = !output.quantity.is_positive();
    break;
  }
}

result<void> reversed(po::StateT& state, const po::MovementReversedT& e, evolution& evo) {
  auto m = load(evo, e.kind, e.report);
  if (!m) return missing("report " + e.report);
  if (!m->posted_quantity.is_positive()) close_movement(state);  // it had never been posted
  if (e.kind == po::ReportKind::reverse_consumption) {
    remove_input(state, e.report);
    if (auto* component = component_of(state, m->material))
      component->consumed -= e.planned_quantity;
  } else {
    take_output_back(state, *m, e);
  }
  m->status = po::MovementStatus::reversed;
  m->reverse_exception.clear();
  m->reversal = first_posting(state, e.erp_status, evo.stamp());
  if (e.erp_status == po::PostingStatus::posted && m->erp)
    m->erp->status = po::PostingStatus::cancelled;
  store(evo, std::move(*m));
  return {};
}

/// Takes the ERP's word into a report's posting, or into that of its reversal.
void take_posting(po::StateT& state, std::unique_ptr<po::ErpT>& erp,
                  std::unique_ptr<po::ErpT>& reversal, bool reverses, const po::ErpT& word) {
  auto& target = reverses ? reversal : erp;
  count_posting(state, target ? target->status : po::PostingStatus::none, word.status);
  target = std::make_unique<po::ErpT>(word);
  if (reverses && word.status == po::PostingStatus::posted && erp) {
    count_posting(state, erp->status, po::PostingStatus::cancelled);
    erp->status = po::PostingStatus::cancelled;
  }
}

result<void> posted(po::StateT& state, const po::ReportPostedT& e, evolution& evo) {
  if (!e.erp) return missing("the ERP's word");
  const bool reverses = e.kind >= po::ReportKind::cancel_confirmation;
  if (table_of(e.kind) == "confirmations") {
    auto row = evo.row<po::ConfirmationT>("confirmations", e.report);
    if (!row) return missing("confirmation " + e.report);
    take_posting(state, row->erp, row->reversal, reverses, *e.erp);
    evo.put_row("confirmations", e.report, *row);
    return {};
  }
  auto m = load(evo, e.kind, e.report);
  if (!m) return missing("report " + e.report);
  take_posting(state, m->erp, m->reversal, reverses, *e.erp);
  store(evo, std::move(*m));
  return {};
}

}  // namespace

result<void> evolve_reports(po::StateT& state, const po::schema::event& event, evolution& evo) {
  using po::Event;
  if (const auto* e = event.AsOperationConfirmed()) return confirmed(state, *e, evo);
  if (const auto* e = event.AsConfirmationCancelled())
    return confirmation_cancelled(state, *e, evo);
  if (const auto* e = event.AsConsumptionReported()) return reported(state, e->movement, evo);
  if (const auto* e = event.AsProductionReported()) return reported(state, e->movement, evo);
  if (const auto* e = event.AsComponentConsumed()) return consumed(state, *e, evo);
  if (const auto* e = event.AsProductProduced()) return produced(state, *e, evo);
  if (const auto* e = event.AsMovementParked()) return parked(state, *e, evo);
  if (const auto* e = event.AsMovementRefused()) return refused(state, *e, evo);
  if (const auto* e = event.AsReversalRequested()) return reversal_requested(*e, evo);
  if (const auto* e = event.AsReversalRefused()) return reversal_refused(*e, evo);
  if (const auto* e = event.AsMovementReversed()) return reversed(state, *e, evo);
  if (const auto* e = event.AsReportPosted()) return posted(state, *e, evo);
  return error{"kind.fault", "no event of a report"};
}

}  // namespace millrace::actors::order_parts
