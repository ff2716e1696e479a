// Decisions of the hold process: ask the outer systems for each lot, note who has acknowledged, and
// say how far it is. `contained` when every known descendant has committed; `enforced` when the
// outer systems have as well.
#include "actors/hold.hpp"

#include "actors/hold_step.hpp"
#include "actors/rules.hpp"

namespace millrace::actors {

namespace holds {
namespace {

using process::AckStatus;
using process::Status;

/// A lot's report as the plants of the origins get it.
process::ReachedT reached_of(const report& r, const std::vector<System>& systems) {
  process::ReachedT out;
  out.batch = r.batch;
  out.via = r.via;
  out.type = r.type;
  out.reason = r.reason;
  out.descendants = r.descendants;
  out.elsewhere = r.elsewhere;
  out.material = r.material;
  out.unit = r.unit;
  out.stock = r.stock;
  out.escaped = r.escaped;
  out.more = r.more;
  out.systems = systems;
  return out;
}

/// How far a hold in force is by now.
void settle_placing(step& s) {
  if (!all_committed(s.next)) return;
  if (!s.next.contained_at.given() || s.next.status == Status::requested ||
      s.next.status == Status::placing) {
    process::ContainedT event;
    event.batches = s.next.lots;
    s.emit(std::move(event));
  }
  const bool enforced =
      s.next.status == Status::enforced || s.next.status == Status::enforced_with_escapes;
  if (all_acknowledged(s.next)) {
    if (enforced) return;
    process::EnforcedT event;
    event.escapes = s.next.escapes;
    s.emit(std::move(event));
    s.d.cancel_timer("enforce");
    return;
  }
  if (s.next.systems_failed == 0 && !s.next.overdue) return;
  // Names come and go with each answer; when those listed are through, the next ones are.
  if (s.next.status == Status::partially_enforced && !s.next.waits_for.empty()) return;
  process::PartiallyEnforcedT event;
  event.waits_for = waits_for(s.next, s.lots);
  s.emit(std::move(event));
}

made settle(step& s) {
  const bool ends = s.next.release_requested_at.given() || !s.next.homes.empty();
  if (!given_up(s.next)) {
    settle_placing(s);
  } else if (s.next.status != Status::released && ends && all_committed(s.next) &&
             all_lifted(s.next) && all_acknowledged(s.next)) {
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

void note_escaped(step& s, std::vector<process::EscapeT> escaped, const std::string& plant) {
  if (escaped.empty()) return;
  for (auto& one : escaped) one.plant = plant;
  process::EscapedT event;
  event.escaped = std::move(escaped);
  s.emit(std::move(event));
}

/// What a lot has said of itself, up to the systems, which each plant asks for its own lots.
void take_report(step& s, const report& r) {
  const auto before = find_lot(s.lots, r.plant, r.batch);
  const bool news = !before || !before->member->committed;
  process::ReachingT event;
  event.batch = r.batch;
  event.plant = r.plant;
  event.origin = r.origin;
  event.via = r.via;
  event.home = r.home;
  event.material = r.material;
  for (const auto& line : r.stock) event.quantity += line.quantity;
  event.unit = r.unit;
  event.descendants = r.descendants;
  // Of a hold from elsewhere, lots of other plants report there and not here.
  if (r.home.empty()) event.elsewhere = seen_here(s, r.elsewhere);
  event.type = r.type;
  event.reason = r.reason;
  event.more = r.more;
  s.emit(std::move(event));
  if (news) note_escaped(s, r.escaped, r.plant);
}

void arm_clock(step& s) {
  const auto seconds = decimal::parse(rule_of(s.ctx, "hold.enforce_timeout_s"));
  s.d.timer("enforce", s.ctx.now().plus_ms(seconds ? seconds->micros() / 1000 : 30'000));
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
  report r;
  r.batch = c.batch;
  r.material = c.material;
  r.unit = c.unit;
  r.reason = c.reason;
  r.location = c.location;
  r.type = c.type;
  r.descendants = c.descendants;
  r.elsewhere = c.elsewhere;
  r.serials = c.serials;
  r.stock = c.stock;
  r.escaped = c.escaped;
  r.quantity = c.quantity.get();
  r.first = c.first;
  r.more = c.more;
  r.origin = true;
  take_report(s, r);
  static_cast<void>(ask_systems(s, r));
  if (!armed) arm_clock(s);
  return settle(s);
}

made extend(step& s, const process::ExtendT& c) {
  const auto plant = sender_plant(s.ctx);
  process::ExtendedT event;
  event.batch = c.batch;
  event.plant = plant;
  event.descendants = c.descendants;
  if (!c.foreign) event.elsewhere = seen_here(s, c.elsewhere);
  event.ends = c.ends;
  s.emit(std::move(event));
  note_escaped(s, c.escaped, plant);
  auto told = c;
  told.foreign = false;
  told.homes.clear();
  for (const auto& home : c.homes) s.d.tell<process::schema>(s.ctx.id(), told, Lane::hold, home);
  return settle(s);
}

/// Systems that the lot still waits for here.
std::vector<System> awaited_systems(step& s, const std::string& batch) {
  std::vector<System> out;
  if (const auto lot = find_lot(s.lots, {}, batch))
    for (const auto& one : lot->acknowledgers)
      if (one.system != System::none && is_awaited(one.status)) out.push_back(one.system);
  return out;
}

made reached(step& s, const process::ReachedT& c) {
  if (c.again && c.home.empty()) {  // asked for once; only its further descendants are news
    process::ExtendT more;
    more.batch = c.batch;
    more.descendants = c.descendants;
    more.elsewhere = c.elsewhere;
    more.ends = !c.more;
    return extend(s, more);
  }
  report r;
  r.batch = c.batch;
  r.plant = sender_plant(s.ctx);
  r.via = c.via;
  r.home = c.home;
  r.material = c.material;
  r.unit = c.unit;
  r.reason = c.reason;
  r.type = c.type;
  r.descendants = c.descendants;
  r.elsewhere = c.elsewhere;
  r.stock = c.stock;
  r.escaped = c.escaped;
  r.first = c.first;
  r.more = c.more;
  const bool armed = clock_runs(s.next);
  take_report(s, r);
  if (r.plant.empty()) {
    // Held already, it is news for another plant only: the systems here have been asked.
    const auto asked = c.again ? awaited_systems(s, r.batch) : ask_systems(s, r);
    if (!c.home.empty())
      s.d.tell<process::schema>(s.ctx.id(), reached_of(r, asked), Lane::hold, c.home);
  } else {
    for (const auto system : c.systems) note_asked(s, r.plant, r.batch, system, false, false);
  }
  if (!armed) arm_clock(s);
  return settle(s);
}

/// Another plant may tell of a lot that no hold of this one has ever reached.
bool is_known(step& s, const std::string& batch) {
  const auto plant = sender_plant(s.ctx);
  return plant.empty() || s.lots.number_of(plant, batch) != 0;
}

made release(step& s, const process::ReleaseT& c) {
  process::ReleaseRequestedT event;
  event.batch = c.batch;
  event.reason = c.reason;
  event.released_by = c.released_by;
  event.inherited = c.inherited;
  s.emit(std::move(event));
  if (c.inherited) return settle(s);
  process::LiftedT told;
  told.batch = c.batch;
  told.systems = ask_release(s, c.batch, c.last);
  tell_homes(s, c.batch, told);
  return settle(s);
}

made lifted(step& s, const process::LiftedT& c) {
  if (!is_known(s, c.batch)) return std::move(s.d);
  process::MemberLiftedT event;
  event.batch = c.batch;
  event.plant = sender_plant(s.ctx);
  const bool here = event.plant.empty();
  const auto plant = event.plant;
  s.emit(std::move(event));
  if (here) {
    process::LiftedT told;
    told.batch = c.batch;
    told.systems = ask_release(s, c.batch, c.last);
    tell_homes(s, c.batch, told);
  } else {
    for (const auto system : c.systems) note_asked(s, plant, c.batch, system, true, false);
  }
  return settle(s);
}

made heed(step& s, const process::HeedT& c) {
  if (!is_known(s, c.batch)) return std::move(s.d);
  take_word(s, c, sender_plant(s.ctx));
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
  holds::step s(ctx, state);
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
    case Command::Heed:
      return holds::heed(s, *command.AsHeed());
  }
  return decision<schema>::fault("a hold has no such command");
}

result<void> hold::evolve(schema::state& state, const schema::event& event, evolution& evo) {
  holds::stored_rows lots(evo);
  holds::apply(state, event, evo.stamp(), lots);
  return {};
}

decision<hold::schema> hold::on_timer(const schema::state& state, std::string_view, context& ctx) {
  holds::step s(ctx, state);
  const auto status = s.next.status;
  const bool in_force = status == millrace::hold::Status::placing ||
                        status == millrace::hold::Status::contained ||
                        status == millrace::hold::Status::partially_enforced;
  if (!in_force || holds::all_acknowledged(s.next)) return std::move(s.d);
  millrace::hold::PartiallyEnforcedT event;
  event.waits_for = holds::waits_for(s.next, s.lots);
  event.overdue = true;
  s.emit(std::move(event));
  return std::move(s.d);
}

decision<hold::schema> hold::on_delivered(const schema::state& state, const delivered& d,
                                          context& ctx) {
  using millrace::hold::AckStatus;
  holds::step s(ctx, state);
  const auto cut = d.tag.find('~');
  if (cut == std::string_view::npos)
    return decision<schema>::fault("a delivery came back that no hold has sent");
  const bool release = d.tag.substr(0, cut) == "lift";
  const bool agreed = d.end == engine::DeliveryEnd::acknowledged;
  millrace::hold::HeedT word;
  word.batch = d.tag.substr(cut + 1);
  word.system = d.system;
  if (agreed)
    word.status = release ? AckStatus::released : AckStatus::acknowledged;
  else
    word.status = release ? AckStatus::release_failed : AckStatus::failed;
  word.document = d.document;
  if (!agreed) word.reason = d.detail.empty() ? EnumNameDeliveryEnd(d.end) : std::string(d.detail);
  holds::take_word(s, word, {});
  holds::tell_homes(s, word.batch, word);
  return holds::settle(s);
}

}  // namespace millrace::actors
