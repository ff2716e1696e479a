// The checks of an order's release as a pure function over states: the release process and the
// read-only check-release of the API ask the same questions and get the same verdicts.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/inventory/batch_kind.hpp"
#include "schemas/maintenance/work_center_kind.hpp"
#include "schemas/masterdata/material_kind.hpp"
#include "schemas/masterdata/supplier_kind.hpp"
#include "schemas/platform/plant_kind.hpp"
#include "schemas/production/order_kind.hpp"
#include "schemas/production/order_release_kind.hpp"

namespace millrace::actors {

/// What a release has to find in stock. `materials`: the component first, then its alternatives.
struct component_need {
  std::string material;
  std::string operation;
  decimal quantity;
  std::string unit;
  std::vector<std::string> materials;
};

/// What there is for a need, in the need's unit: allocatable or already reserved for this order.
/// `suppliers` of the lots; `blocked`: why stock that is there cannot be had ("HSG-0002:
/// batch.held").
struct component_stock {
  std::string material;
  std::string operation;
  decimal available;
  std::vector<std::string> suppliers;
  std::string blocked;
};

/// The plant's copies of the suppliers of what was found, by id; who is not in it is not known
/// here.
using supplier_states = std::map<std::string, const millrace::supplier::StateT*, std::less<>>;

/// Settings of the business rules that the checks look at.
struct release_rules {
  bool references_must_exist =
      false;  // rule references.must_exist: unknown work centers and suppliers fail
};

/// The needs of `order` (its own components, else those of the material's revision), for `quantity`
/// of it (zero = all) and these operations (empty = all).
[[nodiscard]] std::vector<component_need> release_needs(
    const millrace::order::SnapshotT& order, const millrace::material::StateT* material,
    const std::vector<std::string>& operations = {}, decimal quantity = {});

/// Finds a work center by its id; null = not known here.
using work_centers = std::function<const millrace::work_center::StateT*(const std::string& id)>;

/// Checks that need no stock: plant, material and revision, routing, inspection plan, work centers.
/// Null = not known here.
[[nodiscard]] std::vector<millrace::order_release::CheckT> check_references(
    const millrace::order::SnapshotT& order, const millrace::plant::StateT* plant,
    const millrace::material::StateT* material, const work_centers& find_work_center, timestamp now,
    const release_rules& rules);

/// The work centers that the order's operations name (its own, else those of the revision), once
/// each.
[[nodiscard]] std::vector<std::string> work_centers_of(const millrace::order::SnapshotT& order,
                                                       const millrace::material::StateT* material);

/// Checks of the components, one for each need, and of the suppliers of what was found.
[[nodiscard]] std::vector<millrace::order_release::CheckT> check_components(
    const std::vector<component_need>& needs, const std::vector<component_stock>& stock,
    const supplier_states& suppliers, const release_rules& rules);

/// All checks of a release of the whole order: what check-release answers.
[[nodiscard]] std::vector<millrace::order_release::CheckT> check_release(
    const millrace::order::StateT& order, const millrace::plant::StateT* plant,
    const millrace::material::StateT* material, const work_centers& find_work_center,
    const std::vector<component_stock>& stock, const supplier_states& suppliers, timestamp now,
    const release_rules& rules = {});

/// The failed check that an open hold of the order is.
[[nodiscard]] millrace::order_release::CheckT check_hold(const std::string& hold);

/// No check failed and none is pending.
[[nodiscard]] bool passes(const std::vector<millrace::order_release::CheckT>& checks);

/// What an order could have of a lot: allocatable, and what is reserved for it already, in `unit`;
/// nullopt when the lot's unit cannot be converted. `component` is the state of the lot's material,
/// null = units must be equal.
[[nodiscard]] std::optional<decimal> available_of(const millrace::batch::StateT& lot,
                                                  std::string_view order_id, std::string_view unit,
                                                  const millrace::material::StateT* component);

}  // namespace millrace::actors
