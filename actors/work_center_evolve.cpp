// How a work center follows from its events: life and reason from the open downtimes, totals from
// the ended ones.
#include <algorithm>

#include "actors/work_center.hpp"

namespace millrace::actors {

namespace {

using namespace millrace::work_center;  // the kind's own tables; this file has no others

MaintenanceT* find_maintenance(StateT& state, std::string_view order) {
  const auto at =
      std::ranges::find_if(state.maintenance, [&](const auto& m) { return m.order == order; });
  return at == state.maintenance.end() ? nullptr : &*at;
}

/// Life and reason follow from the open downtimes.
void settle(StateT& state, timestamp at) {
  const auto life = state.downs.empty() ? Life::available : Life::down;
  if (life != state.life) state.since = at;
  state.life = life;
  state.reason.clear();
  state.planned = !state.downs.empty();
  if (state.downs.empty()) return;
  state.reason = std::ranges::min_element(state.downs, {}, &DownT::since)->reason;
  for (const auto& down : state.downs) state.planned = state.planned && down.planned;
}

void count(StateT& state, std::uint64_t seconds, bool planned, bool back) {
  const auto add = [&](std::uint64_t& sum) {
    sum = back ? sum - std::min(sum, seconds) : sum + seconds;
  };
  state.downtimes =
      back ? state.downtimes - std::min<std::uint64_t>(state.downtimes, 1) : state.downtimes + 1;
  add(state.down_seconds);
  if (!planned) add(state.unplanned_seconds);
}

void went_down(StateT& state, const DownT& down, evolution& evo) {
  DowntimeRowT row;
  row.reason = down.reason;
  row.planned = down.planned;
  row.system = down.system;
  row.began = down.since;
  row.maintenance = down.maintenance;
  row.expected_until = down.expected_until;
  evo.put_row("downtimes", down.downtime, row);
  state.downs.push_back(down);
  settle(state, down.since);
}

void came_up(StateT& state, const CameUpT& e, evolution& evo) {
  std::erase_if(state.downs, [&](const auto& d) { return d.downtime == e.downtime; });
  if (auto row = evo.row<DowntimeRowT>("downtimes", e.downtime)) {
    row->ended = e.at;
    row->seconds = e.seconds;
    evo.put_row("downtimes", e.downtime, *row);
  }
  count(state, e.seconds, e.planned, false);
  settle(state, e.at);
}

void reversed(StateT& state, const DowntimeReversedT& e, evolution& evo) {
  std::erase_if(state.downs, [&](const auto& d) { return d.downtime == e.downtime; });
  if (auto row = evo.row<DowntimeRowT>("downtimes", e.downtime)) {
    row->reversed = true;
    row->reverse_reason = e.reason;
    evo.put_row("downtimes", e.downtime, *row);
  }
  if (!e.was_open) count(state, e.seconds, e.planned, true);
  settle(state, evo.stamp());
}

void maintenance_over(StateT& state, const std::string& order, MaintenanceStatus status,
                      const std::string& result, evolution& evo) {
  const auto* found = find_maintenance(state, order);
  if (found == nullptr) return;
  MaintenanceRowT row;
  row.maintenance = std::make_unique<MaintenanceT>(*found);
  row.maintenance->status = status;
  row.result = result;
  row.at = evo.stamp();
  evo.put_row("maintenance", order, row);
  std::erase_if(state.maintenance, [&](const auto& m) { return m.order == order; });
}

}  // namespace

result<void> work_center::evolve(schema::state& state, const schema::event& event, evolution& evo) {
  switch (event.type) {
    case Event::Defined: {
      const auto& e = *event.AsDefined();
      state.name = e.name;
      state.area = e.area;
      state.erp_id = e.erp_id;
      state.mes_id = e.mes_id;
      state.cmms_id = e.cmms_id;
      if (!state.since.given()) state.since = evo.stamp();
      return {};
    }
    case Event::WentDown:
      if (!event.AsWentDown()->down) return error{"kind.fault", "WentDown without a downtime"};
      went_down(state, *event.AsWentDown()->down, evo);
      return {};
    case Event::CameUp:
      came_up(state, *event.AsCameUp(), evo);
      return {};
    case Event::DowntimeReversed:
      reversed(state, *event.AsDowntimeReversed(), evo);
      return {};
    case Event::MaintenancePlanned:
      if (!event.AsMaintenancePlanned()->maintenance)
        return error{"kind.fault", "MaintenancePlanned without an order"};
      state.maintenance.push_back(*event.AsMaintenancePlanned()->maintenance);
      return {};
    case Event::MaintenanceStarted:
      if (auto* m = find_maintenance(state, event.AsMaintenanceStarted()->order))
        m->status = MaintenanceStatus::in_progress;
      return {};
    case Event::MaintenanceCompleted:
      maintenance_over(state, event.AsMaintenanceCompleted()->order, MaintenanceStatus::completed,
                       event.AsMaintenanceCompleted()->result, evo);
      return {};
    case Event::MaintenanceCancelled:
      maintenance_over(state, event.AsMaintenanceCancelled()->order, MaintenanceStatus::cancelled,
                       event.AsMaintenanceCancelled()->reason, evo);
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
