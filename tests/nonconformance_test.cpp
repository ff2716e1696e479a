// layer: actors
// The nonconformance: held, reviewed, decided by quantity, executed by task, verified, closed; and
// every way that is refused.
#define BOOST_TEST_MODULE nonconformance
#include <boost/test/unit_test.hpp>

#include "actors/batch.hpp"
#include "actors/capa.hpp"
#include "actors/nonconformance.hpp"
#include "actors/order.hpp"
#include "tests/kind_harness.hpp"
#include "tests/transition_table.hpp"

namespace {

using namespace millrace;
using namespace millrace::testing;
namespace nc = millrace::nonconformance;
using subject = actors::nonconformance;
using nc::Disposition;
using nc::Role;
using nc::Status;

decimal units(std::int64_t n) { return decimal::from_units(n); }

nc::RaiseT raise(std::vector<std::pair<std::string, std::int64_t>> lots = {{"PMP-1", 10}}) {
  nc::RaiseT c;
  c.title = "Scratched housing";
  c.severity = supplier::Severity::major;
  for (auto& [batch, quantity] : lots) {
    auto& lot = c.lots.emplace_back();
    lot.batch = batch;
    if (quantity != 0) lot.quantity = std::make_unique<decimal>(units(quantity));
    lot.unit = "EA";
  }
  return c;
}
nc::LineT line(Disposition disposition, std::int64_t quantity, std::string batch = "PMP-1") {
  nc::LineT out;
  out.disposition = disposition;
  out.batch = std::move(batch);
  out.quantity = units(quantity);
  out.unit = "EA";
  if (disposition == Disposition::regrade) out.target_material = "PUMP-B";
  return out;
}
nc::DisposeT dispose(std::vector<nc::LineT> lines) {
  nc::DisposeT c;
  c.lines = std::move(lines);
  c.reason = "as inspected";
  return c;
}
nc::ApproveDispositionT approval(Role role, std::string reference = {}) {
  nc::ApproveDispositionT c;
  c.role = role;
  c.reference = std::move(reference);
  return c;
}
nc::CompleteTaskT done(std::uint32_t task, std::string reference = "4900000001") {
  nc::CompleteTaskT c;
  c.task = task;
  c.reference = std::move(reference);
  return c;
}
nc::ReopenT reopen() {
  nc::ReopenT c;
  c.reason = "it came back";
  return c;
}
nc::CancelT cancel() {
  nc::CancelT c;
  c.reason = "a shadow on the photo";
  return c;
}
std::string hold_tag(std::string batch = "PMP-1", std::string hold = "NC-1") {
  return "hold\x1f" + hold + '\x1f' + batch;
}
std::string release_tag(std::string batch = "PMP-1", std::string hold = "NC-1") {
  return "release\x1f" + hold + '\x1f' + batch;
}
std::string task_tag(int task) { return "task\x1f" + std::to_string(task); }
auto status(Status wanted) {
  return [wanted](const nc::StateT& s) {
    BOOST_CHECK_MESSAGE(s.status == wanted, "status is " << nc::EnumNameStatus(s.status));
  };
}
given<subject> fresh() {
  given<subject> g;
  g.id("NC-1");
  return g;
}
given<subject> contained() {
  auto g = fresh();
  g.when(raise(), System::mes).when_granted<actors::batch>("batch/PMP-1", hold_tag());
  return g;
}
given<subject> under_review() {
  auto g = contained();
  g.when(nc::BeginReviewT(), System::qms);
  return g;
}
given<subject> executing(std::vector<nc::LineT> lines) {
  auto g = under_review();
  g.when(dispose(std::move(lines)), System::qms).when(nc::ExecuteT(), System::qms);
  return g;
}
given<subject> closed() {
  auto g = executing({line(Disposition::scrap, 10)});
  g.when_granted<actors::batch>("batch/PMP-1", task_tag(1))
      .when_granted<actors::batch>("batch/PMP-1", release_tag())
      .when(nc::VerifyResultT(), System::qms)
      .when(nc::CloseT(), System::qms);
  return g;
}

}  // namespace

BOOST_AUTO_TEST_CASE(raised_by_anyone_its_lots_are_held_in_the_hold_lane) {
  auto g = fresh();
  g.bound(System::qms, System::ops)
      .when(raise({{"PMP-1", 4}, {"PMP-2", 0}}), System::mes)
      .then_event_names({"Raised", "HoldAsked", "HoldAsked"})
      .then_effects({"ask batch/PMP-1 " + hold_tag(), "ask batch/PMP-2 " + hold_tag("PMP-2"),
                     "deliver qms nonconformance/NC-1 notify",
                     "deliver ops nonconformance/NC-1 notify"})
      .then_state(status(Status::open));
  BOOST_CHECK(g.last().effects.at(0).AsMessage()->lane == Lane::hold);
  const auto hold = g.sent<actors::batch, batch::PlaceHoldT>();
  BOOST_REQUIRE(hold.has_value());
  BOOST_CHECK_EQUAL(hold->hold, "NC-1");
  BOOST_CHECK(hold->quantity && *hold->quantity == units(4));
  g.when_granted<actors::batch>("batch/PMP-1", hold_tag())
      .then_event_names({"HoldAnswered"})
      .when_refused("batch/PMP-2", hold_tag("PMP-2"), "batch.hold_exists")
      .then_event_names({"HoldAnswered", "Contained"})
      .then_state(status(Status::contained))
      .when(raise(), System::qms)
      .then_refused("nonconformance.exists");
}

BOOST_AUTO_TEST_CASE(the_qms_is_not_told_of_what_it_raised_itself) {
  fresh().bound(System::qms).when(raise({}), System::qms).then_effects({});
}

BOOST_AUTO_TEST_CASE(a_lot_that_cannot_be_held_is_named_and_asked_again_or_contained_by_hand) {
  nc::AddLotsT again;
  again.lots.push_back(raise().lots.at(0));
  nc::ContainT by_hand;
  by_hand.action = "fenced off";
  auto g = fresh();
  g.when(raise(), System::mes)
      .when_refused("batch/PMP-1", hold_tag(), "actor.unknown")
      .then_state(status(Status::open));
  BOOST_CHECK_EQUAL(g.state().waits_for.at(0), "hold on PMP-1: actor.unknown");
  g.when(nc::BeginReviewT(), System::qms)
      .then_refused("nonconformance.not_contained")
      .when(again, System::mes)
      .then_event_names({"HoldAsked"})
      .when(again, System::mes)
      .then_refused("nonconformance.lot_twice")
      .when_refused("batch/PMP-1", hold_tag(), "actor.unknown")
      .when(by_hand, System::mes)
      .then_event_names({"Contained"})
      .then_state(status(Status::contained))
      .when(by_hand, System::mes)
      .then_refused("nonconformance.wrong_status");
}

BOOST_AUTO_TEST_CASE(lots_named_twice_or_too_many_are_refused) {
  fresh().when(raise({{"A", 1}, {"A", 2}}), System::mes).then_refused("nonconformance.lot_twice");
  std::vector<std::pair<std::string, std::int64_t>> many;
  for (int n = 0; n < 201; ++n) many.emplace_back("L-" + std::to_string(n), 1);
  fresh().when(raise(many), System::mes).then_refused("nonconformance.too_many");
}

BOOST_AUTO_TEST_CASE(a_quality_engineer_disposes_scrap_rework_and_return_alone) {
  under_review()
      .when(dispose({line(Disposition::scrap, 3), line(Disposition::rework, 5),
                     line(Disposition::return_to_supplier, 2)}),
            System::qms)
      .then_event_names({"DispositionProposed", "Dispositioned"})
      .then_state(status(Status::dispositioned));
}

BOOST_AUTO_TEST_CASE(every_lot_and_quantity_is_accounted_for) {
  auto g = under_review();
  g.when(dispose({line(Disposition::scrap, 9)}), System::qms)
      .then_refused("nonconformance.quantities_mismatch")
      .when(dispose({line(Disposition::scrap, 6), line(Disposition::rework, 5)}), System::qms)
      .then_refused("nonconformance.quantities_mismatch")
      .when(dispose({line(Disposition::scrap, 10, "PMP-9")}), System::qms)
      .then_refused("nonconformance.lot_unknown")
      .when(dispose({line(Disposition::scrap, 10, "")}), System::qms)
      .then_refused("nonconformance.lot_unknown");
  auto kilos = line(Disposition::scrap, 10);
  kilos.unit = "KGM";
  g.when(dispose({kilos}), System::qms).then_refused("nonconformance.unit_mismatch");
  auto nowhere = line(Disposition::regrade, 10);
  nowhere.target_material.clear();
  g.when(dispose({nowhere}), System::qms).then_refused("nonconformance.target_missing");
}

BOOST_AUTO_TEST_CASE(of_a_whole_lot_all_its_stock_is_decided) {
  batch::StateT lot;
  lot.unit = "EA";
  lot.stock.emplace_back();
  lot.stock.back().quantity = units(7);
  auto g = fresh();
  g.reference<actors::batch>("PMP-1", std::move(lot))
      .when(raise({{"PMP-1", 0}}), System::mes)
      .when_granted<actors::batch>("batch/PMP-1", hold_tag())
      .when(nc::BeginReviewT(), System::qms)
      .when(dispose({line(Disposition::scrap, 6)}), System::qms)
      .then_refused("nonconformance.quantities_mismatch")
      .when(dispose({line(Disposition::scrap, 7)}), System::qms)
      .then_accepted();
}

BOOST_AUTO_TEST_CASE(use_as_is_passes_the_review_board_with_four_eyes) {
  auto g = under_review();
  g.when(dispose({line(Disposition::use_as_is, 10)}), System::qms)
      .then_event_names({"DispositionProposed"})
      .then_state(status(Status::mrb_pending));
  BOOST_CHECK_EQUAL(g.state().waits_for.at(1), "approval by engineering");
  g.when(nc::ExecuteT(), System::qms)
      .then_refused("nonconformance.wrong_status")
      .when(approval(Role::engineering), System::qms)
      .then_refused("command.not_owner")
      .when(approval(Role::quality), System::plm)
      .then_refused("command.not_owner")
      .when(approval(Role::customer, "C-1"), System::qms)
      .then_refused("nonconformance.approval_unneeded")
      .when(approval(Role::quality), System::qms, "meier")
      .then_event_names({"DispositionApproved"})
      .when(approval(Role::quality), System::qms, "schulz")
      .then_refused("nonconformance.approval_unneeded")
      .when(approval(Role::engineering), System::plm, "meier")
      .then_refused("nonconformance.same_person")
      .when(approval(Role::engineering), System::plm, "Meier")
      .then_refused("nonconformance.same_person")
      .when(approval(Role::engineering), System::plm, "schulz")
      .then_event_names({"DispositionApproved", "Dispositioned"})
      .then_state(status(Status::dispositioned));
}

BOOST_AUTO_TEST_CASE(the_customer_agrees_where_the_rule_or_the_proposal_asks) {
  auto ask = dispose({line(Disposition::scrap, 10)});
  ask.concession = true;
  under_review()
      .when(ask, System::qms)
      .then_state(status(Status::mrb_pending))
      .when(approval(Role::customer), System::qms)
      .then_refused("nonconformance.reference_missing")
      .when(approval(Role::customer, "DEV-77"), System::qms)
      .then_state(status(Status::dispositioned));
  under_review()
      .rule("nonconformance.concession_required", "yes")
      .when(dispose({line(Disposition::repair, 10)}), System::qms)
      .then_state([](const nc::StateT& s) { BOOST_CHECK_EQUAL(s.needs.size(), 3u); });
}

BOOST_AUTO_TEST_CASE(the_board_can_send_it_back) {
  nc::RejectDispositionT no;
  no.reason = "not safe";
  auto g = under_review();
  g.when(no, System::plm)
      .then_refused("nonconformance.wrong_status")
      .when(dispose({line(Disposition::use_as_is, 10)}), System::qms)
      .when(approval(Role::quality), System::qms, "meier")
      .when(no, System::plm)
      .then_event_names({"DispositionRejected"})
      .then_state(status(Status::under_review))
      .then_state([](const nc::StateT& s) {
        BOOST_CHECK(s.lines.empty() && s.approvals.empty() && s.needs.empty());
      });
}

BOOST_AUTO_TEST_CASE(movements_come_first_then_the_hold_goes) {
  auto g = executing({line(Disposition::scrap, 4), line(Disposition::return_to_supplier, 3),
                      line(Disposition::regrade, 2), line(Disposition::reject, 1)});
  // The lot scraps and regrades; nobody has named the receipts' documents.
  g.then_event_names({"ExecutionBegun", "TaskAsked", "TaskAsked"})
      .then_effects({"ask batch/PMP-1 " + task_tag(1), "ask batch/PMP-1 " + task_tag(3)})
      .then_state(status(Status::executing));
  const auto& tasks = g.state().tasks;
  BOOST_REQUIRE_EQUAL(tasks.size(), 5u);
  BOOST_CHECK_EQUAL(tasks[0].movement, "555");
  BOOST_CHECK_EQUAL(tasks[1].movement, "122");
  BOOST_CHECK_EQUAL(tasks[2].movement, "309");
  BOOST_CHECK_EQUAL(tasks[2].target_material, "PUMP-B");
  BOOST_CHECK_EQUAL(tasks[3].movement, "122");
  BOOST_CHECK(tasks[4].kind == nc::TaskKind::release_hold);
  g.when(nc::VerifyResultT(), System::qms).then_refused("nonconformance.tasks_open");
  g.when(nc::CloseT(), System::qms).then_refused("nonconformance.tasks_open");
  g.when(done(9), System::erp).then_refused("nonconformance.task_unknown");
  g.when(done(5), System::erp).then_refused("nonconformance.task_not_ready");
  g.when(done(1), System::erp).then_refused("nonconformance.task_not_ready");  // the lot does it
  g.when_granted<actors::batch>("batch/PMP-1", task_tag(1))
      .then_event_names({"TaskEnded"})
      .then_effects({});
  BOOST_CHECK_EQUAL(g.state().tasks[0].reference, "posting/NC-1~1");
  g.when(done(1), System::erp).then_refused("nonconformance.task_not_ready");
  g.when(done(2), System::erp)
      .when_granted<actors::batch>("batch/PMP-1", task_tag(3))
      .when(done(4), System::erp);
  g.then_event_names({"TaskEnded", "TaskAsked", "HoldReleaseAsked"})
      .then_effects({"ask batch/PMP-1 " + release_tag()})
      .when_granted<actors::batch>("batch/PMP-1", release_tag())
      .then_event_names({"HoldReleased", "TaskEnded"})
      .then_state([](const nc::StateT& s) { BOOST_CHECK_EQUAL(s.tasks_open, 0u); });
  g.when(nc::CloseT(), System::qms).then_refused("nonconformance.wrong_status");
  g.when(nc::VerifyResultT(), System::qms)
      .then_state(status(Status::verified))
      .when(nc::CloseT(), System::qms)
      .then_state(status(Status::closed))
      .when(nc::CloseT(), System::qms)
      .then_refused("nonconformance.wrong_status");
}

BOOST_AUTO_TEST_CASE(dispositions_are_movements_of_the_held_lot) {
  auto back = line(Disposition::return_to_supplier, 3);
  back.document = "5000000001";
  auto other = line(Disposition::regrade, 2);
  auto g = executing({line(Disposition::scrap, 5), back, other});
  batch::PostMovementT move;
  move.posting = "NC-1~1";
  move.movement = "555";
  move.quantity = units(5);
  move.unit = "EA";
  move.stock = batch::StockType::blocked;
  move.reason = "Scratched housing";
  move.hold = "NC-1";
  g.then_sent<actors::batch>("PMP-1", move);
  move.posting = "NC-1~2";
  move.movement = "122";
  move.quantity = units(3);
  move.document = "5000000001";
  g.then_sent<actors::batch>("PMP-1", move);
  batch::RegradeT regrade;
  regrade.posting = "NC-1~3";
  regrade.batch = "PMP-1~NC-1";
  regrade.material = "PUMP-B";
  regrade.quantity = units(2);
  regrade.unit = "EA";
  regrade.stock = batch::StockType::blocked;
  regrade.reason = "Scratched housing";
  regrade.hold = "NC-1";
  g.then_sent<actors::batch>("PMP-1", regrade);
}

BOOST_AUTO_TEST_CASE(a_movement_that_the_lot_refuses_is_retried_or_done_outside) {
  nc::RetryTaskT again;
  again.task = 1;
  auto g = executing({line(Disposition::scrap, 10)});
  g.when_refused("batch/PMP-1", task_tag(1), "batch.held")
      .then_event_names({"TaskEnded"})
      .then_effects({});
  BOOST_CHECK_EQUAL(g.state().waits_for.at(0), "task 1: batch.held");
  g.when(again, System::qms)
      .then_event_names({"TaskAsked"})
      .when_refused("batch/PMP-1", task_tag(1), "batch.held")
      .when(done(1), System::erp)
      .then_event_names({"TaskEnded", "TaskAsked", "HoldReleaseAsked"});
  BOOST_CHECK_EQUAL(g.state().tasks[0].reference, "4900000001");
}

BOOST_AUTO_TEST_CASE(a_hold_that_is_not_given_up_fails_its_task_which_is_retried) {
  nc::RetryTaskT again;
  again.task = 2;
  auto g = executing({line(Disposition::scrap, 10)});
  g.when(again, System::qms)
      .then_refused("nonconformance.task_not_ready")
      .when_granted<actors::batch>("batch/PMP-1", task_tag(1))
      .when_refused("batch/PMP-1", release_tag(), "batch.hold_inherited")
      .then_event_names({"HoldReleased", "TaskEnded"});
  BOOST_CHECK_EQUAL(g.state().waits_for.at(0), "task 2: batch.hold_inherited");
  g.when(again, System::qms)
      .then_event_names({"TaskAsked", "HoldReleaseAsked"})
      .when_granted<actors::batch>("batch/PMP-1", release_tag())
      .then_state([](const nc::StateT& s) { BOOST_CHECK_EQUAL(s.tasks_open, 0u); });
  again.task = 7;
  g.when(again, System::qms).then_refused("nonconformance.task_unknown");
}

BOOST_AUTO_TEST_CASE(rework_makes_an_order_and_waits_for_its_inspection) {
  batch::StateT lot;
  lot.material = "PUMP-100";
  lot.unit = "EA";
  auto g = under_review();
  g.reference<actors::batch>("PMP-1", std::move(lot))
      .when(dispose({line(Disposition::rework, 10)}), System::qms)
      .when(nc::ExecuteT(), System::qms)
      .then_event_names({"ExecutionBegun", "TaskAsked"})
      .then_effects({"ask order/NC-1-1 " + task_tag(1)});
  const auto create = g.sent<actors::order, order::CreateT>();
  BOOST_REQUIRE(create.has_value());
  BOOST_CHECK_EQUAL(create->material, "PUMP-100");
  BOOST_CHECK(create->type == order::Type::rework);
  g.when_granted<actors::order>("order/NC-1-1", task_tag(1))
      .then_events()
      .when(nc::VerifyResultT(), System::qms)
      .then_refused("nonconformance.tasks_open");
  BOOST_CHECK_EQUAL(g.state().tasks.at(0).reference, "order/NC-1-1");
  g.when(done(1, "inspection/IL-9"), System::qms)
      .then_effects({"ask batch/PMP-1 " + release_tag()});
  auto refused = under_review();
  refused.when(dispose({line(Disposition::rework, 10)}), System::qms)
      .when(nc::ExecuteT(), System::qms)
      .when_refused("order/NC-1-1", task_tag(1), "order.exists")
      .then_event_names({"TaskEnded"});
  BOOST_CHECK_EQUAL(refused.state().waits_for.at(0), "task 1: order.exists");
}

BOOST_AUTO_TEST_CASE(blocked_stock_that_is_to_be_used_is_freed_after_the_hold) {
  batch::StateT lot;
  lot.material = "PUMP-100";
  lot.unit = "EA";
  lot.stock.emplace_back();
  lot.stock.back().quantity = units(6);
  lot.stock.back().type = batch::StockType::blocked;
  auto g = under_review();
  g.reference<actors::batch>("PMP-1", std::move(lot))
      .when(dispose({line(Disposition::conditional_use, 10)}), System::qms)
      .when(approval(Role::quality), System::qms, "meier")
      .when(approval(Role::engineering), System::plm, "schulz")
      .when(nc::ExecuteT(), System::qms)
      .then_effects({"ask batch/PMP-1 " + release_tag()})
      .when_granted<actors::batch>("batch/PMP-1", release_tag())
      .then_event_names({"HoldReleased", "TaskEnded", "TaskAsked"})
      .then_effects({"ask batch/PMP-1 " + task_tag(2)});
  const auto move = g.sent<actors::batch, batch::TransferStockT>();
  BOOST_REQUIRE(move.has_value());
  BOOST_CHECK(move->quantity == units(6) && move->from_stock == batch::StockType::blocked);
  g.when_granted<actors::batch>("batch/PMP-1", task_tag(2))
      .then_event_names({"TaskEnded"})
      .when(nc::VerifyResultT(), System::qms)
      .then_state(status(Status::verified));
}

BOOST_AUTO_TEST_CASE(cancelled_only_before_a_disposition_and_the_holds_go) {
  contained()
      .when(cancel(), System::qms)
      .then_event_names({"Cancelled", "HoldReleaseAsked"})
      .then_effects({"ask batch/PMP-1 " + release_tag()})
      .when_granted<actors::batch>("batch/PMP-1", release_tag())
      .then_event_names({"HoldReleased"})
      .when(cancel(), System::qms)
      .then_refused("nonconformance.wrong_status");
  under_review()
      .when(dispose({line(Disposition::use_as_is, 10)}), System::qms)
      .when(cancel(), System::qms)
      .then_state(status(Status::cancelled));
  under_review()
      .when(dispose({line(Disposition::scrap, 10)}), System::qms)
      .when(cancel(), System::qms)
      .then_refused("nonconformance.wrong_status");
  closed().when(cancel(), System::qms).then_refused("nonconformance.wrong_status");
}

BOOST_AUTO_TEST_CASE(reopened_it_is_under_review_with_its_holds_back) {
  auto g = closed();
  g.when(reopen(), System::qms)
      .then_event_names({"Reopened", "HoldAsked"})
      .then_effects({"ask batch/PMP-1 " + hold_tag("PMP-1", "NC-1~1")})
      .then_state(status(Status::under_review))
      .when(dispose({line(Disposition::scrap, 10)}), System::qms)
      .then_refused("nonconformance.not_contained")
      .when_granted<actors::batch>("batch/PMP-1", hold_tag("PMP-1", "NC-1~1"))
      .when(dispose({line(Disposition::scrap, 10)}), System::qms)
      .then_accepted();
  BOOST_CHECK_EQUAL(g.state().reopened, 1u);
  contained().when(reopen(), System::qms).then_refused("nonconformance.wrong_status");
}

BOOST_AUTO_TEST_CASE(reopened_before_anything_was_released_the_hold_stays) {
  executing({line(Disposition::scrap, 10)})
      .when(reopen(), System::qms)
      .then_event_names({"Reopened"})
      .then_effects({})
      .then_state(status(Status::under_review))
      .then_state([](const nc::StateT& s) {
        BOOST_CHECK_EQUAL(s.hold, "NC-1");
        BOOST_CHECK(s.tasks.empty());
      });
}

BOOST_AUTO_TEST_CASE(reopened_half_way_each_lot_has_one_hold) {
  auto g = fresh();
  g.when(raise({{"A", 1}, {"B", 1}}), System::mes)
      .when_granted<actors::batch>("batch/A", hold_tag("A"))
      .when_granted<actors::batch>("batch/B", hold_tag("B"))
      .when(nc::BeginReviewT(), System::qms)
      .when(dispose({line(Disposition::scrap, 1, "A"), line(Disposition::scrap, 1, "B")}),
            System::qms)
      .when(nc::ExecuteT(), System::qms)
      .when_granted<actors::batch>("batch/A", task_tag(1))
      .when_granted<actors::batch>("batch/A", release_tag("A"))
      .when(reopen(), System::qms)
      .then_effects({"ask batch/A " + hold_tag("A", "NC-1~1"),
                     "ask batch/B " + hold_tag("B", "NC-1~1"), "tell batch/B"});
}

BOOST_AUTO_TEST_CASE(a_corrective_action_is_linked_from_both_sides) {
  nc::LinkCapaT link;
  link.capa = "CA-1";
  auto g = contained();
  g.when(link, System::qms)
      .then_pending()
      .then_effects({"ask capa/CA-1 capa\x1f"
                     "CA-1"})
      .origin({0xc0ffee, 1})
      .when_granted<actors::capa>("capa/CA-1",
                                  "capa\x1f"
                                  "CA-1")
      .then_event_names({"CapaAdded"})
      .then_settled({0xc0ffee, 1})
      .when(link, System::qms)
      .then_refused("nonconformance.capa_linked");
  nc::CapaLinkedT told;
  told.capa = "CA-1";
  g.when_from("capa/CA-1", told).then_nothing();
  told.capa = "CA-2";
  g.when_from("capa/CA-2", told).then_event_names({"CapaAdded"});
  link.capa = "CA-3";
  g.when(link, System::qms)
      .when_refused("capa/CA-3",
                    "capa\x1f"
                    "CA-3",
                    "actor.unknown")
      .then_settled({0xc0ffee, 1}, engine::Outcome::refused, "actor.unknown");
}

BOOST_AUTO_TEST_CASE(each_step_is_refused_outside_its_status) {
  const auto wrong = "nonconformance.wrong_status";
  contained().when(dispose({}), System::qms).then_refused(wrong);
  contained().when(nc::ExecuteT(), System::qms).then_refused(wrong);
  contained().when(nc::VerifyResultT(), System::qms).then_refused(wrong);
  contained().when(done(1), System::erp).then_refused(wrong);
  contained().when(nc::RetryTaskT(), System::qms).then_refused(wrong);
  contained().when(approval(Role::quality), System::qms).then_refused(wrong);
  under_review().when(nc::BeginReviewT(), System::qms).then_refused(wrong);
  nc::AddLotsT more;
  more.lots.push_back(raise({{"X", 1}}).lots.at(0));
  closed().when(more, System::mes).then_refused(wrong);
}

BOOST_AUTO_TEST_CASE(every_command_in_every_status) {
  using nc::Command;
  transition_table<subject> t;
  t.name_of = [](const nc::StateT& s) { return std::string(nc::EnumNameStatus(s.status)); };
  const auto scrap = dispose({line(Disposition::scrap, 10)});
  const auto as_is = dispose({line(Disposition::use_as_is, 10)});
  t.columns = {
      {"open", [](given<subject>& g) { g.id("NC-1").when(raise(), System::mes); }},
      {"contained", [](given<subject>& g) { g = contained(); }},
      {"under_review", [](given<subject>& g) { g = under_review(); }},
      {"mrb_pending",
       [as_is](given<subject>& g) {
         g = under_review();
         g.when(as_is, System::qms).then_accepted();
       }},
      {"dispositioned",
       [scrap](given<subject>& g) {
         g = under_review();
         g.when(scrap, System::qms).then_accepted();
       }},
      {"executing", [](given<subject>& g) { g = executing({line(Disposition::scrap, 10)}); }},
      {"verified",
       [](given<subject>& g) {
         g = executing({line(Disposition::scrap, 10)});
         g.when_granted<actors::batch>("batch/PMP-1", task_tag(1))
             .when_granted<actors::batch>("batch/PMP-1", release_tag())
             .when(nc::VerifyResultT(), System::qms)
             .then_accepted();
       }},
      {"closed", [](given<subject>& g) { g = closed(); }},
      {"cancelled", [](given<subject>& g) {
         g = contained();
         g.when(cancel(), System::qms).when_granted<actors::batch>("batch/PMP-1", release_tag());
       }}};
  const auto qms = [](auto command) {
    return [command](given<subject>& g) { g.when(command, System::qms); };
  };
  nc::AddLotsT more;
  more.lots = raise({{"PMP-2", 5}}).lots;
  nc::RejectDispositionT reject;
  reject.reason = "not so";
  nc::RetryTaskT retry;
  retry.task = 1;
  nc::LinkCapaT link;
  link.capa = "CA-1";
  nc::CapaLinkedT linked;
  linked.capa = "CA-1";
  t.rows = {{Command::Raise,
             qms(raise()),
             {"-exists", "-exists", "-exists", "-exists", "-exists", "-exists", "-exists",
              "-exists", "-exists"}},
            {Command::AddLots,
             qms(more),
             {"open", "contained", "under_review", "-wrong_status", "-wrong_status",
              "-wrong_status", "-wrong_status", "-wrong_status", "-wrong_status"}},
            {Command::Contain,
             qms(nc::ContainT()),
             {"contained", "-wrong_status", "-wrong_status", "-wrong_status", "-wrong_status",
              "-wrong_status", "-wrong_status", "-wrong_status", "-wrong_status"}},
            {Command::BeginReview,
             qms(nc::BeginReviewT()),
             {"-not_contained", "under_review", "-wrong_status", "-wrong_status", "-wrong_status",
              "-wrong_status", "-wrong_status", "-wrong_status", "-wrong_status"}},
            {Command::Dispose,
             qms(scrap),
             {"-wrong_status", "-wrong_status", "dispositioned", "-wrong_status", "-wrong_status",
              "-wrong_status", "-wrong_status", "-wrong_status", "-wrong_status"}},
            {Command::ApproveDisposition,
             qms(approval(Role::quality)),
             {"-wrong_status", "-wrong_status", "-wrong_status", "mrb_pending", "-wrong_status",
              "-wrong_status", "-wrong_status", "-wrong_status", "-wrong_status"}},
            {Command::RejectDisposition,
             qms(reject),
             {"-wrong_status", "-wrong_status", "-wrong_status", "under_review", "-wrong_status",
              "-wrong_status", "-wrong_status", "-wrong_status", "-wrong_status"}},
            {Command::Execute,
             qms(nc::ExecuteT()),
             {"-wrong_status", "-wrong_status", "-wrong_status", "-wrong_status", "executing",
              "-wrong_status", "-wrong_status", "-wrong_status", "-wrong_status"}},
            {Command::CompleteTask,
             qms(done(1)),
             {"-wrong_status", "-wrong_status", "-wrong_status", "-wrong_status", "-wrong_status",
              "-task_not_ready", "-wrong_status", "-wrong_status", "-wrong_status"}},
            {Command::RetryTask,
             qms(retry),
             {"-wrong_status", "-wrong_status", "-wrong_status", "-wrong_status", "-wrong_status",
              "-task_not_ready", "-wrong_status", "-wrong_status", "-wrong_status"}},
            {Command::VerifyResult,
             qms(nc::VerifyResultT()),
             {"-wrong_status", "-wrong_status", "-wrong_status", "-wrong_status", "-wrong_status",
              "-tasks_open", "-wrong_status", "-wrong_status", "-wrong_status"}},
            {Command::Close,
             qms(nc::CloseT()),
             {"-wrong_status", "-wrong_status", "-wrong_status", "-wrong_status", "-wrong_status",
              "-tasks_open", "closed", "-wrong_status", "-wrong_status"}},
            {Command::Cancel,
             qms(cancel()),
             {"cancelled", "cancelled", "cancelled", "cancelled", "-wrong_status", "-wrong_status",
              "-wrong_status", "-wrong_status", "-wrong_status"}},
            {Command::Reopen,
             qms(reopen()),
             {"-wrong_status", "-wrong_status", "-wrong_status", "-wrong_status", "under_review",
              "under_review", "under_review", "under_review", "-wrong_status"}},
            {Command::LinkCapa,
             qms(link),
             {"?open", "?contained", "?under_review", "?mrb_pending", "?dispositioned",
              "?executing", "?verified", "?closed", "?cancelled"}},
            {Command::CapaLinked,
             [linked](given<subject>& g) { g.when_from("capa/CA-1", linked); },
             {"open", "contained", "under_review", "mrb_pending", "dispositioned", "executing",
              "verified", "closed", "cancelled"}}};
  t.check(nc::EnumValuesCommand());
}
