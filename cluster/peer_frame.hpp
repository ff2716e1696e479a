// The frame around an envelope between two nodes. Who sent it is not in it: that is who the
// connection's key belongs to.
//
//   frame    := head envelope
//   head     := "mlr1" kind:u8 class:u8 0:u16 cluster:u64 session:u64        24 bytes, little
//   endian kind     := 1 envelope | 2 beacon (no envelope: "I am here") | 3 farewell ("I stop")
//   class    := 0 consensus | 1 bulk
//   cluster  := the first 8 bytes of SHA-256 of the cluster's name
//   session  := random per process, so that two processes under one number are told apart
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "schemas/model.hpp"

namespace millrace {

enum class frame_kind : std::uint8_t { envelope = 1, beacon = 2, farewell = 3 };

struct frame_head {
  frame_kind kind = frame_kind::beacon;
  bool bulk = false;
  std::uint64_t cluster = 0;
  std::uint64_t session = 0;
  bool operator==(const frame_head&) const = default;
};

inline constexpr std::size_t frame_head_bytes = 24;

[[nodiscard]] std::array<std::uint8_t, frame_head_bytes> write_head(const frame_head& head);
/// nullopt: no frame of ours.
[[nodiscard]] std::optional<frame_head> read_head(bytes_view frame);
[[nodiscard]] std::uint64_t cluster_fingerprint(std::string_view cluster);

}  // namespace millrace
