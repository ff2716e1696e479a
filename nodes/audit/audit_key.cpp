// OpenSSL's Ed25519 behind two calls.
#include "nodes/audit/audit_key.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include <cstdio>
#include <memory>

namespace millrace::audit {
namespace {

using key_ptr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using context_ptr = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

error no_key(const std::string& file, const std::string& why) {
  return {"audit.key", file + ": " + why};
}

result<key_ptr> read_key(const std::string& file, bool secret) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> in(std::fopen(file.c_str(), "re"),
                                                           &std::fclose);
  struct stat status {};
  if (!in || ::fstat(::fileno(in.get()), &status) != 0) return no_key(file, "cannot be read");
  if (secret && (status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return no_key(file, "may be read by others: chmod 600");
  key_ptr key(secret ? PEM_read_PrivateKey(in.get(), nullptr, nullptr, nullptr)
                     : PEM_read_PUBKEY(in.get(), nullptr, nullptr, nullptr),
              &EVP_PKEY_free);
  if (!key || EVP_PKEY_id(key.get()) != EVP_PKEY_ED25519)
    return no_key(file, secret ? "holds no private Ed25519 key in PEM"
                               : "holds no public Ed25519 key in PEM");
  return key;
}

const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

result<std::string> sign(const std::string& key_file, std::string_view text) {
  const auto key = read_key(key_file, true);
  if (!key) return key.error();
  const context_ptr context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  std::string out(signature_bytes, '\0');
  std::size_t size = out.size();
  if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key->get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size, raw(text),
                     text.size()) != 1 ||
      size != signature_bytes)
    return no_key(key_file, "cannot sign");
  return out;
}

result<bool> is_signed_by(const std::string& key_file, std::string_view text,
                          std::string_view signature) {
  const auto key = read_key(key_file, false);
  if (!key) return key.error();
  const context_ptr context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  if (!context || EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key->get()) != 1)
    return no_key(key_file, "cannot verify");
  return EVP_DigestVerify(context.get(), raw(signature), signature.size(), raw(text),
                          text.size()) == 1;
}

}  // namespace millrace::audit
