// layer: cluster
// The loop: one transaction for all groups, nothing told before it is on the disk, crashes at every
// commit, and the thread around it.
#define BOOST_TEST_MODULE replication_loop
#include "cluster/replication_loop.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <future>
#include <latch>
#include <set>

#include "cluster/journal_verify.hpp"
#include "tests/loop_harness.hpp"

using namespace millrace;
using namespace millrace::test;

namespace {

std::vector<std::string> texts(const recorder& r) { return r.texts(); }

}  // namespace

BOOST_AUTO_TEST_CASE(one_transaction_for_all_groups) {
  auto disk = std::make_shared<memory_disk>();
  process p(disk);
  std::vector<std::pair<group_number, std::shared_ptr<recorder>>> groups;
  for (const char* name : {"hamburg", "lyon", "enterprise"}) {
    const auto number = p.open(name);
    groups.emplace_back(number, p.listener);
  }
  const auto before = disk->commits();
  for (const auto& [number, r] : groups)
    for (int i = 0; i < 5; ++i) p.core.propose(number, payload(std::to_string(i)));
  BOOST_TEST(p.turn());
  BOOST_TEST(disk->commits() == before + 1);
  for (const auto& [number, r] : groups) BOOST_TEST(texts(*r).size() == 5u);
  BOOST_TEST(!p.turn());  // nothing to do, nothing written
  BOOST_TEST(disk->commits() == before + 1);
  BOOST_TEST(p.core.groups().size() == 3u);
}

BOOST_AUTO_TEST_CASE(nothing_is_told_before_the_commit_returns) {
  auto disk = std::make_shared<memory_disk>();
  process p(disk);
  const auto g = p.open("hamburg");
  const auto mine = payload("a");
  const auto known = p.listener->committed.size();
  p.core.propose(g, mine);
  BOOST_REQUIRE(p.core.prepare(2000));
  BOOST_TEST(!p.core.batch().empty());
  BOOST_TEST(p.listener->committed.size() == known);
  BOOST_REQUIRE(p.store.commit(p.core.batch().writes()));
  BOOST_TEST(p.listener->committed.size() == known);
  BOOST_REQUIRE(p.core.finish(2001));
  BOOST_REQUIRE(p.listener->committed.size() == known + 1);
  BOOST_TEST((p.listener->committed.back().payload == mine));  // the buffer itself
}

BOOST_AUTO_TEST_CASE(a_failed_commit_is_never_acknowledged) {
  for (const bool lands : {false, true}) {
    auto disk = std::make_shared<memory_disk>();
    {
      process p(disk);
      const auto g = p.open("hamburg");
      p.core.propose(g, payload("kept"));
      BOOST_REQUIRE(p.turn());
      disk->fail_commit(1, lands);
      p.core.propose(g, payload("unknown"));
      auto failed = p.core.turn(5000);
      BOOST_REQUIRE(!failed);
      BOOST_TEST(failed.error().code == "disk.failed");
      BOOST_TEST(texts(*p.listener) == std::vector<std::string>{"kept"});
    }
    disk->crash();
    process again(disk);
    again.open("hamburg");
    const auto found = texts(*again.listener);
    BOOST_TEST(found.size() == (lands ? 2u : 1u));
    BOOST_TEST(found[0] == "kept");
    BOOST_TEST(verify_journal(again.store)->groups.size() == 1u);
  }
}

// Every commit of a run fails once, landed or not: what was acknowledged is there after the
// restart, once and in order; each restart is in a term of its own.
BOOST_AUTO_TEST_CASE(crash_at_every_commit) {
  for (std::uint64_t at = 1; at <= 24; ++at)
    for (const bool lands : {false, true}) {
      auto disk = std::make_shared<memory_disk>();
      std::vector<std::string> acknowledged;
      std::set<term_number> terms;
      bool failed = false;
      disk->fail_commit(at, lands);
      for (int life = 0; life < 3; ++life) {
        memory_store s(disk);
        loop_core core(s, {});
        BOOST_REQUIRE(core.load());
        auto r = std::make_shared<recorder>();
        auto g = core.open_group("hamburg", 0, r, 1);
        for (int i = 0; g && i < 6; ++i) {
          const std::string text = std::to_string(life) + "." + std::to_string(i);
          core.propose(*g, payload(text));
          if (i == 3) BOOST_REQUIRE(core.checkpointed(*g, r->committed.back().index, 2));
          if (!core.turn(static_cast<std::uint64_t>(i) + 2)) break;
          acknowledged.push_back(text);
        }
        if (!r->roles.empty()) BOOST_REQUIRE(terms.insert(r->roles.back().term).second);
        const auto probe = s.snapshot();
        failed = failed || !probe;
        disk->crash();
      }
      BOOST_REQUIRE(failed || at > 20);
      disk->fail_commit(0);
      process last(disk);
      last.open("hamburg");
      const auto found = texts(*last.listener);
      std::size_t next = 0;
      for (const std::string& text : found)
        if (next < acknowledged.size() && text == acknowledged[next]) ++next;
      BOOST_REQUIRE_EQUAL(next, acknowledged.size());
      BOOST_REQUIRE(found.size() <= acknowledged.size() + 1);
      BOOST_REQUIRE_EQUAL(std::set<std::string>(found.begin(), found.end()).size(), found.size());
    }
}

// Power loss between the commit's visibility and its sync: not acknowledged, so it may be gone; the
// term moves on.
BOOST_AUTO_TEST_CASE(guard_3_after_a_power_loss_the_lost_index_gets_another_term) {
  for (const bool on : {true, false}) {
    auto disk = std::make_shared<memory_disk>();
    loop_options options;
    options.group.on.sole_voter_term = on;
    term_number lost = 0;
    {
      process p(disk, options);
      const auto g = p.open("hamburg");
      disk->set_auto_sync(false);
      p.core.propose(g, payload("lost"));
      BOOST_REQUIRE(p.core.prepare(2000));
      BOOST_REQUIRE(p.store.commit(p.core.batch().writes()));
      lost = p.core.log().find(g)->last_term;
      BOOST_TEST(p.core.log().find(g)->last == 2u);
    }
    disk->crash();
    disk->set_auto_sync(true);
    process p(disk, options);
    const auto g = p.open("hamburg");
    BOOST_TEST(texts(*p.listener).empty());
    p.core.propose(g, payload("other"));
    BOOST_REQUIRE(p.turn());
    BOOST_REQUIRE(p.listener->committed.back().index == 2u);
    BOOST_TEST((p.listener->committed.back().term != lost) == on);
  }
}

BOOST_AUTO_TEST_CASE(a_restart_hands_out_only_what_the_host_has_not_applied) {
  auto disk = std::make_shared<memory_disk>();
  {
    process p(disk);
    const auto g = p.open("hamburg");
    for (int i = 0; i < 100; ++i) p.core.propose(g, payload(std::string(1000, 'x')));
    BOOST_REQUIRE(p.turn());
    BOOST_REQUIRE(p.core.checkpointed(g, 40, p.now));
    BOOST_REQUIRE(p.turn());
  }
  loop_options small;
  small.replay_bytes_max = 5000;  // many slices
  process p(disk, small);
  p.open("hamburg", 60);
  BOOST_TEST(p.listener->committed.size() == 41u);
  BOOST_TEST(p.listener->committed.front().index == 61u);
  BOOST_REQUIRE(p.listener->roles.size() == 1u);
  BOOST_TEST((p.listener->roles[0].role == group_role::leader));
  BOOST_TEST(p.listener->roles[0].last == 101u);
  process ahead(disk);
  auto refused = ahead.core.open_group("hamburg", 102, std::make_shared<recorder>(), 1);
  BOOST_REQUIRE(!refused);
  BOOST_TEST(refused.error().code == "state.damaged");
}

BOOST_AUTO_TEST_CASE(refusals_name_their_reason_and_leave_no_trace) {
  auto disk = std::make_shared<memory_disk>();
  process p(disk);
  const auto g = p.open("hamburg");
  const auto before = disk->commits();
  const auto large = std::make_shared<const bytes>(entry_bytes_max + 1);
  p.core.propose(g, large);
  p.core.set_space(1000);
  p.core.propose(g, payload("no room"));
  BOOST_TEST(!p.turn());
  BOOST_REQUIRE(p.listener->refused.size() == 2u);
  BOOST_TEST((p.listener->refused[0].first == large));
  BOOST_TEST(p.listener->refused[0].second == "entry.too_large");
  BOOST_TEST(p.listener->refused[1].second == "node.disk_reserve");
  BOOST_TEST(disk->commits() == before);
  p.core.set_space(1ull << 40);
  p.core.propose(g, payload("room again"));
  BOOST_TEST(p.turn());
  BOOST_TEST(texts(*p.listener) == std::vector<std::string>{"room again"});
}

BOOST_AUTO_TEST_CASE(a_turn_is_bounded_and_the_rest_waits_in_order) {
  auto disk = std::make_shared<memory_disk>();
  loop_options options;
  options.turn_bytes_max = 1000;
  process p(disk, options);
  const auto g = p.open("hamburg");
  for (int i = 0; i < 10; ++i)
    p.core.propose(g, payload(std::to_string(i) + std::string(299, 'x')));
  BOOST_TEST(p.turn());
  BOOST_TEST(texts(*p.listener).size() == 4u);
  BOOST_TEST(p.core.more());
  while (p.core.more()) BOOST_TEST(p.turn());
  const auto found = texts(*p.listener);
  BOOST_REQUIRE(found.size() == 10u);
  for (std::size_t i = 0; i < 10; ++i) BOOST_TEST(found[i][0] == static_cast<char>('0' + i));
}

namespace {

/// Counts what comes back, over threads, and releases a latch at the end.
struct counter final : group_listener {
  explicit counter(std::ptrdiff_t expected) : all(expected) {}
  void on_committed(group_number, std::span<const log_entry> entries,
                    const group_status&) override {
    for (const log_entry& e : entries)
      if (e.type == entry_type::command) {
        seen.emplace_back(e.payload->begin(), e.payload->end());
        all.count_down();
      }
  }
  void on_refused(group_number, std::span<const shared_bytes> payloads, const error&) override {
    refused += payloads.size();
    all.count_down(static_cast<std::ptrdiff_t>(payloads.size()));
  }
  void on_role(group_number, const group_status&) override {}
  std::latch all;
  std::vector<std::string> seen;  // the loop's thread, until `all` is released
  std::atomic<std::size_t> refused{0};
};

group_number open(replication_loop& loop, std::shared_ptr<group_listener> l) {
  std::promise<group_number> opened;
  loop.open_group("hamburg", 0, std::move(l), [&](result<group_number> r) {
    BOOST_REQUIRE(r);
    opened.set_value(*r);
  });
  return opened.get_future().get();
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_thread_keeps_the_order_of_each_proposing_thread) {
  auto disk = std::make_shared<memory_disk>();
  memory_store s(disk);
  const node_clock time;
  replication_loop loop(s, time, {});
  BOOST_REQUIRE(loop.start());
  constexpr int threads = 4;
  constexpr int each = 2000;
  auto listener = std::make_shared<counter>(threads * each);
  const auto g = open(loop, listener);
  std::vector<std::thread> proposers;
  for (int t = 0; t < threads; ++t)
    proposers.emplace_back([&, t] {
      for (int i = 0; i < each; ++i)
        loop.propose(g, payload(std::to_string(t) + ' ' + std::to_string(i)));
    });
  for (auto& t : proposers) t.join();
  listener->all.wait();
  loop.stop();
  BOOST_TEST(listener->refused == 0u);
  BOOST_REQUIRE(listener->seen.size() == std::size_t{threads} * each);
  std::array<int, threads> next{};
  for (const std::string& text : listener->seen) {
    const auto t = static_cast<std::size_t>(text[0] - '0');
    BOOST_REQUIRE_EQUAL(std::stoi(text.substr(2)), next[t]++);
  }
}

BOOST_AUTO_TEST_CASE(stop_finishes_what_was_proposed_before) {
  auto disk = std::make_shared<memory_disk>();
  memory_store s(disk);
  const node_clock time;
  auto listener = std::make_shared<counter>(100);
  {
    replication_loop loop(s, time, {});
    BOOST_REQUIRE(loop.start());
    const auto g = open(loop, listener);
    for (int i = 0; i < 100; ++i) loop.propose(g, payload("x"));
    loop.stop();
    loop.propose(g, payload("dropped"));
  }
  BOOST_TEST(listener->seen.size() == 100u);
}

BOOST_AUTO_TEST_CASE(a_nearly_full_disk_refuses_before_it_writes) {
  auto disk = std::make_shared<memory_disk>();
  disk->set_free_bytes(1000);
  memory_store s(disk);
  const node_clock time;
  replication_loop loop(s, time, {});
  BOOST_REQUIRE(loop.start());
  auto listener = std::make_shared<counter>(1);
  loop.propose(open(loop, listener), payload("x"));
  listener->all.wait();
  BOOST_TEST(listener->refused == 1u);
}

BOOST_AUTO_TEST_CASE(an_io_error_ends_the_process_before_anything_is_acknowledged) {
  const pid_t child = ::fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    struct tattler final : group_listener {
      void on_committed(group_number, std::span<const log_entry> entries,
                        const group_status&) override {
        for (const log_entry& e : entries)
          if (e.type == entry_type::command) std::_Exit(1);  // acknowledged: wrong
      }
      void on_refused(group_number, std::span<const shared_bytes>, const error&) override {
        std::_Exit(2);
      }
      void on_role(group_number, const group_status&) override {}
    };
    auto disk = std::make_shared<memory_disk>();
    memory_store s(disk);
    const node_clock time;
    replication_loop loop(s, time, {});
    if (!loop.start()) std::_Exit(3);
    std::promise<group_number> opened;
    loop.open_group("hamburg", 0, std::make_shared<tattler>(),
                    [&](result<group_number> r) { opened.set_value(*r); });
    const auto g = opened.get_future().get();
    disk->fail_commit(1, true);
    loop.propose(g, payload("x"));
    loop.stop();
    std::_Exit(4);
  }
  int status = 0;
  BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
  BOOST_REQUIRE(WIFEXITED(status));
  BOOST_TEST(WEXITSTATUS(status) == replication_loop::exit_code);
}
