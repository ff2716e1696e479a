// Request targets: strict percent-decoding of path and query, and what counts as an id.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schemas/result.hpp"

namespace millrace::gateway {

/// A decoded target. `path` is as sent, without the query.
struct target {
  std::string path;
  std::vector<std::string> segments;  // decoded one by one, so an id may contain '/'
  std::vector<std::pair<std::string, std::string>> query;  // decoded; '+' is a blank

  /// First value of a parameter; empty when absent.
  [[nodiscard]] std::string_view get(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const;
};

/// Errors: request.malformed (bad escape, not UTF-8, control characters).
[[nodiscard]] result<target> parse_target(std::string_view raw);

/// Percent-encodes everything but RFC 3986 unreserved characters.
[[nodiscard]] std::string encode_segment(std::string_view text);

/// Plants name groups, cursors and metrics: 1-40 of [A-Za-z0-9._-], starting with a letter or
/// digit.
[[nodiscard]] bool is_plant_name(std::string_view text);

/// Decimal digits only; nullopt-like -1 when not a number or above `max`.
[[nodiscard]] long long parse_number(std::string_view text, long long max);

}  // namespace millrace::gateway
