// layer: cluster
// Turns of many groups: their entries are read whether they have moved or not, come back after a
// restart, and what was cut away does not come back with them.
#define BOOST_TEST_MODULE journal_turns
#include "cluster/journal_turns.hpp"

#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "cluster/journal_verify.hpp"
#include "cluster/lmdb_store.hpp"
#include "tests/loop_harness.hpp"

using namespace millrace;
using namespace millrace::test;

namespace {

constexpr turn_limits small{.groups_min = 2, .turns_min = 3};
constexpr group_number groups = 5;

shared_bytes text_of(group_number group, journal_index index, const char* what = "entry") {
  return entry_of(std::string(what) + ' ' + std::to_string(group) + '.' + std::to_string(index));
}

/// A journal on a disk; a new one on the same disk is the restart.
struct written {
  explicit written(std::shared_ptr<memory_disk> on = std::make_shared<memory_disk>(),
                   turn_limits limits = small)
      : disk(std::move(on)), store(disk), log(store, {}, limits) {
    BOOST_REQUIRE(log.load());
  }
  void commit() {
    log.end_turn(batch);
    BOOST_REQUIRE(store.commit(batch.writes()));
    batch.clear();
  }
  void found(group_number many = groups) {
    for (group_number g = 1; g <= many; ++g)
      BOOST_REQUIRE(log.found(batch, "plant-" + std::to_string(g), 1, 1));
    commit();
  }
  void append(group_number group, term_number term = 1, const char* what = "entry") {
    const auto index = log.find(group)->last + 1;
    group_output output;
    output.append.push_back({index, term, entry_type::command, text_of(group, index, what)});
    BOOST_REQUIRE(log.write(batch, group, output, 1));
  }
  /// A turn of all groups.
  void turn() {
    for (group_number g = 1; g <= groups; ++g) append(g);
    commit();
  }
  std::size_t rows(table_id table) const { return disk->visible()[table].size(); }
  result<std::vector<journal_entry>> read(group_number group, journal_index from,
                                          journal_index to) {
    auto snapshot = store.snapshot();
    return read_journal(**snapshot, group, from, to, 1'000'000);
  }
  /// Everything of a group is there, the newest one under this word.
  void check_group(group_number group, journal_index last, const char* newest = "entry") {
    const auto all = read(group, 1, last);
    BOOST_REQUIRE(all);
    BOOST_REQUIRE_EQUAL(all->size(), last);
    for (journal_index i = 2; i <= last; ++i)
      BOOST_REQUIRE(*all->at(i - 1).entry.payload ==
                    *text_of(group, i, i == last ? newest : "entry"));
    for (journal_index i = 1; i <= last; ++i) BOOST_REQUIRE(log.chain_at(group, i));
  }
  void check_intact() {
    const auto report = verify_journal(store);
    BOOST_REQUIRE(report);
    BOOST_TEST(report->intact(), report->to_text());
  }

  std::shared_ptr<memory_disk> disk;
  memory_store store;
  journal log;
  write_batch batch;
};

}  // namespace

BOOST_AUTO_TEST_CASE(entries_are_read_wherever_they_stand) {
  written w;
  w.found();
  for (journal_index n = 1; n <= 30; ++n) {
    w.turn();
    for (group_number g = 1; g <= groups; ++g) w.check_group(g, n + 1);
    BOOST_TEST(w.rows(journal_table::turns) > 0u);
    BOOST_TEST(w.rows(journal_table::turns) <= small.turns_min + groups);
    w.check_intact();
  }
  BOOST_TEST(w.rows(journal_table::entries) < groups * 31u);
  // A reader in the middle of both.
  const auto some = w.read(3, 20, 31);
  BOOST_REQUIRE(some);
  BOOST_TEST(some->front().entry.index == 20u);
  BOOST_TEST(some->back().entry.index == 31u);
  BOOST_TEST(!w.read(3, 20, 32).has_value());
}

BOOST_AUTO_TEST_CASE(a_restart_moves_what_waits) {
  written w;
  w.found();
  for (int n = 0; n < 7; ++n) w.turn();
  written again(w.disk);
  BOOST_TEST(again.rows(journal_table::turns) == 0u);
  BOOST_TEST(again.rows(journal_table::entries) == groups * 8u);
  for (group_number g = 1; g <= groups; ++g) {
    BOOST_TEST(again.log.find(g)->last == 8u);
    again.check_group(g, 8);
    BOOST_REQUIRE(again.log.image(g));
  }
  again.turn();
  again.check_group(5, 9);
  again.check_intact();
}

BOOST_AUTO_TEST_CASE(a_turn_of_few_groups_stands_at_once_and_leaves_no_gap) {
  written w;
  w.found();
  for (int n = 0; n < 2; ++n) w.turn();
  const auto before = w.rows(journal_table::entries);
  w.append(2);
  w.commit();
  BOOST_TEST(w.rows(journal_table::entries) == before + 3);  // the two that waited, and itself
  w.check_group(2, 4);
  w.check_group(1, 3);
  w.check_intact();
}

BOOST_AUTO_TEST_CASE(large_entries_stand_at_once) {
  written w(std::make_shared<memory_disk>(), {.groups_min = 2, .entry_bytes_max = 10});
  w.found();
  w.turn();
  BOOST_TEST(w.rows(journal_table::turns) == 0u);
  BOOST_TEST(w.rows(journal_table::entries) == groups * 2u);
}

BOOST_AUTO_TEST_CASE(what_waits_is_bounded) {
  written w(std::make_shared<memory_disk>(),
            {.groups_min = 2, .turns_min = 1000, .waiting_bytes_max = 2'000});
  w.found();
  for (int n = 0; n < 100; ++n) {
    w.turn();
    std::size_t size = 0;
    for (const auto& [key, value] : w.disk->visible()[journal_table::turns]) size += value->size();
    BOOST_TEST_REQUIRE(size < 4 * 2'000u);  // with those that have moved out of turns with others
  }
  w.check_group(4, 101);
  w.check_intact();
}

BOOST_AUTO_TEST_CASE(what_was_truncated_does_not_come_back) {
  written w;
  w.found();
  for (int n = 0; n < 5; ++n) w.turn();  // up to 6, some of it waits
  group_output output;
  output.hard = hard_state{2, 0};
  output.truncate_from = 4;
  output.append.push_back({4, 2, entry_type::command, text_of(3, 4, "other")});
  BOOST_REQUIRE(w.log.write(w.batch, 3, output, 1));
  w.append(1);
  w.commit();
  w.check_group(3, 4, "other");
  w.check_group(1, 7);
  BOOST_TEST(!w.read(3, 5, 5).has_value());
  written again(w.disk);
  BOOST_TEST(again.log.find(3)->last == 4u);
  again.check_group(3, 4, "other");
  again.check_group(2, 6);
  again.check_intact();
}

BOOST_AUTO_TEST_CASE(what_retention_has_passed_does_not_come_back) {
  written w;
  w.found();
  for (int n = 0; n < 3; ++n) w.turn();
  group_output output;
  output.snapshot = group_snapshot{4, 1, 1, w.log.find(2)->snapshot.configuration};
  BOOST_REQUIRE(w.log.write(w.batch, 2, output, 4));
  w.commit();
  const auto cut = w.log.retain_from(w.batch, 2, 4);
  BOOST_REQUIRE(cut);
  BOOST_TEST(*cut);
  w.commit();
  written again(w.disk);
  BOOST_TEST(again.log.find(2)->anchor.index == 3u);
  BOOST_TEST(!again.read(2, 3, 3).has_value());
  BOOST_TEST(again.read(2, 4, 4).has_value());
  again.check_group(1, 4);
  again.check_intact();
}

BOOST_AUTO_TEST_CASE(a_flipped_bit_in_a_turn_is_found_and_not_served) {
  const auto fresh = [] {
    written w;
    w.found();
    w.turn();
    w.turn();
    return w.disk;
  };
  const auto whole = fresh();
  const auto& turns = whole->visible()[journal_table::turns];
  BOOST_REQUIRE(turns.size() == 2u);
  const bytes key = turns.begin()->first;
  const auto size = turns.begin()->second->size();
  for (std::size_t bit = 0; bit < size * 8; ++bit) {
    const auto disk = fresh();
    BOOST_REQUIRE(disk->flip_bit(journal_table::turns, key, bit));
    memory_store s(disk);
    const auto report = verify_journal(s);
    BOOST_REQUIRE(report);
    BOOST_REQUIRE(!report->intact());
    auto snapshot = s.snapshot();
    std::size_t refused = 0;
    for (group_number g = 1; g <= groups; ++g) {
      const auto read = read_journal(**snapshot, g, 1, 3, 1'000'000);
      if (!read) {
        BOOST_REQUIRE_EQUAL(read.error().code, "journal.damaged");
        ++refused;
        continue;
      }
      for (journal_index i = 2; i <= 3; ++i)
        BOOST_REQUIRE(*read->at(i - 1).entry.payload == *text_of(g, i));
    }
    BOOST_REQUIRE(refused > 0u);
    journal j(s, {}, small);
    const auto loaded = j.load();
    BOOST_REQUIRE(!loaded);
    BOOST_REQUIRE_EQUAL(loaded.error().code, "journal.damaged");
  }
}

BOOST_AUTO_TEST_CASE(an_environment_without_turns_is_read) {
  const auto directory =
      std::filesystem::temp_directory_path() / ("turns-" + std::to_string(::getpid()));
  lmdb_options options;
  options.tables = journal_table::turns;  // those below
  {
    auto made = open_lmdb_store(directory, options);
    BOOST_REQUIRE(made);
  }
  options.tables = journal_table::count;
  options.read_only = true;
  {
    auto opened = open_lmdb_store(directory, options);
    BOOST_REQUIRE(opened);
    const auto report = verify_journal(**opened);
    BOOST_REQUIRE(report);
    BOOST_TEST(report->intact());
  }
  std::filesystem::remove_all(directory);
}
