// layer: nodes; starts the program
// The platform away: the list that the floor works by, and what was written down meanwhile, taken
// once, line by line.
#define BOOST_TEST_MODULE fallback
#include <boost/test/unit_test.hpp>

#include "nodes/fallback/catch_up.hpp"
#include "nodes/fallback/fallback_list.hpp"
#include "tests/program_fixture.hpp"

using namespace millrace;
using namespace millrace::tests;
namespace in = onboarding_file;

namespace {

const std::string head =
    "what,report,order,operation,material,batch,quantity,scrap,unit,final,type,reason,occurred_at,"
    "person,location,output_batch\n";

in::import_plan facts(const std::string& lines) {
  const auto table = in::read_csv(head + lines, ',');
  BOOST_REQUIRE(table);
  return fallback::facts_of(fallback::catch_up_plan("hamburg", "paper.csv"), *table);
}
std::string rejections(const in::import_plan& p) {
  std::string out;
  for (const auto& r : p.rejected)
    out += std::to_string(r.at.line) + ' ' + r.column + ": " + r.reason + '\n';
  return out;
}

struct run_result {
  int code = -1;
  std::string out;
};

run_result run(std::vector<std::string> arguments) {
  const auto log = node::the().directory() + "/out.log";
  std::filesystem::remove(log);
  arguments.insert(arguments.begin(), "plant");
  arguments.insert(arguments.end(), {"--url", node::the().url()});
  auto started = process::start(MILLRACE_PROGRAM, arguments, log);
  BOOST_REQUIRE(started);
  const auto code = started->wait(std::chrono::seconds(60));
  std::ifstream file(log, std::ios::binary);
  return {code ? *code : -1,
          {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()}};
}
std::string write(const std::string& text) {
  auto name = node::the().directory() + "/paper.csv";
  std::ofstream(name, std::ios::binary) << text;
  return name;
}
bool has(const std::string& in, const std::string& what) {
  return in.find(what) != std::string::npos;
}
std::size_t events_of(const std::string& plant_name) {
  const auto page =
      node::the().send("GET", "/v1/events?limit=1000&after=0&plant=" + plant_name, "ops");
  return page.body.find("items")->items().size();
}

}  // namespace

BOOST_AUTO_TEST_CASE(each_line_is_a_fact_with_its_own_time_marked_manual) {
  const auto p = facts(
      "confirmation,P-1,42,0010,,,5,1,EA,true,,,2026-11-28T06:00:00Z,ann,,LOT-1\n"
      "consumption,P-2,42,0010,STEEL,ST-1,10,,KGM,,,,2026-11-28T06:01:00Z,,HALL,\n"
      "production,P-3,42,,,LOT-1,5,,EA,,,,2026-11-28T06:02:00Z,,,\n"
      "hold,H-1,,,,ST-1,,,,,quality,rust,2026-11-28T06:03:00Z,ann,,\n"
      "hold,H-2,,,,LOT-1,2,,EA,,quality,scratch,2026-11-28T06:04:00Z,ann,,\n"
      "hold,H-3,42,,,,,,,,production,stop,,ann,,\n");
  BOOST_TEST(rejections(p) == "");
  std::string sent;
  for (const auto& c : p.commands) sent += c.address + ' ' + c.command + ' ' + c.body.dump() + '\n';
  // What was there is held first, what the file itself produced last.
  BOOST_TEST(
      sent ==
      R"(batches/ST-1 place-hold {"hold":"H-1","type":"quality","reason":"rust","person":"ann","occurred_at":"2026-11-28T06:03:00Z"}
orders/42 place-hold {"hold":"H-3","type":"production","reason":"stop","person":"ann"}
orders/42 confirm-operation {"confirmation":"P-1","yield":"5","operation":"0010","scrap":"1","unit":"EA","final":true,"occurred_at":"2026-11-28T06:00:00Z","person":"ann","output_batch":"LOT-1","manual":true}
orders/42 report-consumption {"report":"P-2","operation":"0010","material":"STEEL","batch":"ST-1","quantity":"10","unit":"KGM","occurred_at":"2026-11-28T06:01:00Z","location":"HALL","manual":true}
orders/42 report-production {"report":"P-3","batch":"LOT-1","quantity":"5","unit":"EA","occurred_at":"2026-11-28T06:02:00Z","manual":true}
batches/LOT-1 place-hold {"hold":"H-2","type":"quality","reason":"scratch","person":"ann","quantity":"2","unit":"EA","occurred_at":"2026-11-28T06:04:00Z"}
)");
}

BOOST_AUTO_TEST_CASE(a_line_has_one_key_and_a_changed_one_another) {
  const std::string line = "confirmation,P-1,42,0010,,,5,,EA,,,,2026-11-28T06:00:00Z,,,\n";
  const auto key = facts(line).commands.at(0).key;
  BOOST_TEST(facts("hold,H-1,42,,,,,,,,,stop,,,,\n" + line).commands.at(1).key == key);
  BOOST_TEST(
      facts("confirmation,P-1,42,0010,,,6,,EA,,,,2026-11-28T06:00:00Z,,,\n").commands.at(0).key !=
      key);
}

BOOST_AUTO_TEST_CASE(what_a_line_lacks_is_named_with_its_column) {
  BOOST_TEST(rejections(facts("confirmation,P-1,,0010,,,5,,EA,,,,2026-11-28T06:00:00Z,,,\n"
                              "confirmation,P-2,42,,,,5,,EA,,,,2026-11-28T06:00:00Z,,,\n"
                              "confirmation,P-3,42,0010,,,,,EA,,,,2026-11-28T06:00:00Z,,,\n"
                              "confirmation,P-4,42,0010,,,5,,EA,,,,,,,\n"
                              "consumption,P-5,42,0010,,ST-1,5,,EA,,,,2026-11-28T06:00:00Z,,,\n"
                              "production,P-6,42,0010,,,5,,EA,,,,2026-11-28T06:00:00Z,,,\n"
                              "production,P-7,42,0010,,L,x,,EA,,,,2026-11-28T06:00:00Z,,,\n"
                              "hold,H-1,,,,ST-1,,,,,,,,,,\n"
                              "hold,H-2,,,,,,,,,,dust,,,,\n"
                              "delivery,D-1,42,,,,,,,,,,,,,\n"
                              "hold,H-3,42,,,,,,,,,dust,,,,\n"
                              "hold,H-3,42,,,,,,,,,dust,,,,\n"
                              ",X,,,,,,,,,,,,,,\n"
                              "hold,,42,,,,,,,,,dust,,,,\n")) ==
             "8 quantity: \"x\" is no decimal\n"
             "14 what: is empty\n"
             "15 report: is empty\n"
             "2 order: a confirmation needs it\n"
             "3 operation: a confirmation needs it\n"
             "4 quantity: a confirmation needs it\n"
             "5 occurred_at: a confirmation needs it\n"
             "6 material: a consumption needs it\n"
             "7 batch: a production needs it\n"
             "9 reason: a hold needs it\n"
             "10 order: a hold needs it\n"
             "11 what: \"delivery\" is none of confirmation, consumption, production, hold\n"
             "13 report: H-3 is there twice\n");
}

BOOST_AUTO_TEST_CASE(the_list_is_for_a_printer_and_for_a_spreadsheet) {
  fallback::list l;
  l.plant = "hamburg";
  l.as_of = "2026-11-28T06:00:00Z";
  l.orders.push_back({"42", "PUMP", "0010", "WC-1", "10", "4", "EA", "started", ""});
  l.held.push_back({"lot ST-1", "H-1", "quality", "", "KGM", "", "rust, deep", "ann", "today"});
  l.usable.push_back({"ST-2", "STEEL", "60", "KGM", "", ""});
  l.usable.push_back({"ST-2", "STEEL", "10", "KGM", "42", ""});
  const auto text = fallback::as_text(l);
  for (const auto* line :
       {"Plant hamburg, as of 2026-11-28T06:00:00Z\n", "HELD: neither use nor ship\n",
        "lot ST-1  H-1   quality  all              today  ann  rust, deep\n",
        "42     PUMP      0010       WC-1  10       4     EA         __________\n",
        "ST-2  STEEL     10        KGM   order 42           __________\n"})
    BOOST_TEST(has(text, line), line << " in\n" << text);
  const auto csv = fallback::as_csv(l);
  BOOST_TEST(csv ==
             "section,id,material,operation,place,quantity,done,unit,status,reason,by,since\n"
             "held,lot ST-1,,,,,,KGM,quality,\"H-1: rust, deep\",ann,today\n"
             "order,42,PUMP,0010,WC-1,10,4,EA,started,,,\n"
             "usable,ST-2,STEEL,,,60,,KGM,,,,\n"
             "usable,ST-2,STEEL,,,10,,KGM,order 42,,,\n");
}

BOOST_AUTO_TEST_CASE(a_plant_lists_what_it_has_and_catches_up_once) {
  plant p("paper");
  p.set_up();
  p.release_order("1000042");
  p.must("/batches/HSG-0002/receive", "erp",
         R"({"material":"HOUSING","quantity":"7","unit":"EA"})");
  p.must("/batches/HSG-0002/place-hold", "qms",
         R"({"hold":"H-1","type":"quality","reason":"cracks"})");
  auto done = run({"fallback-list", "paper"});
  BOOST_TEST(done.code == 0, done.out);
  for (const auto* part : {"1000042", "PUMP-100", "0020", "lot HSG-0002", "cracks", "HSG-0001"})
    BOOST_TEST(has(done.out, part), part << " in\n" << done.out);
  done = run({"fallback-list", "paper", "-o", "csv"});
  BOOST_TEST(has(done.out, "usable,HSG-0001,HOUSING,,,90,,EA,,,,"), done.out);
  BOOST_TEST(has(done.out, "usable,HSG-0001,HOUSING,,,10,,EA,order 1000042,,,"), done.out);
  BOOST_TEST(!has(done.out, "usable,HSG-0002"), done.out);

  const auto file = write(
      head +
      "confirmation,P-1,1000042,0010,,,4,,EA,,,,2026-11-28T06:00:00Z,ann,,\n"
      "consumption,P-2,1000042,0010,HOUSING,HSG-0001,4,,EA,,,,2026-11-28T06:01:00Z,ann,,PMP-1\n"
      "production,P-3,1000042,,,PMP-1,4,,EA,,,,2026-11-28T06:02:00Z,ann,,\n"
      "hold,H-2,,,,PMP-1,,,,,quality,leaks,2026-11-28T06:03:00Z,ann,,\n"
      "confirmation,P-4,1000042,0099,,,4,,EA,,,,2026-11-28T06:04:00Z,ann,,\n"
      "consumption,P-5,1000042,0010,HOUSING,HSG-0001,900,,EA,,,,2026-11-28T06:05:00Z,ann,,\n"
      "hold,H-3,,,,NONE,,,,,quality,dust,2026-11-28T06:06:00Z,ann,,\n"
      "confirmation,P-6,1000042,0010,,,four,,EA,,,,2026-11-28T06:07:00Z,ann,,\n");
  done = run({"catch-up", "paper", file, "--dry-run"});
  BOOST_TEST(done.code == 1);
  BOOST_TEST(p.get("/orders/1000042").at("/state/operations/0/yield") == "0");
  done = run({"catch-up", "paper", file});
  BOOST_TEST(done.code == 1);
  for (const auto* line :
       {"paper.csv:8: batch: actor.unknown", "paper.csv:9: quantity: \"four\" is no decimal",
        "taken, not posted yet: orders/1000042: batch.short_stock"})
    BOOST_TEST(has(done.out, line), line << " in\n" << done.out);
  BOOST_TEST(p.get("/orders/1000042").at("/state/operations/0/yield") == "4");
  BOOST_TEST(p.get("/batches/HSG-0001").at("/state/stock/0/quantity") == "96");
  BOOST_TEST(p.get("/batches/PMP-1").at("/state/holds/0/hold") == "H-2");
  BOOST_TEST(p.get("/batches/PMP-1").at("/state/allocatable") == "0");

  // Again: the same lines change nothing.
  const auto before = events_of("paper");
  done = run({"catch-up", "paper", file, "-o", "json"});
  BOOST_TEST(done.code == 1);
  BOOST_TEST(events_of("paper") == before);
  BOOST_TEST(p.get("/batches/HSG-0001").at("/state/stock/0/quantity") == "96");
  BOOST_TEST(run({"catch-up", "paper", node::the().directory() + "/none.csv"}).code == 2);
}
