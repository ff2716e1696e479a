// The clients of a run: each sends one command after the other, under a key, again and again until
// it has a final answer, and writes down what it was told and when. The history is what the checks
// hold against the journal.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/engine.hpp"
#include "tests/simulation/fleet.hpp"

namespace millrace::simulation {

/// What a command is about, as far as the checks treat it in its own way.
enum class deed : std::uint8_t { setup, confirm, consume, allocate, hold, exception, reuse, other };

/// One command as its client saw it.
struct operation {
  std::string key;
  address to;
  deed what = deed::other;
  std::string report;  // its business id
  std::string batch;   // of consume and allocate
  bytes body;
  std::uint8_t command = 0;
  System system = System::none;
  request::exception_op op = request::exception_op::none;
  std::string exception;
  std::int64_t invoked_us = 0;
  std::int64_t answered_us = -1;  // final answer
  reply answer;
  unsigned sends = 0;
  std::string told;  // code of the last answer that was not final
  [[nodiscard]] bool accepted() const {
    return answer.outcome == engine::Outcome::accepted && answer.code.empty();
  }
  [[nodiscard]] std::string name() const {
    return key + " (" + to.to_string() + ' ' + report + ' ' + batch + ')';
  }
};

using shared_operation = std::shared_ptr<operation>;

/// A read as its client saw it.
struct observation {
  address where;
  std::int64_t invoked_us = 0;
  std::int64_t answered_us = 0;
  std::uint64_t sequence = 0;
  bytes state;
};

class clients {
 public:
  clients(world& w, const swarm& faults, findings& found, fleet& n);
  /// Sets up plants, material, stock, orders and shipments (retrying through crashes), then starts
  /// the clients.
  void start();
  /// No new commands; those without a final answer go on until they have one.
  void stop() { stopping_ = true; }
  [[nodiscard]] bool quiet() const { return open_ == 0 && prepared_; }
  /// Commands without a final answer, with what they were told last.
  [[nodiscard]] std::string waiting() const;
  /// Tries what is open as an exception again: its reason must still hold, since the engine tried
  /// after every change.
  void retry_exceptions();
  /// Sends answered commands again and compares; call when quiet.
  void replay_some();
  /// Sends those again whose answers stand at that damaged place of the journal: it must not be
  /// given.
  void expect_damaged(const std::string& plant, journal_index index);
  [[nodiscard]] const std::vector<shared_operation>& operations() const { return operations_; }
  [[nodiscard]] const std::vector<observation>& observations() const { return observations_; }

 private:
  using next = std::function<void()>;
  void set_up(const std::string& plant);
  void prepare(std::size_t step);
  void client(unsigned number);
  shared_operation draw();
  shared_operation draw_report(const std::string& plant);
  shared_operation draw_hold(const std::string& plant);
  shared_operation draw_shipment(const std::string& plant);
  shared_operation draw_inspection(const std::string& plant);
  shared_operation draw_release(const std::string& plant);
  shared_operation draw_run(const std::string& plant);
  shared_operation draw_floor(const std::string& plant);
  shared_operation draw_exception(const std::string& plant);
  shared_operation draw_nonconformance(const std::string& plant);
  shared_operation draw_supplier();
  shared_operation draw_lots(const std::string& plant);
  shared_operation draw_order_hold(const std::string& plant);
  shared_operation draw_repetition();
  [[nodiscard]] std::string any(const char* prefix, unsigned count);
  void run(shared_operation op, next then);
  void replay(const shared_operation& op);
  void send(const shared_operation& op, next then);
  void judge(const operation& op);
  [[nodiscard]] request request_of(const operation& op) const;
  void observe(const address& where);
  template <class CommandT, class Schema>
  shared_operation make(const std::string& plant, const std::string& id, const CommandT& c,
                        System by, deed what = deed::other);

  world& world_;
  const swarm& faults_;
  findings& found_;
  fleet& fleet_;
  std::vector<shared_operation> setup_;
  std::vector<shared_operation> operations_;
  std::vector<observation> observations_;
  std::vector<shared_operation> holds_;  // placed and, as far as is known, open
  std::vector<address> inspections_;
  std::vector<address> nonconformances_;
  std::vector<address> containments_;                         // reported and not withdrawn
  std::vector<address> gated_;                                // orders to be released by request
  std::vector<std::pair<address, std::string>> postings_;     // movements of lots
  std::vector<std::pair<address, std::string>> order_holds_;  // placed and not released
  std::uint64_t made_ = 0;
  std::size_t open_ = 0;
  bool prepared_ = false;
  bool stopping_ = false;
};

}  // namespace millrace::simulation
