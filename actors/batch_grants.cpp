// What a lot grants: reservations to orders (as much as there is), allocations
// to shipments (all or nothing). Nothing is granted of what is held, expired,
// not released, or waits for its inputs' holds.
#include <algorithm>

#include "actors/batch_step.hpp"

namespace millrace::actors::batches {

namespace {

constexpr std::size_t grants_max = 1000;

const lot::AllocationT* find_allocation(const lot::StateT& state, std::string_view shipment,
                                        std::string_view item) {
  for (const auto& one : state.allocations)
    if (one.shipment == shipment && one.item == item) return &one;
  return nullptr;
}

/// An event about that allocation.
template <class EventT>
EventT about(const lot::AllocationT& one) {
  EventT event;
  event.shipment = one.shipment;
  event.item = one.item;
  event.quantity = one.quantity;
  return event;
}

made no_allocation(const std::string& shipment, const std::string& item) {
  return made::refuse(
      lot::Refusal::allocation_unknown,
      "Shipment " + shipment + " has nothing allocated here for item " + item + ".");
}

}  // namespace

std::optional<obstacle> obstacle_of(const lot::StateT& state) {
  if (held_whole(state)) {
    std::string names;
    for (const auto& hold : state.holds)
      if (hold.status != lot::HoldStatus::future) names += (names.empty() ? "" : ", ") + hold.hold;
    return obstacle{lot::Refusal::held, "Open holds: " + names + '.'};
  }
  if (state.quality != lot::Quality::released &&
      state.quality != lot::Quality::conditionally_released)
    return obstacle{lot::Refusal::not_released,
                    std::string("The quality is ") + EnumNameQuality(state.quality) + '.'};
  if (state.expired)
    return obstacle{lot::Refusal::expired, "It expired at " + state.expires.to_string() + '.'};
  if (!state.awaiting.empty())
    return obstacle{lot::Refusal::genealogy_pending,
                    "The holds of " + state.awaiting.front() + " are not known here yet."};
  return std::nullopt;
}

std::optional<obstacle> outside_concession(const step& s, const use& wanted) {
  const auto& state = s.next;
  if (state.quality != lot::Quality::conditionally_released || !state.concession)
    return std::nullopt;
  const auto& c = *state.concession;
  const auto no = [&](const std::string& what) {
    return obstacle{lot::Refusal::concession, "Concession " + c.concession + what};
  };
  if (c.until.given() && c.until <= s.ctx.now())
    return no(" ended at " + c.until.to_string() + '.');
  const bool to_customer = !c.customer.empty() && c.customer == wanted.customer;
  const bool for_order = !c.order.empty() && c.order == wanted.order;
  if ((!c.customer.empty() || !c.order.empty()) && !to_customer && !for_order)
    return no(" is for " + (c.customer.empty() ? "order " + c.order : "customer " + c.customer) +
              " only.");
  if (c.quantity && state.conceded + wanted.quantity > *c.quantity)
    return no(" is for " + text_of(*c.quantity, state) + ", used are " +
              text_of(state.conceded, state) + '.');
  return std::nullopt;
}

/// For a quantity that there is not: held when only a hold keeps it back, else
/// short.
static obstacle shortage(const lot::StateT& state, decimal wanted) {
  const auto without_holds = stock_of(state, lot::StockType::unrestricted) - reserved_total(state) -
                             allocated_total(state);
  if (without_holds >= wanted)
    return {lot::Refusal::held,
            "Only " + text_of(state.allocatable, state) + " are free of holds."};
  return {lot::Refusal::short_stock, "Wanted " + text_of(wanted, state) + ", allocatable are " +
                                         text_of(state.allocatable, state) + '.'};
}

made reserve(step& s, const lot::ReserveT& c) {
  if (!c.material.empty() && c.material != s.next.material)
    return made::refuse(lot::Refusal::material_mismatch,
                        "The lot is of material " + s.next.material + ".");
  const auto quantity = in_lot_unit(s, c.quantity, c.unit);
  if (!quantity)
    return made::refuse(lot::Refusal::unit_mismatch,
                        "Unit " + c.unit + " has no conversion to " + s.next.unit + ".");
  if (!quantity->is_positive())
    return made::refuse(lot::Refusal::quantity_range, "A reservation is more than nothing.");
  if (const auto why = obstacle_of(s.next)) return made::refuse(why->why, why->detail);
  if (const auto why = outside_concession(s, {c.order, {}, decimal()}))
    return made::refuse(why->why, why->detail);
  const auto granted = std::min(*quantity, s.next.allocatable);
  if (!granted.is_positive()) {
    const auto why = shortage(s.next, *quantity);
    return made::refuse(why.why, why.detail);
  }
  const auto has_one = std::any_of(s.next.reservations.begin(), s.next.reservations.end(),
                                   [&](const auto& r) { return r.order == c.order; });
  if (!has_one && s.next.reservations.size() >= grants_max)
    return made::refuse(lot::Refusal::too_many, "Too many reservations.");
  lot::ReservedT event;
  event.order = c.order;
  event.requested = *quantity;
  event.quantity = granted;
  event.unit = s.next.unit;
  s.emit(std::move(event));
  return s.done();
}

made unreserve(step& s, const lot::UnreserveT& c) {
  for (const auto& one : s.next.reservations) {
    if (one.order != c.order) continue;
    lot::UnreservedT event;
    event.order = c.order;
    event.quantity = c.quantity ? std::min(*c.quantity, one.quantity) : one.quantity;
    if (event.quantity.is_positive()) s.emit(std::move(event));
    break;
  }
  return s.done();  // used up, revoked or given back before: there is nothing to do
}

made allocate(step& s, const lot::AllocateT& c) {
  if (!c.material.empty() && c.material != s.next.material)
    return made::refuse(lot::Refusal::material_mismatch,
                        "The lot is of material " + s.next.material + ".");
  const auto quantity = in_lot_unit(s, c.quantity, c.unit);
  if (!quantity)
    return made::refuse(lot::Refusal::unit_mismatch,
                        "Unit " + c.unit + " has no conversion to " + s.next.unit + ".");
  if (!quantity->is_positive())
    return made::refuse(lot::Refusal::quantity_range, "An allocation is more than nothing.");
  if (find_allocation(s.next, c.shipment, c.item)) return s.done();  // granted before
  if (const auto why = obstacle_of(s.next)) return made::refuse(why->why, why->detail);
  if (const auto why = outside_concession(s, {{}, c.customer, decimal()}))
    return made::refuse(why->why, why->detail);
  const bool some = c.partial && s.next.allocatable.is_positive();
  if (s.next.allocatable < *quantity && !some) {
    const auto why = shortage(s.next, *quantity);
    return made::refuse(why.why, why.detail);
  }
  if (s.next.allocations.size() >= grants_max)
    return made::refuse(lot::Refusal::too_many, "Too many allocations.");
  lot::AllocatedT event;
  event.shipment = c.shipment;
  event.item = c.item;
  event.quantity = std::min(*quantity, s.next.allocatable);
  event.unit = s.next.unit;
  event.material = s.next.material;
  s.emit(std::move(event));
  return s.done();
}

made deallocate(step& s, const lot::DeallocateT& c) {
  const auto* found = find_allocation(s.next, c.shipment, c.item);
  if (!found) return s.done();  // revoked or given back before
  auto event = about<lot::DeallocatedT>(*found);
  s.emit(std::move(event));
  return s.done();
}

made pick(step& s, const lot::PickT& c) {
  const auto* found = find_allocation(s.next, c.shipment, c.item);
  if (!found) return no_allocation(c.shipment, c.item);
  if (const auto why = obstacle_of(s.next)) return made::refuse(why->why, why->detail);
  if (found->status == lot::AllocationStatus::picked) return s.done();
  auto event = about<lot::PickedT>(*found);
  s.emit(std::move(event));
  return s.done();
}

made ship(step& s, const lot::ShipT& c) {
  const auto* found = find_allocation(s.next, c.shipment, c.item);
  if (!found) return no_allocation(c.shipment, c.item);
  if (const auto why = obstacle_of(s.next)) return made::refuse(why->why, why->detail);
  if (found->status != lot::AllocationStatus::picked)
    return made::refuse(lot::Refusal::not_picked, "Nothing has been picked.");
  if (const auto why = outside_concession(s, {{}, c.customer, found->quantity}))
    return made::refuse(why->why, why->detail);
  if (free_unrestricted(s.next) < found->quantity)
    return made::refuse(lot::Refusal::short_stock, "The stock is no longer there.");
  auto taken = take(s.next, lot::StockType::unrestricted, {}, found->quantity);
  if (!taken) return made::refuse(lot::Refusal::short_stock, "The stock is no longer there.");
  auto event = about<lot::ShippedT>(*found);
  event.customer = c.customer;
  event.taken = std::move(*taken);
  s.emit(std::move(event));
  return s.done();
}

}  // namespace millrace::actors::batches
