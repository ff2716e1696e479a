// layer: cluster
// The group core alone: the order of disk and commit, the guards of a sole voter, and what it keeps
// in memory.
#define BOOST_TEST_MODULE group
#include "cluster/group.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/loop_harness.hpp"

using namespace millrace;
using namespace millrace::test;

namespace {

group_image founded() {
  group_image image;
  image.hard = {1, 0};
  image.tail.push_back(
      {1, 1, entry_type::change, std::make_shared<const bytes>(group::founding_configuration(1))});
  return image;
}

/// Starts as the loop does: what before_start wants is taken as durable.
void start(group& g, group_image& image, std::uint64_t now = 1) {
  if (const auto hard = g.before_start(image)) image.hard = *hard;
  BOOST_REQUIRE(g.start(image, now));
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_sole_voter_leads_at_once_in_a_term_of_its_own) {
  group g({});
  auto image = founded();
  const auto hard = g.before_start(image);
  BOOST_REQUIRE(hard.has_value());
  BOOST_TEST((*hard == hard_state{2, 1}));
  start(g, image);
  const auto s = g.status();
  BOOST_TEST((s.role == group_role::leader));
  BOOST_TEST(s.term == 2u);
  BOOST_TEST(s.committed == 1u);
  BOOST_TEST(s.delivered == 1u);
}

BOOST_AUTO_TEST_CASE(nothing_is_committed_before_it_is_durable) {
  group g({});
  auto image = founded();
  start(g, image);
  const std::vector proposals{payload("a"), payload("b")};
  BOOST_REQUIRE(g.propose(proposals, 2));
  BOOST_TEST(g.take_committed().empty());
  auto out = g.take_output();
  BOOST_REQUIRE(out.append.size() == 2u);
  BOOST_TEST(out.append[0].index == 2u);
  BOOST_TEST(out.append[0].term == 2u);
  BOOST_TEST(!out.truncate_from.has_value());
  BOOST_TEST(g.take_committed().empty());
  BOOST_TEST(g.status().committed == 1u);

  // Proposed while the first two are being written: durable() speaks only of what was taken.
  const std::vector late{payload("c")};
  BOOST_REQUIRE(g.propose(late, 3));
  BOOST_REQUIRE(g.durable(4));
  const auto committed = g.take_committed();
  BOOST_REQUIRE(committed.size() == 2u);
  BOOST_TEST((committed[0].payload == proposals[0]));  // the same buffer, no copy
  BOOST_TEST((committed[1].payload == proposals[1]));
  BOOST_TEST(g.status().durable == 3u);
  BOOST_TEST(g.take_output().append.size() == 1u);
  BOOST_REQUIRE(g.durable(5));
  BOOST_TEST(g.take_committed().size() == 1u);
  BOOST_TEST(g.held() == 0u);
}

BOOST_AUTO_TEST_CASE(guard_3_index_and_term_are_never_used_twice) {
  for (const bool on : {true, false}) {
    group_options options;
    options.on.sole_voter_term = on;
    auto image = founded();
    term_number lost_term = 0;
    {
      group g(options);
      start(g, image);
      const std::vector p{payload("lost in the crash")};
      BOOST_REQUIRE(g.propose(p, 2));
      lost_term = g.take_output().append.at(0).term;  // shown to the disk, never durable
    }
    group g(options);  // the image is what was durable, with the term that start wrote
    start(g, image);
    const std::vector p{payload("another")};
    BOOST_REQUIRE(g.propose(p, 2));
    const auto again = g.take_output().append.at(0);
    BOOST_TEST(again.index == 2u);
    BOOST_TEST((again.term > lost_term) == on);
  }
}

BOOST_AUTO_TEST_CASE(a_restart_continues_after_the_snapshot) {
  auto image = founded();
  group g({});
  start(g, image);
  for (int i = 0; i < 10; ++i) {
    const std::vector p{payload("x")};
    BOOST_REQUIRE(g.propose(p, 2));
    auto out = g.take_output();
    for (auto& e : out.append) image.tail.push_back(e);
    BOOST_REQUIRE(g.durable(2));
    static_cast<void>(g.take_committed());
  }
  BOOST_REQUIRE(g.checkpointed(6, 3));
  BOOST_REQUIRE(g.checkpointed(5, 3));    // older: ignored
  BOOST_REQUIRE(g.checkpointed(100, 3));  // not committed: ignored
  const auto out = g.take_output();
  BOOST_REQUIRE(out.snapshot.has_value());
  BOOST_TEST(out.snapshot->index == 6u);
  BOOST_TEST(out.snapshot->term == 2u);
  BOOST_TEST(out.snapshot->configuration_index == 1u);
  BOOST_TEST(g.snapshot_index() == 6u);

  image.snapshot = *out.snapshot;
  image.tail.erase(image.tail.begin(), image.tail.begin() + 6);
  for (const bool empty_tail : {false, true}) {
    if (empty_tail) image.tail.clear();
    group again({});
    group_image from = image;
    start(again, from);
    BOOST_TEST(again.status().term == 3u);
    BOOST_TEST(again.status().last == (empty_tail ? 6u : 11u));
    const std::vector p{payload("y")};
    BOOST_REQUIRE(again.propose(p, 2));
    BOOST_TEST(again.take_output().append.at(0).index == (empty_tail ? 7u : 12u));
    BOOST_REQUIRE(again.durable(3));
    BOOST_TEST(again.take_committed().size() == 1u);
    BOOST_REQUIRE(again.checkpointed(again.status().last, 4));
    BOOST_TEST(again.take_output().snapshot->term == 3u);
  }
}

BOOST_AUTO_TEST_CASE(an_image_that_is_no_log_is_refused) {
  const auto refused = [](group_image image, const std::string& code) {
    group g({});
    auto ok = g.start(image, 1);
    BOOST_REQUIRE(!ok);
    BOOST_TEST(ok.error().code == code);
  };
  auto gap = founded();
  gap.tail.push_back({3, 1, entry_type::command, nullptr});
  refused(gap, "journal.damaged");
  auto falling = founded();
  falling.hard.term = 5;
  falling.tail.push_back({2, 4, entry_type::command, nullptr});
  falling.tail.push_back({3, 3, entry_type::command, nullptr});
  refused(falling, "journal.damaged");
  auto beyond = founded();
  beyond.tail.push_back({2, 2, entry_type::command, nullptr});  // above the durable term
  refused(beyond, "journal.damaged");
  auto torn = founded();
  torn.tail[0].payload = payload("no configuration");
  refused(torn, "journal.damaged");
}

BOOST_AUTO_TEST_CASE(who_is_no_voter_in_its_log_never_leads) {
  auto foreign = founded();
  foreign.tail[0].payload = std::make_shared<const bytes>(group::founding_configuration(2));
  for (const group_image& image : {foreign, group_image{}}) {
    group g({});
    BOOST_TEST(!g.before_start(image).has_value());
    BOOST_REQUIRE(g.start(image, 1));
    for (std::uint64_t now = 50; now < 10'000; now += 50) BOOST_REQUIRE(g.tick(now));
    BOOST_TEST((g.status().role == group_role::follower));
    BOOST_TEST(g.take_messages().empty());
    BOOST_TEST(g.take_output().empty());
  }
}

BOOST_AUTO_TEST_CASE(memory_stays_bounded_over_many_entries) {
  group g({});
  auto image = founded();
  start(g, image);
  const std::vector<shared_bytes> batch(64, payload("payload"));
  for (std::uint64_t turn = 1; turn <= 2000; ++turn) {
    BOOST_REQUIRE(g.propose(batch, turn));
    BOOST_REQUIRE(g.tick(turn));
    BOOST_REQUIRE_EQUAL(g.take_output().append.size(), batch.size());
    BOOST_REQUIRE(g.durable(turn));
    BOOST_REQUIRE_EQUAL(g.take_committed().size(), batch.size());
    BOOST_REQUIRE_EQUAL(g.held(), 0u);
    if (turn % 500 == 0) BOOST_REQUIRE(g.checkpointed(g.status().delivered - 10, turn));
  }
  BOOST_TEST(g.status().last == 1u + 2000u * 64u);
  BOOST_TEST((g.status().role == group_role::leader));
  BOOST_TEST(batch[0].use_count() == 64);  // no one else holds on to a payload
}

BOOST_AUTO_TEST_CASE(a_sole_leader_stays_leader_however_long_it_stood_still) {
  group g({});
  auto image = founded();
  start(g, image);
  for (const std::uint64_t now : {10ull, 400ull, 5'000ull, 3'600'000ull, 3'000'000ull}) {
    BOOST_REQUIRE(g.tick(now));
    BOOST_TEST((g.status().role == group_role::leader));
    BOOST_TEST(g.status().term == 2u);
  }
  BOOST_TEST(g.take_output().empty());
}
