// A material's decisions: definitions by revision, inspection plans, conversions, and who waits for
// its stock. Whatever may let a waiting release go on (stock, plan, revision) tells the waiters
// once.
#include "actors/material.hpp"

#include <algorithm>
#include <memory>

#include "actors/duration.hpp"
#include "actors/material_master.hpp"
#include "actors/material_owners.hpp"
#include "actors/waiters.hpp"

namespace millrace::actors {

namespace {

using namespace millrace::material;  // the kind's own tables; this file has no others
using made = decision<schema>;

constexpr std::size_t revisions_max = 32;

std::unique_ptr<decimal> copy(const std::unique_ptr<decimal>& value) {
  return value ? std::make_unique<decimal>(*value) : nullptr;
}

/// `batch`: the lot whose stock changed, if it was that.
void tell_waiters(made& d, const StateT& state, std::string_view batch, std::string_view cause) {
  WaitersToldT told;
  told.batch = batch;
  actors::tell_waiters(d, state, cause, std::move(told));
}

std::optional<made> check_routing(const DefineT& c) {
  for (std::size_t i = 0; i < c.routing.size(); ++i) {
    const auto& step = c.routing[i];
    for (std::size_t j = 0; j < i; ++j)
      if (c.routing[j].operation == step.operation)
        return made::refuse(Refusal::operation_twice,
                            "Operation " + step.operation + " appears twice.");
    for (const auto* time : {&step.setup_time, &step.machine_time, &step.labour_time})
      if (!duration_seconds(*time))
        return made::refuse(Refusal::duration_invalid,
                            "\"" + *time + "\" is not an ISO 8601 duration.");
  }
  return std::nullopt;
}

std::optional<made> check_components(const DefineT& c, std::string_view own_id) {
  for (const auto& component : c.components) {
    if (component.material == own_id)
      return made::refuse(Refusal::component_itself, "The material cannot go into itself.");
    if (component.operation.empty()) continue;
    const bool known = std::ranges::any_of(
        c.routing, [&](const auto& step) { return step.operation == component.operation; });
    if (!known && !c.routing.empty())
      return made::refuse(Refusal::component_operation,
                          "Component " + component.material + " names operation " +
                              component.operation + ", which the routing does not have.");
  }
  return std::nullopt;
}

std::optional<made> check_conversions(const std::vector<ConversionT>& conversions) {
  for (const auto& one : conversions)
    if (one.numerator <= 0 || one.denominator <= 0)
      return made::refuse(Refusal::conversion_invalid,
                          "The factors of " + one.unit + " must be positive.");
  return std::nullopt;
}

RevisionT revision_of(const DefineT& c, timestamp now) {
  RevisionT out;
  out.revision = c.revision;
  out.routing = c.routing;
  out.components = c.components;
  out.base_quantity = c.base_quantity.is_zero() ? decimal::from_units(1) : c.base_quantity;
  out.effective_from = c.effective_from;
  out.effective_to = c.effective_to;
  out.defined_at = now;
  return out;
}

made define(const StateT& state, const DefineT& asked, context& ctx) {
  auto c = asked;
  if (auto no = materials::keep_owned(state, c, ctx)) return std::move(*no);
  if (ctx.sequence() != 0 && state.base_unit != c.base_unit)
    return made::refuse(Refusal::base_unit_fixed,
                        "The base unit is " + state.base_unit + " and stock is kept in it.");
  const bool known =
      std::ranges::any_of(state.revisions, [&](const auto& r) { return r.revision == c.revision; });
  if (!known && state.revisions.size() >= revisions_max)
    return made::refuse(Refusal::revisions_full,
                        "At most " + std::to_string(revisions_max) + " revisions are kept.");
  if (auto bad = check_routing(c)) return std::move(*bad);
  if (auto bad = check_components(c, ctx.id())) return std::move(*bad);
  if (auto bad = check_conversions(c.conversions)) return std::move(*bad);
  made d;
  DefinedT event;
  event.revision = std::make_unique<RevisionT>(revision_of(c, ctx.now()));
  event.base_unit = c.base_unit;
  event.description = c.description;
  event.batch_managed = c.batch_managed;
  event.serial_managed = c.serial_managed;
  event.shelf_life_days = c.shelf_life_days;
  event.over_delivery_percent = copy(c.over_delivery_percent);
  event.under_delivery_percent = copy(c.under_delivery_percent);
  event.conversions = c.conversions;
  event.inspection_required = c.inspection_required;
  event.group = c.group;
  event.erp_id = c.erp_id;
  event.local = c.local;
  d.emit(std::move(event));
  tell_waiters(d, state, {}, "revision");
  return d;
}

made set_inspection_plan(const StateT& state, const SetInspectionPlanT& c, context& ctx) {
  if (state.obsolete) return made::refuse(Refusal::obsolete, "The material is obsolete.");
  if (c.characteristics.empty())
    return made::refuse(Refusal::plan_empty, "The plan measures nothing.");
  for (const auto& one : c.characteristics) {
    if (one.lower && one.upper && *one.lower > *one.upper)
      return made::refuse(Refusal::limits_invalid,
                          "The lower limit of " + one.name + " is above its upper limit.");
    if (one.target &&
        ((one.lower && *one.target < *one.lower) || (one.upper && *one.target > *one.upper)))
      return made::refuse(Refusal::limits_invalid,
                          "The target of " + one.name + " is outside its limits.");
  }
  if (!c.material_revision.empty() && find_revision(state, c.material_revision) == nullptr)
    return made::refuse(Refusal::revision_unknown,
                        "Revision " + c.material_revision + " is not defined.");
  made d;
  InspectionPlanSetT event;
  event.plan = std::make_unique<InspectionPlanT>();
  event.plan->plan = c.plan;
  event.plan->revision = c.revision;
  event.plan->material_revision = c.material_revision;
  event.plan->characteristics = c.characteristics;
  event.plan->effective_from = c.effective_from.given() ? c.effective_from : ctx.now();
  event.plan->effective_to = c.effective_to;
  event.plan->sample_size = c.sample_size;
  d.emit(std::move(event));
  tell_waiters(d, state, {}, "inspection plan");
  return d;
}

made withdraw_plan(const StateT& state, const WithdrawInspectionPlanT& c) {
  const bool known =
      std::ranges::any_of(state.plans, [&](const auto& p) { return p.plan == c.plan; });
  if (!known) return made::refuse(Refusal::plan_unknown, "There is no plan " + c.plan + ".");
  made d;
  InspectionPlanWithdrawnT event;
  event.plan = c.plan;
  event.reason = c.reason;
  d.emit(std::move(event));
  tell_waiters(d, state, {}, "inspection plan");
  return d;
}

made set_conversions(const SetConversionsT& c, context& ctx) {
  if (auto no = materials::foreign_write(ctx, "conversions")) return std::move(*no);
  if (auto bad = check_conversions(c.conversions)) return std::move(*bad);
  made d;
  ConversionsSetT event;
  event.conversions = c.conversions;
  d.emit(std::move(event));
  return d;
}

made retire_revision(const StateT& state, const RetireRevisionT& c, context& ctx) {
  if (auto no = materials::foreign_write(ctx, "revision")) return std::move(*no);
  if (find_revision(state, c.revision) == nullptr || c.revision.empty())
    return made::refuse(Refusal::revision_unknown, "Revision " + c.revision + " is not defined.");
  if (c.revision == state.revision)
    return made::refuse(Refusal::revision_current, "Define the revision that replaces it first.");
  made d;
  RevisionRetiredT event;
  event.revision = c.revision;
  d.emit(std::move(event));
  return d;
}

made set_plant_data(const StateT& state, const SetPlantDataT& c, context& ctx) {
  made d;
  if (state.location == c.location) return d;
  if (auto no = materials::foreign_write(ctx, "location")) return std::move(*no);
  PlantDataSetT event;
  event.location = c.location;
  d.emit(std::move(event));
  return d;
}

made mark_obsolete(const StateT& state, const MarkObsoleteT& c) {
  if (state.obsolete) return made::refuse(Refusal::obsolete, "The material is obsolete already.");
  made d;
  MarkedObsoleteT event;
  event.reason = c.reason;
  d.emit(std::move(event));
  tell_waiters(d, state, {}, "obsolete");
  return d;
}

made await_change(const StateT& state, const AwaitChangeT& c) {
  made d;
  if (waits(state, c.process)) return d;
  if (is_full_of_waiters(state))
    return made::refuse(Refusal::waiters_full,
                        "The waiting process has its own timer to come back by.");
  WaiterAddedT event;
  event.process = c.process;
  d.emit(std::move(event));
  return d;
}

made stock_changed(const StateT& state, const StockChangedT& c) {
  made d;
  tell_waiters(d, state, c.batch, "stock");
  return d;
}

void take_definition(StateT& state, const DefinedT& e) {
  state.base_unit = e.base_unit;
  state.revision = e.revision->revision;
  state.description = e.description;
  state.batch_managed = e.batch_managed;
  state.serial_managed = e.serial_managed;
  state.shelf_life_days = e.shelf_life_days;
  state.over_delivery_percent = copy(e.over_delivery_percent);
  state.under_delivery_percent = copy(e.under_delivery_percent);
  if (!e.conversions.empty()) state.conversions = e.conversions;
  state.inspection_required = e.inspection_required;
  state.group = e.group;
  state.erp_id = e.erp_id;
  state.local = e.local;
  state.obsolete = false;
  std::erase_if(state.revisions, [&](const auto& r) { return r.revision == e.revision->revision; });
  state.revisions.push_back(*e.revision);
}

/// What the master owns: refused at a copy, told to the plants by the master.
std::optional<made> decide_on_master(const StateT& state, const CommandUnion& command,
                                     context& ctx) {
  switch (command.type) {
    case Command::Define:
      return define(state, *command.AsDefine(), ctx);
    case Command::SetInspectionPlan:
      return set_inspection_plan(state, *command.AsSetInspectionPlan(), ctx);
    case Command::WithdrawInspectionPlan:
      return withdraw_plan(state, *command.AsWithdrawInspectionPlan());
    case Command::SetConversions:
      return set_conversions(*command.AsSetConversions(), ctx);
    case Command::RetireRevision:
      return retire_revision(state, *command.AsRetireRevision(), ctx);
    case Command::MarkObsolete:
      return mark_obsolete(state, *command.AsMarkObsolete());
    case Command::SetPlantData:
    case Command::AwaitChange:
    case Command::StockChanged:
    case Command::TakeMaster:
    case Command::Adopt:
    case Command::NONE:
      break;
  }
  return std::nullopt;
}

made take_master(const StateT& state, const TakeMasterT& c) {
  auto d = materials::take_master(state, c);
  if (!d.events.empty()) tell_waiters(d, state, {}, "master");
  return d;
}

}  // namespace

decision<material::schema> material::decide(const schema::state& state,
                                            const schema::command& command, context& ctx) {
  if (auto decided = decide_on_master(state, command, ctx)) {
    if (auto no = materials::masters_business(state, ctx)) return std::move(*no);
    materials::tell_sync(*decided, ctx);
    return std::move(*decided);
  }
  switch (command.type) {
    case Command::SetPlantData:
      return set_plant_data(state, *command.AsSetPlantData(), ctx);
    case Command::AwaitChange:
      return await_change(state, *command.AsAwaitChange());
    case Command::StockChanged:
      return stock_changed(state, *command.AsStockChanged());
    case Command::TakeMaster:
      return take_master(state, *command.AsTakeMaster());
    case Command::Adopt:
      return materials::adopt(state);
    case Command::Define:
    case Command::SetInspectionPlan:
    case Command::WithdrawInspectionPlan:
    case Command::SetConversions:
    case Command::RetireRevision:
    case Command::MarkObsolete:
    case Command::NONE:
      break;
  }
  return made::fault("a command without a type");
}

result<void> material::evolve(schema::state& state, const schema::event& event, evolution&) {
  switch (event.type) {
    case Event::MasterTaken:
      if (!event.AsMasterTaken()->master)
        return error{"kind.fault", "MasterTaken without a master"};
      materials::apply_master(state, *event.AsMasterTaken());
      return {};
    case Event::Adopted:
      state.local = false;
      return {};
    case Event::Defined:
      if (!event.AsDefined()->revision) return error{"kind.fault", "Defined without a revision"};
      take_definition(state, *event.AsDefined());
      return {};
    case Event::InspectionPlanSet: {
      const auto* plan = event.AsInspectionPlanSet()->plan.get();
      if (plan == nullptr) return error{"kind.fault", "InspectionPlanSet without a plan"};
      std::erase_if(state.plans, [&](const auto& p) {
        return p.plan == plan->plan && p.material_revision == plan->material_revision;
      });
      state.plans.push_back(*plan);
      return {};
    }
    case Event::InspectionPlanWithdrawn:
      std::erase_if(state.plans, [&](const auto& p) {
        return p.plan == event.AsInspectionPlanWithdrawn()->plan;
      });
      return {};
    case Event::ConversionsSet:
      state.conversions = event.AsConversionsSet()->conversions;
      return {};
    case Event::RevisionRetired:
      std::erase_if(state.revisions, [&](const auto& r) {
        return r.revision == event.AsRevisionRetired()->revision;
      });
      return {};
    case Event::PlantDataSet:
      state.location = event.AsPlantDataSet()->location;
      return {};
    case Event::MarkedObsolete:
      state.obsolete = true;
      return {};
    case Event::WaiterAdded:
      state.waiters.push_back(event.AsWaiterAdded()->process);
      return {};
    case Event::WaitersTold:
      state.waiters.clear();
      return {};
    case Event::NONE:
      break;
  }
  return error{"kind.fault", "an event without a type"};
}

}  // namespace millrace::actors
