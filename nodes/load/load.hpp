// The load generator: a closed loop of commands against a running node, by the client port or by
// HTTP, or an open one with holds in between. Every answer is checked; what is measured is from the
// send of a command to its answer.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
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

/// Of run_holds, besides the options above.
struct hold_options {
  double rate = 5'000;       // confirm-operation commands a second, whatever their answers do
  double holds_per_s = 20;   // placed meanwhile, each on a lot of its own
  std::uint32_t burst = 0;   // instead of the rate: so many commands at once,
  double burst_every_s = 2;  // again and again
  double settle_s_max = 30;  // how long after the load the last acknowledgements may come
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

/// What became of the holds that were placed under load. Times count from when the hold was due to
/// be sent, not from when it was.
struct hold_outcome {
  outcome commands;
  histogram placed;                  // until the answer to place-hold: no unit can leave
  std::array<histogram, 3> systems;  // until ERP, MES, QMS have acknowledged
  histogram all;                     // until the last of them has
  // With bursts the above are of holds that met none, and these of holds that were due while
  // commands of a burst waited for their answers.
  histogram placed_in_burst, all_in_burst;
  histogram bursts;                  // from the burst to the answer of its last command
  std::uint64_t unacknowledged = 0;  // by one of them, at the end: each a failure of the run
};
inline constexpr std::array<std::string_view, 3> hold_systems{"erp", "mes", "qms"};

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
  /// The lot of a hold and the hold's id, by the hold's number.
  [[nodiscard]] std::string lot_of(std::uint32_t hold) const;
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
/// Lots for that many holds, by the client port.
[[nodiscard]] result<void> prepare_lots(const workload& w, std::uint32_t holds);
/// Runs the closed loop; an error where no connection can be made.
[[nodiscard]] result<outcome> run_native(const workload& w);
[[nodiscard]] result<outcome> run_http(const workload& w);
/// An open loop of commands at a fixed rate by the client port, and holds on lots meanwhile; then
/// reads from each hold when ERP, MES and QMS have acknowledged it. All three must be bound.
[[nodiscard]] result<hold_outcome> run_holds(const workload& w, const hold_options& h);

}  // namespace millrace::load
