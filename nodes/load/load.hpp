// The load generator: a closed loop of commands against a running node, by the client port or by
// HTTP. Every answer is checked; what is measured is from the send of a command to its answer.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "nodes/load/histogram.hpp"
#include "schemas/model.hpp"
#include "schemas/result.hpp"

namespace millrace::load {

struct options {
  std::string http = "127.0.0.1:8080";  // HOST:PORT, also used to set up
  std::string client;                   // tcp://HOST:PORT of the client port; needed for via native
  bool native = true;
  std::uint32_t in_flight = 256;   // 1..65536, over all connections
  std::uint32_t connections = 16;  // HTTP only
  std::uint32_t actors = 1000;     // orders, spread over the plants
  std::uint32_t plants = 16;
  std::uint32_t payload = 300;  // bytes of a command's body, padded
  double seconds = 10;
  double warm_up = 1;
  std::string token_prefix = "dev-";  // tokens are PREFIX + system
  std::string run;      // makes confirmation ids unique over runs; empty = from the clock
  bool prepare = true;  // create plants, material and orders first
};

struct outcome {
  std::uint64_t answered = 0;
  std::uint64_t refused = 0;     // answers that were not 200, each a failure of the run
  std::uint64_t violations = 0;  // answers out of order, doubled or unasked
  std::string first_failure;
  double seconds = 0;
  histogram latency;
  [[nodiscard]] double rate() const {
    return seconds > 0 ? static_cast<double>(answered) / seconds : 0;
  }
};

/// One command of the workload, before it is written for a wire.
struct work_item {
  std::uint32_t actor = 0;   // number of the order
  std::uint64_t number = 0;  // running number, in the confirmation id and the key
};

/// Names and bodies of the workload's commands. Immutable; one for all threads.
class workload {
 public:
  explicit workload(const options& o);
  [[nodiscard]] std::string plant_of(std::uint32_t actor) const;
  [[nodiscard]] std::string order_of(std::uint32_t actor) const;
  [[nodiscard]] std::string confirmation_id(const work_item& item) const;
  /// The confirm-operation command as a FlatBuffer of about `payload` bytes.
  [[nodiscard]] bytes confirm_table(const work_item& item) const;
  /// The same as JSON.
  [[nodiscard]] std::string confirm_json(const work_item& item) const;
  [[nodiscard]] const options& settings() const { return options_; }

 private:
  options options_;
  std::string padding_;
};

/// Plants, material and released orders, by HTTP and (when given) the client port. Safe to repeat.
[[nodiscard]] result<void> prepare(const workload& w);
/// The orders alone, by the client port, thousands at once.
[[nodiscard]] result<void> prepare_orders(const workload& w);
/// Runs the closed loop; an error where no connection can be made.
[[nodiscard]] result<outcome> run_native(const workload& w);
[[nodiscard]] result<outcome> run_http(const workload& w);

}  // namespace millrace::load
