// Keys of child rows: parts that cannot run into each other, and numbers that sort.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace millrace::actors {

/// The parts with a separator that is in no id.
[[nodiscard]] inline std::string key_of(std::string_view a, std::string_view b,
                                        std::string_view c = {}, std::string_view d = {}) {
  std::string key(a);
  for (const auto part : {b, c, d}) {
    key += '\x1f';
    key += part;
  }
  return key;
}

/// Sorts in the order of the numbers.
[[nodiscard]] inline std::string number_key(std::uint32_t number) {
  auto digits = std::to_string(number);
  return std::string(10 - std::min<std::size_t>(10, digits.size()), '0') + digits;
}

}  // namespace millrace::actors
