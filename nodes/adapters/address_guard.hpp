// Which network addresses an endpoint may be reached at: keeps a webhook from being turned against
// the node's own network (server-side request forgery). Asked with the address of the connection
// itself, never with a name.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/result.hpp"

namespace millrace {

/// A range of addresses in CIDR notation. IPv4 is kept in its IPv4-mapped IPv6 form.
struct network {
  std::array<std::uint8_t, 16> address{};
  int bits = 128;
  /// "10.0.0.0/8", "fd00::/8", "192.0.2.1". Error: config.invalid.
  [[nodiscard]] static result<network> parse(std::string_view text);
  [[nodiscard]] bool contains(const std::array<std::uint8_t, 16>& other) const;
};

class address_guard {
 public:
  /// Loopback, private, link-local (with cloud metadata), shared, multicast, documentation and
  /// reserved ranges are blocked but for `allowed`. Error: config.invalid.
  [[nodiscard]] static result<address_guard> with_allowed(const std::vector<std::string>& allowed);
  [[nodiscard]] bool permits(const sockaddr* address) const;
  /// A numeric address as text; false when it is none.
  [[nodiscard]] bool permits(std::string_view address) const;

 private:
  [[nodiscard]] bool permits(const std::array<std::uint8_t, 16>& address) const;
  std::vector<network> allowed_;
};

}  // namespace millrace
