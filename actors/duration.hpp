// ISO 8601 durations ("PT1H30M") as the plant floor reports labour and machine time: parsed, added,
// scaled. Kept as text in schemas, since that is how they come and leave; computed here as whole
// seconds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "schemas/native.hpp"

namespace millrace::actors {

/// Seconds of an ISO 8601 duration of weeks, days, hours, minutes and seconds; an empty text is 0.
/// nullopt when it is none or longer than a hundred years. Fractions of a second are dropped; years
/// and months have no fixed length and are refused.
[[nodiscard]] std::optional<std::int64_t> duration_seconds(std::string_view text);
/// "PT1H30M"; "" for 0.
[[nodiscard]] std::string duration_text(std::int64_t seconds);
/// Sum of two durations as text. Both must be valid.
[[nodiscard]] std::string duration_sum(std::string_view a, std::string_view b);
/// a - b, never below zero.
[[nodiscard]] std::string duration_difference(std::string_view a, std::string_view b);
/// a * quantity / base, rounded; `base` must be positive.
[[nodiscard]] std::string duration_scaled(std::string_view a, decimal quantity, decimal base);

}  // namespace millrace::actors
