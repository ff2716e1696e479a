// layer: cluster
// How a plant host begins and ends to lead: who is told what, and that no cell goes on with what it
// was given under a leadership that is gone.
#define BOOST_TEST_MODULE host_lead
#include <boost/test/unit_test.hpp>

#include "tests/host_harness.hpp"

using namespace millrace;
using namespace millrace::testing;

namespace {

using host_ptr = std::shared_ptr<host_harness>;

group_status status_of(group_role role, term_number term, node_number leader, journal_index last) {
  group_status s;
  s.role = role;
  s.term = term;
  s.leader = leader;
  s.last = s.durable = s.committed = s.delivered = last;
  s.voters = 3;
  return s;
}

/// A host of a group with three voters that leads as node 1 in term 1. Nothing commits by itself.
host_ptr leader() {
  host_options options;
  options.sole_voter = false;
  auto h = host_harness::make(options);
  h->auto_commit = false;
  return h;
}

void follow(host_harness& h, term_number term, node_number of) {
  h.host->on_role(status_of(group_role::follower, term, of, h.log.size()), h.now);
}

void lead(host_harness& h, term_number term) {
  h.term = term;
  h.host->on_role(status_of(group_role::leader, term, 1, h.log.size()), h.now);
}

/// The log from there on is another leader's.
void commit_foreign(host_harness& h, std::vector<log_entry> entries, term_number term) {
  h.log.resize(h.committed_to);
  h.log.insert(h.log.end(), entries.begin(), entries.end());
  h.committed_to = h.log.size();
  h.host->on_committed(entries, status_of(group_role::follower, term, 2, h.log.size()), h.now);
}

/// Entries as they come over the wire: other buffers.
std::vector<log_entry> copies(const std::vector<log_entry>& of) {
  auto out = of;
  for (auto& e : out) e.payload = std::make_shared<const bytes>(*e.payload);
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_was_proposed_is_unknown_and_what_was_not_has_not_happened) {
  const auto h = leader();
  const auto proposed = h->submit(h->make_request("a", counter_command::add, 1, {}, "key-a"));
  BOOST_REQUIRE(h->log.size() == 1u);
  const auto stashed = h->submit(h->make_request("a", counter_command::add, 1, {}, "key-b"));
  const auto queued = h->hand_over(h->make_request("c", counter_command::add, 1, {}, "key-c"));
  follow(*h, 2, 2);
  BOOST_TEST(h->replies.at(proposed).code == "outcome.unknown");
  BOOST_TEST(h->replies.at(proposed).retry_after_s == 1u);
  for (const auto tag : {stashed, queued}) {
    BOOST_TEST(h->replies.at(tag).code == "plant.not_leader");
    BOOST_TEST(h->replies.at(tag).leader == 2u);
  }
  BOOST_TEST(h->submit(h->make_request("d", counter_command::add, 1)) > 0u);
  BOOST_TEST(h->replies.rbegin()->second.code == "plant.not_leader");
  BOOST_TEST(h->host->status().in_flight == 0u);
  BOOST_TEST(h->host->status().admitted == 0u);
}

BOOST_AUTO_TEST_CASE(a_retry_at_the_next_leadership_gets_the_first_answer) {
  const auto h = leader();
  h->submit(h->make_request("a", counter_command::add, 5, {}, "key-a"));
  follow(*h, 2, 2);
  h->run();
  commit_foreign(*h, copies(h->log), 2);  // the next leader found it in its log
  h->run();
  BOOST_TEST(h->value("a") == 5);
  lead(*h, 3);
  h->auto_commit = true;
  const auto again = h->send("a", counter_command::add, 5, {}, "key-a");
  BOOST_TEST(again.replayed);
  BOOST_TEST(again.sequence == 1u);
  BOOST_TEST(h->send("a", counter_command::add, 5, {}, "key-b").sequence == 2u);
  BOOST_TEST(h->value("a") == 10);
}

BOOST_AUTO_TEST_CASE(what_was_lost_with_the_leadership_is_done_anew_on_what_came_instead) {
  const auto other = leader();
  other->auto_commit = true;
  other->send("a", counter_command::add, 20);
  const auto h = leader();
  h->submit(h->make_request("a", counter_command::add, 5, {}, "key-a"));
  commit_foreign(*h, copies(other->log), 2);  // comes before the host is told of the new leader
  BOOST_TEST(h->replies.rbegin()->second.code == "outcome.unknown");
  follow(*h, 2, 2);
  h->run();
  BOOST_TEST(h->value("a") == 20);
  BOOST_TEST(h->host->hash() == other->host->hash());
  lead(*h, 3);
  h->auto_commit = true;
  const auto again = h->send("a", counter_command::add, 5, {}, "key-a");
  BOOST_TEST(!again.replayed);
  BOOST_TEST(again.sequence == 2u);
  BOOST_TEST(h->value("a") == 25);
}

BOOST_AUTO_TEST_CASE(own_entries_that_commit_with_the_loss_are_answered) {
  const auto h = leader();
  const auto tag = h->submit(h->make_request("a", counter_command::add, 5));
  h->committed_to = h->log.size();
  h->host->on_committed(h->log, status_of(group_role::follower, 2, 2, 1), h->now);
  h->run();
  BOOST_TEST(h->replies.at(tag).code == "");
  BOOST_TEST(!h->host->leading());
  BOOST_TEST(h->value("a") == 5);
}

BOOST_AUTO_TEST_CASE(a_new_term_of_the_same_leader_is_a_new_beginning) {
  const auto h = leader();
  h->hand_over(h->make_request("a", counter_command::add, 1, {}, "key-a"));
  h->host->end_turn(h->now);  // the cell has it, and has not answered
  BOOST_REQUIRE(!h->tasks.empty());
  lead(*h, 3);
  BOOST_TEST(h->replies.rbegin()->second.code == "plant.not_leader");
  BOOST_TEST(h->host->leading());
  h->auto_commit = true;
  h->run();
  BOOST_TEST(h->log.empty());  // what the cell made of it is not proposed
  BOOST_TEST(h->send("a", counter_command::add, 1, {}, "key-a").sequence == 1u);
  BOOST_TEST(h->log.back().term == 3u);
}

BOOST_AUTO_TEST_CASE(callers_of_pending_commands_and_operators_are_told) {
  const auto h = leader();
  h->auto_commit = true;
  h->send("a", counter_command::add, 1);
  h->send("b", counter_command::add, 9);
  h->auto_commit = false;
  const auto keyed = h->submit(h->make_request("a", counter_command::ask, 1, "b", "key-a"));
  const auto bare = h->submit(h->make_request("b", counter_command::ask, 1, "a"));
  h->commit();
  h->host->end_turn(h->now);
  BOOST_TEST(!h->replies.contains(keyed));
  std::string paused;
  h->host->pause_endpoint(System::erp, h->now.plus_ms(1000), "audit", "ops", h->now,
                          [&](result<void> r) { paused = r ? "done" : r.error().code; });
  follow(*h, 2, 2);
  BOOST_TEST(h->replies.at(keyed).code == "outcome.unknown");
  BOOST_TEST(h->replies.at(bare).code == "command.deadline");  // it is in the log: 202
  BOOST_TEST(paused == "outcome.unknown");
  h->host->pause_endpoint(System::erp, h->now.plus_ms(1000), "audit", "ops", h->now,
                          [&](result<void> r) { paused = r ? "done" : r.error().code; });
  BOOST_TEST(paused == "plant.not_leader");
}

BOOST_AUTO_TEST_CASE(a_rejection_leaves_when_something_of_the_term_has_committed) {
  const auto h = leader();
  const auto tag = h->submit(h->make_request("nobody", counter_command::drop, 1));
  BOOST_TEST(!h->replies.contains(tag));
  BOOST_REQUIRE(h->log.size() == 1u);
  h->commit();
  h->run();
  BOOST_TEST(h->replies.at(tag).code == "actor.unknown");
  const auto lost = h->submit(h->make_request("nobody", counter_command::drop, 1));
  follow(*h, 2, 2);
  BOOST_TEST(h->replies.at(lost).code == "plant.not_leader");
}

BOOST_AUTO_TEST_CASE(requests_wait_while_nobody_leads_and_go_where_somebody_does) {
  const auto h = leader();
  follow(*h, 2, 0);
  const auto tag = h->submit(h->make_request("a", counter_command::add, 1));
  BOOST_TEST(!h->replies.contains(tag));
  follow(*h, 3, 2);
  BOOST_TEST(h->replies.at(tag).code == "plant.not_leader");
  BOOST_TEST(h->replies.at(tag).leader == 2u);
  follow(*h, 4, 0);
  const auto stays = h->submit(h->make_request("a", counter_command::add, 1));
  lead(*h, 5);
  h->auto_commit = true;
  h->run();
  BOOST_TEST(h->replies.at(stays).code == "");
}

BOOST_AUTO_TEST_CASE(a_follower_fires_nothing_and_a_leader_goes_on_where_the_last_was) {
  const auto first = leader();
  first->auto_commit = true;
  first->send("a", counter_command::add, 1);
  first->send("a", counter_command::arm, 1);
  first->send("a", counter_command::send, 1, "order-1");
  BOOST_TEST(first->attempts.size() == 1u);
  const auto h = leader();
  follow(*h, 1, 2);
  h->auto_commit = true;
  h->log = copies(first->log);
  h->committed_to = h->log.size();
  h->host->on_committed(h->log, status_of(group_role::follower, 1, 2, h->log.size()), h->now);
  h->now = first->now;
  h->pass(3'000'000);
  BOOST_TEST(h->value("a") == 1);
  BOOST_TEST(h->attempts.empty());
  BOOST_TEST(h->host->hash() == first->host->hash());
  lead(*h, 2);
  h->pass(100'000);
  BOOST_TEST(h->value("a") == 101);
  BOOST_TEST(h->attempts.size() == 1u);
  BOOST_TEST(h->attempts.front().id == first->attempts.front().id);
  follow(*h, 3, 2);
  attempt_result done_well;
  done_well.what = attempt_result::verdict::acknowledged;
  h->host->on_attempt(h->attempts.front().number, 1, done_well, h->now);  // comes too late
  h->run();
  BOOST_TEST(h->host->status().outbox == 1u);
}
