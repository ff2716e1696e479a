// layer: actors
// Many lots of two plants that split, merge, regrade, move, are used, made and taken back, with
// messages in any order between their streams: quantities conserve, what is held stays, movements
// make no circles, and taking everything back restores every lot.
#define BOOST_TEST_MODULE lots_property
#include <boost/test/unit_test.hpp>

#include <rapidcheck.h>

#include <set>

#include "actors/stock.hpp"
#include "schemas/inventory/batch_kind.hpp"
#include "schemas/production/order_kind.hpp"
#include "tests/floor_double.hpp"

namespace {

using namespace millrace;
using millrace::testing::floor_double;
namespace lot = millrace::batch;

struct act {
  int what, from, to, quantity;
};
std::ostream& operator<<(std::ostream& out, const act& a) {
  return out << a.what << '/' << a.from << '/' << a.to << '/' << a.quantity;
}

constexpr int lots_max = 6;
const char* plants[] = {"hamburg", "lyon"};

std::string lot_id(int n) { return "L-" + std::to_string(n % lots_max); }
std::string quoted(const std::string& text) { return '"' + text + '"'; }

struct world {
  floor_double f;
  std::map<std::string, std::string> at_home;  // lot -> "plant/posting" of movements of its own
  std::vector<std::pair<std::string, std::string>> postings;  // plant, lot/posting
  std::size_t streams = 1;

  explicit world(std::size_t seed) {
    f.rules["references.must_exist"] = "false";
    for (const auto* plant : plants) {
      post(plant, "materials/M/define", System::erp, R"({"revision":"A","base_unit":"EA"})");
      post(plant, "materials/N/define", System::erp, R"({"revision":"A","base_unit":"EA"})");
    }
    for (int n = 0; n < 2; ++n)
      post("hamburg", "batches/" + lot_id(n) + "/receive", System::erp,
           R"({"material":"M","quantity":"100","unit":"EA"})");
    f.choose = [state = seed](std::size_t n) mutable {
      state = state * 6364136223846793005ULL + 1442695040888963407ULL;
      return static_cast<std::size_t>(state >> 33) % n;
    };
  }
  floor_double::outcome post(const std::string& plant, const std::string& path, System by,
                             const std::string& json) {
    return f.post(path, by, json, plant);
  }
  const lot::StateT& at(const std::string& plant, const std::string& id) {
    return f.state<lot::schema>(id, plant);
  }
  template <class F>
  void each(F see) {
    for (const auto* plant : plants) {
      f.here = plant;
      for (const auto& actor : f.actors("batch")) {
        const auto id = actor.substr(6);
        see(std::string(plant), id, at(plant, id));
      }
    }
    f.here = "hamburg";
  }
};

void play(world& w, const act& a, int step) {
  const std::string plant = plants[a.to % 2];
  const auto id = lot_id(a.from);
  const auto posting = "P-" + std::to_string(step);
  const auto quantity = R"("quantity":")" + std::to_string(1 + a.quantity) + R"(","unit":"EA")";
  const auto head = R"({"posting":)" + quoted(posting) + ',' + quantity;
  const auto path = "batches/" + id + '/';
  const auto moved = [&](const floor_double::outcome& o) {
    if (o.what == engine::Outcome::accepted) w.postings.emplace_back(plant, id + '/' + posting);
  };
  switch (a.what) {
    case 0:
      return moved(w.post(plant, path + "split", System::wms,
                          head + R"(,"batch":)" + quoted(lot_id(a.to)) + '}'));
    case 1:
      return moved(w.post(plant, path + "merge", System::wms,
                          head + R"(,"batch":)" + quoted(lot_id(a.to)) + '}'));
    case 2:
      return moved(w.post(plant, path + "regrade", System::qms,
                          head + R"(,"material":"N","batch":)" + quoted(lot_id(a.to)) + '}'));
    case 3:
      return moved(w.post(plant, path + "transfer-plant", System::wms,
                          head + R"(,"plant":)" + quoted(plants[(a.to + 1) % 2]) + R"(,"batch":)" +
                              quoted(lot_id(a.to)) + '}'));
    case 4:
      return moved(w.post(plant, path + "post-movement", System::wms,
                          head + R"(,"movement":)" +
                              quoted(a.to % 3 == 0   ? "551"
                                     : a.to % 3 == 1 ? "344"
                                                     : "333") +
                              '}'));
    case 5: {
      if (w.postings.empty()) return;
      const auto& [where, what] =
          w.postings[static_cast<std::size_t>(a.quantity) % w.postings.size()];
      const auto cut = what.find('/');
      static_cast<void>(
          w.post(where, "batches/" + what.substr(0, cut) + "/reverse-movement", System::wms,
                 R"({"posting":)" + quoted(what.substr(cut + 1)) + R"(,"reason":"r"})"));
      return;
    }
    case 6:
      static_cast<void>(w.post(plant, path + "place-hold", System::mes,
                               R"({"hold":"H-)" + std::to_string(step) + R"(","reason":"r"})"));
      return;
    case 7: {
      std::string hold;
      for (const auto& one : w.at(plant, id).holds)
        if (one.status == lot::HoldStatus::placed) hold = one.hold;
      if (!hold.empty())
        static_cast<void>(w.post(plant, path + "release-hold", System::qms,
                                 R"({"hold":)" + quoted(hold) + R"(,"reason":"r"})"));
      return;
    }
  }
}

/// What has arrived from outside is somewhere: in stock, used, or gone by a movement that leaves.
void check_quantities(world& w) {
  decimal stock, gone, arrived_outside;
  w.each([&](const std::string&, const std::string&, const lot::StateT& s) {
    RC_ASSERT(actors::stock_total(s) + s.consumed + s.shipped + s.issued == s.arrived);
    RC_ASSERT(s.transits.empty());  // the floor is at rest: nothing is under way
    for (const auto& line : s.stock) RC_ASSERT(line.quantity.is_positive());
    stock += actors::stock_total(s);
    gone += s.issued;
    arrived_outside += s.arrived;
  });
  // What one lot sends another takes: issued and arrived of movements cancel out.
  RC_ASSERT(arrived_outside - gone == stock);
}

using edge = std::pair<std::string, std::string>;

/// Links of movements, from the lots' own rows; a removed one is none.
std::set<edge> links(world& w) {
  std::set<edge> out;
  w.each([&](const std::string& plant, const std::string& id, const lot::StateT&) {
    w.f.here = plant;
    for (const auto& row : w.f.rows<lot::GenealogyDownRowT>("batch/" + id, "genealogy_down")) {
      if (row.removed_at.given()) continue;
      const auto& other = row.link->plant.empty() ? plant : row.link->plant;
      out.insert({plant + '/' + id, other + '/' + row.link->batch});
    }
  });
  return out;
}

void check_no_circles(world& w) {
  auto all = links(w);
  // Ends without outputs go, until nothing is left; a circle never goes.
  for (bool removed = true; removed && !all.empty();) {
    std::set<std::string> starts;
    for (const auto& one : all) starts.insert(one.first);
    removed = std::erase_if(all, [&](const edge& e) { return !starts.contains(e.second); }) > 0;
  }
  RC_ASSERT(all.empty());
}

/// A descendant of a held lot is held by the same hold.
void check_holds_reach(world& w) {
  std::map<std::string, std::set<std::string>> held;
  w.each([&](const std::string& plant, const std::string& id, const lot::StateT& s) {
    for (const auto& hold : s.holds) held[plant + '/' + id].insert(hold.hold);
    if (actors::held_whole(s)) RC_ASSERT(s.allocatable.is_zero());
  });
  for (const auto& [from, to] : links(w))
    for (const auto& hold : held[from]) RC_ASSERT(held[to].contains(hold));
}

std::map<std::string, std::string> shapes(world& w) {
  std::map<std::string, std::string> out;
  w.each([&](const std::string& plant, const std::string& id, const lot::StateT& s) {
    std::map<std::string, decimal> lines;
    for (const auto& line : s.stock)
      lines[line.location + '|' + lot::EnumNameStockType(line.type)] += line.quantity;
    std::string text;
    for (const auto& [key, quantity] : lines) text += key + '=' + quantity.to_string() + ' ';
    if (!text.empty()) out[plant + '/' + id] = text;
  });
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(lots_conserve_hold_and_never_go_in_circles) {
  const bool holds = rc::check("any acts, any order of messages", [] {
    const auto acts = *rc::gen::container<std::vector<act>>(
        rc::gen::construct<act>(rc::gen::inRange(0, 8), rc::gen::inRange(0, lots_max),
                                rc::gen::inRange(0, lots_max), rc::gen::inRange(0, 40)));
    world w(*rc::gen::arbitrary<std::uint32_t>());
    const decimal start = decimal::from_units(200);
    int step = 0;
    w.f.seen_step = [&](const std::string& plant, const std::string& actor, const decided& last) {
      if (!actor.starts_with("batch/")) return;
      // A lot that is held entirely sends, scraps and moves nothing.
      for (const auto& e : last.events)
        if (e.type == static_cast<std::uint8_t>(lot::Event::StockSent) ||
            e.type == static_cast<std::uint8_t>(lot::Event::MovementPosted))
          RC_ASSERT(!actors::held_whole(w.at(plant, actor.substr(6))));
    };
    for (const auto& one : acts) {
      play(w, one, step++);
      check_quantities(w);
      check_no_circles(w);
      check_holds_reach(w);
    }
    RC_ASSERT(w.f.faults.empty());
    decimal stock, scrapped;
    w.each([&](const std::string&, const std::string&, const lot::StateT& s) {
      stock += actors::stock_total(s);
    });
    RC_ASSERT(stock <= start);
  });
  BOOST_CHECK(holds);
}

BOOST_AUTO_TEST_CASE(taking_everything_back_restores_every_lot) {
  const bool holds = rc::check("movements, then their reversals, last first", [] {
    const auto acts = *rc::gen::container<std::vector<act>>(
        rc::gen::construct<act>(rc::gen::inRange(0, 5), rc::gen::inRange(0, lots_max),
                                rc::gen::inRange(0, lots_max), rc::gen::inRange(0, 40)));
    world w(*rc::gen::arbitrary<std::uint32_t>());
    const auto before = shapes(w);
    int step = 0;
    for (const auto& one : acts) play(w, one, step++);
    const auto postings = w.postings;
    for (auto one = postings.rbegin(); one != postings.rend(); ++one) {
      const auto cut = one->second.find('/');
      const auto back = w.post(
          one->first, "batches/" + one->second.substr(0, cut) + "/reverse-movement", System::wms,
          R"({"posting":)" + quoted(one->second.substr(cut + 1)) + R"(,"reason":"r"})");
      RC_ASSERT(back.what == engine::Outcome::accepted);
    }
    RC_ASSERT(shapes(w) == before);
    RC_ASSERT(links(w).empty());
    check_quantities(w);
  });
  BOOST_CHECK(holds);
}
