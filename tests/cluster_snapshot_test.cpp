// layer: nodes; starts the program
// Three nodes as processes. One is stopped until the others' journals have nothing left of where it
// was: it comes back by a snapshot, and carries the plant with one of the others when the third is
// killed. One whose directory was wiped has no vote, and everybody says so.
#define BOOST_TEST_MODULE cluster_snapshot
#include <boost/test/unit_test.hpp>

#include <algorithm>

#include "tests/cluster_processes.hpp"

using namespace millrace;
using namespace millrace::test;

namespace {

constexpr std::size_t late = 3;
// The journal keeps next to nothing: what the window of keys needs, and one mark of its size.
constexpr const char* short_memory = "\n[limits]\nwindow_ids = 16\njournal_bytes = 1\n";

void found(cluster& c) {
  c.must(2, "/v1/plants/hamburg/commission", "ops",
         R"({"region":"eu","time_zone":"Europe/Berlin"})");
  c.must(1, "/v1/plants/hamburg/materials/HOUSING/define", "erp",
         R"({"revision":"A","base_unit":"EA"})");
  c.must(1, std::string(lot) + "/receive", "erp",
         R"({"material":"HOUSING","quantity":"1000","unit":"EA"})");
}

/// Adds one piece after another; answers how many were acknowledged.
std::size_t add(const cluster& c, std::size_t n, const std::string& name, std::size_t pieces) {
  http_client client;
  std::size_t done = 0;
  for (std::size_t i = 0; i < pieces; ++i) {
    const auto document = name + '-' + std::to_string(i);
    c.eventually(document + " is acknowledged", [&] {
      return c.send(client, n, "POST", std::string(lot) + "/adjust-stock", "erp",
                    adjustment(document), "key-" + document)
                 .status == 200;
    });
    ++done;
  }
  return done;
}

std::string stock(const cluster& c, std::size_t n) {
  return c.send(n, "GET", lot).at("/state/stock/0/quantity");
}

/// The first event that node `n` still has of the plant; 0: all of them.
std::uint64_t first_event(const cluster& c, std::size_t n) {
  const auto page = c.send(n, "GET", "/v1/events?plant=hamburg&limit=1&after=0");
  if (page.status == 200) return 0;
  BOOST_REQUIRE_MESSAGE(page.status == 410, page.text);
  const auto at = page.text.find("begins at ");
  BOOST_REQUIRE_MESSAGE(at != std::string::npos, page.text);
  return std::stoull(page.text.substr(at + 10));
}

bool level(const cluster& c) {
  const auto p = c.plant(1, "hamburg");
  const auto* replicas = p.find("replicas");
  return replicas != nullptr && replicas->items().size() == nodes &&
         std::ranges::all_of(replicas->items(), [](const auto& r) {
           return r.find("lag")->integer() == 0 && r.text("applied") != "0";
         });
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_node_that_the_journals_have_passed_comes_back_by_a_snapshot) {
  cluster c(short_memory);
  found(c);
  std::size_t sum = 1000 + add(c, 1, "before", 5);
  c.eventually("all have it", [&] { return level(c); });
  BOOST_TEST(c.stop(late) == 0);
  for (int round = 0; first_event(c, 1) < 100 || first_event(c, 2) < 100; ++round)
    sum += add(c, 1, "without-" + std::to_string(round), 50);
  for (const std::size_t n : {1, 2}) {  // nor is anything left in the memory of a leader
    BOOST_TEST(c.stop(n) == 0, c.log(n));
    c.start(n);
    c.wait_ready(n);
  }
  c.start(late);
  c.wait_ready(late);
  c.eventually("it has caught up", [&] { return level(c); });
  BOOST_TEST(c.log(late).find("snapshot.installed") != std::string::npos, c.log(late));
  sum += add(c, late, "after", 5);
  c.eventually("its history reaches as far back as the others'", [&] {
    return first_event(c, late) <= std::max(first_event(c, 1), first_event(c, 2));
  });

  const auto leader = static_cast<std::size_t>(std::stoul(c.plant(1, "hamburg").text("leader")));
  const auto victim = leader == late ? std::size_t{1} : leader;
  c.kill(victim);
  sum += add(c, late, "majority", 20);
  for (std::size_t n = 1; n <= nodes; ++n)
    if (n != victim) BOOST_TEST(stock(c, n) == std::to_string(sum), "node " << n);
  c.start(victim);
  c.wait_ready(victim);
  c.eventually("all are level", [&] { return level(c); });
  for (std::size_t n = 1; n <= nodes; ++n) BOOST_TEST(c.stop(n) == 0, c.log(n));
}

BOOST_AUTO_TEST_CASE(a_node_whose_directory_was_wiped_has_no_vote_and_all_say_so) {
  cluster c;
  found(c);
  std::size_t sum = 1000 + add(c, 1, "before", 5);
  c.eventually("all have it", [&] { return level(c); });
  c.kill(late);
  c.wipe(late);
  c.start(late);
  c.eventually("it is refused", [&] {
    const auto view = c.send(1, "GET", "/v1/cluster");
    const auto* all = view.body.find("nodes");
    return all != nullptr && std::ranges::any_of(all->items(), [](const auto& n) {
             return n.text("node") == std::to_string(late) && !n.text("refused").empty();
           });
  });
  c.eventually("both say so", [&] {
    return c.log(1).find("alarm=node.replaced node 3 ") != std::string::npos &&
           c.log(2).find("alarm=node.replaced node 3 ") != std::string::npos;
  });
  sum += add(c, 1, "of-two", 5);

  c.kill(2);  // one that knows and one that was wiped are no majority
  http_client client;
  for (int i = 0; i < 3; ++i) {
    const auto got = c.send(client, 1, "POST", std::string(lot) + "/adjust-stock", "erp",
                            adjustment("alone"), "key-alone", 2'000);
    BOOST_TEST(got.status != 200, got.text);
  }
  c.start(2);
  c.wait_ready(2);
  sum += add(c, 2, "alone-no-more", 5);
  c.eventually("the command that was open is there once, or its key is free", [&] {
    return c.send(client, 1, "POST", std::string(lot) + "/adjust-stock", "erp", adjustment("alone"),
                  "key-alone")
               .status == 200;
  });
  BOOST_TEST(stock(c, 1) == std::to_string(sum + 1));
}
