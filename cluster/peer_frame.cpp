// Heads of frames to bytes and back.
#include "cluster/peer_frame.hpp"

#include <algorithm>

#include "cluster/sha256.hpp"

namespace millrace {

namespace {

constexpr std::array<std::uint8_t, 4> magic{'m', 'l', 'r', '1'};
constexpr std::size_t cluster_at = 8;
constexpr std::size_t session_at = 16;

void put(std::uint8_t* at, std::uint64_t value) {
  for (int i = 0; i < 8; ++i) at[i] = static_cast<std::uint8_t>(value >> (8 * i));
}

std::uint64_t get(const std::uint8_t* at) {
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value |= std::uint64_t{at[i]} << (8 * i);
  return value;
}

}  // namespace

std::array<std::uint8_t, frame_head_bytes> write_head(const frame_head& head) {
  std::array<std::uint8_t, frame_head_bytes> out{};
  std::copy(magic.begin(), magic.end(), out.begin());
  out[4] = static_cast<std::uint8_t>(head.kind);
  out[5] = head.bulk ? 1 : 0;
  put(out.data() + cluster_at, head.cluster);
  put(out.data() + session_at, head.session);
  return out;
}

std::optional<frame_head> read_head(bytes_view frame) {
  if (frame.size() < frame_head_bytes || !std::equal(magic.begin(), magic.end(), frame.begin()))
    return std::nullopt;
  if (frame[4] < 1 || frame[4] > 3 || frame[5] > 1 || frame[6] != 0 || frame[7] != 0)
    return std::nullopt;
  const auto kind = static_cast<frame_kind>(frame[4]);
  if ((kind == frame_kind::envelope) == (frame.size() == frame_head_bytes)) return std::nullopt;
  return frame_head{kind, frame[5] == 1, get(frame.data() + cluster_at),
                    get(frame.data() + session_at)};
}

std::uint64_t cluster_fingerprint(std::string_view cluster) { return get(sha256(cluster).data()); }

}  // namespace millrace
