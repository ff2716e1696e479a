// `millrace bench commands`: the load generator at the command line.
#pragma once

namespace CLI {
class App;
}

namespace millrace::cli {

/// Adds the subcommand; its exit code (0 only when every answer was right) goes to `exit_code`.
void add_bench_command(CLI::App& app, int& exit_code);

}  // namespace millrace::cli
