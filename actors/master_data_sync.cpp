// Decisions of a distribution. A check sends the same as a change does: what a plant has already
// changes nothing there, and an answer with events says that it had a gap.
#include "actors/master_data_sync.hpp"

#include <algorithm>
#include <charconv>

#include "actors/draft.hpp"
#include "actors/material_master.hpp"
#include "actors/rules.hpp"
#include "actors/supplier.hpp"

namespace millrace::actors {

namespace syncs {
namespace {

namespace ms = millrace::master_data_sync;
using made = decision<ms::schema>;
using ms::CopyStatus;
using ms::Refusal;

constexpr std::size_t plants_max = 200;
constexpr std::string_view check_timer = "check";

ms::PlantCopyT* find(ms::StateT& state, std::string_view plant) {
  for (auto& one : state.plants)
    if (one.plant == plant) return &one;
  return nullptr;
}

/// "<kind>~<id>" in its parts; empty when it is not that.
std::pair<std::string_view, std::string_view> object_of(std::string_view id) {
  const auto cut = id.find('~');
  if (cut == std::string_view::npos || cut + 1 == id.size()) return {};
  return {id.substr(0, cut), id.substr(cut + 1)};
}

void assigned(ms::StateT& state, const ms::PlantsAssignedT& e) {
  for (const auto& plant : e.plants)
    if (find(state, plant) == nullptr) state.plants.emplace_back().plant = plant;
  if (e.every_s != 0) state.every_s = e.every_s;
}

void sent(ms::StateT& state, const ms::CopySentT& e, timestamp at) {
  auto* copy = find(state, e.plant);
  if (copy == nullptr) return;
  copy->status = CopyStatus::asked;
  copy->asked_version = e.version;
  copy->asked_at = at;
  ++copy->attempts;
}

void confirmed(ms::StateT& state, const ms::CopyConfirmedT& e, timestamp at) {
  auto* copy = find(state, e.plant);
  if (copy == nullptr) return;
  copy->version = std::max(copy->version, e.version);
  copy->confirmed_at = at;
  copy->reason.clear();
  if (copy->version >= copy->asked_version) {
    copy->status = CopyStatus::current;
    copy->attempts = 0;
  }
  if (e.gap) ++copy->gaps, ++state.gaps;
}

void refused(ms::StateT& state, const ms::CopyRefusedT& e) {
  auto* copy = find(state, e.plant);
  if (copy == nullptr) return;
  copy->status = CopyStatus::refused;
  copy->reason = e.code;
}

void take(ms::StateT& state, const ms::EventUnion& event, timestamp at) {
  switch (event.type) {
    case ms::Event::NONE:
      return;
    case ms::Event::PlantsAssigned:
      return assigned(state, *event.AsPlantsAssigned());
    case ms::Event::PlantsUnassigned:
      std::erase_if(state.plants, [&](const auto& one) {
        const auto& gone = event.AsPlantsUnassigned()->plants;
        return std::ranges::find(gone, one.plant) != gone.end();
      });
      return;
    case ms::Event::MasterChanged:
      state.version = event.AsMasterChanged()->version;
      state.changed_at = at;
      return;
    case ms::Event::CopySent:
      return sent(state, *event.AsCopySent(), at);
    case ms::Event::CopyConfirmed:
      return confirmed(state, *event.AsCopyConfirmed(), at);
    case ms::Event::CopyRefused:
      return refused(state, *event.AsCopyRefused());
    case ms::Event::CheckBegun:
      ++state.checks;
      return;
    case ms::Event::CheckPlanned:
      state.next_check_at = event.AsCheckPlanned()->due;
      return;
  }
}

void apply(ms::StateT& state, const ms::EventUnion& event, timestamp at) {
  take(state, event, at);
  state.waits_for.clear();
  state.status = ms::Status::current;
  for (const auto& one : state.plants) {
    if (one.status == CopyStatus::current) continue;
    const bool no = one.status == CopyStatus::refused;
    if (no || state.status == ms::Status::current)
      state.status = no ? ms::Status::behind : ms::Status::distributing;
    state.waits_for.push_back(one.plant + ": " + (no ? one.reason : "not answered yet"));
  }
}

using step = draft<ms::schema, apply>;

/// Files the message with what the master says now. Its version; 0 when there is no such object.
std::uint64_t ask(step& s, const std::string& plant) {
  const auto [kind, id] = object_of(s.ctx.id());
  const auto tag = [&](std::uint64_t version) { return plant + '\x1f' + std::to_string(version); };
  if (kind == "material") {
    const auto* known = s.ctx.look_up<material>(id);
    if (known == nullptr) return 0;
    millrace::material::TakeMasterT copy;
    copy.version = std::max<std::uint64_t>(1, s.next.version);
    copy.master = materials::master_of(*known);
    s.d.ask<millrace::material::schema>(id, copy, tag(copy.version), Lane::release, plant);
    return copy.version;
  }
  const auto* known = s.ctx.look_up<supplier>(id);
  if (known == nullptr) return 0;
  millrace::supplier::TakeMasterT copy;
  copy.version = known->version;
  copy.status = known->status;
  copy.name = known->name;
  copy.erp_id = known->erp_id;
  copy.reason = known->reason;
  copy.since = known->since;
  copy.by = known->by;
  s.d.ask<millrace::supplier::schema>(id, copy, tag(copy.version), Lane::release, plant);
  return std::max<std::uint64_t>(1, copy.version);
}

bool send(step& s, const std::string& plant) {
  const auto version = ask(s, plant);
  if (version == 0) return false;
  ms::CopySentT event;
  event.plant = plant;
  event.version = version;
  s.emit(std::move(event));
  return true;
}

bool send_all(step& s) {
  const auto plants = s.next.plants;
  return std::ranges::all_of(plants, [&](const auto& one) { return send(s, one.plant); });
}

void plan_check(step& s) {
  auto seconds = static_cast<std::int64_t>(s.next.every_s);
  if (seconds == 0) {
    const auto rule = decimal::parse(rule_of(s.ctx, "masterdata.check_s"));
    seconds = rule ? rule->micros() / 1'000'000 : 3600;
  }
  ms::CheckPlannedT event;
  event.due = s.ctx.now().plus_ms(seconds * 1000);
  s.d.timer(check_timer, event.due);
  s.emit(std::move(event));
}

std::optional<made> misplaced(const step& s) {
  if (s.ctx.plant() != enterprise_plant)
    return made::refuse(Refusal::not_enterprise,
                        "Send it to " + std::string(enterprise_plant) + ": it has the masters.");
  const auto kind = object_of(s.ctx.id()).first;
  if (kind != "material" && kind != "supplier")
    return made::refuse(Refusal::object_invalid, "The id is material~ID or supplier~ID.");
  return std::nullopt;
}

made assign(step& s, const std::vector<std::string>& plants, std::uint32_t every_s) {
  if (auto no = misplaced(s)) return std::move(*no);
  ms::PlantsAssignedT event;
  event.every_s = every_s;
  for (const auto& plant : plants)
    if (find(s.next, plant) == nullptr) event.plants.push_back(plant);
  if (s.next.plants.size() + event.plants.size() > plants_max)
    return made::refuse(Refusal::too_many,
                        "At most " + std::to_string(plants_max) + " plants are assigned.");
  const auto added = event.plants;
  if (added.empty() && (every_s == 0 || every_s == s.next.every_s)) return s.done();
  s.emit(std::move(event));
  for (const auto& plant : added)
    if (!send(s, plant))
      return made::refuse(Refusal::object_unknown, "The enterprise has no such object.");
  plan_check(s);
  return s.done();
}

made unassign(step& s, const ms::UnassignT& c) {
  const bool any = std::ranges::any_of(
      c.plants, [&](const auto& plant) { return find(s.next, plant) != nullptr; });
  if (!any) return made::refuse(Refusal::plant_unknown, "None of these plants is assigned.");
  ms::PlantsUnassignedT event;
  event.plants = c.plants;
  s.emit(std::move(event));
  if (s.next.plants.empty()) s.d.cancel_timer(check_timer);
  return s.done();
}

made check(step& s) {
  s.emit(ms::CheckBegunT());
  if (!send_all(s))
    return made::refuse(Refusal::object_unknown, "The enterprise has no such object.");
  if (!s.next.plants.empty()) plan_check(s);
  return s.done();
}

made changed(step& s, const ms::ChangedT& c) {
  if (c.version <= s.next.version) return s.done();
  ms::MasterChangedT event;
  event.version = c.version;
  s.emit(std::move(event));
  if (!send_all(s)) return made::fault("the master that has changed is not there");
  return s.done();
}

}  // namespace
}  // namespace syncs

decision<master_data_sync::schema> master_data_sync::decide(const schema::state& state,
                                                            const schema::command& command,
                                                            context& ctx) {
  using millrace::master_data_sync::Command;
  syncs::step s{ctx, state, {}};
  switch (command.type) {
    case Command::NONE:
      break;
    case Command::Assign:
      return syncs::assign(s, command.AsAssign()->plants, command.AsAssign()->every_s);
    case Command::Unassign:
      return syncs::unassign(s, *command.AsUnassign());
    case Command::Check:
      return syncs::check(s);
    case Command::Changed:
      return syncs::changed(s, *command.AsChanged());
    case Command::Joined:
      return syncs::assign(s, {command.AsJoined()->plant}, 0);
  }
  return decision<schema>::fault("a distribution has no such command");
}

result<void> master_data_sync::evolve(schema::state& state, const schema::event& event,
                                      evolution& evo) {
  syncs::apply(state, event, evo.stamp());
  return {};
}

decision<master_data_sync::schema> master_data_sync::on_answer(const schema::state& state,
                                                               const answer& a, context& ctx) {
  syncs::step s{ctx, state, {}};
  const auto cut = a.tag.find('\x1f');
  if (cut == std::string_view::npos)
    return decision<schema>::fault("an answer to what no distribution has asked");
  const std::string plant(a.tag.substr(0, cut));
  std::uint64_t version = 0;
  std::from_chars(a.tag.data() + cut + 1, a.tag.data() + a.tag.size(), version);
  const auto* copy = syncs::find(s.next, plant);
  if (copy == nullptr) return s.done();  // it was taken off the list meanwhile
  if (!a.granted()) {
    millrace::master_data_sync::CopyRefusedT event;
    event.plant = plant;
    event.code = a.code;
    s.emit(std::move(event));
    return s.done();
  }
  millrace::master_data_sync::CopyConfirmedT event;
  event.plant = plant;
  event.version = std::max<std::uint64_t>(1, version);
  event.gap = !a.events->empty() && copy->version >= event.version;
  s.emit(std::move(event));
  return s.done();
}

decision<master_data_sync::schema> master_data_sync::on_timer(const schema::state& state,
                                                              std::string_view, context& ctx) {
  syncs::step s{ctx, state, {}};
  if (state.plants.empty()) return s.done();
  s.emit(millrace::master_data_sync::CheckBegunT());
  static_cast<void>(syncs::send_all(s));  // what is gone cannot be sent; the next check looks again
  syncs::plan_check(s);
  return s.done();
}

}  // namespace millrace::actors
