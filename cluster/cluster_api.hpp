// What may be asked of a cluster as a whole, besides what engine_api asks of its plants.
#pragma once

#include <string>
#include <vector>

#include "cluster/engine.hpp"
#include "cluster/placement.hpp"

namespace millrace {

/// One node as this one sees it, with its replicas where it answered.
struct cluster_node_view {
  placed_node node;
  bool self = false;
  std::vector<plant_status> replicas;
  std::string failure;  // why there are no replicas
};
struct cluster_view {
  std::vector<cluster_node_view> nodes;
  placed_plants plants;
};

/// Thread-safe; callbacks as those of engine_api.
class cluster_api {
 public:
  virtual ~cluster_api() = default;
  /// Nodes, plants and their replicas, asked of every node that is up.
  virtual void look(done<cluster_view> cb) = 0;
  /// Requests may come: those for a plant without a leader wait for one.
  [[nodiscard]] virtual bool open() const = 0;
  /// engine_api::create_plant for a plant with a home region.
  virtual void create_plant_in(std::string plant, std::string region, done<void> cb) = 0;
};

}  // namespace millrace
