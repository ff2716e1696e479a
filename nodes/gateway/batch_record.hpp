// GET …/batch-runs/{id}/record: the batch record with the hashes that show it whole.
#pragma once

#include "nodes/gateway/core.hpp"

namespace millrace::gateway {

void get_batch_record(core& g, const call_ptr& c, const address& run);

}  // namespace millrace::gateway
