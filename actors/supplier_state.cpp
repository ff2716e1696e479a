// How a supplier's state and rows follow from its events.
#include <algorithm>

#include "actors/supplier_parts.hpp"

namespace millrace::actors {

namespace suppliers {
namespace {

constexpr std::size_t failures_max = 20;  // named in the state; all are in the rows

sp::ContainmentT* find(sp::StateT& state, std::string_view containment) {
  for (auto& one : state.containments)
    if (one.containment == containment) return &one;
  return nullptr;
}

void status_set(sp::StateT& state, const sp::StatusSetT& e) {
  state.status = e.status;
  state.name = e.name;
  state.erp_id = e.erp_id;
  state.reason = e.reason;
  state.by = e.by;
  state.version = e.version;
  state.since = e.since;
}

void batch_answered(sp::ContainmentT& c, const sp::BatchAnsweredT& e) {
  if (e.lift) {
    ++c.lifted;
  } else if (e.held) {
    ++c.held;
  } else {
    ++c.failed;
  }
  const bool failed = e.lift ? !e.code.empty() : !e.held;
  if (failed && c.failures.size() < failures_max)
    c.failures.push_back("batch/" + e.batch + ": " + e.code);
}

sp::SystemStepT& system_of(sp::ContainmentT& c, System system) {
  for (auto& one : c.systems)
    if (one.system == system) return one;
  c.systems.emplace_back();
  c.systems.back().system = system;
  return c.systems.back();
}

void system_asked(sp::ContainmentT& c, const sp::SystemAskedT& e, timestamp at) {
  auto& step = system_of(c, e.system);
  step.at = at;
  step.reason.clear();
  step.by_platform = e.by_platform;
  if (e.by_platform)
    step.status = e.undo ? sp::StepStatus::undone : sp::StepStatus::done;
  else
    step.status = e.undo ? sp::StepStatus::undo_asked : sp::StepStatus::asked;
}

void system_answered(sp::ContainmentT& c, const sp::SystemAnsweredT& e, timestamp at) {
  auto& step = system_of(c, e.system);
  step.at = at;
  step.document = e.document;
  step.reason = e.reason;
  if (e.undo)
    step.status = e.failed ? sp::StepStatus::undo_failed : sp::StepStatus::undone;
  else
    step.status = e.failed ? sp::StepStatus::failed : sp::StepStatus::done;
}

void batches_asked(sp::ContainmentT& c, const sp::BatchesAskedT& e) {
  const auto n = static_cast<std::uint32_t>(e.batches.size());
  (e.lift ? c.lift_asked : c.asked) += n;
  if (e.ends) c.scanning = false;
  if (n != 0) c.told = false;
}

void in_containment(sp::ContainmentT& c, const sp::EventUnion& event, timestamp at) {
  if (const auto* e = event.AsBatchesAsked()) return batches_asked(c, *e);
  if (const auto* e = event.AsBatchAnswered()) return batch_answered(c, *e);
  if (const auto* e = event.AsSystemAsked()) return system_asked(c, *e, at);
  if (const auto* e = event.AsSystemAnswered()) return system_answered(c, *e, at);
  if (event.AsProcessTold() != nullptr) {
    c.told = true;
  } else if (const auto* begun = event.AsLiftBegun()) {
    c.lifting = c.scanning = true;
    c.told = false;
    c.lift_reason = begun->reason;
    c.lift_asked = c.lifted = 0;
    c.failures.clear();
  } else if (event.AsFailuresCleared() != nullptr) {
    c.asked -= c.failed;
    c.failed = 0;
    c.scanning = true;
    c.told = false;
    c.failures.clear();
  }
}

/// The containment that an event is about; empty when it is about none.
std::string_view containment_of(const sp::EventUnion& event) {
  if (const auto* e = event.AsBatchesAsked()) return e->containment;
  if (const auto* e = event.AsBatchAnswered()) return e->containment;
  if (const auto* e = event.AsSystemAsked()) return e->containment;
  if (const auto* e = event.AsSystemAnswered()) return e->containment;
  if (const auto* e = event.AsProcessTold()) return e->containment;
  if (const auto* e = event.AsLiftBegun()) return e->containment;
  if (const auto* e = event.AsFailuresCleared()) return e->containment;
  return {};
}

void note_receipt(const sp::StateT& state, const sp::ReceiptNotedT& e, evolution& evo) {
  sp::ReceiptRowT row;
  row.batch = e.batch;
  row.material = e.material;
  row.supplier_lot = e.supplier_lot;
  row.quantity = e.quantity;
  row.unit = e.unit;
  row.receipt = e.receipt;
  row.at = e.at;
  row.previous = e.previous;
  evo.put_row("receipts", receipt_key(state.receipts), row);
  const auto key = lot_key(e.supplier_lot);
  auto lot = evo.row<sp::SupplierLotRowT>("supplier_lots", key).value_or(sp::SupplierLotRowT());
  lot.last = state.receipts;
  ++lot.receipts;
  evo.put_row("supplier_lots", key, lot);
}

/// The row part of evolve; `state` is the state after the event.
void put_rows(const sp::StateT& state, const sp::EventUnion& event, evolution& evo) {
  if (const auto* noted = event.AsReceiptNoted()) {
    note_receipt(state, *noted, evo);
  } else if (const auto* e = event.AsQualityEventReported()) {
    sp::QualityEventRowT row;
    row.severity = e->severity;
    row.supplier_lots = e->supplier_lots;
    row.materials = e->materials;
    row.reason = e->reason;
    row.contain = e->contain;
    row.occurred_at = e->occurred_at;
    row.by = e->by;
    evo.put_row("quality_events", e->event, row);
  } else if (const auto* asked = event.AsBatchesAsked(); asked != nullptr && !asked->lift) {
    for (const auto& batch : asked->batches)
      evo.put_row("contained_batches", batch_key(asked->containment, batch),
                  sp::ContainedBatchRowT());
  } else if (const auto* answered = event.AsBatchAnswered(); answered && !answered->lift) {
    sp::ContainedBatchRowT row;
    row.answered = true;
    row.held = answered->held;
    row.code = answered->code;
    evo.put_row("contained_batches", batch_key(answered->containment, answered->batch), row);
  }
}

}  // namespace

const sp::ContainmentT* find_containment(const sp::StateT& state, std::string_view containment) {
  for (const auto& one : state.containments)
    if (one.containment == containment) return &one;
  return nullptr;
}

std::string batch_key(std::string_view containment, std::string_view batch) {
  std::string key(containment);
  key += '\x1f';
  key += batch;
  return key;
}

std::string lot_key(std::string_view supplier_lot) { return '/' + std::string(supplier_lot); }

std::string receipt_key(std::uint32_t number) {
  auto digits = std::to_string(number);
  return std::string(10 - std::min<std::size_t>(10, digits.size()), '0') + digits;
}

void apply(sp::StateT& state, const sp::EventUnion& event, timestamp at) {
  switch (event.type) {
    case sp::Event::NONE:
      return;
    case sp::Event::StatusSet:
      return status_set(state, *event.AsStatusSet());
    case sp::Event::QualityEventReported:
      ++state.quality_events;
      return;
    case sp::Event::ReceiptNoted:
      ++state.receipts;
      return;
    case sp::Event::PlantRegistered:
      state.plants.push_back(event.AsPlantRegistered()->plant);
      return;
    case sp::Event::RegistrationSent:
      state.registered = true;
      return;
    case sp::Event::ContainmentOpened:
      if (!event.AsContainmentOpened()->containment) return;
      state.containments.push_back(*event.AsContainmentOpened()->containment);
      state.containments.back().opened_at = at;
      return;
    case sp::Event::BatchesAsked:
    case sp::Event::FailuresCleared:
    case sp::Event::BatchAnswered:
    case sp::Event::SystemAsked:
    case sp::Event::SystemAnswered:
    case sp::Event::ProcessTold:
    case sp::Event::LiftBegun:
      if (auto* c = find(state, containment_of(event))) in_containment(*c, event, at);
      return;
    case sp::Event::ContainmentClosed:
      std::erase_if(state.containments, [&](const auto& one) {
        return one.containment == event.AsContainmentClosed()->containment;
      });
      return;
    case sp::Event::WaiterAdded:
      state.waiters.push_back(event.AsWaiterAdded()->process);
      return;
    case sp::Event::WaitersTold:
      state.waiters.clear();
      return;
  }
}

}  // namespace suppliers

result<void> supplier::evolve(schema::state& state, const schema::event& event, evolution& evo) {
  suppliers::apply(state, event, evo.stamp());
  suppliers::put_rows(state, event, evo);
  return {};
}

bool concerns(const millrace::supplier::ContainmentT& containment, std::string_view supplier_lot,
              std::string_view material) {
  const auto in = [](const std::vector<std::string>& all, std::string_view one) {
    return all.empty() || std::ranges::find(all, one) != all.end();
  };
  return !containment.lifting && in(containment.supplier_lots, supplier_lot) &&
         in(containment.materials, material);
}

}  // namespace millrace::actors
