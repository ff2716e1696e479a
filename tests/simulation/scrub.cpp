// Damage to the journal, found by each that reads it.

#include "tests/simulation/scrub.hpp"

#include "cluster/journal_rows.hpp"
#include "cluster/journal_verify.hpp"

namespace millrace::simulation {

namespace {

struct place {
  group_number group = 0;
  journal_index index = 0;
};

/// Flips a bit of some entry of the journal.
place flip(world& w, memory_disk& disk) {
  const auto& entries = disk.visible()[journal_table::entries];
  auto at = entries.begin();
  std::advance(at, static_cast<std::ptrdiff_t>(w.below(entries.size())));
  const bytes key = at->first;
  const auto bit = w.below(at->second->size() * 8);
  const auto where = journal_rows::parse_entry_key(key);
  disk.flip_bit(journal_table::entries, key, bit);
  return {where->first, where->second};
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
