// Single JSON values into slots: numbers from their exact text, and what a string stands for.
// Each `take` returns what is wrong with the value, or an empty string. Internal to schemas/.
#pragma once

#include <string>
#include <string_view>

#include "schemas/json_slot.hpp"

namespace millrace {

/// True for a number of RFC 8259.
[[nodiscard]] bool is_json_number(std::string_view text);
/// An integer or a real, from a valid number's text.
[[nodiscard]] std::string take_number(const field_plan& field, std::string_view token,
                                      json_slot& out);
/// A decimal; a JSON number may have an exponent, a string may not.
[[nodiscard]] std::string take_decimal(const field_plan& field, std::string_view text,
                                       bool is_number, json_slot& out);
/// Checks length, UTF-8, id and unit code.
[[nodiscard]] std::string check_text(const field_plan& field, std::string_view text);
[[nodiscard]] std::string take_time(std::string_view text, json_slot& out);
/// 32 hexadecimal digits.
[[nodiscard]] std::string take_hash(std::string_view text, json_slot& out);
/// An enum's value by its name.
[[nodiscard]] std::string take_enum(const field_plan& field, std::string_view text, json_slot& out);

}  // namespace millrace
