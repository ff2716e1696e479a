// The bytes between nodes: one envelope per peer and turn, carrying messages of many groups.
// Whatever does not verify is refused whole; nothing in it is believed before.
//
//   envelope  crc:u32le zero:u32 FlatBuffer(schemas/engine/peer.fbs)    crc: CRC32C after it
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/peer_message.hpp"
#include "cluster/peer_transport.hpp"
#include "schemas/result.hpp"

namespace millrace {

inline constexpr std::size_t envelope_frames_max = 16'384;
inline constexpr std::size_t append_entries_max = 4'096;  // of one message
/// Payload of one message, unless it is a single entry.
inline constexpr std::size_t append_bytes_max = 2 * 1024 * 1024;
inline constexpr std::size_t configuration_bytes_max = 4'096;
inline constexpr std::size_t cluster_name_bytes_max = 80;

/// A group as all nodes of the cluster call it: of its name alone, so that an older generation is
/// recognised. Whoever opens groups checks that no two names share one.
using group_id = std::uint64_t;
[[nodiscard]] group_id group_id_of(std::string_view name);

struct peer_frame {
  group_id group = 0;
  std::uint32_t generation = 1;
  boot_position boot;
  peer_message what;
};

struct peer_envelope {
  std::string cluster;
  node_number sender = 0;
  peer_identity identity;
  node_number target = 0;
  std::uint64_t sequence = 0;  // of this sender to this target since its start
  std::vector<peer_frame> frames;
};

/// Entries need their payloads (`missing` is 0).
[[nodiscard]] shared_bytes encode_envelope(const peer_envelope& from);
/// Payloads are copied out: `from` may go afterwards. Error: request.malformed.
[[nodiscard]] result<peer_envelope> decode_envelope(bytes_view from);
/// Bytes that a message takes in an envelope, about.
[[nodiscard]] std::size_t wire_size(const peer_message& m);

}  // namespace millrace
