// layer: actors
// Orders, lots and shipments together, reports in any order, holds in between, everything taken
// back: what went in is somewhere, what is held does not move, no lot comes out of itself, and
// reversals restore what there was.
#define BOOST_TEST_MODULE floor_property
#include <boost/test/unit_test.hpp>

#include <rapidcheck.h>

#include <map>
#include <set>

#include "actors/stock.hpp"
#include "schemas/inventory/batch_kind.hpp"
#include "schemas/logistics/shipment_kind.hpp"
#include "schemas/production/order_kind.hpp"
#include "tests/floor_double.hpp"

namespace {

using namespace millrace;
using millrace::testing::floor_double;
namespace lot = millrace::batch;
namespace po = millrace::order;

struct act {
  int what, from, to, quantity;
};
std::ostream& operator<<(std::ostream& out, const act& a) {
  return out << a.what << '/' << a.from << '/' << a.to << '/' << a.quantity;
}

constexpr int lots_max = 3;    // of each material
constexpr int orders_max = 4;  // the even ones make RING of STEEL, the odd ones PUMP of RING
constexpr int received = 100;  // of each lot of STEEL

std::string quoted(const std::string& text) { return '"' + text + '"'; }
std::string lot_of(char material, int n) { return material + ('-' + std::to_string(n % lots_max)); }
std::string order_of(int n) { return "O-" + std::to_string(n % orders_max); }
bool makes_pumps(int n) { return n % 2 == 1; }

/// What a lot has let go of, and whether it may.
struct let_go {
  decimal consumed, shipped, issued, granted;
  bool held = false;
};

struct world {
  floor_double f;
  std::vector<std::pair<std::string, std::string>> reports;  // command that takes it back, its path
  std::vector<std::pair<std::string, std::string>> postings;  // lot, posting
  std::map<std::string, let_go> before;

  explicit world(std::size_t seed) {
    f.rules["references.must_exist"] = "false";
    must("hamburg/commission", System::ops, R"({"region":"eu","time_zone":"Europe/Berlin"})");
    must("materials/STEEL/define", System::erp, R"({"revision":"A","base_unit":"EA"})");
    define("RING", "STEEL");
    define("PUMP", "RING");
    for (int n = 0; n < lots_max; ++n)
      must("batches/" + lot_of('S', n) + "/receive", System::erp,
           R"({"material":"STEEL","unit":"EA","quantity":)" + quoted(std::to_string(received)) +
               '}');
    for (int n = 0; n < orders_max; ++n) {
      const auto path = "orders/" + order_of(n);
      must(path + "/create", System::erp,
           R"({"revision":"A","unit":"EA","quantity":"1000000","material":)" +
               quoted(makes_pumps(n) ? "PUMP" : "RING") + '}');
      must(path + "/release", System::erp, "{}");
    }
    f.choose = [state = seed](std::size_t n) mutable {
      state = state * 6364136223846793005ULL + 1442695040888963407ULL;
      return static_cast<std::size_t>(state >> 33) % n;
    };
    f.seen_step = [this](const std::string&, const std::string& actor, const decided&) {
      if (actor.starts_with("batch/")) check_held(actor.substr(6));
    };
  }
  void define(const std::string& material, const std::string& component) {
    must(
        "materials/" + material + "/define", System::erp,
        R"({"revision":"A","base_unit":"EA","routing":[{"operation":"0010"}],"components":[{"quantity":"1","unit":"EA","operation":"0010","material":)" +
            quoted(component) + "}]}");
  }
  void must(const std::string& path, System by, const std::string& json) {
    const auto out = f.post(path, by, json);
    BOOST_REQUIRE_MESSAGE(out.what == engine::Outcome::accepted, path << ": " << out.code);
  }
  /// Posted, or waiting to be.
  [[nodiscard]] bool took(const std::string& path, System by, const std::string& json) {
    return f.post(path, by, json).what != engine::Outcome::refused;
  }
  /// After every decision: a lot that was held entirely, and is, has let nothing go.
  void check_held(const std::string& id) {
    const auto& s = f.state<lot::schema>(id);
    let_go now{s.consumed, s.shipped, s.issued, {}, actors::held_whole(s)};
    for (const auto& a : s.allocations) now.granted += a.quantity;
    for (const auto& r : s.reservations) now.granted += r.quantity;
    const auto& was = before[id];
    if (was.held && now.held) {
      RC_ASSERT(now.consumed <= was.consumed);
      RC_ASSERT(now.shipped <= was.shipped);
      RC_ASSERT(now.issued <= was.issued);
      RC_ASSERT(now.granted <= was.granted);
      RC_ASSERT(s.allocatable.is_zero());
    }
    before[id] = now;
  }
  template <class F>
  void each_lot(F see) {
    for (const auto& actor : f.actors("batch"))
      see(actor.substr(6), f.state<lot::schema>(actor.substr(6)));
  }
  template <class F>
  void each_order(F see) {
    for (const auto& actor : f.actors("order")) see(f.state<po::schema>(actor.substr(6)));
  }
};

/// 0..2: reports of an order; 3: takes one back; 4, 5: lots among each other; 6: takes that back.
void play_reports(world& w, const act& a, int step) {
  const auto order = "orders/" + order_of(a.to) + '/';
  const char in = makes_pumps(a.to) ? 'R' : 'S', out = makes_pumps(a.to) ? 'P' : 'R';
  const auto id = "R-" + std::to_string(step);
  const auto quantity =
      R"("quantity":)" + quoted(std::to_string(1 + a.quantity)) + R"(,"unit":"EA")";
  const auto reversed = [&](bool took, const char* verb, const char* name) {
    if (took) w.reports.emplace_back(order + verb, '{' + quoted(name) + ':' + quoted(id) + '}');
  };
  switch (a.what) {
    case 0:
      return reversed(w.took(order + "report-consumption", System::mes,
                             R"({"operation":"0010","report":)" + quoted(id) + R"(,"material":)" +
                                 quoted(in == 'S' ? "STEEL" : "RING") + R"(,"batch":)" +
                                 quoted(lot_of(in, a.from)) + ',' + quantity + '}'),
                      "reverse-consumption", "report");
    case 1:
      return reversed(w.took(order + "report-production", System::mes,
                             R"({"report":)" + quoted(id) + R"(,"batch":)" +
                                 quoted(lot_of(out, a.from)) + ',' + quantity + '}'),
                      "reverse-production", "report");
    case 2:
      return reversed(w.took(order + "confirm-operation", System::mes,
                             R"({"operation":"0010","confirmation":)" + quoted(id) +
                                 R"(,"yield":)" + quoted(std::to_string(1 + a.quantity)) + '}'),
                      "cancel-confirmation", "confirmation");
    case 3: {
      if (w.reports.empty()) return;
      const auto at = static_cast<std::size_t>(a.quantity) % w.reports.size();
      if (w.took(w.reports[at].first, System::mes, w.reports[at].second))
        w.reports.erase(w.reports.begin() + static_cast<std::ptrdiff_t>(at));
      return;
    }
    case 4:
    case 5: {
      const char material = "SRP"[a.to % 3];
      const auto from = lot_of(material, a.from);
      if (w.took("batches/" + from + (a.what == 4 ? "/split" : "/merge"), System::wms,
                 R"({"posting":)" + quoted(id) + ',' + quantity + R"(,"batch":)" +
                     quoted(lot_of(material, a.to / 3)) + '}'))
        w.postings.emplace_back(from, id);
      return;
    }
    case 6: {
      if (w.postings.empty()) return;
      const auto at = static_cast<std::size_t>(a.quantity) % w.postings.size();
      if (w.took("batches/" + w.postings[at].first + "/reverse-movement", System::wms,
                 R"({"reason":"r","posting":)" + quoted(w.postings[at].second) + '}'))
        w.postings.erase(w.postings.begin() + static_cast<std::ptrdiff_t>(at));
      return;
    }
  }
}

/// 7, 8: a hold and its release; 9..12: a shipment from its plan to its departure.
void play(world& w, const act& a, int step) {
  if (a.what < 7) return play_reports(w, a, step);
  const char material = "SRP"[a.to % 3];
  const auto id = lot_of(material, a.from);
  const auto shipment = "shipments/X-" + std::to_string(a.to % 2) + '/';
  const auto quantity =
      R"("quantity":)" + quoted(std::to_string(1 + a.quantity)) + R"(,"unit":"EA")";
  switch (a.what) {
    case 7:
      return static_cast<void>(
          w.took("batches/" + id + "/place-hold", System::mes,
                 R"({"reason":"r","hold":"H-)" + std::to_string(step) + "\"}"));
    case 8: {
      std::string hold;
      for (const auto& one : w.f.state<lot::schema>(id).holds)
        if (one.status == lot::HoldStatus::placed) hold = one.hold;
      if (hold.empty()) return;
      return static_cast<void>(w.took("batches/" + id + "/release-hold", System::qms,
                                      R"({"reason":"r","hold":)" + quoted(hold) + '}'));
    }
    case 9:
      return static_cast<void>(
          w.took(shipment + "plan", System::wms,
                 R"({"customer":"C","items":[{"item":"10","material":"RING",)" + quantity + "}]}"));
    case 10:
      return static_cast<void>(w.took(shipment + "allocate", System::wms,
                                      R"({"item":"10","partial":true,"batch":)" +
                                          quoted(lot_of('R', a.from)) + ',' + quantity + '}'));
    case 11:
      return static_cast<void>(w.took(shipment + "pick", System::wms, R"({"as_allocated":true})"));
    case 12:
      return static_cast<void>(w.took(shipment + "ship", System::wms, "{}"));
    default:
      return;
  }
}

/// What came in is in stock, used, shipped, or in another lot.
void check_quantities(world& w) {
  std::map<std::string, decimal> in_lots, made, used, consumed;
  w.each_lot([&](const std::string&, const lot::StateT& s) {
    RC_ASSERT(actors::stock_total(s) + s.consumed + s.shipped + s.issued == s.arrived);
    RC_ASSERT(s.transits.empty());
    RC_ASSERT(!s.consumed.is_negative());
    for (const auto& line : s.stock) RC_ASSERT(line.quantity.is_positive());
    in_lots[s.material] += s.arrived - s.issued;
    consumed[s.material] += s.consumed;
  });
  w.each_order([&](const po::StateT& s) {
    made[s.material] += s.delivered;
    for (const auto& c : s.components) used[c.material] += c.consumed;
  });
  RC_ASSERT(in_lots["STEEL"] == decimal::from_units(std::int64_t{lots_max} * received));
  RC_ASSERT(in_lots["RING"] == made["RING"]);
  RC_ASSERT(in_lots["PUMP"] == made["PUMP"]);
  for (const auto* material : {"STEEL", "RING"}) RC_ASSERT(consumed[material] == used[material]);
}

/// Links that are in force, from a lot to what came out of it.
std::multimap<std::string, std::string> links(world& w) {
  std::multimap<std::string, std::string> out;
  w.each_lot([&](const std::string& id, const lot::StateT&) {
    for (const auto& row : w.f.rows<lot::GenealogyDownRowT>("batch/" + id, "genealogy_down"))
      if (!row.removed_at.given()) out.emplace(id, row.link->batch);
  });
  return out;
}

void check_no_lot_comes_out_of_itself(world& w) {
  auto all = links(w);
  for (bool removed = true; removed && !all.empty();)
    removed = std::erase_if(all, [&](const auto& e) { return !all.contains(e.second); }) > 0;
  RC_ASSERT(all.empty());
}

void check_holds_reach(world& w) {
  std::map<std::string, std::set<std::string>> held;
  w.each_lot([&](const std::string& id, const lot::StateT& s) {
    for (const auto& hold : s.holds) held[id].insert(hold.hold);
  });
  for (const auto& [from, to] : links(w))
    for (const auto& hold : held[from]) RC_ASSERT(held[to].contains(hold));
}

/// Stock of every lot and what every order counts, as one text.
std::string shape(world& w) {
  std::string out;
  w.each_lot([&](const std::string& id, const lot::StateT& s) {
    std::map<std::string, decimal> lines;
    for (const auto& line : s.stock) lines[lot::EnumNameStockType(line.type)] += line.quantity;
    std::string text;
    for (const auto& [type, quantity] : lines) text += ' ' + type + '=' + quantity.to_string();
    if (!text.empty()) out += id + text + '\n';
    RC_ASSERT(s.consumed.is_zero());
  });
  w.each_order([&](const po::StateT& s) {
    out += s.material + ' ' + s.yield.to_string() + ' ' + s.delivered.to_string();
    for (const auto& c : s.components) out += ' ' + c.consumed.to_string();
    out += '\n';
  });
  return out;
}

std::vector<act> acts_below(int what) {
  return *rc::gen::container<std::vector<act>>(
      rc::gen::construct<act>(rc::gen::inRange(0, what), rc::gen::inRange(0, lots_max),
                              rc::gen::inRange(0, 12), rc::gen::inRange(0, 30)));
}

}  // namespace

BOOST_AUTO_TEST_CASE(orders_lots_and_shipments_conserve_and_what_is_held_stays) {
  const bool holds = rc::check("any reports, holds and shipments, any order of messages", [] {
    const auto acts = acts_below(13);
    world w(*rc::gen::arbitrary<std::uint32_t>());
    int step = 0;
    for (const auto& one : acts) {
      play(w, one, step++);
      check_quantities(w);
      check_no_lot_comes_out_of_itself(w);
      check_holds_reach(w);
    }
    RC_ASSERT(w.f.faults.empty());
  });
  BOOST_CHECK(holds);
}

BOOST_AUTO_TEST_CASE(taking_every_report_back_restores_orders_and_lots) {
  const bool holds = rc::check("reports and movements, then their reversals, last first", [] {
    const auto acts = acts_below(6);
    world w(*rc::gen::arbitrary<std::uint32_t>());
    const auto before = shape(w);
    std::vector<std::pair<std::string, std::string>> done;  // path, body; the last one last
    int step = 0;
    for (const auto& one : acts) {
      if (one.what == 3) continue;
      const auto reports = w.reports.size(), postings = w.postings.size();
      play_reports(w, one, step++);
      if (w.reports.size() > reports) done.push_back(w.reports.back());
      if (w.postings.size() > postings)
        done.emplace_back("batches/" + w.postings.back().first + "/reverse-movement",
                          R"({"reason":"r","posting":)" + quoted(w.postings.back().second) + '}');
    }
    for (auto one = done.rbegin(); one != done.rend(); ++one) {
      const auto by = one->first.starts_with("batches/") ? System::wms : System::mes;
      const auto back = w.f.post(one->first, by, one->second);
      RC_ASSERT(back.what != engine::Outcome::refused);
    }
    RC_ASSERT(shape(w) == before);
    RC_ASSERT(links(w).empty());
    check_quantities(w);
  });
  BOOST_CHECK(holds);
}
