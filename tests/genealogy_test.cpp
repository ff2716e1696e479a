// layer: actors
// The genealogy walk and the stock view: any depth, across plants, each link once, and what could
// not be read is named.
#define BOOST_TEST_MODULE genealogy
#include <boost/test/unit_test.hpp>

#include <map>

#include "actors/genealogy.hpp"
#include "actors/stock.hpp"

namespace {

using namespace millrace;
using actors::genealogy_walk;
using actors::lot_id;
using actors::walk_direction;
namespace lot = millrace::batch;

/// Lots with their rows, as the plants would give them.
struct world {
  struct rows {
    std::vector<lot::GenealogyUpRowT> up;
    std::vector<lot::GenealogyDownRowT> down;
  };
  std::map<lot_id, rows> lots;
  std::map<lot_id, std::int64_t> arrived;  // units; absent = 10

  [[nodiscard]] actors::lot_facts facts_of(const lot_id& id) const {
    const auto found = arrived.find(id);
    return {"M-" + id.batch, "EA", decimal::from_units(found == arrived.end() ? 10 : found->second),
            false};
  }

  static lot::LinkT link(const lot_id& other, const lot_id& here, std::string report, timestamp at,
                         std::int64_t quantity = 10) {
    lot::LinkT out;
    out.batch = other.batch;
    if (other.plant != here.plant) out.plant = other.plant;
    out.quantity = decimal::from_units(quantity);
    out.unit = "EA";
    out.order = "1000042";
    out.operation = "0010";
    out.report = std::move(report);
    out.at = at;
    return out;
  }
  void add(const lot_id& from, const lot_id& to, std::string report = "G-1", std::int64_t at = 100,
           std::int64_t removed = 0, std::int64_t quantity = 10) {
    lot::GenealogyUpRowT up;
    up.link =
        std::make_unique<lot::LinkT>(link(from, to, report, timestamp::from_micros(at), quantity));
    up.removed_at = timestamp::from_micros(removed);
    lots[to].up.push_back(std::move(up));
    lot::GenealogyDownRowT down;
    down.link =
        std::make_unique<lot::LinkT>(link(to, from, report, timestamp::from_micros(at), quantity));
    down.removed_at = timestamp::from_micros(removed);
    lots[from].down.push_back(std::move(down));
  }
  void serve(genealogy_walk& walk, std::string unreachable = {}) const {
    while (!walk.wanted().empty())
      for (const auto& one : walk.take_wanted()) {
        const auto found = lots.find(one);
        if (one.plant == unreachable) {
          walk.give_missing(one, {});
        } else if (found == lots.end()) {
          walk.give_unknown(one);
        } else {
          walk.give(one, facts_of(one), found->second.up, found->second.down);
        }
      }
  }
};

lot_id here(std::string id) { return {"hamburg", std::move(id)}; }

std::string edges(const genealogy_walk& walk) {
  std::string out;
  for (const auto& e : walk.result().edges) out += (out.empty() ? "" : " ") + e.from + '>' + e.to;
  return out;
}

/// HSG -> PMP -> SYS and BOLT -> PMP, HSG -> SPARE.
world factory() {
  world w;
  w.add(here("HSG"), here("PMP"));
  w.add(here("BOLT"), here("PMP"), "G-2");
  w.add(here("PMP"), here("SYS"), "G-3");
  w.add(here("HSG"), here("SPARE"), "G-4");
  return w;
}

genealogy_walk walked(const world& w, const lot_id& root, walk_direction direction,
                      std::uint32_t depth = 0, std::int64_t at = 0, std::string unreachable = {}) {
  genealogy_walk walk(root, direction, depth, timestamp::from_micros(at));
  w.serve(walk, std::move(unreachable));
  static_cast<void>(walk.finish());
  return walk;
}

}  // namespace

BOOST_AUTO_TEST_CASE(up_goes_towards_inputs_down_towards_outputs) {
  const auto w = factory();
  BOOST_CHECK_EQUAL(edges(walked(w, here("SYS"), walk_direction::up)), "PMP>SYS HSG>PMP BOLT>PMP");
  BOOST_CHECK_EQUAL(edges(walked(w, here("HSG"), walk_direction::down)),
                    "HSG>PMP HSG>SPARE PMP>SYS");
}

BOOST_AUTO_TEST_CASE(both_leaves_out_what_else_was_made_of_the_inputs) {
  const auto walk = walked(factory(), here("PMP"), walk_direction::both);
  BOOST_CHECK_EQUAL(edges(walk), "HSG>PMP BOLT>PMP PMP>SYS");
  BOOST_CHECK(walk.result().complete);
  BOOST_CHECK_EQUAL(walk.result().nodes.at(0).batch, "PMP");
  BOOST_CHECK_EQUAL(walk.result().nodes.at(0).material, "M-PMP");
}

BOOST_AUTO_TEST_CASE(depth_cuts_off_and_says_so) {
  const auto walk = walked(factory(), here("SYS"), walk_direction::up, 1);
  BOOST_CHECK_EQUAL(edges(walk), "PMP>SYS");
  BOOST_CHECK(!walk.result().complete);
  BOOST_CHECK(walked(factory(), here("SYS"), walk_direction::up, 2).result().complete);
}

BOOST_AUTO_TEST_CASE(circles_end_and_diamonds_show_each_link_once) {
  world w;
  w.add(here("A"), here("B"), "1");
  w.add(here("A"), here("C"), "2");
  w.add(here("B"), here("D"), "3");
  w.add(here("C"), here("D"), "4");
  w.add(here("D"), here("A"), "5");  // rework
  const auto walk = walked(w, here("A"), walk_direction::both);
  BOOST_CHECK_EQUAL(walk.result().edges.size(), 5u);
  BOOST_CHECK_EQUAL(walk.result().nodes.size(), 4u);
}

BOOST_AUTO_TEST_CASE(removed_links_show_only_at_their_time) {
  world w;
  w.add(here("A"), here("B"), "1", 100, 200);
  BOOST_CHECK_EQUAL(edges(walked(w, here("B"), walk_direction::up)), "");
  BOOST_CHECK_EQUAL(edges(walked(w, here("B"), walk_direction::up, 0, 150)), "A>B");
  BOOST_CHECK_EQUAL(edges(walked(w, here("B"), walk_direction::up, 0, 99)), "");
  BOOST_CHECK_EQUAL(edges(walked(w, here("B"), walk_direction::up, 0, 200)), "");
}

BOOST_AUTO_TEST_CASE(other_plants_are_walked_into_and_named_when_away) {
  world w;
  w.add({"lyon", "RAW"}, here("A"), "1");
  w.add({"lyon", "ORE"}, {"lyon", "RAW"}, "2");
  BOOST_CHECK_EQUAL(edges(walked(w, here("A"), walk_direction::up)), "RAW>A ORE>RAW");
  const auto cut = walked(w, here("A"), walk_direction::up, 0, 0, "lyon");
  BOOST_CHECK_EQUAL(edges(cut), "RAW>A");
  BOOST_REQUIRE_EQUAL(cut.result().missing.size(), 1u);
  BOOST_CHECK_EQUAL(cut.result().missing[0].plant, "lyon");
  // Nobody says when lyon was heard last: the youngest link that leads there does.
  BOOST_REQUIRE_EQUAL(actors::gaps_of(cut.result()).size(), 1u);
  BOOST_CHECK_EQUAL(actors::gaps_of(cut.result())[0],
                    "plant lyon last heard 1970-01-01T00:00:00.0001Z");
  BOOST_CHECK(!cut.result().complete);
}

BOOST_AUTO_TEST_CASE(a_lot_nobody_knows_is_named) {
  world w;
  lot::GenealogyUpRowT up;
  up.link = std::make_unique<lot::LinkT>(
      world::link(here("GHOST"), here("A"), "1", timestamp::from_micros(1)));
  w.lots[here("A")].up.push_back(std::move(up));
  const auto walk = walked(w, here("A"), walk_direction::up);
  BOOST_REQUIRE_EQUAL(walk.result().unknown.size(), 1u);
  BOOST_CHECK_EQUAL(walk.result().unknown[0], "GHOST");
  BOOST_CHECK(!walk.result().complete);
}

namespace {

std::string carried(const genealogy_walk& walk) {
  std::string out;
  for (const auto& n : walk.result().nodes)
    out += (out.empty() ? "" : " ") + n.batch + '=' + n.carried.to_string();
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(quantities_are_carried_through_both_ways) {
  // 100 of steel, 40 of it in 20 bolts, 5 of which are in 10 pumps; 3 pumps in a skid.
  world w;
  w.arrived = {{here("STEEL"), 100}, {here("BOLT"), 20}, {here("PMP"), 10}, {here("SKID"), 1}};
  w.add(here("STEEL"), here("BOLT"), "1", 100, 0, 40);
  w.add(here("BOLT"), here("PMP"), "2", 100, 0, 5);
  w.add(here("PMP"), here("SKID"), "3", 100, 0, 3);
  BOOST_CHECK_EQUAL(carried(walked(w, here("SKID"), walk_direction::up)),
                    "SKID=1 PMP=3 BOLT=1.5 STEEL=3");
  BOOST_CHECK_EQUAL(carried(walked(w, here("STEEL"), walk_direction::down)),
                    "STEEL=100 BOLT=40 PMP=10 SKID=3");
}

BOOST_AUTO_TEST_CASE(quantities_of_a_diamond_add_up_and_circles_and_orders_never_exceed) {
  world diamond;
  diamond.arrived = {{here("A"), 100}, {here("B"), 30}, {here("C"), 20}, {here("D"), 50}};
  diamond.add(here("A"), here("B"), "1", 100, 0, 30);
  diamond.add(here("A"), here("C"), "2", 100, 0, 20);
  diamond.add(here("B"), here("D"), "3", 100, 0, 30);
  diamond.add(here("C"), here("D"), "4", 100, 0, 10);
  BOOST_CHECK_EQUAL(carried(walked(diamond, here("A"), walk_direction::down)),
                    "A=100 B=30 C=20 D=40");
  BOOST_CHECK_EQUAL(carried(walked(diamond, here("D"), walk_direction::up)), "D=50 B=30 C=10 A=40");
  world circle;
  circle.add(here("A"), here("B"), "1");
  circle.add(here("B"), here("A"), "2");
  BOOST_CHECK_EQUAL(carried(walked(circle, here("A"), walk_direction::down)), "A=10 B=10");
  // An order's link names all of its input for each output.
  world order;
  order.arrived = {{here("A"), 10}, {here("B"), 5}, {here("C"), 5}, {here("D"), 10}};
  order.add(here("A"), here("B"), "1");
  order.add(here("A"), here("C"), "2");
  order.add(here("B"), here("D"), "3", 100, 0, 5);
  order.add(here("C"), here("D"), "4", 100, 0, 5);
  BOOST_CHECK_EQUAL(carried(walked(order, here("A"), walk_direction::down)), "A=10 B=10 C=10 D=10");
}

BOOST_AUTO_TEST_CASE(a_walk_may_start_from_many_lots) {
  world w;
  w.add(here("A"), here("X"), "1");
  w.add(here("B"), here("X"), "2");
  w.add(here("B"), here("Y"), "3");
  genealogy_walk walk(here("A"), walk_direction::down, 0, {});
  walk.also(here("B"));
  walk.also(here("A"));
  w.serve(walk);
  static_cast<void>(walk.finish());
  BOOST_CHECK_EQUAL(edges(walk), "A>X B>X B>Y");
}

BOOST_AUTO_TEST_CASE(what_is_cut_off_is_said_in_words) {
  const auto by_depth = walked(factory(), here("SYS"), walk_direction::up, 1);
  BOOST_CHECK_EQUAL(actors::gaps_of(by_depth.result()).at(0), "cut off by depth");
  genealogy_walk small(here("SYS"), walk_direction::up, 0, {}, 2);
  factory().serve(small);
  BOOST_CHECK_EQUAL(actors::gaps_of(small.result()).at(0), "cut off by size");
}

BOOST_AUTO_TEST_CASE(as_json) {
  world w;
  w.add(here("HSG"), here("PMP"), "G-1", 1'000'000);
  BOOST_CHECK_EQUAL(
      to_json(walked(w, here("PMP"), walk_direction::up).result()),
      R"({"root":"PMP","plant":"hamburg","direction":"up","nodes":[{"batch":"PMP","material":"M-PMP","plant":"hamburg",)"
      R"("quantity":"10","unit":"EA","carried":"10"},)"
      R"({"batch":"HSG","material":"M-HSG","plant":"hamburg","quantity":"10","unit":"EA","carried":"10"}],"edges":[{"from":"HSG","to":"PMP","quantity":"10",)"
      R"("unit":"EA","order":"1000042","operation":"0010","report":"G-1","at":"1970-01-01T00:00:01Z","basis":"order"}],)"
      R"("complete":true,"missing":[],"unknown":[],"incomplete":[]})");
}

BOOST_AUTO_TEST_CASE(directions_by_name) {
  BOOST_CHECK(actors::parse_direction("both") == walk_direction::both);
  BOOST_CHECK(!actors::parse_direction("sideways"));
}

// ---- the stock view ----

namespace {

lot::StateT stocked() {
  lot::StateT s;
  s.material = "HOUSING";
  s.unit = "EA";
  s.quality = lot::Quality::released;
  for (const auto& [location, type, quantity] :
       {std::tuple{"0001", lot::StockType::unrestricted, 60},
        {"0002", lot::StockType::unrestricted, 30},
        {"0001", lot::StockType::blocked, 5}}) {
    auto& line = s.stock.emplace_back();
    line.location = location;
    line.type = type;
    line.quantity = decimal::from_units(quantity);
  }
  auto& allocation = s.allocations.emplace_back();
  allocation.shipment = "S-1";
  allocation.quantity = decimal::from_units(50);
  auto& reservation = s.reservations.emplace_back();
  reservation.order = "1";
  reservation.quantity = decimal::from_units(20);
  return s;
}

}  // namespace

BOOST_AUTO_TEST_CASE(lines_add_up_to_the_lots_figures) {
  std::vector<actors::stock_line> lines;
  actors::add_stock_lines("HSG-1", stocked(), {}, lines);
  const auto sum = actors::sum_of(lines);
  BOOST_CHECK_EQUAL(lines.size(), 3u);
  BOOST_CHECK_EQUAL(sum.quantity.to_string(), "95");
  BOOST_CHECK_EQUAL(sum.allocated.to_string(), "50");
  BOOST_CHECK_EQUAL(sum.reserved.to_string(), "20");
  BOOST_CHECK_EQUAL(sum.allocatable.to_string(), "20");
}

BOOST_AUTO_TEST_CASE(filters_pick_lines) {
  const auto count = [](actors::stock_filter filter) {
    std::vector<actors::stock_line> lines;
    actors::add_stock_lines("HSG-1", stocked(), filter, lines);
    return lines.size();
  };
  BOOST_CHECK_EQUAL(count({.material = "OTHER", .batch = {}, .location = {}, .type = {}}), 0u);
  BOOST_CHECK_EQUAL(
      count({.material = "HOUSING", .batch = "HSG-1", .location = "0001", .type = {}}), 2u);
  BOOST_CHECK_EQUAL(
      count({.material = {}, .batch = {}, .location = {}, .type = lot::StockType::blocked}), 1u);
  BOOST_CHECK_EQUAL(count({.material = {}, .batch = "X", .location = {}, .type = {}}), 0u);
}

BOOST_AUTO_TEST_CASE(availability_names_who_can_clear_what) {
  auto s = stocked();
  auto& hold = s.holds.emplace_back();
  hold.hold = "H-1";
  hold.type = lot::HoldType::supplier;
  s.quality = lot::Quality::rejected;
  s.awaiting.push_back("RAW");
  const auto a = actors::availability_of(s);
  BOOST_CHECK(a.allocatable.is_zero());
  std::string seen;
  for (const auto& b : a.blockers) seen += b.code + ' ' + b.by + ' ' + b.who_can_clear + '\n';
  BOOST_CHECK_EQUAL(seen,
                    "batch.held hold/H-1 sqm\nbatch.not_released quality "
                    "qms\nbatch.genealogy_pending batch/RAW mes\n"
                    "batch.allocated shipment/S-1 wms\nbatch.reserved order/1 erp\n");
}
