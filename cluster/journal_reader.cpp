// Reads a group's entries from the journal environment, one snapshot a call.
// Reading below what retention has left is told apart from damage: the first entry that is there
// says which it is.
#include "cluster/journal_reader.hpp"

#include "cluster/journal.hpp"
#include "cluster/journal_rows.hpp"

namespace millrace {

result<std::vector<log_entry>> stored_journal::read(journal_index from, journal_index to,
                                                    std::size_t bytes_max) {
  auto snapshot = store_.snapshot();
  if (!snapshot) return std::move(snapshot).error();
  auto entries = read_journal(**snapshot, group_, from, to, bytes_max);
  if (!entries) {
    auto group = journal_rows::read_group(**snapshot, group_);
    if (group && from <= group->anchor.index)
      return error{"cursor.expired",
                   "the journal begins at " + std::to_string(group->anchor.index + 1)};
    return std::move(entries).error();
  }
  std::vector<log_entry> out;
  out.reserve(entries->size());
  for (auto& e : *entries) out.push_back(std::move(e.entry));
  return out;
}

result<journal_index> stored_journal::oldest() {
  auto snapshot = store_.snapshot();
  if (!snapshot) return std::move(snapshot).error();
  auto group = journal_rows::read_group(**snapshot, group_);
  if (!group) return std::move(group).error();
  return group->anchor.index + 1;
}

}  // namespace millrace
