// Decisions of the hold process: ask the outer systems for each lot, note who has acknowledged, and
// say how far it is. `contained` when every known descendant has committed; `enforced` when the
// outer systems have as well.
#include "actors/hold.hpp"

#include <algorithm>

#include "actors/hold_state.hpp"
#include "actors/rules.hpp"

namespace millrace::actors {

namespace holds {
namespace {

using made = decision<process::schema>;
using process::AckStatus;
using process::Status;

/// Who acknowledges. The QMS is told where it can be, so that the authority knows of holds that
/// others have raised.
constexpr System outer_systems[] = {System::erp, System::mes, System::wms, System::qms};
bool takes_part(const context& ctx, System system) {
  return system != System::qms || ctx.bound(system);
}

/// A decision in the making: `next` is the state with what has been emitted so far.
struct step {
  context& ctx;
  process::StateT next;
  made d;

  template <class EventT>
  void emit(EventT event) {
    d.emit(std::move(event));
    apply(next, d.events.back(), ctx.now());
  }
};

std::string key_for(const std::string& batch) { return "batch/" + batch; }

/// One lot's report about itself, whether it was placed there or has reached it.
struct report {
  std::string batch, via, material, unit, reason, location;
  millrace::batch::HoldType type;
  std::vector<std::string> descendants, serials;
  std::vector<millrace::batch::StockLineT> stock;
  std::vector<process::EscapeT> escaped;
  const decimal* quantity = nullptr;
  bool first = false, more = false, origin = false;
};

void ask_systems(step& s, const report& r) {
  process::PlaceT place;
  place.hold = s.ctx.id();
  place.batch = r.batch;
  place.material = r.material;
  place.type = r.type;
  place.reason = r.reason;
  if (r.quantity) place.quantity = std::make_unique<decimal>(*r.quantity);
  place.unit = r.unit;
  place.serials = r.serials;
  place.location = r.location;
  place.stock = r.stock;
  place.first = r.first;
  place.inherited = !r.origin;
  for (const auto system : outer_systems) {
    if (!takes_part(s.ctx, system)) continue;
    const bool bound = s.ctx.bound(system);
    process::SystemAskedT asked;
    asked.batch = r.batch;
    asked.system = system;
    asked.by_platform = !bound;
    s.emit(std::move(asked));
    if (bound) s.d.deliver(system, key_for(r.batch), place, "place~" + r.batch, Lane::hold);
  }
}

void ask_release(step& s, const std::string& batch, bool last) {
  const auto* lot = find_member(s.next, batch);
  process::LiftT lift;
  lift.hold = s.ctx.id();
  lift.batch = batch;
  lift.material = lot ? lot->material : std::string();
  lift.reason = s.next.release_reason;
  lift.last = last;
  for (const auto system : outer_systems) {
    const auto* known = find_system(s.next, batch, system);
    if (!known && !takes_part(s.ctx, system)) continue;
    const bool asked = s.ctx.bound(system) && known &&
                       !known->by_platform;  // who was never asked has nothing to undo
    process::SystemAskedT event;
    event.batch = batch;
    event.system = system;
    event.release = true;
    event.by_platform = !asked;
    s.emit(std::move(event));
    if (asked) s.d.deliver(system, key_for(batch), lift, "lift~" + batch, Lane::hold);
  }
}

bool systems_done(const process::StateT& state) { return waits_for(state).empty(); }

/// How far a hold in force is by now.
void settle_placing(step& s) {
  if (!all_committed(s.next)) return;
  if (!s.next.contained_at.given() || s.next.status == Status::requested ||
      s.next.status == Status::placing) {
    process::ContainedT event;
    event.batches = static_cast<std::uint32_t>(s.next.closure.size());
    s.emit(std::move(event));
  }
  const bool enforced =
      s.next.status == Status::enforced || s.next.status == Status::enforced_with_escapes;
  if (systems_done(s.next)) {
    if (enforced) return;
    process::EnforcedT event;
    event.escapes = static_cast<std::uint32_t>(s.next.escaped.size());
    s.emit(std::move(event));
    s.d.cancel_timer("enforce");
    return;
  }
  auto waiting = waits_for(s.next);
  if (!has_failures(s.next) && !s.next.overdue) return;
  if (s.next.status == Status::partially_enforced && s.next.waits_for == waiting) return;
  process::PartiallyEnforcedT event;
  event.waits_for = std::move(waiting);
  s.emit(std::move(event));
}

made settle(step& s) {
  if (!given_up(s.next)) {
    settle_placing(s);
  } else if (s.next.status != Status::released && s.next.release_requested_at.given() &&
             all_committed(s.next) && all_lifted(s.next) && systems_done(s.next)) {
    process::ReleasedT event;
    event.by = s.next.released_by;
    s.emit(std::move(event));
    s.d.cancel_timer("enforce");
  }
  return std::move(s.d);
}

/// The first report of a hold arms the clock of the rule.
bool clock_runs(const process::StateT& state) {
  return state.asked_at.given() && state.status != Status::released;
}

made take_report(step& s, const report& r, bool armed) {
  process::ReachingT event;
  event.batch = r.batch;
  event.origin = r.origin;
  event.via = r.via;
  event.material = r.material;
  for (const auto& line : r.stock) event.quantity += line.quantity;
  event.unit = r.unit;
  event.descendants = r.descendants;
  event.type = r.type;
  event.reason = r.reason;
  event.more = r.more;
  s.emit(std::move(event));
  if (!r.escaped.empty()) {
    process::EscapedT escaped;
    escaped.escaped = r.escaped;
    s.emit(std::move(escaped));
  }
  ask_systems(s, r);
  if (!armed) {
    const auto seconds = decimal::parse(rule_of(s.ctx, "hold.enforce_timeout_s"));
    s.d.timer("enforce", s.ctx.now().plus_ms(seconds ? seconds->micros() / 1000 : 30'000));
  }
  return settle(s);
}

made start(step& s, const process::StartT& c) {
  process::RequestedT requested;
  requested.batch = c.batch;
  requested.type = c.type;
  requested.reason = c.reason;
  requested.source = c.source;
  requested.placed_by = c.placed_by;
  const bool armed = clock_runs(s.next);
  if (s.next.batch.empty()) s.emit(std::move(requested));
  report r{c.batch,       {},        c.material, c.unit,    c.reason,         c.location, c.type,
           c.descendants, c.serials, c.stock,    c.escaped, c.quantity.get(), c.first,    c.more,
           true};
  return take_report(s, r, armed);
}

made reached(step& s, const process::ReachedT& c) {
  if (c.again) {  // asked for once; only its further descendants are news
    process::ExtendedT event;
    event.batch = c.batch;
    event.descendants = c.descendants;
    event.ends = !c.more;
    s.emit(std::move(event));
    return settle(s);
  }
  report r{c.batch, c.via,   c.material, c.unit,  c.reason, {},     c.type, c.descendants,
           {},      c.stock, c.escaped,  nullptr, c.first,  c.more, false};
  return take_report(s, r, clock_runs(s.next));
}

made extend(step& s, const process::ExtendT& c) {
  process::ExtendedT event;
  event.batch = c.batch;
  event.descendants = c.descendants;
  event.ends = c.ends;
  s.emit(std::move(event));
  return settle(s);
}

made release(step& s, const process::ReleaseT& c) {
  process::ReleaseRequestedT event;
  event.batch = c.batch;
  event.reason = c.reason;
  event.released_by = c.released_by;
  event.inherited = c.inherited;
  s.emit(std::move(event));
  if (!c.inherited) ask_release(s, c.batch, c.last);
  return settle(s);
}

made lifted(step& s, const process::LiftedT& c) {
  process::MemberLiftedT event;
  event.batch = c.batch;
  s.emit(std::move(event));
  ask_release(s, c.batch, c.last);
  return settle(s);
}

made close_recall(step& s, const process::CloseRecallT& c) {
  if (!s.next.recall)
    return made::refuse(process::Refusal::no_recall, "Nothing had left, or the recall is closed.");
  process::RecallClosedT event;
  event.reason = c.reason;
  event.person = c.person;
  event.by = s.ctx.from().on_behalf_of.empty() ? s.ctx.from().principal : s.ctx.from().on_behalf_of;
  s.emit(std::move(event));
  return std::move(s.d);
}

}  // namespace
}  // namespace holds

decision<hold::schema> hold::decide(const schema::state& state, const schema::command& command,
                                    context& ctx) {
  using millrace::hold::Command;
  holds::step s{ctx, state, {}};
  switch (command.type) {
    case Command::NONE:
      break;
    case Command::Start:
      return holds::start(s, *command.AsStart());
    case Command::Reached:
      return holds::reached(s, *command.AsReached());
    case Command::Extend:
      return holds::extend(s, *command.AsExtend());
    case Command::Release:
      return holds::release(s, *command.AsRelease());
    case Command::Lifted:
      return holds::lifted(s, *command.AsLifted());
    case Command::CloseRecall:
      return holds::close_recall(s, *command.AsCloseRecall());
  }
  return decision<schema>::fault("a hold has no such command");
}

result<void> hold::evolve(schema::state& state, const schema::event& event, evolution& evo) {
  holds::apply(state, event, evo.stamp());
  return {};
}

decision<hold::schema> hold::on_timer(const schema::state& state, std::string_view, context& ctx) {
  holds::step s{ctx, state, {}};
  auto waiting = holds::waits_for(state);
  const auto status = state.status;
  const bool in_force = status == millrace::hold::Status::placing ||
                        status == millrace::hold::Status::contained ||
                        status == millrace::hold::Status::partially_enforced;
  if (!in_force || (waiting.empty() && holds::all_committed(state))) return std::move(s.d);
  millrace::hold::PartiallyEnforcedT event;
  event.waits_for = std::move(waiting);
  event.overdue = true;
  s.emit(std::move(event));
  return std::move(s.d);
}

decision<hold::schema> hold::on_delivered(const schema::state& state, const delivered& d,
                                          context& ctx) {
  holds::step s{ctx, state, {}};
  const auto cut = d.tag.find('~');
  if (cut == std::string_view::npos)
    return decision<schema>::fault("a delivery came back that no hold has sent");
  const bool release = d.tag.substr(0, cut) == "lift";
  const std::string batch(d.tag.substr(cut + 1));
  if (d.end == engine::DeliveryEnd::acknowledged) {
    millrace::hold::SystemAcknowledgedT event;
    event.batch = batch;
    event.system = d.system;
    event.release = release;
    event.document = d.document;
    s.emit(std::move(event));
  } else {
    millrace::hold::SystemFailedT event;
    event.batch = batch;
    event.system = d.system;
    event.release = release;
    event.reason = d.detail.empty() ? EnumNameDeliveryEnd(d.end) : std::string(d.detail);
    s.emit(std::move(event));
  }
  return holds::settle(s);
}

}  // namespace millrace::actors
