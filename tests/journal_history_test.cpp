// layer: cluster
// The log that begins behind a snapshot, and the history before it: put back in chunks that the
// hash chain proves, refused when a single bit is another; what a start makes of a snapshot that
// the journal has not heard of.
#define BOOST_TEST_MODULE journal_history
#include <boost/test/unit_test.hpp>

#include "cluster/history_wire.hpp"
#include "cluster/journal_verify.hpp"
#include "tests/snapshot_harness.hpp"

using namespace millrace;
using namespace millrace::test;

namespace {

snapshot_head head_at(maker_node& from, journal_index index) {
  const auto* g = from.log.core.log().find(from.group);
  snapshot_head out;
  out.of = {from.name, 1, index, g->snapshot.term};
  out.configuration_index = g->snapshot.configuration_index;
  out.configuration = g->snapshot.configuration;
  out.chain = *from.log.core.log().chain_at(from.group, index);
  out.history_from = g->anchor.index + 1;
  return out;
}

/// A journal that begins behind the snapshot of another.
struct behind_it {
  explicit behind_it(maker_node& from, journal_index index) {
    process first(disk);
    const std::vector<node_number> all{1, 2, 3};
    auto ear = std::make_shared<recorder>();
    BOOST_REQUIRE(first.core.open_group(from.name, 0, ear, 1, membership::of_voters(all)));
    adopt(head_at(from, index));
  }
  void adopt(const snapshot_head& head) {
    now = std::make_unique<process>(disk);
    BOOST_REQUIRE(now->core.adopt("hamburg", head));
  }
  [[nodiscard]] const journal_group& group() { return *now->core.log().find("hamburg"); }
  [[nodiscard]] history_chunk ask(maker_node& from) {
    const auto got =
        answer_history(from.log.store, from.group, {"hamburg", 1, group().anchor.index});
    BOOST_REQUIRE(got);
    BOOST_REQUIRE(std::holds_alternative<history_part>(*got));
    const auto back = decode_history(encode_history(*got));
    BOOST_REQUIRE(back);
    return std::get<history_part>(*back).chunk;
  }
  std::shared_ptr<memory_disk> disk = std::make_shared<memory_disk>();
  std::unique_ptr<process> now;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_start_lets_the_log_begin_behind_a_snapshot_it_has_not_heard_of) {
  maker_node from(1'500);
  behind_it to(from, 1'500);
  BOOST_TEST(to.group().anchor.index == 1'500u);
  BOOST_TEST(to.group().last == 1'500u);
  BOOST_TEST((to.group().head == head_at(from, 1'500).chain));
  to.adopt(head_at(from, 1'500));  // known by now
  BOOST_TEST(to.group().anchor.index == 1'500u);
  BOOST_TEST(to.group().hard.term >= 1u);
  auto ear = std::make_shared<recorder>();
  BOOST_TEST(to.now->core.open_group("hamburg", 1'500, ear, 1).has_value());
}

BOOST_AUTO_TEST_CASE(a_log_that_holds_the_snapshots_entry_stays_as_it_is) {
  maker_node from(100);
  process again(from.log.disk);
  BOOST_REQUIRE(again.core.adopt("hamburg", head_at(from, 100)));
  BOOST_TEST(again.core.log().find("hamburg")->anchor.index == 0u);
  auto other = head_at(from, 100);
  other.chain[0] ^= 1;  // an entry of a leader whose entries were not kept
  BOOST_REQUIRE(again.core.adopt("hamburg", other));
  BOOST_TEST(again.core.log().find("hamburg")->anchor.index == 100u);
}

BOOST_AUTO_TEST_CASE(history_comes_back_to_the_first_entry_and_the_chain_is_whole) {
  maker_node from(1'500);
  behind_it to(from, 1'500);
  std::size_t chunks = 0;
  while (to.group().history_from != 0) {
    const auto put = to.now->core.back_fill(to.group().number, to.ask(from));
    BOOST_REQUIRE_MESSAGE(put, (put ? "" : put.error().detail));
    BOOST_REQUIRE(*put);
    ++chunks;
  }
  BOOST_TEST(chunks >= 3u);
  BOOST_TEST(to.group().anchor.index == 0u);
  const auto report = verify_journal(to.now->store);
  BOOST_REQUIRE(report);
  BOOST_TEST(report->intact(), report->to_text());
  BOOST_TEST(report->groups[0].entries == 1'500u);
  process again(to.disk);
  BOOST_TEST(again.core.log().find("hamburg")->history_from == 0u);
  BOOST_TEST((*again.core.log().chain_at(1, 700) == *from.log.core.log().chain_at(1, 700)));
  const auto ends = answer_history(from.log.store, from.group, {"hamburg", 1, 0});
  BOOST_TEST(std::get<history_end>(*ends).oldest == 1u);
  BOOST_TEST(std::get<history_end>(*ends).whole);
}

BOOST_AUTO_TEST_CASE(history_that_is_not_what_the_chain_was_made_of_is_refused) {
  maker_node from(600);
  behind_it to(from, 600);
  const auto good = to.ask(from);
  const auto refused = [&](const history_chunk& chunk) {
    const auto put = to.now->core.back_fill(to.group().number, chunk);
    BOOST_TEST((!put || !*put));
    BOOST_TEST(to.group().anchor.index == 600u);
    BOOST_TEST((!put && put.error().code == "journal.damaged") == !put.has_value());
  };
  for (const std::size_t at : {std::size_t{0}, good.entries.size() / 2, good.entries.size() - 1}) {
    auto forged = good;
    forged.entries[at].payload = payload("never happened");
    refused(forged);
    forged = good;
    forged.entries[at].term += 1;
    refused(forged);
  }
  auto shifted = good;
  shifted.before.chain[3] ^= 1;
  refused(shifted);
  auto holed = good;
  holed.entries.erase(holed.entries.begin() + 3);
  refused(holed);
  auto early = good;
  early.entries.pop_back();
  refused(early);
  BOOST_TEST(*to.now->core.back_fill(to.group().number, good));
  BOOST_TEST(!*to.now->core.back_fill(to.group().number, good));  // it came twice
}

BOOST_AUTO_TEST_CASE(retention_ends_what_is_wanted) {
  maker_node from(600);
  behind_it to(from, 600);
  BOOST_REQUIRE(*to.now->core.back_fill(to.group().number, to.ask(from)));
  BOOST_TEST(to.group().history_from == 1u);
  BOOST_REQUIRE(*to.now->core.retain_from(to.group().number, 400));
  BOOST_TEST(to.group().anchor.index == 399u);
  BOOST_TEST(to.group().history_from == 0u);
  BOOST_TEST(!*to.now->core.back_fill(to.group().number, to.ask(from)));
}

BOOST_AUTO_TEST_CASE(frames_with_history_that_are_cut_or_flipped_are_refused) {
  maker_node from(20);
  const auto got = answer_history(from.log.store, from.group, {"hamburg", 1, 10});
  const auto good = encode_history(*got);
  BOOST_REQUIRE(decode_history(good));
  for (std::size_t n = 0; n < good.size(); ++n) {
    BOOST_TEST(!decode_history(bytes_view(good).first(n)).has_value());
    auto flipped = good;
    flipped[n] ^= 4;
    BOOST_TEST(!decode_history(flipped).has_value());
  }
  auto part = std::get<history_part>(*got);
  part.chunk.entries.assign(history_entries_max + 1, part.chunk.entries.front());
  BOOST_TEST(decode_history(encode_history(part)).error().code == "request.malformed");
  part.chunk.entries.clear();
  BOOST_TEST(decode_history(encode_history(part)).error().code == "request.malformed");
  BOOST_TEST(decode_history(row_writer().u8(9).text("x").u32(1).seal()).error().code ==
             "request.malformed");
}
