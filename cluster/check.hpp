// check(cond): a broken invariant of the engine ends the process, in release builds too.
// Going on with a broken invariant could acknowledge what is not true; a restart from disk is the
// tested way.
#pragma once

#include <source_location>

namespace millrace {

/// Logs the place to stderr and aborts.
[[noreturn]] void check_failed(const std::source_location& where);

/// Aborts when `cond` is false. One condition each. For the engine only; kinds return a fault
/// instead.
inline void check(bool cond, const std::source_location& where = std::source_location::current()) {
  if (!cond) [[unlikely]]
    check_failed(where);
}

}  // namespace millrace
