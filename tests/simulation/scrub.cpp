// Damage to the journal, found by each that reads it.

#include "tests/simulation/scrub.hpp"

#include "cluster/journal_turns.hpp"
#include "cluster/journal_verify.hpp"

namespace millrace::simulation {

namespace {

struct place {
  group_number group = 0;
  journal_index index = 0;
};

/// Flips a bit of some entry of the journal, in its table or in the turn where it waits.
place flip(world& w, memory_disk& disk) {
  const auto& entries = disk.visible()[journal_table::entries];
  struct spot {
    place what;
    table_id table;
    bytes key;
    std::size_t from, size;  // bytes of the row
  };
  std::vector<spot> spots;
  for (const auto& [key, row] : entries) {
    const auto where = journal_rows::parse_entry_key(key);
    spots.push_back({{where->first, where->second}, journal_table::entries, key, 0, row->size()});
  }
  for (const auto& [key, row] : disk.visible()[journal_table::turns]) {
    const auto items = parse_turn(key, *row);
    for (const auto& item : *items) {
      const auto moved = journal_rows::entry_key(item.group, item.index);
      if (entries.contains(bytes(moved.begin(), moved.end()))) continue;
      spots.push_back({{item.group, item.index},
                       journal_table::turns,
                       key,
                       static_cast<std::size_t>(item.row.data() - row->data()),
                       item.row.size()});
    }
  }
  const auto& at = spots[w.below(spots.size())];
  disk.flip_bit(at.table, at.key, at.from * 8 + w.below(at.size * 8));
  return at.what;
}

}  // namespace

void check_scrub(world& w, node& n, clients& c, findings& found) {
  const auto at = flip(w, n.journal_disk());
  const auto name = "group " + std::to_string(at.group) + " index " + std::to_string(at.index);
  const auto report = verify_journal(n.journal_store());
  bool named = false;
  if (report)
    for (const auto& g : report->groups)
      for (const auto& f : g.findings)
        named = named ||
                (g.number == at.group && f.starts_with("index " + std::to_string(at.index) + ":"));
  if (!named)
    found.add("scrub: a flipped bit at " + name +
              " is not named: " + (report ? report->to_text() : report.error().detail));
  stored_journal journal(n.journal_store(), at.group);
  if (const auto read = journal.read(at.index, at.index, 0);
      read || read.error().code != "journal.damaged")
    found.add("scrub: the damaged " + name + " is read");
  c.expect_damaged(n.plant_of(at.group), at.index);
  w.run_until(w.us() + 2'000'000);
  const auto needed = n.host_of(n.plant_of(at.group))->status().checkpoint < at.index;
  n.restart_for_good();
  const auto refused = n.refused_to_start();
  if (needed && refused.find(std::to_string(at.index)) == std::string::npos)
    found.add("scrub: the process starts over the damaged " + name +
              (refused.empty() ? "" : ", or does not name it: " + refused));
}

}  // namespace millrace::simulation
