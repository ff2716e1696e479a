// Samples of an inspection lot: asked of the batch, which alone decides on its stock.
#include "actors/batch.hpp"
#include "actors/draft.hpp"
#include "actors/inspection_parts.hpp"

namespace millrace::actors::inspections {

namespace lots = millrace::inspection;
namespace lot = millrace::batch;
using lots::Refusal;
using lots::Status;

namespace {

constexpr std::size_t samples_max = 200;

}  // namespace

std::optional<std::pair<Refusal, std::string>> not_testing(const lots::StateT& state) {
  switch (state.status) {
    case Status::created:
      return std::pair{Refusal::not_released, std::string("The lot is not released.")};
    case Status::usage_decided:
      return std::pair{Refusal::decided, std::string("The usage has been decided.")};
    case Status::cancelled:
      return std::pair{Refusal::cancelled, std::string("The lot is cancelled.")};
    case Status::released:
    case Status::results_recorded:
      return std::nullopt;
  }
  return std::nullopt;
}

made draw_sample(const lots::StateT& state, const lots::DrawSampleT& c, context& ctx) {
  if (state.pending) return made::refuse(Refusal::busy, "The lot waits for its batch.");
  if (const auto why = not_testing(state)) return made::refuse(why->first, why->second);
  for (const auto& one : state.samples)
    if (one.sample == c.sample)
      return made::refuse(Refusal::sample_exists, "Sample " + c.sample + " was drawn before.");
  if (state.samples.size() >= samples_max)
    return made::refuse(Refusal::results_full, "The lot has its most samples.");
  lots::SampleRequestedT event;
  event.sample = std::make_unique<lots::SampleT>();
  event.sample->sample = c.sample;
  event.sample->quantity = c.quantity;
  event.sample->unit = c.unit;
  event.sample->serials = c.serials;
  event.sample->by = who_of(ctx, c.person);
  event.command = ctx.command_id();
  lot::PostMovementT ask;
  ask.posting = std::string(ctx.id()) + '/' + c.sample;
  ask.movement = "331";
  ask.quantity = c.quantity;
  ask.unit = c.unit;
  ask.location = c.location;
  ask.serials = c.serials;
  ask.reason = "sample " + c.sample + " of inspection " + std::string(ctx.id());
  made d;
  d.emit(std::move(event));
  d.ask<lot::schema>(state.batch, ask, ask_sample, Lane::release);
  return std::move(d.wait());
}

made drawn(const lots::StateT& state, const answer& a) {
  made d;
  if (!state.pending || !state.drawing) return d;
  const auto command = state.pending->id;
  if (!a.granted()) {
    lots::SampleRefusedT event;
    event.sample = state.drawing->sample;
    event.code = a.code;
    event.detail = a.detail;
    d.emit(std::move(event));
    d.settle_refused(command, a.code, a.detail);
    return d;
  }
  lots::SampleDrawnT event;
  event.sample = std::make_unique<lots::SampleT>(*state.drawing);
  d.emit(std::move(event));
  d.settle(command);
  return d;
}

}  // namespace millrace::actors::inspections
