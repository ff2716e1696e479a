// One request inside the gateway.
// Every answer leaves through `answer`, so headers and counts cannot be forgotten.
#include "nodes/gateway/call.hpp"

namespace millrace::gateway {

void call::json(int status, std::string body) {
  http::response r;
  r.status = status;
  r.set("Content-Type", "application/json");
  r.body = std::move(body);
  answer(std::move(r));
}

void call::fail(const error& e, std::string_view title, std::uint32_t retry_after_s) {
  answer(http::problem(e, {target.path, correlation, title, retry_after_s}));
}

void call::answer(http::response r) {
  if (!correlation.empty()) r.set("Correlation-Id", correlation);
  if (r.get("Cache-Control").empty()) r.set("Cache-Control", "no-store");
  r.set("X-Content-Type-Options", "nosniff");
  for (const std::string_view name : {"traceparent", "tracestate"})
    if (const auto value = request().get(name); !value.empty() && value.size() <= 512) r.set(name, std::string(value));
  metrics_.count(route, r.status);
  exchange->answer(std::move(r));
}

}  // namespace millrace::gateway
