// `millrace bench commands`: the load generator at the command line.

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

int run(const load::options& o, bool json) {
  if (o.native && o.client.empty()) {
    std::fprintf(stderr, "bench: --via native needs --client tcp://HOST:PORT\n");
    return exit_failed;
  }
  const load::workload work(o);
  if (o.prepare) {
    if (auto ready = load::prepare(work); !ready) {
      std::fprintf(stderr, "bench: %s\n", ready.error().detail.c_str());
      return exit_failed;
    }
  }
  auto done = o.native ? load::run_native(work) : load::run_http(work);
  if (!done) {
    std::fprintf(stderr, "bench: %s\n", done.error().detail.c_str());
    return exit_failed;
  }
  print(o, *done, json);
  if (done->refused + done->violations == 0 && done->answered > 0) return 0;
  std::fprintf(stderr, "bench: %llu refused, %llu violations; first: %s\n",
               static_cast<unsigned long long>(done->refused),
               static_cast<unsigned long long>(done->violations), done->first_failure.c_str());
  return exit_failed;
}

}  // namespace

void add_bench_command(CLI::App& app, int& exit_code) {
  auto* bench = app.add_subcommand("bench", "Measure a running node");
  bench->require_subcommand(1);
  auto* commands = bench->add_subcommand(
      "commands", "Closed loop of confirm-operation commands; every answer is checked");
  auto o = std::make_shared<load::options>();
  auto via = std::make_shared<std::string>("native");
  auto json = std::make_shared<bool>(false);
  auto prepared = std::make_shared<bool>(false);
  commands->add_option("--http", o->http, "HOST:PORT of the node's HTTP API")
      ->capture_default_str();
  commands->add_option("--client", o->client, "tcp://HOST:PORT of the node's client port");
  commands->add_option("--via", *via, "native or http")
      ->check(CLI::IsMember({"native", "http"}))
      ->capture_default_str();
  commands->add_option("--in-flight", o->in_flight, "commands in flight")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  commands->add_option("--connections", o->connections, "HTTP connections")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  commands->add_option("--actors", o->actors, "orders")
      ->check(CLI::Range(1, 10'000'000))
      ->capture_default_str();
  commands->add_option("--plants", o->plants, "plants")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  commands->add_option("--payload", o->payload, "bytes of a command")
      ->check(CLI::Range(1, 1100))
      ->capture_default_str();
  commands->add_option("--seconds", o->seconds, "measured time")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  commands->add_option("--warm-up", o->warm_up, "seconds before the measurement")
      ->capture_default_str();
  commands->add_option("--token-prefix", o->token_prefix, "tokens are PREFIX + system")
      ->capture_default_str();
  commands->add_flag("--prepared", *prepared, "plants and orders exist already");
  commands->add_flag("--json", *json, "one line of JSON");
  commands->callback([o, via, json, prepared, &exit_code] {
    o->native = *via == "native";
    o->prepare = !*prepared;
    exit_code = run(*o, *json);
  });
}

}  // namespace millrace::cli
