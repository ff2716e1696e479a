// What the gateway counts, as Prometheus text.
// Plants, systems, route classes and statuses are labels; ids of orders or batches never are.
#include "nodes/gateway/metrics.hpp"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <limits>
#include <sstream>

namespace millrace::gateway {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using labels = std::vector<ClientMetric::Label>;

ClientMetric labelled(labels l) {
  ClientMetric m;
  m.label = std::move(l);
  return m;
}

MetricFamily family(std::string name, std::string help, MetricType type) {
  MetricFamily f;
  f.name = std::move(name);
  f.help = std::move(help);
  f.type = type;
  return f;
}

void add(MetricFamily& f, labels l, double value) {
  auto m = labelled(std::move(l));
  if (f.type == MetricType::Counter)
    m.counter.value = value;
  else
    m.gauge.value = value;
  f.metric.push_back(std::move(m));
}

MetricFamily single(std::string name, std::string help, MetricType type, double value) {
  auto f = family(std::move(name), std::move(help), type);
  add(f, {}, value);
  return f;
}

void add_plants(const std::vector<plant_status>& plants, std::vector<MetricFamily>& out) {
  const auto gauge = [&](const char* name, const char* help, auto get) {
    auto f = family(name, help, MetricType::Gauge);
    for (const auto& p : plants) add(f, {{"plant", p.plant}}, static_cast<double>(get(p)));
    if (!f.metric.empty()) out.push_back(std::move(f));
  };
  gauge("millrace_plant_applied_index", "Journal index applied",
        [](const auto& p) { return p.applied; });
  gauge("millrace_plant_commit_index", "Journal index committed",
        [](const auto& p) { return p.commit; });
  gauge("millrace_plant_checkpoint_index", "Journal index in the checkpoint",
        [](const auto& p) { return p.checkpoint; });
  gauge("millrace_plant_resident_actors", "Actors in memory",
        [](const auto& p) { return p.resident; });
  gauge("millrace_plant_commands_in_flight", "Commands not yet answered",
        [](const auto& p) { return p.in_flight; });
  gauge("millrace_plant_open_exceptions", "Facts that wait as exceptions",
        [](const auto& p) { return p.parked; });
  gauge("millrace_plant_timers", "Armed timers", [](const auto& p) { return p.timers; });
  gauge("millrace_plant_quarantined_actors", "Actors in quarantine",
        [](const auto& p) { return p.quarantined; });
}

void add_endpoints(const std::vector<endpoint_view>& endpoints, timestamp now,
                   std::vector<MetricFamily>& out) {
  const auto each = [&](const char* name, const char* help, MetricType type, auto get) {
    auto f = family(name, help, type);
    for (const auto& e : endpoints)
      add(f, {{"plant", e.plant}, {"system", EnumNameSystem(e.system)}},
          static_cast<double>(get(e)));
    if (!f.metric.empty()) out.push_back(std::move(f));
  };
  each("millrace_outbox_depth", "Deliveries that wait", MetricType::Gauge,
       [](const auto& e) { return e.waiting; });
  each("millrace_outbox_oldest_age_seconds", "Age of the oldest waiting delivery",
       MetricType::Gauge, [&](const auto& e) {
         return e.oldest.given() ? static_cast<double>(std::max<std::int64_t>(
                                       0, now.micros() - e.oldest.micros())) /
                                       1e6
                                 : 0.0;
       });
  each("millrace_deadletters", "Open dead letters", MetricType::Gauge,
       [](const auto& e) { return e.dead; });
  each("millrace_endpoint_paused", "1 while paused", MetricType::Gauge,
       [](const auto& e) { return e.paused ? 1 : 0; });
  each("millrace_endpoint_breaker_open", "1 while the circuit breaker is not closed",
       MetricType::Gauge,
       [](const auto& e) { return e.breaker.empty() || e.breaker == "closed" ? 0 : 1; });
  each("millrace_deliveries_acknowledged_total", "Deliveries acknowledged", MetricType::Counter,
       [](const auto& e) { return e.acknowledged; });
  each("millrace_delivery_attempts_total", "Attempts", MetricType::Counter,
       [](const auto& e) { return e.attempts; });
  each("millrace_delivery_failures_total", "Failed attempts", MetricType::Counter,
       [](const auto& e) { return e.failures; });
}

}  // namespace

std::string_view route_name(route r) {
  switch (r) {
    case route::command:
      return "command";
    case route::bulk:
      return "bulk";
    case route::read:
      return "read";
    case route::list:
      return "list";
    case route::events:
      return "events";
    case route::process:
      return "process";
    case route::operations:
      return "operations";
    case route::platform:
      return "platform";
    case route::unknown:
      return "unknown";
  }
  return "unknown";
}

void metrics::count(route r, int status) {
  const auto slot =
      status > 0 && status < static_cast<int>(status_max) ? static_cast<std::size_t>(status) : 0;
  requests_[static_cast<std::size_t>(r)][slot].fetch_add(1, std::memory_order_relaxed);
}

void metrics::command_took(std::chrono::nanoseconds t) {
  const double seconds = std::chrono::duration<double>(t).count();
  const auto slot = std::lower_bound(latency_bounds.begin(), latency_bounds.end(), seconds) -
                    latency_bounds.begin();
  latency_[static_cast<std::size_t>(slot)].fetch_add(1, std::memory_order_relaxed);
  latency_sum_us_.fetch_add(static_cast<std::uint64_t>(t.count() / 1000),
                            std::memory_order_relaxed);
}

std::string metrics::text(const std::vector<plant_status>& plants,
                          const std::vector<endpoint_view>& endpoints,
                          const http::server_figures& server, timestamp now) const {
  std::vector<MetricFamily> out;
  auto requests = family("millrace_http_requests_total", "HTTP requests by route class and status",
                         MetricType::Counter);
  for (std::size_t r = 0; r < route_count; ++r)
    for (std::size_t s = 0; s < status_max; ++s)
      if (const auto n = requests_[r][s].load(std::memory_order_relaxed); n != 0)
        add(requests,
            {{"route", std::string(route_name(static_cast<route>(r)))},
             {"status", std::to_string(s)}},
            static_cast<double>(n));
  out.push_back(std::move(requests));

  auto latency = family("millrace_command_seconds", "Time from a command's arrival to its answer",
                        MetricType::Histogram);
  auto m = labelled({});
  std::uint64_t total = 0;
  for (std::size_t i = 0; i <= latency_bounds.size(); ++i) {
    total += latency_[i].load(std::memory_order_relaxed);
    const double bound =
        i < latency_bounds.size() ? latency_bounds[i] : std::numeric_limits<double>::infinity();
    m.histogram.bucket.push_back({total, bound});
  }
  m.histogram.sample_count = total;
  m.histogram.sample_sum =
      static_cast<double>(latency_sum_us_.load(std::memory_order_relaxed)) / 1e6;
  latency.metric.push_back(std::move(m));
  out.push_back(std::move(latency));

  auto outcomes =
      family("millrace_command_outcomes_total", "Commands by outcome", MetricType::Counter);
  for (std::size_t i = 0; i < outcomes_.size(); ++i)
    add(outcomes, {{"outcome", engine::EnumNameOutcome(static_cast<engine::Outcome>(i))}},
        static_cast<double>(outcomes_[i].load(std::memory_order_relaxed)));
  out.push_back(std::move(outcomes));

  const auto load = [](const std::atomic<std::uint64_t>& a) {
    return static_cast<double>(a.load(std::memory_order_relaxed));
  };
  out.push_back(single("millrace_commands_not_owner_total",
                       "Commands from a system that does not own them", MetricType::Counter,
                       load(not_owner_)));
  out.push_back(single("millrace_client_port_commands_total", "Commands over the client port",
                       MetricType::Counter, load(port_commands_)));
  out.push_back(single("millrace_client_port_refused_total",
                       "Frames and commands the client port refused", MetricType::Counter,
                       load(port_refused_)));
  out.push_back(single("millrace_http_connections", "Open HTTP connections", MetricType::Gauge,
                       static_cast<double>(server.open)));
  out.push_back(single("millrace_http_connections_accepted_total", "HTTP connections accepted",
                       MetricType::Counter, static_cast<double>(server.accepted)));
  out.push_back(single("millrace_http_connections_refused_total", "HTTP connections over the cap",
                       MetricType::Counter, static_cast<double>(server.refused)));
  out.push_back(single("millrace_http_malformed_total", "HTTP requests refused before routing",
                       MetricType::Counter, static_cast<double>(server.malformed)));
  out.push_back(single("millrace_http_timeouts_total", "HTTP deadlines passed", MetricType::Counter,
                       static_cast<double>(server.timed_out)));
  add_plants(plants, out);
  add_endpoints(endpoints, now, out);

  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, out);
  return text.str();
}

}  // namespace millrace::gateway
