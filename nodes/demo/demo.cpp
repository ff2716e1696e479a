// Runs the demo from start to end and leaves no process behind.
#include "nodes/demo/demo.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iterator>

#include "nodes/cli/exit_codes.hpp"
#include "nodes/demo/scenario_player.hpp"

namespace millrace::demo {
namespace {

constexpr int exit_interrupted = 130;

sigset_t stop_signals() {
  sigset_t out;
  sigemptyset(&out);
  sigaddset(&out, SIGINT);
  sigaddset(&out, SIGTERM);
  return out;
}

void print_urls(timeline& t, const world& w, const scenario& told) {
  t.chapter("Everything stays up. Ctrl-C ends it.");
  t.note("  platform   " + w.node_url() + "   (Authorization: Bearer dev-ops)");
  t.note("             " + w.node_url() + "/v1/orders    " + w.node_url() + "/v1/batches");
  t.note("             " + w.node_url() + "/v1/events?plant=hamburg&after=0    " + w.node_url() +
         "/metrics    " + w.node_url() + "/openapi.json");
  for (const auto& url : w.node_urls())
    if (url != w.node_url()) t.note("             " + url + "   another node of the cluster");
  for (const auto& s : told.systems) {
    auto name = s.name;
    name.resize(std::max<std::size_t>(name.size() + 1, 11), ' ');
    t.note("  " + name + w.simulator_url(s.name) + "/state    faults: POST " +
           w.simulator_url(s.name) + "/faults {\"down\":true}");
  }
  t.note("  logs       " + w.directory());
  t.note("  try        curl -H 'Authorization: Bearer dev-ops' '" + w.node_url() + "/v1/batches'");
}

// Ends with the signal, or with the node.
void wait_for_end(world& w, timeline& t) {
  const auto signals = stop_signals();
  const timespec pause{0, 200'000'000};
  while (sigtimedwait(&signals, nullptr, &pause) < 0)
    if (!w.node_runs()) return t.note("The node has ended:\n" + w.log_end("node"));
}

/// A built-in scenario by its name, else a file's. Error: scenario.invalid.
result<scenario> read_scenario(const std::string& name) {
  for (const auto& known : built_in_scenarios())
    if (known.name == name) return parse_scenario(known.text);
  std::ifstream in(name, std::ios::binary);
  if (!in) return error{"scenario.invalid", "no scenario '" + name + "' (see demo --list)"};
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  return parse_scenario(text);
}

}  // namespace

void print_scenarios() {
  for (const auto& known : built_in_scenarios()) {
    const auto told = parse_scenario(known.text);
    std::printf("%-24.*s %s\n", static_cast<int>(known.name.size()), known.name.data(),
                told ? told->title.c_str() : told.error().detail.c_str());
  }
}

int run(const options& o) {
  const auto told = read_scenario(o.scenario);
  if (!told) {
    std::fprintf(stderr, "demo: %s\n", told.error().detail.c_str());
    return cli::exit_usage;
  }
  // Blocked from here on, before any thread: the story asks whether one waits, so that nothing is
  // left behind.
  const auto signals = stop_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  timeline t(o.json ? stderr : stdout);
  t.title("Millrace: " + told->title);
  if (!told->about.empty()) t.note(told->about);
  auto opened = world::open({"/proc/self/exe", o.seed, told->systems, o.nodes});
  if (!opened) {
    std::fprintf(stderr, "demo: %s\n", opened.error().detail.c_str());
    return cli::exit_unavailable;
  }
  auto& w = **opened;
  t.step("demo", "node and simulators run in processes of their own, data in " + w.directory());
  if (o.keep) w.keep_directory();
  const bool held = play(*told, w, t);
  if (interrupted()) {
    t.note("\nInterrupted.");
    return exit_interrupted;
  }
  if (!held) {
    t.note("\nThe end of the node's log:\n" + w.log_end("node"));
  } else if (!o.once) {
    t.summary();
    if (o.json) std::printf("%s\n", t.json().c_str());
    std::fflush(stdout);
    print_urls(t, w, *told);
    wait_for_end(w, t);
    return w.stop_node() == 0 ? cli::exit_fine : cli::exit_failed;
  }
  if (held) {
    t.chapter("The end");
    const int code = w.stop_node();
    t.expectation("the node stops cleanly on SIGTERM", code == 0,
                  "exit code " + std::to_string(code));
    for (const auto& data : w.data()) {
      const int verified = w.run({"journal", "verify", "--data", data});
      t.expectation("the journal's hash chain is intact", verified == 0,
                    "exit code " + std::to_string(verified));
    }
  }
  t.summary();
  if (o.json) std::printf("%s\n", t.json().c_str());
  return t.failed() == 0 ? cli::exit_fine : cli::exit_failed;
}

}  // namespace millrace::demo
