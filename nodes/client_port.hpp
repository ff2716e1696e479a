// The ZeroMQ client port: batches of commands in FlatBuffers envelopes in, batches of replies out.
// For adapters and load. One thread owns the sockets; engine threads only append their replies and
// wake it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cluster/engine.hpp"
#include "nodes/config.hpp"
#include "nodes/gateway/auth.hpp"
#include "nodes/gateway/metrics.hpp"
#include "schemas/model.hpp"

namespace millrace {

struct client_port_options {
  std::string address = "tcp://127.0.0.1:0";  // port 0 = any free one
  std::string secret_key;                     // CURVE (Z85); empty = NULL mechanism
  std::vector<curve_client> clients;          // who may connect with CURVE
  std::uint32_t in_flight_max = 4096;  // of one client, unread replies with them; beyond it 429
  std::uint32_t frame_bytes_max = 8 * 1024 * 1024;
  std::uint32_t queue_max = 1000;  // frames per client on their way in
  std::uint32_t deadline_ms_max = 30'000;
  std::uint32_t stop_ms_max = 2'000;
};

/// A frame is one message part (after an empty one, if the client is a REQ socket) that holds an
/// engine.Frame. Its token counts for the frame, and for later frames of the same connection
/// without one. Every command gets one reply.
class client_port {
 public:
  /// Binds and starts the thread; engine, model, auth and counters must outlive it. Error:
  /// config.invalid.
  [[nodiscard]] static result<std::unique_ptr<client_port>> start(
      client_port_options options, engine_api& engine, const schema_model& model,
      const gateway::authenticator& auth, gateway::metrics& counters);
  virtual ~client_port() = default;
  /// Where it listens, with the port that was chosen.
  [[nodiscard]] virtual std::string address() const = 0;
  /// Takes no more, waits for open replies within stop_ms_max, joins the thread.
  virtual void stop() = 0;
};

}  // namespace millrace
