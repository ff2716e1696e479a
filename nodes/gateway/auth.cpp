// Who is speaking.
// A token is compared by its hash, over all entries, so that time tells nothing about what is
// stored.
#include "nodes/gateway/auth.hpp"

#include <openssl/crypto.h>

#include "cluster/sha256.hpp"
#include "nodes/http/message.hpp"

namespace millrace::gateway {

sha256_digest sha256(std::string_view text) { return millrace::sha256(text); }

std::optional<sha256_digest> parse_sha256(std::string_view hex) {
  sha256_digest out{};
  if (hex.size() != out.size() * 2) return std::nullopt;
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = digit(hex[2 * i]);
    const int low = digit(hex[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return out;
}

result<identity> authenticator::token(std::string_view secret) const {
  const auto digest = sha256(secret);
  const token_entry* found = nullptr;
  for (const auto& entry : tokens_)
    if (CRYPTO_memcmp(entry.digest.data(), digest.data(), digest.size()) == 0) found = &entry;
  if (found == nullptr || secret.empty()) return error{"auth.invalid", "the token is not known"};
  return identity{{found->name, found->systems, {}}, found->persons};
}

result<identity> authenticator::header(std::string_view authorization) const {
  if (authorization.empty()) return error{"auth.missing", "send Authorization: Bearer <token>"};
  const auto blank = authorization.find(' ');
  if (blank == std::string_view::npos || !http::same_name(authorization.substr(0, blank), "bearer"))
    return error{"auth.invalid", "the only scheme is Bearer"};
  auto secret = authorization.substr(blank + 1);
  while (!secret.empty() && secret.front() == ' ') secret.remove_prefix(1);
  if (secret.size() > 4096) return error{"auth.invalid", "the token is too long"};
  return token(secret);
}

std::uint8_t speaking_system(system_set systems, system_set owners, bool any_owner) {
  const auto both = any_owner ? systems : static_cast<system_set>(systems & owners);
  for (std::uint8_t n = 1; n < 16; ++n)
    if ((both >> n) & 1u) return n;
  return 0;
}

}  // namespace millrace::gateway
