// layer: actors
// The shipment: planned, filled by what batches grant, picked, shipped; what a hold takes away it
// no longer has.
#define BOOST_TEST_MODULE shipment
#include <boost/test/unit_test.hpp>

#include "actors/batch.hpp"
#include "actors/shipment.hpp"
#include "tests/kind_harness.hpp"
#include "tests/transition_table.hpp"

namespace {

using namespace millrace;
using namespace millrace::testing;
using shipment_kind = actors::shipment;
namespace goods = millrace::shipment;
namespace lot = millrace::batch;
using goods::Life;

decimal ea(std::int64_t units) { return decimal::from_units(units); }
std::string tag(std::string_view what, std::string_view batch = "B-1") {
  return std::string(what) + "\x1f" + "10" + "\x1f" + std::string(batch);
}

goods::PlanT plan() {
  goods::PlanT c;
  c.customer = "C-77";
  auto& item = c.items.emplace_back();
  item.item = "10";
  item.material = "PUMP";
  item.quantity = ea(5);
  item.unit = "EA";
  return c;
}
goods::AllocateT allocate(std::int64_t quantity, std::string batch = "B-1") {
  goods::AllocateT c;
  c.item = "10";
  c.batch = std::move(batch);
  c.quantity = ea(quantity);
  c.unit = "EA";
  return c;
}
goods::DeallocateT deallocate(std::string batch = "B-1") {
  goods::DeallocateT c;
  c.item = "10";
  c.batch = std::move(batch);
  return c;
}
goods::RevokeAllocationT revoke(std::string batch = "B-1") {
  goods::RevokeAllocationT c;
  c.item = "10";
  c.batch = std::move(batch);
  c.hold = "H-9";
  return c;
}
constexpr hash128 asked{7, 7};

given<shipment_kind> planned() {
  given<shipment_kind> g;
  g.id("S-1").command_id(asked).when(plan(), System::wms);
  return g;
}
given<shipment_kind> allocated() {
  auto g = planned();
  g.when(allocate(5), System::wms).when_granted<actors::batch>("batch/B-1", tag("allocate"));
  return g;
}
given<shipment_kind> picked() {
  auto g = allocated();
  g.when(goods::PickT(), System::wms).when_granted<actors::batch>("batch/B-1", tag("pick"));
  return g;
}
auto life(Life wanted) {
  return [wanted](const goods::StateT& s) {
    BOOST_CHECK_MESSAGE(s.life == wanted, "life is " << EnumNameLife(s.life));
  };
}

}  // namespace

BOOST_AUTO_TEST_CASE(planned_once_with_distinct_items) {
  planned()
      .then_event_names({"Planned"})
      .then_state(life(Life::planned))
      .when(plan(), System::wms)
      .then_refused("shipment.exists");
  auto twice = plan();
  twice.items.push_back(twice.items[0]);
  given<shipment_kind>().when(twice, System::wms).then_refused("shipment.item_twice");
  twice.items.clear();
  given<shipment_kind>().when(twice, System::wms).then_refused("shipment.empty");
}

BOOST_AUTO_TEST_CASE(an_allocation_is_asked_of_the_batch) {
  lot::AllocateT ask;
  ask.shipment = "S-1";
  ask.item = "10";
  ask.quantity = ea(5);
  ask.unit = "EA";
  ask.material = "PUMP";
  ask.customer = "C-77";
  planned()
      .when(allocate(5), System::wms)
      .then_pending()
      .then_sent<actors::batch>("B-1", ask)
      .then_state(life(Life::planned))
      .when_granted<actors::batch>("batch/B-1", tag("allocate"))
      .then_event_names({"Allocated"})
      .then_settled(asked)
      .then_state(life(Life::allocated));
}

BOOST_AUTO_TEST_CASE(the_batchs_refusal_reaches_the_caller) {
  planned()
      .when(allocate(5), System::wms)
      .when_refused("batch/B-1", tag("allocate"), "batch.held", "Open holds: IL-1.")
      .then_event_names({"AllocationRefused"})
      .then_settled(asked, engine::Outcome::refused, "batch.held")
      .then_state(life(Life::planned))
      .when(allocate(5), System::wms)
      .then_pending();
}

BOOST_AUTO_TEST_CASE(allocations_that_cannot_be_are_refused_before_the_batch_is_asked) {
  auto c = allocate(5);
  c.item = "20";
  planned().when(c, System::wms).then_refused("shipment.item_unknown");
  planned().when(allocate(6), System::wms).then_refused("shipment.over_allocated");
  c = allocate(5);
  c.unit = "KGM";
  planned().when(c, System::wms).then_refused("shipment.unit_mismatch");
  planned()
      .when(allocate(3), System::wms)
      .when(allocate(1), System::wms)
      .then_refused("shipment.allocated_already")
      .when(allocate(3, "B-2"), System::wms)
      .then_refused("shipment.over_allocated")
      .when(allocate(2, "B-2"), System::wms)
      .then_pending();
}

BOOST_AUTO_TEST_CASE(picked_and_shipped_when_every_batch_agrees) {
  auto g = planned();
  g.bound(System::erp)
      .when(allocate(3), System::wms)
      .when_granted<actors::batch>("batch/B-1", tag("allocate"))
      .when(goods::PickT(), System::wms)
      .then_refused("shipment.not_allocated")
      .when(allocate(2, "B-2"), System::wms)
      .when_granted<actors::batch>("batch/B-2", tag("allocate", "B-2"))
      .when(goods::ShipT(), System::wms)
      .then_refused("shipment.not_picked")
      .when(goods::PickT(), System::wms)
      .then_pending()
      .then_effects({"ask batch/B-1 " + tag("pick"), "ask batch/B-2 " + tag("pick", "B-2")})
      .when(goods::PickT(), System::wms)
      .then_refused("shipment.busy")
      .when(deallocate(), System::wms)
      .then_refused("shipment.busy")
      .when_granted<actors::batch>("batch/B-2", tag("pick", "B-2"))
      .then_event_names({"ItemPicked"})
      .when_granted<actors::batch>("batch/B-1", tag("pick"))
      .then_event_names({"ItemPicked", "Picked"})
      .then_settled(asked)
      .then_state(life(Life::picked))
      .when(goods::PickT(), System::wms)
      .then_nothing()
      .when(goods::ShipT(), System::wms)
      .then_pending()
      .when_granted<actors::batch>("batch/B-1", tag("ship"))
      .then_effects({"deliver erp shipment/S-1 issue~10~B-1"})
      .when_granted<actors::batch>("batch/B-2", tag("ship", "B-2"))
      .then_event_names({"ItemShipped", "Shipped"})
      .then_settled(asked)
      .then_state(life(Life::shipped))
      .when(goods::ShipT(), System::wms)
      .then_refused("shipment.shipped")
      .when(allocate(1), System::wms)
      .then_refused("shipment.shipped");
}

BOOST_AUTO_TEST_CASE(one_refused_batch_fails_the_operation_and_what_was_granted_stands) {
  auto g = planned();
  g.when(allocate(3), System::wms)
      .when_granted<actors::batch>("batch/B-1", tag("allocate"))
      .when(allocate(2, "B-2"), System::wms)
      .when_granted<actors::batch>("batch/B-2", tag("allocate", "B-2"))
      .when(goods::PickT(), System::wms)
      .when_refused("batch/B-1", tag("pick"), "batch.held")
      .when_granted<actors::batch>("batch/B-2", tag("pick", "B-2"))
      .then_event_names({"ItemPicked", "OperationFailed"})
      .then_settled(asked, engine::Outcome::refused, "batch.held")
      .then_state(life(Life::allocated))
      .when(goods::PickT(), System::wms)
      .then_effects({"ask batch/B-1 " + tag("pick")});
}

BOOST_AUTO_TEST_CASE(a_hold_takes_allocations_away_at_any_point_before_departure) {
  allocated()
      .when_from("batch/B-1", revoke())
      .then_event_names({"AllocationRevoked"})
      .then_state(life(Life::planned))
      .then_state([](const goods::StateT& s) { BOOST_CHECK_EQUAL(s.stopped.at(0), "H-9"); })
      .when_from("batch/B-1", revoke())
      .then_nothing();
  picked()
      .when_from("batch/B-1", revoke())
      .then_state(life(Life::planned))
      .when(goods::ShipT(), System::wms)
      .then_refused("shipment.not_picked");
  picked()
      .when(goods::ShipT(), System::wms)
      .when_from("batch/B-1", revoke())
      .then_event_names({"OperationRefused", "AllocationRevoked", "OperationFailed"})
      .then_settled(asked, engine::Outcome::refused, "batch.held")
      .when_refused("batch/B-1", tag("ship"), "batch.allocation_unknown")
      .then_nothing();
}

BOOST_AUTO_TEST_CASE(an_allocation_revoked_before_its_grant_arrives_is_refused_and_given_back) {
  planned()
      .when(allocate(5), System::wms)
      .when_from("batch/B-1", revoke())
      .then_settled(asked, engine::Outcome::refused, "batch.held")
      .when_granted<actors::batch>("batch/B-1", tag("allocate"))
      .then_event_names({})
      .then_effects({"tell batch/B-1"});
}

BOOST_AUTO_TEST_CASE(deallocated_by_the_batch) {
  allocated()
      .when(deallocate(), System::wms)
      .then_pending()
      .then_effects({"ask batch/B-1 " + tag("deallocate")})
      .when(deallocate(), System::wms)
      .then_refused("shipment.busy")
      .when(goods::PickT(), System::wms)
      .then_refused("shipment.busy")
      .when_granted<actors::batch>("batch/B-1", tag("deallocate"))
      .then_event_names({"Deallocated"})
      .then_settled(asked)
      .then_state(life(Life::planned))
      .when(deallocate(), System::wms)
      .then_refused("shipment.allocation_unknown");
}

BOOST_AUTO_TEST_CASE(cancelling_gives_everything_back) {
  allocated()
      .when(goods::CancelT(), System::wms)
      .then_event_names({"Cancelled"})
      .then_effects({"tell batch/B-1"})
      .then_state(life(Life::cancelled))
      .when(goods::CancelT(), System::wms)
      .then_refused("shipment.cancelled")
      .when(allocate(1), System::wms)
      .then_refused("shipment.cancelled");
  // What was still asked for is answered, and given back when it comes.
  planned()
      .when(allocate(5), System::wms)
      .when(goods::CancelT(), System::wms)
      .then_settled(asked, engine::Outcome::refused, "shipment.cancelled")
      .then_effects({})
      .when_granted<actors::batch>("batch/B-1", tag("allocate"))
      .then_effects({"tell batch/B-1"});
  picked()
      .when(goods::ShipT(), System::wms)
      .when(goods::CancelT(), System::wms)
      .then_refused("shipment.busy")
      .when_granted<actors::batch>("batch/B-1", tag("ship"))
      .when(goods::CancelT(), System::wms)
      .then_refused("shipment.shipped");
}

BOOST_AUTO_TEST_CASE(every_command_in_every_life) {
  using goods::Command;
  transition_table<shipment_kind> t;
  t.name_of = [](const goods::StateT& s) { return std::string(EnumNameLife(s.life)); };
  using subject = given<shipment_kind>;
  t.columns = {
      {"planned", [](subject& g) { g = planned(); }},
      {"allocated", [](subject& g) { g = allocated(); }},
      {"picked", [](subject& g) { g = picked(); }},
      {"shipped",
       [](subject& g) {
         g = picked();
         g.when(goods::ShipT(), System::wms).when_granted<actors::batch>("batch/B-1", tag("ship"));
       }},
      {"cancelled", [](subject& g) {
         g = planned();
         g.when(goods::CancelT(), System::wms).then_accepted();
       }}};
  const auto wms = [](auto command) {
    return [command](subject& g) { g.when(command, System::wms); };
  };
  t.rows = {{Command::Plan, wms(plan()), {"-exists", "-exists", "-exists", "-exists", "-exists"}},
            {Command::Allocate,
             wms(allocate(1)),
             {"?planned", "-allocated_already", "-allocated_already", "-shipped", "-cancelled"}},
            {Command::Deallocate,
             wms(deallocate()),
             {"-allocation_unknown", "?allocated", "?allocated", "-shipped", "-cancelled"}},
            {Command::Pick,
             wms(goods::PickT()),
             {"-not_allocated", "?allocated", "picked", "-shipped", "-cancelled"}},
            {Command::Ship,
             wms(goods::ShipT()),
             {"-not_picked", "-not_picked", "?picked", "-shipped", "-cancelled"}},
            {Command::Cancel,
             wms(goods::CancelT()),
             {"cancelled", "cancelled", "cancelled", "-shipped", "-cancelled"}},
            {Command::RevokeAllocation,
             [](subject& g) { g.when_from("batch/B-1", revoke()); },
             {"planned", "planned", "planned", "shipped", "cancelled"}}};
  t.check(goods::EnumValuesCommand());
}
