// Guards that a run can do without, each a promise broken on purpose: the mutation gate shows that
// the checks notice. They live in the simulation's shell and in options of the cores; production
// code has no switch for them.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace millrace::simulation {

enum class mutant : std::uint8_t {
  none,
  ack_before_durable,       // the loop tells its listeners before the journal is synced
  io_error_ignored,         // and goes on when its commit has failed
  window_off,               // keys are forgotten at once
  cursor_before_send,       // a delivery counts as acknowledged before it is attempted
  checkpoint_ahead,         // a checkpoint's index is stored before its rows
  watermark_not_journaled,  // records do not say which message they handled
  sole_voter_term,          // guard 3 of libraft: a sole voter leads again in its old term
  damaged_rows_served,  // a flipped bit comes with a checksum that fits: actors are served as they
                        // are stored
  // with several nodes
  apply_after_durable,   // a follower applies what is committed elsewhere and not on its disk
  term_of_proposal,      // what was decided in one term is proposed in another
  denied_pre_vote_term,  // guards of libraft: 4
  candidate_asks_again,  // and 5
  snapshot_not_adopted   // a start does not look for a snapshot that its journal has not heard of
};

struct mutant_name {
  mutant what;
  std::string_view name;
  bool alone = true;     // it shows with one node,
  bool together = true;  // and with several
};

inline constexpr std::array<mutant_name, 13> mutants = {{
    {mutant::ack_before_durable, "ack_before_durable"},
    {mutant::io_error_ignored, "io_error_ignored", true, false},
    {mutant::window_off, "window_off"},
    {mutant::cursor_before_send, "cursor_before_send"},
    {mutant::checkpoint_ahead, "checkpoint_ahead", true, false},
    {mutant::watermark_not_journaled, "watermark_not_journaled", true, false},
    {mutant::sole_voter_term, "sole_voter_term", true, false},
    {mutant::damaged_rows_served, "damaged_rows_served", true, false},
    {mutant::apply_after_durable, "apply_after_durable", false, true},
    {mutant::term_of_proposal, "term_of_proposal", false, true},
    {mutant::denied_pre_vote_term, "denied_pre_vote_term", false, true},
    {mutant::candidate_asks_again, "candidate_asks_again", false, true},
    {mutant::snapshot_not_adopted, "snapshot_not_adopted", false, true},
}};

}  // namespace millrace::simulation
