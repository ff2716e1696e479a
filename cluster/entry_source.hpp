// Stretches of a plant's journal as they are chained: the seam between the engine and who audits.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cluster/engine.hpp"

namespace millrace {

struct entry_query {
  std::string plant;
  std::uint64_t from = 0;      // first index; 0 = the oldest that retention has left
  std::uint64_t to = 0;        // last index; 0 = the last that is applied
  timestamp since;             // when given, not before the first entry stamped then or later
  std::uint32_t limit = 1000;  // entries, 1..1000; a page also ends at entry_page_bytes
};
inline constexpr std::size_t entry_page_bytes = 512 * 1024;

struct chained_entry {
  std::uint64_t index = 0;
  std::uint64_t term = 0;
  std::uint8_t type = 0;  // as the journal has it: 1 command, 2 barrier, 3 change
  bytes chain;            // the chain hash at `index`
  bytes payload;
};

struct entry_page {
  std::uint32_t generation = 1;
  bytes before;  // the chain hash at the index before the first entry
  std::vector<chained_entry> entries;
  std::uint64_t next = 0;  // `from` of the page that follows
  bool at_end = false;     // nothing follows up to `to`
};

/// Thread-safe; callbacks run on engine threads.
class entry_source {
 public:
  virtual ~entry_source() = default;
  /// Applied entries out of this node's own copy, with their chain. Errors: cursor.expired (`from`
  /// is behind retention), journal.damaged, plant.unknown, plant.not_leader (the plant is on other
  /// nodes), disk.failed.
  virtual void entries(entry_query q, done<entry_page> cb) = 0;
};

}  // namespace millrace
