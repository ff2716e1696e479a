// What the gateway counts: requests by route class and status, command latencies. Lock-free on the
// request path.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/engine.hpp"
#include "nodes/http/server.hpp"

namespace millrace::gateway {

enum class route : std::uint8_t {
  command,
  bulk,
  read,
  list,
  events,
  process,
  operations,
  platform,
  unknown
};
inline constexpr std::size_t route_count = 9;
[[nodiscard]] std::string_view route_name(route r);

/// Cumulative buckets in seconds, as Prometheus wants them.
inline constexpr std::array latency_bounds{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                           0.1,    0.25,  0.5,    1.0,   2.5,  5.0,   10.0};

class metrics {
 public:
  void count(route r, int status);
  void command_took(std::chrono::nanoseconds t);
  void port_commands(std::uint64_t n) { port_commands_.fetch_add(n, std::memory_order_relaxed); }
  void port_refused(std::uint64_t n) { port_refused_.fetch_add(n, std::memory_order_relaxed); }
  /// The outcomes of commands over both ports, by code class.
  void outcome(engine::Outcome o) {
    outcomes_[static_cast<std::size_t>(o) & 3].fetch_add(1, std::memory_order_relaxed);
  }
  void not_owner() { not_owner_.fetch_add(1, std::memory_order_relaxed); }

  /// Prometheus text format 0.0.4.
  [[nodiscard]] std::string text(const std::vector<plant_status>& plants,
                                 const std::vector<endpoint_view>& endpoints,
                                 const http::server_figures& server, timestamp now) const;

 private:
  static constexpr std::size_t status_max = 600;
  std::array<std::array<std::atomic<std::uint64_t>, status_max>, route_count> requests_{};
  std::array<std::atomic<std::uint64_t>, latency_bounds.size() + 1> latency_{};
  std::atomic<std::uint64_t> latency_sum_us_{0};
  std::array<std::atomic<std::uint64_t>, 4> outcomes_{};
  std::atomic<std::uint64_t> port_commands_{0}, port_refused_{0}, not_owner_{0};
};

}  // namespace millrace::gateway
