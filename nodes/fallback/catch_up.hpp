// What was written on paper, or kept by a MES, while the platform was away: lines of a CSV file as
// the facts that they are, each under its own report id and with its own time.
#pragma once

#include "nodes/onboarding/lines.hpp"

namespace millrace::fallback {

/// A plan of one file with these facts: how its columns are called is fixed.
[[nodiscard]] onboarding_file::plan catch_up_plan(const std::string& plant,
                                                  const std::string& file);

/// One command a line: what was held comes first, then everything in the order of the file, then
/// holds of what the file itself produced. Pure: the same line is the same command under the same
/// key, so a second run changes nothing.
[[nodiscard]] onboarding_file::import_plan facts_of(const onboarding_file::plan& p,
                                                    const onboarding_file::csv_table& table);

}  // namespace millrace::fallback
