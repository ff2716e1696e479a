// How a node hands out the snapshot files of its plants: who gets which bytes next, within limits.
// Pure: time is an argument, files and sockets are the caller's.
//
// Asks wait here, one for each plant and peer; a turn gives the bytes that the rate allows, one
// part at a time in turn, so that many who are behind do not starve each other nor the plants' own
// work.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "cluster/snapshot_wire.hpp"

namespace millrace {

struct snapshot_serve_limits {
  std::size_t transfers_max = 8;                // plant and peer; beyond it an ask is dropped
  std::uint64_t bytes_per_second = 64'000'000;  // of all transfers together
  std::uint64_t burst_bytes = 2 * snapshot_window_bytes;  // at least a part
};

class snapshot_serve {
 public:
  /// Bytes to be read and sent as a snapshot_part.
  struct read {
    node_number to = 0;
    snapshot_name of;
    snapshot_file file;
    std::uint64_t offset = 0;
    std::uint32_t length = 0;
  };

  explicit snapshot_serve(snapshot_serve_limits limits = {});

  /// `file`: what this node has under that name. Without one the answer is `gone`; otherwise
  /// the bytes come with the next turns, from the file's beginning when it ends before the offset.
  /// A later ask of the same peer for the same plant goes on where the one before ends, or else
  /// takes its place.
  [[nodiscard]] std::optional<snapshot_gone> ask(node_number from, const snapshot_ask& ask,
                                                 const std::optional<snapshot_file>& file);
  /// What may be sent by now.
  [[nodiscard]] std::vector<read> turn(std::uint64_t now_us);
  /// When the next turn has something to give; nothing while nobody waits.
  [[nodiscard]] std::optional<std::uint64_t> next_us() const;
  /// The peer is gone, or the file: what waited for it does not any more.
  void forget(node_number peer);
  void forget(const snapshot_name& of);

  [[nodiscard]] std::size_t transfers() const { return waiting_.size(); }
  [[nodiscard]] std::uint64_t refused() const { return refused_; }

 private:
  struct transfer {
    node_number to = 0;
    snapshot_name of;
    snapshot_file file;
    std::uint64_t next = 0;
    std::uint64_t end = 0;
  };

  snapshot_serve_limits limits_;
  std::vector<transfer> waiting_;  // the first is served next
  std::uint64_t credit_ = 0;       // bytes that may go at once
  std::optional<std::uint64_t> filled_us_;
  std::uint64_t refused_ = 0;
};

}  // namespace millrace
