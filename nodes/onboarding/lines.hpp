// Turns the lines of an onboarding's files into commands, and says of each line that makes none
// why. Pure: the same files give the same commands under the same idempotency keys.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "nodes/json/json_value.hpp"
#include "nodes/onboarding/csv.hpp"
#include "nodes/onboarding/plan.hpp"

namespace millrace::onboarding_file {

/// A line of a file: where a value comes from.
struct origin {
  std::size_t file = 0;  // in plan::files
  std::size_t line = 0;
  bool operator==(const origin&) const = default;
};

/// What is sent only when all of the phase before has been decided.
enum class phase { materials, lots, holds, orders, releases, facts, late_holds };

/// A command that one line makes, or several together (a material with its routing).
struct line_command {
  phase when = phase::materials;
  std::string address, command;
  json_value body;
  std::string key;            // idempotency key: of the plant, the address and the body
  std::vector<origin> lines;  // that are taken or not with it; the first is its own
  /// "/routing/2" -> the line that says it; for the place of a refusal.
  std::vector<std::pair<std::string, origin>> parts;
  std::string column;  // theirs, of a refusal that points nowhere; empty = the whole line
};

/// A line that was not taken.
struct rejection {
  origin at;
  std::string column;  // theirs; empty = the whole line
  std::string reason;
};

struct import_plan {
  std::vector<line_command> commands;  // in the order in which they are sent
  std::vector<rejection> rejected;
  std::vector<std::size_t> lines;  // of each file
};

/// A line of a stock file, as it reads here.
struct stock_line {
  origin at;
  std::string batch, location, type, quantity, unit;
};

/// `tables` are those of `p.files`, in that order.
[[nodiscard]] import_plan commands_of(const plan& p, const std::vector<csv_table>& tables);
/// The stock that the files say there is; lines that cannot be read are in `rejected`.
[[nodiscard]] std::vector<stock_line> stock_of(const plan& p, const std::vector<csv_table>& tables,
                                               std::vector<rejection>& rejected);
/// What a later run must find again: the same content of the same line is the same command.
[[nodiscard]] std::string digest_of(const plan& p, const line_command& c);
/// Their name of the column that a field of a content is read from ("quantity" of "stock").
[[nodiscard]] std::string column_of(const data_file& file, std::string_view field);

}  // namespace millrace::onboarding_file
