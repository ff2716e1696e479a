// The clock seam. Consensus and timeouts run on monotonic time; business time is stamped by the
// leader into entries. Nothing else in the engine reads a clock.
#pragma once

#include <atomic>
#include <cstdint>

#include "schemas/native.hpp"

namespace millrace {

/// Thread-safe.
class clock {
 public:
  virtual ~clock() = default;
  /// Microseconds since some start; never decreases, does not follow changes of the date.
  [[nodiscard]] virtual std::int64_t monotonic_us() const = 0;
  /// Business time, UTC.
  [[nodiscard]] virtual timestamp now() const = 0;
};

/// The machine's clocks. Business time = CLOCK_BOOTTIME plus an offset to UTC. The offset follows
/// CLOCK_REALTIME slowly; a step of more than `step_us_max` is not followed and shows in stepped().
class node_clock final : public clock {
 public:
  static constexpr std::int64_t step_us_max = 5'000'000;
  static constexpr std::int64_t slew_ppm = 500;  // as adjtime(3)

  node_clock();
  [[nodiscard]] std::int64_t monotonic_us() const override;
  [[nodiscard]] timestamp now() const override;
  /// Compares with CLOCK_REALTIME and slews; call about once a second, from one thread.
  void poll();
  /// How far the machine's date is from business time, 0 while it is followed.
  [[nodiscard]] std::int64_t stepped_us() const {
    return stepped_us_.load(std::memory_order_relaxed);
  }

  /// The pure rule of poll(): the new offset when the machine's date is `difference_us` ahead after
  /// `elapsed_us`.
  [[nodiscard]] static std::int64_t slewed(std::int64_t offset_us, std::int64_t difference_us,
                                           std::int64_t elapsed_us);

 private:
  std::atomic<std::int64_t> offset_us_;
  std::atomic<std::int64_t> stepped_us_{0};
  std::int64_t polled_us_;
};

/// Time as a test or a simulation sets it.
class manual_clock final : public clock {
 public:
  explicit manual_clock(timestamp start) : now_us_(start.micros()) {}
  [[nodiscard]] std::int64_t monotonic_us() const override { return monotonic_us_; }
  [[nodiscard]] timestamp now() const override { return timestamp::from_micros(now_us_); }
  void advance_us(std::int64_t us) {
    monotonic_us_ += us;
    now_us_ += us;
  }
  /// Changes the date only.
  void set(timestamp now) { now_us_ = now.micros(); }

 private:
  std::atomic<std::int64_t> monotonic_us_{0};
  std::atomic<std::int64_t> now_us_;
};

}  // namespace millrace
