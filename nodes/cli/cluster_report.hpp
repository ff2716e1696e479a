// What /v1/cluster says, for people: a table, and what is not well. Pure.
#pragma once

#include <string>
#include <vector>

#include "nodes/json/json_value.hpp"

namespace millrace::cli {

/// Nodes, then plants, in columns.
[[nodiscard]] std::string cluster_table(const json_value& cluster);
/// One line per finding; none when all is well.
[[nodiscard]] std::vector<std::string> cluster_findings(const json_value& cluster);

}  // namespace millrace::cli
