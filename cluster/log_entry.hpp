// The vocabulary of replication: groups, terms, indexes, and one entry of a group's log.
// Shared by the journal, the group core, the loop and the plant hosts.
#pragma once

#include <cstdint>

#include "cluster/write_batch.hpp"

namespace millrace {

using group_number =
    std::uint32_t;  // of a group on this node, 1 .. ; its name is in the journal's metadata
using node_number = std::uint64_t;    // of a server in a group's configuration, 1 ..
using journal_index = std::uint64_t;  // position in a group's log, 1 ..
using term_number = std::uint64_t;

inline constexpr std::size_t entry_bytes_max = 1024 * 1024;  // of a payload

/// As in Raft: what a plant proposed, a barrier without content, a configuration.
enum class entry_type : std::uint8_t { command = 1, barrier = 2, change = 3 };

struct log_entry {
  journal_index index = 0;
  term_number term = 0;
  entry_type type = entry_type::command;
  shared_bytes payload;  // of a proposal of this process: the very buffer that was proposed
};

enum class group_role : std::uint8_t { follower, candidate, leader };

struct group_status {
  group_role role = group_role::follower;
  term_number term = 0;
  journal_index last = 0;       // of the log
  journal_index durable = 0;    // up to here the log is on this node's disk
  journal_index committed = 0;  // as Raft says; may run ahead of `durable`
  journal_index delivered = 0;  // up to here entries were handed out to be applied
  node_number leader = 0;       // of this term, as far as this node knows; 0 = unknown
  std::uint32_t voters = 1;     // of the group's last configuration; 0 = it is not known yet
};

}  // namespace millrace
