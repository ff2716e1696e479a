// Checks of text that comes from outside: UTF-8, ids of actors, unit codes.
// Ids are compared byte by byte for ever, so one name must have one spelling (NFC) from the start.
#pragma once

#include <span>
#include <string_view>

namespace millrace {

/// True when `text` is well-formed UTF-8 (no surrogates, no overlong forms).
[[nodiscard]] bool is_utf8(std::string_view text);

/// True when `text` is 1-80 bytes of NFC UTF-8 without control characters.
[[nodiscard]] bool is_actor_id(std::string_view text);

/// True when `code` is one of the unit codes of UN/ECE Recommendation 20 or 21 that the platform
/// knows. Case-sensitive.
[[nodiscard]] bool is_unit_code(std::string_view code);

/// All known unit codes, sorted.
[[nodiscard]] std::span<const std::string_view> unit_codes();

}  // namespace millrace
