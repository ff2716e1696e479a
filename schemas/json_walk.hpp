// The part of JSON reading that knows no schema: errors that stand for the whole document, findings
// with their pointers, and the walk over values that nobody wants, which must be JSON all the same.
// Internal to schemas/.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "schemas/json.hpp"
#include "schemas/json_slot.hpp"
#include "schemas/simdjson.hpp"

namespace millrace {

struct json_path_part {
  std::string_view name;  // of a field; without data: an item
  std::size_t item = 0;
};

/// What a thread keeps from one document to the next.
struct json_scratch {
  simdjson::ondemand::parser parser;
  std::vector<char> padded;
  flatbuffers::FlatBufferBuilder builder{1024};
  std::vector<json_slot> slots;  // a stack: open tables' fields and open vectors' items
  std::vector<json_path_part> path;
};

/// A token without the blanks behind it.
[[nodiscard]] std::string_view trimmed(std::string_view token);

/// Functions that return bool say false when the reading is over: `fatal()` then has the reason.
class json_walker {
 public:
  explicit json_walker(json_scratch& s) : s_(s) {}

 protected:
  using json_type = simdjson::ondemand::json_type;

  bool ok(simdjson::error_code code);
  bool stop(const char* code, std::string detail);
  [[nodiscard]] error fatal() { return {fatal_code_, std::move(fatal_detail_), {}}; }
  /// Before the contents of an object or array at that depth.
  bool enter(std::size_t depth);
  /// Notes a finding at the present path; at most 20 are kept.
  void report(std::string detail);
  bool walk(simdjson::ondemand::value value, std::size_t depth);
  /// The same for a root that is no object.
  bool walk_root(simdjson::ondemand::document& document, json_type type);
  bool check_number(std::string_view token);
  bool check_atom(std::string_view token);

  json_scratch& s_;
  std::vector<finding> findings_;

 private:
  const char* fatal_code_ = nullptr;
  std::string fatal_detail_;
};

}  // namespace millrace
