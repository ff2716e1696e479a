// The cold half of check(): says where and ends the process.
// Plain stdio, since whatever broke may be the logging.
#include "cluster/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace millrace {

void check_failed(const std::source_location& where) {
  std::fprintf(stderr, "check failed at %s:%u in %s\n", where.file_name(),
               static_cast<unsigned>(where.line()), where.function_name());
  std::abort();
}

}  // namespace millrace
