// The cluster as an operator sees it: nodes, plants, replicas, and draining a node.
#pragma once

#include "cluster/cluster_api.hpp"
#include "nodes/gateway/call.hpp"

namespace millrace::gateway {

struct core;

/// A plant with its replicas, put together from what the nodes say.
struct cluster_plant {
  std::string plant, region;
  bool serving = false;
  std::vector<node_number> voters;
  node_number leader = 0;  // 0 = none answers
  term_number term = 0;
  journal_index commit = 0;
  struct replica {
    node_number node = 0;
    std::string role;
    term_number term = 0;
    journal_index commit = 0, applied = 0;
    std::uint64_t lag = 0;  // entries that the leader has committed and this has not applied
    std::string chain_head;
  };
  std::vector<replica> replicas;  // in order of the nodes
};

/// In order of the plants' names; the system group among them.
[[nodiscard]] std::vector<cluster_plant> plants_of(const cluster_view& view);

/// `GET /v1/cluster`. A node without others is a cluster of one.
void get_cluster(core& g, const call_ptr& c);
/// `POST /v1/cluster/nodes/{node}/drain {reason}` and `/resume`.
void post_cluster_node(core& g, const call_ptr& c, const std::string& node,
                       const std::string& verb);

}  // namespace millrace::gateway
