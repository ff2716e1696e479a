// layer: cluster
// The guards around libraft, one by one: what happens with each, and that it goes wrong without.
// And two schedules that are known to break Raft when it is done nearly right.
#define BOOST_TEST_MODULE group_guards
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "tests/group_harness.hpp"

using namespace millrace;
using namespace millrace::test;

namespace {

using strings = std::vector<std::string>;

node_number other_than(node_number a, node_number b = 0) {
  for (node_number n = 1;; ++n)
    if (n != a && n != b) return n;
}

template <class Message>
std::vector<Message> sent(group& g) {
  std::vector<Message> out;
  for (const auto& m : g.take_messages())
    if (const auto* what = std::get_if<Message>(&m.what)) out.push_back(*what);
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(guard_1_entries_below_a_compacted_log_are_not_appended_behind_it) {
  const auto survives = [](bool on) {  // in a process of its own: without it memory is read wild
    const pid_t child = ::fork();
    if (child > 0) {
      int status = 0;
      ::waitpid(child, &status, 0);
      return WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    guards g;
    g.compacted_previous = on;
    cluster c(3, g);
    server& s = c[2];
    for (int i = 2; i <= 8; ++i) s.disk_.add(1, std::to_string(i));
    s.disk_.committed = 8;
    const auto log = s.disk_.log;
    c.start(2);
    append_entries a{1, 8, 1, 8, {}, 0};
    if (!s.core->receive({1, a}, {1, 1}, c.now)) ::_exit(2);
    c.turn(2);
    if (!s.core->checkpointed(5, c.now)) ::_exit(3);
    c.turn(2);
    a = {1, 0, 0, 8, log, 0};  // a leader that knows nothing of this log begins at 1
    if (!s.core->receive({1, a}, {1, 1}, c.now)) ::_exit(4);
    c.turn(2);
    const bool whole = s.core->status().last == 8 && s.core->status().durable == 8;
    ::_exit(whole ? 0 : 5);
  };
  BOOST_TEST(survives(true));
  BOOST_TEST(!survives(false));
}

BOOST_AUTO_TEST_CASE(guard_2_a_change_within_a_batch_is_taken_at_its_own_place) {
  for (const bool on : {true, false}) {
    guards g;
    g.change_first = on;
    cluster c(4, g);
    c.start_all();
    const auto leader = c.elect();
    const auto late = other_than(leader);
    const auto gone = other_than(leader, late);
    auto& core = *c[leader].core;
    BOOST_REQUIRE(core.barrier(c.now));
    c.run(100);
    c.isolate(late);
    c.propose(leader, "before");
    BOOST_REQUIRE(core.change(core.members().with(gone, std::nullopt), c.now));
    c.turn(leader);
    c.run(100);
    c.crash(gone);
    c.heal();
    c.run(500);  // it gets both in one batch
    BOOST_REQUIRE(c[leader].leads());
    BOOST_REQUIRE(c[late].core->status().last == core.status().last);
    BOOST_REQUIRE(core.transfer(late, c.now));
    c.turn(leader);
    c.run(300);
    BOOST_REQUIRE(c[late].leads());
    auto& next = *c[late].core;
    BOOST_REQUIRE(next.barrier(c.now));
    c.run(200);
    const auto changed = next.change(next.members().with(9, member_role::standby), c.now);
    BOOST_TEST(static_cast<bool>(changed) == on);  // else its configuration is wedged
  }
}

BOOST_AUTO_TEST_CASE(guard_3_who_becomes_the_only_voter_leads_in_a_term_of_its_own) {
  for (const bool on : {true, false}) {
    guards g;
    g.sole_voter_term = on;
    g.safe_changes = false;  // else a leader cannot remove itself
    cluster c(2, g);
    c.start_all();
    const auto old = c.elect();
    const auto left = other_than(old);
    BOOST_REQUIRE(c[old].core->barrier(c.now));
    c.run(100);
    const auto term = c[old].core->status().term;
    auto& core = *c[old].core;
    BOOST_REQUIRE(core.change(core.members().with(old, std::nullopt), c.now));
    c.turn(old);
    c.run(2000);
    BOOST_REQUIRE(c[left].leads());
    BOOST_TEST((c[left].core->status().term > term) == on);
    if (on) BOOST_TEST((c[left].disk_.hard == hard_state{c[left].core->status().term, left}));
  }
}

BOOST_AUTO_TEST_CASE(guard_4_the_newest_log_in_an_old_term_learns_the_new_one) {
  for (const bool on : {true, false}) {
    guards g;
    g.denied_pre_vote_term = on;
    cluster c(3, g);
    for (auto& [n, s] : c.servers) s.disk_.add(2, "both");
    c[1].disk_.add(5, "newest");
    c[2].disk_.hard = {9, 0};
    c.start(1);
    c.start(2);  // the third is dead
    BOOST_TEST((c.elect() == 1u) == on);
    BOOST_TEST(c.failures() == strings());
  }
}

BOOST_AUTO_TEST_CASE(guard_5_a_candidate_that_nobody_hears_does_not_raise_its_term_for_ever) {
  for (const bool on : {true, false}) {
    guards g;
    g.candidate_asks_again = on;
    cluster c(3, g);
    c.start_all();
    const auto leader = c.elect();
    c.run(200);
    const auto target = other_than(leader);
    const auto term = c[leader].core->status().term;
    BOOST_REQUIRE(c[leader].core->transfer(target, c.now));
    c.turn(leader);
    c.deliver();        // it is told to lead
    c.isolate(target);  // and heard by nobody
    c.run(5000);
    BOOST_TEST((c[target].core->status().term <= term + 1) == on);
  }
}

BOOST_AUTO_TEST_CASE(guard_6_a_sole_voters_group_does_not_grow_in_place) {
  for (const bool on : {true, false}) {
    guards g;
    g.safe_changes = on;
    cluster c(1, g);
    c.start(1);
    auto grown = c[1].core->change(c[1].core->members().with(2, member_role::voter), c.now);
    BOOST_TEST(static_cast<bool>(grown) == !on);
    if (on) {
      BOOST_TEST(grown.error().code == "config.invalid");
      continue;
    }
    c.turn(1);  // it is on the disk
    c.crash(1);
    c.add(2, {});
    c.start(1);
    c.start(2);
    BOOST_TEST(c.elect() == 0u);  // nobody may vote for it, for ever
  }
}

BOOST_AUTO_TEST_CASE(guard_7_a_late_rejection_does_not_take_a_follower_out) {
  for (const bool on : {true, false}) {
    guards g;
    g.stale_rejections = on;
    cluster c(3, g);
    c.start_all();
    const auto leader = c.elect();
    const auto victim = other_than(leader);
    for (int i = 0; i < 5; ++i) c.propose(leader, std::to_string(i));
    c.run(200);
    auto& core = *c[leader].core;
    const auto match = core.match_of(victim);
    BOOST_REQUIRE(match == core.status().last);
    c.isolate(victim);
    c.run(700);  // the leader probes it again
    const append_entries_result late{core.status().term, match, match - 1};
    BOOST_REQUIRE(core.receive({victim, late}, c[victim].identity(), c.now));
    c.heal();
    c.propose(leader, "new");
    c.run(250);  // within its election timeout
    if (c[leader].leads()) BOOST_TEST((c[victim].texts().back() == "new") == on);
    BOOST_TEST(c[leader].leads());
  }
}

BOOST_AUTO_TEST_CASE(guard_8_an_answer_to_a_pre_vote_is_no_news_for_a_leader) {
  for (const bool on : {true, false}) {
    guards g;
    g.pre_vote_answers = on;
    cluster c(3, g);
    c.start_all();
    const auto leader = c.elect();
    auto& core = *c[leader].core;
    const auto term = core.status().term;
    const request_vote_result late{term + 1, false, true};
    BOOST_REQUIRE(core.receive({other_than(leader), late}, {1, 1}, c.now));
    BOOST_TEST(c[leader].leads() == on);
    BOOST_TEST((core.status().term == term) == on);
  }
}

BOOST_AUTO_TEST_CASE(guard_9_a_voter_that_forgot_what_it_acknowledged_is_refused) {
  for (const bool on : {true, false}) {
    guards g;
    g.remembered_positions = on;
    cluster c(3, g);
    c.start_all();
    const auto leader = c.elect();
    const auto restored = other_than(leader);
    const auto other = other_than(leader, restored);
    c.propose(leader, "a");
    c.run(200);
    const disk backup = c[restored].disk_;
    c.isolate(other);
    c.propose(leader, "acknowledged");
    c.run(200);
    BOOST_TEST(c[leader].texts() == strings({"a", "acknowledged"}));
    c.propose(leader, "and written down");  // the acknowledgement goes with the next write
    c.run(100);
    c.crash(restored);
    c.crash(leader);
    c[restored].disk_ = backup;
    c.heal();
    c.start(restored);
    c.start(leader);  // what it remembers is on its disk
    c.run(3000);
    BOOST_TEST((
        c[leader].core->admits(restored, c[restored].identity(), c[restored].core->boot()) == !on));
    // One that comes back with all it had, is welcome.
    c.crash(other);
    c.start(other);
    BOOST_TEST(c[leader].core->admits(other, c[other].identity(), c[other].core->boot()));
    // Another directory under the same number is not.
    auto stranger = c[other].identity();
    ++stranger.incarnation;
    const bool known = c[leader].disk_.acknowledged.contains(other);
    if (known) BOOST_TEST(c[leader].core->admits(other, stranger, {99, 99}) == !on);
  }
}

// The vote leaves, the power goes before it is on the disk, and it is given again.
BOOST_AUTO_TEST_CASE(a_vote_does_not_leave_before_it_is_durable) {
  for (const bool on : {true, false}) {
    guards g;
    g.vote_after_durable = on;
    cluster c(3, g);
    unsigned granted = 0;
    for (const node_number candidate : {1u, 3u}) {
      c.start(2);
      const request_vote ask{5, candidate, 1, 1, true, false};
      BOOST_REQUIRE(c[2].core->receive({candidate, ask}, {candidate, 1}, c.now));
      for (const auto& answer : sent<request_vote_result>(*c[2].core)) granted += answer.granted;
      c.crash(2);
    }
    BOOST_TEST(granted == (on ? 0u : 2u));  // two: two leaders in term 5
    c.start(2);
    const request_vote ask{5, 1, 1, 1, true, false};
    BOOST_REQUIRE(c[2].core->receive({1, ask}, {1, 1}, c.now));
    c.turn(2);
    BOOST_TEST((c[2].disk_.hard == hard_state{5, 1}));
    BOOST_REQUIRE(!c.net.empty());
    BOOST_TEST(std::get<request_vote_result>(c.net.back().what).granted);
  }
}

// A new term that is under way to the disk holds back everything, AppendEntries too.
BOOST_AUTO_TEST_CASE(nothing_overtakes_a_new_term) {
  cluster c(3);
  c.start(1);
  for (int i = 0; i < 200 && c[1].core->status().role != group_role::candidate; ++i) {
    c.now += 10;
    BOOST_REQUIRE(c[1].core->tick(c.now));
  }
  static_cast<void>(c[1].core->take_messages());
  const auto term = c[1].core->status().term;
  BOOST_REQUIRE(c[1].core->receive({2, request_vote_result{term + 1, true, true}}, {2, 1}, c.now));
  BOOST_TEST(c[1].core->status().term == term + 1);
  BOOST_TEST(c[1].core->take_messages().empty());
  BOOST_REQUIRE(c[1].core->receive({2, request_vote_result{term + 1, true, false}}, {2, 1}, c.now));
  BOOST_REQUIRE(c[1].leads());
  BOOST_TEST(c[1].core->take_messages().empty());  // its first AppendEntries
  c[1].disk_.write(c[1].core->take_output(), 0);
  BOOST_TEST(c[1].core->take_messages().empty());
  BOOST_REQUIRE(c[1].core->durable(c.now));
  BOOST_TEST(sent<append_entries>(*c[1].core).size() >= 2u);
}

// Figure 8 of the Raft paper: an entry of an old term on a majority is not committed by that.
BOOST_AUTO_TEST_CASE(figure_8) {
  cluster c(5);
  for (auto& [n, s] : c.servers) s.options.inflight_entries_max = 1;
  for (const node_number n : {1u, 2u}) c[n].disk_.add(2, "old");
  c[5].disk_.add(3, "newer");
  for (const node_number n : {1u, 2u, 3u, 4u}) c[n].disk_.hard.term = 3;
  c.start_all();
  c.crash(5);
  for (int i = 0; i < 400 && !c[1].leads(); ++i) c.run(10, {1});
  BOOST_REQUIRE(c[1].leads());
  // The old entry reaches the third server, the new term's barrier reaches nobody.
  const auto deliver = [&] {
    for (const letter& l : std::exchange(c.net, {})) {
      const auto* a = std::get_if<append_entries>(&l.what);
      if (a == nullptr || a->previous_index + a->entries.size() < 3) c.deliver(l);
    }
  };
  for (int i = 0; i < 50 && c[1].core->match_of(3) < 2; ++i) {
    deliver();
    c.now += 10;
    BOOST_REQUIRE(c[1].core->tick(c.now));
    c.turn(1);
  }
  BOOST_REQUIRE(c[3].disk_.log.size() == 2u);
  BOOST_REQUIRE(c[1].core->match_of(3) == 2u);
  BOOST_TEST(c[1].texts().empty());  // on three of five, and not committed
  c.crash(1);
  c.heal();
  c.net.clear();
  for (const node_number n : {2u, 3u, 4u}) {  // they do not wait for the first any more
    c.crash(n);
    c.start(n);
  }
  c.start(5);
  for (int i = 0; i < 1000 && !c[5].leads(); ++i) c.run(10, {5});
  BOOST_REQUIRE(c[5].leads());
  c.start(1);
  c.run(1000, {5});
  for (auto& [n, s] : c.servers) BOOST_TEST(s.texts() == strings({"newer"}));
  BOOST_TEST(c.failures() == strings());
}
