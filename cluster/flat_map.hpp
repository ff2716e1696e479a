// A flat hash map: open addressing, linear probing, backward-shift deletion; one allocation for all
// slots. Exists for the tables on the command path, where a node per key (std::unordered_map) costs
// most of the time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace millrace {

/// Spreads weak hashes (identity hashes of std) over all bits.
[[nodiscard]] constexpr std::uint64_t mix_hash(std::uint64_t h) {
  h ^= h >> 32;
  h *= 0x9E3779B97F4A7C15ull;
  h ^= h >> 29;
  return h;
}

/// Key -> Value. Pointers to values are valid until the next insertion or erasure. Load factor at
/// most 3/4.
template <class Key, class Value, class Hash = std::hash<Key>>
class flat_map {
 public:
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

  [[nodiscard]] Value* find(const Key& key) {
    const auto at = locate(key);
    return at ? &slots_[*at]->second : nullptr;
  }
  [[nodiscard]] const Value* find(const Key& key) const {
    const auto at = locate(key);
    return at ? &slots_[*at]->second : nullptr;
  }
  [[nodiscard]] bool contains(const Key& key) const { return locate(key).has_value(); }

  /// The value under `key`, made from `value` when there was none; second: true when it was made.
  std::pair<Value*, bool> insert(Key key, Value value) {
    if ((size_ + 1) * 4 > slots_.size() * 3) grow();
    std::size_t i = home(key);
    while (slots_[i]) {
      if (slots_[i]->first == key) return {&slots_[i]->second, false};
      i = (i + 1) & mask();
    }
    slots_[i].emplace(std::move(key), std::move(value));
    ++size_;
    return {&slots_[i]->second, true};
  }
  Value& operator[](const Key& key) {
    if (Value* found = find(key)) return *found;
    return *insert(key, Value()).first;
  }
  bool erase(const Key& key) {
    const auto at = locate(key);
    if (!at) return false;
    std::size_t hole = *at;
    slots_[hole].reset();
    --size_;
    for (std::size_t i = (hole + 1) & mask(); slots_[i]; i = (i + 1) & mask()) {
      const std::size_t want = home(slots_[i]->first);
      if (((i - want) & mask()) < ((i - hole) & mask())) continue;  // would move before its home
      slots_[hole] = std::move(slots_[i]);
      slots_[i].reset();
      hole = i;
    }
    return true;
  }
  void clear() {
    slots_.clear();
    size_ = 0;
  }
  void reserve(std::size_t n) {
    while (slots_.size() * 3 < n * 4) grow();
  }
  /// Calls f(key, value) for all, in no order.
  template <class F>
  void for_each(F&& f) {
    for (auto& s : slots_)
      if (s) f(static_cast<const Key&>(s->first), s->second);
  }
  template <class F>
  void for_each(F&& f) const {
    for (const auto& s : slots_)
      if (s) f(s->first, s->second);
  }

 private:
  [[nodiscard]] std::size_t mask() const { return slots_.size() - 1; }
  [[nodiscard]] std::size_t home(const Key& key) const { return mix_hash(Hash{}(key)) & mask(); }
  [[nodiscard]] std::optional<std::size_t> locate(const Key& key) const {
    if (size_ == 0) return std::nullopt;
    for (std::size_t i = home(key); slots_[i]; i = (i + 1) & mask())
      if (slots_[i]->first == key) return i;
    return std::nullopt;
  }
  void grow() {
    std::vector<std::optional<std::pair<Key, Value>>> old(slots_.empty() ? 16 : slots_.size() * 2);
    old.swap(slots_);
    for (auto& s : old) {
      if (!s) continue;
      std::size_t i = home(s->first);
      while (slots_[i]) i = (i + 1) & mask();
      slots_[i] = std::move(s);
    }
  }

  std::vector<std::optional<std::pair<Key, Value>>> slots_;
  std::size_t size_ = 0;
};

}  // namespace millrace
