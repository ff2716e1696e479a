// The OpenAPI and AsyncAPI documents, derived from the schemas.
// In a file of their own: nothing else of the gateway depends on how they are made.
#include "schemas/openapi.hpp"

#include "nodes/gateway/asyncapi.hpp"
#include "nodes/gateway/core.hpp"
#include "schemas/asyncapi.hpp"

namespace millrace::gateway {
namespace {

void answer_document(const call_ptr& c, const std::string& text) {
  http::response r;
  r.set("Content-Type", "application/json");
  r.set("Cache-Control", "max-age=60");
  r.body = text;
  c->answer(std::move(r));
}

}  // namespace

void get_openapi(core& g, const call_ptr& c) {
  std::call_once(g.openapi_made, [&g] { g.openapi = openapi_json(g.model); });
  answer_document(c, g.openapi);
}

void asyncapi_document::answer(const core& g, const call_ptr& c) {
  std::call_once(made_, [&] { text_ = asyncapi_json(g.model); });
  answer_document(c, text_);
}

}  // namespace millrace::gateway
