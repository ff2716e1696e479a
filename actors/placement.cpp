// A placement's decisions: placed once, confirmed when the group has had a leader.
#include "actors/placement.hpp"

#include <algorithm>

#include "cluster/placement.hpp"

namespace millrace::actors {

namespace {

using namespace millrace::placement;  // the kind's own tables; this file has no others
using made = decision<schema>;

constexpr std::size_t voters_max = 7;

made place(const PlaceT& c, const context& ctx) {
  if (ctx.plant() != system_plant)
    return made::refuse(Refusal::not_system, "Plants are placed by the system group.");
  if (ctx.sequence() != 0)
    return made::refuse(Refusal::exists, "Plant " + std::string(ctx.id()) + " is placed already.");
  auto voters = c.voters;
  std::ranges::sort(voters);
  const bool doubled = std::ranges::adjacent_find(voters) != voters.end();
  if (voters.empty() || voters.size() > voters_max || voters.front() == 0 || doubled)
    return made::refuse(Refusal::voters_invalid, "Voters are one to seven different nodes.");
  made d;
  PlacedT event;
  event.region = c.region;
  event.voters = std::move(voters);
  d.emit(std::move(event));
  return d;
}

made confirm(const StateT& state) {
  made d;
  if (state.life == Life::founding) d.emit(ConfirmedT());
  return d;
}

}  // namespace

decision<placement::schema> placement::decide(const schema::state& state,
                                              const schema::command& command, context& ctx) {
  switch (command.type) {
    case Command::Place:
      return place(*command.AsPlace(), ctx);
    case Command::Confirm:
      return confirm(state);
    case Command::NONE:
      break;
  }
  return made::fault("a command without a type");
}

result<void> placement::evolve(schema::state& state, const schema::event& event, evolution& evo) {
  switch (event.type) {
    case Event::Placed:
      state.region = event.AsPlaced()->region;
      state.voters = event.AsPlaced()->voters;
      state.since = evo.stamp();
      return {};
    case Event::Confirmed:
      state.life = Life::serving;
      state.since = evo.stamp();
      return {};
    case Event::NONE:
      break;
  }
  return error{"kind.fault", "an event without a type"};
}

}  // namespace millrace::actors
