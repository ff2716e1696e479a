// The batch kind's front: which part decides on which command, and what follows
// from every change.
#include "actors/batch.hpp"

#include <algorithm>

#include "actors/batch_step.hpp"

namespace millrace::actors {

namespace batches {

std::string end_name(std::string_view plant, std::string_view batch) {
  return plant.empty() ? std::string(batch) : key_of(plant, batch);
}

std::string awaited_name(std::string_view plant, std::string_view batch) {
  return plant.empty() ? std::string(batch) : std::string(plant) + '/' + std::string(batch);
}

std::string plant_seen(const context& ctx, std::string_view named) {
  const auto plant = named.empty() ? ctx.from().from_plant : named;
  return plant == ctx.plant() ? std::string() : std::string(plant);
}

std::optional<decimal> in_lot_unit(step& s, decimal quantity, std::string_view unit) {
  if (unit.empty() || unit == s.next.unit) return quantity;
  const auto* known = s.ctx.look_up<material>(s.next.material);
  return known ? convert(*known, quantity, unit, s.next.unit) : std::nullopt;
}

std::string text_of(decimal quantity, const lot::StateT& state) {
  return quantity.to_string() + ' ' + state.unit;
}

std::optional<std::vector<lot::StockLineT>> take(const lot::StateT& state, lot::StockType type,
                                                 std::string_view location, decimal quantity) {
  std::vector<lot::StockLineT> taken;
  const auto from = [&](bool exact) {
    for (const auto& line : state.stock) {
      if (line.type != type || held_at(state, line.location) || !quantity.is_positive()) continue;
      if (!location.empty() && (exact ? line.location != location : !line.location.empty()))
        continue;
      if (location.empty() && !exact) continue;
      lot::StockLineT part;
      part.location = line.location;
      part.type = type;
      part.quantity = std::min(line.quantity, quantity);
      quantity -= part.quantity;
      taken.push_back(std::move(part));
    }
  };
  from(true);
  from(false);
  if (quantity.is_positive()) return std::nullopt;
  return taken;
}

void watch_expiry(step& s) {
  if (!s.next.expires.given() || s.next.expired) return;
  if (s.next.expires > s.ctx.now()) {
    s.d.timer("expiry", s.next.expires);
    return;
  }
  lot::ExpiredT event;
  event.expires = s.next.expires;
  s.emit(std::move(event));
}

void watch_concession(step& s) {
  const auto& concession = s.next.concession;
  if (s.next.quality != lot::Quality::conditionally_released || !concession ||
      !concession->until.given())
    return;
  if (concession->until > s.ctx.now()) {
    s.d.timer("concession", concession->until);
    return;
  }
  lot::ConcessionEndedT event;
  event.concession = concession->concession;
  s.emit(std::move(event));
}

namespace {

made dispatch_movements(step& s, const lot::CommandUnion& c) {
  if (const auto* m = c.AsPostMovement()) return post_movement(s, *m);
  if (const auto* m = c.AsReverseMovement()) return reverse_movement(s, *m);
  if (const auto* m = c.AsSetRestriction()) return set_restriction(s, *m);
  if (const auto* m = c.AsSplit()) return split(s, *m);
  if (const auto* m = c.AsMerge()) return merge(s, *m);
  if (const auto* m = c.AsRegrade()) return regrade(s, *m);
  if (const auto* m = c.AsTransferPlant()) return transfer_plant(s, *m);
  if (const auto* m = c.AsTakeIn()) return take_in(s, *m);
  if (const auto* m = c.AsGiveBack()) return give_back(s, *m);
  return made::fault("a batch has no such movement");
}

made dispatch(step& s, const lot::CommandUnion& c) {
  switch (c.type) {
    case lot::Command::NONE:
      break;
    case lot::Command::Receive:
      return receive(s, *c.AsReceive());
    case lot::Command::PlaceHold:
      return place_hold(s, *c.AsPlaceHold());
    case lot::Command::ReleaseHold:
      return release_hold(s, *c.AsReleaseHold());
    case lot::Command::AdjustStock:
      return adjust_stock(s, *c.AsAdjustStock());
    case lot::Command::TransferStock:
      return transfer_stock(s, *c.AsTransferStock());
    case lot::Command::SetReference:
      return set_reference(s, *c.AsSetReference());
    case lot::Command::Consume:
      return consume(s, *c.AsConsume());
    case lot::Command::ReverseConsume:
      return reverse_consume(s, *c.AsReverseConsume());
    case lot::Command::Produce:
      return produce(s, *c.AsProduce());
    case lot::Command::ReverseProduce:
      return reverse_produce(s, *c.AsReverseProduce());
    case lot::Command::Reserve:
      return reserve(s, *c.AsReserve());
    case lot::Command::Unreserve:
      return unreserve(s, *c.AsUnreserve());
    case lot::Command::Allocate:
      return allocate(s, *c.AsAllocate());
    case lot::Command::Deallocate:
      return deallocate(s, *c.AsDeallocate());
    case lot::Command::Pick:
      return pick(s, *c.AsPick());
    case lot::Command::Ship:
      return ship(s, *c.AsShip());
    case lot::Command::LinkOutput:
      return link_output(s, *c.AsLinkOutput());
    case lot::Command::LinkInput:
      return link_input(s, *c.AsLinkInput());
    case lot::Command::UnlinkOutput:
      return unlink_output(s, *c.AsUnlinkOutput());
    case lot::Command::UnlinkInput:
      return unlink_input(s, *c.AsUnlinkInput());
    case lot::Command::InheritHold:
      return inherit_hold(s, *c.AsInheritHold());
    case lot::Command::LiftHold:
      return lift_hold(s, *c.AsLiftHold());
    case lot::Command::ContinueHold:
      return continue_hold(s, *c.AsContinueHold());
    case lot::Command::StartInspection:
      return start_inspection(s, *c.AsStartInspection());
    case lot::Command::CancelInspection:
      return cancel_inspection(s, *c.AsCancelInspection());
    case lot::Command::DecideUsage:
      return decide_usage(s, *c.AsDecideUsage());
    case lot::Command::PostMovement:
    case lot::Command::ReverseMovement:
    case lot::Command::SetRestriction:
    case lot::Command::Split:
    case lot::Command::Merge:
    case lot::Command::Regrade:
    case lot::Command::TransferPlant:
    case lot::Command::TakeIn:
    case lot::Command::GiveBack:
      return dispatch_movements(s, c);
  }
  return made::fault("a batch has no such command");
}

}  // namespace
}  // namespace batches

namespace batches {
namespace {

/// Stock may have become available: whoever waits for this material looks
/// again.
made finished(step& s, const lot::StateT& before, made out) {
  if (!s.failed.empty()) return made::fault(s.failed);
  if (out.outcome != engine::Outcome::refused && s.next.allocatable > before.allocatable) {
    millrace::material::StockChangedT changed;
    changed.batch = s.ctx.id();
    out.tell<millrace::material::schema>(s.next.material, changed, Lane::release);
  }
  return out;
}

}  // namespace
}  // namespace batches

decision<batch::schema> batch::decide(const schema::state& state, const schema::command& command,
                                      context& ctx) {
  batches::step s{ctx, state, {}, {}};
  auto out = batches::dispatch(s, command);
  return batches::finished(s, state, std::move(out));
}

decision<batch::schema> batch::on_answer(const schema::state& state, const answer& a,
                                         context& ctx) {
  batches::step s{ctx, state, {}, {}};
  auto out = batches::sending_answered(s, a);
  return batches::finished(s, state, std::move(out));
}

result<void> batch::evolve(schema::state& state, const schema::event& event, evolution& evo) {
  if (auto done = batches::apply(state, event, evo.stamp()); !done) return done;
  batches::put_rows(state, event, evo);
  return {};
}

decision<batch::schema> batch::on_timer(const schema::state& state, std::string_view name,
                                        context& ctx) {
  batches::step s{ctx, state, {}, {}};
  if (name == "expiry") batches::watch_expiry(s);
  if (name == "concession") batches::watch_concession(s);
  return s.done();
}

}  // namespace millrace::actors
