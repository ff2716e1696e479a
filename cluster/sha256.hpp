// SHA-256 of a text: what records and tokens are known by.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace millrace {

using sha256_digest = std::array<std::uint8_t, 32>;

[[nodiscard]] sha256_digest sha256(std::string_view text);
/// 64 hexadecimal digits, lower case.
[[nodiscard]] std::string sha256_hex(std::string_view text);

}  // namespace millrace
