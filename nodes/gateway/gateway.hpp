// The HTTP gateway: authenticates, finds the route, answers every request of the API
// (interfaces.md).
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "cluster/entry_source.hpp"
#include "nodes/gateway/asyncapi.hpp"
#include "nodes/gateway/core.hpp"
#include "nodes/http/message.hpp"

namespace millrace::slas {
class reader;
}

namespace millrace::gateway {

class rule_keeper;

class gateway final : public http::handler {
 public:
  /// `engine` and `model` must outlive the gateway.
  gateway(engine_api& engine, const schema_model& model, authenticator auth, settings options);
  ~gateway() override;
  void handle(std::shared_ptr<http::exchange> e) override;

  [[nodiscard]] metrics& counters() { return core_.metrics; }
  /// Figures of the server that calls this gateway, for /metrics.
  void set_server_figures(std::function<http::server_figures()> f) {
    core_.server_figures = std::move(f);
  }
  /// The cluster that the engine is part of; outlives the gateway's calls.
  void set_cluster(cluster_api* cluster) { core_.cluster = cluster; }
  /// What an attempt would send now (the adapter's preview).
  void set_preview(std::function<result<mapped_request>(const attempt&)> f) {
    core_.preview = std::move(f);
  }
  /// Where audits are read; outlives the gateway's calls. Without it there are none.
  void set_journals(entry_source* journals) { journals_ = journals; }
  /// The service levels that this node measures; the gateway keeps them going. Before the server
  /// starts.
  void set_service_levels(std::shared_ptr<slas::reader> measured);
  /// Heartbeats of live streams, adoption of rules, service levels; called about once a second.
  void tick();
  /// From now on /readyz says 503; live streams end.
  void begin_stop();

 private:
  void route_call(const call_ptr& c);
  bool route_public(const call_ptr& c);
  void route_platform(const call_ptr& c);
  void route_plant(const call_ptr& c);
  void route_actor(const call_ptr& c, const kind_model& kind);
  core core_;
  asyncapi_document asyncapi_;
  entry_source* journals_ = nullptr;
  std::shared_ptr<rule_keeper> keeper_;
  std::shared_ptr<slas::reader> measured_;
  std::atomic<bool> stopping_{false};
};

}  // namespace millrace::gateway
