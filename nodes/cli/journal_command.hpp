// `millrace journal verify --data DIR`: proves that a journal is what was written, or names where
// it is not.
#pragma once

namespace CLI {
class App;
}

namespace millrace::cli {

/// Adds the subcommand; its exit code goes to `exit_code`: 0 intact, 1 damaged, 3 cannot be read.
void add_journal_command(CLI::App& app, int& exit_code);

}  // namespace millrace::cli
