// What two nodes say to each other while one fetches a plant's snapshot file from the other.
// Travels as bulk envelopes: each may be lost, doubled or late, so each says all that it is about.
//
//   frame := row(kind:u8 plant:string generation:u32 index:u64 term:u64 rest)          row: row.hpp
//   rest  := offset:u64 length:u64                                          kind 1, ask
//          | size:u64 hash:blob[32] offset:u64 content:blob                 kind 2, part
//          | (nothing)                                                      kind 3, gone
//          | (nothing)                                                      kind 4, offer
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "cluster/log_entry.hpp"
#include "cluster/peer_bulk.hpp"
#include "cluster/sha256.hpp"

namespace millrace {

inline constexpr std::size_t snapshot_part_bytes = 256 * 1024;
/// What is asked for ahead of what has come; asked for anew when half of it is there.
inline constexpr std::uint64_t snapshot_window_bytes = 8 * snapshot_part_bytes;

/// The state of a plant as of an entry of its log.
struct snapshot_name {
  std::string plant;
  std::uint32_t generation = 0;
  journal_index index = 0;
  term_number term = 0;  // of the entry
  bool operator==(const snapshot_name&) const = default;
};

/// The file that holds it. Another node's file of the same state may have other bytes.
struct snapshot_file {
  std::uint64_t size = 0;
  sha256_digest hash{};
  bool operator==(const snapshot_file&) const = default;
};

struct snapshot_ask {
  snapshot_name of;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;  // at most a window is sent; the file may end before
  bool operator==(const snapshot_ask&) const = default;
};
struct snapshot_part {
  snapshot_name of;
  snapshot_file file;
  std::uint64_t offset = 0;
  bytes content;
  bool operator==(const snapshot_part&) const = default;
};
/// The sender has no such file (any more).
struct snapshot_gone {
  snapshot_name of;
  bool operator==(const snapshot_gone&) const = default;
};
/// The sender leads, has the file, and the receiver is behind what the sender's journal holds.
struct snapshot_offer {
  snapshot_name of;
  bool operator==(const snapshot_offer&) const = default;
};
using snapshot_frame = std::variant<snapshot_ask, snapshot_part, snapshot_gone, snapshot_offer>;

[[nodiscard]] bytes encode_snapshot(const snapshot_frame& frame);
/// Errors: state.damaged (the checksum), request.malformed.
[[nodiscard]] result<snapshot_frame> decode_snapshot(bytes_view frame);

}  // namespace millrace
