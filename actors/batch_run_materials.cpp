// What a run consumes and produces. The order posts, through the lot, whether the MES reports to
// the run or to the order: a report that comes to the run goes on to its order under the same id,
// and the order tells the run what became of every report that names it.
#include <algorithm>

#include "actors/batch_run_parts.hpp"
#include "actors/rules.hpp"
#include "schemas/production/order_kind.hpp"
#include "schemas/quality/batch_release_kind.hpp"

namespace millrace::actors::run_parts {

namespace {

namespace po = millrace::order;

template <class OrderReport, class CommandT>
made forward(const br::StateT& state, br::Movement movement, const CommandT& c,
             const std::string& material, OrderReport report, context& ctx) {
  const auto print = print_of(c);
  if (auto done = answered(state, br::EnumNameMovement(movement), c.report, print, ctx))
    return std::move(*done);
  br::MaterialReportedT event;
  event.report = c.report;
  event.movement = movement;
  event.material = material;
  event.batch = c.batch;
  event.quantity = c.quantity;
  event.unit = c.unit;
  event.print = print;
  made d;
  d.emit(std::move(event));
  report.report = c.report;
  report.operation = c.operation;
  report.material = material;
  report.batch = c.batch;
  report.quantity = c.quantity;
  report.unit = c.unit;
  report.location = c.location;
  report.occurred_at = c.occurred_at;
  report.person = c.person;
  report.equipment = state.equipment;
  report.batch_run = ctx.id();
  d.ask<po::schema>(state.order, report, material_key(movement, c.report), Lane::confirmation);
  if (!ctx.reposting()) d.wait();
  return d;
}

bool has_room(const std::vector<br::LotT>& lots, const std::string& batch,
              const std::string& unit) {
  return lots.size() < lots_max || std::ranges::any_of(lots, [&](const auto& l) {
           return l.batch == batch && l.unit == unit;
         });
}

}  // namespace

made report_consumption(const br::StateT& state, const br::ReportConsumptionT& c, context& ctx) {
  po::ReportConsumptionT report;
  report.output_batch = c.output_batch;
  return forward(state, br::Movement::consumption, c, c.material, std::move(report), ctx);
}

made report_production(const br::StateT& state, const br::ReportProductionT& c, context& ctx) {
  const auto& material = c.material.empty() ? state.material : c.material;
  return forward(state, br::Movement::production, c, material, po::ReportProductionT(), ctx);
}

made note_material(const br::StateT& state, const br::NoteMaterialT& c, context& ctx) {
  const auto row = ctx.row<br::MaterialRowT>("materials", material_key(c.movement, c.report));
  const auto was = row ? row->status : br::MaterialStatus::reported;
  if (row && was == c.status) return {};
  if (state.closed)
    return made::park(br::Refusal::closed, "The record is closed; quality can open it again.");
  const auto& lots = c.movement == br::Movement::consumption ? state.inputs : state.outputs;
  if (c.status == br::MaterialStatus::posted && !has_room(lots, c.batch, c.unit))
    return made::park(br::Refusal::too_large, "The run has its most lots.");
  br::MaterialNotedT event;
  event.report = c.report;
  event.movement = c.movement;
  event.status = c.status;
  event.material = c.material;
  event.batch = c.batch;
  event.quantity = c.quantity;
  event.unit = c.unit;
  event.reason = c.reason;
  event.was = was;
  event.direct = row && row->direct;
  if (c.status == br::MaterialStatus::reversed && row) {  // what had been posted goes out again
    event.quantity = row->quantity;
    event.unit = row->unit;
    event.batch = row->batch;
  }
  made d;
  d.emit(std::move(event));
  return d;
}

made on_material_answer(const br::StateT&, br::Movement movement, const std::string& report,
                        const answer& a, context& ctx) {
  const auto row = ctx.row<br::MaterialRowT>("materials", material_key(movement, report));
  if (!row) return made::fault("an answer for report " + report + ", which is not known");
  made d;
  const bool first = row->status == br::MaterialStatus::reported;
  const bool open = first || row->status == br::MaterialStatus::parked;
  br::MaterialNotedT event;
  event.report = report;
  event.movement = movement;
  event.material = row->material;
  event.batch = row->batch;
  event.quantity = row->quantity;
  event.unit = row->unit;
  event.was = row->status;
  event.direct = row->direct;
  event.reason =
      a.code.empty() ? std::string() : std::string(a.code) + ": " + std::string(a.detail);
  switch (a.outcome) {
    case engine::Outcome::accepted:
      event.status = br::MaterialStatus::posted;
      if (a.origin.given()) d.settle(a.origin);
      break;
    case engine::Outcome::parked:
      event.status = br::MaterialStatus::parked;
      if (a.origin.given()) d.settle_parked(a.origin, a.code, a.detail, a.exception);
      break;
    case engine::Outcome::refused:
      event.status = br::MaterialStatus::refused;
      if (a.origin.given()) d.settle_refused(a.origin, a.code, a.detail);
      break;
    case engine::Outcome::pending:
      return made::fault("an answer that is none");
  }
  if (open && event.status != row->status) d.emit(std::move(event));
  return d;
}

void tell_releases(made& d, const br::StateT& state, context& ctx) {
  const bool start = rule_of(ctx, "batch_release.automatic") == "yes";
  for (const auto& lot : state.outputs) {
    if (lot.batch.empty()) continue;
    if (start) {
      millrace::batch_release::StartT command;
      command.run = ctx.id();
      d.tell<millrace::batch_release::schema>(lot.batch, command, Lane::release);
    } else {
      millrace::batch_release::RecheckT command;
      command.cause = "batch_run/" + std::string(ctx.id());
      d.tell<millrace::batch_release::schema>(lot.batch, command, Lane::release);
    }
  }
}

}  // namespace millrace::actors::run_parts
