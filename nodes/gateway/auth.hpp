// Who is speaking: bearer tokens, kept as SHA-256 only, mapped to principals and the systems they
// speak for.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/address.hpp"
#include "schemas/result.hpp"

namespace millrace::gateway {

using sha256_digest = std::array<std::uint8_t, 32>;

/// SHA-256 of the text.
[[nodiscard]] sha256_digest sha256(std::string_view text);
/// 64 hexadecimal digits.
[[nodiscard]] std::optional<sha256_digest> parse_sha256(std::string_view hex);

struct token_entry {
  std::string name;  // principal
  sha256_digest digest{};
  system_set systems = 0;
  bool persons = false;  // may assert On-Behalf-Of
};

/// A known caller.
struct identity {
  principal who;
  bool persons = false;
};

/// Immutable; safe to share.
class authenticator {
 public:
  explicit authenticator(std::vector<token_entry> tokens) : tokens_(std::move(tokens)) {}
  /// Compares in constant time against every entry. Error: auth.invalid.
  [[nodiscard]] result<identity> token(std::string_view secret) const;
  /// "Bearer <token>". Errors: auth.missing, auth.invalid.
  [[nodiscard]] result<identity> header(std::string_view authorization) const;

 private:
  std::vector<token_entry> tokens_;
};

/// The system a principal speaks for when it sends a command with these owners; 0 when it may not
/// send it.
[[nodiscard]] std::uint8_t speaking_system(system_set systems, system_set owners, bool any_owner);

}  // namespace millrace::gateway
