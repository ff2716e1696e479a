// The clients of a run: each sends one command after the other, under a key, again and again until it has a final answer,
// and writes down what it was told and when. The history is what the checks hold against the journal.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/engine.hpp"
#include "tests/simulation/node.hpp"

namespace millrace::simulation {

/// One command as its client saw it.
struct operation {
  std::string key;
  address to;
  std::string what;                    // "confirm", "consume", "allocate", "place-hold", "release-hold"
  std::string report;                  // its business id
  std::string batch;                   // of consume, allocate and holds
  bytes body;
  std::uint8_t command = 0;
  System system = System::none;
  std::int64_t invoked_us = 0;
  std::int64_t answered_us = -1;       // final answer
  reply answer;
  unsigned sends = 0;
  std::string told;                    // code of the last answer that was not final
};

/// A read as its client saw it.
struct observation {
  address where;
  std::int64_t invoked_us = 0;
  std::int64_t answered_us = 0;
  std::uint64_t sequence = 0;
};

class clients {
 public:
  clients(world& w, const swarm& faults, findings& found, node& n);
  /// Sets up plants, material, stock, orders and shipments (retrying through crashes), then starts the clients.
  void start();
  /// No new commands; those without a final answer go on until they have one.
  void stop() { stopping_ = true; }
  [[nodiscard]] bool quiet() const { return open_ == 0 && prepared_; }
  /// Commands without a final answer, with what they were told last.
  [[nodiscard]] std::string waiting() const;
  /// Sends answered commands again and compares; call when quiet.
  void replay_some();
  [[nodiscard]] const std::vector<std::shared_ptr<operation>>& operations() const { return operations_; }
  [[nodiscard]] const std::vector<observation>& observations() const { return observations_; }

 private:
  using next = std::function<void()>;
  void prepare(std::size_t step);
  void client(unsigned number);
  std::shared_ptr<operation> draw(unsigned client);
  void run(std::shared_ptr<operation> op, next then);
  void send(const std::shared_ptr<operation>& op, next then);
  void observe(const address& where);
  template <class CommandT, class Schema>
  std::shared_ptr<operation> make(const std::string& plant, const std::string& id, const CommandT& c, System by,
                                  const std::string& what);

  world& world_;
  const swarm& faults_;
  findings& found_;
  node& node_;
  std::vector<std::shared_ptr<operation>> setup_;
  std::vector<std::shared_ptr<operation>> operations_;
  std::vector<observation> observations_;
  std::uint64_t made_ = 0;
  std::size_t open_ = 0;
  bool prepared_ = false;
  bool stopping_ = false;
};

}  // namespace millrace::simulation
