// `millrace demo`: shows the whole loop on this machine.
#pragma once

namespace CLI {
class App;
}

namespace millrace::cli {

/// Adds the subcommand; its exit code goes to `exit_code`: 0 every expectation held, 1 one did not,
/// 3 could not start.
void add_demo_command(CLI::App& app, int& exit_code);

}  // namespace millrace::cli
