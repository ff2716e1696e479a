// layer: actors
// Distribution of master data: on change, on a schedule, versions, gaps seen and repaired; and what
// a plant's material makes of its master.
#define BOOST_TEST_MODULE master_data_sync
#include <boost/test/unit_test.hpp>

#include "actors/master_data_sync.hpp"
#include "actors/material.hpp"
#include "actors/supplier.hpp"
#include "tests/floor_double.hpp"
#include "tests/kind_harness.hpp"

namespace {

using namespace millrace;
using namespace millrace::testing;
namespace ms = millrace::master_data_sync;
namespace mt = millrace::material;
using subject = actors::master_data_sync;
using ms::Status;

ms::AssignT assign(std::vector<std::string> plants, std::uint32_t every_s = 0) {
  ms::AssignT c;
  c.plants = std::move(plants);
  c.every_s = every_s;
  return c;
}
ms::ChangedT changed(std::uint64_t version) {
  ms::ChangedT c;
  c.version = version;
  return c;
}
std::string tag(const std::string& plant, int version) {
  return plant + '\x1f' + std::to_string(version);
}
given<subject> fresh() {
  mt::StateT housing;
  housing.base_unit = "EA";
  housing.revision = "A";
  given<subject> g;
  g.id("material~HOUSING")
      .plant("enterprise")
      .reference<actors::material>("HOUSING", std::move(housing));
  return g;
}
given<subject> assigned() {
  auto g = fresh();
  g.when(assign({"hamburg", "lyon"}), System::erp)
      .when_granted<actors::material>("material/HOUSING", tag("hamburg", 1), mt::MasterTakenT())
      .when_granted<actors::material>("material/HOUSING", tag("lyon", 1), mt::MasterTakenT());
  return g;
}
auto status(Status wanted) {
  return [wanted](const ms::StateT& s) {
    BOOST_CHECK_MESSAGE(s.status == wanted, "status is " << ms::EnumNameStatus(s.status));
  };
}
mt::TakeMasterT master(std::uint64_t version, std::string unit = "EA") {
  mt::TakeMasterT c;
  c.version = version;
  c.master = std::make_unique<mt::MasterT>();
  c.master->base_unit = std::move(unit);
  c.master->revision = "B";
  c.master->revisions.emplace_back();
  c.master->revisions.back().revision = "B";
  return c;
}
mt::DefineT define(bool local = false) {
  mt::DefineT c;
  c.revision = "A";
  c.base_unit = "EA";
  c.local = local;
  return c;
}

}  // namespace

BOOST_AUTO_TEST_CASE(assigned_plants_get_the_object_at_once) {
  auto g = fresh();
  g.when(assign({"hamburg", "lyon"}), System::erp)
      .then_event_names({"PlantsAssigned", "CopySent", "CopySent", "CheckPlanned"})
      .then_effects({"ask hamburg:material/HOUSING " + tag("hamburg", 1),
                     "ask lyon:material/HOUSING " + tag("lyon", 1), "timer check"})
      .then_state(status(Status::distributing));
  g.when_granted<actors::material>("material/HOUSING", tag("hamburg", 1), mt::MasterTakenT());
  BOOST_CHECK_EQUAL(g.state().waits_for.at(0), "lyon: not answered yet");
  g.when_granted<actors::material>("material/HOUSING", tag("lyon", 1), mt::MasterTakenT())
      .then_state(status(Status::current));
  BOOST_CHECK_EQUAL(g.state().gaps, 0u);
  g.when(assign({"lyon"}), System::erp).then_nothing();
}

BOOST_AUTO_TEST_CASE(a_change_reaches_every_plant_and_an_older_one_nobody) {
  assigned()
      .when_from("material/HOUSING", changed(5))
      .then_event_names({"MasterChanged", "CopySent", "CopySent"})
      .then_effects({"ask hamburg:material/HOUSING " + tag("hamburg", 5),
                     "ask lyon:material/HOUSING " + tag("lyon", 5)})
      .when_from("material/HOUSING", changed(4))
      .then_nothing()
      .when_granted<actors::material>("material/HOUSING", tag("hamburg", 5), mt::MasterTakenT())
      .when_granted<actors::material>("material/HOUSING", tag("lyon", 5), mt::MasterTakenT())
      .then_state(status(Status::current));
}

BOOST_AUTO_TEST_CASE(an_answer_to_an_older_version_is_not_enough) {
  fresh()
      .when(assign({"hamburg"}), System::erp)
      .when_from("material/HOUSING", changed(5))
      .when_granted<actors::material>("material/HOUSING", tag("hamburg", 1), mt::MasterTakenT())
      .then_state(status(Status::distributing))
      .when_granted<actors::material>("material/HOUSING", tag("hamburg", 5), mt::MasterTakenT())
      .then_state(status(Status::current));
}

BOOST_AUTO_TEST_CASE(a_check_sees_a_gap_and_repairs_it) {
  auto g = assigned();
  g.when_timer("check")
      .then_event_names({"CheckBegun", "CopySent", "CopySent", "CheckPlanned"})
      .when_granted<actors::material>("material/HOUSING", tag("hamburg", 1))
      .when_granted<actors::material>("material/HOUSING", tag("lyon", 1), mt::MasterTakenT())
      .then_state(status(Status::current));
  BOOST_CHECK_EQUAL(g.state().gaps, 1u);
  BOOST_CHECK_EQUAL(g.state().plants.at(1).gaps, 1u);
}

BOOST_AUTO_TEST_CASE(a_plant_that_refuses_is_behind_with_its_reason_until_a_check) {
  auto g = fresh();
  g.when(assign({"hamburg"}), System::erp)
      .when_refused("material/HOUSING", tag("hamburg", 1), "material.local")
      .then_state(status(Status::behind));
  BOOST_CHECK_EQUAL(g.state().waits_for.at(0), "hamburg: material.local");
  g.when(ms::CheckT(), System::ops)
      .when_granted<actors::material>("material/HOUSING", tag("hamburg", 1), mt::MasterTakenT())
      .then_state(status(Status::current));
  BOOST_CHECK_EQUAL(g.state().gaps, 0u);
}

BOOST_AUTO_TEST_CASE(the_schedule_is_its_own_or_the_rules) {
  fresh()
      .rule("masterdata.check_s", "60")
      .when(assign({"hamburg"}), System::erp)
      .then_timer("check", timestamp::from_micros(1'800'000'060'000'000))
      .when(assign({"hamburg"}, 10), System::erp)
      .then_timer("check", timestamp::from_micros(1'800'000'010'000'000));
}

BOOST_AUTO_TEST_CASE(suppliers_are_watched_as_well) {
  supplier::StateT acme;
  acme.version = 3;
  ms::JoinedT join;
  join.plant = "hamburg";
  given<subject> g;
  g.id("supplier~ACME")
      .plant("enterprise")
      .reference<actors::supplier>("ACME", std::move(acme))
      .when_from("supplier/ACME", join)
      .then_effects({"ask hamburg:supplier/ACME " + tag("hamburg", 3), "timer check"});
}

BOOST_AUTO_TEST_CASE(what_cannot_be_distributed_is_refused) {
  given<subject>()
      .id("material~X")
      .when(assign({"a"}), System::erp)
      .then_refused("master_data_sync.not_enterprise");
  given<subject> odd;
  odd.plant("enterprise")
      .id("order~1")
      .when(assign({"a"}), System::erp)
      .then_refused("master_data_sync.object_invalid");
  given<subject> unknown;
  unknown.plant("enterprise")
      .id("material~NONE")
      .when(assign({"a"}), System::erp)
      .then_refused("master_data_sync.object_unknown");
  ms::UnassignT gone;
  gone.plants = {"nowhere"};
  auto g = assigned();
  g.when(gone, System::erp).then_refused("master_data_sync.plant_unknown");
  gone.plants = {"hamburg", "lyon"};
  g.when(gone, System::erp)
      .then_event_names({"PlantsUnassigned"})
      .then_effects({"cancel check"})
      .when_timer("check")
      .then_nothing();
  std::vector<std::string> many;
  for (int n = 0; n < 201; ++n) many.push_back("p" + std::to_string(n));
  fresh().when(assign(many), System::erp).then_refused("master_data_sync.too_many");
}

BOOST_AUTO_TEST_CASE(a_plant_takes_the_master_and_keeps_its_own) {
  mt::SetPlantDataT own;
  own.location = "HALL-3";
  given<actors::material> g;
  g.id("HOUSING")
      .when(define(), System::erp)
      .when(own, System::wms)
      .when_from("master_data_sync/material~HOUSING", master(4), "enterprise")
      .then_event_names({"MasterTaken"})
      .when_from("master_data_sync/material~HOUSING", master(4), "enterprise")
      .then_nothing()
      .when_from("master_data_sync/material~HOUSING", master(3), "enterprise")
      .then_nothing()
      .when_from("master_data_sync/material~HOUSING", master(6, "KGM"), "enterprise")
      .then_refused("material.base_unit_fixed")
      .when(define(), System::erp)
      .then_refused("material.from_master");
  BOOST_CHECK_EQUAL(g.state().revision, "B");
  BOOST_CHECK_EQUAL(g.state().location, "HALL-3");
  BOOST_CHECK_EQUAL(g.state().master_version, 4u);
  g.when(own, System::wms).then_accepted();
}

BOOST_AUTO_TEST_CASE(what_a_plant_defined_itself_is_adopted_first) {
  given<actors::material>()
      .id("HOUSING")
      .when(define(true), System::erp)
      .when_from("master_data_sync/material~HOUSING", master(4), "enterprise")
      .then_refused("material.local")
      .when(mt::AdoptT(), System::erp)
      .then_event_names({"Adopted"})
      .when(mt::AdoptT(), System::erp)
      .then_nothing()
      .when_from("master_data_sync/material~HOUSING", master(4), "enterprise")
      .then_event_names({"MasterTaken"});
}

BOOST_AUTO_TEST_CASE(the_enterprises_material_tells_its_distribution) {
  given<actors::material>()
      .id("HOUSING")
      .plant("enterprise")
      .when(define(), System::erp)
      .then_effects({"tell master_data_sync/material~HOUSING"});
  given<actors::material>().id("HOUSING").when(define(), System::erp).then_effects({});
}

BOOST_AUTO_TEST_CASE(a_story_from_the_master_to_two_plants) {
  floor_double f;
  const auto ok = [](const floor_double::outcome& o) {
    BOOST_CHECK_MESSAGE(o.what == engine::Outcome::accepted, o.code);
  };
  ok(f.post("materials/HOUSING/define", System::erp, R"({"revision":"A","base_unit":"EA"})",
            "enterprise"));
  ok(f.post("master-data-syncs/material~HOUSING/assign", System::erp,
            R"({"plants":["hamburg","lyon"]})", "enterprise"));
  BOOST_CHECK_EQUAL(f.state<material::schema>("HOUSING").revision, "A");
  ok(f.post("materials/HOUSING/define", System::plm, R"({"revision":"B","base_unit":"EA"})",
            "enterprise"));
  ok(f.post("materials/HOUSING/set-inspection-plan", System::qms,
            R"({"plan":"IP-1","revision":"1","characteristics":[{"name":"width"}]})",
            "enterprise"));
  BOOST_CHECK_EQUAL(f.state<material::schema>("HOUSING", "lyon").revision, "B");
  BOOST_CHECK_EQUAL(f.state<material::schema>("HOUSING", "lyon").plans.size(), 1u);
  const auto& sync = f.state<master_data_sync::schema>("material~HOUSING", "enterprise");
  BOOST_CHECK(sync.status == ms::Status::current);
  BOOST_CHECK_EQUAL(sync.plants.at(0).version, sync.version);
}
