// simdjson without its conversions that throw: a result whose error nobody looked at does not
// compile, instead of ending the process on somebody's broken JSON.
#pragma once

#ifdef SIMDJSON_H
#error "include schemas/simdjson.hpp, not <simdjson.h>"
#endif
#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>  // IWYU pragma: export
