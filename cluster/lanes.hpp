// Admission of commands at a plant: bounded, four priority lanes (hold > release > confirmation >
// rest). CAF's mailboxes are unbounded, so the bound lives here, as credits that an input holds
// until its reply has left.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include "schemas/common_generated.h"

namespace millrace {

struct lane_limits {
  std::size_t inputs_max = 65'536;  // of one plant, admitted and not yet answered
  std::array<std::uint8_t, 4> percent = {
      100, 95, 90, 80};          // of it that a lane may fill: the rest is for more urgent ones
  std::size_t active_max = 512;  // handed to actors at the same time; others queue by lane. A
                                 // hold that comes waits until all of these are decided
  std::array<std::uint8_t, 4> credits = {0, 8, 4,
                                         2};  // turns of a lane in a round; holds always go first
};

/// Queues of what is admitted and not yet handed to its actor. Pure, not thread-safe.
template <class Item>
class lane_queues {
 public:
  explicit lane_queues(lane_limits limits = {}) : limits_(limits), credits_(limits.credits) {}

  /// Takes a credit; false: the lane is full (429 plant.overloaded).
  [[nodiscard]] bool admit(Lane lane) {
    if (admitted_ >= limits_.inputs_max / 100 * limits_.percent[at(lane)] +
                         limits_.inputs_max % 100 * limits_.percent[at(lane)] / 100)
      return false;
    ++admitted_;
    return true;
  }
  void push(Lane lane, Item item) { queues_[at(lane)].push_back(std::move(item)); }
  /// The next one, when another may be active; it is active until `left`.
  [[nodiscard]] std::optional<Item> pop() {
    const auto lane = next();
    if (!lane) return std::nullopt;
    auto item = std::move(queues_[*lane].front());
    queues_[*lane].pop_front();
    ++active_;
    return item;
  }
  /// An active one has its reply: gives the credit back.
  void left() {
    --admitted_;
    --active_;
  }
  /// One that is still queued is dropped: gives its credit back now, and pop() answers it later all
  /// the same (then call `passed_over`).
  void dropped() { --admitted_; }
  /// pop() gave one that had been dropped: it is not active.
  void passed_over() { --active_; }
  /// Takes all that is queued in that lane out.
  [[nodiscard]] std::deque<Item> drain(Lane lane) { return std::exchange(queues_[at(lane)], {}); }

  [[nodiscard]] std::size_t admitted() const { return admitted_; }
  [[nodiscard]] std::size_t active() const { return active_; }
  [[nodiscard]] std::size_t queued() const {
    std::size_t n = 0;
    for (const auto& q : queues_) n += q.size();
    return n;
  }

 private:
  static std::size_t at(Lane lane) { return static_cast<std::size_t>(lane); }
  [[nodiscard]] std::optional<std::size_t> next() {
    if (!queues_[0].empty()) return 0;  // a hold waits for nobody
    if (active_ >= limits_.active_max) return std::nullopt;
    for (int round = 0; round < 2; ++round) {
      for (std::size_t lane = 1; lane < 4; ++lane) {
        if (queues_[lane].empty() || credits_[lane] == 0) continue;
        --credits_[lane];
        return lane;
      }
      credits_ = limits_.credits;  // a new round
    }
    return std::nullopt;
  }

  lane_limits limits_;
  std::array<std::uint8_t, 4> credits_;
  std::array<std::deque<Item>, 4> queues_;
  std::size_t admitted_ = 0;
  std::size_t active_ = 0;
};

}  // namespace millrace
