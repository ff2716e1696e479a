// How others read a material: its revisions, the plan in effect, units converted.
#include "actors/material.hpp"

namespace millrace::actors {

using namespace millrace::material;  // the kind's own tables; this file has no others

const RevisionT* find_revision(const StateT& state, std::string_view revision) {
  const std::string_view wanted = revision.empty() ? std::string_view(state.revision) : revision;
  for (const auto& one : state.revisions)
    if (one.revision == wanted) return &one;
  return nullptr;
}

const InspectionPlanT* effective_plan(const StateT& state, std::string_view material_revision,
                                      timestamp at, std::string_view plan) {
  for (auto one = state.plans.rbegin(); one != state.plans.rend(); ++one) {
    if (!plan.empty() && one->plan != plan) continue;
    if (!one->material_revision.empty() && !material_revision.empty() &&
        one->material_revision != material_revision)
      continue;
    if (one->effective_from > at || (one->effective_to.given() && one->effective_to <= at))
      continue;
    return &*one;
  }
  return nullptr;
}

std::optional<decimal> convert(const StateT& state, decimal quantity, std::string_view from,
                               std::string_view to) {
  if (from == to) return quantity;
  std::int64_t numerator = 1;
  std::int64_t denominator = 1;
  std::optional<decimal> value = quantity;
  const auto factor = [&](std::string_view unit) -> bool {
    if (unit == state.base_unit) return numerator = denominator = 1, true;
    for (const auto& one : state.conversions)
      if (one.unit == unit) return numerator = one.numerator, denominator = one.denominator, true;
    return false;
  };
  if (!factor(from)) return std::nullopt;
  value = decimal::scaled(*value, numerator, denominator);
  if (!value || !factor(to)) return std::nullopt;
  return decimal::scaled(*value, denominator, numerator);
}

}  // namespace millrace::actors
