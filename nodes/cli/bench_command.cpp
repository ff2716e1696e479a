// `millrace bench`: the load generator at the command line. `commands` is a closed loop, `holds` an
// open one with holds in between.

#include "nodes/cli/bench_command.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "nodes/load/load.hpp"

namespace millrace::cli {
namespace {

constexpr int exit_failed = 1;

void print(const load::options& o, const load::outcome& r, bool json) {
  const auto us = [&](double q) { return static_cast<double>(r.latency.quantile(q)) / 1e3; };
  if (json) {
    std::printf(
        "{\"via\":\"%s\",\"in_flight\":%u,\"actors\":%u,\"plants\":%u,\"payload\":%u,\"seconds\":%."
        "1f,"
        "\"answered\":%llu,\"rate\":%.0f,\"p50_us\":%.0f,\"p90_us\":%.0f,\"p99_us\":%.0f,\"p999_"
        "us\":%.0f,"
        "\"max_us\":%.0f,\"refused\":%llu,\"violations\":%llu}\n",
        o.native ? "native" : "http", o.in_flight, o.actors, o.plants, o.payload, r.seconds,
        static_cast<unsigned long long>(r.answered), r.rate(), us(0.5), us(0.9), us(0.99),
        us(0.999), us(1.0), static_cast<unsigned long long>(r.refused),
        static_cast<unsigned long long>(r.violations));
    return;
  }
  std::printf(
      "%-6s %u in flight, %u actors, %u plants, %u bytes: %.0f commands/s   p50 %s  p90 %s  p99 %s "
      " p99.9 %s  max %s\n",
      o.native ? "native" : "HTTP", o.in_flight, o.actors, o.plants, o.payload, r.rate(),
      load::format_ns(r.latency.quantile(0.5)).c_str(),
      load::format_ns(r.latency.quantile(0.9)).c_str(),
      load::format_ns(r.latency.quantile(0.99)).c_str(),
      load::format_ns(r.latency.quantile(0.999)).c_str(), load::format_ns(r.latency.max()).c_str());
}

void print(const load::options& o, const load::hold_options& h, const load::hold_outcome& r,
           bool json) {
  const auto us = [](const load::histogram& of, double q) {
    return static_cast<double>(of.quantile(q)) / 1e3;
  };
  if (json) {
    std::printf(
        "{\"rate_wanted\":%.0f,\"holds_per_s\":%.1f,\"actors\":%u,\"plants\":%u,\"seconds\":%.1f,"
        "\"rate\":%.0f,\"p50_us\":%.0f,\"p99_us\":%.0f,\"max_us\":%.0f,\"refused\":%llu,"
        "\"violations\":%llu,\"holds\":%llu,\"unacknowledged\":%llu,\"placed_p99_us\":%.0f",
        h.rate, h.holds_per_s, o.actors, o.plants, r.commands.seconds, r.commands.rate(),
        us(r.commands.latency, 0.5), us(r.commands.latency, 0.99), us(r.commands.latency, 1.0),
        static_cast<unsigned long long>(r.commands.refused),
        static_cast<unsigned long long>(r.commands.violations),
        static_cast<unsigned long long>(r.all.count()),
        static_cast<unsigned long long>(r.unacknowledged), us(r.placed, 0.99));
    for (std::size_t i = 0; i < r.systems.size(); ++i)
      std::printf(",\"%s_p99_us\":%.0f", load::hold_systems[i].data(), us(r.systems[i], 0.99));
    if (r.bursts.count() > 0)
      std::printf(
          ",\"burst\":%u,\"bursts\":%llu,\"burst_p50_us\":%.0f,\"burst_max_us\":%.0f,"
          "\"placed_p50_us\":%.0f,\"burst_holds\":%llu,\"burst_placed_p50_us\":%.0f,"
          "\"burst_placed_p99_us\":%.0f,\"burst_all_p50_us\":%.0f,\"burst_all_p99_us\":%.0f",
          h.burst, static_cast<unsigned long long>(r.bursts.count()), us(r.bursts, 0.5),
          us(r.bursts, 1.0), us(r.placed, 0.5),
          static_cast<unsigned long long>(r.placed_in_burst.count()), us(r.placed_in_burst, 0.5),
          us(r.placed_in_burst, 0.99), us(r.all_in_burst, 0.5), us(r.all_in_burst, 0.99));
    std::printf(
        ",\"all_p50_us\":%.0f,\"all_p90_us\":%.0f,\"all_p99_us\":%.0f,\"all_max_us\":%.0f}\n",
        us(r.all, 0.5), us(r.all, 0.9), us(r.all, 0.99), us(r.all, 1.0));
    return;
  }
  const auto text = [](const load::histogram& of, double q) {
    return load::format_ns(of.quantile(q));
  };
  std::printf("commands: %.0f/s of %.0f   p50 %s  p99 %s  max %s\n", r.commands.rate(), h.rate,
              text(r.commands.latency, 0.5).c_str(), text(r.commands.latency, 0.99).c_str(),
              text(r.commands.latency, 1.0).c_str());
  const auto row = [&](const char* name, const load::histogram& of) {
    std::printf("%-22s p50 %s  p90 %s  p99 %s  max %s\n", name, text(of, 0.5).c_str(),
                text(of, 0.9).c_str(), text(of, 0.99).c_str(), text(of, 1.0).c_str());
  };
  std::printf("%llu holds\n", static_cast<unsigned long long>(r.all.count()));
  row("hold -> placed", r.placed);
  for (std::size_t i = 0; i < r.systems.size(); ++i)
    row(("hold -> " + std::string(load::hold_systems[i])).c_str(), r.systems[i]);
  row("hold -> all three", r.all);
  if (r.bursts.count() == 0) return;
  std::printf(
      "%llu bursts of %u commands, answered after %s (the longest %s); %llu holds in them\n",
      static_cast<unsigned long long>(r.bursts.count()), h.burst, text(r.bursts, 0.5).c_str(),
      text(r.bursts, 1.0).c_str(), static_cast<unsigned long long>(r.placed_in_burst.count()));
  row("in a burst: placed", r.placed_in_burst);
  row("in a burst: all three", r.all_in_burst);
}

int fail(const error& why) {
  std::fprintf(stderr, "bench: %s\n", why.detail.c_str());
  return exit_failed;
}

/// What the run says of itself: 0 when every answer was as it has to be.
int judge(const load::outcome& r, std::uint64_t unacknowledged = 0) {
  if (r.refused + r.violations + unacknowledged == 0 && r.answered > 0) return 0;
  std::fprintf(stderr, "bench: %llu refused, %llu violations, %llu unacknowledged; first: %s\n",
               static_cast<unsigned long long>(r.refused),
               static_cast<unsigned long long>(r.violations),
               static_cast<unsigned long long>(unacknowledged), r.first_failure.c_str());
  return exit_failed;
}

int run(const load::options& o, bool json) {
  if (o.native && o.client.empty())
    return fail({"request.malformed", "--via native needs --client tcp://HOST:PORT"});
  const load::workload work(o);
  if (o.prepare)
    if (auto ready = load::prepare(work); !ready) return fail(ready.error());
  const auto done = o.native ? load::run_native(work) : load::run_http(work);
  if (!done) return fail(done.error());
  print(o, *done, json);
  return judge(*done);
}

int run(const load::options& o, const load::hold_options& h, bool json) {
  const load::workload work(o);
  if (o.prepare)
    if (auto ready = load::prepare(work); !ready) return fail(ready.error());
  const auto done = load::run_holds(work, h);
  if (!done) return fail(done.error());
  print(o, h, *done, json);
  return judge(done->commands, done->unacknowledged);
}

/// What all measurements have.
struct flags {
  load::options load;
  load::hold_options holds;
  std::string via = "native";
  bool json = false, prepared = false;
};

void add_common(CLI::App& to, flags& f) {
  auto& o = f.load;
  to.add_option("--http", o.http, "HOST:PORT of the node's HTTP API")->capture_default_str();
  to.add_option("--actors", o.actors, "orders")
      ->check(CLI::Range(1, 10'000'000))
      ->capture_default_str();
  to.add_option("--plants", o.plants, "plants")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  to.add_option("--payload", o.payload, "bytes of a command")
      ->check(CLI::Range(1, 1100))
      ->capture_default_str();
  to.add_option("--seconds", o.seconds, "measured time")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  to.add_option("--warm-up", o.warm_up, "seconds before the measurement")->capture_default_str();
  to.add_option("--token-prefix", o.token_prefix, "tokens are PREFIX + system")
      ->capture_default_str();
  to.add_flag("--prepared", f.prepared, "plants and orders exist already");
  to.add_flag("--json", f.json, "one line of JSON");
}

void add_commands(CLI::App& bench, const std::shared_ptr<flags>& f, int& exit_code) {
  auto* to = bench.add_subcommand(
      "commands", "Closed loop of confirm-operation commands; every answer is checked");
  add_common(*to, *f);
  to->add_option("--client", f->load.client, "tcp://HOST:PORT of the node's client port");
  to->add_option("--via", f->via, "native or http")
      ->check(CLI::IsMember({"native", "http"}))
      ->capture_default_str();
  to->add_option("--in-flight", f->load.in_flight, "commands in flight")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  to->add_option("--connections", f->load.connections, "HTTP connections")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  to->callback([f, &exit_code] {
    f->load.native = f->via == "native";
    f->load.prepare = !f->prepared;
    exit_code = run(f->load, f->json);
  });
}

void add_holds(CLI::App& bench, const std::shared_ptr<flags>& f, int& exit_code) {
  auto* to = bench.add_subcommand(
      "holds",
      "Open loop of confirm-operation commands while holds are placed, until ERP, MES and QMS "
      "(bound at the node) have acknowledged them");
  add_common(*to, *f);
  to->add_option("--client", f->load.client, "tcp://HOST:PORT of the node's client port")
      ->required();
  to->add_option("--rate", f->holds.rate, "commands a second")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  to->add_option("--holds", f->holds.holds_per_s, "holds a second")
      ->check(CLI::Range(0.1, 1000.0))
      ->capture_default_str();
  to->add_option("--burst", f->holds.burst, "instead of the rate, so many commands at once")
      ->check(CLI::Range(0, 60'000));
  to->add_option("--burst-every", f->holds.burst_every_s, "seconds from burst to burst")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  to->callback([f, &exit_code] {
    f->load.prepare = !f->prepared;
    exit_code = run(f->load, f->holds, f->json);
  });
}

}  // namespace

void add_bench_command(CLI::App& app, int& exit_code) {
  auto* bench = app.add_subcommand("bench", "Measure a running node");
  bench->require_subcommand(1);
  add_commands(*bench, std::make_shared<flags>(), exit_code);
  add_holds(*bench, std::make_shared<flags>(), exit_code);
}

}  // namespace millrace::cli
