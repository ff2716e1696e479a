// The platform's HTTP API as an OpenAPI 3.1 document, derived from the schemas and from the fixed
// routes.
#pragma once

#include <string>

#include "schemas/model.hpp"

namespace millrace {

/// JSON text of the document: a path for every command, actor and list with its index filters, the
/// platform's own routes, and a component schema for every table that a kind shows (commands,
/// states, events, deliveries, rows).
[[nodiscard]] std::string openapi_json(const schema_model& model);

}  // namespace millrace
