// What the routes of the gateway share, and the routes themselves, each group in a file of its own.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "cluster/cluster_api.hpp"
#include "cluster/engine.hpp"
#include "nodes/adapters/mapping.hpp"
#include "nodes/gateway/auth.hpp"
#include "nodes/gateway/batcher.hpp"
#include "nodes/gateway/call.hpp"
#include "nodes/gateway/metrics.hpp"
#include "nodes/json/json_value.hpp"
#include "schemas/model.hpp"

namespace millrace::gateway {

/// Settings of the gateway ([http] and [limits] of the configuration).
struct settings {
  std::size_t threads = 1;
  std::size_t bulk_max = 1000;
  std::uint32_t deadline_ms = 10'000;  // of a command, when the client asks for nothing else
  std::uint32_t deadline_ms_max = 30'000;
  std::uint32_t heartbeat_ms = 15'000;  // comment lines on live streams
  std::size_t streams_max = 256;
  std::size_t stream_bytes_max = 512 * 1024;  // read ahead for one slow reader
  std::uint32_t genealogy_nodes_max = 10'000;
  std::uint32_t stock_batches_max = 10'000;
  bool open_metrics = true;            // /metrics without a token
  bool references_must_exist = false;  // rule references.must_exist, for check-release
};

class event_hub;

/// Shared by all routes; outlives every call.
struct core {
  core(engine_api& e, const schema_model& m, authenticator a, settings s);
  ~core();
  engine_api& engine;
  const schema_model& model;
  const authenticator auth;
  const settings options;
  gateway::metrics metrics;
  batcher commands;
  std::function<http::server_figures()> server_figures;
  /// What an attempt would send now, without sending it; empty where the node has no adapters.
  std::function<result<mapped_request>(const attempt&)> preview;
  /// The cluster that the engine is part of; null where it is alone.
  cluster_api* cluster = nullptr;
  std::shared_ptr<event_hub> live;
  std::once_flag openapi_made;
  std::string openapi;
};

/// Wraps a continuation of the engine so that it runs on the call's thread.
template <class T>
[[nodiscard]] done<T> on_thread_of(call_ptr c, std::function<void(result<T>)> f) {
  return [c = std::move(c), f = std::move(f)](result<T> r) {
    auto held = std::make_shared<result<T>>(std::move(r));
    c->later([f, held] { f(std::move(*held)); });
  };
}

/// The title of a code: of the catalogue, or of the kind's refusal.
[[nodiscard]] std::string title_of(const schema_model& model, std::string_view code);
/// "/v1/plants/{plant}/{collection}/{id}".
[[nodiscard]] std::string path_of(const schema_model& model, const address& where);
/// The HTTP status of an outcome: 200, 202 (parked, not known yet), or the refusal's.
[[nodiscard]] int status_of(const reply& r);
/// Exceptions are named across plants by "<plant>~<the plant's id>".
[[nodiscard]] std::string public_exception_id(const std::string& plant, const std::string& id);
/// Appends {"type","data":{…}} of one event of a decision.
void append_event(const schema_model& model, const kind_model& kind, const packed& event,
                  std::string& out);
/// Appends {"address","sequence","state":{…}}.
void append_actor(const schema_model& model, const kind_model& kind, const actor_view& view,
                  std::string& out);
/// `limit` of a list: 1..1000, default 50; -1 when it is not valid.
[[nodiscard]] long long limit_of(const target& t, long long fallback = 50);
/// True (and answered) unless the caller speaks for platform operations.
[[nodiscard]] bool refused_for_operators(const call_ptr& c);
/// "<plant>~<id in the plant>" in its parts; a bare id has no plant.
[[nodiscard]] std::pair<std::string, std::string> split_public(const std::string& id);
/// True (and answered) when a limit is not valid, or the plant is named and not known.
[[nodiscard]] bool bad_limit(const call_ptr& c, long long limit);
[[nodiscard]] bool unknown_plant(core& g, const call_ptr& c, std::string_view plant);
/// The JSON object in the body; an empty body is {}. nullopt when answered.
[[nodiscard]] std::optional<json_value> object_in(const call_ptr& c);
/// Names of the plants, in order.
void with_plants(core& g, const call_ptr& c, std::function<void(std::vector<std::string>)> then);

// commands
void post_command(core& g, const call_ptr& c, const address& to, std::string_view command);
void post_bulk(core& g, const call_ptr& c, const std::string& plant);
/// Sends a request whose table has been made and answers the call with its reply.
void send_request(core& g, const call_ptr& c, request r);
/// Applies Idempotency-Key, If-Match, Prefer, causation to a request; false when the call has been
/// answered.
[[nodiscard]] bool apply_headers(core& g, const call_ptr& c, request& r);
/// Owner check; false when the call has been answered.
[[nodiscard]] bool may_send(core& g, const call_ptr& c, const table_model& command, request& r);

// reads
void get_actor(core& g, const call_ptr& c, const address& where);
void get_history(core& g, const call_ptr& c, const address& where);
void get_list(core& g, const call_ptr& c, const std::string& plant, const kind_model& kind);
void get_list_all(core& g, const call_ptr& c, const kind_model& kind);
void get_processes(core& g, const call_ptr& c);
void get_xref(core& g, const call_ptr& c);

// what needs to know batches and orders
void get_stock(core& g, const call_ptr& c, const std::string& plant);
void get_availability(core& g, const call_ptr& c, const address& batch);
void get_genealogy(core& g, const call_ptr& c, const address& batch);
void get_recall(core& g, const call_ptr& c);
void post_check_release(core& g, const call_ptr& c, const address& order);

// events
void get_events(core& g, const call_ptr& c);

// operations
void get_exceptions(core& g, const call_ptr& c);
void get_exception(core& g, const call_ptr& c, const std::string& id);
void post_exception(core& g, const call_ptr& c, const std::string& id, const std::string& verb);
void get_deadletters(core& g, const call_ptr& c);
void post_deadletter(core& g, const call_ptr& c, const std::string& id, const std::string& verb);
void get_endpoints(core& g, const call_ptr& c);
void post_deadletters_retry(core& g, const call_ptr& c);
void get_endpoint(core& g, const call_ptr& c, const std::string& plant, const std::string& system);
void post_preview(core& g, const call_ptr& c, const std::string& plant, const std::string& system);
void post_pause(core& g, const call_ptr& c, const std::string& plant, const std::string& system);
void get_transaction(core& g, const call_ptr& c, const std::string& correlation);
void get_plants(core& g, const call_ptr& c);
void get_schemas(core& g, const call_ptr& c);
void get_schema(core& g, const call_ptr& c, const std::string& kind);
void get_metrics(core& g, const call_ptr& c);
void get_openapi(core& g, const call_ptr& c);

}  // namespace millrace::gateway
