// The arithmetic behind stock.hpp. Where a partial hold does not say which stock it means, it
// counts against unrestricted stock: less is granted than might be, never more.
#include "actors/stock.hpp"

#include <algorithm>

namespace millrace::actors {

namespace {

constexpr decimal zero{};

/// A future hold holds nothing yet.
bool in_force(const lot::HoldEntryT& hold) { return hold.status != lot::HoldStatus::future; }

bool partial(const lot::HoldEntryT& hold) {
  return hold.quantity || !hold.serials.empty() || !hold.location.empty();
}

bool released(const lot::StateT& state) {
  return state.quality == lot::Quality::released ||
         state.quality == lot::Quality::conditionally_released;
}

std::string stock_blocker_by(const lot::StateT& state) {
  for (const auto& inspected : state.lots)
    if (inspected.open) return "inspection/" + inspected.inspection;
  return "quality";
}

}  // namespace

decimal stock_of(const lot::StateT& state, lot::StockType type) {
  decimal sum;
  for (const auto& line : state.stock)
    if (line.type == type) sum += line.quantity;
  return sum;
}

decimal stock_total(const lot::StateT& state) {
  decimal sum;
  for (const auto& line : state.stock) sum += line.quantity;
  return sum;
}

decimal reserved_total(const lot::StateT& state) {
  decimal sum;
  for (const auto& one : state.reservations) sum += one.quantity;
  return sum;
}

decimal allocated_total(const lot::StateT& state) {
  decimal sum;
  for (const auto& one : state.allocations) sum += one.quantity;
  return sum;
}

bool held_whole(const lot::StateT& state) {
  return std::any_of(state.holds.begin(), state.holds.end(),
                     [](const auto& hold) { return in_force(hold) && !partial(hold); });
}

bool any_hold(const lot::StateT& state) {
  return std::any_of(state.holds.begin(), state.holds.end(), in_force);
}

bool held_at(const lot::StateT& state, std::string_view location) {
  return std::any_of(state.holds.begin(), state.holds.end(), [&](const auto& hold) {
    return in_force(hold) &&
           (!partial(hold) || (!hold.location.empty() && hold.location == location));
  });
}

bool held_serial(const lot::StateT& state, std::string_view serial) {
  return std::any_of(state.holds.begin(), state.holds.end(), [&](const auto& hold) {
    return in_force(hold) &&
           std::find(hold.serials.begin(), hold.serials.end(), serial) != hold.serials.end();
  });
}

decimal held_quantity(const lot::StateT& state) {
  decimal sum;
  for (const auto& hold : state.holds) {
    if (!in_force(hold)) continue;
    if (hold.quantity) sum += *hold.quantity;
    sum += decimal::from_units(static_cast<std::int64_t>(hold.serials.size()));
  }
  return sum;
}

decimal free_unrestricted(const lot::StateT& state) {
  if (held_whole(state)) return zero;
  decimal sum;
  for (const auto& line : state.stock)
    if (line.type == lot::StockType::unrestricted && !held_at(state, line.location))
      sum += line.quantity;
  return std::max(zero, sum - held_quantity(state));
}

decimal allocatable_of(const lot::StateT& state) {
  if (state.expired || !released(state) || !state.awaiting.empty()) return zero;
  const auto granted = reserved_total(state) + allocated_total(state);
  auto free = free_unrestricted(state) - granted;
  if (state.quality == lot::Quality::conditionally_released && state.concession &&
      state.concession->quantity)
    free = std::min(free, *state.concession->quantity - state.conceded - granted);
  return std::max(zero, free);
}

availability availability_of(const lot::StateT& state) {
  availability out;
  out.allocatable = allocatable_of(state);
  for (const auto& hold : state.holds) {
    if (!in_force(hold)) continue;
    const auto who = system_name(hold_authority(hold.type));
    out.blockers.push_back({"batch.held", "hold/" + hold.hold, hold.placed_at, std::string(who)});
  }
  if (!released(state))
    out.blockers.push_back({"batch.not_released", stock_blocker_by(state), {}, "qms"});
  if (state.expired) out.blockers.push_back({"batch.expired", "expiry", state.expires, "qms"});
  for (const auto& input : state.awaiting)
    out.blockers.push_back({"batch.genealogy_pending", "batch/" + input, {}, "mes"});
  const auto in_inspection = stock_of(state, lot::StockType::quality_inspection);
  if (released(state) && in_inspection.is_positive())
    out.blockers.push_back({"batch.inspection_stock", stock_blocker_by(state), {}, "qms"});
  for (const auto& one : state.allocations)
    out.blockers.push_back({"batch.allocated", "shipment/" + one.shipment, one.at, "wms"});
  for (const auto& one : state.reservations)
    out.blockers.push_back({"batch.reserved", "order/" + one.order, one.at, "erp"});
  if (stock_of(state, lot::StockType::unrestricted).is_zero() && in_inspection.is_zero())
    out.blockers.push_back({"batch.short_stock", "stock", {}, "erp"});
  return out;
}

System hold_authority(lot::HoldType type) {
  switch (type) {
    case lot::HoldType::quality:
      return System::qms;
    case lot::HoldType::production:
      return System::mes;
    case lot::HoldType::logistics:
      return System::wms;
    case lot::HoldType::regulatory:
      return System::qms;
    case lot::HoldType::supplier:
      return System::sqm;
  }
  return System::qms;
}

std::string_view system_name(System system) {
  return system == System::none ? std::string_view() : std::string_view(EnumNameSystem(system));
}

void add_stock_lines(std::string_view batch, const lot::StateT& state, const stock_filter& filter,
                     std::vector<stock_line>& out) {
  if (!filter.batch.empty() && filter.batch != batch) return;
  if (!filter.material.empty() && filter.material != state.material) return;
  auto reserved = reserved_total(state);
  auto allocated = allocated_total(state);
  auto allocatable = allocatable_of(state);
  for (const auto& stock : state.stock) {
    stock_line line;
    line.batch = batch;
    line.material = state.material;
    line.location = stock.location;
    line.unit = state.unit;
    line.type = stock.type;
    line.quality = state.quality;
    line.quantity = stock.quantity;
    line.held = held_at(state, stock.location);
    if (stock.type == lot::StockType::unrestricted) {
      line.allocated = std::min(allocated, stock.quantity);
      line.reserved = std::min(reserved, stock.quantity - line.allocated);
      line.allocatable = std::min(allocatable, stock.quantity - line.allocated - line.reserved);
      allocated -= line.allocated;
      reserved -= line.reserved;
      allocatable -= line.allocatable;
    }
    if (!filter.location.empty() && filter.location != line.location) continue;
    if (filter.type && *filter.type != line.type) continue;
    out.push_back(std::move(line));
  }
}

stock_sum sum_of(const std::vector<stock_line>& lines) {
  stock_sum sum;
  for (const auto& line : lines) {
    sum.quantity += line.quantity;
    sum.reserved += line.reserved;
    sum.allocated += line.allocated;
    sum.allocatable += line.allocatable;
  }
  return sum;
}

}  // namespace millrace::actors
