// The derived rows of the state environment: what lists and reads find must be what the journal
// says, on every replica, not only at the leader.
#pragma once

#include "tests/simulation/account.hpp"
#include "tests/simulation/fleet.hpp"

namespace millrace::simulation {

/// Holds the stored child rows and index rows of a plant against the journal evolved from its
/// beginning. Right after a checkpoint. With `damaged`, bits have flipped: what is quarantined or
/// has no valid checksum is left out.
void check_rows(node& n, const std::string& plant, const account& book, bool damaged,
                findings& found);

/// Lists show what the actors are, whatever of it is stored: each indexed value of every actor, and
/// no other.
void check_lists(node& n, const std::string& plant, const kind_registry& kinds, const account& book,
                 findings& found);

/// Index rows are those of the actors' rows next to them, whatever the cut contains: both are
/// written in one transaction. At any time; reads the state alone.
void check_index_rows(store& state, const std::string& plant, const kind_registry& kinds,
                      const std::string& where, findings& found);

}  // namespace millrace::simulation
