// A stretch of a group's journal with its chain hashes, as an audit takes it: found by index or by
// time, since stamps never fall.
#pragma once

#include "cluster/entry_source.hpp"
#include "cluster/log_entry.hpp"
#include "cluster/store.hpp"

namespace millrace {

/// What the query wants of the group's entries up to `applied`, all of one snapshot. Any thread.
/// Errors: cursor.expired (from is behind retention), journal.damaged, disk.failed.
[[nodiscard]] result<entry_page> read_entries(store& journal_store, group_number group,
                                              const entry_query& q, journal_index applied);

}  // namespace millrace
