// Correlation ids: the client's where it is sound, else a new UUIDv7.
#pragma once

#include <string>
#include <string_view>

namespace millrace::gateway {

/// 1-128 visible ASCII characters.
[[nodiscard]] bool is_correlation(std::string_view text);
/// A new UUIDv7 (RFC 9562 §5.7), in order of time within a thread.
[[nodiscard]] std::string make_correlation();

}  // namespace millrace::gateway
