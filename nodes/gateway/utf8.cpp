// Text checks for what comes in from outside.
// C1 controls are the two-byte forms C2 80 to C2 9F.
#include "nodes/gateway/utf8.hpp"

namespace millrace::gateway {

bool has_control_characters(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) return true;
    if (byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0)
      return true;
  }
  return false;
}

}  // namespace millrace::gateway
