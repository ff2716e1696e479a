// The node actor of the system group: what the cluster knows of one of its nodes. Where plants may
// go is decided from these by whoever asks for a placement.
#pragma once

#include "cluster/decision.hpp"
#include "schemas/system/node_kind.hpp"

namespace millrace::actors {

struct node {
  using schema = millrace::node::schema;
  static decision<schema> decide(const schema::state& state, const schema::command& command,
                                 context& ctx);
  static result<void> evolve(schema::state& state, const schema::event& event, evolution& evo);
};

}  // namespace millrace::actors
