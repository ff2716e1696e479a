// What the keeper of snapshots knows of one plant. Included by snapshot_keeper*.cpp only.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "cluster/snapshot_keeper.hpp"

namespace millrace {

struct snapshot_keeper::hosted {
  std::string plant;
  group_number group = 0;
  std::uint32_t generation = 1;

  // as the one who leads
  std::unique_ptr<snapshot_maker> maker;
  bool wanted = false;
  std::uint64_t make_from_us = 0;  // not before
  std::set<node_number> behind;    // will be told
  struct file {
    snapshot_head head;
    snapshot_file known_by;
    std::uint64_t used_us = 0;
  };
  std::optional<file> made;

  // as one who is behind
  snapshot_fetch fetch;
  std::uint64_t fetch_from_us = 0;  // no offer is taken before
  struct check {
    snapshot_file file;
    std::uint64_t offset = 0;
    sha256_stream hash;
  };
  std::optional<check> checking;

  // the history before a snapshot
  journal_index missing_to = 0;  // entries up to here are missing; 0 = none
  node_number asked = 0;         // whom
  std::size_t turn_of = 0;       // of those who may be asked
  bool filling = false;          // a chunk is on its way into the journal
  std::size_t chunk_bytes = 0;
  std::uint64_t look_us = 0, ask_us = 0;  // the next time

  [[nodiscard]] std::string made_name() const { return "g" + std::to_string(group) + ".made"; }
  [[nodiscard]] std::string staged_name() const { return "g" + std::to_string(group) + ".staged"; }
};

}  // namespace millrace
