// Planned operations and components of an order, scaled to its quantity with exact arithmetic.
// A plan is made once and kept on the order, so that a later revision of the material changes
// nothing here.
#include "actors/order_plan.hpp"

#include "actors/duration.hpp"
#include "actors/material.hpp"

namespace millrace::actors {

namespace po = millrace::order;

std::vector<po::OperationT> plan_operations(
    const std::vector<millrace::material::RoutingStepT>& routing, decimal quantity, decimal base) {
  std::vector<po::OperationT> out;
  out.reserve(routing.size());
  for (const auto& step : routing) {
    auto& operation = out.emplace_back();
    operation.operation = step.operation;
    operation.work_center = step.work_center;
    operation.description = step.description;
    operation.setup_time = step.setup_time;
    operation.machine_time = duration_scaled(step.machine_time, quantity, base);
    operation.labour_time = duration_scaled(step.labour_time, quantity, base);
    operation.confirmation_required = step.confirmation_required;
    operation.milestone = step.milestone;
    operation.planned = quantity;
  }
  return out;
}

std::vector<po::ComponentT> plan_components(
    const std::vector<millrace::material::ComponentT>& components, decimal quantity, decimal base) {
  const auto hundred = decimal::from_units(100);
  std::vector<po::ComponentT> out;
  out.reserve(components.size());
  for (const auto& part : components) {
    auto needed = part.fixed
                      ? part.quantity
                      : decimal::proportion(part.quantity, quantity, base).value_or(part.quantity);
    if (part.scrap_percent.is_positive())
      needed = decimal::proportion(needed, hundred + part.scrap_percent, hundred).value_or(needed);
    auto& component = out.emplace_back();
    component.material = part.material;
    component.unit = part.unit;
    component.planned = needed;
    component.operation = part.operation;
    component.issue = part.issue;
    component.alternatives = part.alternatives;
  }
  return out;
}

bool resolve_from_material(po::SnapshotT& order, const millrace::material::StateT& material) {
  const auto* revision = find_revision(material, order.revision);
  const auto in_base = convert(material, order.quantity, order.unit, material.base_unit);
  if (revision == nullptr || !in_base) return false;
  order.revision = revision->revision;
  if (order.operations.empty()) {
    order.operations = plan_operations(revision->routing, *in_base, revision->base_quantity);
    for (auto& operation : order.operations) operation.planned = order.quantity;
  }
  if (order.components.empty())
    order.components = plan_components(revision->components, *in_base, revision->base_quantity);
  return true;
}

void rescale(po::SnapshotT& order, decimal quantity) {
  for (auto& operation : order.operations) {
    operation.machine_time = duration_scaled(operation.machine_time, quantity, order.quantity);
    operation.labour_time = duration_scaled(operation.labour_time, quantity, order.quantity);
    operation.planned = quantity;
  }
  for (auto& component : order.components)
    component.planned = decimal::proportion(component.planned, quantity, order.quantity)
                            .value_or(component.planned);
  order.quantity = quantity;
}

po::SnapshotT snapshot_of(const po::StateT& state) {
  po::SnapshotT out;
  out.type = state.type;
  out.material = state.material;
  out.revision = state.revision;
  out.quantity = state.quantity;
  out.unit = state.unit;
  out.due = state.due;
  out.start = state.start;
  out.erp_id = state.erp_id;
  out.mes_id = state.mes_id;
  out.operations = state.operations;
  out.components = state.components;
  return out;
}

}  // namespace millrace::actors
