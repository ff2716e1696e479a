// The deterministic simulation of one node, or of several that hold each plant together: many
// seeds, each a run with its own mix of faults, then healing, then the checks. A failing seed
// prints what it found and how to replay it; with a mutant (a guard left out) seeds have to fail.

#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>

#include "actors/registry.hpp"
#include "tests/simulation/checks.hpp"
#include "tests/simulation/clients.hpp"
#include "tests/simulation/scrub.hpp"

namespace millrace::simulation {
namespace {

constexpr std::int64_t faults_us = 4'000'000;
constexpr std::int64_t rest_us_max = 180'000'000;
constexpr std::int64_t second_us = 1'000'000;

struct options {
  std::uint64_t first = 1;
  std::uint64_t seeds = 200;
  bool trace = false;
  mutant off = mutant::none;
  unsigned nodes = 1;
  bool quiet = false;  // says nothing: only the exit code counts
};

struct totals {
  std::uint64_t operations = 0;
  std::uint64_t boots = 0;
  std::uint64_t steps = 0;
  std::uint64_t effects = 0;
  std::uint64_t snapshots_made = 0, snapshots_installed = 0;
};

volatile std::sig_atomic_t running_seed = 0;

/// A check of the engine that does not hold aborts the program: say in which seed.
extern "C" void on_abort(int) {
  char text[] = "aborted in seed            \n";
  auto seed = static_cast<unsigned long>(running_seed);
  for (auto* at = text + sizeof text - 3; seed > 0; seed /= 10)
    *at-- = static_cast<char>('0' + seed % 10);
  static_cast<void>(!::write(STDERR_FILENO, text, sizeof text - 1));
}

void come_to_rest(world& w, fleet& n, clients& c, findings& found) {
  const auto until = w.us() + rest_us_max;
  while (w.us() < until) {
    w.run_until(w.us() + second_us);
    if (n.up() && c.quiet() && n.unrest() == 0) return;
    n.retry_dead();
  }
  found.add("I9: not at rest " + std::to_string(rest_us_max / second_us) +
            " s after the faults ended: " +
            (c.quiet() ? "" : "clients wait for answers: " + c.waiting()) + n.restless());
}

findings run(std::uint64_t seed, const kind_registry& kinds, const options& o, totals& sum) {
  world w(seed);
  if (o.trace) w.trace();
  auto faults = swarm::draw(w, o.nodes);
  leave_out(faults, o.off);
  findings found;
  outer_systems outside(w, faults, found);
  fleet n(w, faults, found, outside, kinds);
  clients c(w, faults, found, n);
  n.boot();
  c.start();
  w.run_until(o.nodes > 1 ? 2 * faults_us : faults_us);
  n.heal();
  outside.heal();
  w.run_until(w.us() + second_us);
  c.stop();
  come_to_rest(w, n, c, found);
  if (n.up() && c.quiet()) {
    c.retry_exceptions();
    w.run_until(w.us() + second_us);
    come_to_rest(w, n, c, found);
    c.replay_some();
    w.run_until(w.us() + second_us);
    n.checkpoint();
    w.run_until(w.us() + 2 * second_us);
    check_everything(n, c, outside, kinds, found);
    if (found.none() && o.nodes == 1 && w.chance(0.3)) check_scrub(w, n.at(1), c, found);
  }
  sum.operations += c.operations().size();
  sum.boots += n.boots();
  sum.steps += w.steps();
  sum.effects += outside.effects();
  for (const auto* machine : n.nodes()) {
    sum.snapshots_made += machine->snapshots_made();
    sum.snapshots_installed += machine->snapshots_installed();
  }
  return found;
}

/// The number of seeds that failed; with a mutant it ends with the first.
std::uint64_t run_all(const kind_registry& kinds, const options& o) {
  totals sum;
  std::uint64_t failed = 0;
  auto seed = o.first;
  for (; seed < o.first + o.seeds && (o.off == mutant::none || failed == 0); ++seed) {
    running_seed = static_cast<std::sig_atomic_t>(seed);
    const auto found = run(seed, kinds, o, sum);
    if (found.none()) continue;
    ++failed;
    if (o.quiet) continue;
    std::printf("seed %llu failed; replay: ./mill sim --nodes %u --seed %llu\n",
                static_cast<unsigned long long>(seed), o.nodes,
                static_cast<unsigned long long>(seed));
    for (const auto& what : found.all()) std::printf("  %s\n", what.c_str());
    std::fflush(stdout);
  }
  if (!o.quiet && o.nodes > 1)
    std::printf("%llu snapshots made, %llu installed\n",
                static_cast<unsigned long long>(sum.snapshots_made),
                static_cast<unsigned long long>(sum.snapshots_installed));
  if (!o.quiet)
    std::printf(
        "%llu seeds: %llu commands, %llu boots, %llu deliveries, %llu events; %llu failed\n",
        static_cast<unsigned long long>(seed - o.first),
        static_cast<unsigned long long>(sum.operations), static_cast<unsigned long long>(sum.boots),
        static_cast<unsigned long long>(sum.effects), static_cast<unsigned long long>(sum.steps),
        static_cast<unsigned long long>(failed));
  return failed;
}

/// Each mutant in a process of its own, since a check of the engine may notice it first. False when
/// one is not caught.
bool catch_mutants(const kind_registry& kinds, options o) {
  bool all = true;
  o.quiet = true;
  for (const auto& m : mutants) {
    if (o.nodes > 1 ? !m.together : !m.alone) continue;
    std::fflush(stdout);
    const auto child = fork();
    if (child == 0) {
      o.off = m.what;
      std::signal(SIGABRT, SIG_DFL);
      std::freopen("/dev/null", "w", stderr);
      _exit(run_all(kinds, o) > 0 ? 1 : 0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    const bool caught = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    std::printf("%-24s %s\n", std::string(m.name).c_str(), caught ? "caught" : "NOT CAUGHT");
    std::fflush(stdout);
    all = all && caught;
  }
  return all;
}

}  // namespace
}  // namespace millrace::simulation

int main(int argc, char** argv) {
  using namespace millrace;
  using simulation::mutant;
  CLI::App app("Deterministic simulation of a cluster");
  simulation::options o;
  std::uint64_t only = 0;
  std::string without;
  bool gate = false;
  app.add_option("--seeds", o.seeds, "how many")->capture_default_str();
  app.add_option("--first", o.first, "the first of them")->capture_default_str();
  app.add_option("--seed", only, "run just this one");
  app.add_option("--nodes", o.nodes, "that hold each plant together")
      ->check(CLI::IsMember({1u, 3u, 5u}))
      ->capture_default_str();
  app.add_flag("--trace", o.trace, "print what happens");
  std::vector<std::string> names;
  for (const auto& m : simulation::mutants) names.emplace_back(m.name);
  app.add_option("--mutant", without, "leave this guard out: ends at the first seed that fails")
      ->check(CLI::IsMember(names));
  app.add_flag("--mutants", gate, "fail unless each mutant is caught within the seeds");
  CLI11_PARSE(app, argc, argv);
  if (only != 0) {
    o.first = only;
    o.seeds = 1;
  }
  for (const auto& m : simulation::mutants)
    if (m.name == without) o.off = m.what;
  kind_registry kinds;
  actors::register_kinds(kinds);
  if (gate) return simulation::catch_mutants(kinds, o) ? 0 : 1;
  std::signal(SIGABRT, simulation::on_abort);
  return simulation::run_all(kinds, o) == 0 ? 0 : 1;
}
