// Key pairs from libzmq.
#include "cluster/curve_key.hpp"

#include <zmq.h>

#include <array>
#include <cstdint>

#include "cluster/check.hpp"

namespace millrace {

namespace {

constexpr std::size_t z85_bytes = 40;
using z85_text = std::array<char, z85_bytes + 1>;

}  // namespace

bool is_curve_key(std::string_view z85) {
  std::array<std::uint8_t, 32> raw{};
  return z85.size() == z85_bytes && zmq_z85_decode(raw.data(), std::string(z85).c_str()) != nullptr;
}

curve_key make_curve_key() {
  z85_text open{};
  z85_text secret{};
  check(zmq_curve_keypair(open.data(), secret.data()) == 0);
  return {open.data(), secret.data()};
}

result<curve_key> curve_key_of(const std::string& secret_key) {
  z85_text open{};
  if (!is_curve_key(secret_key) || zmq_curve_public(open.data(), secret_key.c_str()) != 0)
    return error{"config.invalid", "a CURVE key is 40 characters of Z85"};
  return curve_key{open.data(), secret_key};
}

}  // namespace millrace
