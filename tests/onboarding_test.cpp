// layer: actors
// A plant that comes in: shadow, pilot, live, each with what is missing until the next, each to be
// left again, and what a stage lets out.
#define BOOST_TEST_MODULE onboarding
#include <boost/test/unit_test.hpp>

#include "actors/onboarding.hpp"
#include "actors/plant.hpp"
#include "tests/kind_harness.hpp"

namespace {

using namespace millrace;
using namespace millrace::testing;
namespace ob = millrace::onboarding;
using subject = actors::onboarding;
using ob::Stage;

millrace::plant::StateT site(millrace::plant::Life life) {
  millrace::plant::StateT s;
  s.life = life;
  return s;
}
ob::RecordChecksT checks(std::initializer_list<const char*> names, bool passed = true) {
  ob::RecordChecksT c;
  for (const auto* name : names) {
    auto& one = c.checks.emplace_back();
    one.check = name;
    one.passed = passed;
    one.detail = "2 lines rejected";
  }
  return c;
}
ob::ChooseOrdersT choose(std::vector<std::string> orders) {
  ob::ChooseOrdersT c;
  c.orders = std::move(orders);
  return c;
}
ob::EnterStageT enter(Stage stage) {
  ob::EnterStageT c;
  c.stage = stage;
  c.reason = "as planned";
  return c;
}
ob::NoteImportT imported(std::uint32_t rejected, std::string name = "stock.csv") {
  ob::NoteImportT c;
  c.file = std::make_unique<ob::ImportT>();
  c.file->name = std::move(name);
  c.file->lines = 10;
  c.file->rejected = rejected;
  c.file->accepted = 10 - rejected;
  return c;
}
given<subject> begun() {
  given<subject> g;
  g.id("plant")
      .reference<actors::plant>("hamburg", site(millrace::plant::Life::commissioned))
      .when(ob::BeginT(), System::ops)
      .then_event_names({"Begun"});
  return g;
}
const auto first = {"imports", "systems", "deadletters", "exceptions", "stock"};
const auto second = {"orders", "systems", "deadletters", "exceptions", "stock"};
given<subject> in_pilot() {
  auto g = begun();
  g.when(checks(first), System::ops)
      .when(choose({"42", "7"}), System::ops)
      .when(enter(Stage::pilot), System::ops)
      .then_event_names({"StageEntered"});
  return g;
}
auto stage(Stage wanted) {
  return [wanted](const ob::StateT& s) {
    BOOST_CHECK_MESSAGE(s.stage == wanted, "stage is " << ob::EnumNameStage(s.stage));
  };
}
std::string waits(const given<subject>& g) {
  std::string out;
  for (const auto& one : g.state().waits_for) out += (out.empty() ? "" : "; ") + one;
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(it_begins_in_shadow_before_the_plant_is_active) {
  begun()
      .then_state(stage(Stage::shadow))
      .when(ob::BeginT(), System::ops)
      .then_refused("onboarding.exists");
  for (const auto life : {millrace::plant::Life::active, millrace::plant::Life::paused,
                          millrace::plant::Life::retired})
    given<subject>()
        .id("plant")
        .reference<actors::plant>("hamburg", site(life))
        .when(ob::BeginT(), System::ops)
        .then_refused("onboarding.plant_not_new");
  given<subject>()
      .id("plant")
      .when(ob::BeginT(), System::ops)
      .then_refused("onboarding.plant_not_new");
  given<subject>()
      .id("other")
      .reference<actors::plant>("hamburg", site(millrace::plant::Life::commissioned))
      .when(ob::BeginT(), System::ops)
      .then_refused("onboarding.id_invalid");
}

BOOST_AUTO_TEST_CASE(the_list_says_what_is_missing_until_the_pilot) {
  auto g = begun();
  BOOST_CHECK_EQUAL(waits(g),
                    "imports: not looked at in this stage; systems: not looked at in this stage; "
                    "deadletters: not looked at in this stage; exceptions: not looked at in this "
                    "stage; stock: not looked at in this stage; orders: none is chosen for the "
                    "pilot");
  g.when(checks(first), System::ops)
      .when(checks({"imports"}, false), System::ops)
      .when(enter(Stage::pilot), System::ops)
      .then_refused("onboarding.not_ready");
  BOOST_CHECK_EQUAL(waits(g), "imports: 2 lines rejected; orders: none is chosen for the pilot");
  ob::WaiveCheckT waive;
  waive.check = "imports";
  waive.reason = "scrap of 2019";
  g.when(waive, System::ops)
      .then_event_names({"Checked"})
      .when(choose({"42"}), System::ops)
      .when(enter(Stage::pilot), System::ops)
      .then_state(stage(Stage::pilot));
  BOOST_CHECK_EQUAL(g.state().checks.size(), 0u);  // looked at anew in the next stage
  waive.check = "stock";
  g.when(waive, System::ops).then_refused("onboarding.check_unknown");
  g.when(checks({"weather"}), System::ops).then_refused("onboarding.check_unknown");
}

BOOST_AUTO_TEST_CASE(stages_follow_one_another_and_each_can_be_left_again) {
  begun()
      .when(checks(first), System::ops)
      .when(choose({"42"}), System::ops)
      .when(enter(Stage::live), System::ops)
      .then_refused("onboarding.stage_skipped")
      .when(enter(Stage::shadow), System::ops)
      .then_nothing();
  auto g = in_pilot();
  g.when(enter(Stage::live), System::ops)
      .then_refused("onboarding.not_ready")
      .when(enter(Stage::shadow), System::ops)
      .then_state(stage(Stage::shadow));
  auto live = in_pilot();
  live.when(checks(second), System::ops)
      .when(enter(Stage::live), System::ops)
      .then_state(stage(Stage::live));
  BOOST_CHECK(live.state().waits_for.empty());
  live.when(enter(Stage::pilot), System::ops).then_state(stage(Stage::pilot));
  auto back = in_pilot();
  back.when(checks(second), System::ops)
      .when(enter(Stage::live), System::ops)
      .when(enter(Stage::shadow), System::ops)
      .then_state(stage(Stage::shadow));
}

BOOST_AUTO_TEST_CASE(a_file_imported_again_unchanged_changes_nothing) {
  auto g = begun();
  g.when(imported(2), System::erp)
      .then_event_names({"Imported"})
      .when(imported(2), System::erp)
      .then_nothing()
      .when(imported(0), System::erp)
      .then_event_names({"Imported"});
  BOOST_CHECK_EQUAL(g.state().imports.size(), 1u);
  BOOST_CHECK_EQUAL(g.state().imports[0].accepted, 10u);
  for (int i = 0; i < 49; ++i) g.when(imported(0, std::to_string(i)), System::erp).then_accepted();
  g.when(imported(0, "one more"), System::erp).then_refused("onboarding.too_many");
}

BOOST_AUTO_TEST_CASE(what_leaves_the_plant_in_each_stage) {
  auto g = begun();
  const auto at = [&] { return g.state().since.plus_ms(1); };
  BOOST_CHECK(!actors::leaves(g.state(), "order_release/42", at()));
  BOOST_CHECK(!actors::leaves(g.state(), "hold/H-1", at()));
  g = in_pilot();
  BOOST_CHECK(actors::leaves(g.state(), "order_release/42", at()));
  BOOST_CHECK(actors::leaves(g.state(), "production_confirmation/7", at()));
  BOOST_CHECK(!actors::leaves(g.state(), "order_release/43", at()));
  BOOST_CHECK(!actors::leaves(g.state(), "batch/42", at()));
  BOOST_CHECK(actors::leaves(g.state(), "hold/H-1", at()));  // what stops material always goes out
  g.when(checks(second), System::ops).after_ms(1000).when(enter(Stage::live), System::ops);
  BOOST_CHECK(actors::leaves(g.state(), "batch/42", at()));
  BOOST_CHECK(actors::leaves(g.state(), "order_release/43", at()));
}

BOOST_AUTO_TEST_CASE(what_was_kept_back_is_not_sent_later) {
  auto g = in_pilot();
  const auto in_the_pilot = g.state().since.plus_ms(1);
  g.when(checks(second), System::ops).after_ms(1000).when(enter(Stage::live), System::ops);
  BOOST_CHECK(!actors::leaves(g.state(), "order_release/43", in_the_pilot));
  BOOST_CHECK(actors::leaves(g.state(), "order_release/42", in_the_pilot));
  const auto in_live = g.state().since.plus_ms(1);
  g.after_ms(1000).when(enter(Stage::shadow), System::ops);
  BOOST_CHECK(!actors::leaves(g.state(), "order_release/42", in_live));  // nothing, at once
}
