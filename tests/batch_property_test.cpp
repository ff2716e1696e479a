// layer: actors
// No sequence of commands lets held stock move, grants more than there is, or makes a quantity
// appear or vanish (I3).
#define BOOST_TEST_MODULE batch_property
#include <boost/test/unit_test.hpp>

#include <rapidcheck.h>

#include "actors/batch.hpp"
#include "actors/material.hpp"
#include "actors/stock.hpp"
#include "tests/kind_harness.hpp"

namespace {

using namespace millrace;
using namespace millrace::testing;
using lot_kind = actors::batch;
namespace lot = millrace::batch;

decimal ea(std::int64_t units) { return decimal::from_units(units); }

/// One command as numbers: what, how much, and which of a few ids.
struct move {
  int what;
  int quantity;
  int who;
};
std::ostream& operator<<(std::ostream& out, const move& m) {
  return out << m.what << '/' << m.quantity << '/' << m.who;
}
constexpr int kinds_of_moves = 24;

std::string order(int n) { return "O-" + std::to_string(n % 3); }
std::string shipment(int n) { return "S-" + std::to_string(n % 3); }
std::string hold_id(int n) { return "H-" + std::to_string(n % 5); }

template <class Command>
Command for_shipment(int n) {
  Command c;
  c.shipment = shipment(n);
  c.item = "10";
  return c;
}

/// What came in from outside less what went out, beside what the state says itself.
struct ledger {
  decimal received, adjusted, taken;
};

void apply(given<lot_kind>& g, const move& m, int step, ledger& book) {
  const auto quantity = ea(1 + m.quantity);
  const auto took = [&] {
    return g.last().outcome == engine::Outcome::accepted && !g.last().events.empty();
  };
  switch (m.what) {
    case 0: {
      lot::ReceiveT c;
      c.material = "M";
      c.quantity = quantity;
      c.unit = "EA";
      c.location = m.who % 2 ? "CAGE" : "";
      g.when(c, System::erp);
      if (took()) book.received += quantity;
      return;
    }
    case 1:
    case 2: {
      lot::ConsumeT c;
      c.order = order(m.who);
      c.report = std::to_string(step);
      c.quantity = quantity;
      c.unit = "EA";
      c.location = m.what == 2 ? "CAGE" : "";
      g.when_from("order/" + c.order, c);
      return;
    }
    case 3: {
      lot::ReverseConsumeT c;
      c.order = order(m.who);
      c.report = std::to_string(m.quantity);
      g.when_from("order/" + c.order, c);
      return;
    }
    case 4: {
      lot::ReserveT c;
      c.order = order(m.who);
      c.quantity = quantity;
      g.when_from("order/" + c.order, c);
      return;
    }
    case 5: {
      lot::UnreserveT c;
      c.order = order(m.who);
      g.when_from("order/" + c.order, c);
      return;
    }
    case 6: {
      auto c = for_shipment<lot::AllocateT>(m.who);
      c.quantity = quantity;
      c.unit = "EA";
      g.when_from("shipment/" + c.shipment, c);
      return;
    }
    case 7:
      g.when_from("shipment/S", for_shipment<lot::DeallocateT>(m.who));
      return;
    case 8:
      g.when_from("shipment/S", for_shipment<lot::PickT>(m.who));
      return;
    case 9:
      g.when_from("shipment/S", for_shipment<lot::ShipT>(m.who));
      return;
    case 10:
    case 11:
    case 12: {
      lot::PlaceHoldT c;
      c.hold = hold_id(m.who);
      c.reason = "r";
      if (m.what == 11) c.quantity = std::make_unique<decimal>(quantity);
      if (m.what == 12) c.location = "CAGE";
      g.when(c, System::mes);
      return;
    }
    case 13: {
      lot::ReleaseHoldT c;
      c.hold = hold_id(m.who);
      c.reason = "r";
      g.when(c, System::qms);
      return;
    }
    case 14: {
      lot::TransferStockT c;
      c.quantity = quantity;
      c.unit = "EA";
      c.from_location = m.who % 2 ? "CAGE" : "";
      c.to_location = m.who % 2 ? "" : "CAGE";
      g.when(c, System::wms);
      return;
    }
    case 15: {
      lot::StartInspectionT c;
      c.inspection = "I-" + std::to_string(m.who);
      g.when_from("inspection/" + c.inspection, c);
      return;
    }
    case 16: {
      lot::DecideUsageT c;
      c.inspection = "I-" + std::to_string(m.who);
      c.decision = m.quantity % 2 ? lot::Decision::accept : lot::Decision::reject;
      g.when_from("inspection/" + c.inspection, c);
      return;
    }
    case 17: {
      lot::InheritHoldT c;
      c.hold = hold_id(m.who);
      c.origin = c.via = m.quantity % 2 ? "A" : "B";
      g.when_from("batch/" + c.via, c);
      return;
    }
    case 18: {
      lot::AdjustStockT c;
      c.quantity = quantity;
      c.unit = "EA";
      c.reason = "count";
      c.document = "D";
      g.when(c, System::erp);
      if (took()) book.adjusted += quantity;
      return;
    }
    case 19: {
      static constexpr const char* codes[] = {"551", "555", "344", "343", "322", "333"};
      lot::PostMovementT c;
      c.posting = "M-" + std::to_string(step);
      c.movement = codes[m.quantity % 6];
      c.quantity = ea(1 + m.who);
      c.unit = "EA";
      c.location = m.who % 2 ? "CAGE" : "";
      g.when(c, System::wms);
      return;
    }
    case 20: {
      lot::ReverseMovementT c;
      c.posting = "M-" + std::to_string(m.quantity);
      c.reason = "r";
      g.when(c, System::wms);
      if (g.last().outcome == engine::Outcome::pending)  // what went to another lot comes back
        g.when_granted<lot_kind>("batch/OTHER", "back~" + c.posting, lot::GivenBackT());
      return;
    }
    case 21: {
      lot::SplitT c;
      c.posting = "M-" + std::to_string(step);
      c.batch = "OTHER";
      c.quantity = quantity;
      c.unit = "EA";
      const bool held = actors::held_whole(g.state());
      g.when(c, System::wms);
      if (g.last().outcome != engine::Outcome::pending) return;
      RC_ASSERT(!held);
      if (m.who % 2)
        g.when_granted<lot_kind>("batch/OTHER", "take~" + c.posting, lot::TakenInT());
      else
        g.when_refused("batch/OTHER", "take~" + c.posting, "batch.exists");
      return;
    }
    case 22: {
      lot::TakeInT c;
      c.batch = "FROM-" + std::to_string(m.who);
      c.posting = "M-" + std::to_string(step);
      c.material = "M";
      c.quantity = quantity;
      c.unit = "EA";
      c.quality = g.state().quality;
      c.merges = true;
      g.when_from("batch/" + c.batch, c);
      if (took()) {
        book.taken += quantity;
        lot::LinkInputT link;
        link.input = c.batch;
        link.report = c.posting;
        g.when_from("batch/" + c.batch, link);
      }
      return;
    }
    case 23: {
      lot::SetRestrictionT c;
      c.restricted = m.who % 2 != 0;
      c.reason = "r";
      g.when(c, System::qms);
      return;
    }
  }
}

bool moved_out(const decided& last) {
  for (const auto& e : last.events)
    for (const auto event :
         {lot::Event::Consumed, lot::Event::Shipped, lot::Event::Allocated, lot::Event::Reserved,
          lot::Event::Picked, lot::Event::StockTransferred, lot::Event::MovementPosted,
          lot::Event::StockSent, lot::Event::RestrictionSet})
      if (e.type == static_cast<std::uint8_t>(event)) return true;
  return false;
}

/// Unrestricted stock that a hold by place keeps back.
decimal at_held_places(const lot::StateT& state) {
  decimal sum;
  for (const auto& line : state.stock)
    if (actors::held_at(state, line.location)) sum += line.quantity;
  return sum;
}

void check_step(const lot::StateT& before, given<lot_kind>& g, const ledger& book) {
  const auto& after = g.state();
  // Everything that came is there, was consumed or shipped, or has left by a movement.
  RC_ASSERT(after.arrived == book.received + book.adjusted + book.taken);
  RC_ASSERT(actors::stock_total(after) + after.consumed + after.shipped + after.issued ==
            after.arrived);
  for (const auto& line : after.stock) RC_ASSERT(line.quantity.is_positive());
  RC_ASSERT(!after.allocatable.is_negative());
  RC_ASSERT(after.allocatable == actors::allocatable_of(after));
  if (actors::held_whole(after)) {
    RC_ASSERT(after.allocatable.is_zero());
    RC_ASSERT(after.allocations.empty());
    RC_ASSERT(after.reservations.empty());
  }
  // Shipments own what they were granted: it is there, and free of holds.
  RC_ASSERT(actors::allocated_total(after) <=
            actors::stock_of(after, lot::StockType::unrestricted));
  if (actors::allocated_total(after).is_positive())
    RC_ASSERT(actors::allocated_total(after) <= actors::free_unrestricted(after));
  if (!moved_out(g.last())) return;
  RC_ASSERT(!actors::held_whole(before));
  RC_ASSERT(at_held_places(after) >= at_held_places(before));
  const bool fewer = actors::stock_total(after) < actors::stock_total(before);
  if (fewer)
    RC_ASSERT(actors::stock_total(after) - at_held_places(after) >=
              std::min(actors::held_quantity(before),
                       actors::stock_total(before) - at_held_places(before)));
}

}  // namespace

BOOST_AUTO_TEST_CASE(held_stock_never_moves_and_quantities_conserve) {
  const bool holds = rc::check("any sequence of commands", [] {
    const auto moves = *rc::gen::container<std::vector<move>>(rc::gen::construct<move>(
        rc::gen::inRange(0, kinds_of_moves), rc::gen::inRange(0, 30), rc::gen::inRange(0, 5)));
    material::StateT m;
    m.base_unit = "EA";
    given<lot_kind> g;
    g.id("LOT").reference<actors::material>("M", m);
    ledger book;
    lot::ReceiveT first;
    first.material = "M";
    first.quantity = ea(60);
    first.unit = "EA";
    g.when(first, System::erp);
    book.received = first.quantity;
    int step = 0;
    for (const auto& one : moves) {
      const lot::StateT before = g.state();
      apply(g, one, step++, book);
      check_step(before, g, book);
    }
  });
  BOOST_CHECK(holds);
}
