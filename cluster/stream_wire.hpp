// Frames between plants as bytes and back, verified: a FlatBuffer `wire::Stream`.
#pragma once

#include <variant>

#include "cluster/host.hpp"

namespace millrace {

struct stream_letter {
  std::variant<message_frame, watermark_frame> what;
  node_number origin = 0;  // leads the plant that it comes from
  bool forwarded = false;
};

[[nodiscard]] bytes encode_stream(const stream_letter& letter);
/// Error: request.malformed.
[[nodiscard]] result<stream_letter> decode_stream(bytes_view from);

/// The plant that it is for, and the one that it comes from.
[[nodiscard]] const std::string& to_plant(const stream_letter& letter);
[[nodiscard]] const std::string& from_plant(const stream_letter& letter);

}  // namespace millrace
