// A shipment's life is what its allocations amount to: the least of them says
// how far it is.
#include "actors/shipment_state.hpp"

#include <algorithm>
#include <optional>

namespace millrace::actors::shipments {

namespace {

using goods::AllocationStatus;
using goods::Life;

goods::AllocationT* allocation(goods::StateT& state, std::string_view item,
                               std::string_view batch) {
  for (auto& one : state.items)
    if (one.item == item)
      for (auto& part : one.allocations)
        if (part.batch == batch) return &part;
  return nullptr;
}

void drop(goods::StateT& state, std::string_view item, std::string_view batch) {
  for (auto& one : state.items)
    if (one.item == item)
      std::erase_if(one.allocations, [&](const auto& part) { return part.batch == batch; });
}

/// An asked-for step does not count until the batch has granted it.
AllocationStatus granted(AllocationStatus status) {
  switch (status) {
    case AllocationStatus::requested:
      return AllocationStatus::requested;
    case AllocationStatus::returning:
    case AllocationStatus::allocated:
    case AllocationStatus::picking:
      return AllocationStatus::allocated;
    case AllocationStatus::picked:
    case AllocationStatus::shipping:
      return AllocationStatus::picked;
    case AllocationStatus::shipped:
      return AllocationStatus::shipped;
  }
  return AllocationStatus::requested;
}

Life life_of(const goods::StateT& state) {
  if (all_reached(state, AllocationStatus::shipped)) return Life::shipped;
  if (all_reached(state, AllocationStatus::picked)) return Life::picked;
  if (all_reached(state, AllocationStatus::allocated)) return Life::allocated;
  return Life::planned;
}

void planned(goods::StateT& state, const goods::PlannedT& e, timestamp at) {
  state.customer = e.customer;
  state.due = e.due;
  state.carrier = e.carrier;
  state.erp_id = e.erp_id;
  state.planned_at = at;
  for (const auto& one : e.items) {
    goods::ItemStateT item;
    item.item = one.item;
    item.material = one.material;
    item.quantity = one.quantity;
    item.unit = one.unit;
    state.items.push_back(std::move(item));
  }
}

void allocation_requested(goods::StateT& state, const goods::AllocationRequestedT& e,
                          timestamp at) {
  for (auto& one : state.items) {
    if (one.item != e.item) continue;
    goods::AllocationT part;
    part.batch = e.batch;
    part.quantity = e.quantity;
    part.unit = e.unit;
    part.status = AllocationStatus::requested;
    part.at = at;
    part.command = e.command;
    one.allocations.push_back(std::move(part));
  }
}

void set_status(goods::StateT& state, std::string_view item, std::string_view batch,
                AllocationStatus status) {
  if (auto* part = allocation(state, item, batch)) part->status = status;
}

void operation_started(goods::StateT& state, const goods::OperationStartedT& e) {
  state.operation = std::make_unique<goods::OperationT>();
  state.operation->what = e.what;
  state.operation->command = e.command;
  if (!e.carrier.empty()) state.carrier = e.carrier;
  if (e.as_allocated) {
    for (auto& item : state.items) item.quantity = claimed(item);
    std::erase_if(state.items, [](const auto& item) { return item.allocations.empty(); });
  }
  const auto before =
      e.what == AllocationStatus::picking ? AllocationStatus::allocated : AllocationStatus::picked;
  for (auto& item : state.items)
    for (auto& part : item.allocations)
      if (part.status == before) part.status = e.what;
}

void operation_refused(goods::StateT& state, const goods::OperationRefusedT& e) {
  if (state.operation && state.operation->code.empty()) {
    state.operation->code = e.code;
    state.operation->detail = e.detail;
  }
  if (auto* part = allocation(state, e.item, e.batch)) part->status = granted(part->status);
}

void revoked(goods::StateT& state, const goods::AllocationRevokedT& e) {
  drop(state, e.item, e.batch);
  if (!e.hold.empty() &&
      std::find(state.stopped.begin(), state.stopped.end(), e.hold) == state.stopped.end())
    state.stopped.push_back(e.hold);
}

}  // namespace

const goods::ItemStateT* find_item(const goods::StateT& state, std::string_view item) {
  for (const auto& one : state.items)
    if (one.item == item) return &one;
  return nullptr;
}

const goods::AllocationT* find_allocation(const goods::StateT& state, std::string_view item,
                                          std::string_view batch) {
  const auto* found = find_item(state, item);
  if (!found) return nullptr;
  for (const auto& part : found->allocations)
    if (part.batch == batch) return &part;
  return nullptr;
}

decimal claimed(const goods::ItemStateT& item) {
  decimal sum;
  for (const auto& part : item.allocations) sum += part.quantity;
  return sum;
}

bool any_at(const goods::StateT& state, goods::AllocationStatus status) {
  return std::any_of(state.items.begin(), state.items.end(), [&](const auto& item) {
    return std::any_of(item.allocations.begin(), item.allocations.end(),
                       [&](const auto& part) { return part.status == status; });
  });
}

bool any_granted(const goods::StateT& state) {
  return std::any_of(state.items.begin(), state.items.end(), [](const auto& item) {
    return std::any_of(item.allocations.begin(), item.allocations.end(), [](const auto& part) {
      return granted(part.status) >= AllocationStatus::allocated;
    });
  });
}

bool all_reached(const goods::StateT& state, goods::AllocationStatus status) {
  return !state.items.empty() &&
         std::all_of(state.items.begin(), state.items.end(), [&](const auto& item) {
           return claimed(item) >= item.quantity &&
                  std::all_of(item.allocations.begin(), item.allocations.end(),
                              [&](const auto& part) { return granted(part.status) >= status; });
         });
}

void apply(goods::StateT& state, const goods::EventUnion& event, timestamp at) {
  switch (event.type) {
    case goods::Event::NONE:
      return;
    case goods::Event::Planned:
      planned(state, *event.AsPlanned(), at);
      break;
    case goods::Event::AllocationRequested:
      allocation_requested(state, *event.AsAllocationRequested(), at);
      break;
    case goods::Event::Allocated:
      if (auto* part = allocation(state, event.AsAllocated()->item, event.AsAllocated()->batch)) {
        part->status = AllocationStatus::allocated;
        part->quantity = event.AsAllocated()->quantity;
      }
      break;
    case goods::Event::AllocationRefused:
      drop(state, event.AsAllocationRefused()->item, event.AsAllocationRefused()->batch);
      break;
    case goods::Event::DeallocationRequested:
      set_status(state, event.AsDeallocationRequested()->item,
                 event.AsDeallocationRequested()->batch, AllocationStatus::returning);
      if (auto* part = allocation(state, event.AsDeallocationRequested()->item,
                                  event.AsDeallocationRequested()->batch))
        part->command = event.AsDeallocationRequested()->command;
      break;
    case goods::Event::Deallocated:
      drop(state, event.AsDeallocated()->item, event.AsDeallocated()->batch);
      break;
    case goods::Event::AllocationRevoked:
      revoked(state, *event.AsAllocationRevoked());
      break;
    case goods::Event::OperationStarted:
      operation_started(state, *event.AsOperationStarted());
      break;
    case goods::Event::ItemPicked:
      set_status(state, event.AsItemPicked()->item, event.AsItemPicked()->batch,
                 AllocationStatus::picked);
      break;
    case goods::Event::ItemShipped:
      set_status(state, event.AsItemShipped()->item, event.AsItemShipped()->batch,
                 AllocationStatus::shipped);
      break;
    case goods::Event::OperationRefused:
      operation_refused(state, *event.AsOperationRefused());
      break;
    case goods::Event::Picked:
      state.operation.reset();
      break;
    case goods::Event::Shipped:
      state.operation.reset();
      state.shipped_at = event.AsShipped()->at;
      break;
    case goods::Event::OperationFailed:
      state.operation.reset();
      break;
    case goods::Event::Cancelled:
      state.reason = event.AsCancelled()->reason;
      for (auto& item : state.items) item.allocations.clear();
      state.life = Life::cancelled;
      return;
  }
  if (state.life != Life::cancelled) state.life = life_of(state);
}

}  // namespace millrace::actors::shipments
