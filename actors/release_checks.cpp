// Verdicts of a release, one by one, each with a reason that a planner can act on.
// What is not known here passes with a warning, unless the rules say that it must be known.
#include "actors/release_checks.hpp"

#include <algorithm>
#include <set>

#include "actors/material.hpp"
#include "actors/order_plan.hpp"

namespace millrace::actors {

namespace {

namespace po = millrace::order;
using millrace::order_release::CheckT;
using millrace::order_release::Verdict;

CheckT check_of(std::string check, std::string subject) {
  CheckT out;
  out.check = std::move(check);
  out.subject = std::move(subject);
  out.verdict = Verdict::pass;
  return out;
}

void fail(CheckT& check, std::string code, std::string reason) {
  check.verdict = Verdict::fail;
  check.code = std::move(code);
  check.reason = std::move(reason);
}

/// Not known here: a warning, or a failure where the rules want it known.
void unknown(CheckT& check, std::string code, std::string reason, const release_rules& rules) {
  if (rules.references_must_exist) return fail(check, std::move(code), std::move(reason));
  check.code = std::move(code);
  check.warning = std::move(reason);
}

CheckT check_plant(const millrace::plant::StateT* plant) {
  auto check = check_of("plant", plant ? plant->name : "");
  if (plant == nullptr)
    fail(check, "plant.unknown", "The plant is not commissioned.");
  else if (plant->life != millrace::plant::Life::active)
    fail(check, "plant.not_active",
         "The plant is " + std::string(millrace::plant::EnumNameLife(plant->life)) +
             (plant->reason.empty() ? "." : ": " + plant->reason));
  return check;
}

CheckT check_revision(const po::SnapshotT& order, const millrace::material::StateT* m,
                      timestamp now) {
  auto check = check_of("revision", order.material + '/' + order.revision);
  if (m == nullptr) {
    fail(check, "material.unknown", "Material " + order.material + " is not known here.");
    return check;
  }
  const auto* revision = find_revision(*m, order.revision);
  if (m->obsolete)
    fail(check, "material.obsolete", "Material " + order.material + " is obsolete.");
  else if (revision == nullptr)
    fail(check, "material.revision_unknown", "Revision " + order.revision + " is not defined.");
  else if (revision->effective_from > now)
    fail(check, "material.revision_not_effective",
         "Revision " + revision->revision + " is not effective yet.");
  else if (revision->effective_to.given() && revision->effective_to <= now)
    fail(check, "material.revision_not_effective",
         "Revision " + revision->revision + " is no longer effective.");
  else if (!convert(*m, order.quantity, order.unit, m->base_unit))
    fail(check, "order.unit_not_convertible",
         order.unit + " cannot be converted to " + m->base_unit + '.');
  return check;
}

CheckT check_routing(const po::SnapshotT& order) {
  auto check = check_of("routing", order.material);
  if (order.operations.empty()) {
    check.code = "routing.empty";
    check.warning = "Neither the order nor its material has operations.";
  }
  return check;
}

CheckT check_plan(const po::SnapshotT& order, const millrace::material::StateT* m, timestamp now) {
  auto check = check_of("inspection_plan", order.material);
  if (m == nullptr) return check;  // the revision's check says so
  const auto* plan = effective_plan(*m, order.revision, now);
  if (plan != nullptr)
    check.subject = plan->plan;
  else if (m->inspection_required)
    fail(check, "material.inspection_plan_missing",
         "No inspection plan is in effect, and the material needs one.");
  else if (!m->plans.empty())
    fail(check, "material.inspection_plan_not_effective",
         "The material's inspection plan is not in effect.");
  return check;
}

CheckT check_work_center(const std::string& id, const millrace::work_center::StateT* found,
                         const release_rules& rules) {
  auto check = check_of("work_center", id);
  if (found == nullptr)
    unknown(check, "work_center.unknown", "Work center " + id + " is not known here.", rules);
  else if (found->life == millrace::work_center::Life::down)
    fail(check, "work_center.down",
         "Work center " + id + " is down since " + found->since.to_string() + ": " + found->reason);
  return check;
}

/// The order's data with what its material's revision has to add.
po::SnapshotT resolved(const po::SnapshotT& order, const millrace::material::StateT* material) {
  auto plan = order;
  if (material != nullptr && !resolve_from_material(plan, *material)) plan = order;
  return plan;
}

CheckT check_supplier(const std::string& id, const millrace::supplier::StateT* supplier,
                      const release_rules& rules) {
  using millrace::supplier::Status;
  auto check = check_of("supplier", id);
  switch (supplier == nullptr ? Status::unknown : supplier->status) {
    case Status::unknown:
      unknown(check, "supplier.unknown", "Supplier " + id + " is not known here.", rules);
      break;
    case Status::approved:
      break;
    case Status::restricted:
      check.code = "supplier.restricted";
      check.warning = "Supplier " + id + " is restricted: " + supplier->reason;
      break;
    case Status::blocked:
      fail(check, "supplier.blocked", "Supplier " + id + " is blocked: " + supplier->reason);
      break;
  }
  return check;
}

}  // namespace

std::vector<std::string> work_centers_of(const po::SnapshotT& order,
                                         const millrace::material::StateT* material) {
  std::vector<std::string> out;
  for (const auto& operation : resolved(order, material).operations)
    if (!operation.work_center.empty() &&
        std::ranges::find(out, operation.work_center) == out.end())
      out.push_back(operation.work_center);
  return out;
}

std::vector<component_need> release_needs(const po::SnapshotT& order,
                                          const millrace::material::StateT* material,
                                          const std::vector<std::string>& operations,
                                          decimal quantity) {
  const auto plan = resolved(order, material);
  std::vector<component_need> out;
  for (const auto& component : plan.components) {
    if (component.unplanned || !component.planned.is_positive()) continue;
    if (!operations.empty() && !component.operation.empty() &&
        std::ranges::find(operations, component.operation) == operations.end())
      continue;
    auto needed = component.planned;
    if (quantity.is_positive() && plan.quantity.is_positive())
      needed = decimal::proportion(needed, quantity, plan.quantity).value_or(needed);
    auto& need = out.emplace_back();
    need.material = component.material;
    need.operation = component.operation;
    need.quantity = needed;
    need.unit = component.unit;
    need.materials.push_back(component.material);
    need.materials.insert(need.materials.end(), component.alternatives.begin(),
                          component.alternatives.end());
  }
  return out;
}

std::vector<CheckT> check_references(const po::SnapshotT& order,
                                     const millrace::plant::StateT* plant,
                                     const millrace::material::StateT* material,
                                     const work_centers& find_work_center, timestamp now,
                                     const release_rules& rules) {
  const auto plan = resolved(order, material);
  std::vector<CheckT> out;
  out.push_back(check_plant(plant));
  out.push_back(check_revision(plan, material, now));
  out.push_back(check_routing(plan));
  out.push_back(check_plan(plan, material, now));
  for (const auto& id : work_centers_of(plan, material))
    out.push_back(check_work_center(id, find_work_center(id), rules));
  return out;
}

std::vector<CheckT> check_components(const std::vector<component_need>& needs,
                                     const std::vector<component_stock>& stock,
                                     const supplier_states& suppliers, const release_rules& rules) {
  std::vector<CheckT> out;
  std::set<std::string> used;
  for (const auto& need : needs) {
    decimal available;
    std::string blocked;
    for (const auto& one : stock) {
      if (one.material != need.material || one.operation != need.operation) continue;
      available += one.available;
      if (!one.blocked.empty()) blocked += (blocked.empty() ? "" : ", ") + one.blocked;
      used.insert(one.suppliers.begin(), one.suppliers.end());
    }
    auto check = check_of("component", need.material);
    if (available < need.quantity)
      fail(check, "component.short",
           need.material + ": " + available.to_string() + " of " + need.quantity.to_string() + ' ' +
               need.unit + " available" + (blocked.empty() ? "" : " (" + blocked + ')'));
    out.push_back(std::move(check));
  }
  for (const auto& supplier : used) {
    if (supplier.empty()) continue;
    const auto known = suppliers.find(supplier);
    out.push_back(
        check_supplier(supplier, known == suppliers.end() ? nullptr : known->second, rules));
  }
  return out;
}

std::vector<CheckT> check_release(const po::StateT& order, const millrace::plant::StateT* plant,
                                  const millrace::material::StateT* material,
                                  const work_centers& find_work_center,
                                  const std::vector<component_stock>& stock,
                                  const supplier_states& suppliers, timestamp now,
                                  const release_rules& rules) {
  const auto snapshot = snapshot_of(order);
  auto out = check_references(snapshot, plant, material, find_work_center, now, rules);
  for (auto& check : check_components(release_needs(snapshot, material), stock, suppliers, rules))
    out.push_back(std::move(check));
  for (const auto& one : order.holds) out.push_back(check_hold(one.hold));
  return out;
}

CheckT check_hold(const std::string& hold) {
  auto check = check_of("hold", hold);
  fail(check, "order.held", "Hold " + hold + " is open on the order.");
  return check;
}

bool passes(const std::vector<CheckT>& checks) {
  return std::ranges::all_of(checks,
                             [](const auto& check) { return check.verdict == Verdict::pass; });
}

std::optional<decimal> available_of(const millrace::batch::StateT& lot, std::string_view order_id,
                                    std::string_view unit,
                                    const millrace::material::StateT* component) {
  auto free = lot.allocatable;
  for (const auto& reservation : lot.reservations)
    if (reservation.order == order_id) free += reservation.quantity;
  if (component != nullptr) return convert(*component, free, lot.unit, unit);
  return lot.unit == unit ? std::optional(free) : std::nullopt;
}

}  // namespace millrace::actors
