// A command of a system that does not own it. Inside of the gateway; not for others.
#pragma once

#include <string>

#include "nodes/gateway/core.hpp"

namespace millrace::gateway {

/// 403, naming the owner.
[[nodiscard]] error not_owner(const table_model& command);
/// Carries the command out as its owner's when the plant has delegated it to a system of the
/// caller, else answers not_owner.
void post_delegated(core& g, const call_ptr& c, const address& to, const table_model& command);
/// Makes the request's table, sends it and answers the call. `r.system` is set; of a delegated
/// command it is the owner, and `delegation` becomes the cause where none is given.
void carry_out(core& g, const call_ptr& c, const address& to, const table_model& command, request r,
               const std::string& delegation = {});

}  // namespace millrace::gateway
