// Walks a whole journal environment and says what is wrong with it: `millrace journal verify --data
// DIR`. Trusts nothing that the running node keeps in memory; reads every byte once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "cluster/journal.hpp"
#include "cluster/store.hpp"

namespace millrace {

inline constexpr std::size_t journal_findings_max =
    100;  // of one group; the walk goes on, uncounted

struct journal_group_report {
  group_number number = 0;
  std::string name;
  std::uint32_t generation = 0;
  journal_index first = 0;  // of the entries; first > last when there are none
  journal_index last = 0;
  journal_index committed = 0;  // durably known as committed: entries above are the log's tail
  term_number term = 0;
  std::uint64_t entries = 0;
  std::uint64_t payload_bytes = 0;
  std::string head;                   // hex of the chain at `last`
  std::vector<std::string> findings;  // "index 17: the CRC does not match"
};

struct journal_report {
  std::vector<journal_group_report> groups;
  std::vector<std::string> findings;  // about no group in particular
  [[nodiscard]] bool intact() const;
  /// For people: a line per group, a line per finding, a verdict.
  [[nodiscard]] std::string to_text() const;
};

/// CRC of every row, sequence without gap, terms that never fall, the hash chain from the anchor,
/// payloads that are entries or configurations. Error: disk.failed (then there is no report).
[[nodiscard]] result<journal_report> verify_journal(store& journal_store);
/// Opens DIR/journal read-only; the node may be running. Errors: directory.refused, disk.failed.
[[nodiscard]] result<journal_report> verify_journal(const std::filesystem::path& data_directory);

}  // namespace millrace
