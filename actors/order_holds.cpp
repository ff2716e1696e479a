// Holds of an order: nothing more of it is released or dispatched and the MES is told to stop. What
// the MES reports all the same still counts: facts are never refused.
#include <algorithm>
#include <string>
#include <utility>

#include "actors/draft.hpp"
#include "actors/order_parts.hpp"
#include "actors/stock.hpp"
#include "schemas/production/order_release_kind.hpp"

namespace millrace::actors::order_parts {

namespace {

constexpr std::size_t holds_max = 50;

const po::OrderHoldT* find_hold(const po::StateT& state, const std::string& hold) {
  const auto found =
      std::ranges::find_if(state.holds, [&](const auto& one) { return one.hold == hold; });
  return found == state.holds.end() ? nullptr : &*found;
}

/// The release process keeps the names: it parks with them, and goes on when the last has gone.
void tell_release(made& d, const po::StateT& state, std::vector<std::string> holds,
                  const std::string& reason, const context& ctx) {
  if (state.life == po::Life::created && !state.release_waits) return;  // there is none yet
  millrace::order_release::NoteHoldsT note;
  note.holds = std::move(holds);
  note.reason = reason;
  d.tell<millrace::order_release::schema>(ctx.id(), note, Lane::hold);
}

}  // namespace

std::vector<std::string> hold_names(const po::StateT& state) {
  std::vector<std::string> out;
  for (const auto& one : state.holds) out.push_back(one.hold);
  return out;
}

made place_hold(const po::StateT& state, const po::PlaceHoldT& c, context& ctx) {
  if (state.life > po::Life::released)
    return made::refuse(
        po::Refusal::wrong_life,
        "The order is " + std::string(po::EnumNameLife(state.life)) + " and cannot be held.");
  if (find_hold(state, c.hold))
    return made::refuse(po::Refusal::hold_exists, "Hold " + c.hold + " is open on this order.");
  if (state.holds.size() >= holds_max)
    return made::refuse(po::Refusal::too_large, "Too many holds are open.");
  po::OrderHeldT event;
  event.hold = std::make_unique<po::OrderHoldT>();
  event.hold->hold = c.hold;
  event.hold->type = c.type;
  event.hold->reason = c.reason;
  event.hold->placed_by = who_of(ctx, c.person);
  event.hold->placed_at = ctx.now();
  auto names = hold_names(state);
  names.push_back(c.hold);
  made d;
  d.emit(std::move(event));
  tell_release(d, state, std::move(names), c.reason, ctx);
  return d;
}

made release_hold(const po::StateT& state, const po::ReleaseHoldT& c, context& ctx) {
  const auto* open = find_hold(state, c.hold);
  if (!open)
    return made::refuse(po::Refusal::hold_unknown, "No hold " + c.hold + " is open on this order.");
  const auto authority = hold_authority(open->type);
  if (!ctx.from().is_actor && !ctx.from().speaks_for(authority))
    return made::refuse_with(
        "command.not_owner",
        "Hold " + c.hold + " is of type " + millrace::batch::EnumNameHoldType(open->type) +
            ": it is released by its owner " + std::string(system_name(authority)) + '.');
  auto names = hold_names(state);
  std::erase(names, c.hold);
  po::OrderHoldReleasedT event;
  event.hold = c.hold;
  event.reason = c.reason;
  event.by = who_of(ctx, c.person);
  made d;
  d.emit(std::move(event));
  tell_release(d, state, std::move(names), c.reason, ctx);
  return d;
}

}  // namespace millrace::actors::order_parts
