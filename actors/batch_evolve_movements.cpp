// How a lot's stock follows from its own movements, and from stock on its way
// to and from others.
#include <algorithm>

#include "actors/batch_step.hpp"

namespace millrace::actors::batches {

/// Adds a signed quantity to the line of that place and type; a line without
/// stock goes. False when it would be negative.
bool add(lot::StateT& state, const std::string& location, lot::StockType type, decimal quantity) {
  auto line = std::find_if(state.stock.begin(), state.stock.end(), [&](const auto& one) {
    return one.type == type && one.location == location;
  });
  if (line == state.stock.end()) {
    if (quantity.is_zero()) return true;
    lot::StockLineT fresh;
    fresh.location = location;
    fresh.type = type;
    line = state.stock.insert(state.stock.end(), std::move(fresh));
  }
  const auto sum = decimal::checked_add(line->quantity, quantity);
  if (!sum || sum->is_negative()) return false;
  line->quantity = *sum;
  if (sum->is_zero()) state.stock.erase(line);
  return true;
}

bool add(lot::StateT& state, const std::vector<lot::StockLineT>& lines, int sign) {
  return std::all_of(lines.begin(), lines.end(), [&](const auto& line) {
    return add(state, line.location, line.type, sign < 0 ? -line.quantity : line.quantity);
  });
}

void arrive(lot::StateT& state, const std::string& material, const std::string& unit,
            lot::Quality quality, timestamp expires, bool serial_managed, timestamp at) {
  const bool fresh = state.material.empty();
  if (expires.given() && (!state.expires.given() || expires < state.expires))
    state.expires = expires;
  ++state.movements;
  if (!fresh) return;
  state.material = material;
  state.unit = unit;
  state.quality = quality;
  state.serial_managed = serial_managed;
  state.received_at = at;
}

namespace {

void drop_transit(lot::StateT& state, const std::string& posting) {
  std::erase_if(state.transits, [&](const auto& one) { return one.posting == posting; });
}

/// What was disposed of is no longer kept by its hold. A hold on a part stays
/// one, down to nothing: without quantity and serials it would be on all of the
/// lot.
template <class Event>
void lessen_hold(lot::StateT& state, const Event& e) {
  if (e.hold.empty()) return;
  for (auto& hold : state.holds) {
    if (hold.hold != e.hold) continue;
    if (hold.quantity) *hold.quantity = std::max(decimal(), *hold.quantity - e.quantity);
    if (hold.serials.empty()) continue;
    std::erase_if(hold.serials, [&](const auto& serial) {
      return std::find(e.serials.begin(), e.serials.end(), serial) != e.serials.end();
    });
    if (hold.serials.empty()) hold.quantity = std::make_unique<decimal>();
  }
}

bool posted(lot::StateT& state, const lot::MovementPostedT& e) {
  lessen_hold(state, e);
  if (e.put.empty()) state.issued += e.quantity;
  ++state.movements;
  return add(state, e.taken, -1) && add(state, e.put, 1);
}

void arrived_there(lot::StateT& state, const lot::StockArrivedT& e) {
  for (const auto& one : state.transits)
    if (one.posting == e.posting) lessen_hold(state, lot::TransitT(one));
  drop_transit(state, e.posting);
}

bool reversed(lot::StateT& state, const lot::MovementReversedT& e) {
  drop_transit(state, e.posting);
  if (e.taken.empty()) state.issued -= e.quantity;
  ++state.movements;
  return add(state, e.taken, -1) && add(state, e.put, 1);
}

bool sent(lot::StateT& state, const lot::StockSentT& e) {
  state.transits.push_back(*e.transit);
  state.issued += e.transit->quantity;
  ++state.movements;
  return add(state, e.transit->taken, -1);
}

bool sending_refused(lot::StateT& state, const lot::SendingRefusedT& e) {
  for (const auto& one : state.transits) {
    if (one.posting != e.posting) continue;
    state.issued -= one.quantity;
    const bool fits = add(state, one.taken, 1);
    drop_transit(state, e.posting);
    return fits;
  }
  return false;
}

bool taken_in(lot::StateT& state, const lot::TakenInT& e, timestamp at) {
  const bool fresh = state.material.empty();
  arrive(state, e.material, e.unit, e.quality, e.expires, e.serial_managed, at);
  if (fresh) {
    state.supplier = e.supplier;
    state.supplier_lot = e.supplier_lot;
    state.order = e.order;
    state.transferred_from = awaited_name(e.plant, e.batch);
    if (e.plant.empty()) state.transferred_from.clear();
    if (e.concession) state.concession = std::make_unique<lot::ConcessionT>(*e.concession);
  }
  state.awaiting.insert(state.awaiting.end(), e.awaiting.begin(), e.awaiting.end());
  state.arrived += e.quantity;
  return add(state, e.location, e.stock, e.quantity);
}

bool given_back(lot::StateT& state, const lot::GivenBackT& e) {
  state.arrived -= e.quantity;
  ++state.movements;
  return add(state, e.taken, -1);
}

bool restricted(lot::StateT& state, const lot::RestrictionSetT& e) {
  state.restricted = e.restricted;
  ++state.movements;
  return std::all_of(e.moves.begin(), e.moves.end(), [&](const auto& one) {
    return add(state, one.location, one.from, -one.quantity) &&
           add(state, one.location, one.to, one.quantity);
  });
}

}  // namespace

bool evolve_movements(lot::StateT& state, const lot::EventUnion& event, timestamp at) {
  if (const auto* e = event.AsMovementPosted()) return posted(state, *e);
  if (const auto* e = event.AsMovementReversed()) return reversed(state, *e);
  if (const auto* e = event.AsStockSent()) return sent(state, *e);
  if (const auto* e = event.AsSendingRefused()) return sending_refused(state, *e);
  if (const auto* e = event.AsTakenIn()) return taken_in(state, *e, at);
  if (const auto* e = event.AsGivenBack()) return given_back(state, *e);
  if (const auto* e = event.AsRestrictionSet()) return restricted(state, *e);
  if (const auto* e = event.AsStockArrived()) arrived_there(state, *e);
  if (const auto* e = event.AsStockAskedBack()) state.transits.push_back(*e->transit);
  if (const auto* e = event.AsAskingBackRefused()) drop_transit(state, e->posting);
  return true;
}

}  // namespace millrace::actors::batches
