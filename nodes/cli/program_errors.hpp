// Error codes of the program itself, beside the platform's (schemas/errors.hpp): said on standard
// error, never over HTTP, each with the exit code that it ends the program with.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "nodes/cli/exit_codes.hpp"

namespace millrace::cli {

struct program_error {
  std::uint16_t number;  // stable for ever; never reused, also not by the platform's codes
  std::string_view code;
  int exit_code;
  std::string_view title;
};

inline constexpr std::array program_errors{
    program_error{700, "audit.key", exit_usage, "The key cannot be used"},
    program_error{701, "audit.invalid", exit_failed, "The audit file is not valid"},
    program_error{702, "csv.invalid", exit_usage, "A line is not as its header says"},
    program_error{703, "file.unreadable", exit_usage, "The file cannot be read"},
    program_error{704, "file.too_large", exit_usage, "The file is larger than the limit"},
    program_error{705, "client.timeout", exit_unavailable, "The answer took too long"},
    program_error{706, "client.connection", exit_unavailable, "The connection failed"},
    program_error{707, "scenario.invalid", exit_usage, "A line of the story is not understood"},
    program_error{708, "demo.not_started", exit_unavailable, "A process of the demo did not start"},
    program_error{709, "process.failed", exit_unavailable, "No process or port could be made"},
    program_error{710, "onboarding.invalid", exit_usage, "The plant's description is not valid"},
    program_error{711, "onboarding.too_much", exit_failed, "The plant is too large to look at"},
    program_error{712, "simulator.no_platform", exit_unavailable, "No platform to report to"},
};

/// How the program ends on that error; a code of the platform is an answer that says no.
[[nodiscard]] constexpr int exit_code_of(std::string_view code) {
  for (const auto& e : program_errors)
    if (e.code == code) return e.exit_code;
  return exit_failed;
}

}  // namespace millrace::cli
