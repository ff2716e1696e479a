// OpenSSL's, behind one call.
#include "cluster/sha256.hpp"

#include <openssl/sha.h>

namespace millrace {

sha256_digest sha256(std::string_view text) {
  sha256_digest out{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data());
  return out;
}

std::string sha256_hex(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(64);
  for (const auto byte : sha256(text)) {
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

}  // namespace millrace
