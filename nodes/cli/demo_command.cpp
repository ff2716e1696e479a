// Options of `millrace demo`.
#include "nodes/cli/demo_command.hpp"

#include <memory>

#include <CLI/CLI.hpp>

#include "nodes/demo/demo.hpp"

namespace millrace::cli {

void add_demo_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<demo::options>();
  auto* command = app.add_subcommand(
      "demo", "Play a plant's day: release, execution, an outage, a crash, a hold, a shipment");
  command->add_flag("--once", options->once,
                    "end after the story; exit 0 only if every expectation held");
  command->add_flag("--json", options->json,
                    "print one line of figures on stdout (the story goes to stderr)");
  command->add_flag("--keep", options->keep,
                    "leave the data and the logs in the temporary directory");
  command->add_option("--seed", options->seed, "seed of the simulators")->capture_default_str();
  command->callback([options, &exit_code] { exit_code = demo::run(*options); });
}

}  // namespace millrace::cli
