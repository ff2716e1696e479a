// Signatures of webhooks after the Standard Webhooks specification: HMAC-SHA256 over
// "id.timestamp.body". The receiver can tell that a message is ours, unchanged and not older than
// five minutes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/result.hpp"

namespace millrace {

/// Keys of one endpoint, newest first: while a key is rotated, messages carry a signature by each.
class webhook_secrets {
 public:
  /// Each text is "whsec_" + base64 of 24 to 64 bytes. Error: config.invalid (which never repeats
  /// the secret).
  [[nodiscard]] static result<webhook_secrets> parse(const std::vector<std::string>& texts);
  [[nodiscard]] bool empty() const { return keys_.empty(); }
  /// "v1,<base64> v1,<base64>", one signature for each key. `timestamp`: seconds since the epoch.
  [[nodiscard]] std::string sign(std::string_view id, std::int64_t timestamp,
                                 std::string_view body) const;
  /// True when one of the signatures in `header` is by one of the keys and the time is within 5
  /// minutes of `now`. Compares in constant time.
  [[nodiscard]] bool verify(std::string_view id, std::string_view timestamp,
                            std::string_view header, std::string_view body, std::int64_t now) const;

 private:
  std::vector<std::string> keys_;  // raw bytes
};

inline constexpr std::int64_t webhook_tolerance_s = 300;

}  // namespace millrace
