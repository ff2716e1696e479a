// Taking over the enterprise's master, and telling that it has changed.
#include "actors/material_master.hpp"

#include "actors/rules.hpp"
#include "schemas/masterdata/master_data_sync_kind.hpp"

namespace millrace::actors::materials {

namespace {

namespace mt = millrace::material;

std::unique_ptr<decimal> copy(const std::unique_ptr<decimal>& value) {
  return value ? std::make_unique<decimal>(*value) : nullptr;
}

/// Copies each field that the master owns; To and From are a state and a master, either way.
template <class To, class From>
void copy_owned(To& to, const From& from) {
  to.base_unit = from.base_unit;
  to.revision = from.revision;
  to.description = from.description;
  to.revisions = from.revisions;
  to.plans = from.plans;
  to.batch_managed = from.batch_managed;
  to.serial_managed = from.serial_managed;
  to.shelf_life_days = from.shelf_life_days;
  to.over_delivery_percent = copy(from.over_delivery_percent);
  to.under_delivery_percent = copy(from.under_delivery_percent);
  to.conversions = from.conversions;
  to.inspection_required = from.inspection_required;
  to.group = from.group;
  to.erp_id = from.erp_id;
  to.obsolete = from.obsolete;
}

}  // namespace

std::unique_ptr<mt::MasterT> master_of(const mt::StateT& state) {
  auto out = std::make_unique<mt::MasterT>();
  copy_owned(*out, state);
  return out;
}

void apply_master(mt::StateT& state, const mt::MasterTakenT& e) {
  copy_owned(state, *e.master);
  state.master_version = e.version;
  state.local = false;
}

std::optional<made> masters_business(const mt::StateT& state, const context& ctx) {
  if (state.master_version == 0) return std::nullopt;
  return made::refuse(mt::Refusal::from_master, "Send it to " + std::string(enterprise_plant) +
                                                    "/material/" + std::string(ctx.id()) +
                                                    ": this plant has a copy of it.");
}

made take_master(const mt::StateT& state, const mt::TakeMasterT& c) {
  if (state.local)
    return made::refuse(mt::Refusal::local, "The plant has defined it itself: adopt it first.");
  if (!state.base_unit.empty() && state.base_unit != c.master->base_unit)
    return made::refuse(mt::Refusal::base_unit_fixed,
                        "The base unit is " + state.base_unit + " and stock is kept in it.");
  made d;
  if (c.version <= state.master_version) return d;
  mt::MasterTakenT event;
  event.version = c.version;
  event.before = state.master_version;
  event.master = std::make_unique<mt::MasterT>(*c.master);
  d.emit(std::move(event));
  return d;
}

made adopt(const mt::StateT& state) {
  made d;
  if (state.local) d.emit(mt::AdoptedT());
  return d;
}

void tell_sync(made& d, const context& ctx) {
  if (ctx.plant() != enterprise_plant || d.events.empty()) return;
  millrace::master_data_sync::ChangedT changed;
  changed.version = ctx.sequence() + d.events.size();
  d.tell<millrace::master_data_sync::schema>("material~" + std::string(ctx.id()), changed);
}

}  // namespace millrace::actors::materials
