// layer: cluster
// A node that is behind and the one that leads, each with its keeper of snapshots, over a wire that
// loses, doubles and delays, while either of them dies: state and history come over whole.
#define BOOST_TEST_MODULE snapshot_keeper
#include "cluster/snapshot_keeper.hpp"

#include <boost/test/unit_test.hpp>
#include <deque>
#include <random>

#include "cluster/journal_verify.hpp"
#include "tests/snapshot_harness.hpp"

using namespace millrace;
using namespace millrace::test;

namespace {

constexpr node_number leads = 1, lags = 2;
constexpr journal_index cut = 900;

struct parcel {
  node_number to;
  bulk_tag tag;
  bytes body;
};

/// One node's disks and its process at the moment.
struct side {
  std::shared_ptr<memory_files> platter = std::make_shared<memory_files>();
  std::unique_ptr<file_area> files;
  std::unique_ptr<snapshot_keeper> keeper;
  std::uint64_t next_us = 0;
};

struct world {
  explicit world(unsigned seed) : random(seed), leader(cut, 400) {
    const std::vector<node_number> all{leads, lags};
    process first(journal);
    BOOST_REQUIRE(first.core.open_group("hamburg", 0, std::make_shared<recorder>(), 1,
                                        membership::of_voters(all)));
    state_disk->set_auto_sync(true);
    memory_store old(state_disk);
    fill_state(old, "hamburg", 0, 30, "old");
    boot(leads);
    boot(lags);
  }

  void boot(node_number n) {
    auto& s = sides[n];
    s.keeper.reset();
    s.platter->crash();
    s.files = open_memory_files(s.platter);
    if (n == lags) {
      log = std::make_unique<process>(journal);
      state = std::make_unique<memory_store>(state_disk);
      auto snapshot = state->snapshot();
      const auto head = installed_snapshot(**snapshot, "hamburg");
      BOOST_REQUIRE(head);
      if (*head) BOOST_REQUIRE(log->core.adopt("hamburg", **head));
    }
    snapshot_limits limits;
    limits.slice_bytes = 5'000;
    limits.make_bytes_per_second = 50'000'000;
    limits.history_bytes_per_second = 5'000'000;
    s.keeper = std::make_unique<snapshot_keeper>(
        n == leads ? static_cast<store&>(leader.state) : *state,
        n == leads ? static_cast<store&>(leader.log.store) : log->store, *s.files, seams_of(n),
        limits);
    BOOST_REQUIRE(s.keeper->start());
    s.keeper->host("hamburg", 1, 1);
    s.next_us = now_us;
  }

  snapshot_keeper::seams seams_of(node_number n) {
    snapshot_keeper::seams out;
    out.send = [this](node_number to, bulk_tag tag, bytes_view body) {
      for (auto copies = lossy ? random() % 10 : 1u; copies == 1 || copies > 2; copies = 0) {
        wire.push_back({to, tag, bytes(body.begin(), body.end())});
        if (copies == 9) wire.push_back(wire.back());
      }
    };
    out.peers = [n](const std::string&) { return std::vector<node_number>{leads + lags - n}; };
    out.delivered = [this](const std::string&) { return log->core.log().find("hamburg")->last; };
    out.install = [this](const std::string& plant, node_number from, const snapshot_head& head,
                         const snapshot_keeper::swap& how) {
      BOOST_TEST(from == leads);
      if (die_at_swap == 1) return void(dies = true);
      BOOST_REQUIRE(how(*state));
      if (die_at_swap == 2) return void(dies = true);
      BOOST_REQUIRE(log->core.adopt(plant, head));
      later.push_back([this, plant] { sides[lags].keeper->installed(plant, true, now_us); });
    };
    out.back_fill = [this](const std::string& plant, const history_chunk& chunk) {
      const auto how = log->core.back_fill(1, chunk);
      later.push_back([this, plant, how] { sides[lags].keeper->filled(plant, how, now_us); });
    };
    out.history_ends = [this](const std::string&, journal_index oldest) {
      BOOST_REQUIRE(log->core.want_history(1, oldest));
    };
    out.keep_from = [this](const std::string&, journal_index first) { kept_from = first; };
    out.restore = [this](const std::string&, const std::string& local) { restored = local; };
    out.say = [this](const std::string&, const std::string& code, const std::string&) {
      said.push_back(code);
    };
    return out;
  }

  void step() {
    now_us += 1'000;
    for (auto& p : std::exchange(wire, {}))
      sides[p.to].keeper->receive(p.to == leads ? lags : leads, p.tag, p.body, now_us);
    for (auto& what : std::exchange(later, {})) what();
    const bool behind = log->core.log().find("hamburg")->last < cut;
    if (behind && now_us % 300'000 == 0) sides[leads].keeper->behind("hamburg", lags, now_us);
    for (auto& [n, s] : sides)
      if (now_us >= s.next_us) s.next_us = s.keeper->turn(now_us);
    if (!dies) return;
    dies = false;
    die_at_swap = 0;
    later.clear();
    boot(lags);
  }
  [[nodiscard]] bool whole() const {
    const auto* g = log->core.log().find("hamburg");
    return g->last >= cut && g->anchor.index == 0;
  }
  void run(std::uint64_t seconds) {
    for (const auto end = now_us + seconds * 1'000'000; now_us < end && !whole();) step();
  }
  void check_whole() {
    BOOST_REQUIRE(whole());
    BOOST_TEST((rows_of(*state, "hamburg") == rows_of(leader.state, "hamburg")));
    const auto report = verify_journal(log->store);
    BOOST_REQUIRE(report);
    BOOST_TEST(report->intact(), report->to_text());
    BOOST_TEST(report->groups[0].entries == cut);
    BOOST_TEST((*log->core.log().chain_at(1, cut) == *leader.log.core.log().chain_at(1, cut)));
  }

  std::mt19937 random;
  maker_node leader;
  std::shared_ptr<memory_disk> journal = std::make_shared<memory_disk>();
  std::shared_ptr<memory_disk> state_disk = std::make_shared<memory_disk>();
  std::unique_ptr<process> log;  // of the one that lags
  std::unique_ptr<memory_store> state;
  std::map<node_number, side> sides;
  std::vector<parcel> wire;
  std::vector<std::function<void()>> later;
  std::uint64_t now_us = 1'000'000;
  bool lossy = false, dies = false;
  int die_at_swap = 0;
  journal_index kept_from = 0;
  std::string restored;
  std::vector<std::string> said;
};

}  // namespace

BOOST_AUTO_TEST_CASE(state_and_history_come_over) {
  world w(1);
  w.run(10);
  w.check_whole();
  BOOST_TEST(w.sides[leads].keeper->made() == 1u);
  BOOST_TEST(w.sides[lags].keeper->put_in_place() == 1u);
  BOOST_TEST(w.kept_from == cut + 1);
  BOOST_TEST(!w.sides[lags].platter->all.contains("g1.staged"));
  BOOST_TEST(w.sides[leads].platter->all.contains("g1.made"));
  for (int i = 0; i < 40'000; ++i) w.step();
  BOOST_TEST(w.sides[leads].platter->all.empty());  // nobody asked for it any more
  BOOST_TEST(w.kept_from == 0u);
  BOOST_TEST(w.sides[leads].keeper->progress().empty());
  BOOST_TEST(w.sides[lags].keeper->progress().empty());
}

BOOST_AUTO_TEST_CASE(a_crash_on_either_side_of_the_swap_costs_nothing_but_time) {
  for (const int where : {1, 2}) {
    world w(1);
    w.die_at_swap = where;
    w.run(20);
    w.check_whole();
  }
}

BOOST_AUTO_TEST_CASE(losses_doubles_and_deaths_on_both_sides_delay_it) {
  for (unsigned seed = 1; seed <= 30; ++seed) {
    world w(seed);
    w.lossy = true;
    w.die_at_swap = static_cast<int>(seed % 3);
    for (int deaths = 0; deaths < 6 && !w.whole(); ++deaths) {
      for (auto steps = w.random() % 700; steps > 0 && !w.whole(); --steps) w.step();
      w.later.clear();
      w.boot(w.random() % 2 == 0 ? leads : lags);
    }
    w.run(120);
    BOOST_TEST_CONTEXT("seed " << seed) w.check_whole();
  }
}

BOOST_AUTO_TEST_CASE(a_damaged_row_is_restored_before_a_snapshot_is_made) {
  world w(1);
  const auto key = actor_key("hamburg", "order/300");
  BOOST_REQUIRE(w.leader.state_disk->flip_bit(state_table::actors, as_bytes_view(key), 99));
  w.run(3);
  BOOST_TEST(!w.whole());
  BOOST_TEST(w.restored == "order/300");
  BOOST_TEST((std::ranges::count(w.said, "state.damaged") > 0));
  BOOST_REQUIRE(w.leader.state_disk->flip_bit(state_table::actors, as_bytes_view(key), 99));
  w.run(20);
  w.check_whole();
}
