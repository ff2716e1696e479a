// The rules that a schema's attributes have to keep, so that a slip shows at the build and not on a
// plant floor.
#pragma once

#include <vector>

#include "schemas/model.hpp"

namespace millrace {

/// What contradicts itself, with pointers like "/order/ReleaseOrder/owner"; empty when all is well.
[[nodiscard]] std::vector<finding> check_model(const schema_model& model);

}  // namespace millrace
