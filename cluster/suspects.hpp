// Inputs on which the process may have died. Pure: who was being decided on when a process ended is
// blamed, who was decided on and lived is acquitted, and who is blamed twice is poisonous: it is
// refused for good instead of killing the process a third time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "schemas/native.hpp"

namespace millrace {

class suspects {
 public:
  static constexpr std::size_t count_max = 64;    // beyond, the oldest that is not poisonous leaves
  static constexpr std::uint32_t deaths_max = 2;  // from then on it is refused

  struct suspect {
    hash128 id;
    std::uint32_t deaths = 0;
    std::string where;  // "plant/kind/id", for people
  };

  /// A process died while it decided on `id`. Answers how often that happened.
  std::uint32_t blame(hash128 id, std::string where);
  /// It was decided on and the process lives: it is no suspect any more. A poisonous one stays.
  /// False when nothing changed.
  bool acquit(hash128 id);
  [[nodiscard]] bool poisonous(hash128 id) const;
  [[nodiscard]] const std::vector<suspect>& all() const { return all_; }
  /// Takes one back that was stored.
  void restore(suspect s);

 private:
  std::vector<suspect> all_;  // oldest first
};

}  // namespace millrace
