// Which child rows the store may hold of one actor, as hashes of their names: most rows that are
// looked for are not there (is this report's id new?), and that answer should not cost a walk
// through the store. A superset: what it does not know is not there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace millrace {

class row_names {
 public:
  static constexpr std::size_t names_max = 65'536;   // beyond, the store is asked
  static constexpr std::size_t listed_max = 16'384;  // likewise, when an actor is loaded

  /// Of `name`, "table NUL key".
  [[nodiscard]] static std::uint32_t hash(std::string_view name);

  /// All that the store holds; without a list every row may be there.
  void listed(std::optional<std::vector<std::uint32_t>> hashes);
  /// These come into the store.
  void add(const std::vector<std::uint32_t>& hashes);
  [[nodiscard]] bool may_hold(std::uint32_t hash) const;
  [[nodiscard]] std::size_t memory() const { return hashes_.capacity() * sizeof(std::uint32_t); }

 private:
  void merge(std::size_t sorted);

  std::vector<std::uint32_t> hashes_;  // in order
  bool listed_ = true;                 // an actor that has just come into being has no rows
};

}  // namespace millrace
