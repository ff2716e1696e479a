// What the MES and the historian report of a run. Nothing is thrown away: what lies outside the
// recipe's limits is recorded and becomes a deviation, what comes too early waits, what comes after
// closing waits until quality opens the record.
#include <algorithm>

#include "actors/batch_run_parts.hpp"

namespace millrace::actors::run_parts {

namespace {

timestamp when(timestamp occurred, context& ctx) { return occurred.given() ? occurred : ctx.now(); }

bool outside(const decimal& value, const br::ParameterStateT& p) {
  return (p.lower && value < *p.lower) || (p.upper && value > *p.upper);
}

br::DeviationT deviation_of(const br::ParameterStateT& p, std::string id, const decimal& value,
                            timestamp at, std::string by) {
  br::DeviationT out;
  out.deviation = std::move(id);
  out.parameter = p.parameter;
  out.phase = p.phase;
  out.value = std::make_unique<decimal>(value);
  out.lower = copy(p.lower);
  out.upper = copy(p.upper);
  out.unit = p.unit;
  out.text = p.parameter + " is " + value.to_string() + (p.unit.empty() ? "" : ' ' + p.unit) +
             ", allowed are " + (p.lower ? p.lower->to_string() : "any") + " to " +
             (p.upper ? p.upper->to_string() : "any");
  out.at = at;
  out.by = std::move(by);
  return out;
}

void deviate(made& d, br::DeviationT deviation) {
  br::DeviationFoundT event;
  event.deviation = std::make_unique<br::DeviationT>(std::move(deviation));
  d.emit(std::move(event));
}

std::optional<made> wrong_unit(const br::ParameterStateT* p, const std::string& unit) {
  if (p == nullptr || p->unit == unit) return std::nullopt;
  return made::refuse(br::Refusal::unit_mismatch,
                      p->parameter + " is kept in " + (p->unit.empty() ? "no unit" : p->unit) +
                          ", the value is in " + (unit.empty() ? "none" : unit) + '.');
}

}  // namespace

made report_state(const br::StateT& state, const br::ReportStateT& c, context& ctx) {
  const auto print = print_of(c);
  if (auto done = answered(state, "state", c.report, print, ctx)) return std::move(*done);
  if (c.status == state.status) return {};
  if (!may_become(state.status, c.status)) {
    const auto words = std::string("The run is ") + br::EnumNameStatus(state.status) +
                       "; it cannot become " + br::EnumNameStatus(c.status) + " from there.";
    const bool ended = state.status == br::Status::complete || state.status == br::Status::aborted;
    return made::park(ended ? br::Refusal::ended : br::Refusal::transition_not_allowed, words);
  }
  br::StateChangedT event;
  event.report = c.report;
  event.from = state.status;
  event.to = c.status;
  event.reason = c.reason;
  event.at = when(c.occurred_at, ctx);
  event.by = by_whom(ctx, c.person);
  event.print = print;
  made d;
  d.emit(std::move(event));
  return d;
}

made report_phase(const br::StateT& state, const br::ReportPhaseT& c, context& ctx) {
  const auto print = print_of(c);
  if (auto done = answered(state, "phase", c.report, print, ctx)) return std::move(*done);
  const auto phase =
      std::ranges::find_if(state.phases, [&](const auto& p) { return p.phase == c.phase; });
  if (phase == state.phases.end())
    return made::park(br::Refusal::phase_unknown, "The recipe has no phase " + c.phase + '.');
  br::PhaseReportedT event;
  event.report = c.report;
  event.phase = c.phase;
  event.status = c.status;
  event.equipment = c.equipment;
  event.at = when(c.occurred_at, ctx);
  event.by = by_whom(ctx, c.person);
  event.print = print;
  const auto at = event.at;
  made d;
  d.emit(std::move(event));
  const bool reached = phase->milestone && c.status == br::PhaseStatus::completed &&
                       phase->status != br::PhaseStatus::completed &&
                       state.milestones.size() < milestones_max;
  if (reached) {
    br::MilestoneReachedT milestone;
    milestone.milestone = c.phase;
    milestone.at = at;
    d.emit(std::move(milestone));
  }
  return d;
}

made report_parameter(const br::StateT& state, const br::ReportParameterT& c, context& ctx) {
  const auto print = print_of(c);
  if (auto done = answered(state, "parameter", c.report, print, ctx)) return std::move(*done);
  if (!c.set && !c.actual)
    return made::refuse(br::Refusal::value_missing, "A set or an actual value is needed.");
  const auto* known = find_parameter(state, c.parameter, c.phase);
  if (auto bad = wrong_unit(known, c.unit)) return std::move(*bad);
  if (known == nullptr && state.parameters.size() >= parameters_max)
    return made::park(br::Refusal::too_large, "The run has its most parameters.");
  br::ParameterReportedT event;
  event.report = c.report;
  event.parameter = c.parameter;
  event.phase = known ? known->phase : c.phase;
  event.set = copy(c.set);
  event.actual = copy(c.actual);
  event.unit = c.unit;
  event.at = when(c.occurred_at, ctx);
  event.instrument = c.instrument;
  event.by = by_whom(ctx, c.person);
  event.print = print;
  const auto at = event.at;
  made d;
  d.emit(std::move(event));
  if (known == nullptr) return d;
  const auto& worst = c.actual && outside(*c.actual, *known) ? c.actual : c.set;
  if (worst && outside(*worst, *known))
    deviate(d, deviation_of(*known, "parameter~" + c.report, *worst, at, by_whom(ctx, c.person)));
  return d;
}

made report_deviation(const br::StateT& state, const br::ReportDeviationT& c, context& ctx) {
  const auto print = print_of(c);
  if (auto done = answered(state, "person", c.report, print, ctx)) return std::move(*done);
  br::DeviationReportedT event;
  event.report = c.report;
  event.print = print;
  event.deviation = std::make_unique<br::DeviationT>();
  event.deviation->deviation = "person~" + c.report;
  event.deviation->phase = c.phase;
  event.deviation->text = c.text;
  event.deviation->at = when(c.occurred_at, ctx);
  event.deviation->by = by_whom(ctx, c.person);
  made d;
  d.emit(std::move(event));
  return d;
}

made assess_deviation(const br::StateT& state, const br::AssessDeviationT& c, context& ctx) {
  if (state.closed)
    return made::refuse(br::Refusal::closed, "The record is closed; open it again first.");
  const auto row = ctx.row<br::DeviationRowT>("deviations", c.deviation);
  if (!row || !row->deviation || row->deviation->status != br::DeviationStatus::open)
    return made::refuse(br::Refusal::deviation_unknown,
                        "No deviation " + c.deviation + " is open.");
  br::DeviationAssessedT event;
  event.deviation = c.deviation;
  event.accepted = c.accepted;
  event.reason = c.reason;
  event.by = by_whom(ctx);
  made d;
  d.emit(std::move(event));
  tell_releases(d, state, ctx);
  return d;
}

made report_milestone(const br::StateT& state, const br::ReportMilestoneT& c, context& ctx) {
  const auto print = print_of(c);
  if (auto done = answered(state, "milestone", c.report, print, ctx)) return std::move(*done);
  if (state.milestones.size() >= milestones_max)
    return made::park(br::Refusal::too_large, "The run has its most milestones.");
  br::MilestoneReachedT event;
  event.report = c.report;
  event.milestone = c.milestone;
  event.at = when(c.occurred_at, ctx);
  event.print = print;
  made d;
  d.emit(std::move(event));
  return d;
}

namespace {

/// The parameter that a window is of: the one that it names, else the one that has its tag.
const br::ParameterStateT* measured(const br::StateT& state, const br::RecordWindowT& c) {
  if (!c.parameter.empty()) return find_parameter(state, c.parameter, {});
  for (const auto& one : state.parameters)
    if (!one.tag.empty() && one.tag == c.tag) return &one;
  return nullptr;
}

bool is_sha256(std::string_view text) {
  return text.size() == 64 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

made record_window(const br::StateT& state, const br::RecordWindowT& c, context& ctx) {
  const auto print = print_of(c);
  if (auto done = answered(state, "window", c.report, print, ctx)) return std::move(*done);
  if (c.to < c.from)
    return made::refuse(br::Refusal::window_invalid, "The window ends before it begins.");
  if (!is_sha256(c.sha256))
    return made::refuse(br::Refusal::hash_invalid, "A SHA-256 has 64 digits 0-9a-f.");
  const auto* known = measured(state, c);
  const bool has_values = c.minimum || c.maximum || c.mean;
  if (auto bad = has_values ? wrong_unit(known, c.unit) : std::nullopt) return std::move(*bad);
  br::WindowRecordedT event;
  event.report = c.report;
  event.tag = c.tag;
  event.parameter = known ? known->parameter : c.parameter;
  event.from = c.from;
  event.to = c.to;
  event.samples = c.samples;
  event.minimum = copy(c.minimum);
  event.maximum = copy(c.maximum);
  event.mean = copy(c.mean);
  event.spread = copy(c.spread);
  event.unit = c.unit;
  event.sha256 = c.sha256;
  event.source = c.source;
  event.print = print;
  made d;
  d.emit(std::move(event));
  if (known == nullptr) return d;
  const bool low = c.minimum && outside(*c.minimum, *known);
  const auto& worst = low ? c.minimum : c.maximum;
  if (worst && outside(*worst, *known))
    deviate(d, deviation_of(*known, "window~" + c.report, *worst, c.to, by_whom(ctx)));
  return d;
}

}  // namespace millrace::actors::run_parts
