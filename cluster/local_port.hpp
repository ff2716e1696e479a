// TCP ports on loopback for nodes, systems and tests that a program starts on one machine and
// starts again on the same port.
#pragma once

#include <cstdint>

#include "schemas/result.hpp"

namespace millrace {

/// A port on 127.0.0.1 that nobody listens on and that stays this process's to hand out until it
/// ends: no other call of `free_port`, in this process or another one, answers it meanwhile. It
/// lies below the range that Linux takes outgoing connections' ports from (32768 and up), since one
/// of those would keep a node from listening again after a restart. Thread-safe.
/// Error: process.failed.
[[nodiscard]] result<std::uint16_t> free_port();

}  // namespace millrace
