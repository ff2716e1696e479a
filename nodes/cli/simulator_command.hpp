// `millrace simulator erp|mes|qms`: runs a simulated system until it is told to stop.
#pragma once

namespace CLI {
class App;
}

namespace millrace::cli {

/// Adds the subcommand; its exit code goes to `exit_code`.
void add_simulator_command(CLI::App& app, int& exit_code);

}  // namespace millrace::cli
