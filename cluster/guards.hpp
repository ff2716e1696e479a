// The guards around libraft, the disk and the network that can be switched off, to show that a test
// fails without each. In production all are on. Numbers: the order in which they were found.
#pragma once

namespace millrace {

struct guards {
  // 1: entries before a compacted log are not appended behind its end.
  bool compacted_previous = true;
  // 2: a configuration that is not first in what was received gets its own index.
  bool change_first = true;
  // 3: a sole voter leads in a term of its own, durable before it leads.
  bool sole_voter_term = true;
  // 4: who denies a pre-vote says its own term when that is higher.
  bool denied_pre_vote_term = true;
  // 5: a candidate that was not elected asks again before it raises its term.
  bool candidate_asks_again = true;
  // 6: no change of members that can leave a group without anybody who may vote.
  bool safe_changes = true;
  // 7: a rejection from before the follower matched is no rejection.
  bool stale_rejections = true;
  // 8: an answer to a pre-vote is heard only by a candidate.
  bool pre_vote_answers = true;
  // 9: a voter that comes back with less than it acknowledged is refused.
  bool remembered_positions = true;
  // 10: terms and indexes far from one's own are refused.
  bool plausible = true;
  // 11: never persist a lower term or a second vote in a term.
  bool one_vote_per_term = true;
  // What was decided in one term is not proposed in another: others may have led in between.
  bool term_of_proposal = true;
  // Raft figure 2: term and vote are durable before anything of their step leaves.
  bool vote_after_durable = true;
  // The commit index can be ahead of the own disk: nothing is applied before it is durable here.
  bool apply_after_durable = true;
};

}  // namespace millrace
