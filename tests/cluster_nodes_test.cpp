// layer: nodes; starts the program
// Three nodes as processes: a plant is created through one that does not lead it, commands go
// through all of them, and the leader is killed in the middle of a stream of keyed commands. What
// was acknowledged is there afterwards, once; what was not is resolved by repeating its key; the
// killed node catches up.
#define BOOST_TEST_MODULE cluster_nodes
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>

#include "tests/cluster_processes.hpp"

using namespace millrace;
using namespace millrace::test;

namespace {

/// One client per node: each sends keyed commands in a row and repeats each until it has an answer,
/// at the next node when its own is gone.
class stream {
 public:
  stream(const cluster& on, std::size_t each) : cluster_(on), each_(each) {
    for (std::size_t n = 1; n <= nodes; ++n) threads_.emplace_back([this, n] { run(n); });
  }
  ~stream() { join(); }
  void join() {
    for (auto& t : threads_)
      if (t.joinable()) t.join();
  }
  [[nodiscard]] std::size_t acknowledged() const { return acknowledged_; }
  [[nodiscard]] const std::vector<std::string>& wrong() const { return wrong_; }
  [[nodiscard]] std::size_t repeats() const { return repeats_; }
  /// The longest time between two acknowledgements, of all clients together.
  [[nodiscard]] double longest_gap_ms() const { return longest_gap_ms_; }

 private:
  void run(std::size_t home) {
    http_client client;
    for (std::size_t i = 0; i < each_; ++i) {
      const auto name = "D-" + std::to_string(home) + '-' + std::to_string(i);
      const auto end = steady::now() + patience;
      auto n = home;
      while (true) {
        const auto got = cluster_.send(client, n, "POST", std::string(lot) + "/adjust-stock", "erp",
                                       adjustment(name), "key-" + name);
        if (got.status == 200) {
          note();
          break;
        }
        const bool open = got.status == 0 || got.status == 503 || got.status == 202 ||
                          (got.status == 409 && got.at("/code") == "request.in_flight");
        if (!open || steady::now() > end) {
          const std::scoped_lock lock(mutex_);
          wrong_.push_back(name + ": " + std::to_string(got.status) + ' ' + got.text);
          break;
        }
        ++repeats_;
        if (got.status == 0) n = n % nodes + 1;
      }
    }
  }
  void note() {
    ++acknowledged_;
    const std::scoped_lock lock(mutex_);
    const auto now = steady::now();
    if (last_ != steady::time_point())
      longest_gap_ms_ =
          std::max(longest_gap_ms_, std::chrono::duration<double, std::milli>(now - last_).count());
    last_ = now;
  }

  const cluster& cluster_;
  std::size_t each_;
  std::vector<std::thread> threads_;
  std::atomic<std::size_t> acknowledged_{0}, repeats_{0};
  std::mutex mutex_;
  std::vector<std::string> wrong_;
  steady::time_point last_;
  double longest_gap_ms_ = 0;
};

/// Documents of the adjustments in the plant's events as a node has them, with their numbers.
std::map<std::string, int> adjusted(const cluster& c, std::size_t n) {
  std::map<std::string, int> out;
  std::string after = "0";
  while (true) {
    const auto page =
        c.send(n, "GET",
               "/v1/events?plant=hamburg&limit=1000&type=inventory.batch.stock_adjusted.v1&after=" +
                   after);
    BOOST_REQUIRE_MESSAGE(page.status == 200, page.text);
    for (const auto& e : page.body.find("items")->items()) ++out[e.find("data")->text("document")];
    const auto next = page.body.text("next");
    if (next.empty() || next == after) return out;
    after = next;
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_killed_leader_loses_nothing_that_was_acknowledged) {
  cluster c;
  constexpr std::size_t each = 150;
  c.must(2, "/v1/plants/hamburg/commission", "ops",
         R"({"region":"eu","time_zone":"Europe/Berlin"})");
  for (std::size_t n = 1; n <= nodes; ++n) {
    const auto seen = c.send(n, "GET", "/v1/plants/hamburg");
    BOOST_TEST(seen.status == 200, "node " << n << ": " << seen.text);
  }
  c.must(1, "/v1/plants/hamburg/materials/HOUSING/define", "erp",
         R"({"revision":"A","base_unit":"EA"})");
  c.must(3, std::string(lot) + "/receive", "erp",
         R"({"material":"HOUSING","quantity":"1000","unit":"EA"})");
  const auto placed = c.plant(1, "hamburg");
  BOOST_TEST(placed.find("voters")->items().size() == 3u);
  const auto leader = static_cast<std::size_t>(std::stoul(placed.text("leader")));
  const auto witness = leader % nodes + 1;

  stream sending(c, each);
  c.eventually("a third is acknowledged", [&] { return sending.acknowledged() > each; });
  c.kill(leader);
  sending.join();
  for (const auto& w : sending.wrong()) BOOST_TEST(false, w);
  BOOST_TEST(sending.acknowledged() == each * nodes);
  BOOST_TEST_MESSAGE("longest time without an acknowledgement: " << sending.longest_gap_ms()
                                                                 << " ms, repeated requests: "
                                                                 << sending.repeats());
  const auto now = c.plant(witness, "hamburg");
  BOOST_TEST(now.text("leader") != std::to_string(leader));

  const auto check_all = [&](std::size_t n) {
    const auto found = adjusted(c, n);
    BOOST_TEST(found.size() == each * nodes, "node " << n);
    for (const auto& [document, times] : found)
      BOOST_TEST(times == 1, "node " << n << ": " << document << " is there " << times << " times");
    const auto state = c.send(n, "GET", lot);
    BOOST_TEST(state.at("/state/stock/0/quantity") == std::to_string(1000 + each * nodes));
  };
  check_all(witness);

  c.start(leader);
  c.wait_ready(leader);
  c.eventually("the restarted node has caught up", [&] {
    const auto p = c.plant(leader, "hamburg");
    const auto* replicas = p.find("replicas");
    return replicas != nullptr && replicas->items().size() == nodes &&
           std::all_of(replicas->items().begin(), replicas->items().end(), [](const auto& r) {
             return r.find("lag")->integer() == 0 && r.text("applied") != "0";
           });
  });
  c.eventually("its journal has all of it",
               [&] { return adjusted(c, leader).size() == each * nodes; });
  check_all(leader);

  for (std::size_t n = 1; n <= nodes; ++n)
    BOOST_TEST(c.stop(n) == 0, "node " << n << '\n' << c.log(n));
}
