// Decisions of an onboarding. The gate itself is at the outbox's end (nodes/adapters/staged_sink),
// which asks `leaves`; here is when a stage may be entered.
#include "actors/onboarding.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "actors/draft.hpp"
#include "actors/plant.hpp"

namespace millrace::actors {

namespace {

using namespace millrace::onboarding;  // the kind's own tables; this file has no others
using made = decision<schema>;

constexpr std::size_t files_max = 50;
/// What is looked at before a stage is entered. "orders" are those of the pilot.
constexpr std::array to_pilot{"imports", "systems", "deadletters", "exceptions", "stock"};
constexpr std::array to_live{"orders", "systems", "deadletters", "exceptions", "stock"};

bool is_known_check(std::string_view name) {
  return std::ranges::find(to_pilot, name) != to_pilot.end() ||
         std::ranges::find(to_live, name) != to_live.end();
}

const CheckT* find_check(const StateT& state, std::string_view name) {
  const auto at = std::ranges::find(state.checks, name, &CheckT::check);
  return at == state.checks.end() ? nullptr : &*at;
}

/// shadow 0, pilot 1, live 2: the order of the stages.
int rank(Stage stage) {
  switch (stage) {
    case Stage::shadow:
      return 0;
    case Stage::pilot:
      return 1;
    case Stage::live:
      return 2;
  }
  return 0;
}

/// What is missing until the next stage, derived anew after every event.
void waits(StateT& state) {
  state.waits_for.clear();
  if (state.stage == Stage::live) return;
  for (const std::string name : state.stage == Stage::shadow ? to_pilot : to_live) {
    const auto* check = find_check(state, name);
    if (check == nullptr)
      state.waits_for.push_back(name + ": not looked at in this stage");
    else if (!check->passed && check->waived.empty())
      state.waits_for.push_back(name + ": " + check->detail);
  }
  if (state.stage == Stage::shadow && state.orders.empty())
    state.waits_for.emplace_back("orders: none is chosen for the pilot");
}

void put_import(StateT& state, ImportT file, timestamp at) {
  file.at = at;
  const auto known = std::ranges::find(state.imports, file.name, &ImportT::name);
  if (known == state.imports.end())
    state.imports.push_back(std::move(file));
  else
    *known = std::move(file);
}

void put_check(StateT& state, const CheckT& check) {
  const auto known = std::ranges::find(state.checks, check.check, &CheckT::check);
  if (known == state.checks.end())
    state.checks.push_back(check);
  else
    *known = check;
}

made begin(const StateT&, const BeginT& c, context& ctx) {
  if (ctx.sequence() != 0)
    return made::refuse(Refusal::exists, "The onboarding of this plant has begun already.");
  if (ctx.id() != onboarding::its_id)
    return made::refuse(Refusal::id_invalid, "A plant's onboarding has the id plant.");
  const auto* site = ctx.look_up<plant>(ctx.plant());
  if (site == nullptr || site->life != millrace::plant::Life::commissioned)
    return made::refuse(
        Refusal::plant_not_new,
        "An onboarding begins between commissioning (activate false) and activation.");
  made d;
  BegunT event;
  event.based_on = c.based_on;
  event.reason = c.reason;
  event.by = who_of(ctx);
  d.emit(std::move(event));
  return d;
}

made note_import(const StateT& state, const NoteImportT& c) {
  const auto known = std::ranges::find(state.imports, c.file->name, &ImportT::name);
  if (known != state.imports.end()) {
    auto same = *c.file;
    same.at = known->at;
    if (made::pack(same) == made::pack(*known)) return {};
  } else if (state.imports.size() >= files_max) {
    return made::refuse(Refusal::too_many, "At most 50 files are kept.");
  }
  made d;
  ImportedT event;
  event.file = std::make_unique<ImportT>(*c.file);
  d.emit(std::move(event));
  return d;
}

made record_checks(const RecordChecksT& c, context& ctx) {
  made d;
  for (const auto& one : c.checks) {
    if (!is_known_check(one.check))
      return made::refuse(Refusal::check_unknown, "Nothing waits for a check " + one.check + '.');
    CheckedT event;
    event.check = std::make_unique<CheckT>(one);
    event.check->waived.clear();
    event.check->by = who_of(ctx);
    event.check->at = ctx.now();
    d.emit(std::move(event));
  }
  return d;
}

made waive_check(const StateT& state, const WaiveCheckT& c, context& ctx) {
  const auto* check = find_check(state, c.check);
  if (check == nullptr || check->passed)
    return made::refuse(Refusal::check_unknown,
                        "No check " + c.check + " has failed in this stage.");
  made d;
  CheckedT event;
  event.check = std::make_unique<CheckT>(*check);
  event.check->waived = c.reason;
  event.check->by = who_of(ctx);
  event.check->at = ctx.now();
  d.emit(std::move(event));
  return d;
}

made choose_orders(const StateT& state, const ChooseOrdersT& c, context& ctx) {
  OrdersChosenT event;
  event.orders = c.orders;
  std::ranges::sort(event.orders);
  const auto twice = std::ranges::unique(event.orders);
  event.orders.erase(twice.begin(), twice.end());
  if (event.orders == state.orders) return {};
  event.by = who_of(ctx);
  made d;
  d.emit(std::move(event));
  return d;
}

made enter_stage(const StateT& state, const EnterStageT& c, context& ctx) {
  if (c.stage == state.stage) return {};
  const bool forward = rank(c.stage) > rank(state.stage);
  if (rank(c.stage) > rank(state.stage) + 1)
    return made::refuse(Refusal::stage_skipped, "The stages are shadow, pilot, live.");
  if (forward && !state.waits_for.empty()) {
    std::string missing;
    for (const auto& one : state.waits_for) missing += (missing.empty() ? "" : "; ") + one;
    return made::refuse(Refusal::not_ready, missing + '.');
  }
  made d;
  StageEnteredT event;
  event.stage = c.stage;
  event.before = state.stage;
  event.reason = c.reason;
  event.by = who_of(ctx);
  d.emit(std::move(event));
  return d;
}

bool leaves_in(Stage stage, const StateT& state, std::string_view kind, std::string_view id) {
  switch (stage) {
    case Stage::shadow:
      return false;
    case Stage::pilot:
      break;
    case Stage::live:
      return true;
  }
  if (kind == "order" || kind == "order_release" || kind == "production_confirmation")
    return std::ranges::binary_search(state.orders, id);
  constexpr std::array stop_or_ask{"hold", "nonconformance", "supplier_containment", "supplier",
                                   "stock_reconciliation"};
  return std::ranges::find(stop_or_ask, kind) != stop_or_ask.end();
}

}  // namespace

bool leaves(const millrace::onboarding::StateT& state, std::string_view actor, timestamp filed_at) {
  const auto slash = actor.find('/');
  const auto kind = actor.substr(0, slash);
  const auto id = slash == std::string_view::npos ? std::string_view() : actor.substr(slash + 1);
  if (!leaves_in(state.stage, state, kind, id)) return false;
  return filed_at >= state.since || leaves_in(state.before, state, kind, id);
}

decision<onboarding::schema> onboarding::decide(const schema::state& state,
                                                const schema::command& command, context& ctx) {
  switch (command.type) {
    case Command::NONE:
      break;
    case Command::Begin:
      return begin(state, *command.AsBegin(), ctx);
    case Command::NoteImport:
      return note_import(state, *command.AsNoteImport());
    case Command::RecordChecks:
      return record_checks(*command.AsRecordChecks(), ctx);
    case Command::WaiveCheck:
      return waive_check(state, *command.AsWaiveCheck(), ctx);
    case Command::ChooseOrders:
      return choose_orders(state, *command.AsChooseOrders(), ctx);
    case Command::EnterStage:
      return enter_stage(state, *command.AsEnterStage(), ctx);
  }
  return made::fault("an onboarding has no such command");
}

result<void> onboarding::evolve(schema::state& state, const schema::event& event, evolution& evo) {
  switch (event.type) {
    case Event::NONE:
      return error{"kind.fault", "an event without a type"};
    case Event::Begun:
      state.stage = state.before = Stage::shadow;
      state.since = state.begun_at = evo.stamp();
      state.based_on = event.AsBegun()->based_on;
      state.reason = event.AsBegun()->reason;
      state.by = event.AsBegun()->by;
      break;
    case Event::Imported:
      if (!event.AsImported()->file) return error{"kind.fault", "Imported without a file"};
      put_import(state, *event.AsImported()->file, evo.stamp());
      break;
    case Event::Checked:
      if (!event.AsChecked()->check) return error{"kind.fault", "Checked without a check"};
      put_check(state, *event.AsChecked()->check);
      break;
    case Event::OrdersChosen:
      state.orders = event.AsOrdersChosen()->orders;
      break;
    case Event::StageEntered:
      state.stage = event.AsStageEntered()->stage;
      state.before = event.AsStageEntered()->before;
      state.since = evo.stamp();
      state.reason = event.AsStageEntered()->reason;
      state.by = event.AsStageEntered()->by;
      state.checks.clear();
      break;
  }
  waits(state);
  return {};
}

}  // namespace millrace::actors
