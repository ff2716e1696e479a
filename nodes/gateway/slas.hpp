// Business service levels over HTTP: figures, breaches, Prometheus.
#pragma once

#include "nodes/gateway/core.hpp"
#include "nodes/slas/sla_reader.hpp"

namespace millrace::gateway {

/// GET /v1/slas[?plant=&name=]: figures per plant; with plant and name also the last breaches.
void get_slas(core& g, const call_ptr& c, const slas::reader* measured);
/// The same as Prometheus text; plants and service levels are labels, orders and batches never.
[[nodiscard]] std::string sla_metrics(const slas::reader* measured);
/// GET /metrics with more text behind the gateway's own.
void get_metrics(core& g, const call_ptr& c, std::string more);

}  // namespace millrace::gateway
