// A simulated system as a running service: its model behind HTTP, with fault switches, signature
// checks and duplicates.
//   GET /state, GET|POST|DELETE /faults, GET /healthz; POST /inbox takes canonical messages; the
//   rest is the system's own API.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "schemas/result.hpp"

namespace millrace::simulator {

struct settings {
  std::string system;  // erp, mes, qms
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;            // 0 = any free port
  std::string platform;              // URL; empty = it reports to nobody
  std::string token;                 // empty = the dev token of the system
  std::string plant = "hamburg";     // for what names no plant
  std::vector<std::string> secrets;  // with one, what is not signed by it is refused
  bool automatic = false;            // mes: executes what is dispatched by itself
  std::uint64_t seed = 1;            // of error_rate
};

class service {
 public:
  /// Error: config.invalid (unknown system, address in use, secret).
  [[nodiscard]] static result<std::unique_ptr<service>> start(settings s);
  virtual ~service() = default;
  [[nodiscard]] virtual std::uint16_t port() const = 0;
  virtual void stop() = 0;
};

}  // namespace millrace::simulator
