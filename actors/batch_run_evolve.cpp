// How a run follows from its events, and the entry of the record that each of them makes.
#include <algorithm>

#include "actors/batch_run_parts.hpp"

namespace millrace::actors {

namespace run_parts {

record_entry closing_entry(const br::ClosedT& event, timestamp at) {
  record_entry entry("closed", at);
  entry.text("reason", event.reason).text("by", event.by);
  entry.text("entries", std::to_string(event.entries));
  return entry;
}

namespace {

void record(br::StateT& state, evolution& evo, const record_entry& entry) {
  br::EntryRowT row;
  row.json = entry.json();
  const auto before =
      state.record_hash.empty() ? first_record_hash : std::string_view(state.record_hash);
  row.hash = next_record_hash(before, row.json);
  state.record_hash = row.hash;
  evo.put_row("record", number_key(++state.entries), row);
}

void remember(evolution& evo, std::string_view what, const std::string& report, hash128 print) {
  br::ReportRowT row;
  row.print = print;
  evo.put_row("reports", std::string(what) + '~' + report, row);
}

void created(br::StateT& state, const br::CreatedT& e, evolution& evo) {
  state.order = e.order;
  state.recipe = e.recipe;
  state.revision = e.revision;
  state.material = e.material;
  state.quantity = e.quantity;
  state.unit = e.unit;
  state.equipment = e.equipment;
  state.phases = e.phases;
  state.parameters = e.parameters;
  state.mes_id = e.mes_id;
  state.erp_id = e.erp_id;
  state.since = evo.stamp();
  record_entry head("created", evo.stamp());
  head.text("order", e.order).text("recipe", e.recipe).text("revision", e.revision);
  head.text("material", e.material).number("quantity", e.quantity).text("unit", e.unit);
  head.text("equipment", e.equipment).text("by", e.by).text("mes_id", e.mes_id);
  head.text("approved_by", e.approved_by).time("approved_at", e.approved_at);
  record(state, evo, head);
  for (const auto& p : e.parameters) {
    record_entry limit("limit", evo.stamp());
    limit.text("parameter", p.parameter).text("phase", p.phase).text("unit", p.unit);
    limit.number("target", p.target).number("lower", p.lower).number("upper", p.upper);
    if (p.critical) limit.text("critical", "true");
    record(state, evo, limit);
  }
}

void state_changed(br::StateT& state, const br::StateChangedT& e, evolution& evo) {
  state.status = e.to;
  state.reason = e.reason;
  state.since = e.at;
  if (e.from == br::Status::idle) state.started_at = e.at;
  if (is_over(e.to)) state.ended_at = e.at;
  remember(evo, "state", e.report, e.print);
  record_entry entry("state", evo.stamp());
  entry.text("report", e.report).text("from", br::EnumNameStatus(e.from));
  entry.text("to", br::EnumNameStatus(e.to)).text("reason", e.reason);
  record(state, evo, entry.time("at", e.at).text("by", e.by));
}

void phase_reported(br::StateT& state, const br::PhaseReportedT& e, evolution& evo) {
  for (auto& phase : state.phases) {
    if (phase.phase != e.phase) continue;
    phase.status = e.status;
    if (!e.equipment.empty()) phase.equipment = e.equipment;
    if (e.status == br::PhaseStatus::running && !phase.started.given()) phase.started = e.at;
    if (e.status == br::PhaseStatus::completed || e.status == br::PhaseStatus::stopped)
      phase.ended = e.at;
  }
  remember(evo, "phase", e.report, e.print);
  record_entry entry("phase", evo.stamp());
  entry.text("report", e.report).text("phase", e.phase).text("equipment", e.equipment);
  entry.text("status", br::EnumNamePhaseStatus(e.status));
  record(state, evo, entry.time("at", e.at).text("by", e.by));
}

br::ParameterStateT& parameter_in(br::StateT& state, const br::ParameterReportedT& e) {
  for (auto& one : state.parameters)
    if (one.parameter == e.parameter && one.phase == e.phase) return one;
  auto& one = state.parameters.emplace_back();
  one.parameter = e.parameter;
  one.phase = e.phase;
  one.unit = e.unit;
  one.unplanned = true;
  return one;
}

void parameter_reported(br::StateT& state, const br::ParameterReportedT& e, evolution& evo) {
  auto& parameter = parameter_in(state, e);
  if (e.set) parameter.set = copy(e.set);
  if (e.actual) parameter.actual = copy(e.actual);
  ++parameter.values;
  remember(evo, "parameter", e.report, e.print);
  record_entry entry("parameter", evo.stamp());
  entry.text("report", e.report).text("parameter", e.parameter).text("phase", e.phase);
  entry.number("set", e.set).number("actual", e.actual).text("unit", e.unit);
  record(state, evo, entry.time("at", e.at).text("instrument", e.instrument).text("by", e.by));
}

void deviated(br::StateT& state, const br::DeviationT& deviation, evolution& evo) {
  ++state.deviations;
  ++state.deviations_open;
  for (auto& one : state.parameters)
    if (!deviation.parameter.empty() && one.parameter == deviation.parameter &&
        one.phase == deviation.phase)
      ++one.deviations;
  br::DeviationRowT row;
  row.deviation = std::make_unique<br::DeviationT>(deviation);
  evo.put_row("deviations", deviation.deviation, row);
  record_entry entry("deviation", evo.stamp());
  entry.text("deviation", deviation.deviation).text("parameter", deviation.parameter);
  entry.text("phase", deviation.phase).number("value", deviation.value);
  entry.number("lower", deviation.lower).number("upper", deviation.upper);
  entry.text("unit", deviation.unit).text("text", deviation.text);
  record(state, evo, entry.time("at", deviation.at).text("by", deviation.by));
}

void assessed(br::StateT& state, const br::DeviationAssessedT& e, evolution& evo) {
  if (state.deviations_open > 0) --state.deviations_open;
  if (!e.accepted) ++state.deviations_rejected;
  if (auto row = evo.row<br::DeviationRowT>("deviations", e.deviation); row && row->deviation) {
    row->deviation->status =
        e.accepted ? br::DeviationStatus::accepted : br::DeviationStatus::rejected;
    row->deviation->assessed_by = e.by;
    row->deviation->reason = e.reason;
    evo.put_row("deviations", e.deviation, *row);
  }
  record_entry entry("assessment", evo.stamp());
  entry.text("deviation", e.deviation).text("accepted", e.accepted ? "true" : "false");
  record(state, evo, entry.text("reason", e.reason).text("by", e.by));
}

void milestone_reached(br::StateT& state, const br::MilestoneReachedT& e, evolution& evo) {
  auto& milestone = state.milestones.emplace_back();
  milestone.milestone = e.milestone;
  milestone.at = e.at;
  if (!e.report.empty()) remember(evo, "milestone", e.report, e.print);
  record_entry entry("milestone", evo.stamp());
  record(state, evo,
         entry.text("report", e.report).text("milestone", e.milestone).time("at", e.at));
}

void window_recorded(br::StateT& state, const br::WindowRecordedT& e, evolution& evo) {
  ++state.windows;
  remember(evo, "window", e.report, e.print);
  record_entry entry("window", evo.stamp());
  entry.text("report", e.report).text("tag", e.tag).text("parameter", e.parameter);
  entry.time("from", e.from).time("to", e.to).text("samples", std::to_string(e.samples));
  entry.number("minimum", e.minimum).number("maximum", e.maximum).number("mean", e.mean);
  entry.number("spread", e.spread).text("unit", e.unit).text("sha256", e.sha256);
  record(state, evo, entry.text("source", e.source));
}

void add_to_lot(std::vector<br::LotT>& lots, const br::MaterialNotedT& e, decimal quantity) {
  for (auto& lot : lots)
    if (lot.batch == e.batch && lot.unit == e.unit) {
      lot.quantity += quantity;
      return;
    }
  auto& lot = lots.emplace_back();
  lot.batch = e.batch;
  lot.material = e.material;
  lot.quantity = quantity;
  lot.unit = e.unit;
}

bool is_open(br::MaterialStatus status) {
  return status == br::MaterialStatus::reported || status == br::MaterialStatus::parked;
}

void material_noted(br::StateT& state, const br::MaterialNotedT& e, evolution& evo) {
  auto& lots = e.movement == br::Movement::consumption ? state.inputs : state.outputs;
  if (e.status == br::MaterialStatus::posted) add_to_lot(lots, e, e.quantity);
  if (e.status == br::MaterialStatus::reversed && e.was == br::MaterialStatus::posted)
    add_to_lot(lots, e, -e.quantity);
  std::erase_if(lots, [](const auto& lot) { return lot.quantity.is_zero(); });
  if (e.direct && is_open(e.was) && !is_open(e.status) && state.materials_open > 0)
    --state.materials_open;
  br::MaterialRowT row;
  row.status = e.status;
  row.material = e.material;
  row.batch = e.batch;
  row.quantity = e.quantity;
  row.unit = e.unit;
  row.direct = e.direct;
  row.reason = e.reason;
  evo.put_row("materials", material_key(e.movement, e.report), row);
  record_entry entry("material", evo.stamp());
  entry.text("report", e.report).text("movement", br::EnumNameMovement(e.movement));
  entry.text("status", br::EnumNameMaterialStatus(e.status)).text("material", e.material);
  entry.text("batch", e.batch).number("quantity", e.quantity).text("unit", e.unit);
  record(state, evo, entry.text("reason", e.reason));
}

void material_reported(br::StateT& state, const br::MaterialReportedT& e, evolution& evo) {
  remember(evo, br::EnumNameMovement(e.movement), e.report, e.print);
  const auto key = material_key(e.movement, e.report);
  if (evo.row<br::MaterialRowT>("materials", key)) return;  // the order has told of it before
  ++state.materials_open;
  br::MaterialRowT row;
  row.material = e.material;
  row.batch = e.batch;
  row.quantity = e.quantity;
  row.unit = e.unit;
  row.direct = true;
  evo.put_row("materials", key, row);
}

void closed(br::StateT& state, const br::ClosedT& e, evolution& evo) {
  record(state, evo, closing_entry(e, evo.stamp()));
  state.closed = true;
  state.closed_at = evo.stamp();
  ++state.record_version;
  state.copies.clear();
  for (const auto system : e.sent_to) state.copies.emplace_back().system = system;
}

void copy_ended(br::StateT& state, const br::CopyEndedT& e) {
  for (auto& one : state.copies) {
    if (one.system != e.system) continue;
    one.acknowledged = e.acknowledged;
    one.document = e.document;
    one.reason = e.reason;
  }
}

}  // namespace
}  // namespace run_parts

result<void> batch_run::evolve(schema::state& state, const schema::event& event, evolution& evo) {
  using namespace run_parts;
  using br::Event;
  switch (event.type) {
    case Event::Created:
      return created(state, *event.AsCreated(), evo), result<void>();
    case Event::StateChanged:
      return state_changed(state, *event.AsStateChanged(), evo), result<void>();
    case Event::PhaseReported:
      return phase_reported(state, *event.AsPhaseReported(), evo), result<void>();
    case Event::ParameterReported:
      return parameter_reported(state, *event.AsParameterReported(), evo), result<void>();
    case Event::DeviationFound:
      if (!event.AsDeviationFound()->deviation)
        return error{"kind.fault", "DeviationFound without a deviation"};
      return deviated(state, *event.AsDeviationFound()->deviation, evo), result<void>();
    case Event::DeviationReported: {
      const auto& e = *event.AsDeviationReported();
      if (!e.deviation) return error{"kind.fault", "DeviationReported without a deviation"};
      remember(evo, "person", e.report, e.print);
      return deviated(state, *e.deviation, evo), result<void>();
    }
    case Event::DeviationAssessed:
      return assessed(state, *event.AsDeviationAssessed(), evo), result<void>();
    case Event::MilestoneReached:
      return milestone_reached(state, *event.AsMilestoneReached(), evo), result<void>();
    case Event::WindowRecorded:
      return window_recorded(state, *event.AsWindowRecorded(), evo), result<void>();
    case Event::MaterialReported:
      return material_reported(state, *event.AsMaterialReported(), evo), result<void>();
    case Event::MaterialNoted:
      return material_noted(state, *event.AsMaterialNoted(), evo), result<void>();
    case Event::Closed:
      return closed(state, *event.AsClosed(), evo), result<void>();
    case Event::Reopened: {
      const auto& e = *event.AsReopened();
      state.closed = false;
      record_entry entry("reopened", evo.stamp());
      return record(state, evo, entry.text("reason", e.reason).text("by", e.by)), result<void>();
    }
    case Event::CopyEnded:
      return copy_ended(state, *event.AsCopyEnded()), result<void>();
    case Event::NONE:
      break;
  }
  return error{"kind.fault", "an event without a type"};
}

}  // namespace millrace::actors
