// OpenSSL's digest context.
#include "cluster/sha256_stream.hpp"

#include <openssl/evp.h>

#include "cluster/check.hpp"

namespace millrace {

struct sha256_stream::context {
  EVP_MD_CTX* run = EVP_MD_CTX_new();
  context() { check(run != nullptr); }
  context(const context&) = delete;
  context& operator=(const context&) = delete;
  ~context() { EVP_MD_CTX_free(run); }
};

sha256_stream::sha256_stream() : context_(std::make_unique<context>()) {
  check(EVP_DigestInit_ex2(context_->run, EVP_sha256(), nullptr) == 1);
}
sha256_stream::~sha256_stream() = default;
sha256_stream::sha256_stream(sha256_stream&&) noexcept = default;
sha256_stream& sha256_stream::operator=(sha256_stream&&) noexcept = default;

void sha256_stream::add(bytes_view piece) {
  check(EVP_DigestUpdate(context_->run, piece.data(), piece.size()) == 1);
}

sha256_digest sha256_stream::end() {
  sha256_digest out{};
  unsigned size = 0;
  check(EVP_DigestFinal_ex(context_->run, out.data(), &size) == 1);
  check(size == out.size());
  return out;
}

}  // namespace millrace
