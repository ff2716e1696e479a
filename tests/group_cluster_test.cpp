// layer: cluster
// A group of several voters: replication, the order of disk and network, truncation, snapshots,
// members, reads, handing leadership over.
#define BOOST_TEST_MODULE group_cluster
#include <boost/test/unit_test.hpp>

#include "tests/group_harness.hpp"

using namespace millrace;
using namespace millrace::test;

namespace {

using strings = std::vector<std::string>;

/// The first of these that carries such a message.
template <class Message>
const letter* find(const std::deque<letter>& net, node_number to) {
  for (const letter& l : net)
    if (l.to == to && std::holds_alternative<Message>(l.what)) return &l;
  return nullptr;
}

node_number other_than(node_number a, node_number b = 0) {
  for (node_number n = 1;; ++n)
    if (n != a && n != b) return n;
}

}  // namespace

BOOST_AUTO_TEST_CASE(three_voters_elect_a_leader_and_apply_the_same) {
  cluster c(3);
  c.start_all();
  const auto leader = c.elect();
  BOOST_REQUIRE(leader != 0u);
  for (int i = 0; i < 100; ++i) c.propose(leader, std::to_string(i));
  c.run(200);
  for (auto& [n, s] : c.servers) {
    BOOST_TEST(s.texts().size() == 100u);
    BOOST_TEST(s.applied.size() == c[leader].applied.size());
    BOOST_TEST(s.core->status().leader == leader);
    BOOST_TEST(s.core->held() == 0u);
  }
  BOOST_TEST(c.failures() == strings());
}

BOOST_AUTO_TEST_CASE(a_leader_that_dies_is_replaced_and_nothing_committed_is_lost) {
  cluster c(3);
  c.start_all();
  const auto first = c.elect();
  c.propose(first, "kept");
  c.run(100);
  c.crash(first);
  const auto second = c.elect();
  BOOST_REQUIRE(second != 0u);
  BOOST_TEST(second != first);
  c.propose(second, "next");
  c.start(first);
  c.run(500);
  for (auto& [n, s] : c.servers) BOOST_TEST(s.texts() == strings({"kept", "next"}));
}

BOOST_AUTO_TEST_CASE(entries_leave_before_the_own_write_and_answers_after_it) {
  cluster c(3);
  c.start_all();
  const auto leader = c.elect();
  const auto follower = other_than(leader);
  c.net.clear();
  const auto p = text_of("x");
  BOOST_REQUIRE(c[leader].core->propose(std::span(&p, 1), c.now));
  c.post(c[leader]);  // nothing was written yet
  const letter* sent = find<append_entries>(c.net, follower);
  BOOST_REQUIRE(sent != nullptr);
  const letter entries = *sent;
  c.net.clear();
  server& f = c[follower];
  BOOST_REQUIRE(f.core->receive({leader, entries.what}, entries.who, c.now));
  c.post(f);
  BOOST_TEST(c.net.empty());  // it is not on the follower's disk
  f.disk_.write(f.core->take_output(), 0);
  c.post(f);
  BOOST_TEST(c.net.empty());
  BOOST_REQUIRE(f.core->durable(c.now));
  c.post(f);
  BOOST_REQUIRE(find<append_entries_result>(c.net, leader) != nullptr);
  const auto answer =
      std::get<append_entries_result>(find<append_entries_result>(c.net, leader)->what);
  BOOST_TEST(answer.rejected == 0u);
  BOOST_TEST(answer.last_index == c[leader].core->status().last);
}

// Contract 12: two followers commit without the leader's own write.
BOOST_AUTO_TEST_CASE(nothing_is_applied_before_it_is_durable_here) {
  for (const bool on : {true, false}) {
    guards g;
    g.apply_after_durable = on;
    cluster c(3, g);
    c.start_all();
    const auto leader = c.elect();
    server& l = c[leader];
    const auto known = l.applied.size();
    const auto p = text_of("x");
    BOOST_REQUIRE(l.core->propose(std::span(&p, 1), c.now));
    c.post(l);
    for (int hop = 0; hop < 2; ++hop)
      for (const letter& m : std::exchange(c.net, {}))
        if (m.to == leader)
          BOOST_REQUIRE(l.core->receive({m.from, m.what}, m.who, c.now));
        else
          c.deliver(m);
    BOOST_TEST(l.core->status().committed == l.core->status().last);
    BOOST_TEST(l.core->status().durable < l.core->status().last);
    BOOST_TEST(l.core->take_committed().empty() == on);
    if (!on) continue;
    c.turn(leader);
    BOOST_TEST(l.applied.size() == known + 1);
    BOOST_TEST((l.applied.back().payload == p));  // the buffer itself
  }
}

BOOST_AUTO_TEST_CASE(an_uncommitted_end_is_replaced) {
  cluster c(3);
  c.start_all();
  const auto old = c.elect();
  c.propose(old, "kept");
  c.run(100);
  c.isolate(old);
  for (int i = 0; i < 5; ++i) c.propose(old, "lost");
  BOOST_TEST(c[old].disk_.log.size() >= 7u);
  c.run(3000, {other_than(old), other_than(old, other_than(old))});  // the old one stands still
  const auto fresh =
      c[other_than(old)].leads() ? other_than(old) : other_than(old, other_than(old));
  BOOST_REQUIRE(c[fresh].leads());
  c.propose(fresh, "instead");
  c.heal();
  c.run(1000);
  for (auto& [n, s] : c.servers) {
    BOOST_TEST(s.texts() == strings({"kept", "instead"}));
    BOOST_REQUIRE(s.disk_.log.size() == c[fresh].disk_.log.size());
    for (std::size_t i = 0; i < s.disk_.log.size(); ++i)
      BOOST_TEST(s.disk_.log[i].term == c[fresh].disk_.log[i].term);
  }
}

// Contract 3: what was written and cut off again meanwhile is not durable.
BOOST_AUTO_TEST_CASE(a_write_that_was_overtaken_is_not_acknowledged) {
  cluster c(3);
  c.start(3);
  group& g = *c[3].core;
  const auto append = [&](term_number term, node_number from, journal_index previous,
                          term_number previous_term, const char* text) {
    append_entries a{term, previous, previous_term, 1, {}, 0};
    a.entries.push_back({previous + 1, term, entry_type::command, text_of(text)});
    BOOST_REQUIRE(g.receive({from, a}, {from, 1}, ++c.now));
  };
  append(2, 1, 1, 1, "a");
  static_cast<void>(g.take_output());  // under way to the disk
  append(3, 2, 1, 1, "b");             // replaces it
  static_cast<void>(g.take_messages());
  BOOST_REQUIRE(g.durable(c.now));  // speaks of "a" only
  for (const auto& m : g.take_messages())
    if (const auto* r = std::get_if<append_entries_result>(&m.what))
      BOOST_TEST(r->last_index <= 1u);
  BOOST_TEST(g.status().durable == 1u);
  const auto out = g.take_output();
  BOOST_TEST(out.truncate_from.value() == 2u);
  BOOST_REQUIRE(out.append.size() == 1u);
  BOOST_REQUIRE(g.durable(c.now));
  const auto sent = g.take_messages();
  BOOST_REQUIRE(!sent.empty());
  BOOST_TEST(std::get<append_entries_result>(sent.back().what).last_index == 2u);
}

BOOST_AUTO_TEST_CASE(barriers_of_the_engine_are_entries_like_others) {
  cluster c(3);
  for (auto& [n, s] : c.servers) s.disk_.add(1, "old");
  c.start_all();
  const auto leader = c.elect();
  c.run(200);
  for (auto& [n, s] : c.servers) {
    BOOST_REQUIRE(s.applied.size() == 3u);
    BOOST_TEST((s.applied[1].type == entry_type::command));
    BOOST_TEST((s.applied[2].type == entry_type::barrier));
    BOOST_TEST(s.applied[2].term == c[leader].core->status().term);
  }
  const auto index = c[leader].core->barrier(c.now);
  BOOST_REQUIRE(index);
  c.run(200);
  BOOST_TEST(c[leader].applied.size() == *index);
}

BOOST_AUTO_TEST_CASE(a_peer_that_lags_is_fed_from_memory_and_from_the_journal) {
  for (const std::size_t cache : {std::size_t{1} << 20, std::size_t{64}}) {
    cluster c(3);
    for (auto& [n, s] : c.servers) s.options.cache_bytes_max = cache;
    c.start_all();
    const auto leader = c.elect();
    const auto lagging = other_than(leader);
    c.isolate(lagging);
    for (int i = 0; i < 200; ++i) c.propose(leader, std::to_string(i));
    c.run(100);
    BOOST_TEST((c[leader].core->held() > 50u) == (cache > 64));
    c.heal();
    c.run(2000);
    BOOST_TEST(c[lagging].texts() == c[leader].texts());
    BOOST_TEST(c[leader].core->held() == 0u);
    BOOST_TEST(c.failures() == strings());
  }
}

BOOST_AUTO_TEST_CASE(a_peer_below_the_log_gets_a_snapshot) {
  cluster c(3);
  c.start_all();
  const auto leader = c.elect();
  const auto lagging = other_than(leader);
  c.isolate(lagging);
  for (int i = 0; i < 50; ++i) c.propose(leader, std::to_string(i));
  c.run(100);
  BOOST_REQUIRE(c[leader].core->checkpointed(40, c.now));
  c.run(100);
  BOOST_TEST(c[leader].disk_.snapshot.index == 40u);
  c.heal();
  for (int i = 0; i < 100 && c[leader].core->needs_snapshot().empty(); ++i) c.run(10);
  c.run(1000);
  BOOST_TEST(c[leader].core->needs_snapshot().empty());
  BOOST_TEST(c[lagging].disk_.snapshot.index == 40u);
  BOOST_TEST((c[lagging].core->members() == c[leader].core->members()));
  BOOST_TEST(c[lagging].applied.size() == c[leader].applied.size());
  c.crash(lagging);
  c.start(lagging);  // from the snapshot and what came after it
  c.propose(leader, "more");
  c.run(300);
  BOOST_TEST(c[lagging].texts().back() == "more");
  BOOST_TEST(c.failures() == strings());
}

BOOST_AUTO_TEST_CASE(a_snapshot_is_installed_once_and_only_forward) {
  cluster c(3);
  c.start(3);
  group& g = *c[3].core;
  const install_snapshot offer{
      5,
      10,
      4,
      1,
      c[3].disk_.log[0].payload->size() > 0 ? *c[3].disk_.log[0].payload : bytes(),
      bytes(32, 1)};
  BOOST_TEST(g.wants(offer));
  BOOST_REQUIRE(g.install(1, offer, c.now));
  BOOST_TEST(!g.wants(offer));  // one is installing
  BOOST_REQUIRE(g.install(1, offer, c.now));
  BOOST_TEST(g.take_committed().empty());
  BOOST_TEST(g.take_messages().empty());
  const auto out = g.take_output();
  BOOST_REQUIRE(out.install.has_value());
  BOOST_TEST(out.install->index == 10u);
  BOOST_TEST((out.install_chain == bytes(32, 1)));
  BOOST_REQUIRE(g.durable(c.now));
  BOOST_TEST(g.status().last == 10u);
  BOOST_TEST(g.status().durable == 10u);
  BOOST_TEST(g.status().delivered == 10u);
  auto older = offer;
  older.index = 8;
  BOOST_TEST(!g.wants(older));
}

BOOST_AUTO_TEST_CASE(leadership_is_handed_over_and_proposals_wait) {
  cluster c(3);
  c.start_all();
  const auto old = c.elect();
  const auto next = other_than(old);
  c.cut(old, next);
  c.propose(old, "a");
  c.run(30);
  BOOST_REQUIRE(c[old].core->transfer(next, c.now));
  BOOST_TEST(c[old].core->transferring());
  c.propose(old, "waits");
  BOOST_TEST(c[old].core->status().last == c[old].disk_.log.size());
  c.run(1000);  // it did not answer: the transfer is given up, or the leadership
  const auto leader = c.elect();
  c.heal();
  c.run(500);
  const auto again = c.elect();
  BOOST_REQUIRE(leader != 0u);
  BOOST_REQUIRE(again != 0u);
  const auto texts = c[again].texts();
  const bool waited = std::count(texts.begin(), texts.end(), "waits") == 1;
  BOOST_TEST((waited || c[old].refused.size() == 1));  // never both, never neither
  BOOST_TEST(!(waited && !c[old].refused.empty()));

  const auto target = other_than(again);
  BOOST_REQUIRE(c[again].core->transfer(target, c.now));
  c.turn(again);
  c.run(300);
  BOOST_TEST(c[target].leads());
  BOOST_TEST(!c[again].leads());
  BOOST_TEST((c[again].core->transfer(0, c.now).error().code == "node.not_ready"));
  BOOST_REQUIRE(c[target].core->transfer(0, c.now));
  BOOST_REQUIRE(!c[target].core->transfer(0, c.now));
}

BOOST_AUTO_TEST_CASE(a_leader_steps_down_when_asked) {
  cluster c(3);
  c.start_all();
  const auto leader = c.elect();
  const auto term = c[leader].core->status().term;
  BOOST_REQUIRE(c[leader].core->step_down(c.now));
  BOOST_TEST(!c[leader].leads());
  c.turn(leader);
  BOOST_TEST(c[leader].disk_.hard.term == term + 1);
  BOOST_TEST(c.elect() != 0u);
}

BOOST_AUTO_TEST_CASE(members_come_catch_up_vote_and_go) {
  cluster c(3);
  c.start_all();
  const auto leader = c.elect();
  group& g = *c[leader].core;
  for (int i = 0; i < 300; ++i) c.propose(leader, std::to_string(i));
  c.run(100);
  BOOST_TEST((g.change(g.members().with(4, member_role::voter).with(5, member_role::voter), c.now)
                  .error()
                  .code == "config.invalid"));
  // Not ready before this term has committed something: it asks for a barrier itself.
  auto joined = g.change(g.members().with(4, member_role::standby), c.now);
  if (!joined) c.run(100);
  if (!joined) joined = g.change(g.members().with(4, member_role::standby), c.now);
  BOOST_REQUIRE(joined);
  BOOST_TEST((g.change(g.members().with(5, member_role::standby), c.now).error().code ==
              "node.not_ready"));  // the last one is under way
  c.add(4, {});
  c.start(4);
  c.turn(leader);
  BOOST_REQUIRE(g.promote(4, c.now));
  BOOST_TEST((g.promotion_status() == promotion::running));
  c.run(3000);
  BOOST_TEST((g.promotion_status() == promotion::finished));
  BOOST_TEST(g.members().is_voter(4));
  BOOST_TEST(c[4].texts().size() == 300u);
  BOOST_TEST((c[4].core->members() == g.members()));

  const auto gone = other_than(leader);
  c.crash(gone);
  c.run(500);
  BOOST_REQUIRE(g.change(g.members().with(gone, std::nullopt), c.now));
  c.run(500);
  BOOST_TEST(g.members().voters() == 3u);
  c.propose(leader, "three again");
  c.run(200);
  BOOST_TEST(c[4].texts().back() == "three again");
  BOOST_TEST(
      (g.change(g.members().with(leader, std::nullopt), c.now).error().code == "config.invalid"));
  BOOST_REQUIRE(g.transfer(4, c.now));
  c.run(500);
  BOOST_REQUIRE(c[4].leads());
  c.run(500);
  auto& h = *c[4].core;
  auto removed = h.change(h.members().with(leader, std::nullopt), c.now);
  for (int i = 0; i < 10 && !removed; ++i) {
    c.run(200);
    removed = h.change(h.members().with(leader, std::nullopt), c.now);
  }
  BOOST_REQUIRE(removed);
  c.run(500);
  BOOST_TEST(h.members().voters() == 2u);
  BOOST_TEST(c.failures() == strings());
}

BOOST_AUTO_TEST_CASE(a_standby_follows_without_a_vote) {
  const node_number voters[] = {1, 2, 3};
  const auto members = membership::of_voters(voters).with(4, member_role::standby);
  cluster c(0);
  for (node_number n = 1; n <= 4; ++n) c.add(n, disk::founded(members));
  c.start_all();
  const auto leader = c.elect();
  BOOST_REQUIRE(leader < 4u);
  c.propose(leader, "x");
  c.run(200);
  BOOST_TEST(c[4].texts() == strings({"x"}));
  c.crash(leader);
  c.crash(other_than(leader));
  c.run(5000);  // one voter and the standby are no majority
  for (auto& [n, s] : c.servers) BOOST_TEST(!s.leads());
}

BOOST_AUTO_TEST_CASE(reads_share_a_barrier_and_wait_for_a_majority) {
  cluster c(3);
  c.start_all();
  const auto leader = c.elect();
  c.run(100);
  server& l = c[leader];
  const auto last = l.core->status().last;
  for (std::uint64_t t = 1; t <= 50; ++t) BOOST_REQUIRE(l.core->read(t, c.now));
  BOOST_TEST(l.core->status().last == last + 1);  // one entry for all
  BOOST_TEST(l.core->take_reads().empty());
  c.turn(leader);
  BOOST_TEST(l.reads.empty());  // the own disk is no majority
  c.run(50);
  BOOST_REQUIRE(l.reads.size() == 50u);
  for (const auto& r : l.reads) BOOST_TEST((r.index.has_value() && *r.index == last + 1));
  // An entry that has not left yet serves as well.
  const auto p = text_of("w");
  BOOST_REQUIRE(l.core->propose(std::span(&p, 1), c.now));
  BOOST_REQUIRE(l.core->read(60, c.now));
  BOOST_TEST(l.core->status().last == last + 2);
  c.run(50);
  BOOST_TEST(l.reads.back().token == 60u);
  // A leader that is cut off answers no read.
  c.isolate(leader);
  l.reads.clear();
  BOOST_REQUIRE(l.core->read(70, c.now));
  c.run(2000);
  BOOST_REQUIRE(l.reads.size() == 1u);
  BOOST_TEST(!l.reads[0].index.has_value());
  BOOST_TEST((l.core->read(71, c.now).error().code == "node.not_ready"));
}

// Followers know what is committed only lazily: after a restart they hand out what they knew.
BOOST_AUTO_TEST_CASE(a_restarted_follower_goes_on_where_it_was) {
  cluster c(3);
  c.start_all();
  const auto leader = c.elect();
  for (int i = 0; i < 20; ++i) c.propose(leader, std::to_string(i));
  c.run(200);
  for (const node_number n : {1u, 2u, 3u}) {
    c.crash(n);
    c.start(n);
    c.run(1000);
  }
  const auto now = c.elect();
  c.propose(now, "end");
  c.run(300);
  for (auto& [n, s] : c.servers) BOOST_TEST(s.texts() == c[now].texts());
  BOOST_TEST(c[now].texts().size() == 21u);
}
