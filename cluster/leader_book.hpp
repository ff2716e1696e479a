// Which node leads a plant that is not here, as far as it is known: learned from what its leader
// says, and forgotten while it does not answer.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "cluster/log_entry.hpp"

namespace millrace {

/// Thread-safe; time is an argument.
class leader_book {
 public:
  static constexpr std::int64_t patience_us = 900'000;  // below stream_resend_us

  /// 0: nobody is known.
  [[nodiscard]] node_number leader(std::string_view plant) const;
  /// The plant's leader spoke from there.
  void learn(std::string_view plant, node_number node);
  /// Where to send what its leader should answer: to the known one while it answers, else to the
  /// candidates in turn. 0 when there is none.
  [[nodiscard]] node_number next(std::string_view plant, std::span<const node_number> candidates,
                                 std::int64_t now_us);

 private:
  struct line {
    node_number at = 0;
    bool known = false;
    std::int64_t asked_us = 0;  // since when it owes an answer, 0 = it does not
  };
  mutable std::mutex mutex_;
  std::map<std::string, line, std::less<>> lines_;
};

}  // namespace millrace
