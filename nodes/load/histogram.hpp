// Latencies in logarithmic buckets: fixed memory, any number of values, percentiles within 1.6 %.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace millrace::load {

/// Counts of nanoseconds from 1 to 2^40 (18 minutes); larger values count as the largest. Not
/// thread-safe.
class histogram {
 public:
  void add(std::uint64_t ns);
  void merge(const histogram& other);
  /// Upper bound in ns of the bucket that holds the q-quantile (0 < q <= 1); 0 when empty.
  [[nodiscard]] std::uint64_t quantile(double q) const;
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::uint64_t max() const { return max_; }

 private:
  static constexpr unsigned sub_bits = 6;  // 64 buckets a power of two: 1.6 %
  static constexpr unsigned powers = 40;
  std::array<std::uint64_t, (powers + 1) << sub_bits> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

/// "123 µs", "4.56 ms", "1.20 s".
[[nodiscard]] std::string format_ns(std::uint64_t ns);

}  // namespace millrace::load
