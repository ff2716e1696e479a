// How an inspection lot's state follows from its events.
#include <algorithm>

#include "actors/inspection.hpp"

namespace millrace::actors {

namespace {

namespace lots = millrace::inspection;
using lots::Status;
using lots::Verdict;

std::vector<lots::CharacteristicT> to_test(
    const std::vector<millrace::material::CharacteristicT>& wanted) {
  std::vector<lots::CharacteristicT> out;
  for (const auto& one : wanted) {
    lots::CharacteristicT made;
    made.name = one.name;
    if (one.lower) made.lower = std::make_unique<decimal>(*one.lower);
    if (one.upper) made.upper = std::make_unique<decimal>(*one.upper);
    if (one.target) made.target = std::make_unique<decimal>(*one.target);
    made.unit = one.unit;
    made.text = one.text;
    made.optional = one.optional;
    out.push_back(std::move(made));
  }
  return out;
}

void wait_for_batch(lots::StateT& state, const char* what, hash128 command) {
  state.pending = std::make_unique<lots::PendingT>();
  state.pending->what = what;
  state.pending->id = command;
}

void requested(lots::StateT& state, const lots::RequestedT& e, timestamp at) {
  state = lots::StateT();
  state.batch = e.batch;
  state.plan = e.plan;
  state.revision = e.revision;
  state.retest_of = e.retest_of;
  state.characteristics = to_test(e.characteristics);
  state.sample_size = e.sample_size;
  state.origin = e.origin;
  state.erp_id = e.erp_id;
  state.qms_id = e.qms_id;
  state.created_at = at;
  wait_for_batch(state, "create", e.command);
}

void recorded(lots::StateT& state, const lots::ResultT& result) {
  state.results.push_back(result);
  for (auto& one : state.characteristics) {
    if (one.name != result.characteristic) continue;
    ++one.results;
    if (result.verdict == Verdict::fail) ++one.failed;
    one.verdict = one.failed != 0                   ? Verdict::fail
                  : result.verdict == Verdict::none ? one.verdict
                                                    : result.verdict;
  }
  const auto& all = state.characteristics;
  const bool failed = std::any_of(all.begin(), all.end(),
                                  [](const auto& one) { return one.verdict == Verdict::fail; });
  const bool passed = std::all_of(all.begin(), all.end(), [](const auto& one) {
    return one.verdict == Verdict::pass || one.optional;
  });
  state.verdict = failed ? Verdict::fail : passed ? Verdict::pass : Verdict::none;
  if (state.status == Status::released) state.status = Status::results_recorded;
}

void usage_requested(lots::StateT& state, const lots::UsageRequestedT& e) {
  wait_for_batch(state, "decide-usage", e.command);
  state.decision = e.decision;
  state.quantities = e.quantities;
  state.code = e.code;
  state.reason = e.reason;
  state.decided_by = e.by;
  state.concession =
      e.concession ? std::make_unique<millrace::batch::ConcessionT>(*e.concession) : nullptr;
}

void evolve_samples(lots::StateT& state, const lots::EventUnion& event, timestamp at) {
  state.pending.reset();
  state.drawing.reset();
  if (const auto* e = event.AsSampleRequested()) {
    wait_for_batch(state, "draw-sample", e->command);
    state.drawing = std::make_unique<lots::SampleT>(*e->sample);
  }
  if (const auto* e = event.AsSampleDrawn()) {
    state.samples.push_back(*e->sample);
    state.samples.back().at = at;
  }
}

}  // namespace

result<void> inspection::evolve(schema::state& state, const schema::event& event, evolution& evo) {
  switch (event.type) {
    case lots::Event::NONE:
      return error{"kind.fault", "an inspection has no such event"};
    case lots::Event::Requested:
      requested(state, *event.AsRequested(), evo.stamp());
      return {};
    case lots::Event::RequestRefused:
      state.pending.reset();
      state.status = Status::cancelled;
      state.refused = event.AsRequestRefused()->code;
      return {};
    case lots::Event::Created:
      state.pending.reset();
      state.status = Status::created;
      state.material = event.AsCreated()->material;
      state.quantity = event.AsCreated()->quantity;
      state.unit = event.AsCreated()->unit;
      return {};
    case lots::Event::Released: {
      const auto& e = *event.AsReleased();
      state.status = Status::released;
      state.plan = e.plan;
      state.revision = e.revision;
      state.characteristics = to_test(e.characteristics);
      state.sample_size = e.sample_size;
      return {};
    }
    case lots::Event::ResultRecorded: {
      const auto& r = *event.AsResultRecorded()->result;
      recorded(state, r);
      if (r.result.empty()) return {};
      lots::ResultRowT row;
      row.characteristic = r.characteristic;
      row.at = r.at;
      evo.put_row("results", r.result, row);
      return {};
    }
    case lots::Event::UsageRequested:
      usage_requested(state, *event.AsUsageRequested());
      return {};
    case lots::Event::UsageRefused:
      state.pending.reset();
      state.decision = millrace::batch::Decision::undecided;
      state.quantities.clear();
      state.concession.reset();
      state.decided_by.clear();
      return {};
    case lots::Event::UsageDecided:
      state.pending.reset();
      state.status = Status::usage_decided;
      state.decided_at = evo.stamp();
      return {};
    case lots::Event::SampleRequested:
    case lots::Event::SampleRefused:
    case lots::Event::SampleDrawn:
      evolve_samples(state, event, evo.stamp());
      return {};
    case lots::Event::Cancelled:
      state.status = Status::cancelled;
      state.reason = event.AsCancelled()->reason;
      return {};
  }
  return {};
}

}  // namespace millrace::actors
