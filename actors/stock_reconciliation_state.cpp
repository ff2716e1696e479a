// How a reconciliation's state, ledger and rows follow from its events; and the comparison.
#include <algorithm>

#include "actors/stock.hpp"
#include "actors/stock_reconciliation_parts.hpp"

namespace millrace::actors {

namespace reconciliations {
namespace {

sr::SourceT* source_of(sr::StateT& state, System system) {
  for (auto& one : state.sources)
    if (one.system == system) return &one;
  return nullptr;
}

void started(sr::StateT& state, const sr::RunStartedT& e, timestamp at) {
  state.status = sr::Status::collecting;
  state.run = e.run;
  state.started_at = at;
  state.completed_at = {};
  state.material = e.material;
  state.tolerance = e.tolerance;
  state.by = e.by;
  state.lines = state.matching = 0;
  state.waiting.clear();
  state.sources.clear();
  for (const auto system : e.systems) {
    auto& one = state.sources.emplace_back();
    one.system = system;
    one.asked_at = at;
  }
}

void reported(sr::StateT& state, const sr::PartReportedT& e) {
  auto* source = source_of(state, e.system);
  if (source == nullptr) return;
  source->status = sr::SourceStatus::reporting;
  source->parts = e.part;
  source->last = e.last;
  source->as_of = e.as_of;
  auto& waiting = state.waiting.emplace_back();
  waiting.system = e.system;
  waiting.part = e.part;
}

void flight_seen(sr::StateT& state, const sr::FlightSeenT& e) {
  for (auto& one : state.waiting) {
    if (one.system != e.system || one.part != e.part) continue;
    ++one.answers;
    one.flights.insert(one.flights.end(), e.flights.begin(), e.flights.end());
  }
}

void compared(sr::StateT& state, const sr::PartComparedT& e) {
  std::erase_if(state.waiting,
                [&](const auto& one) { return one.system == e.system && one.part == e.part; });
  auto* source = source_of(state, e.system);
  if (source == nullptr) return;
  for (const auto& line : e.lines) {
    ++source->lines;
    if (line.difference.is_zero()) ++source->matching;
    if (line.number > state.differences) {
      state.differences = line.number;
      ++state.open;
    } else if (line.number != 0 && line.difference.is_zero() && state.open != 0) {
      --state.open;  // it settled itself
    }
  }
  if (e.part != 0) return;
  source->status = sr::SourceStatus::reported;
  source->truncated = e.truncated;
}

void completed(sr::StateT& state, const sr::RunCompletedT& e, timestamp at) {
  state.status = e.incomplete ? sr::Status::incomplete : sr::Status::completed;
  state.completed_at = at;
  state.lines = e.lines;
  state.matching = e.matching;
  state.accuracy = e.accuracy;
  state.waiting.clear();
}

void take(sr::StateT& state, const sr::EventUnion& event, timestamp at) {
  switch (event.type) {
    case sr::Event::NONE:
    case sr::Event::CorrectionApproved:
      return;
    case sr::Event::RunStarted:
      return started(state, *event.AsRunStarted(), at);
    case sr::Event::PartReported:
      return reported(state, *event.AsPartReported());
    case sr::Event::FlightSeen:
      return flight_seen(state, *event.AsFlightSeen());
    case sr::Event::PartCompared:
      return compared(state, *event.AsPartCompared());
    case sr::Event::SourceFailed:
      if (auto* source = source_of(state, event.AsSourceFailed()->system)) {
        source->status = sr::SourceStatus::failed;
        source->reason = event.AsSourceFailed()->reason;
      }
      return;
    case sr::Event::RunCompleted:
      return completed(state, *event.AsRunCompleted(), at);
    case sr::Event::ScheduleSet:
      state.every_s = event.AsScheduleSet()->every_s;
      if (state.status == sr::Status::collecting) return;  // of the run that is under way
      state.material = event.AsScheduleSet()->material;
      state.tolerance = event.AsScheduleSet()->tolerance;
      return;
    case sr::Event::RunPlanned:
      state.next_run_at = event.AsRunPlanned()->due;
      return;
    case sr::Event::CorrectionEnded:
      if (!event.AsCorrectionEnded()->failed && state.open != 0) --state.open;
      return;
    case sr::Event::Explained:
      if (state.open != 0) --state.open;
      return;
  }
}

/// A compared line in the ledger and in the table of lines.
void put_line(const sr::StateT& state, System system, const sr::ComparedT& line, evolution& evo) {
  sr::LineRowT row;
  row.run = state.run;
  if (line.number != 0) {
    const auto key = difference_key(line.number);
    auto entry = evo.row<sr::DifferenceRowT>("differences", key).value_or(sr::DifferenceRowT());
    if (entry.found_run == 0) {
      entry.system = system;
      entry.found_run = state.run;
      entry.found_at = evo.stamp();
    }
    entry.seen_run = state.run;
    entry.line = std::make_unique<sr::ComparedT>(line);
    if (line.difference.is_zero()) {
      entry.status = sr::DifferenceStatus::resolved;
      entry.ended_at = evo.stamp();
    } else {
      row.difference = line.number;
    }
    evo.put_row("differences", key, entry);
  }
  evo.put_row("lines", line_key(system, line.batch, line.location, line.type), row);
}

/// Ends, or changes, a difference; one that has ended is found anew by the next run.
void put_status(std::uint32_t number, sr::DifferenceStatus status, const std::string& reason,
                const std::string& by, evolution& evo) {
  const auto key = difference_key(number);
  auto entry = evo.row<sr::DifferenceRowT>("differences", key);
  if (!entry || !entry->line) return;
  entry->status = status;
  if (!reason.empty()) entry->reason = reason;
  if (!by.empty()) entry->by = by;
  const bool ended =
      status == sr::DifferenceStatus::corrected || status == sr::DifferenceStatus::explained;
  if (ended) {
    entry->ended_at = evo.stamp();
    const auto& line = *entry->line;
    const auto at = line_key(entry->system, line.batch, line.location, line.type);
    auto row = evo.row<sr::LineRowT>("lines", at).value_or(sr::LineRowT());
    row.difference = 0;
    evo.put_row("lines", at, row);
  }
  evo.put_row("differences", key, *entry);
}

void put_rows(const sr::StateT& state, const sr::EventUnion& event, evolution& evo) {
  if (const auto* part = event.AsPartReported()) {
    sr::PartRowT row;
    row.run = state.run;
    row.lines = part->lines;
    evo.put_row("parts", part_key(part->system, part->part), row);
  } else if (const auto* e = event.AsPartCompared()) {
    for (const auto& line : e->lines) put_line(state, e->system, line, evo);
    if (e->part != 0) evo.erase_row("parts", part_key(e->system, e->part));
  } else if (const auto* approved = event.AsCorrectionApproved()) {
    put_status(approved->difference, sr::DifferenceStatus::approved, approved->reason, approved->by,
               evo);
  } else if (const auto* ended = event.AsCorrectionEnded()) {
    put_status(ended->difference,
               ended->failed ? sr::DifferenceStatus::failed : sr::DifferenceStatus::corrected,
               ended->code, {}, evo);
  } else if (const auto* explained = event.AsExplained()) {
    put_status(explained->difference, sr::DifferenceStatus::explained, explained->reason,
               explained->by, evo);
  }
}

}  // namespace

void apply(sr::StateT& state, const sr::EventUnion& event, timestamp at) {
  take(state, event, at);
  state.waits_for.clear();
  if (state.status != sr::Status::collecting) return;
  for (const auto& one : state.sources)
    if (one.status == sr::SourceStatus::asked || one.status == sr::SourceStatus::reporting)
      state.waits_for.push_back(std::string(EnumNameSystem(one.system)) + ": " +
                                sr::EnumNameSourceStatus(one.status));
}

const sr::SourceT* find_source(const sr::StateT& state, System system) {
  for (const auto& one : state.sources)
    if (one.system == system) return &one;
  return nullptr;
}

std::string line_key(System system, std::string_view batch, std::string_view location,
                     lot::StockType type) {
  std::string key(EnumNameSystem(system));
  for (const auto part : {batch, location, std::string_view(lot::EnumNameStockType(type))}) {
    key += '\x1f';
    key += part;
  }
  return key;
}

std::string part_key(System system, std::uint32_t part) {
  return std::string(EnumNameSystem(system)) + '\x1f' + std::to_string(part);
}

std::string difference_key(std::uint32_t number) {
  auto digits = std::to_string(number);
  return std::string(10 - std::min<std::size_t>(10, digits.size()), '0') + digits;
}

decimal stock_as_seen(const lot::StateT& state, System system, lot::StockType type,
                      std::string_view location) {
  using enum lot::StockType;
  const bool erp = system == System::erp;
  decimal sum;
  auto part = held_quantity(state);  // of which the ERP has blocked as much
  for (const auto& line : state.stock) {
    const bool here = location.empty() || line.location == location;
    const bool free = line.type == unrestricted || line.type == quality_inspection;
    auto held = decimal();
    if (erp && free) {
      held = held_at(state, line.location) ? line.quantity : std::min(part, line.quantity);
      if (!held_at(state, line.location)) part -= held;
    }
    if (!here) continue;
    if (line.type == type) sum += line.quantity - held;
    if (type == blocked) sum += held;
  }
  return sum;
}

void compare(sr::ComparedT& line, const lot::StateT* state, System system, decimal flight,
             bool refused, decimal tolerance) {
  const auto size = [](decimal d) { return d.is_negative() ? -d : d; };
  line.ours =
      state == nullptr ? decimal() : stock_as_seen(*state, system, line.type, line.location);
  line.difference = line.theirs - line.ours;
  const auto without = line.difference - flight;
  const bool explained = !flight.is_zero() && size(without) < size(line.difference);
  if (explained) {
    line.in_flight = flight;
    line.difference = refused ? line.difference : without;
  }
  if (size(line.difference) <= tolerance) {
    line.difference = {};
    return;
  }
  if (explained && refused)
    line.cause = sr::Cause::unposted_exception;
  else
    line.cause = state == nullptr || line.theirs.is_zero() ? sr::Cause::missed_message
                                                           : sr::Cause::manual_posting;
}

}  // namespace reconciliations

result<void> stock_reconciliation::evolve(schema::state& state, const schema::event& event,
                                          evolution& evo) {
  reconciliations::apply(state, event, evo.stamp());
  reconciliations::put_rows(state, event, evo);
  return {};
}

}  // namespace millrace::actors
