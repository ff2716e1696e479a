// HMAC and base64 by OpenSSL; the signed content is "id.timestamp.body".
#include "nodes/adapters/webhook_signature.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <charconv>
#include <optional>

namespace millrace {
namespace {

constexpr std::string_view secret_prefix = "whsec_";
constexpr std::size_t key_bytes_min = 24;
constexpr std::size_t key_bytes_max = 64;

std::string to_base64(std::string_view raw) {
  std::string out(4 * ((raw.size() + 2) / 3) + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(raw.data()),
                                   static_cast<int>(raw.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0 || text.size() > 1024) return std::nullopt;
  std::string out(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  out.resize(static_cast<std::size_t>(size) - padding);
  return out;
}

std::string signature(std::string_view key, std::string_view id, std::string_view timestamp,
                      std::string_view body) {
  std::string content;
  content.reserve(id.size() + timestamp.size() + body.size() + 2);
  content.append(id).append(1, '.').append(timestamp).append(1, '.').append(body);
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(content.data()), content.size(), mac.data(), &size);
  return "v1," + to_base64({reinterpret_cast<const char*>(mac.data()), size});
}

}  // namespace

result<webhook_secrets> webhook_secrets::parse(const std::vector<std::string>& texts) {
  webhook_secrets out;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::string_view text = texts[i];
    const auto which = "secret " + std::to_string(i + 1);
    if (!text.starts_with(secret_prefix))
      return error{"config.invalid", which + " does not begin with whsec_"};
    auto key = from_base64(text.substr(secret_prefix.size()));
    if (!key) return error{"config.invalid", which + " is not base64 after whsec_"};
    if (key->size() < key_bytes_min || key->size() > key_bytes_max)
      return error{"config.invalid", which + " must hold 24 to 64 bytes"};
    out.keys_.push_back(*std::move(key));
  }
  return out;
}

std::string webhook_secrets::sign(std::string_view id, std::int64_t timestamp,
                                  std::string_view body) const {
  const auto time = std::to_string(timestamp);
  std::string out;
  for (const auto& key : keys_) {
    if (!out.empty()) out += ' ';
    out += signature(key, id, time, body);
  }
  return out;
}

bool webhook_secrets::verify(std::string_view id, std::string_view timestamp,
                             std::string_view header, std::string_view body,
                             std::int64_t now) const {
  std::int64_t at = 0;
  const auto [end, code] =
      std::from_chars(timestamp.data(), timestamp.data() + timestamp.size(), at);
  if (timestamp.empty() || code != std::errc() || end != timestamp.data() + timestamp.size())
    return false;
  if (at < now - webhook_tolerance_s || at > now + webhook_tolerance_s) return false;
  bool good = false;
  for (const auto& key : keys_) {
    const auto expected = signature(key, id, timestamp, body);
    for (auto rest = header; !rest.empty();) {
      const auto blank = rest.find(' ');
      const auto given = rest.substr(0, blank);
      rest.remove_prefix(blank == std::string_view::npos ? rest.size() : blank + 1);
      good |= given.size() == expected.size() &&
              CRYPTO_memcmp(given.data(), expected.data(), expected.size()) == 0;
    }
  }
  return good;
}

}  // namespace millrace
