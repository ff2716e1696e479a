// Correlation ids.
// They name a transaction from end to end, so every request gets one before anything else happens.
#include "nodes/gateway/correlation.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <random>

namespace millrace::gateway {

bool is_correlation(std::string_view text) {
  return !text.empty() && text.size() <= 128 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

std::string make_correlation() {
  thread_local std::mt19937_64 random{[] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }()};
  const auto ms =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                     std::chrono::system_clock::now().time_since_epoch())
                                     .count());
  const std::uint64_t high = (ms << 16) | 0x7000u | (random() & 0x0fffu);
  const std::uint64_t low = (random() & 0x3fffffffffffffffull) | 0x8000000000000000ull;
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(36);
  for (int i = 0; i < 32; ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) out += '-';
    const std::uint64_t half = i < 16 ? high : low;
    out += digits[(half >> (60 - 4 * (i % 16))) & 15];
  }
  return out;
}

}  // namespace millrace::gateway
