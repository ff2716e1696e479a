// What a system reports is kept until what is in flight to it is known, and then compared line by
// line with the lots as they are at that moment. What it did not name is compared at the end.
#include "actors/stock_reconciliation_parts.hpp"

#include <algorithm>

#include "actors/material.hpp"
#include "actors/stock.hpp"
#include "schemas/production/production_confirmation_kind.hpp"

namespace millrace::actors::reconciliations {

namespace {

namespace pc = millrace::production_confirmation;

constexpr std::uint32_t found_max = 1000;

struct lot_reference {
  using schema = lot::schema;
};
struct posting_reference {
  using schema = pc::schema;
};

std::string tag_of(std::string_view what, System system, std::uint32_t part) {
  return std::string(what) + '\x1f' + EnumNameSystem(system) + '\x1f' + std::to_string(part);
}

const sr::WaitingT* find_waiting(const sr::StateT& state, System system, std::uint32_t part) {
  for (const auto& one : state.waiting)
    if (one.system == system && one.part == part) return &one;
  return nullptr;
}

/// Quantity in the lot's unit; as it is where the unit is not known.
decimal in_unit_of(step& s, const lot::StateT& state, decimal quantity, const std::string& unit) {
  if (unit.empty() || unit == state.unit) return quantity;
  const auto* known = s.ctx.look_up<material>(state.material);
  const auto converted = known ? convert(*known, quantity, unit, state.unit) : std::nullopt;
  return converted.value_or(quantity);
}

/// Gives the line its number in the ledger: the open difference of the same line, or a new one.
void number_line(step& s, System system, sr::ComparedT& line, std::uint32_t& next) {
  const auto row =
      s.ctx.row<sr::LineRowT>("lines", line_key(system, line.batch, line.location, line.type));
  if (row && row->difference != 0)
    line.number = row->difference;
  else if (!line.difference.is_zero())
    line.number = ++next;
}

sr::ComparedT compared(step& s, System system, const sr::LineT& reported,
                       const std::vector<sr::FlightT>& flights) {
  sr::ComparedT out;
  out.batch = reported.batch;
  out.material = reported.material;
  out.location = reported.location;
  out.type = reported.type;
  out.unit = reported.unit;
  out.theirs = reported.quantity;
  const auto* state = s.ctx.look_up<lot_reference>(reported.batch);
  decimal flight;
  bool refused = false;
  if (state != nullptr) {
    out.theirs = in_unit_of(s, *state, reported.quantity, reported.unit);
    out.unit = state->unit;
    if (out.material.empty()) out.material = state->material;
    for (const auto& one : flights) {
      if (one.batch != reported.batch) continue;
      flight += in_unit_of(s, *state, one.quantity, one.unit);
      refused |= one.refused;
    }
  }
  compare(out, state, system, flight, refused, s.next.tolerance);
  return out;
}

void compare_part(step& s, System system, std::uint32_t part,
                  const std::vector<sr::LineT>& reported) {
  const auto flights = find_waiting(s.next, system, part)->flights;
  sr::PartComparedT event;
  event.system = system;
  event.part = part;
  auto next = s.next.differences;
  for (const auto& line : reported) {
    if (!s.next.material.empty() && !line.material.empty() && line.material != s.next.material)
      continue;
    event.lines.push_back(compared(s, system, line, flights));
    number_line(s, system, event.lines.back(), next);
  }
  s.emit(std::move(event));
}

/// The report is complete and compared: what the system did not name is looked for.
void look_for_the_rest(step& s, System system) {
  const auto* source = find_source(s.next, system);
  if (source == nullptr || !source->last || source->status != sr::SourceStatus::reporting) return;
  for (const auto& one : s.next.waiting)
    if (one.system == system) return;
  std::vector<std::pair<std::string, std::string>> filters;
  if (!s.next.material.empty()) filters.emplace_back("material", s.next.material);
  s.d.find("batch", std::move(filters), tag_of("lots", system, s.next.run), found_max);
}

/// Reported in this run, at a place or over all of them.
bool reported(step& s, System system, std::string_view batch, const lot::StateT& state,
              lot::StockType type) {
  const auto at = [&](std::string_view location) {
    const auto row = s.ctx.row<sr::LineRowT>("lines", line_key(system, batch, location, type));
    return row && row->run == s.next.run;
  };
  return at({}) ||
         std::ranges::any_of(state.stock, [&](const auto& line) { return at(line.location); });
}

}  // namespace

made report_stock(step& s, const sr::ReportStockT& c) {
  if (!s.ctx.from().speaks_for(c.system))
    return made::refuse_with(
        "command.not_owner",
        std::string("The stock of the ") + EnumNameSystem(c.system) + " is reported by itself.");
  if (s.next.status != sr::Status::collecting || c.run != s.next.run)
    return made::refuse(sr::Refusal::run_unknown,
                        "Run " + std::to_string(c.run) + " is not under way.");
  const auto* source = find_source(s.next, c.system);
  const bool open =
      source != nullptr && !source->last &&
      (source->status == sr::SourceStatus::asked || source->status == sr::SourceStatus::reporting);
  if (!open)
    return made::refuse(sr::Refusal::not_asked, "It was not asked, or its report is complete.");
  if (c.part != source->parts + 1)
    return made::refuse(sr::Refusal::part_order,
                        "The next part is " + std::to_string(source->parts + 1) + '.');
  sr::PartReportedT event;
  event.system = c.system;
  event.part = c.part;
  event.last = c.last;
  event.as_of = c.as_of;
  event.lines = c.lines;
  s.emit(std::move(event));
  // Only the ERP gets postings from here; the others know what they report themselves.
  if (c.system == System::erp) {
    s.d.find("production_confirmation", {{"backlog", "open"}}, tag_of("open", c.system, c.part),
             found_max);
    s.d.find("production_confirmation", {{"backlog", "refused"}},
             tag_of("refused", c.system, c.part), found_max);
    return s.done();
  }
  compare_part(s, c.system, c.part, c.lines);  // the row is there when this has been decided
  look_for_the_rest(s, c.system);
  return s.done();
}

made flight_found(step& s, System system, std::uint32_t part, const answer& a) {
  if (find_waiting(s.next, system, part) == nullptr) return s.done();
  sr::FlightSeenT event;
  event.system = system;
  event.part = part;
  for (const auto id : a.found) {
    const auto* known = s.ctx.look_up<posting_reference>(id);
    if (known == nullptr) continue;
    for (const auto& one : known->open) {
      if (one.batch.empty()) continue;
      auto& flight = event.flights.emplace_back();
      flight.batch = one.batch;
      flight.quantity = -one.quantity;
      flight.unit = one.unit;
      flight.refused = one.status == millrace::order::PostingStatus::refused;
    }
  }
  s.emit(std::move(event));
  if (find_waiting(s.next, system, part)->answers < 2) return s.done();
  const auto row = s.ctx.row<sr::PartRowT>("parts", part_key(system, part));
  compare_part(s, system, part, row ? row->lines : std::vector<sr::LineT>());
  look_for_the_rest(s, system);
  return s.done();
}

made lots_found(step& s, System system, const answer& a) {
  const auto* source = find_source(s.next, system);
  if (source == nullptr || source->status != sr::SourceStatus::reporting) return s.done();
  sr::PartComparedT event;
  event.system = system;
  event.truncated = a.truncated;
  auto next = s.next.differences;
  for (const auto id : a.found) {
    const auto* state = s.ctx.look_up<lot_reference>(id);
    if (state == nullptr) continue;
    for (const auto type : lot::EnumValuesStockType()) {
      if (reported(s, system, id, *state, type)) continue;
      sr::ComparedT missing;
      missing.batch = id;
      missing.material = state->material;
      missing.type = type;
      missing.unit = state->unit;
      compare(missing, state, system, {}, false, s.next.tolerance);
      if (missing.difference.is_zero()) continue;
      number_line(s, system, missing, next);
      event.lines.push_back(std::move(missing));
    }
  }
  s.emit(std::move(event));
  complete_when_done(s);
  return s.done();
}

void complete_when_done(step& s) {
  bool failed = false;
  for (const auto& one : s.next.sources) {
    if (one.status == sr::SourceStatus::asked || one.status == sr::SourceStatus::reporting) return;
    failed |= one.status == sr::SourceStatus::failed;
  }
  sr::RunCompletedT event;
  event.run = s.next.run;
  for (const auto& one : s.next.sources) {
    event.lines += one.lines;
    event.matching += one.matching;
  }
  event.accuracy = event.lines == 0
                       ? decimal::from_units(1)
                       : decimal::scaled(decimal::from_units(1), event.matching, event.lines)
                             .value_or(decimal());
  event.incomplete = failed;
  s.emit(std::move(event));
  s.d.cancel_timer("deadline");
}

}  // namespace millrace::actors::reconciliations
