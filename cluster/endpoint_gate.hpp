// Whether an endpoint may be tried now: circuit breaker, rate limit, pause and concurrency in one
// place. closed -(failures in a row)-> open -(time)-> half_open -(one probe)-> closed | open for
// longer.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "schemas/native.hpp"

namespace millrace {

struct endpoint_limits {
  std::uint32_t failures_max = 5;          // in a row, until the breaker opens
  std::int64_t open_us_first = 1'000'000;  // doubles with every failed probe
  std::int64_t open_us_max = 30'000'000;
  std::uint32_t under_way_max = 32;  // attempts at the same time,
  std::uint32_t holds_extra = 8;     // and so many more that carry holds
  double rate_per_s = 0;             // 0 = unlimited
  double burst = 100;
};

enum class breaker : std::uint8_t { closed, open, half_open };

/// Pure, not thread-safe.
class endpoint_gate {
 public:
  explicit endpoint_gate(const endpoint_limits& limits) : limits_(limits), tokens_(limits.burst) {}

  /// True when an attempt may start; it is counted then. `hold`: it carries a hold.
  bool enter(timestamp now, bool hold = false) {
    if (paused(now) || under_way_ >= attempts_max(hold)) return false;
    if (state_ == breaker::open && now >= open_until_) state_ = breaker::half_open;
    if (state_ == breaker::open || (state_ == breaker::half_open && under_way_ > 0)) return false;
    if (limits_.rate_per_s > 0) {
      refill(now);
      if (tokens_ < 1) return false;
      tokens_ -= 1;
    }
    ++under_way_;
    return true;
  }
  /// An attempt ended. `healthy`: the endpoint answered sensibly (also with a refusal of this one
  /// message).
  void leave(bool healthy, timestamp now) {
    if (under_way_ > 0) --under_way_;
    if (healthy) {
      failures_ = 0;
      state_ = breaker::closed;
      open_us_ = 0;
      return;
    }
    ++failures_;
    if (state_ == breaker::half_open ||
        (state_ == breaker::closed && failures_ >= limits_.failures_max)) {
      open_us_ = std::clamp(open_us_ * 2, limits_.open_us_first, limits_.open_us_max);
      open_until_ = timestamp::from_micros(now.micros() + open_us_);
      state_ = breaker::open;
    }
  }
  /// When `enter` may succeed again, as far as time alone decides; not given = now.
  [[nodiscard]] timestamp next(timestamp now) const {
    if (paused(now)) return paused_until_;
    if (state_ == breaker::open && now < open_until_) return open_until_;
    if (limits_.rate_per_s > 0) {
      const double have =
          std::min(limits_.burst, tokens_ + seconds_since_refill(now) * limits_.rate_per_s);
      if (have < 1)
        return timestamp::from_micros(
            now.micros() + static_cast<std::int64_t>((1 - have) / limits_.rate_per_s * 1e6) + 1);
    }
    return {};
  }
  [[nodiscard]] bool full(bool hold = false) const {
    return under_way_ >= attempts_max(hold) || (state_ == breaker::half_open && under_way_ > 0);
  }
  void pause(timestamp until, std::string reason) {
    paused_until_ = until;
    pause_reason_ = std::move(reason);
  }
  void limit_rate(double per_second, double burst) {
    limits_.rate_per_s = per_second;
    limits_.burst = burst;
    tokens_ = std::min(tokens_, burst);
  }
  void restart() {
    under_way_ = 0;
    failures_ = 0;
    open_us_ = 0;
    state_ = breaker::closed;
  }
  [[nodiscard]] bool paused(timestamp now) const { return now < paused_until_; }
  [[nodiscard]] timestamp paused_until() const { return paused_until_; }
  [[nodiscard]] const std::string& pause_reason() const { return pause_reason_; }
  [[nodiscard]] breaker state() const { return state_; }
  [[nodiscard]] std::uint32_t under_way() const { return under_way_; }

 private:
  [[nodiscard]] std::uint32_t attempts_max(bool hold) const {
    return limits_.under_way_max + (hold ? limits_.holds_extra : 0);
  }
  [[nodiscard]] double seconds_since_refill(timestamp now) const {
    return refilled_.given()
               ? static_cast<double>(std::max<std::int64_t>(0, now.micros() - refilled_.micros())) /
                     1e6
               : 0;
  }
  void refill(timestamp now) {
    tokens_ = std::min(limits_.burst, tokens_ + seconds_since_refill(now) * limits_.rate_per_s);
    refilled_ = now;
  }

  endpoint_limits limits_;
  breaker state_ = breaker::closed;
  std::uint32_t failures_ = 0;
  std::uint32_t under_way_ = 0;
  std::int64_t open_us_ = 0;
  timestamp open_until_, paused_until_, refilled_;
  std::string pause_reason_;
  double tokens_;
};

}  // namespace millrace
