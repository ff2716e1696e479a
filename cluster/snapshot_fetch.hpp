// How one plant of a node that is behind gets a snapshot: asks for its file piece by piece, has it
// verified, then installed. Pure: time is an argument, the staging file and the swap are the
// caller's.
//
//   idle ─ offered ─▶ fetching ─ last part ─▶ verifying ─ hash fits ─▶ installing ─▶ idle
//                       ▲  └─ other file, or the hash does not fit: discard, from its beginning
//                       └──── silence: the same ask again
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "cluster/snapshot_wire.hpp"

namespace millrace {

struct snapshot_fetch_limits {
  std::uint64_t ask_again_us = 500'000;
  std::uint64_t silence_us_max = 10'000'000;  // then another offer may take its place
  std::uint64_t rest_us = 1'000'000;          // after a file that did not verify; doubles
  std::uint64_t rest_us_max = 60'000'000;
  std::uint64_t file_bytes_max = 1ULL << 40;
};

/// What the staging area holds: the file's first `bytes`, perhaps from before a crash.
struct snapshot_staged {
  snapshot_name of;
  snapshot_file file;
  std::uint64_t bytes = 0;
};

class snapshot_fetch {
 public:
  enum class phase : std::uint8_t { idle, fetching, verifying, installing };

  struct send_ask {
    node_number to = 0;
    snapshot_ask ask;
  };
  struct discard {};  // the staged bytes
  struct write_staged {
    snapshot_staged before;  // the bytes go behind those
    bytes content;
  };
  struct verify {  // the staged file against its hash: verified() tells
    snapshot_staged whole;
  };
  struct install {  // swap it in, in one commit, then tell the group: installed() tells
    node_number from = 0;
    snapshot_name of;
  };
  using action = std::variant<send_ask, discard, write_staged, verify, install>;

  explicit snapshot_fetch(snapshot_fetch_limits limits = {}) : limits_(limits) {}

  /// After a start: what the staging area still holds. Fetching goes on from there when the same
  /// file is offered.
  void resume(snapshot_staged found);
  /// A leader has no log from where ours ends. Comes again and again. Ignored while another
  /// snapshot is being verified or installed, or fetched from a node that still answers.
  void offered(node_number from, const snapshot_name& of, std::uint64_t now_us);
  void part(node_number from, snapshot_part part, std::uint64_t now_us);
  void gone(node_number from, const snapshot_gone& gone);
  void verified(bool fits, std::uint64_t now_us);
  /// The swap has committed, or was not made: the old state stands.
  void installed(bool done, std::uint64_t now_us);
  void tick(std::uint64_t now_us);

  /// What is to be done, in order, since the last call.
  [[nodiscard]] std::vector<action> take();
  [[nodiscard]] phase now() const { return phase_; }
  /// Bytes that have come of the file at hand, and its size (0: not known yet).
  [[nodiscard]] std::uint64_t bytes() const { return staged_ ? staged_->bytes : 0; }
  [[nodiscard]] std::uint64_t size() const { return staged_ ? staged_->file.size : 0; }
  /// Files that were fetched to their end and thrown away.
  [[nodiscard]] std::uint32_t failures() const { return failures_; }

 private:
  void ask_anew(std::uint64_t now_us);
  void ask(std::uint64_t now_us);
  void verify_staged();
  void drop_staged();
  void fail(std::uint64_t now_us);

  snapshot_fetch_limits limits_;
  phase phase_ = phase::idle;
  node_number from_ = 0;
  snapshot_name wanted_;
  std::optional<snapshot_staged> staged_;
  std::uint64_t asked_to_ = 0;  // bytes below it have come or are on their way
  std::uint64_t asked_us_ = 0;
  std::uint64_t heard_us_ = 0;  // of the file at hand
  std::uint64_t rests_until_us_ = 0;
  std::uint32_t failures_ = 0;
  std::uint32_t failures_in_row_ = 0;
  std::vector<action> actions_;
};

}  // namespace millrace
