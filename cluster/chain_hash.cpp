// SHA-256 by OpenSSL, whose algorithm is fetched once.
#include "cluster/chain_hash.hpp"

#include <openssl/evp.h>

#include <cstring>

#include "cluster/check.hpp"

namespace millrace {

struct chain_hasher::context {
  EVP_MD* sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  EVP_MD_CTX* run = EVP_MD_CTX_new();
  context() {
    check(sha256 != nullptr);
    check(run != nullptr);
  }
  context(const context&) = delete;
  context& operator=(const context&) = delete;
  ~context() {
    EVP_MD_CTX_free(run);
    EVP_MD_free(sha256);
  }
  void begin() { check(EVP_DigestInit_ex2(run, sha256, nullptr) == 1); }
  void add(const void* data, std::size_t size) { check(EVP_DigestUpdate(run, data, size) == 1); }
  chain_hash end() {
    chain_hash out{};
    unsigned size = 0;
    check(EVP_DigestFinal_ex(run, out.data(), &size) == 1);
    check(size == out.size());
    return out;
  }
};

chain_hasher::chain_hasher() : context_(std::make_unique<context>()) {}
chain_hasher::~chain_hasher() = default;

chain_hash chain_hasher::genesis(std::string_view group_name) {
  context_->begin();
  context_->add("millrace", 8);
  context_->add(group_name.data(), group_name.size());
  return context_->end();
}

chain_hash chain_hasher::next(const chain_hash& previous, std::uint32_t generation,
                              const log_entry& entry) {
  std::array<std::uint8_t, 32 + 4 + 8 + 8 + 1> head{};
  std::memcpy(head.data(), previous.data(), 32);
  std::memcpy(head.data() + 32, &generation, 4);
  std::memcpy(head.data() + 36, &entry.index, 8);
  std::memcpy(head.data() + 44, &entry.term, 8);
  head[52] = static_cast<std::uint8_t>(entry.type);
  context_->begin();
  context_->add(head.data(), head.size());
  if (entry.payload) context_->add(entry.payload->data(), entry.payload->size());
  return context_->end();
}

std::string to_hex(bytes_view data) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(data.size() * 2);
  for (const std::uint8_t b : data) {
    out += digits[b >> 4];
    out += digits[b & 15];
  }
  return out;
}

}  // namespace millrace
