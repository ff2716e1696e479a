// What an order plans: operations and components for its quantity, from its own or from the
// material's revision. Shared by the order (at creation and change) and by its release (when the
// material was not known before).
#pragma once

#include <string_view>
#include <vector>

#include "cluster/decision.hpp"
#include "schemas/masterdata/material_kind.hpp"
#include "schemas/production/order_kind.hpp"

namespace millrace::actors {

/// Operations for `quantity` of output, where times of the routing hold for `base` of it (set-up
/// once).
[[nodiscard]] std::vector<millrace::order::OperationT> plan_operations(
    const std::vector<millrace::material::RoutingStepT>& routing, decimal quantity, decimal base);

/// Components for `quantity` of output, where they are given per `base` of it; scrap is added.
[[nodiscard]] std::vector<millrace::order::ComponentT> plan_components(
    const std::vector<millrace::material::ComponentT>& components, decimal quantity, decimal base);

/// Fills what `order` lacks (revision, operations, components) from the material. False when the
/// revision is not defined or the unit cannot be converted; `order` is then unchanged.
[[nodiscard]] bool resolve_from_material(millrace::order::SnapshotT& order,
                                         const millrace::material::StateT& material);

/// Planned amounts for another quantity; what is fixed per order cannot be told apart and scales
/// too.
void rescale(millrace::order::SnapshotT& order, decimal quantity);

/// The order's data as its processes know it.
[[nodiscard]] millrace::order::SnapshotT snapshot_of(const millrace::order::StateT& state);

}  // namespace millrace::actors
