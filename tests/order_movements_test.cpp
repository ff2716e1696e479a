// layer: actors
// Consumption and production, given-when-then: asked, granted, parked, refused, linked, reversed;
// and the exchange.
#define BOOST_TEST_MODULE order_movements
#include "tests/order_given.hpp"

using namespace millrace;
using namespace millrace::testing;
using namespace millrace::testing::orders;

// --- goods movements ---

BOOST_AUTO_TEST_CASE(consumption_asks_the_lot_and_posts_when_it_grants) {
  auto g = released();
  g.command_id(asker)
      .origin(asker)
      .when(consume(), System::mes)
      .then_pending()
      .then_event_names({"ConsumptionReported"})
      .then_effects({"ask batch/HSG-0001 consumption/G-1"});
  const auto asked_lot = g.sent<actors::batch, lot::ConsumeT>();
  BOOST_REQUIRE(asked_lot);
  BOOST_CHECK_EQUAL(asked_lot->order, "1000042");
  BOOST_CHECK(asked_lot->outputs.empty());
  g.when_granted<actors::batch>("batch/HSG-0001", "consumption/G-1", lot_consumed())
      .then_event_names({"ComponentConsumed"})
      .then_effects({})
      .then_settled(asker)
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.components[0].consumed == decimal::from_units(10));
        BOOST_REQUIRE_EQUAL(s.inputs.size(), 1u);
        BOOST_CHECK_EQUAL(s.inputs[0].batch, "HSG-0001");
        BOOST_CHECK_EQUAL(s.movements_open, 0u);
      })
      .when_granted<actors::batch>("batch/HSG-0001", "consumption/G-1", lot_consumed())
      .then_nothing()
      .when(consume(), System::mes)
      .then_accepted()
      .then_nothing()
      .when(consume("G-1", 9), System::mes)
      .then_refused("order.report_differs");
  BOOST_CHECK(g.row<ConsumptionRowT>("consumptions", "G-1")->movement->erp->status ==
              PostingStatus::posted);
}

BOOST_AUTO_TEST_CASE(over_consumption_becomes_an_exception_and_posts_itself_later) {
  auto g = released();
  g.command_id(asker)
      .origin(asker)
      .when(consume("G-1", 500), System::mes)
      .when_parked("batch/HSG-0001", "consumption/G-1", "batch.short_stock", "batch~HSG-0001~1")
      .then_event_names({"MovementParked"})
      .then_settled(asker, engine::Outcome::parked, "batch.short_stock")
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.components[0].consumed.is_zero());
        BOOST_CHECK(s.inputs.empty());
        BOOST_CHECK_EQUAL(s.movements_open, 1u);
      })
      .when(produce(), System::mes)
      .when_granted<actors::batch>("batch/PMP-0001", "production/P-1", lot_produced())
      .when_granted<actors::batch>("batch/HSG-0001", "consumption/G-1", lot_consumed(500))
      .then_event_names({"ComponentConsumed"})
      .then_effects({"tell batch/HSG-0001"})  // linked to the output that has come meanwhile
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.components[0].consumed == decimal::from_units(500));
        BOOST_CHECK_EQUAL(s.movements_open, 0u);
      });
  BOOST_CHECK(g.last().settles.empty());
  const auto link = g.sent<actors::batch, lot::LinkOutputT>();
  BOOST_REQUIRE(link);
  BOOST_CHECK_EQUAL(link->output, "PMP-0001");
  BOOST_CHECK(link->quantity == decimal::from_units(500));
}

BOOST_AUTO_TEST_CASE(a_corrected_exception_posts_what_the_lot_posted) {
  released()
      .when(consume("G-1", 500), System::mes)
      .when_parked("batch/HSG-0001", "consumption/G-1", "batch.short_stock", "x")
      .when_granted<actors::batch>("batch/HSG-0001", "consumption/G-1", lot_consumed(5))
      .then_state(
          [](const StateT& s) { BOOST_CHECK(s.components[0].consumed == decimal::from_units(5)); });
}

BOOST_AUTO_TEST_CASE(a_discarded_exception_leaves_nothing_posted) {
  auto g = released();
  g.when(consume("G-1", 500), System::mes)
      .when_parked("batch/HSG-0001", "consumption/G-1", "batch.short_stock", "x")
      .when_refused("batch/HSG-0001", "consumption/G-1", "exception.discarded")
      .then_event_names({"MovementRefused"})
      .then_state([](const StateT& s) { BOOST_CHECK_EQUAL(s.movements_open, 0u); })
      .when(consume("G-1", 500), System::mes)
      .then_nothing();
}

BOOST_AUTO_TEST_CASE(held_stock_is_linked_at_once_and_posted_later) {
  auto g = released();
  g.when(produce("P-0", "PMP-0000", 1), System::mes)
      .when_granted<actors::batch>("batch/PMP-0000", "production/P-0", lot_produced(1));
  g.when(consume(), System::mes);
  BOOST_CHECK_EQUAL((g.sent<actors::batch, lot::ConsumeT>()->outputs.at(0)), "PMP-0000");
  g.when_parked("batch/HSG-0001", "consumption/G-1", "batch.held", "x")
      .then_effects({})
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.components[0].consumed.is_zero());
        BOOST_CHECK_EQUAL(s.inputs.size(), 1u);
      });
  g.when(produce(), System::mes);
  BOOST_REQUIRE((g.sent<actors::batch, lot::ProduceT>()));
  BOOST_CHECK_EQUAL((g.sent<actors::batch, lot::ProduceT>()->inputs.size()), 1u);
  g.when_granted<actors::batch>("batch/PMP-0001", "production/P-1", lot_produced())
      .then_effects({});
  g.when_granted<actors::batch>("batch/HSG-0001", "consumption/G-1", lot_consumed())
      .then_effects({})
      .then_state([](const StateT& s) {
        BOOST_CHECK_EQUAL(s.inputs.size(), 1u);
        BOOST_CHECK(s.components[0].consumed == decimal::from_units(10));
      });
}

BOOST_AUTO_TEST_CASE(a_refusal_of_the_lot_is_the_callers) {
  released()
      .command_id(asker)
      .origin(asker)
      .when(consume(), System::mes)
      .when_refused("batch/HSG-0001", "consumption/G-1", "batch.unit_mismatch")
      .then_event_names({"MovementRefused"})
      .then_settled(asker, engine::Outcome::refused, "batch.unit_mismatch")
      .when(consume("G-1", 7), System::mes)  // nothing was posted: the id may be used again
      .then_pending();
}

BOOST_AUTO_TEST_CASE(consumption_that_cannot_be_asked_for_waits_or_is_refused) {
  auto no_batch = consume();
  no_batch.batch.clear();
  auto wrong = consume();
  wrong.operation = "0099";
  auto unit = consume();
  unit.unit = "KGM";
  released().when(no_batch, System::mes).then_parked("order.batch_missing");
  released().when(wrong, System::mes).then_parked("order.operation_unknown");
  released().when(unit, System::mes).then_refused("order.unit_not_convertible");
  created().when(consume(), System::mes).then_parked("order.not_released");
}

BOOST_AUTO_TEST_CASE(a_material_without_batches_has_an_anonymous_lot_per_location) {
  auto c = consume();
  c.batch.clear();
  c.location = "HALL-2";
  auto g = released();
  g.reference<actors::material>("HOUSING", housing(false))
      .when(c, System::mes)
      .then_effects({"ask batch/HOUSING~HALL-2 consumption/G-1"});
  g.when_granted<actors::batch>("batch/HOUSING~HALL-2", "consumption/G-1", lot_consumed())
      .when(c, System::mes)
      .then_nothing();
}

BOOST_AUTO_TEST_CASE(what_was_not_planned_is_added) {
  auto c = consume();
  c.material = "GREASE";
  c.batch = "GR-1";
  released()
      .when(c, System::mes)
      .when_granted<actors::batch>("batch/GR-1", "consumption/G-1", lot_consumed())
      .then_state([](const StateT& s) {
        BOOST_REQUIRE_EQUAL(s.components.size(), 2u);
        BOOST_CHECK(s.components[1].unplanned);
      });
}

BOOST_AUTO_TEST_CASE(production_makes_a_lot_out_of_all_inputs) {
  auto g = executed();
  g.then_event_names({"ProductProduced"}).then_state([](const StateT& s) {
    BOOST_CHECK(s.delivered == decimal::from_units(10));
    BOOST_CHECK(s.delivery == Progress::final);
    BOOST_CHECK_EQUAL(s.outputs.size(), 1u);
  });
  g.when(produce("P-2", "PMP-0002", 1), System::mes);
  const auto made = g.sent<actors::batch, lot::ProduceT>();
  BOOST_REQUIRE(made);
  BOOST_REQUIRE_EQUAL(made->inputs.size(), 1u);
  BOOST_CHECK_EQUAL(made->inputs[0].batch, "HSG-0001");
  BOOST_CHECK(made->inputs[0].quantity == decimal::from_units(10));
  BOOST_CHECK(made->inputs[0].basis == lot::Basis::order);
}

BOOST_AUTO_TEST_CASE(a_reported_output_links_only_to_its_own_inputs) {
  auto c = consume();
  c.output_batch = "PMP-0001";
  auto g = released();
  g.when(c, System::mes)
      .when_granted<actors::batch>("batch/HSG-0001", "consumption/G-1", lot_consumed());
  g.when(produce("P-2", "PMP-0002"), System::mes);
  BOOST_CHECK((g.sent<actors::batch, lot::ProduceT>()->inputs.empty()));
  g.when_granted<actors::batch>("batch/PMP-0002", "production/P-2", lot_produced());
  g.when(produce(), System::mes);
  const auto made = g.sent<actors::batch, lot::ProduceT>();
  BOOST_REQUIRE_EQUAL(made->inputs.size(), 1u);
  BOOST_CHECK(made->inputs[0].basis == lot::Basis::reported);
}

BOOST_AUTO_TEST_CASE(inputs_and_outputs_that_cross_are_linked_once) {
  auto g = released();
  g.when(consume(), System::mes).when(produce(), System::mes);  // neither lot knows of the other
  g.when_granted<actors::batch>("batch/HSG-0001", "consumption/G-1", lot_consumed())
      .then_effects({});
  g.when_granted<actors::batch>("batch/PMP-0001", "production/P-1", lot_produced())
      .then_effects({"tell batch/HSG-0001"});
}

BOOST_AUTO_TEST_CASE(over_delivery_waits_by_tolerance) {
  released()
      .rule("tolerance.over_delivery_percent", "10")
      .when(produce("P-1", "B", 11), System::mes)
      .then_pending();
  released()
      .rule("tolerance.over_delivery_percent", "10")
      .when(produce("P-1", "B", 12), System::mes)
      .then_parked("order.over_delivery");
  released().when(produce("P-1", "B", 12), System::mes).then_pending();
}

BOOST_AUTO_TEST_CASE(a_by_product_delivers_nothing_of_the_product) {
  auto c = produce("P-1", "CHIPS-1", 3);
  c.material = "CHIPS";
  c.use = lot::MaterialUse::by_product;
  released()
      .when(c, System::mes)
      .when_granted<actors::batch>("batch/CHIPS-1", "production/P-1", lot_produced(3))
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.delivered.is_zero());
        BOOST_CHECK(s.delivery == Progress::none);
        BOOST_CHECK_EQUAL(s.outputs.size(), 1u);
      });
}

// --- reversals ---

BOOST_AUTO_TEST_CASE(a_consumption_is_reversed_at_its_lot) {
  auto g = executed();
  g.command_id(asker)
      .origin(asker)
      .when(reverse_consumption(), System::mes)
      .then_pending()
      .then_event_names({"ReversalRequested"})
      .then_effects({"ask batch/HSG-0001 reverse_consumption/G-1"})
      .when(reverse_consumption(), System::mes)
      .then_nothing()
      .when_granted<actors::batch>("batch/HSG-0001", "reverse_consumption/G-1",
                                   lot::ConsumptionReversedT())
      .then_event_names({"MovementReversed"})
      .then_settled(asker)
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.components[0].consumed.is_zero());
        BOOST_CHECK(s.inputs[0].removed);
      })
      .when(reverse_consumption(), System::mes)
      .then_nothing();
  BOOST_CHECK(g.row<ConsumptionRowT>("consumptions", "G-1")->movement->status ==
              MovementStatus::reversed);
}

BOOST_AUTO_TEST_CASE(a_production_is_reversed_at_its_lot) {
  executed()
      .when(reverse_production(), System::mes)
      .when_granted<actors::batch>("batch/PMP-0001", "reverse_production/P-1",
                                   lot::ProductionReversedT())
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.delivered.is_zero());
        BOOST_CHECK(s.delivery == Progress::none);
        BOOST_CHECK(s.outputs[0].removed);
      });
}

BOOST_AUTO_TEST_CASE(a_reversal_that_the_lot_cannot_do_waits_there_or_is_refused) {
  executed()
      .command_id(asker)
      .origin(asker)
      .when(reverse_production(), System::mes)
      .when_parked("batch/PMP-0001", "reverse_production/P-1", "batch.short_stock", "x")
      .then_event_names({"ReversalRefused"})
      .then_settled(asker, engine::Outcome::parked, "batch.short_stock")
      .when_granted<actors::batch>("batch/PMP-0001", "reverse_production/P-1",
                                   lot::ProductionReversedT())
      .then_event_names({"MovementReversed"});
  executed()
      .command_id(asker)
      .origin(asker)
      .when(reverse_production(), System::mes)
      .when_refused("batch/PMP-0001", "reverse_production/P-1", "batch.held")
      .then_settled(asker, engine::Outcome::refused, "batch.held")
      .then_state([](const StateT& s) { BOOST_CHECK(s.delivered == decimal::from_units(10)); })
      .when(reverse_production(), System::mes)
      .then_pending();
}

BOOST_AUTO_TEST_CASE(reversals_wait_for_what_they_reverse) {
  released().when(reverse_consumption("G-7"), System::mes).then_parked("order.report_unknown");
  released()
      .when(consume(), System::mes)
      .when(reverse_consumption(), System::mes)
      .then_parked("order.report_not_posted");
}

BOOST_AUTO_TEST_CASE(reposting_does_not_make_anyone_wait) {
  auto g = released();
  g.reposting()
      .when(consume(), System::mes)
      .then_accepted()
      .then_effects({"ask batch/HSG-0001 consumption/G-1"});
}

// --- the exchange of the issue ---

BOOST_AUTO_TEST_CASE(the_exchange_of_the_issue) {
  auto g = executed();
  g.when(confirm("C-1", "0010"), System::mes).then_accepted();
  g.then_state([](const StateT& s) {
    BOOST_CHECK(s.life == Life::released);
    BOOST_CHECK(s.delivery == Progress::final);
    BOOST_CHECK(s.confirmation == Progress::partial);
    BOOST_CHECK(s.components[0].consumed == decimal::from_units(10));
    BOOST_CHECK(s.blockers.empty());
  });
}
