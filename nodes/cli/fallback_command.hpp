// `millrace plant fallback-list` and `millrace plant catch-up`: on paper while the platform is
// away, and back from it.
#pragma once

#include <CLI/CLI.hpp>

namespace millrace::cli {

/// Adds both to `plant`. Exit codes as the others of `plant`.
void add_fallback_commands(CLI::App& plant, int& exit_code);

}  // namespace millrace::cli
