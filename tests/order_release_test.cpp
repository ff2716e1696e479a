// layer: actors
// The release process, given-when-then: checks, reservations, parking and resuming, dispatch,
// time-out, cancellation.
#define BOOST_TEST_MODULE order_release
#include "actors/order_release.hpp"

#include "actors/batch.hpp"
#include "actors/material.hpp"
#include "actors/order.hpp"
#include "actors/plant.hpp"
#include "actors/release_checks.hpp"
#include "actors/work_center.hpp"
#include "tests/kind_harness.hpp"

using namespace millrace;
using namespace millrace::testing;
using namespace millrace::order_release;
using subject = actors::order_release;
namespace lot = millrace::batch;
namespace po = millrace::order;

namespace {

plant::StateT active_plant() {
  plant::StateT p;
  p.life = plant::Life::active;
  return p;
}
material::StateT pump() {
  material::StateT m;
  m.base_unit = "EA";
  m.revision = "A";
  auto& r = m.revisions.emplace_back();
  r.revision = "A";
  r.base_quantity = decimal::from_units(1);
  r.routing.resize(1);
  r.routing[0].operation = "0010";
  r.routing[0].work_center = "WC-1";
  r.routing[0].labour_time = "PT6M";
  r.components.resize(1);
  r.components[0].material = "HOUSING";
  r.components[0].quantity = decimal::from_units(1);
  r.components[0].unit = "EA";
  r.components[0].operation = "0010";
  return m;
}
material::StateT housing() {
  material::StateT m;
  m.base_unit = "EA";
  m.conversions.resize(1);
  m.conversions[0].unit = "BX";
  m.conversions[0].numerator = 5;
  return m;
}
StartT start(po::Mode mode = po::Mode::gate) {
  StartT c;
  c.mode = mode;
  c.order = std::make_unique<po::SnapshotT>();
  c.order->material = "PUMP-100";
  c.order->revision = "A";
  c.order->quantity = decimal::from_units(10);
  c.order->unit = "EA";
  return c;
}
given<subject> ready() {
  given<subject> g;
  g.id("1000042")
      .reference<actors::plant>("hamburg", active_plant())
      .reference<actors::material>("PUMP-100", pump())
      .reference<actors::material>("HOUSING", housing());
  return g;
}
given<subject> checking(po::Mode mode = po::Mode::gate) {
  auto g = ready();
  g.when_from("order/1000042", start(mode)).then_accepted();
  return g;
}
lot::ReservedT reserved(int quantity) {
  lot::ReservedT e;
  e.quantity = decimal::from_units(quantity);
  e.unit = "EA";
  return e;
}
given<subject> parked() {
  auto g = checking();
  g.when_found("find/1/0", {}).then_accepted();
  return g;
}
RecheckT recheck() {
  RecheckT c;
  c.cause = "stock";
  return c;
}
CancelT cancel(bool ask_mes = false) {
  CancelT c;
  c.reason = "gone";
  c.ask_mes = ask_mes;
  return c;
}
/// None is known.
const millrace::work_center::StateT* no_work_center(const std::string&) { return nullptr; }
std::string verdicts(const std::vector<CheckT>& checks) {
  std::string out;
  for (const auto& c : checks)
    out += (out.empty() ? "" : " ") + c.check +
           (c.verdict == Verdict::pass ? (c.warning.empty() ? "+" : "~") : "-" + c.code);
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(it_starts_by_looking_for_stock) {
  checking()
      .then_event_names({"ReleaseStarted", "ChecksBegun"})
      .then_effects({"timer timeout", "find batch find/1/0"})
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.status == Status::checking);
        BOOST_CHECK_EQUAL(verdicts(s.checks),
                          "plant+ revision+ routing+ inspection_plan+ work_center~");
        BOOST_REQUIRE_EQUAL(s.needs.size(), 1u);
        BOOST_CHECK(s.needs[0].quantity == decimal::from_units(10));
      })
      .when_from("order/1000042", start())
      .then_refused("order_release.under_way");
}

BOOST_AUTO_TEST_CASE(it_reserves_and_releases_without_outer_systems) {
  auto g = checking();
  g.when_found("find/1/0", {"HSG-0001"})
      .then_event_names({"StockFound"})
      .then_effects({"ask batch/HSG-0001 reserve/1/0"});
  const auto ask = g.sent<actors::batch, lot::ReserveT>();
  BOOST_REQUIRE(ask);
  BOOST_CHECK(ask->quantity == decimal::from_units(10));
  g.when_granted<actors::batch>("batch/HSG-0001", "reserve/1/0", reserved(10))
      .then_event_names({"StockAnswered", "Passed", "Completed"})
      .then_effects({"tell order/1000042", "cancel timeout"})
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.status == Status::completed);
        BOOST_REQUIRE_EQUAL(s.reservations.size(), 1u);
        BOOST_CHECK_EQUAL(verdicts(s.checks),
                          "plant+ revision+ routing+ inspection_plan+ work_center~ component+");
      });
  const auto told = g.sent<actors::order, po::MarkReleasedT>();
  BOOST_REQUIRE(told);
  BOOST_CHECK(told->dispatched);
  BOOST_CHECK_EQUAL(told->operations.at(0).labour_time, "PT1H");
}

BOOST_AUTO_TEST_CASE(several_lots_cover_a_need) {
  checking()
      .when_found("find/1/0", {"HSG-0001", "HSG-0002", "HSG-0003"})
      .when_granted<actors::batch>("batch/HSG-0001", "reserve/1/0", reserved(4))
      .then_effects({"ask batch/HSG-0002 reserve/1/0"})
      .when_refused("batch/HSG-0002", "reserve/1/0", "batch.held")
      .then_effects({"ask batch/HSG-0003 reserve/1/0"})
      .when_granted<actors::batch>("batch/HSG-0003", "reserve/1/0", reserved(6))
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.status == Status::completed);
        BOOST_CHECK_EQUAL(s.reservations.size(), 2u);
      });
}

BOOST_AUTO_TEST_CASE(an_answer_that_no_need_waits_for_changes_nothing) {
  checking()
      .when_granted<actors::batch>("batch/HSG-0001", "reserve/1/0", reserved(4))
      .then_nothing()  // nobody asked it: the need still looks for lots
      .when_found("find/1/0", {"HSG-0001", "HSG-0002"})
      .when_found("find/1/0", {"HSG-0003"})
      .then_nothing()
      .when_granted<actors::batch>("batch/HSG-0002", "reserve/1/0", reserved(4))
      .then_nothing()
      .when_granted<actors::batch>("batch/HSG-0001", "reserve/1/0", reserved(4))
      .then_effects({"ask batch/HSG-0002 reserve/1/0"})
      .when_granted<actors::batch>("batch/HSG-0001", "reserve/1/0", reserved(4))
      .then_nothing()
      .then_state([](const StateT& s) {
        BOOST_REQUIRE_EQUAL(s.reservations.size(), 1u);
        BOOST_CHECK(s.needs.at(0).reserved == decimal::from_units(4));
      });
}

BOOST_AUTO_TEST_CASE(alternatives_are_looked_for_after_the_component) {
  auto c = start();
  c.order->operations.resize(1);
  c.order->operations[0].operation = "0010";
  c.order->components.resize(1);
  c.order->components[0].material = "HOUSING";
  c.order->components[0].planned = decimal::from_units(10);
  c.order->components[0].unit = "EA";
  c.order->components[0].alternatives = {"HOUSING-B"};
  auto g = ready();
  g.when_from("order/1000042", c)
      .when_found("find/1/0", {})
      .then_effects({"find batch find/1/0"})
      .when_found("find/1/0", {"HSB-1"})
      .when_granted<actors::batch>("batch/HSB-1", "reserve/1/0", reserved(10))
      .then_state([](const StateT& s) { BOOST_CHECK(s.status == Status::completed); });
}

BOOST_AUTO_TEST_CASE(the_mes_and_the_erp_are_told_in_gate_mode) {
  auto g = checking();
  g.bound(System::mes, System::erp)
      .when_found("find/1/0", {"HSG-0001"})
      .when_granted<actors::batch>("batch/HSG-0001", "reserve/1/0", reserved(10))
      .then_event_names({"StockAnswered", "Passed"})
      .then_effects({"tell order/1000042", "deliver mes order/1000042 dispatch",
                     "deliver erp order/1000042 erp_release", "cancel timeout"});
  BOOST_CHECK(!(g.sent<actors::order, po::MarkReleasedT>()->dispatched));
  g.when_delivered("dispatch", System::mes, engine::DeliveryEnd::acknowledged, "M-77")
      .then_event_names({"CallEnded"})
      .then_effects({"tell order/1000042"})
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.status == Status::dispatching);
        BOOST_CHECK_EQUAL(s.mes_document, "M-77");
      })
      .when_delivered("erp_release", System::erp)
      .then_event_names({"CallEnded", "Completed"})
      .then_effects({});
}

BOOST_AUTO_TEST_CASE(in_follow_mode_the_erp_is_not_called) {
  checking(po::Mode::follow)
      .bound(System::mes, System::erp)
      .when_found("find/1/0", {"HSG-0001"})
      .when_granted<actors::batch>("batch/HSG-0001", "reserve/1/0", reserved(10))
      .then_effects({"tell order/1000042", "deliver mes order/1000042 dispatch", "cancel timeout"})
      .when_delivered("dispatch", System::mes)
      .then_event_names({"CallEnded", "Completed"});
}

BOOST_AUTO_TEST_CASE(a_dead_dispatch_blocks_and_a_later_success_goes_on) {
  auto g = checking(po::Mode::follow);
  g.bound(System::mes)
      .when_found("find/1/0", {"HSG-0001"})
      .when_granted<actors::batch>("batch/HSG-0001", "reserve/1/0", reserved(10))
      .when_delivered("dispatch", System::mes, engine::DeliveryEnd::dead, {},
                      "400 unknown work center");
  const auto blocked = g.sent<actors::order, po::MarkBlockedT>();
  BOOST_REQUIRE(blocked);
  BOOST_CHECK_EQUAL(blocked->blockers.at(0).check, "dispatch");
  g.then_state([](const StateT& s) { BOOST_CHECK(s.mes == Call::dead); })
      .when_delivered("dispatch", System::mes)
      .then_event_names({"CallEnded", "Completed"});
  BOOST_CHECK((g.sent<actors::order, po::MarkDispatchedT>()));
}

BOOST_AUTO_TEST_CASE(short_stock_parks_with_the_reason_and_waits_for_the_material) {
  auto g = parked();
  g.then_event_names({"StockFound", "Parked"})
      .then_effects({"tell order/1000042", "tell material/HOUSING", "timer recheck"})
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.status == Status::parked);
        BOOST_CHECK_EQUAL(s.reason, "HOUSING: 0 of 10 EA available");
      });
  const auto blocked = g.sent<actors::order, po::MarkBlockedT>();
  BOOST_REQUIRE(blocked);
  BOOST_CHECK_EQUAL(blocked->blockers.at(0).check, "component");
}

BOOST_AUTO_TEST_CASE(it_resumes_by_itself_and_keeps_what_it_had) {
  checking()
      .when_found("find/1/0", {"HSG-0001"})
      .when_granted<actors::batch>("batch/HSG-0001", "reserve/1/0", reserved(4))
      .then_state([](const StateT& s) { BOOST_CHECK(s.status == Status::parked); })
      .when_from("material/HOUSING", recheck())
      .then_event_names({"ChecksBegun"})
      .then_effects({"cancel recheck", "find batch find/2/0"})
      .when_found("find/2/0", {"HSG-0002"})
      .when_granted<actors::batch>("batch/HSG-0002", "reserve/2/0", reserved(6))
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.status == Status::completed);
        BOOST_CHECK_EQUAL(s.reservations.size(), 2u);
      });
  parked().when_timer("recheck").then_event_names({"ChecksBegun"});
}

BOOST_AUTO_TEST_CASE(a_change_during_a_round_makes_one_more) {
  checking()
      .when_from("material/HOUSING", recheck())
      .then_event_names({"RecheckNoted"})
      .when_from("material/HOUSING", recheck())
      .then_nothing()
      .when_found("find/1/0", {})
      .then_event_names({"StockFound", "ChecksBegun"})
      .then_effects({"find batch find/2/0"});
}

BOOST_AUTO_TEST_CASE(every_failed_check_is_a_reason) {
  given<subject> g;
  g.id("1000042")
      .when_from("order/1000042", start())
      .then_event_names({"ReleaseStarted", "ChecksBegun", "Parked"});
  BOOST_CHECK_EQUAL(verdicts(g.state().checks),
                    "plant-plant.unknown revision-material.unknown routing~ inspection_plan+");
  g.then_effects({"timer timeout", "tell order/1000042", "tell material/PUMP-100",
                  "tell plant/hamburg", "timer recheck"});
}

BOOST_AUTO_TEST_CASE(it_times_out_by_rule_and_gives_back) {
  auto g = ready();
  const auto begun = g.now();
  g.rule("release.timeout_s", "3600")
      .when_from("order/1000042", start())
      .then_timer("timeout", begun.plus_ms(3'600'000));
  g.when_found("find/1/0", {"HSG-0001"})
      .when_granted<actors::batch>("batch/HSG-0001", "reserve/1/0", reserved(4))
      .when_timer("timeout")
      .then_event_names({"ReservationsReturned", "TimedOut"})
      .then_effects({"tell order/1000042", "tell batch/HSG-0001", "cancel recheck"})
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.status == Status::timed_out);
        BOOST_CHECK(s.reservations.empty());
      })
      .when_timer("recheck")
      .then_nothing()
      .when_timer("timeout")
      .then_nothing()
      .when_from("order/1000042", start())
      .then_accepted();
}

BOOST_AUTO_TEST_CASE(cancelling_gives_reservations_back) {
  checking()
      .when_found("find/1/0", {"HSG-0001"})
      .when_granted<actors::batch>("batch/HSG-0001", "reserve/1/0", reserved(4))
      .when_from("order/1000042", cancel())
      .then_event_names({"ReservationsReturned", "ReleaseCancelled"})
      .then_effects({"cancel recheck", "cancel timeout", "tell batch/HSG-0001"})
      .when_from("order/1000042", cancel())
      .then_nothing();
}

BOOST_AUTO_TEST_CASE(a_grant_that_comes_after_the_cancellation_goes_back) {
  auto g = checking();
  g.when_found("find/1/0", {"HSG-0001"})
      .when_from("order/1000042", cancel())
      .when_granted<actors::batch>("batch/HSG-0001", "reserve/1/0", reserved(10))
      .then_events()
      .then_effects({"tell batch/HSG-0001"});
  const auto back = g.sent<actors::batch, lot::UnreserveT>();
  BOOST_REQUIRE(back && back->quantity);
  BOOST_CHECK(*back->quantity == decimal::from_units(10));
  g.when_found("find/1/0", {"HSG-0001"}).then_nothing();
}

BOOST_AUTO_TEST_CASE(a_dispatch_under_way_is_followed_by_its_cancellation) {
  checking()
      .bound(System::mes)
      .when_found("find/1/0", {"HSG-0001"})
      .when_granted<actors::batch>("batch/HSG-0001", "reserve/1/0", reserved(10))
      .when_from("order/1000042", cancel())
      .then_effects({"deliver mes order/1000042 cancel_notice", "tell batch/HSG-0001"});
}

BOOST_AUTO_TEST_CASE(the_mes_is_asked_about_changes_and_cancellations) {
  auto g = checking();
  g.bound(System::mes)
      .when_found("find/1/0", {"HSG-0001"})
      .when_granted<actors::batch>("batch/HSG-0001", "reserve/1/0", reserved(10))
      .when_delivered("dispatch", System::mes);
  ChangeT change;
  change.ask_mes = true;
  change.order = std::make_unique<po::SnapshotT>(*g.state().order);
  change.order->quantity = decimal::from_units(20);
  g.when_from("order/1000042", change)
      .then_event_names({"OrderUpdated"})
      .then_effects({"deliver mes order/1000042 change"});
  g.when_delivered("change", System::mes, engine::DeliveryEnd::dead, {}, "running");
  BOOST_CHECK(!(g.sent<actors::order, po::ConcludeChangeT>()->agreed));
  g.when_from("order/1000042", cancel(true))
      .then_event_names({"CancelAsked"})
      .then_effects({"deliver mes order/1000042 cancel"});
  g.when_delivered("cancel", System::mes);
  BOOST_CHECK((g.sent<actors::order, po::ConcludeCancelT>()->agreed));
}

BOOST_AUTO_TEST_CASE(a_changed_order_is_checked_again) {
  ChangeT change;
  change.order = std::make_unique<po::SnapshotT>(*start().order);
  change.order->quantity = decimal::from_units(2);
  auto g = parked();
  g.when_from("order/1000042", change).then_event_names({"OrderUpdated", "ChecksBegun"});
  checking().when_from("order/1000042", change).then_event_names({"OrderUpdated", "RecheckNoted"});
}

BOOST_AUTO_TEST_CASE(technical_completion_gives_the_rest_back) {
  checking()
      .when_found("find/1/0", {"HSG-0001"})
      .when_granted<actors::batch>("batch/HSG-0001", "reserve/1/0", reserved(10))
      .when_from("order/1000042", GiveBackT())
      .then_event_names({"ReservationsReturned"})
      .then_effects({"tell batch/HSG-0001"})
      .when_from("order/1000042", GiveBackT())
      .then_nothing();
}

BOOST_AUTO_TEST_CASE(a_partial_release_needs_its_part_only) {
  auto c = start();
  c.quantity = decimal::from_units(4);
  auto g = ready();
  g.when_from("order/1000042", c).then_state([](const StateT& s) {
    BOOST_CHECK(s.needs[0].quantity == decimal::from_units(4));
  });
  g.when_found("find/1/0", {"HSG-0001"})
      .when_granted<actors::batch>("batch/HSG-0001", "reserve/1/0", reserved(4));
  c.quantity = decimal::from_units(6);
  g.when_from("order/1000042", c).then_state([](const StateT& s) {
    BOOST_CHECK(s.needs[0].quantity == decimal::from_units(6));
    BOOST_CHECK(s.needs[0].reserved.is_zero());
    BOOST_CHECK_EQUAL(s.reservations.size(), 1u);
  });
}

BOOST_AUTO_TEST_CASE(reserved_stock_that_a_hold_takes_back_is_looked_for_again) {
  ReservationRevokedT revoked;
  revoked.batch = "HSG-0001";
  revoked.quantity = decimal::from_units(3);
  revoked.unit = "EA";
  revoked.hold = "H-9";
  auto g = checking();
  g.when_found("find/1/0", {"HSG-0001", "HSG-0002"})
      .when_granted<actors::batch>("batch/HSG-0001", "reserve/1/0", reserved(4))
      .when_from("batch/HSG-0001", revoked)
      .then_event_names({"ReservationLost", "RecheckNoted"})
      .when_granted<actors::batch>("batch/HSG-0002", "reserve/1/0", reserved(6))
      .then_event_names({"StockAnswered", "ChecksBegun"})
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.status == Status::checking);
        BOOST_CHECK(s.needs[0].reserved == decimal::from_units(7));
      });
  auto done = checking();
  done.when_found("find/1/0", {"HSG-0001"})
      .when_granted<actors::batch>("batch/HSG-0001", "reserve/1/0", reserved(10))
      .when_from("batch/HSG-0001", revoked)
      .then_event_names({"ReservationLost"})
      .then_effects({"tell order/1000042"})
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.reservations[0].quantity == decimal::from_units(7));
      });
}

BOOST_AUTO_TEST_CASE(a_work_center_that_is_down_parks_the_release_until_it_is_back) {
  millrace::work_center::StateT down;
  down.life = millrace::work_center::Life::down;
  down.reason = "spindle";
  auto g = ready();
  g.reference<actors::work_center>("WC-1", down);
  g.when_from("order/1000042", start())
      .when_found("find/1/0", {"HSG-0001"})
      .when_granted<actors::batch>("batch/HSG-0001", "reserve/1/0", reserved(10))
      .then_event_names({"StockAnswered", "Parked"})
      .then_effects({"tell order/1000042", "tell work_center/WC-1", "timer recheck"});
  BOOST_CHECK_EQUAL(verdicts(g.state().checks),
                    "plant+ revision+ routing+ inspection_plan+ work_center-work_center.down "
                    "component+");
  down.life = millrace::work_center::Life::available;
  g.reference<actors::work_center>("WC-1", down);
  g.when_from("work_center/WC-1", recheck()).then_state([](const StateT& s) {
    BOOST_CHECK(s.status == Status::completed);
  });
}

// --- the checks as a pure function, as check-release calls them ---

BOOST_AUTO_TEST_CASE(check_release_passes_with_stock_and_fails_without) {
  po::StateT order;
  order.material = "PUMP-100";
  order.revision = "A";
  order.quantity = decimal::from_units(10);
  order.unit = "EA";
  const auto site = active_plant();
  const auto m = pump();
  actors::component_stock stock{"HOUSING", "0010", decimal::from_units(10), {"ACME"}, {}};
  const auto now = timestamp::from_micros(1);
  auto checks = actors::check_release(order, &site, &m, no_work_center, {stock}, {}, now);
  BOOST_CHECK_EQUAL(verdicts(checks),
                    "plant+ revision+ routing+ inspection_plan+ work_center~ component+ supplier~");
  BOOST_CHECK(actors::passes(checks));
  stock.available = decimal::from_units(9);
  BOOST_CHECK(
      !actors::passes(actors::check_release(order, &site, &m, no_work_center, {stock}, {}, now)));
  actors::release_rules strict{true};
  stock.available = decimal::from_units(10);
  BOOST_CHECK_EQUAL(
      verdicts(actors::check_release(order, &site, &m, no_work_center, {stock}, {}, now, strict)),
      "plant+ revision+ routing+ inspection_plan+ work_center-work_center.unknown "
      "component+ supplier-supplier.unknown");
}

BOOST_AUTO_TEST_CASE(what_only_warns_is_named_and_passes) {
  po::StateT order;
  order.material = "PUMP-100";
  order.revision = "A";
  order.quantity = decimal::from_units(10);
  order.unit = "EA";
  const auto site = active_plant();
  auto m = pump();
  m.revisions[0].routing.clear();
  supplier::StateT acme;
  acme.status = supplier::Status::restricted;
  acme.reason = "late";
  const actors::component_stock stock{"HOUSING", "0010", decimal::from_units(10), {"ACME"}, {}};
  const auto checks = actors::check_release(order, &site, &m, no_work_center, {stock},
                                            {{"ACME", &acme}}, timestamp::from_micros(1));
  std::string said;
  for (const auto& c : checks)
    if (!c.warning.empty()) said += c.check + ' ' + c.code + '\n';
  BOOST_CHECK_EQUAL(said, "routing routing.empty\nsupplier supplier.restricted\n");
  BOOST_CHECK(actors::passes(checks));
}

BOOST_AUTO_TEST_CASE(check_release_names_what_is_wrong_with_the_references) {
  po::StateT order;
  order.material = "PUMP-100";
  order.revision = "Z";
  order.quantity = decimal::from_units(10);
  order.unit = "EA";
  auto site = active_plant();
  site.life = plant::Life::paused;
  auto m = pump();
  m.inspection_required = true;
  const auto now = timestamp::from_micros(1);
  BOOST_CHECK_EQUAL(
      verdicts(actors::check_release(order, &site, &m, no_work_center, {}, {}, now)).substr(0, 100),
      "plant-plant.not_active revision-material.revision_unknown routing~ "
      "inspection_plan-material.inspecti");
}

BOOST_AUTO_TEST_CASE(a_lot_gives_what_is_free_and_what_is_ours_already) {
  lot::StateT l;
  l.unit = "EA";
  l.allocatable = decimal::from_units(3);
  l.reservations.resize(2);
  l.reservations[0].order = "1000042";
  l.reservations[0].quantity = decimal::from_units(7);
  l.reservations[1].order = "other";
  l.reservations[1].quantity = decimal::from_units(50);
  const auto m = housing();
  BOOST_CHECK(*actors::available_of(l, "1000042", "EA", nullptr) == decimal::from_units(10));
  BOOST_CHECK(*actors::available_of(l, "1000042", "BX", &m) == decimal::from_units(2));
  BOOST_CHECK(!actors::available_of(l, "1000042", "BX", nullptr));
}

// --- holds of the order ---

BOOST_AUTO_TEST_CASE(a_held_order_parks_and_goes_on_when_the_last_hold_has_gone) {
  NoteHoldsT note;
  note.holds = {"OH-1", "OH-2"};
  note.reason = "wrong drawing";
  auto g = checking();
  g.when_from("order/1000042", note)
      .then_event_names({"HoldsNoted"})
      .when_found("find/1/0", {"HSG-1"})
      .when_granted<actors::batch>("batch/HSG-1", "reserve/1/0", reserved(10))
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.status == Status::parked);
        BOOST_CHECK_EQUAL(s.reason,
                          "Hold OH-1 is open on the order. Hold OH-2 is open on the order.");
      });
  note.holds = {"OH-2"};
  g.when_from("order/1000042", note).then_state([](const StateT& s) {
    BOOST_CHECK(s.status == Status::parked);
  });
  note.holds.clear();
  g.when_from("order/1000042", note).then_state([](const StateT& s) {
    BOOST_CHECK(s.status == Status::completed);
    BOOST_CHECK_EQUAL(s.reservations.size(), 1u);  // kept while it was held
  });
}

BOOST_AUTO_TEST_CASE(a_release_asked_for_under_a_hold_parks_with_it) {
  auto held = start();
  held.holds = {"OH-1"};
  auto g = ready();
  g.when_from("order/1000042", held)
      .when_found("find/1/0", {"HSG-1"})
      .when_granted<actors::batch>("batch/HSG-1", "reserve/1/0", reserved(10))
      .then_state([](const StateT& s) { BOOST_CHECK(s.status == Status::parked); });
}

BOOST_AUTO_TEST_CASE(the_mes_that_has_the_order_is_told_to_stop_and_to_go_on) {
  NoteHoldsT note;
  note.holds = {"OH-1"};
  note.reason = "wrong drawing";
  auto g = checking();
  g.bound(System::mes)
      .when_found("find/1/0", {"HSG-1"})
      .when_granted<actors::batch>("batch/HSG-1", "reserve/1/0", reserved(10))
      .when_from("order/1000042", note)
      .then_effects({"deliver mes order/1000042 hold"});
  HoldOrderT call;
  call.order = "1000042";
  call.held = true;
  call.holds = {"OH-1"};
  call.reason = "wrong drawing";
  g.then_delivered(System::mes, "order/1000042", call);
  note.holds.emplace_back("OH-2");
  g.when_from("order/1000042", note).then_effects({});  // it stands already
  note.holds = {"OH-1"};
  g.when_from("order/1000042", note).then_effects({});
  note.holds.clear();
  g.when_from("order/1000042", note).then_effects({"deliver mes order/1000042 hold"});
  g.when_delivered("hold", System::mes, engine::DeliveryEnd::dead, {}, "no route")
      .then_effects({"tell order/1000042"});
}

BOOST_AUTO_TEST_CASE(each_reason_of_a_check_has_its_code) {
  const auto now = timestamp::from_micros(1'800'000'000'000'000);
  po::StateT order;
  order.material = "PUMP-100";
  order.revision = "A";
  order.quantity = decimal::from_units(10);
  order.unit = "EA";
  const auto site = active_plant();
  const auto codes = [&](const material::StateT& m) {
    std::string out;
    for (const auto& c : actors::check_release(order, &site, &m, no_work_center, {}, {}, now))
      if (c.verdict != Verdict::pass) out += (out.empty() ? "" : " ") + c.code;
    return out;
  };
  const auto short_of_stock = std::string("component.short");
  BOOST_CHECK_EQUAL(codes(pump()), short_of_stock);

  auto later = pump();
  later.revisions[0].effective_from = now.plus_ms(1);
  BOOST_CHECK_EQUAL(codes(later), "material.revision_not_effective " + short_of_stock);
  auto over = pump();
  over.revisions[0].effective_to = now;
  BOOST_CHECK_EQUAL(codes(over), "material.revision_not_effective " + short_of_stock);

  auto needs_plan = pump();
  needs_plan.inspection_required = true;
  BOOST_CHECK_EQUAL(codes(needs_plan), "material.inspection_plan_missing " + short_of_stock);
  auto old_plan = pump();
  auto& plan = old_plan.plans.emplace_back();
  plan.plan = "IP-7";
  plan.effective_to = now.plus_ms(-1);
  BOOST_CHECK_EQUAL(codes(old_plan), "material.inspection_plan_not_effective " + short_of_stock);

  order.holds.emplace_back().hold = "H-1";
  BOOST_CHECK_EQUAL(codes(pump()), short_of_stock + " order.held");
}
