// Text checks for what comes in through paths, headers and envelopes, beside those of the schemas.
#pragma once

#include <string_view>

#include "schemas/text.hpp"

namespace millrace::gateway {

/// C0, DEL or C1 control characters in well-formed UTF-8.
[[nodiscard]] bool has_control_characters(std::string_view text);

}  // namespace millrace::gateway
