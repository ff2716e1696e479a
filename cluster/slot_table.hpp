// Finds a resident actor's slot by its name. Eight bytes a place and no node per actor: the names
// are in the slots already, here are only their hashes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "cluster/flat_map.hpp"

namespace millrace {

/// Open addressing, linear probing, backward-shift deletion. `NameOf` answers the name of a slot.
/// Not thread-safe.
template <class NameOf>
class slot_table {
 public:
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  explicit slot_table(NameOf name_of) : name_of_(std::move(name_of)) {}

  [[nodiscard]] std::size_t size() const { return size_; }

  /// The slot of that name, `none` when it has none.
  [[nodiscard]] std::uint32_t find(std::string_view name) const {
    if (size_ == 0) return none;
    const auto hash = hash_of(name);
    for (auto i = hash & mask(); places_[i].slot != none; i = (i + 1) & mask())
      if (places_[i].hash == hash && name_of_(places_[i].slot) == name) return places_[i].slot;
    return none;
  }

  /// Files a slot that is not in here yet.
  void insert(std::uint32_t slot) {
    if ((size_ + 1) * 4 > places_.size() * 3) grow();
    put({hash_of(name_of_(slot)), slot});
    ++size_;
  }

  /// Takes a slot out, while it still has its name.
  void erase(std::uint32_t slot) {
    if (size_ == 0) return;
    auto hole = hash_of(name_of_(slot)) & mask();
    while (places_[hole].slot != slot) {
      if (places_[hole].slot == none) return;
      hole = (hole + 1) & mask();
    }
    places_[hole] = {};
    --size_;
    for (auto i = (hole + 1) & mask(); places_[i].slot != none; i = (i + 1) & mask()) {
      const auto want = places_[i].hash & mask();
      if (((i - want) & mask()) < ((i - hole) & mask())) continue;  // would move before its home
      places_[hole] = places_[i];
      places_[i] = {};
      hole = i;
    }
  }

 private:
  struct place {
    std::uint32_t hash = 0;
    std::uint32_t slot = none;
  };

  [[nodiscard]] std::size_t mask() const { return places_.size() - 1; }
  [[nodiscard]] static std::uint32_t hash_of(std::string_view name) {
    return static_cast<std::uint32_t>(mix_hash(std::hash<std::string_view>{}(name)));
  }
  void put(place p) {
    auto i = p.hash & mask();
    while (places_[i].slot != none) i = (i + 1) & mask();
    places_[i] = p;
  }
  void grow() {
    std::vector<place> old(places_.empty() ? 16 : places_.size() * 2);
    old.swap(places_);
    for (const auto& p : old)
      if (p.slot != none) put(p);
  }

  NameOf name_of_;
  std::vector<place> places_;
  std::size_t size_ = 0;
};

}  // namespace millrace
