// The deterministic simulation of one node: many seeds, each a run with its own mix of faults, then healing, then the checks.
// Usage: simulation [--seeds N] [--first S] [--seed S [--trace]]; a failing seed prints what it found and how to replay it.

#include <CLI/CLI.hpp>
#include <cstdio>

#include "actors/registry.hpp"
#include "tests/simulation/checks.hpp"
#include "tests/simulation/clients.hpp"

namespace millrace::simulation {
namespace {

constexpr std::int64_t faults_us = 6'000'000;
constexpr std::int64_t rest_us_max = 180'000'000;
constexpr std::int64_t second_us = 1'000'000;

struct totals {
  std::uint64_t operations = 0;
  std::uint64_t boots = 0;
  std::uint64_t steps = 0;
  std::uint64_t effects = 0;
};

void come_to_rest(world& w, node& n, clients& c, findings& found) {
  const auto until = w.us() + rest_us_max;
  while (w.us() < until) {
    w.run_until(w.us() + second_us);
    if (n.up() && c.quiet() && n.unrest() == 0) return;
    n.retry_dead();
  }
  found.add("I9: not at rest " + std::to_string(rest_us_max / second_us) + " s after the faults ended: " +
            (c.quiet() ? "" : "clients wait for answers: " + c.waiting()) + std::to_string(n.unrest()) + " items open");
}

findings run(std::uint64_t seed, const kind_registry& kinds, bool trace, totals& sum) {
  world w(seed);
  if (trace) w.trace();
  const auto faults = swarm::draw(w);
  findings found;
  outer_systems outside(w, faults, found);
  node n(w, faults, found, outside, kinds);
  clients c(w, faults, found, n);
  n.boot();
  c.start();
  w.run_until(faults_us);
  n.heal();
  outside.heal();
  w.run_until(w.us() + second_us);
  c.stop();
  come_to_rest(w, n, c, found);
  if (n.up() && c.quiet()) {
    c.replay_some();
    w.run_until(w.us() + second_us);
    n.checkpoint();
    w.run_until(w.us() + 2 * second_us);
    check_everything(n, c, outside, kinds, found);
  }
  sum.operations += c.operations().size();
  sum.boots += n.boots();
  sum.steps += w.steps();
  sum.effects += outside.effects();
  return found;
}

}  // namespace
}  // namespace millrace::simulation

int main(int argc, char** argv) {
  using namespace millrace;
  CLI::App app("Deterministic simulation of one node");
  std::uint64_t seeds = 200;
  std::uint64_t first = 1;
  std::uint64_t only = 0;
  app.add_option("--seeds", seeds, "how many")->capture_default_str();
  app.add_option("--first", first, "the first of them")->capture_default_str();
  app.add_option("--seed", only, "run just this one");
  bool trace = false;
  app.add_flag("--trace", trace, "print what happens");
  CLI11_PARSE(app, argc, argv);
  if (only != 0) {
    first = only;
    seeds = 1;
  }
  kind_registry kinds;
  actors::register_kinds(kinds);
  simulation::totals sum;
  std::uint64_t failed = 0;
  for (auto seed = first; seed < first + seeds; ++seed) {
    const auto found = simulation::run(seed, kinds, trace, sum);
    if (found.none()) continue;
    ++failed;
    std::printf("seed %llu failed; replay: ./mill sim --seed %llu\n", static_cast<unsigned long long>(seed),
                static_cast<unsigned long long>(seed));
    for (const auto& what : found.all()) std::printf("  %s\n", what.c_str());
  }
  std::printf("%llu seeds: %llu commands, %llu boots, %llu deliveries, %llu events; %llu failed\n",
              static_cast<unsigned long long>(seeds), static_cast<unsigned long long>(sum.operations),
              static_cast<unsigned long long>(sum.boots), static_cast<unsigned long long>(sum.effects),
              static_cast<unsigned long long>(sum.steps), static_cast<unsigned long long>(failed));
  return failed == 0 ? 0 : 1;
}
