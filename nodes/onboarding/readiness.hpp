// What has to be right before a plant's next stage, looked at through the API of a running node and
// recorded with the plant's onboarding, which decides by it.
#pragma once

#include <string>
#include <vector>

#include "nodes/onboarding/importer.hpp"

namespace millrace::onboarding_file {

struct check_result {
  std::string check;
  bool passed = false;
  std::string detail;
  [[nodiscard]] json_value to_json() const;
};

/// Looks at all but the stock, which `compare_stock` does, and records it; the onboarding's state
/// then. Errors: those of node_client.
[[nodiscard]] result<json_value> look(node_client& node, const std::string& plant);

struct stock_difference {
  std::string batch, location, type, theirs, ours;
};

/// Compares the plan's stock with what the plant has here, line by line, and records the check.
[[nodiscard]] result<std::vector<stock_difference>> compare_stock(
    node_client& node, const plan& p, const std::vector<stock_line>& theirs);

}  // namespace millrace::onboarding_file
