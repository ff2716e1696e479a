// Events as CloudEvents 1.0, and the cursors that name a place in plants' journals.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cluster/engine.hpp"
#include "schemas/model.hpp"

namespace millrace::gateway {

/// A place in one plant's journal: everything up to and with it has been seen. 0.0 = the start.
struct position {
  std::uint32_t generation = 1;
  std::uint64_t index = 0;
  std::uint32_t ordinal = 0;
  [[nodiscard]] std::string text() const;  // "1.42.3"
  auto operator<=>(const position&) const = default;
};

/// "", "0" and "g.index.ordinal". Error: cursor.invalid.
[[nodiscard]] result<position> parse_position(std::string_view text);

/// Positions of several plants, in order of plant: "hamburg:1.42.3,munich:1.7.0".
using vector_cursor = std::vector<std::pair<std::string, position>>;
[[nodiscard]] std::string to_text(const vector_cursor& c);
/// For these plants; a plant that the cursor does not name starts at 0, a bare position names the
/// only plant.
[[nodiscard]] result<vector_cursor> parse_cursor(std::string_view text,
                                                 const std::vector<std::string>& plants);

/// {"specversion":"1.0","id":"plant/g.index.ordinal","source":"/v1/plants/…","type","subject","time","data":{…},
/// "correlationid","causationid","sequence","principal"}. Extension names are lower-case letters
/// and digits only.
void append_cloud_event(const schema_model& model, std::string_view plant, const event_view& e,
                        std::string& out);

}  // namespace millrace::gateway
