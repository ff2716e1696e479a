// layer: nodes; starts the program
// `millrace demo --once --json` as a whole: every expectation of the story holds, the figures are
// there, nothing is left behind.
#define BOOST_TEST_MODULE demo
#include <boost/test/unit_test.hpp>

#include <sys/stat.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "nodes/demo/process.hpp"
#include "nodes/demo/world.hpp"
#include "nodes/json/json_value.hpp"

using namespace millrace;

namespace {

/// A directory of its own for temporary files, so that what the demo leaves there can be seen.
struct scratch {
  scratch() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "millrace-demo-test-XXXXXX").string();
    BOOST_REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
    ::setenv("TMPDIR", path.c_str(), 1);
  }
  ~scratch() {
    ::unsetenv("TMPDIR");
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream in(path + '/' + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  std::string path;
};

/// Processes that were started with this directory for temporary files: the demo and everything
/// below it.
std::size_t processes_of(const std::string& directory) {
  std::size_t out = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    std::ifstream in(entry.path() / "environ", std::ios::binary);
    const std::string environment((std::istreambuf_iterator<char>(in)),
                                  std::istreambuf_iterator<char>());
    if (environment.find("TMPDIR=" + directory) != std::string::npos) ++out;
  }
  return out;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(what_does_not_start_is_said_with_its_reason, scratch) {
  const auto open = demo::world::open({"/bin/false", 1, {}, 1});
  BOOST_REQUIRE(!open);
  BOOST_TEST(open.error().code == "demo.not_started");
  BOOST_TEST(open.error().detail.find("has ended") != std::string::npos);
  BOOST_TEST(std::filesystem::is_empty(path));
  const auto made = process::start("/bin/true", {}, path + "/no/such/place.log");
  BOOST_REQUIRE(!made);
  BOOST_TEST(made.error().code == "process.failed");
}

BOOST_FIXTURE_TEST_CASE(the_story_holds_and_leaves_nothing_behind, scratch) {
  auto demo = process::start(MILLRACE_PROGRAM, {"demo", "--once", "--json"}, path + "/out.log");
  BOOST_REQUIRE(demo);
  const auto code = demo->wait(std::chrono::seconds(120));
  const auto log = read("out.log");
  BOOST_REQUIRE_MESSAGE(code && *code == 0, log);
  const auto last = log.substr(log.rfind('\n', log.size() - 2) + 1);
  const auto figures = json_value::parse(last);
  BOOST_REQUIRE_MESSAGE(figures, last);
  BOOST_TEST(figures->find("ok")->truth());
  BOOST_TEST(figures->find("failed")->integer(-1) == 0);
  BOOST_TEST(figures->find("expectations")->integer() >= 30);
  for (const auto* key : {"release_ms", "confirmation_ms", "hold_contained_ms", "hold_enforced_ms",
                          "restart_ms", "drain_ms", "gap_ms"})
    BOOST_TEST(figures->has(key), key);
  BOOST_TEST(log.find('\x1b') == std::string::npos);  // no colours in a file
  BOOST_TEST(processes_of(path) == 0u);
  std::size_t left = 0;
  for (const auto& entry : std::filesystem::directory_iterator(path))
    left += entry.path().filename() != "out.log";
  BOOST_TEST(left == 0u);
}

BOOST_FIXTURE_TEST_CASE(a_killed_demo_takes_its_children_with_it, scratch) {
  auto demo = process::start(MILLRACE_PROGRAM, {"demo"}, path + "/out.log");
  BOOST_REQUIRE(demo);
  constexpr std::size_t all = 7;  // the demo, three simulators, three nodes
  bool started = false;
  while (!started && !demo->wait(std::chrono::milliseconds(1))) started = processes_of(path) >= all;
  BOOST_REQUIRE_MESSAGE(started, read("out.log"));
  demo->signal(SIGKILL);
  BOOST_REQUIRE(demo->wait(std::chrono::seconds(10)));
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (processes_of(path) > 0 && std::chrono::steady_clock::now() < end) {
  }
  BOOST_TEST(processes_of(path) == 0u);
}
