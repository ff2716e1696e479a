// `millrace version`: which program this is.
#pragma once

namespace CLI {
class App;
}

namespace millrace::cli {

inline constexpr const char* version = "0.1.0";

/// Adds the subcommand.
void add_version_command(CLI::App& app, int& exit_code);

}  // namespace millrace::cli
