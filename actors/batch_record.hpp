// The batch record as text: entries in canonical JSON, each hashed with the one before, so that
// whoever has the entries can show that none was changed, left out or moved. Frozen: records are
// checked for years.
//   entry = {"name":"value",…}     RFC 8785 (sorted names, no blanks), all values strings
//   h(0)  = 64 zeros; h(n) = SHA-256(h(n-1) LF entry(n)), in hexadecimal digits
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schemas/native.hpp"

namespace millrace::actors {

/// An entry in the making.
class record_entry {
 public:
  record_entry(std::string_view what, timestamp at);
  /// Left out when empty.
  record_entry& text(std::string_view name, std::string_view value);
  record_entry& number(std::string_view name, const std::unique_ptr<decimal>& value);
  record_entry& number(std::string_view name, decimal value);
  record_entry& time(std::string_view name, timestamp value);
  /// Its canonical JSON.
  [[nodiscard]] std::string json() const;

 private:
  std::vector<std::pair<std::string, std::string>> members_;
};

inline constexpr std::string_view first_record_hash =
    "0000000000000000000000000000000000000000000000000000000000000000";
[[nodiscard]] std::string next_record_hash(std::string_view before, std::string_view entry);

}  // namespace millrace::actors
