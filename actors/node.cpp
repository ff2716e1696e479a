// A node's decisions: telling the same again changes nothing, so that every start may tell.
#include "actors/node.hpp"

#include <string>

#include "actors/by_whom.hpp"
#include "cluster/placement.hpp"

namespace millrace::actors {

namespace {

using namespace millrace::node;  // the kind's own tables; this file has no others
using made = decision<schema>;

made join(const StateT& state, const JoinT& c, const context& ctx) {
  if (ctx.plant() != system_plant)
    return made::refuse(Refusal::not_system, "Nodes join the system group.");
  if (std::to_string(c.number) != ctx.id())
    return made::refuse(
        Refusal::number_differs,
        "Node " + std::string(ctx.id()) + " cannot be number " + std::to_string(c.number) + '.');
  made d;
  const bool same = ctx.sequence() != 0 && state.region == c.region &&
                    state.consensus == c.consensus && state.bulk == c.bulk &&
                    state.public_key == c.public_key;
  if (same) return d;
  JoinedT event;
  event.number = c.number;
  event.region = c.region;
  event.consensus = c.consensus;
  event.bulk = c.bulk;
  event.public_key = c.public_key;
  d.emit(std::move(event));
  return d;
}

made drain(const StateT& state, const DrainT& c, const context& ctx) {
  made d;
  if (state.life == Life::drained) return d;
  DrainedT event;
  event.reason = c.reason;
  event.by = by_whom(ctx);
  d.emit(std::move(event));
  return d;
}

made resume(const StateT& state, const context& ctx) {
  made d;
  if (state.life == Life::active) return d;
  ResumedT event;
  event.by = by_whom(ctx);
  d.emit(std::move(event));
  return d;
}

}  // namespace

decision<node::schema> node::decide(const schema::state& state, const schema::command& command,
                                    context& ctx) {
  switch (command.type) {
    case Command::Join:
      return join(state, *command.AsJoin(), ctx);
    case Command::Drain:
      return drain(state, *command.AsDrain(), ctx);
    case Command::Resume:
      return resume(state, ctx);
    case Command::NONE:
      break;
  }
  return made::fault("a command without a type");
}

result<void> node::evolve(schema::state& state, const schema::event& event, evolution& evo) {
  switch (event.type) {
    case Event::Joined: {
      const auto& e = *event.AsJoined();
      if (state.number == 0) state.since = evo.stamp();
      state.number = e.number;
      state.region = e.region;
      state.consensus = e.consensus;
      state.bulk = e.bulk;
      state.public_key = e.public_key;
      return {};
    }
    case Event::Drained:
      state.life = Life::drained;
      state.reason = event.AsDrained()->reason;
      state.since = evo.stamp();
      return {};
    case Event::Resumed:
      state.life = Life::active;
      state.reason.clear();
      state.since = evo.stamp();
      return {};
    case Event::NONE:
      break;
  }
  return error{"kind.fault", "an event without a type"};
}

}  // namespace millrace::actors
