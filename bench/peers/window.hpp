// What the clients of peers share: a window of messages in flight, and its latencies.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <vector>

namespace millrace::peers {

using clock_type = std::chrono::steady_clock;
inline constexpr std::size_t message_bytes = 300;
inline constexpr double warm_up_s = 1.0;

/// Send times of unanswered messages, in order of sending; answers are counted after a warm-up.
class window {
 public:
  window(std::size_t in_flight, double seconds)
      : in_flight_(in_flight),
        from_(clock_type::now() + as_duration(warm_up_s)),
        until_(from_ + as_duration(seconds)),
        seconds_(seconds) {}
  [[nodiscard]] bool over() const { return clock_type::now() >= until_; }
  /// How many may be sent now.
  [[nodiscard]] std::size_t room() const { return in_flight_ - sent_.size(); }
  void sent() { sent_.push_back(clock_type::now()); }
  /// The oldest `count` are answered.
  void answered(std::size_t count) {
    const auto now = clock_type::now();
    for (; count > 0 && !sent_.empty(); --count, sent_.pop_front())
      if (now >= from_ && now < until_)
        micros_.push_back(std::chrono::duration<float, std::micro>(now - sent_.front()).count());
  }
  /// One line of JSON on standard output.
  void print() {
    std::sort(micros_.begin(), micros_.end());
    const auto at = [&](double q) {
      return micros_.empty()
                 ? 0.0F
                 : micros_[static_cast<std::size_t>(q * static_cast<double>(micros_.size() - 1))];
    };
    std::printf("{\"rate\":%.0f,\"p50_us\":%.0f,\"p99_us\":%.0f}\n",
                static_cast<double>(micros_.size()) / seconds_, static_cast<double>(at(0.5)),
                static_cast<double>(at(0.99)));
  }

 private:
  static clock_type::duration as_duration(double seconds) {
    return std::chrono::duration_cast<clock_type::duration>(std::chrono::duration<double>(seconds));
  }
  std::size_t in_flight_;
  clock_type::time_point from_, until_;
  double seconds_;
  std::deque<clock_type::time_point> sent_;
  std::vector<float> micros_;
};

}  // namespace millrace::peers
