// Decisions of the reconciliation: runs on demand and by schedule, approvals of corrections.
#include "actors/stock_reconciliation.hpp"

#include <algorithm>
#include <charconv>

#include "actors/rules.hpp"
#include "actors/stock_reconciliation_parts.hpp"
#include "schemas/inventory/batch_kind.hpp"

namespace millrace::actors {

namespace reconciliations {
namespace {

constexpr System sources[] = {System::erp, System::wms, System::mes};
constexpr std::uint32_t lines_max = 500;

std::int64_t deadline_ms(context& ctx) {
  const auto seconds = decimal::parse(rule_of(ctx, "reconciliation.deadline_s"));
  return seconds ? seconds->micros() / 1000 : 0;
}

void begin(step& s, const std::string& material, decimal tolerance) {
  sr::RunStartedT event;
  event.run = s.next.run + 1;
  event.material = material;
  event.tolerance = tolerance;
  event.by = who_of(s.ctx);
  for (const auto system : sources)
    if (s.ctx.bound(system)) event.systems.push_back(system);
  sr::StockQueryT query;
  query.reconciliation = s.ctx.id();
  query.run = event.run;
  query.material = material;
  query.lines_max = lines_max;
  for (const auto system : event.systems)
    s.d.deliver(system, "reconciliation/" + std::string(s.ctx.id()), query,
                std::to_string(event.run));
  s.emit(std::move(event));
  s.d.timer("deadline", s.ctx.now().plus_ms(deadline_ms(s.ctx)));
}

bool has_source(const context& ctx) {
  return std::ranges::any_of(sources, [&](System one) { return ctx.bound(one); });
}

made run(step& s, const sr::RunT& c) {
  if (s.next.status == sr::Status::collecting)
    return made::refuse(sr::Refusal::running,
                        "Run " + std::to_string(s.next.run) + " is under way.");
  if (!has_source(s.ctx))
    return made::refuse(sr::Refusal::no_system, "Neither ERP, WMS nor MES is bound here.");
  begin(s, c.material, c.tolerance);
  return s.done();
}

void plan_run(step& s) {
  sr::RunPlannedT event;
  if (s.next.every_s != 0)
    event.due = s.ctx.now().plus_ms(static_cast<std::int64_t>(s.next.every_s) * 1000);
  s.d.timer("run", event.due);
  s.emit(std::move(event));
}

made schedule(step& s, const sr::ScheduleT& c) {
  sr::ScheduleSetT event;
  event.every_s = c.every_s;
  event.material = c.material;
  event.tolerance = c.tolerance;
  s.emit(std::move(event));
  plan_run(s);
  return s.done();
}

std::optional<made> not_open(step& s, std::uint32_t number, sr::DifferenceRowT& out) {
  auto row = s.ctx.row<sr::DifferenceRowT>("differences", difference_key(number));
  if (!row || !row->line)
    return made::refuse(sr::Refusal::difference_unknown,
                        "There is no difference " + std::to_string(number) + '.');
  if (row->status != sr::DifferenceStatus::open && row->status != sr::DifferenceStatus::failed)
    return made::refuse(sr::Refusal::difference_closed,
                        "Difference " + std::to_string(number) + " is " +
                            sr::EnumNameDifferenceStatus(row->status) + '.');
  out = std::move(*row);
  return std::nullopt;
}

made approve(step& s, const sr::ApproveCorrectionT& c) {
  sr::DifferenceRowT row;
  if (auto no = not_open(s, c.difference, row)) return std::move(*no);
  if (row.system != System::erp)
    return made::refuse(sr::Refusal::not_the_erp, "It is a difference with the " +
                                                      std::string(EnumNameSystem(row.system)) +
                                                      ": explain it, or correct it there.");
  sr::CorrectionApprovedT event;
  event.difference = c.difference;
  event.reason = c.reason;
  event.by = who_of(s.ctx, c.person);
  s.emit(std::move(event));
  lot::AdjustStockT adjust;
  adjust.quantity = row.line->difference;
  adjust.unit = row.line->unit;
  adjust.location = row.line->location;
  adjust.stock = row.line->type;
  adjust.reason = c.reason;
  adjust.document = "reconciliation/" + std::to_string(c.difference);
  s.d.ask<lot::schema>(row.line->batch, adjust, "adjust\x1f\x1f" + std::to_string(c.difference));
  return s.done();
}

made explain(step& s, const sr::ExplainT& c) {
  sr::DifferenceRowT row;
  if (auto no = not_open(s, c.difference, row)) return std::move(*no);
  sr::ExplainedT event;
  event.difference = c.difference;
  event.reason = c.reason;
  event.by = who_of(s.ctx, c.person);
  s.emit(std::move(event));
  return s.done();
}

void fail_source(step& s, System system, std::string reason) {
  sr::SourceFailedT event;
  event.system = system;
  event.reason = std::move(reason);
  s.emit(std::move(event));
}

made adjusted(step& s, std::uint32_t number, const answer& a) {
  sr::CorrectionEndedT event;
  event.difference = number;
  event.failed = !a.granted();
  event.code = a.code;
  s.emit(std::move(event));
  return s.done();
}

made deadline(step& s) {
  if (s.next.status != sr::Status::collecting) return s.done();
  const auto asked = s.next.sources;
  for (const auto& one : asked)
    if (one.status == sr::SourceStatus::asked || one.status == sr::SourceStatus::reporting)
      fail_source(s, one.system, "no complete report by the deadline");
  complete_when_done(s);
  return s.done();
}

}  // namespace
}  // namespace reconciliations

decision<stock_reconciliation::schema> stock_reconciliation::decide(const schema::state& state,
                                                                    const schema::command& command,
                                                                    context& ctx) {
  using millrace::stock_reconciliation::Command;
  reconciliations::step s{ctx, state, {}};
  switch (command.type) {
    case Command::NONE:
      break;
    case Command::Run:
      return reconciliations::run(s, *command.AsRun());
    case Command::Schedule:
      return reconciliations::schedule(s, *command.AsSchedule());
    case Command::ReportStock:
      return reconciliations::report_stock(s, *command.AsReportStock());
    case Command::ApproveCorrection:
      return reconciliations::approve(s, *command.AsApproveCorrection());
    case Command::Explain:
      return reconciliations::explain(s, *command.AsExplain());
  }
  return decision<schema>::fault("a reconciliation has no such command");
}

decision<stock_reconciliation::schema> stock_reconciliation::on_answer(const schema::state& state,
                                                                       const answer& a,
                                                                       context& ctx) {
  reconciliations::step s{ctx, state, {}};
  const auto first = a.tag.find('\x1f');
  const auto second = first == std::string_view::npos ? first : a.tag.find('\x1f', first + 1);
  if (second == std::string_view::npos)
    return decision<schema>::fault("an answer to what no reconciliation has asked");
  const auto what = a.tag.substr(0, first);
  const auto system = system_number(a.tag.substr(first + 1, second - first - 1));
  std::uint32_t number = 0;
  std::from_chars(a.tag.data() + second + 1, a.tag.data() + a.tag.size(), number);
  if (what == "adjust") return reconciliations::adjusted(s, number, a);
  const auto of = static_cast<System>(system.value_or(0));
  if (what != "lots") return reconciliations::flight_found(s, of, number, a);
  return number == state.run ? reconciliations::lots_found(s, of, a) : s.done();
}

decision<stock_reconciliation::schema> stock_reconciliation::on_timer(const schema::state& state,
                                                                      std::string_view name,
                                                                      context& ctx) {
  reconciliations::step s{ctx, state, {}};
  if (name == "deadline") return reconciliations::deadline(s);
  const bool busy = state.status == millrace::stock_reconciliation::Status::collecting;
  if (state.every_s == 0) return s.done();
  if (!busy && reconciliations::has_source(ctx))
    reconciliations::begin(s, state.material, state.tolerance);
  reconciliations::plan_run(s);
  return s.done();
}

decision<stock_reconciliation::schema> stock_reconciliation::on_delivered(
    const schema::state& state, const delivered& d, context& ctx) {
  reconciliations::step s{ctx, state, {}};
  const auto* source = reconciliations::find_source(state, d.system);
  if (d.end == engine::DeliveryEnd::acknowledged || source == nullptr ||
      d.tag != std::to_string(state.run) ||
      source->status != millrace::stock_reconciliation::SourceStatus::asked)
    return s.done();
  reconciliations::fail_source(
      s, d.system, d.detail.empty() ? EnumNameDeliveryEnd(d.end) : std::string(d.detail));
  reconciliations::complete_when_done(s);
  return s.done();
}

}  // namespace millrace::actors
