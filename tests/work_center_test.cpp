// layer: actors
// A work center's downtimes and maintenance orders: every step that is allowed, every one that is
// refused or parked, and who is told when it is back.
#define BOOST_TEST_MODULE work_center
#include "actors/work_center.hpp"

#include "actors/order_release.hpp"
#include "tests/kind_harness.hpp"

using namespace millrace;
using namespace millrace::testing;
using namespace millrace::work_center;
using subject = actors::work_center;

namespace {

const auto began = timestamp::from_micros(1'799'999'000'000'000);
const auto over = began.plus_ms(600'000);

DefinedT defined() {
  DefinedT e;
  e.name = "Assembly 1";
  e.area = "hall 2";
  return e;
}
ReportDownT report_down(const char* id = "D-1", bool planned = false) {
  ReportDownT c;
  c.downtime = id;
  c.reason = "spindle";
  c.planned = planned;
  c.occurred_at = began;
  return c;
}
ReportUpT report_up(const char* id = "D-1", timestamp at = over) {
  ReportUpT c;
  c.downtime = id;
  c.occurred_at = at;
  return c;
}
ReverseDowntimeT reverse(const char* id = "D-1") {
  ReverseDowntimeT c;
  c.downtime = id;
  c.reason = "wrong machine";
  return c;
}
template <class CommandT>
CommandT maintenance(const char* order = "M-1") {
  CommandT c;
  c.order = order;
  if constexpr (std::is_same_v<CommandT, PlanMaintenanceT>) c.description = "oil change";
  if constexpr (std::is_same_v<CommandT, CancelMaintenanceT>) c.reason = "postponed";
  return c;
}
given<subject> known() { return given<subject>(defined()); }
given<subject> broken() {
  auto g = known();
  g.when(report_down(), System::mes);
  return g;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_work_center_is_described_once_and_again) {
  DefineT c;
  c.name = "Assembly 1";
  c.area = "hall 2";
  given<subject>()
      .when(c, System::erp)
      .then_events(defined())
      .when(c, System::erp)
      .then_nothing()
      .then_state([](const StateT& s) { BOOST_CHECK(s.life == Life::available); });
}

BOOST_AUTO_TEST_CASE(a_downtime_takes_it_down_until_it_is_over) {
  auto g = broken();
  g.then_event_names({"WentDown"}).then_state([](const StateT& s) {
    BOOST_CHECK(s.life == Life::down);
    BOOST_CHECK_EQUAL(s.reason, "spindle");
    BOOST_CHECK(!s.planned);
    BOOST_CHECK(s.since == began);
  });
  g.when(report_up(), System::mes).then_event_names({"CameUp"}).then_state([](const StateT& s) {
    BOOST_CHECK(s.life == Life::available);
    BOOST_CHECK(s.reason.empty());
    BOOST_CHECK_EQUAL(s.downtimes, 1u);
    BOOST_CHECK_EQUAL(s.down_seconds, 600u);
    BOOST_CHECK_EQUAL(s.unplanned_seconds, 600u);
  });
  const auto row = g.row<DowntimeRowT>("downtimes", "D-1");
  BOOST_REQUIRE(row);
  BOOST_CHECK(row->ended == over);
}

BOOST_AUTO_TEST_CASE(the_same_report_again_changes_nothing_another_content_is_refused) {
  auto g = broken();
  g.when(report_down(), System::mes).then_accepted().then_nothing();
  auto other = report_down();
  other.reason = "belt";
  g.when(other, System::mes).then_refused("work_center.downtime_differs");
  g.when(report_up(), System::mes).when(report_up(), System::mes).then_accepted().then_nothing();
  g.when(report_down(), System::mes).then_accepted().then_nothing();
}

BOOST_AUTO_TEST_CASE(an_end_before_its_beginning_waits_and_posts_itself) {
  known()
      .when(report_up(), System::mes)
      .then_parked("work_center.downtime_unknown")
      .when(report_down(), System::mes)
      .reposting()
      .when(report_up(), System::mes)
      .then_event_names({"CameUp"});
}

BOOST_AUTO_TEST_CASE(times_that_run_backwards_are_refused) {
  broken()
      .when(report_up("D-1", began.plus_ms(-1000)), System::mes)
      .then_refused("work_center.times_invalid");
  auto c = maintenance<PlanMaintenanceT>();
  c.start = over;
  c.end = began;
  known().when(c, System::cmms).then_refused("work_center.times_invalid");
}

BOOST_AUTO_TEST_CASE(a_downtime_is_ended_and_taken_back_by_who_reported_it) {
  broken().when(report_up(), System::cmms).then_refused("command.not_owner");
  broken().when(reverse(), System::cmms).then_refused("command.not_owner");
  known()
      .when(report_down("D-2", true), System::cmms)
      .when(report_up("D-2"), System::mes)
      .then_refused("command.not_owner");
}

BOOST_AUTO_TEST_CASE(two_downtimes_have_to_end_both) {
  auto g = broken();
  g.when(report_down("D-2", true), System::cmms).then_state([](const StateT& s) {
    BOOST_CHECK(!s.planned);  // one of them is not
  });
  g.when(report_up(), System::mes).then_state([](const StateT& s) {
    BOOST_CHECK(s.life == Life::down);
    BOOST_CHECK(s.planned);
  });
  g.when(report_up("D-2"), System::cmms).then_state([](const StateT& s) {
    BOOST_CHECK(s.life == Life::available);
    BOOST_CHECK_EQUAL(s.unplanned_seconds, 600u);
    BOOST_CHECK_EQUAL(s.down_seconds, 1200u);
  });
}

BOOST_AUTO_TEST_CASE(a_downtime_that_never_was_counts_no_longer) {
  auto g = broken();
  g.when(reverse(), System::mes).then_event_names({"DowntimeReversed"});
  BOOST_CHECK(g.state().life == Life::available);
  BOOST_CHECK_EQUAL(g.state().downtimes, 0u);
  g.when(reverse(), System::mes).then_accepted().then_nothing();
  auto ended = broken();
  ended.when(report_up(), System::mes).when(reverse(), System::mes);
  BOOST_CHECK_EQUAL(ended.state().down_seconds, 0u);
  BOOST_CHECK_EQUAL(ended.state().unplanned_seconds, 0u);
  known().when(reverse(), System::mes).then_parked("work_center.downtime_unknown");
}

BOOST_AUTO_TEST_CASE(maintenance_takes_it_out_of_service_and_back) {
  auto g = known();
  g.when(maintenance<PlanMaintenanceT>(), System::cmms).then_event_names({"MaintenancePlanned"});
  g.when(maintenance<StartMaintenanceT>(), System::cmms)
      .then_event_names({"MaintenanceStarted", "WentDown"})
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.life == Life::down);
        BOOST_CHECK(s.planned);
        BOOST_CHECK_EQUAL(s.reason, "oil change");
      });
  g.when(report_up("M-1"), System::cmms).then_refused("work_center.belongs_to_maintenance");
  g.when(reverse("M-1"), System::cmms).then_refused("work_center.belongs_to_maintenance");
  g.when(maintenance<CompleteMaintenanceT>(), System::cmms)
      .then_event_names({"MaintenanceCompleted", "CameUp"})
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.life == Life::available);
        BOOST_CHECK(s.maintenance.empty());
        BOOST_CHECK_EQUAL(s.unplanned_seconds, 0u);
      });
  const auto row = g.row<MaintenanceRowT>("maintenance", "M-1");
  BOOST_REQUIRE(row);
  BOOST_CHECK(row->maintenance->status == MaintenanceStatus::completed);
}

BOOST_AUTO_TEST_CASE(maintenance_steps_out_of_order_are_refused) {
  known()
      .when(maintenance<StartMaintenanceT>(), System::cmms)
      .then_refused("work_center.maintenance_unknown");
  auto planned = known();
  planned.when(maintenance<PlanMaintenanceT>(), System::cmms);
  planned.when(maintenance<PlanMaintenanceT>(), System::cmms)
      .then_refused("work_center.maintenance_exists");
  planned.when(maintenance<CompleteMaintenanceT>(), System::cmms)
      .then_refused("work_center.maintenance_status");
  planned.when(maintenance<StartMaintenanceT>(), System::cmms);
  planned.when(maintenance<StartMaintenanceT>(), System::cmms)
      .then_refused("work_center.maintenance_status");
  planned.when(maintenance<CancelMaintenanceT>(), System::cmms)
      .then_refused("work_center.maintenance_status");
  auto cancelled = known();
  cancelled.when(maintenance<PlanMaintenanceT>(), System::cmms)
      .when(maintenance<CancelMaintenanceT>(), System::cmms)
      .then_event_names({"MaintenanceCancelled"})
      .when(maintenance<PlanMaintenanceT>(), System::cmms)
      .then_refused("work_center.maintenance_exists")
      .when(maintenance<CompleteMaintenanceT>(), System::cmms)
      .then_refused("work_center.maintenance_unknown");
}

BOOST_AUTO_TEST_CASE(what_is_open_has_its_limits) {
  auto g = known();
  for (int i = 0; i < 100; ++i)
    g.when(report_down(("D-" + std::to_string(i)).c_str()), System::mes).then_accepted();
  g.when(report_down("D-100"), System::mes).then_parked("work_center.downs_full");
  g.when(maintenance<PlanMaintenanceT>(), System::cmms)
      .when(maintenance<StartMaintenanceT>(), System::cmms)
      .then_refused("work_center.downs_full");
  auto planned = known();
  for (int i = 0; i < 200; ++i)
    planned.when(maintenance<PlanMaintenanceT>(("M-" + std::to_string(i)).c_str()), System::cmms);
  planned.when(maintenance<PlanMaintenanceT>("M-200"), System::cmms)
      .then_refused("work_center.maintenance_full");
}

BOOST_AUTO_TEST_CASE(releases_that_wait_hear_once_that_it_is_back) {
  AwaitChangeT await;
  await.process = "1000042";
  order_release::RecheckT recheck;
  recheck.cause = "work center";
  auto g = broken();
  g.when(report_down("D-2"), System::mes);
  g.when_from("order_release/1000042", await).then_event_names({"WaiterAdded"});
  g.when_from("order_release/1000042", await).then_nothing();
  g.when(report_up(), System::mes).then_effects({});  // the other downtime goes on
  g.when(report_up("D-2"), System::mes)
      .then_event_names({"CameUp", "WaitersTold"})
      .then_effects({"tell order_release/1000042"})
      .then_sent<actors::order_release>("1000042", recheck);
  // Back before the release has asked to be told: told at once.
  g.when_from("order_release/1000042", await)
      .then_events()
      .then_effects({"tell order_release/1000042"});
}
