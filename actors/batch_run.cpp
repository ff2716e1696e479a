// The batch run's front: its life from an approved recipe to the closed record, and which decision
// belongs to which command.
#include "actors/batch_run.hpp"

#include <algorithm>

#include "actors/batch_run_parts.hpp"
#include "actors/by_whom.hpp"
#include "actors/recipe.hpp"

namespace millrace::actors {

bool may_become(millrace::batch_run::Status from, millrace::batch_run::Status to) {
  using enum millrace::batch_run::Status;
  switch (from) {
    case idle:
      return to == running;
    case running:
      return to == complete || to == pausing || to == holding || to == stopping || to == aborting;
    case pausing:
      return to == paused || to == holding || to == stopping || to == aborting;
    case paused:
      return to == running || to == holding || to == stopping || to == aborting;
    case holding:
      return to == held || to == stopping || to == aborting;
    case held:
      return to == restarting || to == stopping || to == aborting;
    case restarting:
      return to == running || to == holding || to == stopping || to == aborting;
    case stopping:
      return to == stopped || to == aborting;
    case stopped:
      return to == aborting;
    case aborting:
      return to == aborted;
    case aborted:
    case complete:
      return false;
  }
  return false;
}

bool is_over(millrace::batch_run::Status status) {
  using enum millrace::batch_run::Status;
  return status == complete || status == stopped || status == aborted;
}

namespace run_parts {

std::string by_whom(const context& ctx, const std::string& person) {
  return person.empty() ? actors::by_whom(ctx) : person;
}

std::unique_ptr<decimal> copy(const std::unique_ptr<decimal>& value) {
  return value ? std::make_unique<decimal>(*value) : nullptr;
}

std::string number_key(std::uint64_t number) {
  const auto digits = std::to_string(number);
  return std::string(10 - std::min<std::size_t>(10, digits.size()), '0') + digits;
}

std::optional<made> answered(const br::StateT& state, std::string_view what,
                             const std::string& report, hash128 print, context& ctx) {
  if (const auto row = ctx.row<br::ReportRowT>("reports", std::string(what) + '~' + report)) {
    if (row->print == print) return made();
    return made::refuse(br::Refusal::report_differs,
                        "Report " + report + " came before with another content.");
  }
  if (state.closed)
    return made::park(br::Refusal::closed, "The record is closed; quality can open it again.");
  if (state.entries >= entries_max)
    return made::park(br::Refusal::too_large, "The record has its most entries.");
  return std::nullopt;
}

const br::ParameterStateT* find_parameter(const br::StateT& state, std::string_view parameter,
                                          std::string_view phase) {
  for (const auto& one : state.parameters)
    if (one.parameter == parameter && (phase.empty() || one.phase == phase)) return &one;
  return nullptr;
}

namespace {

/// The revision that was named, else the effective one that was approved last; null = none.
const millrace::recipe::RevisionT* choose(const millrace::recipe::StateT& recipe,
                                          const std::string& revision, timestamp now) {
  if (!revision.empty()) return find_revision(recipe, revision);
  const millrace::recipe::RevisionT* out = nullptr;
  for (const auto& one : recipe.revisions)
    if (is_effective(one, now) && (out == nullptr || out->approved_at <= one.approved_at))
      out = &one;
  return out != nullptr ? out : find_revision(recipe, {});
}

void copy_recipe(br::CreatedT& event, const millrace::recipe::RevisionT& revision) {
  event.revision = revision.revision;
  event.approved_by = revision.approved_by;
  event.approved_at = revision.approved_at;
  for (const auto& one : revision.phases) {
    auto& phase = event.phases.emplace_back();
    phase.phase = one.phase;
    phase.equipment = one.work_center;
    phase.milestone = one.milestone;
  }
  for (const auto& one : revision.parameters) {
    auto& parameter = event.parameters.emplace_back();
    parameter.parameter = one.parameter;
    parameter.phase = one.phase;
    parameter.unit = one.unit;
    parameter.target = copy(one.target);
    parameter.lower = copy(one.lower);
    parameter.upper = copy(one.upper);
    parameter.critical = one.critical;
    parameter.tag = one.tag;
  }
}

/// Sends the closed record to who keeps it.
void send_record(made& d, const br::StateT& state, br::ClosedT& event, context& ctx) {
  for (const auto system : {System::qms, System::erp})
    if (ctx.bound(system)) event.sent_to.push_back(system);
  br::BatchRecordT record;
  record.run = ctx.id();
  record.order = state.order;
  record.recipe = state.recipe;
  record.revision = state.revision;
  record.material = state.material;
  record.version = state.record_version + 1;
  record.entries = state.entries + 1;
  record.hash = next_record_hash(state.record_hash, closing_entry(event, ctx.now()).json());
  record.status = state.status;
  record.deviations = state.deviations;
  record.deviations_open = state.deviations_open;
  record.outputs = state.outputs;
  for (const auto system : event.sent_to)
    d.deliver(system, "batch-run/" + std::string(ctx.id()), record, "record");
}

}  // namespace

made create(const br::StateT&, const br::CreateT& c, context& ctx) {
  if (ctx.sequence() != 0)
    return made::refuse(br::Refusal::exists, "Run " + std::string(ctx.id()) + " exists.");
  const auto* known = ctx.look_up<recipe>(c.recipe);
  if (known == nullptr)
    return made::refuse(br::Refusal::recipe_unknown, "Recipe " + c.recipe + " is not known here.");
  const auto* revision = choose(*known, c.revision, ctx.now());
  if (revision == nullptr || revision->status != millrace::recipe::Status::approved)
    return made::refuse(br::Refusal::recipe_not_approved,
                        "Recipe " + c.recipe + " has no approved revision " + c.revision + '.');
  if (!is_effective(*revision, ctx.now()))
    return made::refuse(br::Refusal::recipe_not_effective,
                        "Revision " + revision->revision + " is not in effect.");
  br::CreatedT event;
  event.order = c.order;
  event.recipe = c.recipe;
  event.material = known->material;
  event.quantity = c.quantity;
  event.unit = c.unit;
  event.equipment = c.equipment;
  event.mes_id = c.mes_id;
  event.erp_id = c.erp_id;
  event.by = by_whom(ctx);
  copy_recipe(event, *revision);
  made d;
  d.emit(std::move(event));
  return d;
}

made close(const br::StateT& state, const br::CloseT& c, context& ctx) {
  if (state.closed) return made::refuse(br::Refusal::closed, "The record is closed already.");
  if (!is_over(state.status))
    return made::refuse(br::Refusal::not_over,
                        std::string("The run is ") + br::EnumNameStatus(state.status) + '.');
  if (state.materials_open != 0)
    return made::refuse(br::Refusal::materials_open,
                        std::to_string(state.materials_open) + " reports are not posted yet.");
  made d;
  br::ClosedT event;
  event.reason = c.reason;
  event.by = by_whom(ctx);
  event.entries = state.entries;
  send_record(d, state, event, ctx);
  d.emit(std::move(event));
  tell_releases(d, state, ctx);
  return d;
}

made reopen(const br::StateT& state, const br::ReopenT& c, context& ctx) {
  if (!state.closed) return made::refuse(br::Refusal::not_closed, "The record is open.");
  made d;
  br::ReopenedT event;
  event.reason = c.reason;
  event.by = by_whom(ctx);
  d.emit(std::move(event));
  tell_releases(d, state, ctx);
  return d;
}

}  // namespace run_parts

decision<batch_run::schema> batch_run::decide(const schema::state& state,
                                              const schema::command& command, context& ctx) {
  using namespace run_parts;
  using br::Command;
  switch (command.type) {
    case Command::Create:
      return create(state, *command.AsCreate(), ctx);
    case Command::ReportState:
      return report_state(state, *command.AsReportState(), ctx);
    case Command::ReportPhase:
      return report_phase(state, *command.AsReportPhase(), ctx);
    case Command::ReportParameter:
      return report_parameter(state, *command.AsReportParameter(), ctx);
    case Command::ReportDeviation:
      return report_deviation(state, *command.AsReportDeviation(), ctx);
    case Command::AssessDeviation:
      return assess_deviation(state, *command.AsAssessDeviation(), ctx);
    case Command::ReportMilestone:
      return report_milestone(state, *command.AsReportMilestone(), ctx);
    case Command::RecordWindow:
      return record_window(state, *command.AsRecordWindow(), ctx);
    case Command::ReportConsumption:
      return report_consumption(state, *command.AsReportConsumption(), ctx);
    case Command::ReportProduction:
      return report_production(state, *command.AsReportProduction(), ctx);
    case Command::Close:
      return close(state, *command.AsClose(), ctx);
    case Command::Reopen:
      return reopen(state, *command.AsReopen(), ctx);
    case Command::NoteMaterial:
      return note_material(state, *command.AsNoteMaterial(), ctx);
    case Command::NONE:
      break;
  }
  return made::fault("a command without a type");
}

decision<batch_run::schema> batch_run::on_answer(const schema::state& state, const answer& a,
                                                 context& ctx) {
  using namespace run_parts;
  const auto cut = a.tag.find('~');
  for (const auto movement : br::EnumValuesMovement())
    if (cut != std::string_view::npos && a.tag.substr(0, cut) == br::EnumNameMovement(movement))
      return on_material_answer(state, movement, std::string(a.tag.substr(cut + 1)), a, ctx);
  return made::fault("an answer to no question");
}

decision<batch_run::schema> batch_run::on_delivered(const schema::state&, const delivered& in,
                                                    context&) {
  run_parts::made d;
  millrace::batch_run::CopyEndedT event;
  event.system = in.system;
  event.acknowledged = in.end == engine::DeliveryEnd::acknowledged;
  event.document = in.document;
  event.reason = in.detail;
  d.emit(std::move(event));
  return d;
}

}  // namespace millrace::actors
