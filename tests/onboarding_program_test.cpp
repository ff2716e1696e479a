// layer: nodes; starts the program
// A plant comes in with the built program: import with its rejected lines, twice; nothing leaves in
// shadow, chosen orders in the pilot, everything when it is live, and back.
#define BOOST_TEST_MODULE onboarding_program
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <mutex>

#include "nodes/http/server.hpp"
#include "tests/program_fixture.hpp"

using namespace millrace;
using namespace millrace::tests;

namespace {

/// Any outer system: notes what it is sent, says yes.
class outer_system final : public http::handler {
 public:
  void handle(std::shared_ptr<http::exchange> e) override {
    const auto body = json_value::parse(e->request().body);
    const auto* order = body ? body->at("/data/order") : nullptr;
    {
      const std::lock_guard lock(mutex_);
      taken_.push_back((body ? body->text("type") : "?") + ' ' +
                       (order == nullptr ? "" : order->text()));
    }
    e->answer({200, {}, R"({"document":"D"})"});
  }
  std::vector<std::string> taken() {
    const std::lock_guard lock(mutex_);
    return taken_;
  }
  std::size_t about(const std::string& order) {
    const auto all = taken();
    return static_cast<std::size_t>(
        std::ranges::count_if(all, [&](const auto& one) { return one.ends_with(' ' + order); }));
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> taken_;
};

struct run_result {
  int code = -1;
  std::string out;
};

struct with_systems {
  with_systems() {
    static const auto system = std::make_shared<outer_system>();
    static const auto server = [] {
      auto started = http::server::start({}, system);
      BOOST_REQUIRE(started);
      const auto at = "http://127.0.0.1:" + std::to_string((*started)->port());
      node::arguments() = {"--endpoint", "erp=" + at, "--endpoint", "mes=" + at};
      return *std::move(started);
    }();
    outside = system;
    directory = node::the().directory() + "/onboarding";
    std::filesystem::remove_all(directory);
    std::filesystem::copy(std::string(MILLRACE_SOURCE_DIR) + "/config/onboarding", directory,
                          std::filesystem::copy_options::recursive);
  }
  /// The example's plant under a name of its own.
  std::string plan(const std::string& plant) {
    auto text = read("gdansk.toml");
    const std::string old = "plant = \"gdansk\"";
    text.replace(text.find(old), old.size(), "plant = \"" + plant + '"');
    write(plant + ".toml", text);
    return directory + '/' + plant + ".toml";
  }
  std::string read(const std::string& name) const {
    std::ifstream in(directory + '/' + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(directory + '/' + name, std::ios::binary) << text;
  }
  run_result run(std::vector<std::string> arguments) {
    const auto log = directory + "/out.log";
    std::filesystem::remove(log);
    arguments.insert(arguments.begin(), "plant");
    arguments.insert(arguments.end(), {"--url", node::the().url()});
    auto started = process::start(MILLRACE_PROGRAM, arguments, log);
    BOOST_REQUIRE(started);
    const auto code = started->wait(std::chrono::seconds(60));
    return {code ? *code : -1, read("out.log")};
  }
  std::uint64_t events_of(const std::string& plant_name) {
    std::uint64_t n = 0;
    std::string cursor = "0";
    while (true) {
      const auto page = node::the().send(
          "GET", "/v1/events?limit=1000&plant=" + plant_name + "&after=" + cursor, "ops");
      const auto* items = page.body.find("items");
      if (items == nullptr || items->items().empty()) return n;
      n += items->items().size();
      cursor = page.at("/next");
    }
  }
  std::shared_ptr<outer_system> outside;
  std::string directory;
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_plant_comes_in_step_by_step, with_systems) {
  const auto file = plan("gdansk");
  auto done = run({"onboard", file});
  BOOST_TEST(done.code == 0, done.out);
  plant p("gdansk");
  BOOST_TEST(p.get("/batches/HSG-0001").at("/state/stock/0/quantity") == "1100");
  BOOST_TEST(p.get("/batches/HSG-0002").at("/state/allocatable") == "0");
  BOOST_TEST(p.get("/batches/HSG-0002").at("/state/holds/0/reason") ==
             "porosity, see \"report 12\"");
  BOOST_TEST(p.get("/materials/PUMP-100").at("/state/erp_id") == "000000100200");
  p.eventually("the released order is dispatched in shadow",
               [&] { return p.get("/orders/1000042").at("/state/dispatch") == "dispatched"; });
  BOOST_TEST(outside->taken().empty());

  // Again: nothing changes.
  const auto before = events_of("gdansk");
  done = run({"onboard", file});
  BOOST_TEST(done.code == 0, done.out);
  BOOST_TEST(events_of("gdansk") == before);

  done = run({"readiness", "gdansk"});
  BOOST_TEST(done.code == 1);
  BOOST_TEST(done.out.find("missing: stock: not looked at in this stage") != std::string::npos,
             done.out);
  done = run({"stage", "gdansk", "pilot", "--reason", "hurry"});
  BOOST_TEST(done.code == 1);
  BOOST_TEST(done.out.find("onboarding.not_ready") != std::string::npos, done.out);
  done = run({"compare", file});
  BOOST_TEST(done.code == 0, done.out);
  BOOST_TEST(run({"orders", "gdansk", "1000044"}).code == 0);
  done = run({"stage", "gdansk", "pilot", "--reason", "agreed with the plant manager"});
  BOOST_TEST(done.code == 0, done.out);
  BOOST_TEST(outside->taken().empty());  // what was kept back is not sent later

  p.must("/orders/1000044/release", "erp", "{}");
  p.eventually("the chosen order reaches the MES", [&] { return outside->about("1000044") == 1; });
  p.must("/orders/1000043/confirm-operation", "mes",
         R"({"confirmation":"C-1","operation":"0010","yield":"1","unit":"EA"})");
  p.eventually("another order's report is not sent to the ERP", [&] {
    return p.get("/orders/1000043").at("/state/postings_open") == "0" ||
           outside->about("1000043") != 0;
  });
  BOOST_TEST(outside->about("1000043") == 0);

  done = run({"readiness", "gdansk"});
  BOOST_TEST(done.out.find("missing: orders: not finished: 1000044") != std::string::npos,
             done.out);
  p.must("/orders/1000044/confirm-operation", "mes",
         R"({"confirmation":"C-2","operation":"0010","yield":"5","final":true,"unit":"EA"})");
  p.must("/orders/1000044/confirm-operation", "mes",
         R"({"confirmation":"C-3","operation":"0020","yield":"5","final":true,"unit":"EA"})");
  p.eventually("the chosen order's reports reach the ERP",
               [&] { return outside->about("1000044") == 3; });
  done = run({"compare", file});
  BOOST_TEST(done.code == 0, done.out);
  done = run({"readiness", "gdansk"});
  BOOST_TEST(done.code == 0, done.out);
  BOOST_TEST(run({"stage", "gdansk", "live", "--reason", "as planned"}).code == 0);
  p.must("/orders/1000043/confirm-operation", "mes",
         R"({"confirmation":"C-4","operation":"0010","yield":"1","unit":"EA"})");
  p.eventually("all orders are sent", [&] { return outside->about("1000043") == 1; });

  const auto sent = outside->taken().size();
  BOOST_TEST(run({"stage", "gdansk", "shadow", "--reason", "the network"}).code == 0);
  p.must("/orders/1000043/confirm-operation", "mes",
         R"({"confirmation":"C-5","operation":"0010","yield":"1","unit":"EA"})");
  p.eventually("it goes on in shadow",
               [&] { return p.get("/orders/1000043").at("/state/postings_open") == "0"; });
  BOOST_TEST(outside->taken().size() == sent);
}

BOOST_FIXTURE_TEST_CASE(every_rejected_line_is_named_and_a_corrected_file_goes_in, with_systems) {
  const auto file = plan("lodz");
  write("stock.csv",
        "CHARG;LGORT;INSMK;MENGE;MEINS\n"
        "HSG-0001;0001;F;1.100,000;ST\n"
        "HSG-0002;0001;F;4x;ST\n"
        "HSG-0002;0002;Z;2,000;ST\n"
        "GRS-0001;0001;F;12,500;GRAIN\n"
        "NOBODY;0001;F;1;ST\n"
        "HSG-0001;0003;F\n");
  auto done = run({"onboard", file});
  BOOST_TEST(done.code == 1);
  for (const auto* line :
       {"stock.csv:3: MENGE: \"4x\" is no decimal", "stock.csv:4: INSMK: ",
        "stock.csv:5: MEINS: \"GRAIN\" is in no table of units and no UN/ECE code",
        "stock.csv:6: CHARG: NOBODY is not among the lots taken",
        "stock.csv:7: 3 fields where the header has 5", "lots.csv:4: CHARG: "})
    BOOST_TEST(done.out.find(line) != std::string::npos, line << " in\n" << done.out);
  plant p("lodz");
  BOOST_TEST(p.get("/batches/HSG-0001").at("/state/stock/0/quantity") == "1100");
  done = run({"readiness", "lodz"});
  BOOST_TEST(done.out.find("missing: imports: 7 files") != std::string::npos, done.out);

  write("stock.csv",
        "CHARG;LGORT;INSMK;MENGE;MEINS\n"
        "HSG-0001;0001;F;1.100,000;ST\n"
        "HSG-0002;0001;F;40,000;ST\n"
        "GRS-0001;0001;F;12,500;KG\n");
  done = run({"onboard", file, "-o", "json"});
  BOOST_TEST(done.code == 0, done.out);
  BOOST_TEST(p.get("/batches/HSG-0001").at("/state/stock/0/quantity") == "1100");
  BOOST_TEST(p.get("/batches/HSG-0002").at("/state/holds/0/hold") == "200001");

  // A line that is another after its import: refused, not added.
  write("stock.csv",
        "CHARG;LGORT;INSMK;MENGE;MEINS\n"
        "HSG-0001;0001;F;1.000,000;ST\n"
        "HSG-0002;0001;F;40,000;ST\n"
        "GRS-0001;0001;F;12,500;KG\n");
  done = run({"onboard", file});
  BOOST_TEST(done.code == 1);
  BOOST_TEST(done.out.find("stock.csv:2: MENGE: batch.receipt_differs") != std::string::npos,
             done.out);
  BOOST_TEST(p.get("/batches/HSG-0001").at("/state/stock/0/quantity") == "1100");
}

BOOST_FIXTURE_TEST_CASE(a_plant_in_operation_is_not_put_into_shadow, with_systems) {
  plant p("radom");
  p.must("/commission", "ops", R"({"region":"eu","time_zone":"Europe/Warsaw"})");
  const auto done = run({"onboard", plan("radom")});
  BOOST_TEST(done.code == 1);
  BOOST_TEST(done.out.find("onboarding.plant_not_new") != std::string::npos, done.out);
}

BOOST_FIXTURE_TEST_CASE(a_file_with_an_unknown_key_is_refused_with_its_place, with_systems) {
  const auto file = plan("torun");
  write("torun.toml", "plnt = \"x\"\n" + read("torun.toml"));
  const auto done = run({"onboard", file});
  BOOST_TEST(done.code == 2);
  BOOST_TEST(done.out.find("/plnt: unknown key") != std::string::npos, done.out);
}
