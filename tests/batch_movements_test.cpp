// layer: actors
// Movements that a lot posts itself by SAP type, their reversals, and what goes to other lots: each
// allowed where it may be, refused where it may not, and undone without a trace in the stock.
#define BOOST_TEST_MODULE batch_movements
#include <boost/test/unit_test.hpp>

#include "actors/batch.hpp"
#include "actors/material.hpp"
#include "actors/stock.hpp"
#include "tests/kind_harness.hpp"

namespace {

using namespace millrace;
using namespace millrace::testing;
using lot_kind = actors::batch;
namespace lot = millrace::batch;
using enum lot::StockType;

decimal ea(std::int64_t units) { return decimal::from_units(units); }

material::StateT material_of(bool planned, bool serials = false) {
  material::StateT m;
  m.base_unit = "EA";
  m.revision = "A";
  m.serial_managed = serials;
  m.revisions.emplace_back().revision = "A";
  m.conversions.emplace_back();
  m.conversions.back().unit = "BX";
  m.conversions.back().numerator = 12;
  if (planned) m.plans.emplace_back().plan = "IP-7";
  return m;
}

/// HSG-1 with 100 EA of that type.
given<lot_kind> stocked(lot::Into into = lot::Into::unrestricted) {
  lot::ReceiveT c;
  c.material = "HOUSING";
  c.quantity = ea(100);
  c.unit = "EA";
  c.location = "HALL";
  c.stock = into;
  given<lot_kind> g;
  g.id("HSG-1")
      .reference<actors::material>("HOUSING", material_of(into == lot::Into::quality_inspection))
      .reference<actors::material>("HOUSING-B", material_of(false))
      .when(c, System::erp)
      .then_accepted();
  return g;
}
lot::PostMovementT post(std::string movement, std::int64_t quantity = 10, std::string id = "M-1") {
  lot::PostMovementT c;
  c.posting = std::move(id);
  c.movement = std::move(movement);
  c.quantity = ea(quantity);
  c.unit = "EA";
  return c;
}
lot::ReverseMovementT reverse(std::string id = "M-1") {
  lot::ReverseMovementT c;
  c.posting = std::move(id);
  c.reason = "typing error";
  return c;
}
lot::PlaceHoldT hold(std::string id = "H-1", std::int64_t quantity = 0) {
  lot::PlaceHoldT c;
  c.hold = std::move(id);
  c.reason = "porous";
  if (quantity != 0) c.quantity = std::make_unique<decimal>(ea(quantity));
  return c;
}
lot::SplitT split(std::int64_t quantity = 30, std::string to = "HSG-2", std::string id = "M-1") {
  lot::SplitT c;
  c.posting = std::move(id);
  c.batch = std::move(to);
  c.quantity = ea(quantity);
  c.unit = "EA";
  return c;
}
lot::TakeInT take_in(std::string from = "HSG-1", std::int64_t quantity = 30, bool merges = false) {
  lot::TakeInT c;
  c.batch = std::move(from);
  c.posting = "M-1";
  c.movement = merges ? "merge" : "split";
  c.material = "HOUSING";
  c.quantity = ea(quantity);
  c.unit = "EA";
  c.quality = lot::Quality::released;
  c.merges = merges;
  return c;
}
lot::StartInspectionT inspect(std::string id = "IL-1") {
  lot::StartInspectionT c;
  c.inspection = std::move(id);
  return c;
}
auto has(lot::StockType type, std::int64_t units) {
  return [=](const lot::StateT& s) {
    BOOST_CHECK_EQUAL(actors::stock_of(s, type).to_string(), ea(units).to_string());
  };
}
std::string shape(const lot::StateT& s) {
  std::string out;
  for (const auto& line : s.stock)
    out += line.location + ' ' + lot::EnumNameStockType(line.type) + ' ' +
           line.quantity.to_string() + '\n';
  return out;
}

/// What a movement type does: where it takes from, where it puts it (none: it leaves).
struct type_case {
  const char* code;
  const char* reverse;
  lot::Into stock;
  lot::StockType from;
  std::optional<lot::StockType> to;
};
const type_case types[] = {
    {"551", "552", lot::Into::unrestricted, unrestricted, {}},
    {"553", "554", lot::Into::quality_inspection, quality_inspection, {}},
    {"555", "556", lot::Into::blocked, blocked, {}},
    {"331", "332", lot::Into::quality_inspection, quality_inspection, {}},
    {"333", "334", lot::Into::unrestricted, unrestricted, {}},
    {"335", "336", lot::Into::blocked, blocked, {}},
    {"343", "344", lot::Into::blocked, blocked, unrestricted},
    {"344", "343", lot::Into::unrestricted, unrestricted, blocked},
    {"322", "321", lot::Into::unrestricted, unrestricted, quality_inspection},
    {"349", "350", lot::Into::blocked, blocked, quality_inspection},
};

}  // namespace

// ---- movements by type ----

BOOST_AUTO_TEST_CASE(each_type_takes_what_it_says_and_its_reversal_restores) {
  for (const auto& one : types) {
    BOOST_TEST_CONTEXT(one.code) {
      auto g = stocked(one.stock);
      const auto before = shape(g.state());
      g.when(post(one.code), System::wms)
          .then_accepted()
          .then_event_names({"MovementPosted"})
          .then_state(has(one.from, 90));
      if (one.to) g.then_state(has(*one.to, 10));
      BOOST_CHECK_EQUAL(g.state().issued.to_string(), one.to ? "0" : "10");
      g.when(reverse(), System::wms).then_accepted().then_event_names({"MovementReversed"});
      BOOST_CHECK_EQUAL(g.event<lot::MovementReversedT>()->movement, one.reverse);
      BOOST_CHECK_EQUAL(shape(g.state()), before);
      BOOST_CHECK(g.state().issued.is_zero());
      g.when(reverse(), System::wms).then_nothing();
    }
  }
}

BOOST_AUTO_TEST_CASE(each_type_is_refused_without_its_stock_and_while_it_is_held) {
  for (const auto& one : types) {
    BOOST_TEST_CONTEXT(one.code) {
      const auto other = one.from == unrestricted ? lot::Into::blocked : lot::Into::unrestricted;
      auto none = stocked(other);
      none.when(post(one.code), System::wms).then_refused("batch.short_stock");
      auto much = stocked(one.stock);
      much.when(post(one.code, 101), System::wms).then_refused("batch.short_stock");
      auto held = stocked(one.stock);
      const auto before = shape(held.state());
      held.when(hold(), System::mes).when(post(one.code), System::wms).then_refused("batch.held");
      BOOST_CHECK_EQUAL(shape(held.state()), before);
      auto part = stocked(one.stock);
      part.when(hold("H-1", 95), System::mes)
          .when(post(one.code), System::wms)
          .then_refused("batch.held")
          .when(post(one.code, 5), System::wms)
          .then_accepted();
    }
  }
}

BOOST_AUTO_TEST_CASE(types_at_home_elsewhere_say_where) {
  auto g = stocked();
  for (const auto* code : {"701", "702", "341", "342", "321", "350", "301", "351", "309", "261"})
    g.when(post(code), System::wms).then_refused("batch.movement_unknown");
}

BOOST_AUTO_TEST_CASE(a_posting_counts_once_and_keeps_its_id) {
  stocked()
      .when(post("551"), System::wms)
      .when(post("551"), System::wms)
      .then_nothing()
      .when(post("551", 11), System::wms)
      .then_refused("batch.posting_differs")
      .when(post("333"), System::wms)
      .then_refused("batch.posting_differs")
      .when(reverse("M-9"), System::wms)
      .then_refused("batch.posting_unknown")
      .then_state(has(unrestricted, 90));
}

BOOST_AUTO_TEST_CASE(movements_come_in_other_units) {
  auto box = post("551", 1);
  box.unit = "BX";
  auto g = stocked();
  g.when(box, System::wms).then_state(has(unrestricted, 88));
  box.unit = "KGM";
  box.posting = "M-2";
  g.when(box, System::wms).then_refused("batch.unit_mismatch");
}

BOOST_AUTO_TEST_CASE(a_return_to_the_vendor_names_the_receipt) {
  auto back = post("122");
  back.stock = blocked;
  auto g = stocked(lot::Into::blocked);
  g.when(back, System::wms).then_refused("request.invalid");
  back.document = "5000000001";
  g.when(back, System::wms).then_accepted().then_state(has(blocked, 90));
  g.when(reverse(), System::wms).then_state(has(blocked, 100));
  auto inspected = stocked(lot::Into::quality_inspection);
  back.stock = quality_inspection;
  inspected.when_from("inspection/IL-1", inspect())
      .when(back, System::wms)
      .then_refused("batch.inspection_stock");
}

BOOST_AUTO_TEST_CASE(what_an_inspection_lot_decides_does_not_move_around_it) {
  auto g = stocked();
  g.when(post("322"), System::wms)
      .when_from("inspection/IL-1", inspect())
      .when(post("322", 10, "M-2"), System::wms)
      .then_refused("batch.inspection_stock")
      .when(reverse(), System::wms)
      .then_refused("batch.inspection_stock");
  // A sample is what an inspection takes out of it.
  g.when_from("inspection/IL-1", post("331", 2, "IL-1/S-1")).then_accepted();
}

BOOST_AUTO_TEST_CASE(a_rejected_lot_is_not_unblocked) {
  lot::DecideUsageT reject;
  reject.inspection = "IL-1";
  reject.decision = lot::Decision::reject;
  lot::ReleaseHoldT release;
  release.hold = "IL-1";
  release.reason = "to be scrapped";
  auto g = stocked(lot::Into::quality_inspection);
  g.when_from("inspection/IL-1", inspect())
      .when_from("inspection/IL-1", reject)
      .when(release, System::qms)
      .when(post("343"), System::wms)
      .then_refused("batch.not_released")
      .when(post("555"), System::wms)
      .then_accepted();
}

BOOST_AUTO_TEST_CASE(another_place_is_a_movement_too) {
  auto move = post("311", 40);
  move.location = "HALL";
  move.to_location = "HALL";
  auto g = stocked();
  g.when(move, System::wms).then_refused("batch.same_stock");
  move.to_location = "CAGE";
  g.when(move, System::wms).then_accepted();
  BOOST_CHECK_EQUAL(shape(g.state()), "HALL unrestricted 60\nCAGE unrestricted 40\n");
  auto away = post("551", 10, "M-2");
  away.location = "CAGE";
  g.when(away, System::wms).when(reverse(), System::wms).then_refused("batch.short_stock");
  g.when(reverse("M-2"), System::wms).when(reverse(), System::wms).then_accepted();
  BOOST_CHECK_EQUAL(shape(g.state()), "HALL unrestricted 100\n");
}

BOOST_AUTO_TEST_CASE(reserved_and_allocated_stock_stays) {
  lot::ReserveT reserve;
  reserve.order = "1";
  reserve.quantity = ea(95);
  stocked()
      .when_from("order_release/1", reserve)
      .when(post("551"), System::wms)
      .then_refused("batch.short_stock")
      .when(split(), System::wms)
      .then_refused("batch.short_stock")
      .when(post("551", 5), System::wms)
      .then_accepted();
}

BOOST_AUTO_TEST_CASE(serials_leave_with_their_units_and_come_back) {
  lot::ReceiveT c;
  c.material = "HOUSING";
  c.quantity = ea(3);
  c.unit = "EA";
  c.serials = {"A", "B", "C"};
  given<lot_kind> g;
  g.id("HSG-1")
      .reference<actors::material>("HOUSING", material_of(false, true))
      .when(c, System::erp);
  auto scrap = post("551", 1);
  scrap.serials = {"B", "C"};
  g.when(scrap, System::wms).then_refused("batch.serials_mismatch");
  scrap.serials = {"X"};
  g.when(scrap, System::wms).then_refused("batch.serials_mismatch");
  scrap.serials = {"B"};
  g.when(scrap, System::wms).then_accepted();
  BOOST_CHECK_EQUAL(g.row<lot::SerialRowT>("serials", "B")->gone, "551");
  scrap.posting = "M-2";
  g.when(scrap, System::wms).then_refused("batch.serials_mismatch");
  g.when(reverse(), System::wms);
  BOOST_CHECK_EQUAL(g.row<lot::SerialRowT>("serials", "B")->gone, "");
  auto one = hold();
  one.serials = {"A"};
  scrap.serials = {"A"};
  g.when(one, System::mes).when(scrap, System::wms).then_refused("batch.held");
}

BOOST_AUTO_TEST_CASE(the_erp_is_told_what_others_have_posted) {
  stocked()
      .bound(System::erp)
      .when(post("551"), System::wms)
      .then_effects({"deliver erp usage/HSG-1 usage~1~post/M-1"})
      .when(reverse(), System::wms)
      .then_effects({"deliver erp usage/HSG-1 usage~1~reverse/M-1", "tell material/HOUSING"})
      .when(post("551", 10, "M-2"), System::erp)
      .then_effects({});
}

// ---- dispositions of held stock ----

BOOST_AUTO_TEST_CASE(held_stock_leaves_only_as_its_holds_disposition) {
  auto scrap = post("555");
  scrap.hold = "H-1";
  auto g = stocked();
  g.when(scrap, System::qms).then_refused("batch.hold_unknown");
  g.when(hold(), System::mes)
      .when(scrap, System::wms)
      .then_refused("command.not_owner")
      .when(scrap, System::qms)
      .then_accepted()
      .then_state(has(unrestricted, 90));  // a hold moves nothing inside
  BOOST_CHECK(actors::held_whole(g.state()));
  BOOST_CHECK(g.state().allocatable.is_zero());
  // What had been held comes back as blocked stock, not as free one.
  g.when(reverse(), System::qms).then_state(has(blocked, 10)).then_state(has(unrestricted, 90));
  auto sample = post("333", 1, "M-3");
  sample.hold = "H-1";
  g.when(sample, System::qms).then_refused("request.invalid");
}

BOOST_AUTO_TEST_CASE(a_partial_hold_keeps_what_is_left_of_it) {
  auto scrap = post("551", 10);
  scrap.hold = "H-1";
  auto g = stocked();
  g.when(hold("H-1", 30), System::mes).when(scrap, System::qms).then_accepted();
  BOOST_CHECK_EQUAL(actors::held_quantity(g.state()).to_string(), "20");
  BOOST_CHECK_EQUAL(g.state().allocatable.to_string(), "70");
  scrap.posting = "M-2";
  scrap.quantity = ea(20);
  g.when(scrap, System::qms).then_accepted();
  // Nothing is left of it, yet it is open until somebody releases it, and on no more than that.
  BOOST_CHECK_EQUAL(g.state().holds.size(), 1u);
  BOOST_CHECK(!actors::held_whole(g.state()));
  BOOST_CHECK_EQUAL(g.state().allocatable.to_string(), "70");
}

BOOST_AUTO_TEST_CASE(another_hold_still_keeps_what_one_hold_lets_go) {
  auto scrap = post("555");
  scrap.hold = "H-1";
  stocked()
      .when(hold("H-1"), System::mes)
      .when(hold("H-2"), System::mes)
      .when(scrap, System::qms)
      .then_refused("batch.held");
}

BOOST_AUTO_TEST_CASE(in_the_erp_a_disposition_comes_from_blocked_stock) {
  auto scrap = post("555");
  scrap.hold = "H-1";
  auto g = stocked();
  g.bound(System::erp).when(hold(), System::mes).when(scrap, System::qms).then_accepted();
  lot::MovementPostingT posting;
  posting.batch = "HSG-1";
  posting.material = "HOUSING";
  posting.movement = "555";
  posting.quantity = ea(10);
  posting.unit = "EA";
  posting.location = "HALL";
  posting.from = blocked;
  posting.to = blocked;
  posting.reference = "posting/M-1";
  posting.at = g.now();
  g.then_delivered(System::erp, "usage/HSG-1", posting);
}

// ---- restricted use ----

BOOST_AUTO_TEST_CASE(restricted_use_takes_all_free_stock_and_gives_it_back) {
  lot::SetRestrictionT on;
  on.restricted = true;
  on.reason = "export control";
  lot::SetRestrictionT off;
  off.reason = "cleared";
  lot::ReserveT reserve;
  reserve.order = "1";
  reserve.quantity = ea(10);
  lot::ReceiveT more;
  more.material = "HOUSING";
  more.quantity = ea(5);
  more.unit = "EA";
  auto g = stocked();
  g.when_from("order_release/1", reserve)
      .when(on, System::qms)
      .then_event_names({"RestrictionSet", "ReservationRevoked"})
      .then_state(has(restricted, 100))
      .when(on, System::qms)
      .then_nothing()
      .when_from("order_release/1", reserve)
      .then_refused("batch.short_stock")
      .when(post("551"), System::wms)
      .then_refused("batch.short_stock")
      .when(more, System::erp)
      .then_state(has(restricted, 105))
      .when(off, System::qms)
      .then_state(has(unrestricted, 105));
  stocked().when(hold(), System::mes).when(on, System::qms).then_refused("batch.held");
}

// ---- to another lot ----

BOOST_AUTO_TEST_CASE(a_split_asks_the_new_lot_and_links_when_it_has_taken) {
  auto g = stocked();
  g.bound(System::erp)
      .command_id({7, 7})
      .when(split(), System::wms)
      .then_pending()
      .then_event_names({"StockSent"})
      .then_effects({"ask batch/HSG-2 take~M-1"})
      .then_state(has(unrestricted, 70))
      .when(split(), System::wms)
      .then_refused("batch.in_transit")
      .when_granted<actors::batch>("batch/HSG-2", "take~M-1", lot::TakenInT())
      .then_event_names({"StockArrived", "OutputLinked"})
      .then_effects({"tell batch/HSG-2", "deliver erp usage/HSG-1 usage~1~post/M-1"})
      .then_settled({7, 7})
      .when(split(), System::wms)
      .then_nothing()
      .when_granted<actors::batch>("batch/HSG-2", "take~M-1", lot::TakenInT())
      .then_nothing();
  BOOST_CHECK_EQUAL(g.state().issued.to_string(), "30");
  BOOST_CHECK(g.state().transits.empty());
}

BOOST_AUTO_TEST_CASE(what_the_other_lot_refuses_is_back_and_its_id_is_free) {
  auto g = stocked();
  const auto before = shape(g.state());
  g.bound(System::erp)
      .command_id({7, 7})
      .when(split(), System::wms)
      .when_refused("batch/HSG-2", "take~M-1", "batch.exists")
      .then_event_names({"SendingRefused"})
      .then_settled({7, 7}, engine::Outcome::refused, "batch.exists");
  BOOST_CHECK_EQUAL(shape(g.state()), before);
  BOOST_CHECK(g.state().issued.is_zero());
  for (const auto& line : g.effects()) BOOST_CHECK(!line.starts_with("deliver"));
  g.when(split(30, "HSG-3"), System::wms).then_pending();
}

BOOST_AUTO_TEST_CASE(a_sending_taken_back_asks_the_other_lot) {
  auto g = stocked();
  const auto before = shape(g.state());
  g.when(split(), System::wms)
      .when_granted<actors::batch>("batch/HSG-2", "take~M-1", lot::TakenInT())
      .command_id({8, 8})
      .when(reverse(), System::wms)
      .then_pending()
      .then_effects({"ask batch/HSG-2 back~M-1"})
      .when(reverse(), System::wms)
      .then_refused("batch.in_transit")
      .when_refused("batch/HSG-2", "back~M-1", "batch.short_stock")
      .then_event_names({"AskingBackRefused"})
      .then_settled({8, 8}, engine::Outcome::refused, "batch.short_stock")
      .then_state(has(unrestricted, 70))
      .when(reverse(), System::wms)
      .when_granted<actors::batch>("batch/HSG-2", "back~M-1", lot::GivenBackT())
      .then_event_names({"MovementReversed", "OutputUnlinked"})
      .then_settled({8, 8});
  BOOST_CHECK_EQUAL(shape(g.state()), before);
  g.when(reverse(), System::wms).then_nothing();
}

BOOST_AUTO_TEST_CASE(held_inspected_and_restricted_stock_goes_nowhere) {
  stocked().when(hold(), System::mes).when(split(), System::wms).then_refused("batch.held");
  auto stock = split();
  stock.stock = quality_inspection;
  stocked(lot::Into::quality_inspection)
      .when(stock, System::wms)
      .then_refused("batch.inspection_stock");
  stock.stock = restricted;
  stocked(lot::Into::restricted).when(stock, System::wms).then_refused("batch.restricted_stock");
  stock.stock = unrestricted;
  stock.batch = "HSG-1";
  stocked().when(stock, System::wms).then_refused("batch.same_stock");
  stocked().when(split(101), System::wms).then_refused("batch.short_stock");
  auto part = stocked();
  part.when(hold("H-1", 80), System::mes)
      .when(split(30), System::wms)
      .then_refused("batch.held")
      .when(split(20), System::wms)
      .then_pending();
}

BOOST_AUTO_TEST_CASE(a_hold_that_comes_while_stock_is_on_its_way_reaches_it) {
  auto g = stocked();
  g.when(split(), System::wms)
      .when(hold(), System::mes)
      .when_granted<actors::batch>("batch/HSG-2", "take~M-1", lot::TakenInT())
      .then_effects({"tell batch/HSG-2", "tell hold/H-1", "tell batch/HSG-2"});
  const auto inherit = g.sent<actors::batch, lot::InheritHoldT>();
  BOOST_REQUIRE(inherit.has_value());
  BOOST_CHECK_EQUAL(inherit->origin, "HSG-1");
}

BOOST_AUTO_TEST_CASE(a_new_lot_grants_nothing_until_it_has_heard_the_holds) {
  lot::LinkInputT told;
  told.input = "HSG-1";
  told.report = "M-1";
  lot::AllocateT allocate;
  allocate.shipment = "S-1";
  allocate.item = "10";
  allocate.quantity = ea(5);
  allocate.unit = "EA";
  given<lot_kind> g;
  g.id("HSG-2")
      .reference<actors::material>("HOUSING", material_of(false))
      .when_from("batch/HSG-1", take_in())
      .then_event_names({"TakenIn"})
      .then_state(has(unrestricted, 30))
      .when_from("shipment/S-1", allocate)
      .then_refused("batch.genealogy_pending")
      .when(split(10, "HSG-3", "M-2"), System::wms)
      .then_refused("batch.genealogy_pending")
      .when_from("batch/HSG-1", take_in())
      .then_nothing()
      .when_from("batch/HSG-1", told)
      .when_from("shipment/S-1", allocate)
      .then_accepted();
}

BOOST_AUTO_TEST_CASE(only_a_new_lot_is_split_into) {
  auto g = stocked();
  g.when_from("batch/OLD", take_in("OLD")).then_refused("batch.exists");
  given<lot_kind> unknown;
  unknown.id("HSG-2").when_from("batch/HSG-1", take_in()).then_refused("batch.material_unknown");
}

BOOST_AUTO_TEST_CASE(merging_needs_the_same_material_quality_and_no_outputs) {
  auto into = take_in("HSG-0", 30, true);
  given<lot_kind> none;
  none.id("HSG-1")
      .reference<actors::material>("HOUSING", material_of(false))
      .when_from("batch/HSG-0", into)
      .then_refused("actor.unknown");
  stocked().when_from("batch/HSG-0", into).then_accepted().then_state(has(unrestricted, 130));
  stocked().when(hold(), System::mes).when_from("batch/HSG-0", into).then_refused("batch.held");
  stocked()
      .when(split(), System::wms)
      .when_from("batch/HSG-0", into)
      .then_refused("batch.in_transit");
  stocked()
      .when(split(), System::wms)
      .when_granted<actors::batch>("batch/HSG-2", "take~M-1", lot::TakenInT())
      .when_from("batch/HSG-0", into)
      .then_refused("batch.has_outputs");
  into.quality = lot::Quality::under_test;
  stocked().when_from("batch/HSG-0", into).then_refused("batch.quality_mismatch");
  into.quality = lot::Quality::released;
  into.concession = std::make_unique<lot::ConcessionT>();
  into.concession->concession = "K-1";
  stocked().when_from("batch/HSG-0", into).then_refused("batch.quality_mismatch");
  into.concession.reset();
  into.material = "HOUSING-B";
  stocked().when_from("batch/HSG-0", into).then_refused("batch.material_mismatch");
}

BOOST_AUTO_TEST_CASE(what_is_asked_back_has_to_be_there_and_free) {
  lot::GiveBackT back;
  back.batch = "HSG-1";
  back.posting = "M-1";
  lot::LinkInputT told;
  told.input = "HSG-1";
  told.report = "M-1";
  const auto fresh = [&] {
    given<lot_kind> g;
    g.id("HSG-2")
        .reference<actors::material>("HOUSING", material_of(false))
        .when_from("batch/HSG-1", take_in())
        .when_from("batch/HSG-1", told);
    return g;
  };
  fresh()
      .when_from("batch/HSG-1", back)
      .then_event_names({"GivenBack"})
      .then_state(has(unrestricted, 0))
      .when_from("batch/HSG-1", back)
      .then_nothing();
  fresh().when(hold(), System::mes).when_from("batch/HSG-1", back).then_refused("batch.held");
  fresh()
      .when(post("551", 1, "M-9"), System::wms)
      .when_from("batch/HSG-1", back)
      .then_refused("batch.short_stock");
  back.posting = "M-7";
  fresh().when_from("batch/HSG-1", back).then_refused("batch.posting_unknown");
}

BOOST_AUTO_TEST_CASE(a_regrade_is_another_material_and_may_dispose_of_a_hold) {
  lot::RegradeT c;
  c.posting = "M-1";
  c.batch = "HSB-1";
  c.material = "HOUSING";
  c.quantity = ea(10);
  c.unit = "EA";
  auto g = stocked();
  g.when(c, System::qms).then_refused("batch.same_stock");
  c.material = "HOUSING-B";
  g.when(hold("H-1", 30), System::mes);
  c.quantity = ea(90);
  g.when(c, System::qms).then_refused("batch.held");
  c.quantity = ea(30);
  c.hold = "H-1";
  g.when(c, System::wms).then_refused("command.not_owner");
  g.when(c, System::qms).then_pending().then_effects({"ask batch/HSB-1 take~M-1"});
  BOOST_CHECK_EQUAL(actors::held_quantity(g.state()).to_string(), "30");  // until it has arrived
  g.when_granted<actors::batch>("batch/HSB-1", "take~M-1", lot::TakenInT());
  BOOST_CHECK_EQUAL(actors::held_quantity(g.state()).to_string(), "0");
  BOOST_CHECK_EQUAL(g.state().allocatable.to_string(), "70");
}

BOOST_AUTO_TEST_CASE(a_transfer_makes_a_lot_of_another_plant_with_its_receipt) {
  lot::TransferPlantT c;
  c.posting = "M-1";
  c.plant = "hamburg";
  c.quantity = ea(10);
  c.unit = "EA";
  c.two_steps = true;
  auto g = stocked();
  g.when(c, System::erp).then_refused("batch.same_stock");
  c.plant = "lyon";
  g.when(c, System::erp).then_pending().then_effects({"ask lyon:batch/HSG-1 take~M-1"});

  auto in = take_in("HSG-1", 10);
  in.movement = "351";
  lot::GiveBackT back;
  back.batch = "HSG-1";
  back.posting = "M-1";
  lot::LinkInputT told;
  told.input = "HSG-1";
  told.input_plant = "hamburg";
  told.report = "M-1";
  given<lot_kind> there;
  there.id("HSG-1")
      .plant("lyon")
      .bound(System::erp)
      .reference<actors::material>("HOUSING", material_of(false))
      .when_from("batch/HSG-1", in, "hamburg")
      .then_event_names({"TakenIn"})
      .then_effects({"deliver erp usage/HSG-1 usage~1~101/M-1"});
  BOOST_CHECK_EQUAL(there.state().transferred_from, "hamburg/HSG-1");
  BOOST_CHECK_EQUAL(there.state().awaiting.at(0), "hamburg/HSG-1");
  there.when_from("batch/HSG-1", told, "hamburg")
      .then_event_names({"InputLinked"})
      .when_from("batch/HSG-1", back, "hamburg")
      .then_effects({"deliver erp usage/HSG-1 usage~1~102/M-1"});
  in.posting = "M-2";
  there.when_from("batch/HSG-1", in, "hamburg").then_accepted();  // more of the same lot
  there.when_from("batch/HSG-1", in, "osaka").then_refused("batch.exists");
}

// ---- concessions ----

namespace {

/// 100 EA conditionally released under that concession.
given<lot_kind> conceded(lot::ConcessionT concession) {
  lot::DecideUsageT c;
  c.inspection = "IL-1";
  c.decision = lot::Decision::conditional;
  concession.concession = "K-1";
  c.concession = std::make_unique<lot::ConcessionT>(concession);
  auto g = stocked(lot::Into::quality_inspection);
  g.when_from("inspection/IL-1", inspect()).when_from("inspection/IL-1", c).then_accepted();
  return g;
}
lot::ConsumeT consume(std::int64_t quantity, std::string order = "1", std::string report = "G-1") {
  lot::ConsumeT c;
  c.order = std::move(order);
  c.report = std::move(report);
  c.material = "HOUSING";
  c.quantity = ea(quantity);
  c.unit = "EA";
  return c;
}
lot::AllocateT allocate(std::int64_t quantity, std::string customer) {
  lot::AllocateT c;
  c.shipment = "S-1";
  c.item = "10";
  c.customer = std::move(customer);
  c.quantity = ea(quantity);
  c.unit = "EA";
  return c;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_concession_for_a_customer_ships_to_nobody_else) {
  lot::ConcessionT c;
  c.customer = "ACME";
  conceded(c)
      .when_from("shipment/S-1", allocate(10, "OTHER"))
      .then_refused("batch.concession")
      .when_from("order/1", consume(10))
      .then_parked("batch.concession")
      .when_from("shipment/S-1", allocate(10, "ACME"))
      .then_accepted();
}

BOOST_AUTO_TEST_CASE(a_concession_for_an_order_and_a_quantity_ends_with_it) {
  lot::ConcessionT c;
  c.order = "1";
  c.quantity = std::make_unique<decimal>(ea(30));
  c.unit = "EA";
  auto g = conceded(c);
  BOOST_CHECK_EQUAL(g.state().allocatable.to_string(), "30");
  g.when_from("order/2", consume(10, "2"))
      .then_parked("batch.concession")
      .when_from("order/1", consume(20))
      .then_accepted()
      .when_from("order/1", consume(20, "1", "G-2"))
      .then_parked("batch.concession")
      .when_from("order/1", consume(10, "1", "G-3"))
      .then_accepted();
  BOOST_CHECK(g.state().allocatable.is_zero());
  lot::ReverseConsumeT reverse_one;
  reverse_one.order = "1";
  reverse_one.report = "G-1";
  g.when_from("order/1", reverse_one);
  BOOST_CHECK_EQUAL(g.state().allocatable.to_string(), "20");
  // Its quantity is counted here: another lot could not know of it.
  g.when(split(10), System::wms).then_refused("batch.concession");
}

BOOST_AUTO_TEST_CASE(a_concession_that_is_over_puts_the_lot_back_into_quarantine) {
  lot::ConcessionT c;
  c.until = timestamp::from_micros(1'800'000'000'000'000).plus_ms(60'000);
  auto g = conceded(c);
  g.then_timer("concession", c.until)
      .when_timer("concession")
      .then_event_names({})
      .after_ms(60'000)
      .when_from("order/1", consume(1))
      .then_parked("batch.concession")
      .when_timer("concession")
      .then_event_names({"ConcessionEnded"})
      .then_state([](const lot::StateT& s) {
        BOOST_CHECK(s.quality == lot::Quality::quarantine);
        BOOST_CHECK(s.allocatable.is_zero());
      });
}

BOOST_AUTO_TEST_CASE(an_allocation_may_ask_for_as_much_as_there_is) {
  auto some = allocate(130, "ACME");
  auto g = stocked();
  g.when_from("shipment/S-1", some).then_refused("batch.short_stock");
  some.partial = true;
  g.when_from("shipment/S-1", some).then_accepted();
  BOOST_CHECK_EQUAL(g.event<lot::AllocatedT>()->quantity.to_string(), "100");
  some.item = "20";
  g.when_from("shipment/S-1", some).then_refused("batch.short_stock");
}
