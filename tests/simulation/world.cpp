// Time, chance and order of the simulated world.

#include "tests/simulation/world.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace millrace::simulation {

namespace {
constexpr std::int64_t epoch_us = 1'795'000'000'000'000;  // some day in November 2026
}

world::world(std::uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15ull + 0x1234567) {}

timestamp world::now() const { return timestamp::from_micros(epoch_us + now_us_); }

std::uint64_t world::random() {  // splitmix64
  state_ += 0x9E3779B97F4A7C15ull;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

std::uint64_t world::below(std::uint64_t n) { return random() % n; }

bool world::chance(double probability) {
  return static_cast<double>(random() >> 11) * 0x1.0p-53 < probability;
}

void world::after(std::int64_t us, event what) {
  queue_.push({now_us_ + std::max<std::int64_t>(us, 0), planned_++, std::move(what)});
}

void world::hop(const std::string& link, std::int64_t us_max, event what) {
  auto& last = link_us_[link];
  last = std::max(
      last, now_us_ + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(us_max) + 1)));
  queue_.push({last, planned_++, std::move(what)});
}

bool world::step() {
  if (queue_.empty()) return false;
  auto next = std::move(const_cast<planned&>(queue_.top()));
  queue_.pop();
  now_us_ = next.us;
  ++steps_;
  next.what();
  return true;
}

void world::print(const std::string& line) const {
  std::printf("%10lld %s\n", static_cast<long long>(now_us_), line.c_str());
}

void world::run_until(std::int64_t us) {
  while (!queue_.empty() && queue_.top().us <= us) step();
  now_us_ = std::max(now_us_, us);
}

}  // namespace millrace::simulation
