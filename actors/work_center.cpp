// A work center's decisions. It is down as long as one downtime is open; when the last one ends,
// the releases that wait for it look again. Maintenance orders bring a planned downtime with them.
#include "actors/work_center.hpp"

#include <algorithm>
#include <optional>

#include "actors/by_whom.hpp"
#include "actors/stock.hpp"
#include "actors/waiters.hpp"

namespace millrace::actors {

namespace {

using namespace millrace::work_center;  // the kind's own tables; this file has no others
using made = decision<schema>;

constexpr std::size_t downs_max = 100;
constexpr std::size_t maintenance_max = 200;

/// The system that a report is of: maintenance where the sender speaks for both.
System reporter(const context& ctx) {
  return ctx.from().speaks_for(System::cmms) ? System::cmms : System::mes;
}

const DownT* find_down(const std::vector<DownT>& downs, std::string_view downtime) {
  const auto at =
      std::ranges::find_if(downs, [&](const auto& d) { return d.downtime == downtime; });
  return at == downs.end() ? nullptr : &*at;
}

const MaintenanceT* find_maintenance(const std::vector<MaintenanceT>& open,
                                     std::string_view order) {
  const auto at = std::ranges::find_if(open, [&](const auto& m) { return m.order == order; });
  return at == open.end() ? nullptr : &*at;
}

/// Told once, when the last open downtime ends.
void tell_waiters(made& d, const StateT& state) {
  if (state.downs.size() <= 1) actors::tell_waiters(d, state, "work center", WaitersToldT());
}

void come_up(made& d, const StateT& state, const DownT& down, timestamp at, context& ctx) {
  CameUpT event;
  event.downtime = down.downtime;
  event.at = at;
  event.seconds = static_cast<std::uint64_t>((at.micros() - down.since.micros()) / 1'000'000);
  event.planned = down.planned;
  event.by = by_whom(ctx);
  d.emit(std::move(event));
  tell_waiters(d, state);
}

void go_down(made& d, DownT down, context& ctx) {
  WentDownT event;
  event.down = std::make_unique<DownT>(std::move(down));
  event.by = by_whom(ctx);
  d.emit(std::move(event));
}

made define(const StateT& state, const DefineT& c, context& ctx) {
  made d;
  const bool same = ctx.sequence() != 0 && state.name == c.name && state.area == c.area &&
                    state.erp_id == c.erp_id && state.mes_id == c.mes_id &&
                    state.cmms_id == c.cmms_id;
  if (same) return d;
  DefinedT event;
  event.name = c.name;
  event.area = c.area;
  event.erp_id = c.erp_id;
  event.mes_id = c.mes_id;
  event.cmms_id = c.cmms_id;
  d.emit(std::move(event));
  return d;
}

made report_down(const StateT& state, const ReportDownT& c, context& ctx) {
  const auto began = c.occurred_at.given() ? c.occurred_at : ctx.now();
  if (const auto row = ctx.row<DowntimeRowT>("downtimes", c.downtime)) {
    const bool same = row->reason == c.reason && row->planned == c.planned &&
                      row->expected_until == c.expected_until &&
                      (!c.occurred_at.given() || row->began == c.occurred_at);
    if (same) return {};
    return made::refuse(Refusal::downtime_differs,
                        "Downtime " + c.downtime + " was reported before with another content.");
  }
  if (state.downs.size() >= downs_max)
    return made::park(Refusal::downs_full, "At most 100 downtimes are open at once.");
  made d;
  DownT down;
  down.downtime = c.downtime;
  down.reason = c.reason;
  down.planned = c.planned;
  down.system = reporter(ctx);
  down.since = began;
  down.expected_until = c.expected_until;
  go_down(d, std::move(down), ctx);
  return d;
}

/// Why this sender may not end or take back what that system reported.
std::optional<made> not_theirs(System system, const std::string& downtime, context& ctx) {
  if (ctx.from().speaks_for(system)) return std::nullopt;
  return made::refuse_with("command.not_owner", "Downtime " + downtime + " belongs to the " +
                                                    std::string(system_name(system)) +
                                                    ", which reported it.");
}

made report_up(const StateT& state, const ReportUpT& c, context& ctx) {
  const auto* down = find_down(state.downs, c.downtime);
  if (down == nullptr) {
    if (ctx.has_row("downtimes", c.downtime)) return {};  // over already
    return made::park(Refusal::downtime_unknown, "Downtime " + c.downtime + " is not known yet.");
  }
  if (auto why = not_theirs(down->system, c.downtime, ctx)) return std::move(*why);
  if (!down->maintenance.empty())
    return made::refuse(Refusal::belongs_to_maintenance,
                        "Complete maintenance order " + down->maintenance + " instead.");
  const auto at = c.occurred_at.given() ? c.occurred_at : ctx.now();
  if (at < down->since)
    return made::refuse(Refusal::times_invalid,
                        "The downtime began " + down->since.to_string() + ", after that.");
  made d;
  come_up(d, state, *down, at, ctx);
  return d;
}

made reverse(const StateT& state, const ReverseDowntimeT& c, context& ctx) {
  const auto row = ctx.row<DowntimeRowT>("downtimes", c.downtime);
  if (!row)
    return made::park(Refusal::downtime_unknown, "Downtime " + c.downtime + " is not known yet.");
  if (row->reversed) return {};
  if (auto why = not_theirs(row->system, c.downtime, ctx)) return std::move(*why);
  if (!row->maintenance.empty())
    return made::refuse(Refusal::belongs_to_maintenance,
                        "It is part of maintenance order " + row->maintenance + '.');
  made d;
  DowntimeReversedT event;
  event.downtime = c.downtime;
  event.reason = c.reason;
  event.seconds = row->seconds;
  event.planned = row->planned;
  event.was_open = find_down(state.downs, c.downtime) != nullptr;
  event.by = by_whom(ctx);
  const bool open = event.was_open;
  d.emit(std::move(event));
  if (open) tell_waiters(d, state);
  return d;
}

made plan(const StateT& state, const PlanMaintenanceT& c, context& ctx) {
  if (find_maintenance(state.maintenance, c.order) != nullptr ||
      ctx.has_row("maintenance", c.order) || ctx.has_row("downtimes", c.order))
    return made::refuse(Refusal::maintenance_exists, "Maintenance order " + c.order + " exists.");
  if (c.start.given() && c.end.given() && c.end < c.start)
    return made::refuse(Refusal::times_invalid, "The maintenance would end before it begins.");
  if (state.maintenance.size() >= maintenance_max)
    return made::refuse(Refusal::maintenance_full, "At most 200 maintenance orders are open.");
  made d;
  MaintenancePlannedT event;
  event.maintenance = std::make_unique<MaintenanceT>();
  event.maintenance->order = c.order;
  event.maintenance->description = c.description;
  event.maintenance->start = c.start;
  event.maintenance->end = c.end;
  d.emit(std::move(event));
  return d;
}

/// The open order of that id when it is in that status; else the refusal.
const MaintenanceT* expect(const StateT& state, const std::string& order, MaintenanceStatus status,
                           made& refusal) {
  const auto* found = find_maintenance(state.maintenance, order);
  if (found == nullptr)
    refusal =
        made::refuse(Refusal::maintenance_unknown, "No maintenance order " + order + " is open.");
  else if (found->status != status)
    refusal = made::refuse(
        Refusal::maintenance_status,
        "Maintenance order " + order + " is " + EnumNameMaintenanceStatus(found->status) + '.');
  return found != nullptr && found->status == status ? found : nullptr;
}

made start(const StateT& state, const StartMaintenanceT& c, context& ctx) {
  made d;
  const auto* order = expect(state, c.order, MaintenanceStatus::planned, d);
  if (order == nullptr) return d;
  if (state.downs.size() >= downs_max)
    return made::refuse(Refusal::downs_full, "At most 100 downtimes are open at once.");
  if (ctx.has_row("downtimes", c.order))
    return made::refuse(Refusal::downtime_differs, "A downtime has the id " + c.order + '.');
  MaintenanceStartedT event;
  event.order = c.order;
  d.emit(std::move(event));
  DownT down;
  down.downtime = c.order;
  down.reason = order->description;
  down.planned = true;
  down.system = System::cmms;
  down.since = c.occurred_at.given() ? c.occurred_at : ctx.now();
  down.expected_until = order->end;
  down.maintenance = c.order;
  go_down(d, std::move(down), ctx);
  return d;
}

made complete(const StateT& state, const CompleteMaintenanceT& c, context& ctx) {
  made d;
  if (expect(state, c.order, MaintenanceStatus::in_progress, d) == nullptr) return d;
  const auto* down = find_down(state.downs, c.order);
  const auto at = c.occurred_at.given() ? c.occurred_at : ctx.now();
  if (down != nullptr && at < down->since)
    return made::refuse(Refusal::times_invalid,
                        "The maintenance began " + down->since.to_string() + ", after that.");
  MaintenanceCompletedT event;
  event.order = c.order;
  event.result = c.result;
  d.emit(std::move(event));
  if (down != nullptr) come_up(d, state, *down, at, ctx);
  return d;
}

made cancel(const StateT& state, const CancelMaintenanceT& c) {
  made d;
  if (expect(state, c.order, MaintenanceStatus::planned, d) == nullptr) return d;
  MaintenanceCancelledT event;
  event.order = c.order;
  event.reason = c.reason;
  d.emit(std::move(event));
  return d;
}

made await_change(const StateT& state, const AwaitChangeT& c) {
  made d;
  if (state.life == Life::available) {  // it came back while the release was parking
    order_release::RecheckT recheck;
    recheck.cause = "work center";
    d.tell<order_release::schema>(c.process, recheck, Lane::release);
    return d;
  }
  if (waits(state, c.process) || is_full_of_waiters(state)) return d;
  WaiterAddedT event;
  event.process = c.process;
  d.emit(std::move(event));
  return d;
}

}  // namespace

decision<work_center::schema> work_center::decide(const schema::state& state,
                                                  const schema::command& command, context& ctx) {
  switch (command.type) {
    case Command::Define:
      return define(state, *command.AsDefine(), ctx);
    case Command::ReportDown:
      return report_down(state, *command.AsReportDown(), ctx);
    case Command::ReportUp:
      return report_up(state, *command.AsReportUp(), ctx);
    case Command::ReverseDowntime:
      return reverse(state, *command.AsReverseDowntime(), ctx);
    case Command::PlanMaintenance:
      return plan(state, *command.AsPlanMaintenance(), ctx);
    case Command::StartMaintenance:
      return start(state, *command.AsStartMaintenance(), ctx);
    case Command::CompleteMaintenance:
      return complete(state, *command.AsCompleteMaintenance(), ctx);
    case Command::CancelMaintenance:
      return cancel(state, *command.AsCancelMaintenance());
    case Command::AwaitChange:
      return await_change(state, *command.AsAwaitChange());
    case Command::NONE:
      break;
  }
  return made::fault("a command without a type");
}

}  // namespace millrace::actors
