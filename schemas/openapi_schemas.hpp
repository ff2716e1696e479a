// Component schemas of the OpenAPI document: one for every table that a kind shows. Internal to
// schemas/.
#pragma once

#include <string>

#include "schemas/json_text.hpp"
#include "schemas/model.hpp"

namespace millrace {

/// "order.ConfirmOperation": the component's name of a table.
[[nodiscard]] std::string component_name(const reflection::Object& object);
/// Writes `"name": {...}` for every table of every kind and for what they have in common.
void write_components(const schema_model& model, json_text& out);

}  // namespace millrace
