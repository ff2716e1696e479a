// layer: actors
// The batch: what comes, what is granted, what is posted, and what a hold stops. Quantities never
// appear or vanish.
#define BOOST_TEST_MODULE batch
#include <boost/test/unit_test.hpp>

#include "actors/batch.hpp"
#include "actors/hold.hpp"
#include "actors/material.hpp"
#include "tests/kind_harness.hpp"

namespace {

using namespace millrace;
using namespace millrace::testing;
using lot_kind = actors::batch;
namespace lot = millrace::batch;

decimal ea(std::int64_t units) { return decimal::from_units(units); }

material::StateT material_of(bool planned) {
  material::StateT m;
  m.base_unit = "EA";
  m.revision = "A";
  m.revisions.emplace_back().revision = "A";
  m.conversions.emplace_back();
  m.conversions.back().unit = "BX";
  m.conversions.back().numerator = 12;
  if (!planned) return m;
  auto& plan = m.plans.emplace_back();
  plan.plan = "IP-7";
  plan.characteristics.emplace_back().name = "pressure";
  return m;
}

lot::ReceiveT receive(std::int64_t quantity, std::string material_id = "HOUSING") {
  lot::ReceiveT c;
  c.material = std::move(material_id);
  c.quantity = ea(quantity);
  c.unit = "EA";
  return c;
}

/// A lot HSG-1 with 100 EA, unrestricted and released.
given<lot_kind> stocked(std::int64_t quantity = 100) {
  given<lot_kind> g;
  g.id("HSG-1")
      .reference<actors::material>("HOUSING", material_of(false))
      .when(receive(quantity), System::erp);
  return g;
}
/// A lot PMP-1 produced into quality inspection.
given<lot_kind> produced(std::vector<std::string> inputs = {}) {
  lot::ProduceT c;
  c.order = "1000042";
  c.report = "P-1";
  c.material = "PUMP";
  c.quantity = ea(10);
  c.unit = "EA";
  for (const auto& input : inputs) {
    auto& one = c.inputs.emplace_back();
    one.batch = input;
    one.report = "G-" + input;
    one.quantity = ea(10);
    one.unit = "EA";
  }
  given<lot_kind> g;
  g.id("PMP-1")
      .reference<actors::material>("PUMP", material_of(true))
      .when_from("order/1000042", c);
  return g;
}

lot::ConsumeT consume(std::int64_t quantity, std::string report = "G-1",
                      std::string order = "1000042") {
  lot::ConsumeT c;
  c.order = std::move(order);
  c.report = std::move(report);
  c.operation = "0010";
  c.material = "HOUSING";
  c.quantity = ea(quantity);
  c.unit = "EA";
  return c;
}
lot::PlaceHoldT place(std::string id, lot::HoldType type = lot::HoldType::quality) {
  lot::PlaceHoldT c;
  c.hold = std::move(id);
  c.type = type;
  c.reason = "visual defect";
  return c;
}
lot::ReleaseHoldT release(std::string id) {
  lot::ReleaseHoldT c;
  c.hold = std::move(id);
  c.reason = "reworked";
  return c;
}
lot::AllocateT allocate(std::int64_t quantity, std::string shipment = "S-1") {
  lot::AllocateT c;
  c.shipment = std::move(shipment);
  c.item = "10";
  c.quantity = ea(quantity);
  c.unit = "EA";
  return c;
}
lot::PickT pick(std::string shipment = "S-1") {
  lot::PickT c;
  c.shipment = std::move(shipment);
  c.item = "10";
  return c;
}
lot::ShipT ship(std::string shipment = "S-1") {
  lot::ShipT c;
  c.shipment = std::move(shipment);
  c.item = "10";
  c.customer = "C-77";
  return c;
}
lot::ReserveT reserve(std::int64_t quantity, std::string order = "1000042") {
  lot::ReserveT c;
  c.order = std::move(order);
  c.quantity = ea(quantity);
  return c;
}
lot::StartInspectionT inspect(std::string id, std::string retest_of = {}) {
  lot::StartInspectionT c;
  c.inspection = std::move(id);
  c.retest_of = std::move(retest_of);
  return c;
}
lot::DecideUsageT decide(std::string id, lot::Decision decision) {
  lot::DecideUsageT c;
  c.inspection = std::move(id);
  c.decision = decision;
  c.decided_by = "dev-qms";
  return c;
}
lot::LinkOutputT link_to(std::string output, std::string report = "G-1") {
  lot::LinkOutputT c;
  c.output = std::move(output);
  c.order = "1000042";
  c.report = std::move(report);
  c.quantity = ea(10);
  c.unit = "EA";
  return c;
}
lot::InheritHoldT inherit(std::string id, std::string origin) {
  lot::InheritHoldT c;
  c.hold = std::move(id);
  c.origin = origin;
  c.via = origin;
  c.reason = "visual defect";
  return c;
}

auto allocatable(std::int64_t units) {
  return [units](const lot::StateT& s) {
    BOOST_CHECK_EQUAL(s.allocatable.to_string(), ea(units).to_string());
  };
}
auto stock(std::size_t lines, lot::StockType type, std::int64_t units) {
  return [=](const lot::StateT& s) {
    BOOST_REQUIRE_EQUAL(s.stock.size(), lines);
    decimal sum;
    for (const auto& line : s.stock)
      if (line.type == type) sum += line.quantity;
    BOOST_CHECK_EQUAL(sum.to_string(), ea(units).to_string());
  };
}

}  // namespace

// ---- receipt and production ----

BOOST_AUTO_TEST_CASE(received_without_a_plan_it_is_unrestricted_and_released) {
  stocked()
      .then_accepted()
      .then_event_names({"Received"})
      .then_effects({"tell material/HOUSING"})
      .then_state(stock(1, lot::StockType::unrestricted, 100))
      .then_state(allocatable(100))
      .then_state([](const lot::StateT& s) { BOOST_CHECK(s.quality == lot::Quality::released); });
}

BOOST_AUTO_TEST_CASE(received_with_a_plan_it_waits_in_quality_inspection) {
  given<lot_kind>()
      .reference<actors::material>("PUMP", material_of(true))
      .when(receive(5, "PUMP"), System::erp)
      .then_accepted()
      .then_state(stock(1, lot::StockType::quality_inspection, 5))
      .then_state(allocatable(0))
      .then_state([](const lot::StateT& s) { BOOST_CHECK(s.quality == lot::Quality::quarantine); });
}

BOOST_AUTO_TEST_CASE(a_receipt_that_would_leave_the_range_is_refused) {
  auto most = receive(1);
  most.quantity = decimal::from_micros(INT64_MAX);
  stocked()
      .when(most, System::wms)
      .then_refused("batch.quantity_range")
      .then_state(allocatable(100));
}

BOOST_AUTO_TEST_CASE(a_wish_for_unrestricted_stock_does_not_get_around_the_plan) {
  auto c = receive(5, "PUMP");
  c.stock = lot::Into::unrestricted;
  given<lot_kind>()
      .reference<actors::material>("PUMP", material_of(true))
      .when(c, System::erp)
      .then_state(stock(1, lot::StockType::quality_inspection, 5));
}

BOOST_AUTO_TEST_CASE(receipts_of_unknown_or_other_material_and_unit_are_refused) {
  given<lot_kind>().when(receive(1), System::erp).then_refused("batch.material_unknown");
  auto boxes = receive(2);
  boxes.unit = "BX";
  stocked().when(boxes, System::wms).then_accepted().then_state(allocatable(124));
  boxes.unit = "KGM";
  stocked().when(boxes, System::wms).then_refused("batch.unit_mismatch");
  stocked()
      .reference<actors::material>("OTHER", material_of(false))
      .when(receive(1, "OTHER"), System::erp)
      .then_refused("batch.material_mismatch");
}

BOOST_AUTO_TEST_CASE(a_receipt_counts_once) {
  auto c = receive(7);
  c.receipt = "GR-1";
  auto g = stocked();
  g.when(c, System::erp)
      .then_state(allocatable(107))
      .when(c, System::erp)
      .then_nothing()
      .then_state(allocatable(107));
  c.quantity = ea(8);
  g.when(c, System::erp).then_refused("batch.receipt_differs");
}

BOOST_AUTO_TEST_CASE(serials_are_as_many_as_the_quantity_and_new) {
  auto c = receive(2);
  c.serials = {"A", "B", "C"};
  stocked(1).when(c, System::erp).then_refused("batch.serials_mismatch");
  c.serials = {"A", "A"};
  stocked(1).when(c, System::erp).then_refused("batch.serials_mismatch");
  c.serials = {"A", "B"};
  stocked(1)
      .when(c, System::erp)
      .then_accepted()
      .when(c, System::erp)
      .then_refused("batch.serial_exists");
}

BOOST_AUTO_TEST_CASE(a_lot_expires_by_its_timer) {
  auto c = receive(5);
  c.expires = timestamp::from_micros(1'800'000'100'000'000);
  stocked()
      .when(c, System::erp)
      .then_timer("expiry", c.expires)
      .when_timer("expiry")
      .then_timer("expiry", c.expires)  // too early: armed again
      .after_ms(200'000)
      .when_timer("expiry")
      .then_event_names({"Expired"})
      .then_state(allocatable(0))
      .when_from("shipment/S-1", allocate(1))
      .then_refused("batch.expired")
      .when_from("order/1", reserve(1))
      .then_refused("batch.expired");
}

BOOST_AUTO_TEST_CASE(production_of_a_planned_material_goes_to_inspection_once) {
  lot::ProduceT again;
  again.order = "1000042";
  again.report = "P-1";
  again.material = "PUMP";
  again.quantity = ea(10);
  again.unit = "EA";
  produced()
      .then_event_names({"Produced"})
      .then_state(stock(1, lot::StockType::quality_inspection, 10))
      .when_from("order/1000042", again)
      .then_nothing();
}

BOOST_AUTO_TEST_CASE(production_of_unknown_or_other_material_is_parked) {
  lot::ProduceT c;
  c.order = "1";
  c.report = "P";
  c.material = "NONE";
  c.quantity = ea(1);
  c.unit = "EA";
  given<lot_kind>().when_from("order/1", c).then_parked("batch.material_unknown");
  produced()
      .reference<actors::material>("NONE", material_of(false))
      .when_from("order/1", c)
      .then_parked("batch.material_mismatch");
  c.unit = "KGM";
  given<lot_kind>()
      .reference<actors::material>("NONE", material_of(false))
      .when_from("order/1", c)
      .then_refused("batch.unit_mismatch");
}

// ---- adjustment and transfer ----

BOOST_AUTO_TEST_CASE(adjustments_are_signed_and_never_below_nothing) {
  lot::AdjustStockT c;
  c.quantity = -ea(40);
  c.unit = "EA";
  c.reason = "count";
  c.document = "D-1";
  stocked()
      .when(c, System::erp)
      .then_accepted()
      .then_state(allocatable(60))
      .when(c, System::erp)
      .then_state(allocatable(20))
      .when(c, System::erp)
      .then_refused("batch.short_stock");
  c.quantity = {};
  stocked().when(c, System::erp).then_refused("batch.quantity_range");
}

BOOST_AUTO_TEST_CASE(transfers_move_free_stock_only) {
  lot::TransferStockT c;
  c.quantity = ea(30);
  c.unit = "EA";
  c.to_location = "0002";
  stocked()
      .when(c, System::wms)
      .then_accepted()
      .then_state(stock(2, lot::StockType::unrestricted, 100));
  stocked().when(place("H-1"), System::mes).when(c, System::wms).then_refused("batch.held");
  stocked(20).when(c, System::wms).then_refused("batch.short_stock");
  c.to_location.clear();
  stocked().when(c, System::wms).then_refused("batch.same_stock");
  c.to_stock = lot::StockType::restricted;
  stocked().when(c, System::wms).then_refused("batch.restricted_stock");
  c.to_stock = lot::StockType::quality_inspection;
  stocked().when(c, System::wms).then_refused("batch.inspection_stock");
  c.to_stock = lot::StockType::blocked;
  stocked().when(c, System::wms).then_state(allocatable(70));
  stocked()
      .when_from("shipment/S-1", allocate(80))
      .when(c, System::wms)
      .then_refused("batch.short_stock");
  c.from_stock = lot::StockType::quality_inspection;
  c.to_stock = lot::StockType::unrestricted;
  produced().when(c, System::wms).then_refused("batch.inspection_stock");
}

// ---- consumption ----

BOOST_AUTO_TEST_CASE(consumption_takes_stock_and_the_orders_reservation) {
  stocked()
      .when_from("order/1000042", reserve(8))
      .then_state(allocatable(92))
      .when_from("order/1000042", consume(10))
      .then_event_names({"Consumed"})
      .then_state(allocatable(90))
      .then_state([](const lot::StateT& s) { BOOST_CHECK(s.reservations.empty()); })
      .when_from("order/1000042", consume(10))
      .then_nothing();
}

BOOST_AUTO_TEST_CASE(over_consumption_waits_as_an_exception_and_posts_itself) {
  stocked(5)
      .when_from("order/1000042", consume(10))
      .then_parked("batch.short_stock")
      .then_state(allocatable(5))
      .when(receive(20), System::erp)
      .reposting()
      .when_from("order/1000042", consume(10))
      .then_accepted()
      .then_event_names({"Consumed"})
      .then_state(allocatable(15));
}

BOOST_AUTO_TEST_CASE(inspection_stock_and_other_material_are_not_consumed) {
  auto c = consume(2);
  c.material = "PUMP";
  produced().when_from("order/1", c).then_parked("batch.not_released");
  c.stock = lot::StockType::quality_inspection;
  produced().when_from("order/1", c).then_parked("batch.inspection_stock");
  stocked().when_from("order/1", c).then_parked("batch.material_mismatch");
  c = consume(2);
  c.unit = "KGM";
  stocked().when_from("order/1", c).then_refused("batch.unit_mismatch");
  stocked()
      .when_from("shipment/S-1", allocate(95))
      .when_from("order/1", consume(6))
      .then_parked("batch.short_stock");
}

BOOST_AUTO_TEST_CASE(held_stock_is_linked_at_once_stays_unposted_and_quality_is_told) {
  auto c = consume(10);
  c.outputs = {"PMP-1"};
  auto g = stocked();
  g.when(place("H-1"), System::mes)
      .when_from("order/1000042", c)
      .then_parked("batch.held")
      .then_event_names({"OutputLinked", "HeldStockUsed"})
      .then_effects({"tell batch/PMP-1", "tell hold/H-1", "tell batch/PMP-1"})
      .then_sent<lot_kind>("PMP-1",
                           [] {
                             auto i = inherit("H-1", "HSG-1");
                             i.placed_by = "dev-mes";
                             return i;
                           }())
      .then_state(stock(1, lot::StockType::unrestricted, 100));
  // Tried again while still held: nothing is said twice. Then released: it posts.
  g.reposting().when_from("order/1000042", c).then_parked("batch.held").then_event_names({});
  g.reposting(false).when(release("H-1"), System::qms);
  g.reposting()
      .when_from("order/1000042", c)
      .then_accepted()
      .then_event_names({"Consumed"})
      .then_state(allocatable(90));
  BOOST_CHECK(g.event<lot::ConsumedT>()->reposted);
}

BOOST_AUTO_TEST_CASE(a_reversed_consumption_gives_back_and_ends_its_links) {
  auto c = consume(10);
  c.outputs = {"PMP-1"};
  lot::ReverseConsumeT r;
  r.order = "1000042";
  r.report = "G-1";
  auto g = stocked();
  g.when_from("order/1000042", c)
      .then_event_names({"OutputLinked", "Consumed"})
      .when_from("order/1000042", r)
      .then_event_names({"ConsumptionReversed", "OutputUnlinked"})
      .then_state(allocatable(100));
  const auto row = g.row<lot::GenealogyDownRowT>("genealogy_down", "0000000001");
  BOOST_REQUIRE(row);
  BOOST_CHECK(row->removed_at.given());  // history keeps it
  BOOST_CHECK_EQUAL(row->link->batch, "PMP-1");
  g.when_from("order/1000042", r).then_nothing();
}

BOOST_AUTO_TEST_CASE(a_consumption_reversed_before_it_was_posted_never_posts) {
  lot::ReverseConsumeT r;
  r.order = "1000042";
  r.report = "G-1";
  stocked(5)
      .when_from("order/1000042", consume(10))
      .then_parked("batch.short_stock")
      .when_from("order/1000042", r)
      .then_event_names({"ConsumptionReversed"})
      .when(receive(50), System::erp)
      .reposting()
      .when_from("order/1000042", consume(10))
      .then_nothing()
      .then_state(allocatable(55));
}

BOOST_AUTO_TEST_CASE(production_is_reversed_while_it_is_there_and_free) {
  lot::ReverseProduceT r;
  r.order = "1000042";
  r.report = "P-1";
  produced()
      .when_from("order/1000042", r)
      .then_event_names({"ProductionReversed"})
      .then_state([](const lot::StateT& s) { BOOST_CHECK(s.stock.empty()); })
      .when_from("order/1000042", r)
      .then_nothing();
  produced()
      .when(place("H-1"), System::qms)
      .when_from("order/1000042", r)
      .then_parked("batch.held");
  produced()
      .when_from("inspection/I", inspect("I"))
      .when_from("inspection/I", decide("I", lot::Decision::accept))
      .when_from("shipment/S-1", allocate(5))
      .when_from("order/1000042", r)
      .then_parked("batch.short_stock");
}

BOOST_AUTO_TEST_CASE(reversing_all_of_an_orders_output_ends_its_input_links) {
  lot::LinkInputT link;
  link.input = "HSG-1";
  link.order = "1000042";
  link.report = "G-HSG-1";
  lot::ReverseProduceT r;
  r.order = "1000042";
  r.report = "P-1";
  produced({"HSG-1"})
      .when_from("batch/HSG-1", link)
      .then_event_names({"InputLinked"})
      .when_from("order/1000042", r)
      .then_event_names({"ProductionReversed", "InputUnlinked"})
      .then_effects({"tell batch/HSG-1"});
}

// ---- grants ----

BOOST_AUTO_TEST_CASE(a_reservation_is_granted_as_far_as_there_is_stock) {
  stocked(5).when_from("order/1", reserve(3, "1")).then_accepted().then_state(allocatable(2));
  auto g = stocked(5);
  g.when_from("order/1", reserve(8, "1")).then_accepted();
  BOOST_CHECK_EQUAL(g.event<lot::ReservedT>()->quantity.to_string(), "5");
  g.when_from("order/2", reserve(1, "2")).then_refused("batch.short_stock");
  lot::UnreserveT back;
  back.order = "1";
  g.when_from("order/1", back)
      .then_event_names({"Unreserved"})
      .then_effects({"tell material/HOUSING"})
      .then_state(allocatable(5))
      .when_from("order/1", back)
      .then_nothing();
}

BOOST_AUTO_TEST_CASE(reservations_name_why_there_is_nothing) {
  produced().when_from("order/1", reserve(1)).then_refused("batch.not_released");
  stocked()
      .when(place("H-1"), System::qms)
      .when_from("order/1", reserve(1))
      .then_refused("batch.held");
  auto other = reserve(1);
  other.material = "PUMP";
  stocked().when_from("order/1", other).then_refused("batch.material_mismatch");
  other = reserve(1);
  other.unit = "KGM";
  stocked().when_from("order/1", other).then_refused("batch.unit_mismatch");
}

BOOST_AUTO_TEST_CASE(an_allocation_is_all_or_nothing_then_picked_then_shipped) {
  auto g = stocked(10);
  g.when_from("shipment/S-1", allocate(11))
      .then_refused("batch.short_stock")
      .when_from("shipment/S-1", allocate(4))
      .then_event_names({"Allocated"})
      .then_state(allocatable(6))
      .when_from("shipment/S-1", allocate(4))
      .then_nothing()
      .when_from("shipment/S-1", ship())
      .then_refused("batch.not_picked")
      .when_from("shipment/S-1", pick())
      .then_event_names({"Picked"})
      .when_from("shipment/S-1", pick())
      .then_nothing()
      .when_from("shipment/S-1", ship())
      .then_event_names({"Shipped"})
      .then_state(stock(1, lot::StockType::unrestricted, 6))
      .when_from("shipment/S-1", ship())
      .then_refused("batch.allocation_unknown");
  BOOST_CHECK_EQUAL(g.state().shipped.to_string(), "4");
}

BOOST_AUTO_TEST_CASE(a_deallocation_gives_back) {
  lot::DeallocateT c;
  c.shipment = "S-1";
  c.item = "10";
  stocked(10)
      .when_from("shipment/S-1", allocate(4))
      .when_from("shipment/S-1", c)
      .then_event_names({"Deallocated"})
      .then_effects({"tell material/HOUSING"})
      .then_state(allocatable(10))
      .when_from("shipment/S-1", c)
      .then_nothing();
  stocked(10).when_from("shipment/S-1", pick()).then_refused("batch.allocation_unknown");
}

// ---- holds ----

BOOST_AUTO_TEST_CASE(a_hold_stops_everything_and_revokes_what_was_granted) {
  auto g = stocked(10);
  g.when_from("order/1", reserve(2, "1"))
      .when_from("shipment/S-1", allocate(4))
      .when_from("shipment/S-1", pick())
      .when(place("H-9"), System::mes)
      .then_event_names({"HoldPlaced", "ReservationRevoked", "AllocationRevoked"})
      .then_effects({"tell order_release/1", "tell shipment/S-1", "tell hold/H-9"})
      .then_state(allocatable(0))
      .when_from("shipment/S-1", ship())
      .then_refused("batch.allocation_unknown")
      .when_from("shipment/S-1", allocate(1))
      .then_refused("batch.held")
      .when(place("H-9"), System::mes)
      .then_refused("batch.hold_exists");
  const auto& hold = g.state().holds.at(0);
  BOOST_CHECK_EQUAL(hold.placed_by, "dev-mes");
  BOOST_CHECK_EQUAL(hold.process, "hold/H-9");
  BOOST_CHECK_EQUAL(hold.source, "person");
}

BOOST_AUTO_TEST_CASE(only_the_authority_of_its_type_releases_a_hold) {
  const std::pair<lot::HoldType, System> authorities[] = {{lot::HoldType::quality, System::qms},
                                                          {lot::HoldType::production, System::mes},
                                                          {lot::HoldType::logistics, System::wms},
                                                          {lot::HoldType::regulatory, System::qms},
                                                          {lot::HoldType::supplier, System::sqm}};
  for (const auto& [type, authority] : authorities)
    for (const auto other :
         {System::erp, System::mes, System::qms, System::wms, System::sqm, System::ops}) {
      auto g = stocked();
      g.when(place("H-9", type), System::mes).when(release("H-9"), other);
      if (other == authority) {
        g.then_event_names({"HoldReleased"})
            .then_effects({"tell hold/H-9", "tell material/HOUSING"})
            .then_state(allocatable(100));
      } else {
        g.then_refused("command.not_owner").then_state(allocatable(0));
      }
    }
}

BOOST_AUTO_TEST_CASE(the_refusal_names_the_owner) {
  auto g = stocked();
  g.when(place("H-9"), System::mes)
      .when(release("H-9"), System::mes)
      .then_refused("command.not_owner");
  BOOST_CHECK(g.last().detail.find("qms") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(two_holds_are_two) {
  stocked()
      .when(place("H-1"), System::mes)
      .when(place("H-2"), System::wms)
      .when(release("H-1"), System::qms)
      .then_state(allocatable(0))
      .when(release("H-2"), System::qms)
      .then_state(allocatable(100))
      .when(release("H-2"), System::qms)
      .then_refused("batch.hold_unknown")
      .when(place("H-2"), System::qms)
      .then_refused("batch.hold_exists");
}

BOOST_AUTO_TEST_CASE(the_second_person_rule) {
  stocked()
      .rule("hold.release_second_person", "yes")
      .when(place("H-1"), System::qms, "anna")
      .when(release("H-1"), System::qms, "anna")
      .then_refused("command.not_authorised")
      .when(release("H-1"), System::qms, "Anna ")
      .then_refused("command.not_authorised")
      .when(release("H-1"), System::qms, "bert")
      .then_accepted();
}

BOOST_AUTO_TEST_CASE(a_partial_hold_leaves_the_rest_free) {
  auto c = place("H-1");
  c.quantity = std::make_unique<decimal>(ea(30));
  auto g = stocked();
  g.when_from("shipment/S-1", allocate(80))
      .when(c, System::qms)
      .then_event_names({"HoldPlaced", "AllocationRevoked"})
      .then_state(allocatable(70))
      .when_from("shipment/S-1", allocate(71))
      .then_refused("batch.held")
      .when_from("shipment/S-1", allocate(70))
      .then_accepted();
  stocked()
      .when_from("shipment/S-1", allocate(60))
      .when(c, System::qms)
      .then_event_names({"HoldPlaced"});
  stocked()
      .when(c, System::qms)
      .when_from("order/1", consume(71))
      .then_parked("batch.held")
      .when_from("order/1", consume(70, "G-2"))
      .then_accepted()
      .then_state(stock(1, lot::StockType::unrestricted, 30));
  c.serials = {"A"};
  stocked().when(c, System::qms).then_refused("batch.hold_scope");
}

BOOST_AUTO_TEST_CASE(a_hold_on_a_place_holds_that_place) {
  lot::TransferStockT move;
  move.quantity = ea(30);
  move.unit = "EA";
  move.to_location = "CAGE";
  auto hold = place("H-1");
  hold.location = "CAGE";
  lot::TransferStockT back = move;
  std::swap(back.from_location, back.to_location);
  stocked()
      .when(move, System::wms)
      .when(hold, System::wms)
      .then_state(allocatable(70))
      .when(back, System::wms)
      .then_refused("batch.held")
      .when_from("order/1", consume(80))
      .then_parked("batch.held");
}

BOOST_AUTO_TEST_CASE(a_held_serial_is_not_consumed) {
  auto c = receive(2);
  c.serials = {"A", "B"};
  auto hold = place("H-1");
  hold.serials = {"A"};
  auto use = consume(1);
  use.serials = {"A"};
  auto other = consume(1, "G-2");
  other.serials = {"B"};
  stocked(1)
      .when(c, System::erp)
      .when(hold, System::qms)
      .then_state(allocatable(2))
      .when_from("order/1", use)
      .then_parked("batch.held")
      .when_from("order/1", other)
      .then_accepted();
}

BOOST_AUTO_TEST_CASE(what_has_left_is_listed_with_the_hold) {
  auto g = stocked(10);
  g.when_from("shipment/S-1", allocate(4))
      .when_from("shipment/S-1", pick())
      .when_from("shipment/S-1", ship())
      .when(place("H-9"), System::qms);
  const auto start = g.sent<actors::hold, hold::StartT>();
  BOOST_REQUIRE(start);
  BOOST_REQUIRE_EQUAL(start->escaped.size(), 1u);
  BOOST_CHECK_EQUAL(start->escaped[0].shipment, "S-1");
  BOOST_CHECK_EQUAL(start->escaped[0].customer, "C-77");
  BOOST_CHECK_EQUAL(start->escaped[0].quantity.to_string(), "4");
  BOOST_CHECK(start->first);
}

// ---- genealogy and holds between lots ----

BOOST_AUTO_TEST_CASE(a_held_lot_tells_its_outputs_and_theirs) {
  auto g = stocked();
  g.when_from("order/1", link_to("PMP-1"))
      .then_event_names({"OutputLinked"})
      .then_effects({"tell batch/PMP-1"})
      .when_from("order/1", link_to("PMP-2"))
      .when_from("order/1", link_to("PMP-1", "G-2"))
      .when(place("H-1"), System::qms)
      .then_effects({"tell batch/PMP-1", "tell batch/PMP-2", "tell hold/H-1"});
  const auto start = g.sent<actors::hold, hold::StartT>();
  BOOST_REQUIRE_EQUAL(start->descendants.size(), 2u);
  BOOST_CHECK(!start->more);
  g.when(release("H-1"), System::qms)
      .then_effects(
          {"tell batch/PMP-1", "tell batch/PMP-2", "tell hold/H-1", "tell material/HOUSING"});
}

BOOST_AUTO_TEST_CASE(many_outputs_are_told_in_parts) {
  auto g = stocked();
  for (int n = 0; n < 450; ++n) g.when_from("order/1", link_to("P-" + std::to_string(n)));
  g.when(place("H-1"), System::qms);
  auto told = g.sent<actors::hold, hold::StartT>()->descendants.size();
  BOOST_CHECK((g.sent<actors::hold, hold::StartT>()->more));
  for (int part = 0; part < 2; ++part) {
    const auto rest = g.sent<lot_kind, lot::ContinueHoldT>();
    BOOST_REQUIRE(rest);
    g.when_from("batch/HSG-1", *rest);
    const auto extend = g.sent<actors::hold, hold::ExtendT>();
    BOOST_REQUIRE(extend);
    told += extend->descendants.size();
    BOOST_CHECK_EQUAL(extend->ends, part == 1);
  }
  BOOST_CHECK_EQUAL(told, 450u);
}

BOOST_AUTO_TEST_CASE(an_output_is_told_the_holds_before_the_link) {
  auto g = stocked();
  g.when(place("H-1"), System::qms)
      .when_from("batch/PMP-1", link_to("PMP-1"))
      .then_effects({"tell batch/PMP-1", "tell hold/H-1", "tell batch/PMP-1"});
  BOOST_CHECK(g.last().effects.at(0).AsMessage()->command ==
              static_cast<std::uint8_t>(lot::Command::InheritHold));
  BOOST_CHECK(g.last().effects.at(2).AsMessage()->command ==
              static_cast<std::uint8_t>(lot::Command::LinkInput));
}

BOOST_AUTO_TEST_CASE(nothing_is_granted_until_the_inputs_have_told_their_holds) {
  lot::LinkInputT link;
  link.input = "HSG-1";
  link.order = "1000042";
  link.report = "G-HSG-1";
  link.quantity = ea(10);
  link.unit = "EA";
  auto g = produced({"HSG-1"});
  g.then_effects({"tell batch/HSG-1"});
  g.when_from("inspection/I", inspect("I"))
      .when_from("inspection/I", decide("I", lot::Decision::accept))
      .then_state(allocatable(0))
      .when_from("shipment/S", allocate(1, "S"))
      .then_refused("batch.genealogy_pending")
      .when_from("batch/HSG-1", link)
      .then_event_names({"InputLinked"})
      .then_state(allocatable(10))
      .when_from("batch/HSG-1", link)
      .then_nothing();
  const auto row = g.row<lot::GenealogyUpRowT>("genealogy_up", "0000000001");
  BOOST_REQUIRE(row);
  BOOST_CHECK_EQUAL(row->link->batch, "HSG-1");
  BOOST_CHECK_EQUAL(row->link->quantity.to_string(), "10");
  BOOST_CHECK_EQUAL(row->link->order, "1000042");
}

BOOST_AUTO_TEST_CASE(an_input_taken_back_is_no_longer_waited_for) {
  lot::UnlinkInputT unlink;
  unlink.input = "HSG-1";
  unlink.order = "1000042";
  unlink.report = "G-HSG-1";
  produced({"HSG-1"})
      .when_from("batch/HSG-1", unlink)
      .then_event_names({"InputUnlinked"})
      .then_state([](const lot::StateT& s) { BOOST_CHECK(s.awaiting.empty()); })
      .when_from("batch/HSG-1", unlink)
      .then_nothing();
}

BOOST_AUTO_TEST_CASE(an_inherited_hold_ends_when_its_last_origin_is_released) {
  lot::LiftHoldT lift;
  lift.hold = "H-1";
  lift.origin = "A";
  auto g = stocked();
  g.when_from("order/1", link_to("PMP-1"))
      .when_from("batch/A", inherit("H-1", "A"))
      .then_event_names({"HoldInherited"})
      .then_effects({"tell batch/PMP-1", "tell hold/H-1"})
      .then_state(allocatable(0))
      .when_from("batch/A2", inherit("H-1", "A"))
      .then_nothing()
      .when_from("batch/B", inherit("H-1", "B"))
      .then_effects({"tell batch/PMP-1", "tell hold/H-1"})
      .when(release("H-1"), System::qms)
      .then_refused("batch.hold_inherited")
      .when_from("batch/A", lift)
      .then_event_names({"HoldLifted"})
      .then_effects({"tell batch/PMP-1"})
      .then_state(allocatable(0));
  lift.origin = "B";
  g.when_from("batch/B", lift)
      .then_effects({"tell batch/PMP-1", "tell hold/H-1", "tell material/HOUSING"})
      .then_state(allocatable(100))
      .when_from("batch/B", lift)
      .then_nothing();
}

BOOST_AUTO_TEST_CASE(a_circle_of_lots_does_not_hold_itself_for_ever) {
  stocked()
      .when(place("H-1"), System::qms)
      .when_from("batch/PMP-1", inherit("H-1", "HSG-1"))
      .then_nothing()
      .when(release("H-1"), System::qms)
      .then_state(allocatable(100));
}

BOOST_AUTO_TEST_CASE(a_hold_placed_here_too_outlives_the_inherited_one) {
  lot::LiftHoldT lift;
  lift.hold = "H-1";
  lift.origin = "A";
  stocked()
      .when_from("batch/A", inherit("H-1", "A"))
      .when(place("H-1"), System::qms)
      .then_event_names({"HoldPlaced"})
      .when_from("batch/A", lift)
      .then_state(allocatable(0))
      .when(release("H-1"), System::qms)
      .then_state(allocatable(100));
}

BOOST_AUTO_TEST_CASE(an_ended_link_is_not_made_again_by_a_late_message) {
  lot::UnlinkOutputT unlink;
  unlink.output = "PMP-1";
  unlink.order = "1000042";
  unlink.report = "G-1";
  stocked()
      .when_from("order/1", link_to("PMP-1"))
      .when_from("batch/PMP-1", unlink)
      .then_event_names({"OutputUnlinked"})
      .when_from("order/1", link_to("PMP-1"))
      .then_event_names({})
      .then_effects({"tell batch/PMP-1"});
}

// ---- inspections ----

BOOST_AUTO_TEST_CASE(accepting_moves_inspection_stock_to_unrestricted) {
  auto g = produced();
  g.bound(System::erp)
      .when_from("inspection/I", inspect("I"))
      .then_event_names({"InspectionStarted"})
      .then_state([](const lot::StateT& s) { BOOST_CHECK(s.quality == lot::Quality::under_test); })
      .when_from("inspection/I", inspect("I"))
      .then_refused("batch.inspection_exists")
      .when_from("inspection/I", decide("I", lot::Decision::accept))
      .then_event_names({"UsageDecided"})
      .then_effects({"deliver erp usage/PMP-1 usage~1~I", "tell material/PUMP"})
      .then_state(stock(1, lot::StockType::unrestricted, 10))
      .then_state(allocatable(10))
      .when_from("inspection/I", decide("I", lot::Decision::accept))
      .then_refused("batch.inspection_unknown");
}

BOOST_AUTO_TEST_CASE(a_rejection_blocks_and_holds_and_a_retest_releases_both) {
  auto g = produced();
  g.when_from("inspection/IL-1", inspect("IL-1"))
      .when_from("inspection/IL-1", decide("IL-1", lot::Decision::reject))
      .then_event_names({"UsageDecided", "HoldPlaced"})
      .then_effects({"tell hold/IL-1"})
      .then_state(stock(1, lot::StockType::blocked, 10))
      .then_state(allocatable(0))
      .then_state([](const lot::StateT& s) {
        BOOST_CHECK(s.quality == lot::Quality::rejected);
        BOOST_CHECK_EQUAL(s.holds.at(0).hold, "IL-1");
      })
      .when_from("shipment/S-1", allocate(5))
      .then_refused("batch.held")
      .when(place("H-9"), System::mes)
      .when(release("H-9"), System::mes)
      .then_refused("command.not_owner")
      .when(release("H-9"), System::qms)
      .then_accepted()
      .when_from("inspection/IL-2", inspect("IL-2", "IL-0"))
      .then_refused("batch.inspection_unknown")
      .when_from("inspection/IL-2", inspect("IL-2", "IL-1"))
      .when_from("inspection/IL-2", decide("IL-2", lot::Decision::accept))
      .then_event_names({"UsageDecided", "HoldReleased"})
      .then_effects({"tell hold/IL-1", "tell material/PUMP"})
      .then_state(allocatable(10))
      .then_state([](const lot::StateT& s) { BOOST_CHECK(s.holds.empty()); })
      .when_from("shipment/S-1", allocate(5))
      .then_accepted()
      .when_from("shipment/S-1", pick())
      .when_from("shipment/S-1", ship())
      .then_accepted()
      .then_state(allocatable(5));
}

BOOST_AUTO_TEST_CASE(a_failed_retest_replaces_the_hold) {
  produced()
      .when_from("inspection/1", inspect("1"))
      .when_from("inspection/1", decide("1", lot::Decision::reject))
      .when_from("inspection/2", inspect("2", "1"))
      .when_from("inspection/2", decide("2", lot::Decision::reject))
      .then_event_names({"UsageDecided", "HoldPlaced", "HoldReleased"})
      .then_state([](const lot::StateT& s) {
        BOOST_REQUIRE_EQUAL(s.holds.size(), 1u);
        BOOST_CHECK_EQUAL(s.holds[0].hold, "2");
      });
}

BOOST_AUTO_TEST_CASE(a_conditional_decision_over_partial_quantities) {
  auto c = decide("I", lot::Decision::conditional);
  auto& part = c.quantities.emplace_back();
  part.stock = lot::StockType::blocked;
  part.quantity = ea(3);
  part.unit = "EA";
  produced()
      .when_from("inspection/I", inspect("I"))
      .when_from("inspection/I", c)
      .then_state(stock(2, lot::StockType::blocked, 3))
      .then_state(allocatable(7))
      .then_state([](const lot::StateT& s) {
        BOOST_CHECK(s.quality == lot::Quality::conditionally_released);
      });
  c.quantities[0].quantity = ea(11);
  produced()
      .when_from("inspection/I", inspect("I"))
      .when_from("inspection/I", c)
      .then_refused("batch.quantities_mismatch");
  c.quantities[0].unit = "KGM";
  produced()
      .when_from("inspection/I", inspect("I"))
      .when_from("inspection/I", c)
      .then_refused("batch.unit_mismatch");
}

BOOST_AUTO_TEST_CASE(a_cancelled_inspection_leaves_the_quality_as_it_was) {
  lot::CancelInspectionT c;
  c.inspection = "I";
  stocked()
      .when_from("inspection/I", inspect("I"))
      .then_state(allocatable(0))
      .when_from("inspection/I", c)
      .then_event_names({"InspectionCancelled"})
      .then_state(allocatable(100))
      .when_from("inspection/I", c)
      .then_nothing();
}

BOOST_AUTO_TEST_CASE(another_open_inspection_keeps_the_lot_under_test) {
  produced()
      .when_from("inspection/1", inspect("1"))
      .when_from("inspection/2", inspect("2"))
      .when_from("inspection/1", decide("1", lot::Decision::accept))
      .then_state(allocatable(0))
      .when_from("inspection/2", decide("2", lot::Decision::accept))
      .then_state(allocatable(10));
}

BOOST_AUTO_TEST_CASE(references_of_outer_systems_are_kept) {
  lot::SetReferenceT c;
  c.mes_id = "M-1";
  stocked()
      .when(c, System::mes)
      .then_event_names({"ReferenceSet"})
      .then_state([](const lot::StateT& s) { BOOST_CHECK_EQUAL(s.mes_id, "M-1"); });
}
