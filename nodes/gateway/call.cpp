// One request inside the gateway.
// Every answer leaves through `answer`, so headers and counts cannot be forgotten.
#include "nodes/gateway/call.hpp"

#include <spdlog/spdlog.h>

#include <atomic>

namespace millrace::gateway {
namespace {

constexpr std::uint32_t lines_a_second_max = 50;
constexpr std::chrono::milliseconds slow_from{1'000};
constexpr std::size_t target_bytes_max = 200;

/// One line may be written: at most so many a second, whatever clients send. `left_out`: lines
/// before it that were not.
bool may_write(std::uint64_t& left_out) {
  static std::atomic<std::int64_t> second{0};
  static std::atomic<std::uint32_t> lines{0};
  static std::atomic<std::uint64_t> dropped{0};
  const std::int64_t now = std::chrono::duration_cast<std::chrono::seconds>(
                               std::chrono::steady_clock::now().time_since_epoch())
                               .count();
  if (second.exchange(now) != now) lines.store(0);
  if (lines.fetch_add(1) >= lines_a_second_max) {
    dropped.fetch_add(1);
    return false;
  }
  left_out = dropped.exchange(0);
  return true;
}

}  // namespace

void call::json(int status, std::string body) {
  http::response r;
  r.status = status;
  r.set("Content-Type", "application/json");
  r.body = std::move(body);
  answer(std::move(r));
}

void call::fail(const error& e, std::string_view title, std::uint32_t retry_after_s) {
  code = e.code;
  answer(http::problem(e, {target.path, correlation, title, retry_after_s}));
}

void call::answer(http::response r) {
  if (!correlation.empty()) r.set("Correlation-Id", correlation);
  if (r.get("Cache-Control").empty()) r.set("Cache-Control", "no-store");
  r.set("X-Content-Type-Options", "nosniff");
  for (const std::string_view name : {"traceparent", "tracestate"})
    if (const auto value = request().get(name); !value.empty() && value.size() <= 512)
      r.set(name, std::string(value));
  metrics_.count(route, r.status);
  log(r.status);
  exchange->answer(std::move(r));
}

/// Refused and slow requests by default, every one at level debug. The target is still
/// percent-encoded, without its query.
void call::log(int status) const {
  const bool slow = age() >= slow_from;
  const bool refused = status >= 400;
  const auto level = status >= 500 || slow ? spdlog::level::warn
                     : refused             ? spdlog::level::info
                                           : spdlog::level::debug;
  if (!spdlog::should_log(level)) return;
  std::uint64_t left_out = 0;
  if (level != spdlog::level::debug && !may_write(left_out)) return;
  if (left_out > 0)
    spdlog::warn("http: {} lines on refused or slow requests were left out", left_out);
  const std::string_view whole = request().target;
  const auto shown = whole.substr(0, std::min(whole.find('?'), target_bytes_max));
  spdlog::log(level,
              "http method={} target={} status={} code={} principal={} correlation={} took_ms={}",
              request().method, shown, status, code, who.who.name, correlation,
              std::chrono::duration_cast<std::chrono::milliseconds>(age()).count());
}

}  // namespace millrace::gateway
