// The applied part of one plant's log, as readers see it: replays of answers, event pages, reloads
// of actors. A seam, so that hosts know neither LMDB nor group numbers; `stored_journal` reads the
// journal environment.
#pragma once

#include <vector>

#include "cluster/log_entry.hpp"
#include "cluster/store.hpp"
#include "schemas/result.hpp"

namespace millrace {

/// Any thread.
class journal_reader {
 public:
  virtual ~journal_reader() = default;
  /// Entries [from, to], consecutive, stopping after `bytes_max` of payload (but never before one
  /// entry). The caller asks for applied indexes only. Errors: journal.damaged, disk.failed,
  /// cursor.expired (from is behind retention).
  [[nodiscard]] virtual result<std::vector<log_entry>> read(journal_index from, journal_index to,
                                                            std::size_t bytes_max) = 0;
};

/// Reads a group's entries in the journal environment.
class stored_journal final : public journal_reader {
 public:
  /// `on` outlives it.
  stored_journal(store& on, group_number group) : store_(on), group_(group) {}
  [[nodiscard]] result<std::vector<log_entry>> read(journal_index from, journal_index to,
                                                    std::size_t bytes_max) override;
  /// The first entry that retention has left. Errors: journal.damaged, disk.failed.
  [[nodiscard]] result<journal_index> oldest();

 private:
  store& store_;
  group_number group_;
};

}  // namespace millrace
