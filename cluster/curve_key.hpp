// CurveZMQ key pairs as people handle them: Z85 text of 40 characters.
#pragma once

#include <string>
#include <string_view>

#include "schemas/result.hpp"

namespace millrace {

struct curve_key {
  std::string public_key;
  std::string secret_key;
  bool operator==(const curve_key&) const = default;
};

[[nodiscard]] bool is_curve_key(std::string_view z85);
[[nodiscard]] curve_key make_curve_key();
/// The pair that a secret key belongs to. Error: config.invalid.
[[nodiscard]] result<curve_key> curve_key_of(const std::string& secret_key);

}  // namespace millrace
