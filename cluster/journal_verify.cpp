// The walk over all entries, group by group. A damaged entry is reported and the walk goes on after
// it: the chain is taken up again from the next readable entry, so that one flipped bit is one or
// two findings.
#include "cluster/journal_verify.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include "cluster/entry.hpp"
#include "cluster/journal_rows.hpp"
#include "cluster/journal_turns.hpp"
#include "cluster/lmdb_store.hpp"

namespace millrace {

namespace rows = journal_rows;

namespace {

/// One group under verification.
struct walk {
  journal_group group;
  journal_group_report report;
  journal_index next = 0;
  term_number term = 0;
  std::optional<chain_hash> chain;  // at next - 1; nothing after a damaged entry

  void find(journal_index index, const std::string& what) {
    if (report.findings.size() < journal_findings_max)
      report.findings.push_back("index " + std::to_string(index) + ": " + what);
  }
};

void verify_payload(walk& w, const log_entry& e) {
  switch (e.type) {
    case entry_type::command:
      if (auto ok = entry_view::verify(*e.payload); !ok) w.find(e.index, ok.error().detail);
      return;
    case entry_type::change:
      if (e.payload->empty()) w.find(e.index, "an empty configuration");
      return;
    case entry_type::barrier:
      return;
  }
}

void verify_entry(walk& w, chain_hasher& hasher, bytes_view key, bytes_view value) {
  const journal_index index = rows::parse_entry_key(key)->second;
  if (index != w.next) {
    w.find(w.next, "missing: the next entry is " + std::to_string(index));
    w.chain.reset();
  }
  w.next = index + 1;
  w.report.last = index;
  ++w.report.entries;
  auto entry = rows::parse_entry(key, value, true);
  if (!entry) {
    w.find(index, entry.error().detail.substr(entry.error().detail.rfind(": ") + 2));
    w.chain.reset();
    return;
  }
  const log_entry& e = entry->entry;
  w.report.payload_bytes += e.payload->size();
  if (e.term < w.term || e.term > w.group.hard.term) w.find(index, "its term is out of order");
  w.term = std::max(w.term, e.term);
  if (w.chain && hasher.next(*w.chain, w.group.generation, e) != entry->chain)
    w.find(index, "the chain is broken");
  w.chain = entry->chain;
  w.report.head = to_hex(entry->chain);
  verify_payload(w, e);
}

walk begin(journal_group g, chain_hasher& hasher) {
  walk w;
  w.next = g.anchor.index + 1;
  w.term = g.anchor.term;
  w.chain = g.anchor.chain;
  w.report.number = g.number;
  w.report.name = g.name;
  w.report.generation = g.generation;
  w.report.first = g.anchor.index + 1;
  w.report.last = g.anchor.index;
  w.report.committed = g.committed;
  w.report.term = g.hard.term;
  w.report.head = to_hex(g.anchor.chain);
  w.group = std::move(g);
  if (w.group.anchor.index == 0 && w.group.anchor.chain != hasher.genesis(w.group.name))
    w.find(0, "the chain does not begin with the group's name");
  return w;
}

void end(walk& w) {
  if (w.report.last < w.group.committed) w.find(w.group.committed, "missing: it was committed");
  if (w.report.last < w.group.snapshot.index)
    w.find(w.group.snapshot.index, "missing: a checkpoint contains it");
}

result<std::map<group_number, walk>> read_groups(store_snapshot& snapshot, chain_hasher& hasher,
                                                 journal_report& report) {
  std::map<group_number, walk> out;
  auto cursor = snapshot.scan(journal_table::groups);
  if (!cursor) return cursor.error();
  auto found = (*cursor)->seek({});
  while (found && *found) {
    const auto key = rows::parse_field_key((*cursor)->key());
    if (!key) {
      report.findings.push_back("a metadata key has the wrong length");
      found = (*cursor)->next();
      continue;
    }
    auto g = rows::read_group(snapshot, key->first);
    if (g)
      out.emplace(key->first, begin(std::move(*g), hasher));
    else if (g.error().code == "journal.damaged")
      report.findings.push_back(g.error().detail);
    else
      return g.error();
    found = (*cursor)->seek(rows::field_key(key->first + 1, rows::field{0}));
  }
  if (!found) return found.error();
  return out;
}

/// Entries that are not in their table yet. Of one that is there already only the CRC is looked at.
result<void> verify_turns(store_snapshot& snapshot, std::map<group_number, walk>& walks,
                          chain_hasher& hasher, journal_report& report) {
  auto cursor = snapshot.scan(journal_table::turns);
  if (!cursor) return cursor.error();
  auto found = (*cursor)->seek({});
  for (; found && *found; found = (*cursor)->next()) {
    const auto items = parse_turn((*cursor)->key(), (*cursor)->value());
    const auto note = [&](std::string what) {
      if (report.findings.size() < journal_findings_max) report.findings.push_back(std::move(what));
    };
    if (!items) {
      note(items.error().detail);
      continue;
    }
    for (const auto& item : *items) {
      const auto w = walks.find(item.group);
      if (w == walks.end())
        note("a turn holds an entry of group " + std::to_string(item.group) +
             ", which has no readable metadata");
      else if (const auto entry_key = rows::entry_key(item.group, item.index);
               item.index >= w->second.next)
        verify_entry(w->second, hasher, entry_key, item.row);
      else if (!rows::parse_entry(entry_key, item.row, false))
        w->second.find(item.index, "its copy in a turn is damaged");
    }
  }
  if (!found) return found.error();
  return {};
}

}  // namespace

bool journal_report::intact() const {
  return findings.empty() && std::ranges::all_of(groups, [](const journal_group_report& g) {
           return g.findings.empty();
         });
}

std::string journal_report::to_text() const {
  std::string out;
  for (const journal_group_report& g : groups) {
    out += g.name + " (group " + std::to_string(g.number) + ", generation " +
           std::to_string(g.generation) + ", term " + std::to_string(g.term) +
           "): " + std::to_string(g.entries) + " entries " + std::to_string(g.first) + ".." +
           std::to_string(g.last) + ", committed " + std::to_string(g.committed) + ", " +
           std::to_string(g.payload_bytes) + " bytes, head " + g.head.substr(0, 16) +
           (g.findings.empty() ? ", intact\n" : ", DAMAGED\n");
    for (const std::string& f : g.findings) out += "  " + f + '\n';
  }
  for (const std::string& f : findings) out += f + '\n';
  return out + (intact() ? "journal intact\n" : "journal damaged\n");
}

result<journal_report> verify_journal(store& journal_store) {
  auto snapshot = journal_store.snapshot();
  if (!snapshot) return snapshot.error();
  journal_report report;
  chain_hasher hasher;
  auto walks = read_groups(**snapshot, hasher, report);
  if (!walks) return walks.error();
  auto cursor = (*snapshot)->scan(journal_table::entries);
  if (!cursor) return cursor.error();
  auto found = (*cursor)->seek({});
  for (; found && *found; found = (*cursor)->next()) {
    const auto key = rows::parse_entry_key((*cursor)->key());
    const auto w = key ? walks->find(key->first) : walks->end();
    if (w != walks->end())
      verify_entry(w->second, hasher, (*cursor)->key(), (*cursor)->value());
    else if (report.findings.size() < journal_findings_max)
      report.findings.push_back(key ? "an entry of group " + std::to_string(key->first) +
                                          ", which has no readable metadata"
                                    : "an entry's key has the wrong length");
  }
  if (!found) return found.error();
  if (auto ok = verify_turns(**snapshot, *walks, hasher, report); !ok) return ok.error();
  for (auto& [number, w] : *walks) {
    end(w);
    report.groups.push_back(std::move(w.report));
  }
  return report;
}

result<journal_report> verify_journal(const std::filesystem::path& data_directory) {
  lmdb_options options;
  options.read_only = true;
  options.tables = journal_table::count;
  auto opened = open_lmdb_store(data_directory / "journal", options);
  if (!opened) return opened.error();
  return verify_journal(**opened);
}

}  // namespace millrace
