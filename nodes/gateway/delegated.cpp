// A command from a system that does not own it: carried out when the plant has delegated it to that
// system, else refused with its owner.
#include "nodes/gateway/delegated.hpp"

#include "actors/ownership.hpp"
#include "nodes/gateway/answers.hpp"
#include "schemas/errors.hpp"

namespace millrace::gateway {

error not_owner(const table_model& command) {
  return {"command.not_owner", command.wire_name + " belongs to " + system_names(command.owners)};
}

void post_delegated(core& g, const call_ptr& c, const address& to, const table_model& command) {
  const auto* of = &command;
  const auto refuse = [&g, c, of] {
    g.metrics.not_owner();
    c->fail(not_owner(*of));
  };
  if (!g.engine.has_plant(to.plant)) return refuse();
  auto then = [&g, c, to, of, refuse](result<actor_view> view) {
    if (!view && http_status(view.error().code) >= 500) return c->fail(view.error());
    if (!view || view->state.empty()) return refuse();
    millrace::ownership::StateT all;
    flatbuffers::GetRoot<millrace::ownership::State>(view->state.data())->UnPackTo(&all);
    const auto* by = actors::find_delegation(all, to.kind + '/' + of->wire_name, c->who.who.systems,
                                             wall_clock());
    if (by == nullptr) return refuse();
    request r;
    r.system = by->owner;
    carry_out(g, c, to, *of, std::move(r), by->delegation);
  };
  g.engine.read({to.plant, "ownership", std::string(actors::ownership::its_id)},
                consistency::leader, on_thread_of<actor_view>(c, std::move(then)));
}

}  // namespace millrace::gateway
