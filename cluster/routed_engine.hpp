// A node of a cluster as gateways see it: the same calls as of one node, for every plant of the
// cluster. What this node leads goes to its own engine, the rest over bulk envelopes to the node
// that leads it. A thin shell around router, route_server and placement_keeper, with one thread for
// what comes from peers and for time.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "cluster/cluster_api.hpp"
#include "cluster/node_engine.hpp"
#include "cluster/placement.hpp"
#include "cluster/route_server.hpp"
#include "cluster/router.hpp"

namespace millrace {

class placement_keeper;

struct routed_options {
  std::vector<placed_node> nodes;     // all that the configuration knows, this one too
  std::vector<node_number> founders;  // of the system group
  router_limits limits;
  const schema_model* model = nullptr;      // what comes from peers is checked against it
  std::function<std::string()> new_key;     // a UUIDv7
  std::int64_t read_us_max = 10'000'000;    // a question to a leader
  std::int64_t node_us_max = 1'500'000;     // a question to a node, whatever it leads
  std::int64_t create_us_max = 15'000'000;  // until a new plant has a leader
};

class routed_engine final : public engine_api, public cluster_api {
 public:
  /// `local` outlives it. Founds or follows the system group, and hosts what it places here.
  routed_engine(node_engine& local, routed_options options);
  /// Stops.
  ~routed_engine() override;
  /// What is open is answered as far as the own engine still answers; nothing new.
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
  /// Every plant of the cluster once: this node's replica, else its leader's.
  void plants(done<std::vector<plant_status>> cb) override;
  [[nodiscard]] bool has_plant(std::string_view plant) const override;
  void create_plant(std::string plant, done<void> cb) override;
  void create_plant_in(std::string plant, std::string region, done<void> cb) override;
  [[nodiscard]] bool ready() const override;

  void look(done<cluster_view> cb) override;
  [[nodiscard]] bool open() const override;
  [[nodiscard]] node_number self() const { return self_; }
  /// Who leads, and in which term; the term is 0 while it is not known.
  [[nodiscard]] route_lead_at leader(std::string_view plant) const;
  [[nodiscard]] std::uint64_t retries() const;
  /// Nodes that may host the plant, as far as it is placed.
  [[nodiscard]] std::vector<node_number> voters(std::string_view plant) const;

 private:
  struct inbound {
    node_number from;
    bytes frame;
  };
  class own_sink;
  class served_sink;
  struct watching {
    std::string plant;
    std::weak_ptr<std::function<void()>> wake;
  };

  [[nodiscard]] std::int64_t now_us() const { return local_.time().monotonic_us(); }
  [[nodiscard]] bool here(std::string_view plant) const;
  void carry_out(router_output out);
  void ask(route_ask what, bool once, router::ask_done cb);
  void ask_node(node_number node, route_ask what, router::ask_done cb);
  /// Asks every node (this one as well) and joins what the answers have, whoever is silent.
  void ask_all(route_ask what, std::function<void(route_content)> cb);
  void send(node_number to, const route_frame& frame);
  /// Answers a question from the own engine.
  void answer_here(route_ask what, bool only_led, router::ask_done cb);
  void run();
  void take(node_number from, route_frame frame);
  void serve(node_number from, route_submit s);
  void serve(node_number from, route_ask a);
  [[nodiscard]] bool sound(const request& r) const;
  void reply_to(node_number to, std::vector<reply> replies);
  void on_time();
  void tell_leads(bool changed_only);
  void wake_watchers();

  node_engine& local_;
  routed_options options_;
  node_number self_;
  std::uint64_t session_;
  mutable std::mutex mutex_;  // router, server, leads of others, watchers
  router router_;
  route_server server_;
  std::map<std::string, route_lead_at, std::less<>> told_;  // what other nodes say they lead
  std::vector<watching> watching_;
  std::vector<route_lead> led_;  // as last told
  std::mutex inbox_mutex_;
  std::condition_variable inbox_cv_;
  std::deque<inbound> inbox_;
  std::size_t inbox_bytes_ = 0;
  std::set<node_number> up_;  // the thread's
  std::int64_t told_us_ = 0, woken_us_ = 0;
  std::atomic<bool> stopping_{false};
  std::unique_ptr<placement_keeper> keeper_;
  std::thread thread_;
};

}  // namespace millrace
