// One line of a file with its values as they read here: numbers, units, codes and ids translated.
// Inside of the onboarding's import; not for others.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nodes/onboarding/lines.hpp"

namespace millrace::onboarding_file {

enum class form { text, id, decimal, unit, code, time, truth, whole };

struct field {
  std::string_view name;  // ours, and the default of the column's name
  form what = form::text;
  bool required = false;
  std::string_view table = {};  // of ids: the cross-reference; of codes: the code table
};

/// The fields of a content, in the order of its table in the README.
[[nodiscard]] std::vector<field> fields_of(std::string_view content);

class record {
 public:
  /// Reads all fields; what is wrong is appended to `rejected`, once a line.
  static std::optional<record> read(const plan& p, const csv_table& table, std::size_t file,
                                    const csv_line& line, std::vector<rejection>& rejected);
  [[nodiscard]] const std::string& at(std::string_view name) const;
  /// Their own text of a field, before it was translated.
  [[nodiscard]] const std::string& raw(std::string_view name) const;
  [[nodiscard]] const origin& where() const { return where_; }
  /// Sets the fields that the line has in a body, under their own names.
  void put(json_value& body, std::initializer_list<std::string_view> names) const;

 private:
  struct value {
    std::string_view name;
    form what;
    std::string text, raw;
  };
  std::vector<value> values_;
  origin where_;
};

}  // namespace millrace::onboarding_file
