// The OpenAPI document, derived from the schemas.
// In a file of its own: nothing else of the gateway depends on how it is made.
#include "schemas/openapi.hpp"

#include "nodes/gateway/core.hpp"

namespace millrace::gateway {

void get_openapi(core& g, const call_ptr& c) {
  http::response r;
  r.set("Content-Type", "application/json");
  r.set("Cache-Control", "max-age=60");
  std::call_once(g.openapi_made, [&g] { g.openapi = openapi_json(g.model); });
  r.body = g.openapi;
  c->answer(std::move(r));
}

}  // namespace millrace::gateway
