// The fault switches of a simulated system: what it does wrong on purpose.
#pragma once

#include <cstdint>
#include <mutex>
#include <random>

#include "nodes/json/json_value.hpp"

namespace millrace::simulator {

struct fault_settings {
  bool down =
      false;  // closes connections without an answer; /faults, /state and /healthz still answer
  std::uint32_t slow_ms = 0;         // acts at once, answers that late
  std::uint32_t error_permille = 0;  // answers 500 before it acts, so often
  bool duplicate = false;            // sends everything it reports twice
  bool reorder = false;              // sends what it reports in the opposite order
  std::uint32_t lose_answer =
      0;  // acts, then closes the connection instead of answering, for so many requests
};

/// Thread-safe.
class faults {
 public:
  explicit faults(std::uint64_t seed) : random_(seed) {}
  /// {"down":bool, "slow_ms":n, "error_rate":0..1, "duplicate":bool, "reorder":bool,
  /// "lose_answer":n}; what is not named stays. Error: request.invalid.
  [[nodiscard]] result<void> set(const json_value& wanted);
  void clear();
  [[nodiscard]] fault_settings now() const;
  [[nodiscard]] json_value to_json() const;
  /// True so often as error_rate says.
  [[nodiscard]] bool draw_error();
  /// True while answers are to be lost; counts down.
  [[nodiscard]] bool draw_lost_answer();

 private:
  mutable std::mutex mutex_;
  fault_settings settings_;
  std::mt19937_64 random_;
};

}  // namespace millrace::simulator
