// The fields of a definition, one by one: which are said, and which would change.
#include "actors/material_owners.hpp"

#include <array>
#include <memory>
#include <string>

#include "actors/ownership.hpp"

namespace millrace::actors::materials {

namespace {

namespace mt = millrace::material;

std::unique_ptr<decimal> copy(const std::unique_ptr<decimal>& value) {
  return value ? std::make_unique<decimal>(*value) : nullptr;
}

/// A field of a definition, and how it goes from one to another.
struct field {
  std::string_view name;
  void (*take)(mt::DefineT& to, const mt::DefineT& from);
};
constexpr std::array fields{
    field{"description", [](auto& to, const auto& from) { to.description = from.description; }},
    field{"routing", [](auto& to, const auto& from) { to.routing = from.routing; }},
    field{"components", [](auto& to, const auto& from) { to.components = from.components; }},
    field{"base_quantity",
          [](auto& to, const auto& from) { to.base_quantity = from.base_quantity; }},
    field{"batch_managed",
          [](auto& to, const auto& from) { to.batch_managed = from.batch_managed; }},
    field{"serial_managed",
          [](auto& to, const auto& from) { to.serial_managed = from.serial_managed; }},
    field{"shelf_life_days",
          [](auto& to, const auto& from) { to.shelf_life_days = from.shelf_life_days; }},
    field{"over_delivery_percent",
          [](auto& to, const auto& from) {
            to.over_delivery_percent = copy(from.over_delivery_percent);
          }},
    field{"under_delivery_percent",
          [](auto& to, const auto& from) {
            to.under_delivery_percent = copy(from.under_delivery_percent);
          }},
    field{"conversions", [](auto& to, const auto& from) { to.conversions = from.conversions; }},
    field{"inspection_required",
          [](auto& to, const auto& from) { to.inspection_required = from.inspection_required; }},
    field{"group", [](auto& to, const auto& from) { to.group = from.group; }},
    field{"erp_id", [](auto& to, const auto& from) { to.erp_id = from.erp_id; }},
    field{"effective_from",
          [](auto& to, const auto& from) { to.effective_from = from.effective_from; }},
    field{"effective_to", [](auto& to, const auto& from) { to.effective_to = from.effective_to; }},
};

/// The material as a definition of that revision would say it.
mt::DefineT present(const mt::StateT& state, const std::string& revision) {
  mt::DefineT out;
  const auto* r = find_revision(state, revision);
  if (r == nullptr) r = find_revision(state, state.revision);
  if (r == nullptr) return out;
  out.description = state.description;
  out.routing = r->routing;
  out.components = r->components;
  out.base_quantity = r->base_quantity;
  out.batch_managed = state.batch_managed;
  out.serial_managed = state.serial_managed;
  out.shelf_life_days = state.shelf_life_days;
  out.over_delivery_percent = copy(state.over_delivery_percent);
  out.under_delivery_percent = copy(state.under_delivery_percent);
  out.conversions = state.conversions;
  out.inspection_required = state.inspection_required;
  out.group = state.group;
  out.erp_id = state.erp_id;
  out.effective_from = r->effective_from;
  out.effective_to = r->effective_to;
  return out;
}

/// The bytes of that field alone.
bytes only(const field& of, const mt::DefineT& c) {
  mt::DefineT alone;
  of.take(alone, c);
  return made::pack(alone);
}

std::string owned(std::string_view name) { return "material." + std::string(name); }

made not_ours(context& ctx, std::string_view field) {
  return made::refuse_with("command.not_owner",
                           "The field " + std::string(field) + " of a material belongs to " +
                               EnumNameSystem(owner_of(ctx, owned(field))) + " here.");
}

}  // namespace

std::optional<made> foreign_write(context& ctx, std::string_view field) {
  if (may_write(ctx, owned(field))) return std::nullopt;
  return not_ours(ctx, field);
}

std::optional<made> keep_owned(const mt::StateT& state, mt::DefineT& c, context& ctx) {
  if (c.revision != state.revision)
    if (auto no = foreign_write(ctx, "revision")) return no;
  const auto is = present(state, c.revision);
  const mt::DefineT unsaid;
  for (const auto& one : fields) {
    if (may_write(ctx, owned(one.name))) continue;
    const auto said = only(one, c);
    if (said != only(one, unsaid) && said != only(one, is)) return not_ours(ctx, one.name);
    one.take(c, is);
  }
  return std::nullopt;
}

}  // namespace millrace::actors::materials
