// layer: cluster
// The journal: what was written is read back with its chain, and damage anywhere is found, named
// and never served.
#define BOOST_TEST_MODULE journal
#include "cluster/journal.hpp"

#include <stdlib.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>

#include "cluster/journal_rows.hpp"
#include "cluster/journal_verify.hpp"
#include "cluster/lmdb_store.hpp"
#include "tests/loop_harness.hpp"

using namespace millrace;
using namespace millrace::test;

namespace {

/// A disk with the group "hamburg" and `n` entries 2 .. n + 1 after the founding one.
std::shared_ptr<memory_disk> disk_with(int n) {
  auto disk = std::make_shared<memory_disk>();
  process p(disk);
  const auto g = p.open("hamburg");
  for (int i = 0; i < n; ++i) {
    p.core.propose(g, entry_of("entry " + std::to_string(i)));
    BOOST_REQUIRE(p.turn());
  }
  return disk;
}

journal_report verify(const std::shared_ptr<memory_disk>& disk) {
  memory_store s(disk);
  auto report = verify_journal(s);
  BOOST_REQUIRE(report);
  return *report;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_chain_depends_on_everything_that_it_covers) {
  chain_hasher h;
  const chain_hash g = h.genesis("hamburg");
  BOOST_TEST((g != h.genesis("hamburh")));
  const log_entry e{5, 3, entry_type::command, payload("x")};
  const chain_hash c = h.next(g, 1, e);
  BOOST_TEST((c == h.next(g, 1, e)));
  BOOST_TEST((c != h.next(c, 1, e)));
  BOOST_TEST((c != h.next(g, 2, e)));
  BOOST_TEST((c != h.next(g, 1, {6, 3, entry_type::command, payload("x")})));
  BOOST_TEST((c != h.next(g, 1, {5, 4, entry_type::command, payload("x")})));
  BOOST_TEST((c != h.next(g, 1, {5, 3, entry_type::barrier, payload("x")})));
  BOOST_TEST((c != h.next(g, 1, {5, 3, entry_type::command, payload("y")})));
  // SHA-256("millrace" "hamburg"), by sha256sum.
  BOOST_TEST(to_hex(g) == "97da0d1db7ebe62b2cddcad7341721dcf1551cf63def8cfc1b146e8336bca003");
}

BOOST_AUTO_TEST_CASE(an_intact_journal_verifies) {
  const auto disk = disk_with(20);
  const auto report = verify(disk);
  BOOST_TEST(report.intact());
  BOOST_REQUIRE(report.groups.size() == 1u);
  BOOST_TEST(report.groups[0].name == "hamburg");
  BOOST_TEST(report.groups[0].entries == 21u);
  BOOST_TEST(report.groups[0].last == 21u);
  BOOST_TEST(report.groups[0].committed ==
             20u);  // lazily durable: the last is known only in memory
  BOOST_TEST(report.to_text().find("journal intact") != std::string::npos);
  memory_store s(disk);
  journal j(s);
  BOOST_REQUIRE(j.load());
  BOOST_TEST(report.groups[0].head == to_hex(j.find("hamburg")->head));
}

BOOST_AUTO_TEST_CASE(a_flipped_bit_in_any_region_is_found_named_and_not_served) {
  constexpr journal_index victim = 7;
  const auto key = journal_rows::entry_key(1, victim);
  const std::size_t size =
      disk_with(10)->visible()[journal_table::entries].at({key.begin(), key.end()})->size();
  // Every bit of crc, type, term and chain; of the payload a bit of every byte.
  for (std::size_t bit = 0; bit < size * 8; bit += bit < journal_head_bytes * 8 ? 1 : 8) {
    const auto disk = disk_with(10);
    BOOST_REQUIRE(disk->flip_bit(journal_table::entries, key, bit));
    const auto report = verify(disk);
    BOOST_REQUIRE(!report.intact());
    BOOST_REQUIRE(report.groups[0].findings.at(0).starts_with("index 7: "));
    BOOST_REQUIRE_EQUAL(report.groups[0].entries, 11u);  // the walk went on
    memory_store s(disk);
    auto snapshot = s.snapshot();
    auto read = read_journal(**snapshot, 1, 1, 11, 1'000'000);
    BOOST_REQUIRE(!read);
    BOOST_REQUIRE_EQUAL(read.error().code, "journal.damaged");
    BOOST_REQUIRE(read.error().detail.find("group 1 index 7") != std::string::npos);
    BOOST_REQUIRE_EQUAL(read_journal(**snapshot, 1, 1, 6, 1'000'000)->size(), 6u);
    loop_core core(s, {});
    BOOST_REQUIRE(core.load());
    auto listener = std::make_shared<recorder>();
    auto opened = core.open_group("hamburg", 0, listener, 1);
    BOOST_REQUIRE(!opened);
    BOOST_REQUIRE_EQUAL(opened.error().code, "journal.damaged");
    BOOST_REQUIRE(listener->committed.empty());
  }
}

BOOST_AUTO_TEST_CASE(a_flipped_bit_in_any_metadata_row_is_found) {
  for (std::uint8_t field = 1; field <= 5; ++field) {
    const auto key = journal_rows::field_key(1, static_cast<journal_rows::field>(field));
    for (std::size_t bit = 0;; ++bit) {
      const auto disk = disk_with(1);
      if (!disk->flip_bit(journal_table::groups, key, bit)) {
        BOOST_REQUIRE(bit >= 12 * 8);
        break;
      }
      BOOST_REQUIRE(!verify(disk).intact());
      memory_store s(disk);
      journal j(s);
      auto loaded = j.load();
      BOOST_REQUIRE(!loaded);
      BOOST_REQUIRE_EQUAL(loaded.error().code, "journal.damaged");
    }
  }
}

BOOST_AUTO_TEST_CASE(missing_exchanged_and_forged_entries_are_found) {
  const auto key7 = journal_rows::entry_key(1, 7);
  const auto key8 = journal_rows::entry_key(1, 8);
  const auto value = [&](const std::shared_ptr<memory_disk>& d, const auto& key) {
    return *d->visible()[journal_table::entries].at({key.begin(), key.end()});
  };
  auto missing = disk_with(10);
  missing->tamper(journal_table::entries, key7, std::nullopt);
  BOOST_TEST(verify(missing).groups[0].findings.at(0) == "index 7: missing: the next entry is 8");

  auto cut = disk_with(10);  // a rolled-back page: the end is gone although it was committed
  for (journal_index i = 9; i <= 11; ++i)
    cut->tamper(journal_table::entries, journal_rows::entry_key(1, i), std::nullopt);
  BOOST_TEST(verify(cut).groups[0].findings.at(0) == "index 10: missing: it was committed");
  memory_store s(cut);
  journal j(s);
  BOOST_TEST(!j.load().has_value());

  auto exchanged = disk_with(10);
  const bytes at8 = value(exchanged, key8);
  exchanged->tamper(journal_table::entries, key7, at8);
  BOOST_TEST(verify(exchanged).groups[0].findings.at(0) == "index 7: the CRC does not match");

  // A record with a correct CRC that was not written by the chain's owner.
  auto forged = disk_with(10);
  const log_entry e{7, 2, entry_type::command, entry_of("forged")};
  const auto head = journal_rows::entry_head(key7, e, {});
  bytes row(head.begin(), head.end());
  row.insert(row.end(), e.payload->begin(), e.payload->end());
  forged->tamper(journal_table::entries, key7, row);
  const auto findings = verify(forged).groups[0].findings;
  BOOST_REQUIRE(findings.size() == 2u);
  BOOST_TEST(findings[0] == "index 7: the chain is broken");
  BOOST_TEST(findings[1] == "index 8: the chain is broken");
  process p(std::make_shared<memory_disk>());
  memory_store fs(forged);
  loop_core core(fs, {});
  BOOST_REQUIRE(core.load());
  BOOST_TEST(core.open_group("hamburg", 0, std::make_shared<recorder>(), 1).error().code ==
             "journal.damaged");
}

BOOST_AUTO_TEST_CASE(retention_leaves_an_anchor_and_never_passes_the_checkpoint) {
  const auto disk = disk_with(20);
  {
    process p(disk);
    const auto g = p.open("hamburg", 21);
    BOOST_TEST(!*p.core.retain_from(g, 10));  // nothing is checkpointed yet
    BOOST_REQUIRE(p.core.checkpointed(g, 15, p.now));
    BOOST_TEST(p.turn());
    BOOST_TEST(*p.core.retain_from(g, 10));
    BOOST_TEST(p.core.log().find(g)->anchor.index == 9u);
    BOOST_TEST(verify(disk).intact());
    BOOST_TEST(verify(disk).groups[0].first == 10u);
    BOOST_TEST(*p.core.retain_from(g, 21));
    BOOST_TEST(p.core.log().find(g)->anchor.index == 15u);  // not beyond the checkpoint
    p.core.propose(g, entry_of("after"));
    BOOST_TEST(p.turn());
  }
  const auto report = verify(disk);
  BOOST_TEST(report.intact());
  BOOST_TEST(report.groups[0].entries == 7u);
  process again(disk);
  again.open("hamburg", 15);
  BOOST_TEST(again.listener->committed.size() == 7u);
  BOOST_TEST(again.listener->committed.front().index == 16u);
  process behind(disk);  // a host whose state was lost needs what is gone
  auto refused = behind.core.open_group("hamburg", 0, std::make_shared<recorder>(), 1);
  BOOST_REQUIRE(!refused);
  BOOST_TEST(refused.error().code == "state.damaged");
}

BOOST_AUTO_TEST_CASE(guard_11_a_second_vote_or_a_lower_term_is_not_persisted) {
  for (const bool on : {true, false}) {
    const auto disk = disk_with(1);
    memory_store s(disk);
    guards g;
    g.one_vote_per_term = on;
    journal j(s, g);
    BOOST_REQUIRE(j.load());
    const auto try_writing = [&](hard_state h) {
      group_output out;
      out.hard = h;
      write_batch b;
      const auto written = j.write(b, 1, out, 0);
      if (!written) BOOST_TEST(written.error().code == "group.unsafe");
      return written.has_value();
    };
    BOOST_TEST(try_writing({2, 1}));  // the vote that it has: term 2, itself
    BOOST_TEST(try_writing({2, 7}) == !on);
    BOOST_TEST(try_writing({1, 1}) == !on);
    BOOST_TEST(try_writing({3, 7}));
  }
}

BOOST_AUTO_TEST_CASE(damage_in_the_data_file_of_lmdb_is_found) {
  std::string name = (std::filesystem::temp_directory_path() / "millrace-journal-XXXXXX").string();
  BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
  const std::filesystem::path dir = name;
  const std::string needle = "needle-in-the-entry";
  {
    auto s = open_lmdb_store(dir / "journal");
    BOOST_REQUIRE(s);
    loop_core core(**s, {});
    BOOST_REQUIRE(core.load());
    auto g = core.open_group("hamburg", 0, std::make_shared<recorder>(), 1);
    BOOST_REQUIRE(g);
    for (std::uint64_t i = 0; i < 50; ++i) {
      core.propose(*g, entry_of(i == 25 ? needle : std::string(2000, 'x')));
      BOOST_REQUIRE(core.turn(i + 2));
    }
    auto live = verify_journal(dir);  // beside the running node
    BOOST_REQUIRE(live);
    BOOST_TEST(live->intact());
  }
  std::fstream file(dir / "journal" / "data.mdb", std::ios::in | std::ios::out | std::ios::binary);
  std::string data((std::istreambuf_iterator<char>(file)), {});
  std::size_t changed = 0;
  for (auto at = data.find(needle); at != std::string::npos; at = data.find(needle, at + 1)) {
    file.seekp(static_cast<std::streamoff>(at));
    file.put('N');
    ++changed;
  }
  file.close();
  BOOST_TEST(changed > 0u);
  auto report = verify_journal(dir);
  BOOST_REQUIRE(report);
  BOOST_REQUIRE(report->groups.size() == 1u);
  BOOST_TEST(report->groups[0].findings.at(0) == "index 27: the CRC does not match");
  std::filesystem::remove_all(dir);
}
