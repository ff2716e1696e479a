// `millrace node`: runs one node until SIGTERM or SIGINT.
#pragma once

namespace CLI {
class App;
}

namespace millrace::cli {

/// Adds the subcommand; its exit code goes to `exit_code`: 0 after a clean stop, 2 configuration, 3
/// port or directory.
void add_node_command(CLI::App& app, int& exit_code);

}  // namespace millrace::cli
