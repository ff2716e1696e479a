// layer: nodes
// The files of a plant that comes in: CSV as old systems write it, and what each line becomes; and
// the gate that keeps a shadow's deliveries back.
#define BOOST_TEST_MODULE onboarding_file
#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>

#include "nodes/adapters/staged_sink.hpp"
#include "nodes/cli/program_errors.hpp"
#include "nodes/http/server.hpp"
#include "nodes/onboarding/lines.hpp"
#include "nodes/onboarding/plan.hpp"
#include "nodes/onboarding/readiness.hpp"
#include "schemas/platform/onboarding_kind.hpp"
#include "schemas/platform/plant_kind.hpp"
#include "tests/engine_double.hpp"

using namespace millrace;
using namespace millrace::onboarding_file;

namespace {

std::string fault_of(const std::string& line) {
  const auto read = read_csv("a,b\n" + line, ',');
  BOOST_REQUIRE(read);
  return read->lines.empty() ? "(no line)" : read->lines[0].fault;
}

plan with(std::vector<std::string> contents) {
  plan p;
  p.plant = "gdansk";
  for (auto& content : contents) {
    data_file f;
    f.content = content;
    f.path = content + ".csv";
    f.separator = ';';
    p.files.push_back(std::move(f));
  }
  return p;
}

csv_table csv(const std::string& text) {
  auto read = read_csv(text, ';');
  BOOST_REQUIRE_MESSAGE(read, (read ? "" : read.error().detail));
  return *std::move(read);
}

std::string text_of(const plan& p, const import_plan& made) {
  std::string out;
  for (const auto& r : made.rejected)
    out += p.files[r.at.file].path + ':' + std::to_string(r.at.line) + ' ' + r.column + ": " +
           r.reason + '\n';
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(csv_as_it_comes) {
  const auto read = read_csv(
      "\xef\xbb\xbf"
      "a;\"b\"\r\n1;\"x;\"\"y\"\"\nz\"\r\n\r\n;2",
      ';');
  BOOST_REQUIRE(read);
  BOOST_TEST(read->columns == (std::vector<std::string>{"a", "b"}),
             boost::test_tools::per_element());
  BOOST_REQUIRE(read->lines.size() == 2);
  BOOST_TEST(read->lines[0].number == 2u);
  BOOST_TEST(read->lines[0].fields[1] == "x;\"y\"\nz");
  BOOST_TEST(read->lines[1].number == 5u);  // after the quoted line feed and the empty line
  BOOST_TEST(read->lines[1].fields[0].empty());
}

BOOST_AUTO_TEST_CASE(a_line_that_cannot_be_read_loses_no_other) {
  BOOST_TEST(fault_of("1") == "1 fields where the header has 2");
  BOOST_TEST(fault_of("1,\"x\"y") == "text after a closing quote");
  BOOST_TEST(fault_of("1,\xff") == "not UTF-8");
  const auto read = read_csv("a,b\n1,\"open\n2,y\n", ',');
  BOOST_REQUIRE(read && read->lines.size() == 2);
  BOOST_TEST(read->lines[0].fault == "a quote is not closed");
  BOOST_TEST(read->lines[1].number == 3u);
  BOOST_TEST(read->lines[1].fields[1] == "y");
  for (const auto* bad : {"", "a,,b\n", "a,a\n"})
    BOOST_TEST(read_csv(bad, ',').error().code == "csv.invalid", bad);
  BOOST_TEST(!read_csv("a\n1\n2\n", ',', 1));
}

BOOST_AUTO_TEST_CASE(files_that_cannot_be_taken_are_said_to_be_so) {
  std::string pattern = (std::filesystem::temp_directory_path() / "millrace-plan-XXXXXX").string();
  BOOST_REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  const auto file = pattern + "/plant.toml";
  std::ofstream(file) << "[plant]\nname = 7\n";
  BOOST_TEST(read_file(pattern + "/none.csv").error().code == "file.unreadable");
  BOOST_TEST(read_file(file, 3).error().code == "file.too_large");
  BOOST_TEST(*read_file(file) == "[plant]\nname = 7\n");
  BOOST_TEST(load_plan(file).error().code == "onboarding.invalid");
  BOOST_TEST(load_plan(pattern + "/none.toml").error().code == "file.unreadable");
  std::filesystem::remove_all(pattern);
}

BOOST_AUTO_TEST_CASE(more_stock_than_one_answer_holds_is_not_compared_in_part) {
  struct truncating final : http::handler {
    void handle(std::shared_ptr<http::exchange> e) override {
      e->answer({200, {}, R"({"materials":[],"truncated":true})"});
    }
  };
  auto server = http::server::start({}, std::make_shared<truncating>());
  BOOST_REQUIRE(server);
  node_client node("http://127.0.0.1:" + std::to_string((*server)->port()), {});
  const auto compared = compare_stock(node, with({}), {});
  BOOST_REQUIRE(!compared);
  BOOST_TEST(compared.error().code == "onboarding.too_much");
}

BOOST_AUTO_TEST_CASE(a_material_takes_its_routing_along) {
  const auto p = with({"materials", "routings"});
  const auto made =
      commands_of(p, {csv("material;revision;base_unit\nM;A;EA\nN;A;PCS\nM;B;EA\n"),
                      csv("material;operation;work_center\nM;0010;WC-1\nM;0020;\nX;0010;WC-1\n")});
  BOOST_TEST(text_of(p, made) ==
             "materials.csv:3 base_unit: \"PCS\" is in no table of units and no UN/ECE code\n"
             "materials.csv:4 material: M is there twice\n"
             "routings.csv:4 material: X is not among the materials taken\n");
  BOOST_REQUIRE(made.commands.size() == 1);
  BOOST_TEST(made.commands[0].address == "materials/M");
  BOOST_TEST(
      made.commands[0].body.dump() ==
      R"({"revision":"A","base_unit":"EA","routing":[{"operation":"0010","work_center":"WC-1"},{"operation":"0020"}]})");
}

BOOST_AUTO_TEST_CASE(stock_comes_lot_by_lot_and_then_its_holds) {
  const auto p = with({"lots", "stock", "holds"});
  const auto made = commands_of(p, {csv("batch;material\nA;M\nB;M\nC;M\n"),
                                    csv("batch;type;quantity;unit\nA;unrestricted;1;EA\n"
                                        "B;unrestricted;2;EA\nA;blocked;3;EA\n"
                                        "A;blocked;3;EA\n"),
                                    csv("hold;batch;type;reason\nH-1;A;quality;pores\n"
                                        "H-2;C;quality;pores\n")});
  std::string order;
  for (const auto& c : made.commands) order += c.address + ' ' + c.command + "; ";
  BOOST_TEST(order ==
             "batches/A receive; batches/A receive; batches/B receive; batches/A place-hold; ");
  BOOST_TEST(text_of(p, made) ==
             "stock.csv:5 location: the lot's stock of that place and type is there twice\n"
             "lots.csv:4 batch: C has no stock that was taken\n"
             "holds.csv:3 batch: C has no stock that was taken\n");
}

BOOST_AUTO_TEST_CASE(values_read_as_they_are_here) {
  auto p = with({"orders"});
  p.strip_zeros = true;
  p.files[0].decimal_comma = true;
  p.units["ST"] = "EA";
  p.codes["order_status"]["REL"] = "released";
  p.xref["material"]["4711"] = "HOUSING";
  const auto made =
      commands_of(p, {csv("order;material;quantity;unit;due;status\n"
                          "0001;0004711;1.250,5 ;ST;2026-12-20;REL\n0002;X;1,2,3;ST;;created\n"
                          "0003;X;1;ST;soon;created\n0004;X;1;ST;;TECO\n0005;X;1;ST;;\n")});
  BOOST_REQUIRE(made.commands.size() == 2);
  BOOST_TEST(
      made.commands[0].body.dump() ==
      R"({"material":"HOUSING","quantity":"1250.5","unit":"EA","due":"2026-12-20T00:00:00Z","erp_id":"0001"})");
  BOOST_TEST(made.commands[0].address == "orders/1");
  BOOST_TEST(made.commands[1].command == "release");
  BOOST_TEST(text_of(p, made) ==
             "orders.csv:3 quantity: \"1,2,3\" is no decimal\n"
             "orders.csv:4 due: \"soon\" is no time (RFC 3339) and no day\n"
             "orders.csv:6 status: is empty\n"
             "orders.csv:5 status: \"TECO\" is neither created nor released\n");
}

BOOST_AUTO_TEST_CASE(the_same_line_has_the_same_key_wherever_it_stands) {
  const auto p = with({"orders"});
  const std::string head = "order;material;quantity;unit;status\n";
  const auto one = commands_of(p, {csv(head + "1;M;5;EA;created\n2;M;5;EA;created\n")});
  const auto other = commands_of(p, {csv(head + "2;M;5.0;EA;created\n1;M;6;EA;created\n")});
  BOOST_TEST(one.commands[1].key == other.commands[0].key);
  BOOST_TEST(one.commands[0].key != other.commands[1].key);
  BOOST_TEST(one.commands[0].key != one.commands[1].key);
}

namespace {

/// A sink that remembers.
struct noting final : sink {
  void attempt_delivery(attempt a, std::function<void(attempt_result)> cb) override {
    sent.push_back(a.actor);
    cb({attempt_result::verdict::acknowledged, "D", "", 0, true});
  }
  std::vector<std::string> sent;
};

struct with_gate {
  with_gate()
      : gate(real, [this](const attempt&) {
          return transforms ? result<void>() : result<void>(error{"mapping.failed", "no unit"});
        }) {
    engine.plant_names = {"gdansk"};
  }
  void life(plant::Life life) {
    plant::StateT s;
    s.life = life;
    put("plant", "gdansk", tests::packed_table(s));
  }
  void stage(onboarding::Stage stage) {
    onboarding::StateT s;
    s.stage = s.before = stage;
    s.orders = {"42"};
    put("onboarding", "plant", tests::packed_table(s));
  }
  void put(const std::string& kind, const std::string& id, bytes state) {
    actor_view v;
    v.where = {"gdansk", kind, id};
    v.state = std::move(state);
    engine.actors[v.where.to_string()] = std::move(v);
  }
  attempt_result send(const std::string& actor) {
    attempt a;
    a.plant = "gdansk";
    a.actor = actor;
    attempt_result out;
    gate.attempt_delivery(std::move(a), [&](attempt_result r) { out = std::move(r); });
    return out;
  }
  noting real;
  bool transforms = true;
  tests::engine_double engine;
  staged_sink gate;
};

using verdict = attempt_result::verdict;

}  // namespace

BOOST_FIXTURE_TEST_CASE(nothing_is_sent_before_the_stage_can_be_read, with_gate) {
  BOOST_TEST((send("order_release/42").what == verdict::retry));
  BOOST_TEST(real.sent.empty());
}

BOOST_FIXTURE_TEST_CASE(a_shadow_is_transformed_and_acknowledged_not_sent, with_gate) {
  gate.attach(engine);
  life(plant::Life::active);
  stage(onboarding::Stage::shadow);
  BOOST_TEST((send("order_release/42").what == verdict::acknowledged));
  transforms = false;
  const auto failed = send("order_release/42");
  BOOST_TEST((failed.what == verdict::dead));
  BOOST_TEST(failed.detail == "no unit");
  BOOST_TEST(real.sent.empty());
  BOOST_TEST(gate.kept_back() == 2u);
  stage(onboarding::Stage::pilot);
  (void)send("order_release/43");
  (void)send("order_release/42");
  stage(onboarding::Stage::live);
  (void)send("order_release/43");
  BOOST_TEST(real.sent == (std::vector<std::string>{"order_release/42", "order_release/43"}),
             boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(an_ordinary_plant_is_looked_at_once, with_gate) {
  gate.attach(engine);
  life(plant::Life::commissioned);
  (void)send("batch/1");
  const auto reads = engine.read_how.size();
  (void)send("batch/1");
  BOOST_TEST(engine.read_how.size() > reads);  // an onboarding may still begin
  life(plant::Life::active);
  (void)send("batch/1");
  const auto known = engine.read_how.size();
  (void)send("batch/1");
  BOOST_TEST(engine.read_how.size() == known);
  BOOST_TEST(real.sent.size() == 4u);
}

BOOST_AUTO_TEST_CASE(each_error_of_the_program_ends_it_in_its_own_way) {
  for (const auto& e : cli::program_errors) {
    BOOST_TEST(cli::exit_code_of(e.code) == e.exit_code, e.code);
    BOOST_TEST(e.exit_code != cli::exit_fine, e.code);
    BOOST_TEST(!e.title.empty());
  }
  BOOST_TEST(cli::exit_code_of("order.exists") == cli::exit_failed);
}
