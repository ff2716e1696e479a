// An actor's child rows that the store does not hold yet, by name. Looked through for every report
// an order gets, and mostly in vain: so a name is compared by its hash first, and no row has a node
// of its own.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/row_names.hpp"

namespace millrace {

struct overlay_row {
  std::string name;                                      // "table NUL key"
  std::shared_ptr<const std::vector<std::uint8_t>> row;  // null = erased
  std::uint32_t hash = 0;                                // of the name
  bool imaged = false;                                   // on its way into the store
};

class overlay_rows {
 public:
  [[nodiscard]] const overlay_row* find(std::string_view name, std::uint32_t hash) const {
    const auto at = locate(name, hash);
    return at == absent ? nullptr : &rows_[at];
  }
  void put(std::string name, std::shared_ptr<const std::vector<std::uint8_t>> row) {
    const auto hash = row_names::hash(name);
    if (const auto at = locate(name, hash); at != absent) {
      rows_[at].row = std::move(row);
      rows_[at].imaged = false;
      return;
    }
    rows_.push_back({std::move(name), std::move(row), hash, false});
    if (rows_.size() * 2 > places_.size())
      spread();
    else
      place(static_cast<std::uint32_t>(rows_.size() - 1));
  }
  void erase_imaged() {
    std::erase_if(rows_, [](const auto& r) { return r.imaged; });
    if (rows_.empty()) rows_ = std::vector<overlay_row>();
    spread();
  }
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  [[nodiscard]] auto begin() { return rows_.begin(); }
  [[nodiscard]] auto end() { return rows_.end(); }
  [[nodiscard]] auto begin() const { return rows_.begin(); }
  [[nodiscard]] auto end() const { return rows_.end(); }
  [[nodiscard]] std::size_t memory() const {
    std::size_t out = rows_.capacity() * sizeof(overlay_row) + places_.capacity() * 4;
    for (const auto& r : rows_)
      out += r.name.capacity() + (r.row ? r.row->capacity() + control_block : 0);
    return out;
  }

 private:
  static constexpr std::uint32_t absent = UINT32_MAX;
  static constexpr std::size_t few = 8;  // these are looked through without places
  static constexpr std::size_t control_block = 40;

  [[nodiscard]] std::uint32_t locate(std::string_view name, std::uint32_t hash) const {
    if (places_.empty()) {
      for (std::uint32_t i = 0; i < rows_.size(); ++i)
        if (rows_[i].hash == hash && rows_[i].name == name) return i;
      return absent;
    }
    for (auto i = hash & (places_.size() - 1); places_[i] != absent;
         i = (i + 1) & (places_.size() - 1))
      if (rows_[places_[i]].hash == hash && rows_[places_[i]].name == name) return places_[i];
    return absent;
  }
  void place(std::uint32_t row) {
    if (places_.empty()) return;
    auto i = rows_[row].hash & (places_.size() - 1);
    while (places_[i] != absent) i = (i + 1) & (places_.size() - 1);
    places_[i] = row;
  }
  /// Places for all rows, at most half of them taken.
  void spread() {
    if (rows_.size() <= few) {
      places_ = std::vector<std::uint32_t>();
      return;
    }
    std::size_t n = 4 * few;
    while (n < rows_.size() * 4) n *= 2;
    places_.assign(n, absent);
    for (std::uint32_t i = 0; i < rows_.size(); ++i) place(i);
  }

  std::vector<overlay_row> rows_;
  std::vector<std::uint32_t> places_;  // power of two, probed onwards from the hash
};

}  // namespace millrace
