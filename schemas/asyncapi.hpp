// The platform's events and deliveries as an AsyncAPI 3.0 document, derived from the schemas.
#pragma once

#include <string>

#include "schemas/model.hpp"

namespace millrace {

/// JSON text of the document: a channel for the event feed with a message for every event, one for
/// what is sent to outer systems with a message for every delivery, and the tables' schemas.
[[nodiscard]] std::string asyncapi_json(const schema_model& model);

}  // namespace millrace
