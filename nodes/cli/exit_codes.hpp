// Exit codes of the millrace program, the same for every subcommand; documented in nodes/README.md.
#pragma once

namespace millrace::cli {

inline constexpr int exit_fine = 0;
inline constexpr int exit_failed =
    1;  // it ran and the answer is no: damage found, expectation not met
inline constexpr int exit_usage = 2;        // options or configuration are wrong
inline constexpr int exit_unavailable = 3;  // a port, a directory or a peer cannot be used

}  // namespace millrace::cli
