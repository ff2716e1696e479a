// Parts of the configuration's reading that have files of their own: secrets, and the cluster.
#pragma once

#include <string>
#include <vector>

#include "nodes/config.hpp"
#include "nodes/config_reader.hpp"

namespace millrace {

/// A file name as the configuration gives it, seen from the configuration's directory.
[[nodiscard]] std::string rooted(const std::string& directory, const std::string& file);
/// Lines of a secret file without comments (#). Error: config.invalid (absent, empty, or others may
/// read it).
[[nodiscard]] result<std::vector<std::string>> read_secret(const std::string& file);

void read_cluster(table_reader& r, node_config& c, const std::string& directory);
/// What must hold of the section as a whole.
[[nodiscard]] result<void> check_cluster(const node_config& c);

}  // namespace millrace
