// The engine of one node: its directory, journal and state environments, the replication loop, CAF,
// and the plants on it. Implements engine_api; everything above (gateways, adapters, tools) sees
// only that.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include "cluster/clock.hpp"
#include "cluster/engine.hpp"
#include "cluster/entry_source.hpp"
#include "cluster/host.hpp"
#include "cluster/identity.hpp"
#include "cluster/inflight.hpp"
#include "cluster/lmdb_store.hpp"
#include "cluster/membership.hpp"
#include "cluster/peer_bulk.hpp"
#include "cluster/peer_link.hpp"
#include "cluster/plant_mail.hpp"
#include "cluster/plant_shell.hpp"
#include "cluster/replication_loop.hpp"
#include "cluster/snapshot_service.hpp"
#include "cluster/state_io.hpp"

namespace millrace {

/// A system that has an endpoint at a plant, or at all of them ("*").
struct endpoint_binding {
  std::string plant;
  System system = System::none;
};

/// A node among others. Without it all plants of a node have one voter: the node itself.
struct cluster_options {
  node_number self = 0;  // 1 .., never given to another node
  std::string region;
  curve_key key;
  std::string consensus = "tcp://127.0.0.1:0";  // where to listen; port 0 = any free one
  std::string bulk = "tcp://127.0.0.1:0";
  std::vector<peer_entry> peers;
  peer_limits limits;
  /// Which nodes may host a plant that is not here, best first; empty: any peer.
  std::function<std::vector<node_number>(std::string_view plant)> members;
  /// For tests: what stands between this node and its link.
  std::function<std::unique_ptr<peer_transport>(peer_transport& link)> around;
  snapshot_limits snapshots;
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
  std::optional<cluster_options> peers;
};

/// What two replicas of a plant have in common at equal `applied`.
struct plant_digest {
  std::string plant;
  journal_index applied = 0;
  std::uint64_t hash = 0;  // of the replicated tables (plant_host::hash)
  std::string chain_head;
};

class node_engine final : public engine_api, public entry_source {
 public:
  /// Opens the directory and all plants in it; replay goes on behind ready(). `kinds` and `out`
  /// (may be null) outlive it. Errors: directory.refused, disk.failed, journal.damaged,
  /// state.damaged, config.invalid.
  [[nodiscard]] static result<std::unique_ptr<node_engine>> start(node_options options,
                                                                  const kind_registry& kinds,
                                                                  sink* out);
  /// Stops, cleanly unless stop() was called before.
  ~node_engine() override;
  /// Refuses what is new, answers what is admitted, hands leadership over, stores a checkpoint and
  /// closes everything.
  void stop();
  /// Ends as a crash would: nothing is finished, stored or said any more. For tests.
  void abandon();

  void submit(std::vector<request> batch, std::shared_ptr<reply_sink> sink) override;
  void read(address where, consistency c, done<actor_view> cb) override;
  void list(list_query q, done<list_page> cb) override;
  void rows(address where, std::string table, std::string after, std::uint32_t limit,
            done<std::vector<row_view>> cb) override;
  void events(event_query q, done<event_page> cb) override;
  void entries(entry_query q, done<entry_page> cb) override;
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
  /// Every plant is led from here, or follows a leader that is known.
  [[nodiscard]] bool ready() const override;

  // ---- a node among others ----
  [[nodiscard]] node_number self() const { return options_.peers ? options_.peers->self : 1; }
  /// Opens the plant's group here as one of its members; `cb` when it is open. Does nothing when it
  /// is open already (its founders are what the journal says then). All founders have to be told
  /// the same; a node that is none of them joins and waits for the log. Errors: id.invalid,
  /// config.invalid (no founders), node.not_ready, and those of start().
  void host_plant(std::string plant, membership founders, done<void> cb);
  /// The node that is thought to lead the plant, 0 = unknown. Cheap.
  [[nodiscard]] node_number leader_of(std::string_view plant) const;
  /// Who leads a plant that is here, in which term; 0 and 0 when it is not here.
  [[nodiscard]] std::pair<node_number, term_number> leadership(std::string_view plant) const;
  /// Of the plants that are here, in order.
  [[nodiscard]] std::vector<std::string> plant_names() const;
  /// Somebody knows better who leads a plant that is not here.
  void learn_leader(std::string_view plant, node_number node);
  /// Whether requests for the plant can be decided here now.
  [[nodiscard]] bool leads(std::string_view plant) const;
  /// Hands leadership of the plant to that voter (0: to any); nothing when it is not led from here.
  void transfer(std::string_view plant, node_number to = 0);
  /// Bulk envelopes to and from other nodes. Without peers nothing comes and goes.
  [[nodiscard]] peer_bulk& bulk() { return bulk_; }
  /// Empty without peers.
  [[nodiscard]] std::vector<peer_status> peers() const;
  [[nodiscard]] result<void> set_peers(curve_key own, std::vector<peer_entry> peers);
  [[nodiscard]] std::string consensus_address() const;
  [[nodiscard]] std::string bulk_address() const;
  void digests(done<std::vector<plant_digest>> cb);

  /// Figures of one plant's host, for metrics.
  void statistics(done<std::vector<std::pair<std::string, host_status>>> cb);
  /// What snapshots of plants are doing here; empty without peers.
  void snapshots(std::function<void(std::vector<snapshot_progress>)> cb);
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
                                             group_number group, membership founders = {});
  [[nodiscard]] result<void> start_link();
  [[nodiscard]] result<void> start_snapshots();
  [[nodiscard]] snapshot_keeper::seams around_snapshots();
  [[nodiscard]] result<void> adopt_snapshots();
  [[nodiscard]] loop_options loop_settings() const;
  [[nodiscard]] std::vector<node_number> members_of(std::string_view plant) const;
  void end(bool clean);
  void give_leads_away();
  void add_members(std::vector<plant_status>& to, loop_core& core) const;
  [[nodiscard]] std::string chain_head(const plant_shell& s, journal_index at) const;
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
  peer_bulk bulk_;
  leader_book leaders_;
  std::atomic<replication_loop*> receiver_{nullptr};  // of what the link brings
  std::unique_ptr<peer_link> link_;
  std::unique_ptr<peer_transport> around_;
  std::unique_ptr<replication_loop> loop_;
  std::unique_ptr<plant_mail> mail_;
  std::unique_ptr<snapshot_service> snapshots_;  // with peers
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
