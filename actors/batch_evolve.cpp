// How a lot's state follows from its events. Pure over state, event and stamp:
// decisions use it to look ahead.
#include <algorithm>

#include "actors/batch_step.hpp"

namespace millrace::actors::batches {

namespace {

bool received(lot::StateT& state, const lot::ReceivedT& e, timestamp at) {
  arrive(state, e.material, e.unit, e.quality, e.expires, e.serial_managed, at);
  const auto fill = [](std::string& field, const std::string& value) {
    if (field.empty()) field = value;
  };
  fill(state.supplier, e.supplier);
  fill(state.supplier_lot, e.supplier_lot);
  fill(state.erp_id, e.erp_id);
  fill(state.mes_id, e.mes_id);
  fill(state.qms_id, e.qms_id);
  state.arrived += e.quantity;
  return add(state, e.location, e.stock, e.quantity);
}

bool produced(lot::StateT& state, const lot::ProducedT& e, timestamp at) {
  arrive(state, e.material, e.unit, e.quality, e.expires, e.serial_managed, at);
  if (state.order.empty()) state.order = e.order;
  state.awaiting.insert(state.awaiting.end(), e.awaiting.begin(), e.awaiting.end());
  state.arrived += e.quantity;
  return add(state, e.location, e.stock, e.quantity);
}

void reserve_more(lot::StateT& state, const std::string& order, decimal quantity, timestamp at) {
  for (auto one = state.reservations.begin(); one != state.reservations.end(); ++one) {
    if (one->order != order) continue;
    one->quantity += quantity;
    if (!one->quantity.is_positive()) state.reservations.erase(one);
    return;
  }
  if (!quantity.is_positive()) return;
  lot::ReservationT fresh;
  fresh.order = order;
  fresh.quantity = quantity;
  fresh.at = at;
  state.reservations.push_back(std::move(fresh));
}

template <class Event>
void drop_allocation(lot::StateT& state, const Event& e) {
  std::erase_if(state.allocations,
                [&](const auto& one) { return one.shipment == e.shipment && one.item == e.item; });
}

/// Counts what is used, or not used after all, under a concession.
void concede(lot::StateT& state, decimal quantity) {
  if (state.quality == lot::Quality::conditionally_released && state.concession)
    state.conceded += quantity;
}

bool consumed(lot::StateT& state, const lot::ConsumedT& e, timestamp at) {
  reserve_more(state, e.order, -e.from_reservation, at);
  state.consumed += e.quantity;
  concede(state, e.quantity);
  ++state.movements;
  return add(state, e.taken, -1);
}

void allocated(lot::StateT& state, const lot::AllocatedT& e, timestamp at) {
  lot::AllocationT one;
  one.shipment = e.shipment;
  one.item = e.item;
  one.quantity = e.quantity;
  one.at = at;
  state.allocations.push_back(std::move(one));
}

void unlinked(lot::StateT& state, const lot::InputUnlinkedT& e) {
  const auto one =
      std::find(state.awaiting.begin(), state.awaiting.end(), awaited_name(e.plant, e.batch));
  if (one != state.awaiting.end()) state.awaiting.erase(one);
}

void hold_placed(lot::StateT& state, const lot::HoldPlacedT& e) {
  std::erase_if(state.holds, [&](const auto& one) { return one.hold == e.hold->hold; });
  state.holds.push_back(*e.hold);
}

void add_origin(lot::HoldEntryT& hold, const std::string& origin, const std::string& plant) {
  hold.origins.push_back(origin);
  if (plant.empty() && hold.origin_plants.empty()) return;
  hold.origin_plants.resize(hold.origins.size());
  hold.origin_plants.back() = plant;
}

void drop_origin(lot::HoldEntryT& hold, std::string_view origin, std::string_view plant) {
  for (std::size_t i = 0; i < hold.origins.size(); ++i) {
    const bool named = i < hold.origin_plants.size();
    if (hold.origins[i] != origin || (named ? hold.origin_plants[i] : std::string()) != plant)
      continue;
    hold.origins.erase(hold.origins.begin() + static_cast<std::ptrdiff_t>(i));
    if (named)
      hold.origin_plants.erase(hold.origin_plants.begin() + static_cast<std::ptrdiff_t>(i));
    return;
  }
}

void hold_inherited(lot::StateT& state, const lot::HoldInheritedT& e, timestamp at) {
  auto one = std::find_if(state.holds.begin(), state.holds.end(),
                          [&](const auto& h) { return h.hold == e.hold; });
  if (one == state.holds.end()) {
    lot::HoldEntryT fresh;
    fresh.hold = e.hold;
    fresh.type = e.type;
    fresh.source = (e.via_plant.empty() ? "" : e.via_plant + '/') + "batch/" + e.via;
    fresh.status = lot::HoldStatus::inherited;
    fresh.reason = e.reason;
    fresh.placed_by = e.placed_by;
    fresh.placed_at = at;
    fresh.process = "hold/" + e.hold;
    one = state.holds.insert(state.holds.end(), std::move(fresh));
  }
  // What comes from an input is about all of it, and now.
  if (one->status == lot::HoldStatus::future) one->status = lot::HoldStatus::inherited;
  one->quantity.reset();
  one->serials.clear();
  one->location.clear();
  add_origin(*one, e.origin, e.origin_plant);
}

template <class Event>
void hold_ended(lot::StateT& state, const Event& e) {
  for (auto& one : state.holds) {
    if (one.hold != e.hold) continue;
    if constexpr (std::is_same_v<Event, lot::HoldReleasedT>) {
      drop_origin(one, e.origin, {});
      one.status = lot::HoldStatus::inherited;
    } else {
      drop_origin(one, e.origin, e.origin_plant);
    }
  }
  std::erase_if(state.holds,
                [&](const auto& one) { return one.hold == e.hold && one.origins.empty(); });
}

void inspection_started(lot::StateT& state, const lot::InspectionStartedT& e) {
  lot::LotT one;
  one.inspection = e.inspection;
  one.retest_of = e.retest_of;
  one.open = true;
  one.quality_before = state.quality;
  state.lots.push_back(std::move(one));
  state.quality = e.retest_of.empty() ? lot::Quality::under_test : lot::Quality::retest;
}

void inspection_cancelled(lot::StateT& state, const lot::InspectionCancelledT& e) {
  bool other_open = false;
  for (auto& one : state.lots)
    if (one.inspection != e.inspection) other_open |= one.open;
  for (auto& one : state.lots) {
    if (one.inspection != e.inspection) continue;
    one.open = false;
    if (!other_open) state.quality = one.quality_before;
  }
}

bool usage_decided(lot::StateT& state, const lot::UsageDecidedT& e) {
  for (auto& one : state.lots)
    if (one.inspection == e.inspection) one.open = false;
  state.quality = e.quality;
  state.concession = e.concession ? std::make_unique<lot::ConcessionT>(*e.concession) : nullptr;
  state.conceded = decimal();
  ++state.movements;
  return std::all_of(e.moves.begin(), e.moves.end(), [&](const auto& one) {
    return add(state, one.location, one.from, -one.quantity) &&
           add(state, one.location, one.to, one.quantity);
  });
}

void picked(lot::StateT& state, const lot::PickedT& e) {
  for (auto& one : state.allocations)
    if (one.shipment == e.shipment && one.item == e.item)
      one.status = lot::AllocationStatus::picked;
}

bool shipped(lot::StateT& state, const lot::ShippedT& e) {
  drop_allocation(state, e);
  state.shipped += e.quantity;
  concede(state, e.quantity);
  ++state.shipments;
  ++state.movements;
  return add(state, e.taken, -1);
}

bool production_reversed(lot::StateT& state, const lot::ProductionReversedT& e) {
  ++state.movements;
  state.arrived -= e.quantity;
  return add(state, e.taken, -1);
}

bool consumption_reversed(lot::StateT& state, const lot::ConsumptionReversedT& e) {
  state.consumed -= e.quantity;
  concede(state, -e.quantity);
  ++state.movements;
  return add(state, e.returned, 1);
}

bool adjusted(lot::StateT& state, const lot::StockAdjustedT& e) {
  ++state.movements;
  state.arrived += e.quantity;
  return add(state, e.location, e.stock, e.quantity);
}

bool transferred(lot::StateT& state, const lot::StockTransferredT& e) {
  ++state.movements;
  return add(state, e.from_location, e.from_stock, -e.quantity) &&
         add(state, e.to_location, e.to_stock, e.quantity);
}

void reference_set(lot::StateT& state, const lot::ReferenceSetT& e) {
  if (!e.erp_id.empty()) state.erp_id = e.erp_id;
  if (!e.mes_id.empty()) state.mes_id = e.mes_id;
  if (!e.qms_id.empty()) state.qms_id = e.qms_id;
}

void input_linked(lot::StateT& state, const lot::InputLinkedT& e) {
  if (!e.again) ++state.inputs;
  std::erase(state.awaiting, awaited_name(e.link->plant, e.link->batch));
}

template <class Event>
void reserved_less(lot::StateT& state, const Event& e, timestamp at) {
  reserve_more(state, e.order, -e.quantity, at);
}

/// Events that move stock. False when it would become negative.
bool evolve_stock(lot::StateT& state, const lot::EventUnion& event, timestamp at) {
  if (const auto* e = event.AsReceived()) return received(state, *e, at);
  if (const auto* e = event.AsProduced()) return produced(state, *e, at);
  if (const auto* e = event.AsProductionReversed()) return production_reversed(state, *e);
  if (const auto* e = event.AsConsumed()) return consumed(state, *e, at);
  if (const auto* e = event.AsConsumptionReversed()) return consumption_reversed(state, *e);
  if (const auto* e = event.AsShipped()) return shipped(state, *e);
  if (const auto* e = event.AsStockAdjusted()) return adjusted(state, *e);
  if (const auto* e = event.AsStockTransferred()) return transferred(state, *e);
  if (const auto* e = event.AsUsageDecided()) return usage_decided(state, *e);
  return false;
}

/// Events about what orders and shipments were granted.
void evolve_grants(lot::StateT& state, const lot::EventUnion& event, timestamp at) {
  if (const auto* e = event.AsReserved()) reserve_more(state, e->order, e->quantity, at);
  if (const auto* e = event.AsUnreserved()) reserved_less(state, *e, at);
  if (const auto* e = event.AsReservationRevoked()) reserved_less(state, *e, at);
  if (const auto* e = event.AsAllocated()) allocated(state, *e, at);
  if (const auto* e = event.AsDeallocated()) drop_allocation(state, *e);
  if (const auto* e = event.AsAllocationRevoked()) drop_allocation(state, *e);
  if (const auto* e = event.AsPicked()) picked(state, *e);
}

void evolve_holds(lot::StateT& state, const lot::EventUnion& event, timestamp at) {
  if (const auto* e = event.AsHoldPlaced()) hold_placed(state, *e);
  if (const auto* e = event.AsHoldInherited()) hold_inherited(state, *e, at);
  if (const auto* e = event.AsHoldReleased()) hold_ended(state, *e);
  if (const auto* e = event.AsHoldLifted()) hold_ended(state, *e);
}

/// False when the event contradicts the state.
bool evolve_state(lot::StateT& state, const lot::EventUnion& event, timestamp at) {
  using lot::Event;
  switch (event.type) {
    case Event::NONE:
      return false;
    case Event::Received:
    case Event::Produced:
    case Event::ProductionReversed:
    case Event::Consumed:
    case Event::ConsumptionReversed:
    case Event::Shipped:
    case Event::StockAdjusted:
    case Event::StockTransferred:
    case Event::UsageDecided:
      return evolve_stock(state, event, at);
    case Event::MovementPosted:
    case Event::MovementReversed:
    case Event::StockSent:
    case Event::StockArrived:
    case Event::SendingRefused:
    case Event::StockAskedBack:
    case Event::AskingBackRefused:
    case Event::TakenIn:
    case Event::GivenBack:
    case Event::RestrictionSet:
      return evolve_movements(state, event, at);
    case Event::ConcessionEnded:
      state.quality = lot::Quality::quarantine;
      break;
    case Event::Reserved:
    case Event::Unreserved:
    case Event::ReservationRevoked:
    case Event::Allocated:
    case Event::Deallocated:
    case Event::AllocationRevoked:
    case Event::Picked:
      evolve_grants(state, event, at);
      break;
    case Event::ReferenceSet:
      reference_set(state, *event.AsReferenceSet());
      break;
    case Event::OutputLinked:
      ++state.outputs;
      break;
    case Event::InputLinked:
      input_linked(state, *event.AsInputLinked());
      break;
    case Event::InputUnlinked:
      unlinked(state, *event.AsInputUnlinked());
      break;
    case Event::HoldPlaced:
    case Event::HoldInherited:
    case Event::HoldReleased:
    case Event::HoldLifted:
      evolve_holds(state, event, at);
      break;
    case Event::InspectionStarted:
      inspection_started(state, *event.AsInspectionStarted());
      break;
    case Event::InspectionCancelled:
      inspection_cancelled(state, *event.AsInspectionCancelled());
      break;
    case Event::Expired:
      state.expired = true;
      break;
    case Event::OutputUnlinked:
    case Event::HeldStockUsed:
      break;  // nothing of the state
  }
  return true;
}

}  // namespace

result<void> apply(lot::StateT& state, const lot::EventUnion& event, timestamp at) {
  if (!evolve_state(state, event, at))
    return error{"kind.fault", std::string("event ") + EnumNameEvent(event.type) +
                                   " contradicts the lot's stock"};
  state.allocatable = allocatable_of(state);
  return {};
}

}  // namespace millrace::actors::batches
