// Parses the options of a simulator, starts it, waits for SIGTERM or SIGINT.
#include "nodes/cli/simulator_command.hpp"

#include <csignal>
#include <cstdio>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "nodes/simulators/simulator_service.hpp"

namespace millrace::cli {
namespace {

constexpr int exit_usage = 2;

bool split_host_port(const std::string& text, std::string& host, std::uint16_t& port) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return false;
  const auto digits = text.substr(colon + 1);
  if (digits.empty() || digits.size() > 5 ||
      digits.find_first_not_of("0123456789") != std::string::npos)
    return false;
  const int number = std::stoi(digits);
  if (number > 65535) return false;
  host = text.substr(0, colon);
  port = static_cast<std::uint16_t>(number);
  return true;
}

int run(simulator::settings s, const std::string& http) {
  if (!split_host_port(http, s.host, s.port)) {
    std::fprintf(stderr, "simulator: --http wants HOST:PORT\n");
    return exit_usage;
  }
  // Blocked before any thread starts, so that only sigwait below sees them.
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGTERM);
  sigaddset(&stop_signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  const auto name = s.system;
  const auto host = s.host;
  auto running = simulator::service::start(std::move(s));
  if (!running) {
    std::fprintf(stderr, "simulator: %s\n", running.error().detail.c_str());
    return 1;
  }
  std::fprintf(stderr, "%s simulator: http://%s:%u  (GET /state, POST /faults)\n", name.c_str(),
               host.c_str(), static_cast<unsigned>((*running)->port()));
  int received = 0;
  sigwait(&stop_signals, &received);
  (*running)->stop();
  return 0;
}

}  // namespace

void add_simulator_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<simulator::settings>();
  auto http = std::make_shared<std::string>("127.0.0.1:0");
  auto* command =
      app.add_subcommand("simulator", "Run a simulated ERP, MES or QMS with fault switches");
  command->add_option("system", options->system, "erp, mes or qms")
      ->required()
      ->check(CLI::IsMember({"erp", "mes", "qms"}));
  command->add_option("--http", *http, "HOST:PORT to listen on; port 0 takes any free one")
      ->capture_default_str();
  command->add_option("--platform", options->platform, "URL of the platform that it reports to");
  command->add_option("--token", options->token,
                      "bearer token at the platform (default: the dev token of the system)");
  command->add_option("--plant", options->plant, "plant that it speaks for")->capture_default_str();
  command->add_option("--secret", options->secrets,
                      "whsec_... : refuse messages that are not signed by it; repeatable");
  command->add_flag("--auto", options->automatic, "mes: execute what is dispatched by itself");
  command->add_option("--seed", options->seed, "seed of the fault switch error_rate")
      ->capture_default_str();
  command->callback([options, http, &exit_code] { exit_code = run(*options, *http); });
}

}  // namespace millrace::cli
