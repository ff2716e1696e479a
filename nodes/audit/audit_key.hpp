// Ed25519 signatures over a whole file, with OpenSSL's PEM keys:
//   openssl genpkey -algorithm ed25519 -out audit.key    and    openssl pkey -in audit.key -pubout
// so that a signature can be checked without Millrace as well (openssl pkeyutl -verify -rawin).
#pragma once

#include <string>
#include <string_view>

#include "schemas/result.hpp"

namespace millrace::audit {

inline constexpr std::size_t signature_bytes = 64;

/// 64 bytes. Error: audit.key (no private Ed25519 key in the file, or others may read it).
[[nodiscard]] result<std::string> sign(const std::string& key_file, std::string_view text);
/// Whether the key signed that text. Error: audit.key (no public Ed25519 key in the file).
[[nodiscard]] result<bool> is_signed_by(const std::string& key_file, std::string_view text,
                                        std::string_view signature);

}  // namespace millrace::audit
