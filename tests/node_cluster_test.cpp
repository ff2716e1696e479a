// layer: cluster
// Engines of several nodes in one process, over real links on loopback: commands, the death of a
// leader, retries, catching up, partitions, messages between plants that are led from different
// nodes.
#define BOOST_TEST_MODULE node_cluster
#include <boost/test/unit_test.hpp>

#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <future>
#include <map>
#include <set>

#include <spdlog/spdlog.h>

#include "cluster/node_engine.hpp"
#include "tests/counter_kind.hpp"

using namespace millrace;
using namespace millrace::testing;

namespace {

using clock_type = std::chrono::steady_clock;
constexpr auto patience = std::chrono::seconds(30);

class one_reply final : public reply_sink {
 public:
  void on_replies(std::vector<reply> replies) override {
    for (auto& r : replies) promise_.set_value(std::move(r));
  }
  /// None when nobody answers: the node died.
  std::optional<reply> wait(std::chrono::milliseconds most) {
    if (answer_.wait_for(most) != std::future_status::ready) return std::nullopt;
    return answer_.get();
  }

 private:
  std::promise<reply> promise_;
  std::future<reply> answer_ = promise_.get_future();
};

/// Which nodes do not hear which others.
struct cuts {
  std::mutex mutex;
  std::set<std::pair<node_number, node_number>> pairs;
  bool cut(node_number from, node_number to) {
    const std::scoped_lock lock(mutex);
    return pairs.contains({from, to});
  }
};

class gated final : public peer_transport {
 public:
  gated(peer_transport& link, std::shared_ptr<cuts> by, node_number self)
      : link_(link), cuts_(std::move(by)), self_(self) {}
  void send(node_number to, shared_bytes envelope, bool bulk) override {
    if (!cuts_->cut(self_, to)) link_.send(to, std::move(envelope), bulk);
  }
  [[nodiscard]] std::vector<peer_status> peers() const override { return link_.peers(); }

 private:
  peer_transport& link_;
  std::shared_ptr<cuts> cuts_;
  node_number self_;
};

struct fixture {
  std::filesystem::path base =
      std::filesystem::temp_directory_path() / ("node_cluster_test_" + std::to_string(::getpid()));
  kind_registry kinds;
  std::shared_ptr<cuts> net = std::make_shared<cuts>();
  std::map<node_number, curve_key> keys;
  std::map<node_number, peer_entry> entries;
  std::map<node_number, std::unique_ptr<node_engine>> nodes;
  const std::vector<node_number> all{1, 2, 3};
  std::uint64_t keys_made = 0;

  fixture() {
    spdlog::set_level(spdlog::level::warn);
    std::filesystem::remove_all(base);
    kinds.add(std::make_unique<counter_kind>());
    for (const auto n : all) keys[n] = make_curve_key();
    for (const auto n : all) boot(n);
    for (const auto n : all)
      entries[n] = {
          n, {keys[n].public_key}, nodes[n]->consensus_address(), nodes[n]->bulk_address()};
    for (const auto n : all) BOOST_REQUIRE(nodes[n]->set_peers(keys[n], others(n)));
  }
  ~fixture() {
    for (auto& [n, e] : nodes)
      if (e) e->abandon();
    nodes.clear();
    std::filesystem::remove_all(base);
  }
  std::vector<peer_entry> others(node_number self) const {
    std::vector<peer_entry> out;
    for (const auto& [n, e] : entries)
      if (n != self) out.push_back(e);
    return out;
  }
  void boot(node_number n) {
    node_options o;
    o.data = base / std::to_string(n);
    std::filesystem::create_directories(o.data);
    o.node = "node-" + std::to_string(n);
    o.loop.reserve_bytes = 1024 * 1024;
    o.journal.map_bytes = o.state.map_bytes = 256ull * 1024 * 1024;
    o.workers = 2;
    cluster_options c;
    c.self = n;
    c.key = keys[n];
    c.peers = others(n);
    if (entries.contains(n)) {
      c.consensus = entries[n].consensus;
      c.bulk = entries[n].bulk;
    }
    c.around = [this, n](peer_transport& link) { return std::make_unique<gated>(link, net, n); };
    o.peers = std::move(c);
    auto made = node_engine::start(std::move(o), kinds, nullptr);
    BOOST_REQUIRE_MESSAGE(made.has_value(),
                          (made ? "" : made.error().code + " " + made.error().detail));
    nodes[n] = std::move(*made);
  }
  void kill(node_number n) {
    nodes[n]->abandon();
    nodes[n].reset();
  }
  void isolate(node_number n, bool cut) {
    const std::scoped_lock lock(net->mutex);
    for (const auto other : all)
      for (const auto& pair : {std::pair{n, other}, std::pair{other, n}})
        if (cut)
          net->pairs.insert(pair);
        else
          net->pairs.erase(pair);
  }
  template <class F>
  bool until(F holds, std::chrono::milliseconds most = patience) {
    const auto end = clock_type::now() + most;
    while (!holds()) {
      if (clock_type::now() > end) return false;
      std::this_thread::yield();
    }
    return true;
  }
  void host(const std::string& plant) {
    for (const auto n : all) {
      std::promise<result<void>> open;
      nodes[n]->host_plant(plant, membership::of_voters(all),
                           [&](result<void> r) { open.set_value(std::move(r)); });
      const auto done_well = open.get_future().get();
      BOOST_REQUIRE_MESSAGE(done_well.has_value(), (done_well ? "" : done_well.error().detail));
    }
  }
  node_number leader(const std::string& plant) {
    node_number found = 0;
    BOOST_REQUIRE(until([&] {
      for (auto& [n, e] : nodes)
        if (e && e->leads(plant)) found = n;
      return found != 0;
    }));
    return found;
  }
  void lead_from(const std::string& plant, node_number n) {
    BOOST_REQUIRE(until([&] {
      if (const auto now = leader(plant); now != n) nodes[now]->transfer(plant, n);
      return until([&] { return nodes[n]->leads(plant); }, std::chrono::milliseconds(1'000));
    }));
  }
  request command(const std::string& plant, std::string id, counter_command which, std::int8_t n,
                  std::string key = {}, std::string row = {}) {
    request r;
    r.to = {plant, "counter", std::move(id)};
    r.command = static_cast<std::uint8_t>(which);
    r.body = counter_body(n, row);
    r.key = key.empty() ? "k" + std::to_string(++keys_made) : std::move(key);
    r.from = {"dev-mes", 1u << 2, {}};
    r.system = System::mes;
    return r;
  }
  std::optional<reply> ask(node_number n, request r, std::chrono::milliseconds most = patience) {
    auto sink = std::make_shared<one_reply>();
    nodes[n]->submit({std::move(r)}, sink);
    return sink->wait(most);
  }
  /// As a router does: to whoever is thought to lead, and again with the same key while nobody says
  /// what became of it.
  reply run(const request& r) {
    const auto end = clock_type::now() + patience;
    node_number at = nodes.begin()->first;
    while (true) {
      BOOST_REQUIRE_MESSAGE(clock_type::now() < end, "no answer");
      while (!nodes[at]) at = at % 3 + 1;
      const auto known = nodes[at]->leader_of(r.to.plant);
      if (known != 0 && nodes[known]) at = known;
      auto said = ask(at, r, std::chrono::milliseconds(2'000));
      if (said && said->code != "plant.not_leader" && said->code != "outcome.unknown" &&
          said->code != "node.not_ready" && said->code != "request.in_flight")
        return *said;
      if (said && said->leader != 0 && nodes[said->leader])
        at = said->leader;
      else
        at = at % 3 + 1;
      std::this_thread::yield();
    }
  }
  std::optional<std::int64_t> value(node_number n, const std::string& plant, std::string id,
                                    consistency how = consistency::local) {
    std::promise<result<actor_view>> seen;
    nodes[n]->read({plant, "counter", std::move(id)}, how,
                   [&](result<actor_view> r) { seen.set_value(std::move(r)); });
    const auto view = seen.get_future().get();
    if (!view) return std::nullopt;
    return std::stoll(std::string(view->state.begin(), view->state.end()));
  }
  std::vector<plant_digest> digests(node_number n) {
    std::promise<result<std::vector<plant_digest>>> all_of;
    nodes[n]->digests([&](result<std::vector<plant_digest>> r) { all_of.set_value(std::move(r)); });
    return *all_of.get_future().get();
  }
  /// All replicas of all plants have applied the same, and hold the same.
  void agree() {
    std::string why;
    BOOST_REQUIRE_MESSAGE(until([&] {
                            const auto first = digests(1);
                            for (const auto n : {2u, 3u}) {
                              const auto other = digests(n);
                              if (other.size() != first.size()) return false;
                              for (std::size_t i = 0; i < first.size(); ++i)
                                if (other[i].applied != first[i].applied) return false;
                            }
                            return true;
                          }),
                          "they do not come to the same index");
    const auto first = digests(1);
    for (const auto n : {2u, 3u}) {
      const auto other = digests(n);
      for (std::size_t i = 0; i < first.size(); ++i) {
        if (other[i].applied != first[i].applied) continue;  // it went on meanwhile
        BOOST_TEST(other[i].hash == first[i].hash);
        BOOST_TEST(other[i].chain_head == first[i].chain_head);
      }
    }
  }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(three_nodes_hold_one_plant, fixture) {
  host("hamburg");
  const auto first = leader("hamburg");
  for (int i = 0; i < 50; ++i)
    BOOST_TEST(run(command("hamburg", std::to_string(i % 5), counter_command::add, 1)).code == "");
  for (int i = 0; i < 5; ++i)
    BOOST_TEST(value(first, "hamburg", std::to_string(i), consistency::linearizable).value() == 10);
  agree();
  for (const auto n : all) {
    BOOST_TEST(nodes[n]->ready());
    BOOST_TEST(nodes[n]->leader_of("hamburg") == first);
    for (int i = 0; i < 5; ++i) BOOST_TEST(value(n, "hamburg", std::to_string(i)).value() == 10);
  }
  const auto other = first % 3 + 1;
  const auto turned_away = ask(other, command("hamburg", "1", counter_command::add, 1));
  BOOST_REQUIRE(turned_away);
  BOOST_TEST(turned_away->code == "plant.not_leader");
  BOOST_TEST(turned_away->leader == first);
  std::promise<result<std::vector<plant_status>>> told;
  nodes[first]->plants([&](result<std::vector<plant_status>> r) { told.set_value(std::move(r)); });
  const auto status = told.get_future().get();
  BOOST_REQUIRE((status && status->size() == 1));
  BOOST_TEST(status->front().role == "leader");
  BOOST_TEST(status->front().members.size() == 3u);
  for (const auto& m : status->front().members) {
    BOOST_TEST(m.up);
    BOOST_TEST(m.match == status->front().applied);
  }
}

BOOST_FIXTURE_TEST_CASE(a_leader_dies_and_nothing_acknowledged_is_lost, fixture) {
  host("hamburg");
  for (int round = 0; round < 3; ++round) {
    const auto before = leader("hamburg");
    const auto key = "kept-" + std::to_string(round);
    const auto kept = run(command("hamburg", "1", counter_command::add, 1, key));
    BOOST_TEST(kept.code == "");
    const auto began = clock_type::now();
    kill(before);
    const auto next = run(command("hamburg", "1", counter_command::add, 1));
    const auto ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(clock_type::now() - began);
    BOOST_TEST_MESSAGE("failover " << ms.count() << " ms");
    BOOST_TEST(next.code == "");
    BOOST_TEST(next.sequence == kept.sequence + 1);
    const auto again = run(command("hamburg", "1", counter_command::add, 1, key));
    BOOST_TEST(again.replayed);
    BOOST_TEST(again.sequence == kept.sequence);
    boot(before);
    agree();
    for (const auto n : all) BOOST_TEST(value(n, "hamburg", "1").value() == 2 * (round + 1));
  }
}

BOOST_FIXTURE_TEST_CASE(commands_under_way_when_the_leader_dies_happen_once, fixture) {
  host("hamburg");
  BOOST_TEST(run(command("hamburg", "0", counter_command::add, 1)).code == "");
  const auto before = leader("hamburg");
  std::vector<request> sent;
  std::vector<std::shared_ptr<one_reply>> sinks;
  for (int i = 0; i < 200; ++i) {
    sent.push_back(command("hamburg", std::to_string(i % 10), counter_command::add, 1));
    sinks.push_back(std::make_shared<one_reply>());
    nodes[before]->submit({sent.back()}, sinks.back());
  }
  sinks[20]->wait(patience);
  kill(before);
  for (const auto& r : sent) BOOST_TEST(run(r).code == "");
  boot(before);
  agree();
  std::int64_t sum = 0;
  for (int i = 0; i < 10; ++i) sum += value(before, "hamburg", std::to_string(i)).value();
  BOOST_TEST(sum == 201);
}

BOOST_FIXTURE_TEST_CASE(a_leader_that_is_cut_off_says_unknown_and_another_goes_on, fixture) {
  host("hamburg");
  BOOST_TEST(run(command("hamburg", "1", counter_command::add, 1)).code == "");
  const auto old = leader("hamburg");
  isolate(old, true);
  const auto lost = command("hamburg", "1", counter_command::add, 1);
  const auto said = ask(old, lost);
  BOOST_REQUIRE(said);
  BOOST_TEST(said->code == "outcome.unknown");
  node_number now = 0;
  BOOST_REQUIRE(until([&] {
    for (const auto n : all)
      if (n != old && nodes[n]->leads("hamburg")) now = n;
    return now != 0;
  }));
  BOOST_TEST(ask(now, command("hamburg", "1", counter_command::add, 1))->code == "");
  BOOST_TEST(ask(now, lost)->code == "");
  isolate(old, false);
  agree();
  for (const auto n : all) BOOST_TEST(value(n, "hamburg", "1").value() == 3);
  const auto replayed = run(lost);
  BOOST_TEST(replayed.replayed);
}

BOOST_FIXTURE_TEST_CASE(a_follower_that_was_cut_off_catches_up, fixture) {
  host("hamburg");
  const auto first = leader("hamburg");
  const auto other = first % 3 + 1;
  isolate(other, true);
  for (int i = 0; i < 300; ++i)
    BOOST_REQUIRE(
        ask(first, command("hamburg", std::to_string(i % 7), counter_command::add, 1))->code == "");
  BOOST_TEST(!value(other, "hamburg", "0").has_value());
  isolate(other, false);
  agree();
}

BOOST_FIXTURE_TEST_CASE(leadership_moves_by_order_and_work_goes_on, fixture) {
  host("hamburg");
  for (int round = 0; round < 6; ++round) {
    lead_from("hamburg", round % 3 + 1u);
    BOOST_TEST(run(command("hamburg", "1", counter_command::add, 1)).code == "");
  }
  agree();
  const auto now = leader("hamburg");
  nodes[now]->stop();  // gives its leadership away
  nodes[now].reset();
  BOOST_TEST(run(command("hamburg", "1", counter_command::add, 1)).code == "");
  boot(now);
  agree();
  BOOST_TEST(value(now, "hamburg", "1").value() == 7);
}

BOOST_FIXTURE_TEST_CASE(plants_talk_over_nodes_also_when_a_leader_dies, fixture) {
  host("hamburg");
  host("lyon");
  lead_from("hamburg", 1);
  lead_from("lyon", 2);
  BOOST_TEST(run(command("lyon", "stock", counter_command::add, 100)).code == "");
  BOOST_TEST(run(command("hamburg", "1", counter_command::add, 1)).code == "");
  for (int i = 0; i < 10; ++i)
    BOOST_TEST(run(command("hamburg", "1", counter_command::ask, 1, {}, "stock@lyon")).code == "");
  kill(2);
  const auto asked = command("hamburg", "1", counter_command::ask, 1, {}, "stock@lyon");
  BOOST_TEST(run(asked).code == "");
  kill(leader("hamburg"));
  boot(2);
  BOOST_TEST(run(asked).replayed);
  BOOST_TEST(run(command("hamburg", "1", counter_command::ask, 1, {}, "stock@lyon")).code == "");
  for (const auto n : all)
    if (!nodes[n]) boot(n);
  agree();
  for (const auto n : all) {
    BOOST_TEST(value(n, "lyon", "stock").value() == 88);
    BOOST_TEST(value(n, "hamburg", "1").value() == 13);
  }
}

BOOST_FIXTURE_TEST_CASE(timers_and_restarts_of_all_nodes_at_once, fixture) {
  host("hamburg");
  BOOST_TEST(run(command("hamburg", "1", counter_command::add, 1)).code == "");
  BOOST_TEST(run(command("hamburg", "1", counter_command::arm, 1)).code == "");
  for (const auto n : all) kill(n);
  for (const auto n : all) boot(n);
  BOOST_REQUIRE(until([&] {
    const auto now = leader("hamburg");
    return value(now, "hamburg", "1").value_or(0) == 101;
  }));
  agree();
}
