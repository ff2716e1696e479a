// layer: actors
// A hold over many lots and two plants: contained only when every descendant refuses, enforced when
// the systems of both plants have followed, and lifted everywhere. Messages come in any order that
// the streams between plants and lanes allow.
#define BOOST_TEST_MODULE hold_scale
#include <random>

#include <rapidcheck.h>

#include "actors/stock.hpp"
#include "schemas/inventory/batch_kind.hpp"
#include "schemas/logistics/shipment_kind.hpp"
#include "schemas/quality/hold_kind.hpp"
#include "tests/floor_double.hpp"

namespace {

using namespace millrace;
using engine::Outcome;
using millrace::hold::Status;
using millrace::testing::floor_double;

constexpr std::size_t state_bytes_max = 256 * 1024;

struct lot_at {
  std::string plant, id;
};

/// Two plants that know a material.
struct two_plants : floor_double {
  two_plants() {
    for (const char* plant : {"kyoto", "hamburg"}) {
      here = plant;
      BOOST_REQUIRE(
          post("materials/M/define", System::erp, R"({"revision":"A","base_unit":"EA"})").what ==
          Outcome::accepted);
    }
  }
  void receive(const lot_at& lot, const char* quantity = "100") {
    here = lot.plant;
    BOOST_REQUIRE(
        post("batches/" + lot.id + "/receive", System::erp,
             R"({"material":"M","quantity":")" + std::string(quantity) + R"(","unit":"EA"})")
            .what == Outcome::accepted);
  }
  void link(const lot_at& input, const lot_at& output) {
    here = input.plant;
    batch::LinkOutputT c;
    c.output = output.id;
    if (output.plant != input.plant) c.output_plant = output.plant;
    c.order = "O";
    c.report = output.plant + output.id;
    tell<batch::schema>("order/O", input.id, c);
  }
  hash128 place(const lot_at& lot, const std::string& hold, const std::string& more = "") {
    here = lot.plant;
    return send("batches/" + lot.id + "/place-hold", System::mes,
                R"({"hold":")" + hold + R"(","type":"quality","reason":"defect")" + more + "}");
  }
  outcome release(const lot_at& lot, const std::string& hold) {
    here = lot.plant;
    return post("batches/" + lot.id + "/release-hold", System::qms,
                R"({"hold":")" + hold + R"(","reason":"fine"})");
  }
  const batch::StateT& lot(const lot_at& where) {
    here = where.plant;
    return state<batch::schema>(where.id);
  }
  const millrace::hold::StateT& process(const std::string& plant, const std::string& hold) {
    here = plant;
    return state<millrace::hold::schema>(hold);
  }
  void any_order(unsigned seed) {
    auto random = std::make_shared<std::mt19937>(seed);
    choose = [random](std::size_t n) { return (*random)() % n; };
  }
  void deliver_all(engine::DeliveryEnd end = engine::DeliveryEnd::acknowledged) {
    while (!outbox.empty()) deliver(end);
  }
};

bool in_force(Status status) {
  return status >= Status::contained && status <= Status::enforced_with_escapes;
}

/// A source at hamburg, ten lots made of it, and 990 made of those, at both plants.
std::vector<lot_at> thousand(two_plants& f) {
  std::vector<lot_at> lots;
  const lot_at source{"hamburg", "SRC"};
  f.receive(source);
  for (int i = 0; i < 1000; ++i) {
    lots.push_back({i % 2 == 0 ? "hamburg" : "kyoto", "L-" + std::to_string(i)});
    f.receive(lots.back());
    f.link(i < 10 ? source : lots[static_cast<std::size_t>(i / 100)], lots.back());
  }
  return lots;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_thousand_descendants_over_two_plants) {
  two_plants f;
  f.bound = 1u << static_cast<unsigned>(System::erp);
  auto lots = thousand(f);
  const lot_at source{"hamburg", "SRC"};
  f.any_order(17);
  bool contained = false, source_held = false;
  f.seen_step = [&](const std::string&, const std::string&, const decided&) {
    const auto here = f.here;
    const auto status = f.process("hamburg", "H-9").status;
    if (actors::held_whole(f.lot(source))) source_held = true;
    if (source_held) BOOST_REQUIRE(f.lot(source).allocatable.is_zero());
    if (in_force(status) && !contained) {
      contained = true;
      for (const auto& one : lots) BOOST_REQUIRE(actors::held_whole(f.lot(one)));
    }
    f.here = here;
  };
  f.place(source, "H-9");
  f.run();
  f.seen_step = nullptr;
  BOOST_REQUIRE(contained);
  BOOST_CHECK_EQUAL(f.process("hamburg", "H-9").lots, 1001u);
  BOOST_CHECK_EQUAL(f.process("kyoto", "H-9").homes.at(0), "hamburg");
  BOOST_CHECK(f.process("hamburg", "H-9").status == Status::contained);
  for (const char* plant : {"hamburg", "kyoto"}) {
    f.here = plant;
    BOOST_CHECK_LT(f.state_bytes("hold/H-9"), state_bytes_max / 4);
  }
  f.deliver_all();
  BOOST_CHECK(f.process("hamburg", "H-9").status == Status::enforced);
  BOOST_CHECK(f.process("kyoto", "H-9").status == Status::enforced);
  // What is made later is born held, and takes the hold back to placing until its ERP has it.
  f.receive({"kyoto", "LATE"});
  f.link(lots[999], {"kyoto", "LATE"});
  BOOST_CHECK(actors::held_whole(f.lot({"kyoto", "LATE"})));
  BOOST_CHECK(f.process("hamburg", "H-9").status == Status::contained);
  f.deliver_all();
  BOOST_CHECK(f.process("hamburg", "H-9").status == Status::enforced);
  BOOST_CHECK_EQUAL(f.process("hamburg", "H-9").lots, 1002u);

  BOOST_CHECK(f.release(source, "H-9").what == Outcome::accepted);
  f.deliver_all();
  for (const auto& one : lots) BOOST_REQUIRE(f.lot(one).holds.empty());
  BOOST_CHECK(f.process("hamburg", "H-9").status == Status::released);
  BOOST_CHECK(f.process("kyoto", "H-9").status == Status::released);
}

BOOST_AUTO_TEST_CASE(many_failing_systems_are_counted_and_the_first_are_named) {
  two_plants f;
  f.bound = 1u << static_cast<unsigned>(System::erp);
  f.receive({"hamburg", "SRC"});
  for (int i = 0; i < 50; ++i) {
    const lot_at one{"hamburg", "L-" + std::to_string(i)};
    f.receive(one);
    f.link({"hamburg", "SRC"}, one);
  }
  f.place({"hamburg", "SRC"}, "H-9");
  f.run();
  const auto waiting = f.outbox;
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    f.deliver(engine::DeliveryEnd::dead);
    std::rotate(f.outbox.begin(), f.outbox.begin() + 1, f.outbox.end());
  }
  const auto& state = f.process("hamburg", "H-9");
  BOOST_CHECK(state.status == Status::partially_enforced);
  BOOST_CHECK_EQUAL(state.systems_failed, 51u);
  BOOST_CHECK_EQUAL(state.waits_for.size(), 20u);
  for (int i = 0; i < 30; ++i) f.deliver();
  BOOST_CHECK(f.process("hamburg", "H-9").status == Status::partially_enforced);
  BOOST_CHECK_EQUAL(f.process("hamburg", "H-9").systems_open, 21u);
  BOOST_CHECK(!f.process("hamburg", "H-9").waits_for.empty());
  f.deliver_all();
  BOOST_CHECK(f.process("hamburg", "H-9").status == Status::enforced);
}

BOOST_AUTO_TEST_CASE(a_plant_that_cannot_be_reached_is_named_until_it_answers) {
  two_plants f;
  f.receive({"hamburg", "A"});
  f.receive({"kyoto", "B"});
  f.link({"hamburg", "A"}, {"kyoto", "B"});
  f.cut = {{"hamburg", "kyoto"}};
  f.place({"hamburg", "A"}, "H-1");
  f.run();
  BOOST_CHECK(f.process("hamburg", "H-1").status == Status::placing);
  f.timer("hold/H-1", "enforce");
  const auto& partly = f.process("hamburg", "H-1");
  BOOST_CHECK(partly.status == Status::partially_enforced);
  BOOST_REQUIRE_EQUAL(partly.waits_for.size(), 1u);
  BOOST_CHECK_EQUAL(partly.waits_for[0], "batch/B at kyoto");
  f.cut.clear();
  f.run();
  BOOST_CHECK(f.process("hamburg", "H-1").status == Status::enforced);
  BOOST_CHECK_EQUAL(f.lot({"kyoto", "B"}).holds.at(0).source, "hamburg/batch/A");
  f.here = "kyoto";
  BOOST_CHECK_EQUAL(
      f.post("batches/B/release-hold", System::qms, R"({"hold":"H-1","reason":"r"})").code,
      "batch.hold_inherited");
}

BOOST_AUTO_TEST_CASE(lots_of_one_id_in_two_plants_are_two_lots) {
  two_plants f;
  f.receive({"hamburg", "A"});
  f.receive({"kyoto", "A"});
  f.link({"hamburg", "A"}, {"kyoto", "A"});
  f.place({"hamburg", "A"}, "H-1");
  f.run();
  BOOST_CHECK(actors::held_whole(f.lot({"kyoto", "A"})));
  BOOST_CHECK(f.process("hamburg", "H-1").status == Status::enforced);
  BOOST_CHECK_EQUAL(f.process("hamburg", "H-1").lots, 2u);
  BOOST_CHECK(f.release({"hamburg", "A"}, "H-1").what == Outcome::accepted);
  BOOST_CHECK(f.lot({"kyoto", "A"}).holds.empty());
  BOOST_CHECK(f.process("kyoto", "H-1").status == Status::released);
}

BOOST_AUTO_TEST_CASE(placed_in_both_plants_it_ends_when_both_have_released) {
  two_plants f;
  f.receive({"hamburg", "A"});
  f.receive({"kyoto", "B"});
  f.receive({"kyoto", "C"});
  f.link({"hamburg", "A"}, {"kyoto", "B"});
  f.place({"hamburg", "A"}, "H-1");
  f.place({"kyoto", "C"}, "H-1");
  f.run();
  BOOST_CHECK(f.process("hamburg", "H-1").status == Status::enforced);
  BOOST_CHECK(f.process("kyoto", "H-1").status == Status::enforced);
  f.release({"hamburg", "A"}, "H-1");
  BOOST_CHECK(f.lot({"kyoto", "B"}).holds.empty());
  BOOST_CHECK(actors::held_whole(f.lot({"kyoto", "C"})));
  BOOST_CHECK(f.process("kyoto", "H-1").status == Status::enforced);
  f.release({"kyoto", "C"}, "H-1");
  BOOST_CHECK(f.process("hamburg", "H-1").status == Status::released);
  BOOST_CHECK(f.process("kyoto", "H-1").status == Status::released);
}

BOOST_AUTO_TEST_CASE(what_left_another_plant_is_listed_where_it_was_placed) {
  two_plants f;
  f.receive({"hamburg", "A"});
  f.receive({"kyoto", "B"});
  f.link({"hamburg", "A"}, {"kyoto", "B"});
  f.here = "kyoto";
  f.post(
      "shipments/S-1/plan", System::wms,
      R"({"customer":"C-77","items":[{"item":"10","material":"M","quantity":"5","unit":"EA"}]})");
  f.post("shipments/S-1/allocate", System::wms,
         R"({"item":"10","batch":"B","quantity":"5","unit":"EA"})");
  f.post("shipments/S-1/pick", System::wms, "{}");
  f.post("shipments/S-1/ship", System::wms, "{}");
  f.place({"hamburg", "A"}, "H-1");
  f.run();
  const auto& state = f.process("hamburg", "H-1");
  BOOST_CHECK(state.status == Status::enforced_with_escapes);
  BOOST_REQUIRE_EQUAL(state.escaped.size(), 1u);
  BOOST_CHECK_EQUAL(state.escaped[0].shipment, "S-1");
  BOOST_CHECK_EQUAL(state.escaped[0].customer, "C-77");
  BOOST_CHECK_EQUAL(state.escaped[0].plant, "kyoto");
  BOOST_CHECK(state.escaped[0].quantity == decimal::from_units(5));
  BOOST_CHECK(state.recall);
}

BOOST_AUTO_TEST_CASE(all_that_left_is_listed_however_much_it_is) {
  two_plants f;
  f.receive({"hamburg", "A"}, "2000");
  f.here = "hamburg";
  for (int i = 0; i < 1100; ++i) {
    const auto id = "shipments/S-" + std::to_string(i);
    f.post(id + "/plan", System::wms,
           R"({"customer":"C","items":[{"item":"10","material":"M","quantity":"1","unit":"EA"}]})");
    f.post(id + "/allocate", System::wms,
           R"({"item":"10","batch":"A","quantity":"1","unit":"EA"})");
    f.post(id + "/pick", System::wms, "{}");
    f.post(id + "/ship", System::wms, "{}");
  }
  f.place({"hamburg", "A"}, "H-1");
  f.run();
  const auto& state = f.process("hamburg", "H-1");
  BOOST_CHECK(state.status == Status::enforced_with_escapes);
  BOOST_CHECK_EQUAL(state.escapes, 1100u);
  BOOST_CHECK_EQUAL(f.rows<millrace::hold::EscapeRowT>("hold/H-1", "escaped").size(), 1100u);
  BOOST_CHECK_LT(f.state_bytes("hold/H-1"), state_bytes_max / 4);
}

// ---- any sequence of commands, in any interleaving ----

namespace {

struct move {
  int what, from, to;
};
std::ostream& operator<<(std::ostream& out, const move& m) {
  return out << m.what << '/' << m.from << '/' << m.to;
}
constexpr int lots_of_story = 6;

lot_at numbered(int n) { return {n % 2 == 0 ? "hamburg" : "kyoto", "L-" + std::to_string(n)}; }

/// No decision of a lot may move what its holds keep.
void watch_moves(two_plants& f) {
  f.seen_step = [&f](const std::string& plant, const std::string& actor, const decided& d) {
    const auto [kind, id] = split_local(actor);
    if (kind != batch::schema::name) return;
    const auto here = std::exchange(f.here, plant);
    for (const auto& e : d.events)
      for (const auto moving : {batch::Event::Consumed, batch::Event::Shipped, batch::Event::Picked,
                                batch::Event::Allocated, batch::Event::Reserved})
        if (e.type == static_cast<std::uint8_t>(moving))
          RC_ASSERT(!actors::held_whole(f.state<batch::schema>(id)));
    f.here = here;
  };
}

void play(two_plants& f, const move& m, int step) {
  const auto lot = numbered(m.from);
  f.here = lot.plant;
  const auto id = std::to_string(step);
  switch (m.what) {
    case 0:
    case 1: {  // a lot went into a later one: the genealogy has no circles
      const auto low = std::min(m.from, m.to), high = std::max(m.from, m.to);
      if (low == high) return;
      batch::LinkOutputT c;
      c.output = numbered(high).id;
      c.output_plant = numbered(high).plant;
      c.order = "O";
      c.report = id;
      f.here = numbered(low).plant;
      return f.tell<batch::schema>("order/O", numbered(low).id, c);
    }
    case 2:
    case 3:
      f.place(lot, "H-" + std::to_string(m.to % 3));
      return;
    case 4:
      f.release(lot, "H-" + std::to_string(m.to % 3));
      return;
    case 5:
      f.send(
          "shipments/S-" + id + "/plan", System::wms,
          R"({"customer":"C","items":[{"item":"10","material":"M","quantity":"2","unit":"EA"}]})");
      f.run();
      f.send("shipments/S-" + id + "/allocate", System::wms,
             R"({"item":"10","batch":")" + lot.id + R"(","quantity":"2","unit":"EA"})");
      return;
    case 6:
    case 7:
      for (const auto& one : f.actors("shipment"))
        f.send(
            "shipments/" + std::string(split_local(one).second) + (m.what == 6 ? "/pick" : "/ship"),
            System::wms, "{}");
      return;
    case 8: {
      batch::ConsumeT c;
      c.order = "O";
      c.report = id;
      c.quantity = decimal::from_units(1);
      c.unit = "EA";
      return f.tell<batch::schema>("order/O", lot.id, c);
    }
  }
}

/// At rest every lot that came out of a held one is held from the same origins.
void check_rest(two_plants& f) {
  for (int n = 0; n < lots_of_story; ++n) {
    const auto input = numbered(n);
    const auto holds = f.lot(input).holds;
    for (const auto& row :
         f.rows<batch::GenealogyDownRowT>("batch/" + input.id, "genealogy_down")) {
      const lot_at output{row.link->plant.empty() ? input.plant : row.link->plant, row.link->batch};
      for (const auto& hold : holds) {
        const auto& below = f.lot(output).holds;
        const auto found = std::find_if(below.begin(), below.end(),
                                        [&](const auto& h) { return h.hold == hold.hold; });
        RC_ASSERT(found != below.end());
        RC_ASSERT(found->origins.size() >= hold.origins.size());
      }
    }
  }
  for (const char* plant : {"hamburg", "kyoto"})
    for (int h = 0; h < 3; ++h) {
      const auto& p = f.process(plant, "H-" + std::to_string(h));
      if (p.lots == 0) continue;
      bool any = false;
      for (int n = 0; n < lots_of_story; ++n)
        for (const auto& hold : f.lot(numbered(n)).holds)
          any |= hold.hold == "H-" + std::to_string(h);
      if (!any) RC_ASSERT(p.status == Status::released);
      if (p.origins != 0) RC_ASSERT(in_force(p.status));
    }
}

}  // namespace

BOOST_AUTO_TEST_CASE(no_interleaving_lets_held_stock_move_and_every_descendant_follows) {
  const bool holds = rc::check("any commands, any order of messages", [] {
    const auto seed = *rc::gen::arbitrary<unsigned>();
    const auto moves = *rc::gen::container<std::vector<move>>(
        rc::gen::construct<move>(rc::gen::inRange(0, 9), rc::gen::inRange(0, lots_of_story),
                                 rc::gen::inRange(0, lots_of_story)));
    two_plants f;
    for (int n = 0; n < lots_of_story; ++n) f.receive(numbered(n), "10");
    watch_moves(f);
    f.any_order(seed);
    int step = 0;
    for (const auto& one : moves) play(f, one, step++);
    f.run();
    f.seen_step = nullptr;
    check_rest(f);
  });
  BOOST_CHECK(holds);
}
