// The guards around libraft and the disk that can be switched off, to show that a test fails
// without each. In production all are on.
#pragma once

namespace millrace {

struct guards {
  bool sole_voter_term =
      true;  // 3: a sole voter starts in a term of its own, durable before it leads
  bool one_vote_per_term = true;  // 11: never persist a lower term or a second vote in a term
};

}  // namespace millrace
