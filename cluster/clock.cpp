// The machine's clocks, and how business time follows the date.
// A date that jumps is an alarm for people, not something that entries' stamps may follow by
// themselves.
#include "cluster/clock.hpp"

#include <time.h>

#include <algorithm>
#include <cstdlib>

namespace millrace {

namespace {

std::int64_t read_us(clockid_t id) {
  timespec t{};
  clock_gettime(id, &t);
  return static_cast<std::int64_t>(t.tv_sec) * 1'000'000 + t.tv_nsec / 1000;
}

}  // namespace

node_clock::node_clock()
    : offset_us_(read_us(CLOCK_REALTIME) - read_us(CLOCK_BOOTTIME)),
      polled_us_(read_us(CLOCK_BOOTTIME)) {}

std::int64_t node_clock::monotonic_us() const { return read_us(CLOCK_MONOTONIC); }

timestamp node_clock::now() const {
  return timestamp::from_micros(read_us(CLOCK_BOOTTIME) +
                                offset_us_.load(std::memory_order_relaxed));
}

void node_clock::poll() {
  const std::int64_t boot = read_us(CLOCK_BOOTTIME);
  const std::int64_t offset = offset_us_.load(std::memory_order_relaxed);
  const std::int64_t difference = read_us(CLOCK_REALTIME) - boot - offset;
  offset_us_.store(slewed(offset, difference, boot - polled_us_), std::memory_order_relaxed);
  stepped_us_.store(std::abs(difference) > step_us_max ? difference : 0, std::memory_order_relaxed);
  polled_us_ = boot;
}

std::int64_t node_clock::slewed(std::int64_t offset_us, std::int64_t difference_us,
                                std::int64_t elapsed_us) {
  if (std::abs(difference_us) > step_us_max) return offset_us;
  const std::int64_t most = elapsed_us * slew_ppm / 1'000'000;
  return offset_us + std::clamp(difference_us, -most, most);
}

}  // namespace millrace
