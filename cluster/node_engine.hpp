// The engine of one node: its directory, journal and state environments, the replication loop, CAF,
// and the plants on it. Implements engine_api; everything above (gateways, adapters, tools) sees
// only that.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include "cluster/clock.hpp"
#include "cluster/engine.hpp"
#include "cluster/host.hpp"
#include "cluster/identity.hpp"
#include "cluster/inflight.hpp"
#include "cluster/lmdb_store.hpp"
#include "cluster/plant_shell.hpp"
#include "cluster/replication_loop.hpp"
#include "cluster/state_io.hpp"

namespace millrace {

/// A system that has an endpoint at a plant, or at all of them ("*").
struct endpoint_binding {
  std::string plant;
  System system = System::none;
};

struct node_options {
  std::filesystem::path data;
  std::string cluster = "millrace";
  std::string node = "node-1";
  std::vector<endpoint_binding> endpoints;
  rule_map rules;
  host_options host;  // of every plant; what belongs to one plant alone is set per plant
  loop_options loop;
  lmdb_options journal, state;
  supervision_limits supervision;
  std::uint64_t resident_bytes_max = 512ull * 1024 * 1024;  // memory of all plants' actors
  unsigned workers = 0;  // CAF's threads; 0 = as many as the machine has, at least 2
  unsigned cold_readers = 2;
  std::int64_t stop_ms_max = 30'000;  // for the last checkpoint
};

class node_engine final : public engine_api {
 public:
  /// Opens the directory and all plants in it; replay goes on behind ready(). `kinds` and `out`
  /// (may be null) outlive it. Errors: directory.refused, disk.failed, journal.damaged,
  /// state.damaged, config.invalid.
  [[nodiscard]] static result<std::unique_ptr<node_engine>> start(node_options options,
                                                                  const kind_registry& kinds,
                                                                  sink* out);
  /// Stops, cleanly unless stop() was called before.
  ~node_engine() override;
  /// Refuses what is new, answers what is admitted, stores a checkpoint and closes everything.
  void stop();

  void submit(std::vector<request> batch, std::shared_ptr<reply_sink> sink) override;
  void read(address where, consistency c, done<actor_view> cb) override;
  void list(list_query q, done<list_page> cb) override;
  void rows(address where, std::string table, std::string after, std::uint32_t limit,
            done<std::vector<row_view>> cb) override;
  void events(event_query q, done<event_page> cb) override;
  std::shared_ptr<void> watch(std::string plant, std::function<void()> wake) override;
  void transaction(std::string correlation, done<std::vector<hop>> cb) override;
  void exceptions(std::string plant, std::string code, std::string after, std::uint32_t limit,
                  done<std::vector<exception_view>> cb) override;
  void deadletters(std::string plant, std::string after, std::uint32_t limit,
                   done<std::vector<delivery_view>> cb) override;
  void deadletter(std::string id, deadletter_op op, bytes edited, principal by,
                  done<void> cb) override;
  void endpoints(done<std::vector<endpoint_view>> cb) override;
  void pause_endpoint(std::string plant, System system, timestamp until, std::string reason,
                      principal by, done<void> cb) override;
  void plants(done<std::vector<plant_status>> cb) override;
  [[nodiscard]] bool has_plant(std::string_view plant) const override;
  void create_plant(std::string plant, done<void> cb) override;
  [[nodiscard]] bool ready() const override;

  /// Figures of one plant's host, for metrics.
  void statistics(done<std::vector<std::pair<std::string, host_status>>> cb);
  /// Figures of the replication loop.
  void loop_statistics(std::function<void(loop_status)> cb);
  /// Stores a checkpoint of every plant, then calls `cb`.
  void checkpoint(done<void> cb);
  [[nodiscard]] const clock& time() const { return clock_; }

 private:
  using shell_ptr = std::shared_ptr<plant_shell>;

  node_engine(node_options options, const kind_registry& kinds, sink* out,
              data_directory directory);
  [[nodiscard]] result<void> open();
  [[nodiscard]] result<shell_ptr> open_plant(const std::string& plant, std::uint32_t generation,
                                             group_number group);
  [[nodiscard]] shell_ptr find(std::string_view plant) const;
  [[nodiscard]] std::vector<shell_ptr> all() const;
  [[nodiscard]] system_set bound_at(std::string_view plant) const;
  void drain();
  void keep_house();
  void share_memory();
  /// Asks every shell on its actor and joins the answers in order of the plants' names.
  template <class T>
  void gather(std::vector<shell_ptr> from, std::function<result<std::vector<T>>(plant_shell&)> ask,
              done<std::vector<T>> cb);

  node_options options_;
  const kind_registry& kinds_;
  sink* out_;
  data_directory directory_;
  node_clock clock_;
  std::unique_ptr<inflight_marks> marks_;
  std::unique_ptr<store> journal_, state_;
  std::unique_ptr<state_io> io_;
  std::unique_ptr<replication_loop> loop_;
  std::unique_ptr<caf::actor_system_config> config_;
  std::unique_ptr<caf::actor_system> actors_;
  mutable std::shared_mutex plants_mutex_;
  std::mutex opening_mutex_;  // one plant is created at a time
  std::map<std::string, shell_ptr, std::less<>> plants_;
  std::atomic<bool> stopping_{false};
  std::mutex house_mutex_;
  std::condition_variable house_cv_;
  bool house_ends_ = false;
  std::thread house_;
};

}  // namespace millrace
