// Fields of shared master data, and the rules that say which system alone writes them.
#pragma once

#include <array>
#include <string_view>

#include "actors/rules.hpp"

namespace millrace::actors {

/// A field that several systems write, as "material.routing", and the rule that says whose it is:
/// "shared" (any system that may send the command) or one system.
struct owned_field {
  std::string_view name;
  rule_entry rule;
};

[[nodiscard]] constexpr owned_field field_of_material(std::string_view rule,
                                                      std::string_view choices) {
  constexpr std::string_view prefix = "owner.";
  return {rule.substr(prefix.size()),
          {rule, rule_type::choice, "shared",
           "the system that alone writes that field of a material; shared: whoever defines it",
           choices}};
}

inline constexpr std::string_view definers = "shared|erp|plm";
inline constexpr std::array owned_fields{
    field_of_material("owner.material.revision", definers),
    field_of_material("owner.material.description", definers),
    field_of_material("owner.material.routing", definers),
    field_of_material("owner.material.components", definers),
    field_of_material("owner.material.base_quantity", definers),
    field_of_material("owner.material.batch_managed", definers),
    field_of_material("owner.material.serial_managed", definers),
    field_of_material("owner.material.shelf_life_days", definers),
    field_of_material("owner.material.over_delivery_percent", definers),
    field_of_material("owner.material.under_delivery_percent", definers),
    field_of_material("owner.material.conversions", definers),
    field_of_material("owner.material.inspection_required", definers),
    field_of_material("owner.material.group", definers),
    field_of_material("owner.material.erp_id", definers),
    field_of_material("owner.material.effective_from", definers),
    field_of_material("owner.material.effective_to", definers),
    field_of_material("owner.material.location", "shared|mes|wms|ops"),
};

}  // namespace millrace::actors
