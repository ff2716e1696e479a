// The mappings that make the platform speak the simulators' dialects, built into the program.
// The same files stand in config/mappings as examples.
#pragma once

#include <string_view>

namespace millrace::simulator {

/// Text of config/mappings/<name>_simulator.json ("erp", "mes", "qms", ...); empty for anything
/// else.
[[nodiscard]] std::string_view built_in_mapping(std::string_view name);

}  // namespace millrace::simulator
