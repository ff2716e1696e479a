// layer: actors
// Confirmations of operations, given-when-then: posted once, parked, cancelled, and on their way
// into the ERP.
#define BOOST_TEST_MODULE order_confirmations
#include "tests/order_given.hpp"

using namespace millrace;
using namespace millrace::testing;
using namespace millrace::testing::orders;

BOOST_AUTO_TEST_CASE(a_confirmation_is_one_record_without_effects) {
  auto g = released();
  auto c = confirm();
  c.labour = "PT55M";
  c.occurred_at = timestamp::parse("2026-11-24T08:00:00Z").value();
  g.when(c, System::mes)
      .then_accepted()
      .then_event_names({"OperationConfirmed"})
      .then_effects({})
      .then_state([&](const StateT& s) {
        BOOST_CHECK(s.operations[0].yield == decimal::from_units(10));
        BOOST_CHECK(s.operations[0].status == OperationStatus::confirmed);
        BOOST_CHECK_EQUAL(s.operations[0].labour, "PT55M");
        BOOST_CHECK(s.operations[0].finished == c.occurred_at);
        BOOST_CHECK(s.confirmation == Progress::partial);
        BOOST_CHECK(s.dispatch == Dispatch::running);
        BOOST_CHECK(s.yield.is_zero());
        BOOST_CHECK_EQUAL(s.confirmations, 1u);
      });
  const auto row = g.row<ConfirmationT>("confirmations", "C-1");
  BOOST_REQUIRE(row && row->erp);
  BOOST_CHECK(row->erp->status == PostingStatus::posted);
  BOOST_CHECK(row->erp->posted_at == g.now());
  g.when(confirm("C-2", "0020"), System::mes).then_state([](const StateT& s) {
    BOOST_CHECK(s.confirmation == Progress::final);
    BOOST_CHECK(s.dispatch == Dispatch::completed);
    BOOST_CHECK(s.yield == decimal::from_units(10));
  });
}

BOOST_AUTO_TEST_CASE(increments_add_up_until_the_final_one) {
  released()
      .when(confirm("C-1", "0010", 4, false), System::mes)
      .when(confirm("C-2", "0010", 6, false), System::mes)
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.operations[0].yield == decimal::from_units(10));
        BOOST_CHECK(s.operations[0].status == OperationStatus::started);
      });
  released()
      .rule("operation.completed_by", "quantity")
      .when(confirm("C-1", "0010", 4, false), System::mes)
      .when(confirm("C-2", "0010", 6, false), System::mes)
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.operations[0].status == OperationStatus::confirmed);
      });
}

BOOST_AUTO_TEST_CASE(the_same_confirmation_twice_counts_once) {
  auto other = confirm();
  other.yield = decimal::from_units(9);
  released()
      .when(confirm(), System::mes)
      .after_ms(60'000)
      .when(confirm(), System::mes)
      .then_accepted()
      .then_nothing()
      .when(other, System::mes)
      .then_refused("order.report_differs");
}

BOOST_AUTO_TEST_CASE(confirmations_come_in_other_units) {
  auto boxes = confirm();
  boxes.unit = "BX";
  boxes.yield = decimal::from_units(2);
  auto kilos = confirm("C-9");
  kilos.unit = "KGM";
  released()
      .when(boxes, System::mes)
      .then_state(
          [](const StateT& s) { BOOST_CHECK(s.operations[0].yield == decimal::from_units(24)); })
      .when(kilos, System::mes)
      .then_refused("order.unit_not_convertible");
}

BOOST_AUTO_TEST_CASE(confirmations_that_cannot_be_posted_wait) {
  created().when(confirm(), System::mes).then_parked("order.not_released").then_nothing();
  released().when(confirm("C-1", "0099"), System::mes).then_parked("order.operation_unknown");
  auto duration = confirm();
  duration.labour = "one hour";
  released().when(duration, System::mes).then_refused("request.invalid");
  auto date = confirm();
  date.posting_date = "24.11.2026";
  released().when(date, System::mes).then_refused("request.invalid");
}

BOOST_AUTO_TEST_CASE(a_confirmation_is_cancelled_by_its_id) {
  auto c = confirm();
  c.scrap = decimal::from_units(1);
  auto g = released();
  g.when(c, System::mes)
      .when(cancel_confirmation(), System::mes)
      .then_event_names({"ConfirmationCancelled"})
      .then_effects({})
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.operations[0].yield.is_zero());
        BOOST_CHECK(s.scrap.is_zero());
        BOOST_CHECK(s.operations[0].status == OperationStatus::released);
        BOOST_CHECK(s.confirmation == Progress::none);
        BOOST_CHECK_EQUAL(s.confirmations, 0u);
      })
      .when(cancel_confirmation(), System::mes)
      .then_nothing()
      .when(c, System::mes)
      .then_nothing();
  BOOST_CHECK(g.row<ConfirmationT>("confirmations", "C-1")->cancelled);
  released().when(cancel_confirmation(), System::mes).then_parked("order.report_unknown");
}

BOOST_AUTO_TEST_CASE(with_an_erp_every_report_goes_on_its_way_and_comes_back_posted) {
  auto g = released();
  g.bound(System::erp)
      .when(confirm(), System::mes)
      .then_effects({"tell production_confirmation/1000042"})
      .then_state([](const StateT& s) { BOOST_CHECK_EQUAL(s.postings_open, 1u); });
  BOOST_CHECK(g.row<ConfirmationT>("confirmations", "C-1")->erp->status == PostingStatus::accepted);
  MarkPostedT word;
  word.report = "C-1";
  word.erp = std::make_unique<ErpT>();
  word.erp->status = PostingStatus::refused;
  word.erp->reason = "period closed";
  g.when_from("production_confirmation/1000042", word)
      .then_event_names({"ReportPosted"})
      .then_state([](const StateT& s) {
        BOOST_CHECK_EQUAL(s.postings_open, 0u);
        BOOST_CHECK_EQUAL(s.postings_refused, 1u);
      });
  word.erp->status = PostingStatus::posted;
  word.erp->document = "4900001";
  g.when_from("production_confirmation/1000042", word).then_state([](const StateT& s) {
    BOOST_CHECK_EQUAL(s.postings_refused, 0u);
  });
  BOOST_CHECK_EQUAL(g.row<ConfirmationT>("confirmations", "C-1")->erp->document, "4900001");
  g.when(confirm(), System::mes).then_nothing();  // still the same report
  g.when(cancel_confirmation(), System::mes).then_effects({"tell production_confirmation/1000042"});
  word.kind = ReportKind::cancel_confirmation;
  g.when_from("production_confirmation/1000042", word).then_state([](const StateT& s) {
    BOOST_CHECK_EQUAL(s.postings_open, 0u);
  });
  BOOST_CHECK(g.row<ConfirmationT>("confirmations", "C-1")->erp->status ==
              PostingStatus::cancelled);
  word.report = "C-77";
  g.when_from("production_confirmation/1000042", word).then_nothing();
}
