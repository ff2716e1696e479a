// `millrace version`.
// One line, so that scripts can read it.
#include "nodes/cli/version_command.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "nodes/cli/exit_codes.hpp"

namespace millrace::cli {

void add_version_command(CLI::App& app, int& exit_code) {
  app.set_version_flag("--version", version);
  app.add_subcommand("version", "Show the version")->callback([&exit_code] {
    std::printf("millrace %s\n", version);
    exit_code = exit_fine;
  });
}

}  // namespace millrace::cli
