// The rest adapter: delivers what the outbox files to JSON systems over HTTP, as signed webhooks in
// the system's own form. One thread drives all transfers of all endpoints through libcurl's multi
// interface; connections are kept and used again.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cluster/engine.hpp"
#include "nodes/adapters/mapping.hpp"

namespace millrace {

/// One outer system of one plant (or, with plant "*", of every plant that has no endpoint of its
/// own).
struct rest_endpoint {
  std::string plant = "*";
  System system = System::none;
  std::string url;                   // "https://host:port/base", http or https
  std::vector<std::string> secrets;  // "whsec_...", newest first; none = unsigned
  std::vector<std::pair<std::string, std::string>>
      headers;                         // sent with every request, e.g. Authorization
  std::shared_ptr<const mapping> map;  // null = mapping::canonical()
  std::vector<std::string> allowed;    // networks reachable besides public ones: "10.1.0.0/16"
  std::string ca_file;                 // PEM for https; empty = the system's
};

struct rest_options {
  std::size_t answer_bytes_max = 256 * 1024;
  long connections_max = 256;
  long connections_per_host_max = 32;
  long connect_ms_max = 3'000;
  bool allow_loopback = false;                      // --dev
  std::function<std::int64_t()> unix_seconds = {};  // clock of the signatures; null = the system's
};

class rest_adapter : public sink {
 public:
  /// Checks the endpoints and starts the thread. Errors: config.invalid (URL, secret, network,
  /// endpoint given twice).
  [[nodiscard]] static result<std::unique_ptr<rest_adapter>> start(
      const schema_model& model, std::vector<rest_endpoint> endpoints, rest_options options = {});
  ~rest_adapter() override = default;
  /// True when that system of that plant has an endpoint here. Thread-safe.
  [[nodiscard]] virtual bool bound(std::string_view plant, System system) const = 0;
  /// The request that an attempt would make now, without making it. Thread-safe. Errors:
  /// endpoint.unknown, mapping.*.
  [[nodiscard]] virtual result<mapped_request> preview(const attempt& a) const = 0;
  /// Ends what is under way (each with the verdict retry) and joins the thread. The destructor does
  /// it too.
  virtual void stop() = 0;
};

}  // namespace millrace
