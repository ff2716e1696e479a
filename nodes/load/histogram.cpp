// Log-linear buckets: the power of two picks the row, the next six bits the bucket in it.

#include "nodes/load/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>

namespace millrace::load {
namespace {

constexpr unsigned sub_bits = 6;

std::size_t bucket_of(std::uint64_t ns, std::size_t buckets) {
  if (ns < (1u << sub_bits)) return ns;
  const unsigned power = static_cast<unsigned>(std::bit_width(ns)) - 1 - sub_bits;
  const std::size_t index = ((power + 1) << sub_bits) + ((ns >> power) & ((1u << sub_bits) - 1));
  return std::min(index, buckets - 1);
}

std::uint64_t upper_bound_of(std::size_t index) {
  const auto row = index >> sub_bits;
  const auto sub = index & ((1u << sub_bits) - 1);
  if (row == 0) return sub;
  return (((std::uint64_t{1} << sub_bits) + sub + 1) << (row - 1)) - 1;
}

}  // namespace

void histogram::add(std::uint64_t ns) {
  ++buckets_[bucket_of(ns, buckets_.size())];
  ++count_;
  max_ = std::max(max_, ns);
}

void histogram::merge(const histogram& other) {
  for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

std::uint64_t histogram::quantile(double q) const {
  if (count_ == 0) return 0;
  const auto wanted = static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= wanted) return std::min(upper_bound_of(i), max_);
  }
  return max_;
}

std::string format_ns(std::uint64_t ns) {
  char text[32];
  const auto value = static_cast<double>(ns);
  if (ns < 1'000'000)
    std::snprintf(text, sizeof text, "%.0f µs", value / 1e3);
  else if (ns < 1'000'000'000)
    std::snprintf(text, sizeof text, "%.2f ms", value / 1e6);
  else
    std::snprintf(text, sizeof text, "%.2f s", value / 1e9);
  return text;
}

}  // namespace millrace::load
