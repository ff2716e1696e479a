// What all fuzz targets share. A target reads bytes from outside in `fuzz` and ends with its
// properties intact: no crash, no sanitizer's finding, no `expect` that does not hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "schemas/model.hpp"

namespace millrace::fuzz {

/// One input; defined by each target.
void fuzz(std::string_view input);

/// Ends the process, and with it the run, when a property does not hold.
inline void expect(bool holds, std::string_view property) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: does not hold: %.*s\n", static_cast<int>(property.size()),
               property.data());
  std::abort();
}

/// Cuts the first line off; inputs are read in lines so that a corpus can be written by hand.
inline std::string_view line(std::string_view& rest) {
  const auto end = rest.find('\n');
  const auto out = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return out;
}

inline bytes_view as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// The command that "order confirm-operation" names; null when there is none.
inline const table_model* named_command(std::string_view text) {
  const auto blank = text.find(' ');
  if (blank == std::string_view::npos) return nullptr;
  const auto* kind = schema_model::built_in().kind(text.substr(0, blank));
  return kind == nullptr ? nullptr : kind->command(text.substr(blank + 1));
}

}  // namespace millrace::fuzz
