// Durations of the plant floor: a small reader and writer of ISO 8601, exact in seconds.
// Years and months are refused, because a labour time in months has no length.
#include "actors/duration.hpp"

#include <algorithm>
#include <limits>

namespace millrace::actors {

namespace {

constexpr std::int64_t seconds_max = 100LL * 366 * 24 * 3600;

/// Seconds of one designator, 0 when it does not belong here.
std::int64_t unit_seconds(char designator, bool in_time) {
  if (!in_time) return designator == 'W' ? 7 * 24 * 3600 : designator == 'D' ? 24 * 3600 : 0;
  return designator == 'H' ? 3600 : designator == 'M' ? 60 : designator == 'S' ? 1 : 0;
}

}  // namespace

std::optional<std::int64_t> duration_seconds(std::string_view text) {
  if (text.empty()) return 0;
  if (text.size() < 3 || text.front() != 'P') return std::nullopt;
  std::int64_t total = 0;
  std::int64_t previous = std::numeric_limits<std::int64_t>::max();
  bool in_time = false;
  for (std::size_t i = 1; i < text.size();) {
    if (text[i] == 'T') {
      if (in_time || i + 1 == text.size()) return std::nullopt;
      in_time = true;
      ++i;
      continue;
    }
    std::int64_t value = 0;
    const auto first = i;
    for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i) {
      value = value * 10 + (text[i] - '0');
      if (value > seconds_max) return std::nullopt;
    }
    if (i == first || i == text.size()) return std::nullopt;
    if (text[i] == '.') {
      const auto fraction = ++i;
      while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
      if (i == fraction || i == text.size() || text[i] != 'S') return std::nullopt;
    }
    const auto unit = unit_seconds(text[i++], in_time);
    if (unit == 0 || unit >= previous || value > seconds_max / unit) return std::nullopt;
    previous = unit;
    total += value * unit;
    if (total > seconds_max) return std::nullopt;
  }
  return total;
}

std::string duration_text(std::int64_t seconds) {
  if (seconds <= 0) return {};
  std::string out = "PT";
  if (const auto hours = seconds / 3600) out += std::to_string(hours) + 'H';
  if (const auto minutes = seconds / 60 % 60) out += std::to_string(minutes) + 'M';
  if (const auto rest = seconds % 60) out += std::to_string(rest) + 'S';
  return out;
}

std::string duration_sum(std::string_view a, std::string_view b) {
  if (b.empty()) return std::string(a);
  return duration_text(duration_seconds(a).value_or(0) + duration_seconds(b).value_or(0));
}

std::string duration_difference(std::string_view a, std::string_view b) {
  if (b.empty()) return std::string(a);
  return duration_text(
      std::max<std::int64_t>(0, duration_seconds(a).value_or(0) - duration_seconds(b).value_or(0)));
}

std::string duration_scaled(std::string_view a, decimal quantity, decimal base) {
  const auto seconds = duration_seconds(a).value_or(0);
  const auto scaled = decimal::proportion(decimal::from_units(seconds), quantity, base);
  return scaled ? duration_text((scaled->micros() + decimal::scale / 2) / decimal::scale)
                : std::string(a);
}

}  // namespace millrace::actors
