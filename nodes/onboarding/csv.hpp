// Reads the CSV files of old systems (RFC 4180, any separator), line by line: what is wrong with
// one line is said of that line, and the others count.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/result.hpp"

namespace millrace::onboarding_file {

/// One record. A quoted field may span lines; `number` is the line it begins at, from 1.
struct csv_line {
  std::size_t number = 0;
  std::vector<std::string> fields;
  std::string fault;  // why it cannot be read; empty = it can
};

struct csv_table {
  std::vector<std::string> columns;  // of the first line
  std::vector<csv_line> lines;       // empty lines left out
};

/// A byte order mark and carriage returns are passed over. Errors: csv.invalid (no header, a column
/// without a name or twice, more than `lines_max` lines).
[[nodiscard]] result<csv_table> read_csv(std::string_view text, char separator,
                                         std::size_t lines_max = 1'000'000);

}  // namespace millrace::onboarding_file
