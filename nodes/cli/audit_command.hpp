// `millrace audit export` and `millrace audit verify`: a plant's history as a signed file.
#pragma once

namespace CLI {
class App;
}

namespace millrace::cli {

/// Adds the subcommands; exit codes: 0 fine, 1 the file is not what it should be, 2 options or key,
/// 3 node or file.
void add_audit_command(CLI::App& app, int& exit_code);

}  // namespace millrace::cli
