// Options of `millrace demo`.
#include "nodes/cli/demo_command.hpp"

#include <memory>

#include <CLI/CLI.hpp>

#include "nodes/demo/demo.hpp"

namespace millrace::cli {

void add_demo_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<demo::options>();
  auto* command = app.add_subcommand(
      "demo", "Play a scenario: nodes and simulated systems as processes, over real HTTP");
  command->add_flag("--once", options->once,
                    "end after the story; exit 0 only if every expectation held");
  command->add_flag("--json", options->json,
                    "print one line of figures on stdout (the story goes to stderr)");
  command->add_flag("--keep", options->keep,
                    "leave the data and the logs in the temporary directory");
  command->add_option("--seed", options->seed, "seed of the simulators")->capture_default_str();
  command
      ->add_option("--scenario", options->scenario,
                   "a scenario by its name (see --list), or a file (tests/scenarios/README.md)")
      ->capture_default_str();
  command
      ->add_option("--nodes", options->nodes,
                   "how many nodes; of several, the leader is killed in mid-story")
      ->check(CLI::Range(1, 9))
      ->capture_default_str();
  auto list = std::make_shared<bool>(false);
  command->add_flag("--list", *list, "print the names of the scenarios");
  command->callback([options, list, &exit_code] {
    if (*list)
      demo::print_scenarios();
    else
      exit_code = demo::run(*options);
  });
}

}  // namespace millrace::cli
