// Logging of the program: spdlog to stderr, as text for people or one JSON object a line for
// machines.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace spdlog {
class logger;
}

namespace millrace {

/// Sets the program's default logger. `level`: trace, debug, info, warn, error; `format`: text,
/// json.
std::shared_ptr<spdlog::logger> start_log(std::string_view level, std::string_view format);

}  // namespace millrace
