// The release process's front: commands, answers, timers and deliveries, and how its events change
// it. The steps are in order_release_round.cpp (checks and reservations) and
// order_release_dispatch.cpp (outer systems).
#include "actors/order_release.hpp"

#include <algorithm>
#include <charconv>

#include "actors/material.hpp"
#include "actors/order_release_parts.hpp"
#include "actors/rules.hpp"

namespace millrace::actors {

namespace release_parts {

namespace {

std::int64_t seconds_of(context& ctx, std::string_view rule, std::int64_t fallback) {
  const auto text = rule_of(ctx, rule);
  std::int64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failed == std::errc() && end == text.data() + text.size() && value > 0 &&
                 value < 1'000'000'000
             ? value
             : fallback;
}

bool at_work(pr::Status status) { return status <= pr::Status::dispatching; }

made start(const pr::StateT& state, const pr::StartT& c, context& ctx) {
  if (ctx.sequence() != 0 && at_work(state.status))
    return made::refuse(pr::Refusal::under_way, "A release of this order is at work already.");
  draft work(state, ctx);
  pr::ReleaseStartedT event;
  event.mode = c.mode;
  event.order = std::make_unique<po::SnapshotT>(*c.order);
  event.operations = c.operations;
  event.quantity = c.quantity;
  event.holds = c.holds;
  event.deadline = ctx.now().plus_ms(1000 * seconds_of(ctx, "release.timeout_s", 7 * 24 * 3600));
  work.d.timer(timeout_timer, event.deadline);
  work.emit(std::move(event));
  begin_round(work);
  return std::move(work).done();
}

made recheck(const pr::StateT& state, const std::string& cause, context& ctx) {
  draft work(state, ctx);
  if (state.status == pr::Status::parked) {
    begin_round(work);
  } else if (state.status == pr::Status::checking && !state.recheck) {
    pr::RecheckNotedT event;
    event.cause = cause;
    work.emit(std::move(event));
  }
  return std::move(work).done();
}

made give_back_reservations(const pr::StateT& state, context& ctx) {
  draft work(state, ctx);
  give_back(work);
  return std::move(work).done();
}

/// Reserved stock went under a hold: a release that is not through looks again, a dispatched one
/// shows it.
made revoked(const pr::StateT& state, const pr::ReservationRevokedT& c, context& ctx) {
  draft work(state, ctx);
  pr::ReservationLostT event;
  event.batch = c.batch;
  event.hold = c.hold;
  event.quantity = c.quantity;
  for (const auto& one : state.reservations) {
    if (one.batch != c.batch || c.unit.empty() || one.unit == c.unit) continue;
    const auto* m = ctx.look_up<material>(one.material);
    event.quantity =
        (m ? convert(*m, c.quantity, c.unit, one.unit) : std::nullopt).value_or(one.quantity);
    break;
  }
  const bool through =
      state.status == pr::Status::dispatching || state.status == pr::Status::completed;
  work.emit(std::move(event));
  if (through) {
    po::BlockerT blocker;
    blocker.check = "component";
    blocker.reason = "Reserved stock of lot " + c.batch + " is held by " + c.hold + '.';
    tell_blocked(work, {blocker});
  } else if (state.status == pr::Status::checking && !state.recheck) {
    pr::RecheckNotedT note;
    note.cause = "hold " + c.hold;
    work.emit(std::move(note));
  }
  return std::move(work).done();
}

made time_out(const pr::StateT& state, context& ctx) {
  if (state.status > pr::Status::parked) return {};
  draft work(state, ctx);
  po::MarkReleaseEndedT ended;
  ended.code = "order." + po::schema::refusal_name(po::Refusal::release_timed_out);
  ended.reason = state.reason.empty() ? "The release took too long."
                                      : "Timed out while it waited: " + state.reason;
  work.d.tell<po::schema>(ctx.id(), ended, Lane::release);
  give_back(work);
  work.d.cancel_timer(recheck_timer);
  pr::TimedOutT event;
  event.reason = ended.reason;
  work.emit(std::move(event));
  return std::move(work).done();
}

/// A grant that came too late for anyone to want it goes back.
made late_grant(const answer& a, context& ctx) {
  made d;
  const auto granted =
      a.granted() ? a.event<millrace::batch::schema, millrace::batch::ReservedT>() : std::nullopt;
  if (!granted) return d;
  millrace::batch::UnreserveT back;
  back.order = ctx.id();
  back.quantity = std::make_unique<decimal>(granted->quantity);
  d.tell<millrace::batch::schema>(split_local(a.from).second, back, Lane::release);
  return d;
}

result<void> take(pr::StateT& state, const pr::ReleaseStartedT& e, timestamp stamp) {
  if (!e.order) return error{"kind.fault", "ReleaseStarted without an order"};
  auto kept = std::move(state.reservations);  // of earlier partial releases
  const auto runs = state.runs + 1;
  const auto round = state.round;
  state = pr::StateT();
  state.reservations = std::move(kept);
  state.runs = runs;
  state.round = round;
  state.mode = e.mode;
  state.order = std::make_unique<po::SnapshotT>(*e.order);
  state.operations = e.operations;
  state.quantity = e.quantity;
  state.holds = e.holds;
  state.deadline = e.deadline;
  state.requested_at = stamp;
  return {};
}

/// Whether the need waits for this very answer.
bool awaits(const pr::NeedT& need, std::string_view what, std::string_view from) {
  if (what == "find") return need.searching;
  return !need.asking.empty() && split_local(from).second == need.asking;
}

/// What the need does next: asks a lot, looks for another material, or has what it could get.
void plan_next(pr::NeedT& need) {
  need.asking.clear();
  need.searching = false;
  if (need.reserved >= need.quantity) return;
  if (!need.candidates.empty())
    need.asking = need.candidates.front();
  else
    need.searching = need.searched < need.materials.size();
}

result<void> take(pr::StateT& state, const pr::ChecksBegunT& e) {
  if (!e.order) return error{"kind.fault", "ChecksBegun without an order"};
  state.status = pr::Status::checking;
  state.checks = e.checks;
  state.needs = e.needs;
  state.order = std::make_unique<po::SnapshotT>(*e.order);
  state.recheck = false;
  ++state.round;
  for (auto& need : state.needs) plan_next(need);
  return {};
}

result<void> take(pr::StateT& state, const pr::StockFoundT& e) {
  if (e.need >= state.needs.size()) return error{"kind.fault", "StockFound for no need"};
  auto& need = state.needs[e.need];
  need.candidates = e.batches;
  ++need.searched;
  plan_next(need);
  return {};
}

result<void> take(pr::StateT& state, const pr::StockAnsweredT& e) {
  if (e.need >= state.needs.size()) return error{"kind.fault", "StockAnswered for no need"};
  auto& need = state.needs[e.need];
  std::erase(need.candidates, e.batch);
  need.reserved += e.granted;
  plan_next(need);
  if (!e.granted.is_positive()) {
    if (!e.reason.empty())
      need.reason += (need.reason.empty() ? "" : ", ") + e.batch + ": " + e.reason;
    return {};
  }
  auto& reservation = state.reservations.emplace_back();
  reservation.batch = e.batch;
  reservation.material = need.material;
  reservation.quantity = e.granted;
  reservation.unit = e.unit;
  reservation.operation = need.operation;
  reservation.run = state.runs;
  return {};
}

void take(pr::StateT& state, const pr::ReservationLostT& e) {
  auto left = e.quantity;
  for (auto& one : state.reservations) {
    if (one.batch != e.batch || !left.is_positive()) continue;
    const auto gone = std::min(left, one.quantity);
    one.quantity -= gone;
    left -= gone;
  }
  std::erase_if(state.reservations, [](const auto& one) { return !one.quantity.is_positive(); });
}

void take(pr::StateT& state, const pr::CallEndedT& e, timestamp stamp) {
  if (e.call == "dispatch") {
    state.mes = e.end;
    if (!e.document.empty()) state.mes_document = e.document;
    if (e.end == pr::Call::acknowledged) state.dispatched_at = stamp;
  } else if (e.call == "erp_release") {
    state.erp = e.end;
    if (!e.document.empty()) state.erp_document = e.document;
  } else if (e.call == "change") {
    state.change = e.end;
  } else if (e.call == "cancel") {
    state.cancel = e.end;
  }
  state.reason = e.reason;
}

}  // namespace

result<void> apply(pr::StateT& state, const pr::schema::event& event, timestamp stamp) {
  using pr::Event;
  switch (event.type) {
    case Event::ReleaseStarted:
      return take(state, *event.AsReleaseStarted(), stamp);
    case Event::ChecksBegun:
      return take(state, *event.AsChecksBegun());
    case Event::StockFound:
      return take(state, *event.AsStockFound());
    case Event::StockAnswered:
      return take(state, *event.AsStockAnswered());
    case Event::RecheckNoted:
      state.recheck = true;
      return {};
    case Event::Parked:
      state.status = pr::Status::parked;
      state.checks = event.AsParked()->checks;
      state.reason = event.AsParked()->reason;
      return {};
    case Event::Passed:
      state.status = pr::Status::dispatching;
      state.checks = event.AsPassed()->checks;
      state.mes = event.AsPassed()->mes;
      state.erp = event.AsPassed()->erp;
      state.passed_at = stamp;
      state.reason.clear();
      state.needs.clear();
      return {};
    case Event::CallEnded:
      take(state, *event.AsCallEnded(), stamp);
      return {};
    case Event::Completed:
      state.status = pr::Status::completed;
      if (!state.dispatched_at.given()) state.dispatched_at = stamp;
      return {};
    case Event::OrderUpdated:
      if (!event.AsOrderUpdated()->order)
        return error{"kind.fault", "OrderUpdated without an order"};
      state.order = std::make_unique<po::SnapshotT>(*event.AsOrderUpdated()->order);
      state.change = event.AsOrderUpdated()->change;
      return {};
    case Event::CancelAsked:
      state.cancel = pr::Call::sent;
      return {};
    case Event::ReleaseCancelled:
      state.status = pr::Status::cancelled;
      state.reason = event.AsReleaseCancelled()->reason;
      return {};
    case Event::TimedOut:
      state.status = pr::Status::timed_out;
      state.reason = event.AsTimedOut()->reason;
      return {};
    case Event::ReservationLost:
      take(state, *event.AsReservationLost());
      return {};
    case Event::ReservationsReturned:
      state.reservations.clear();
      return {};
    case Event::HoldsNoted:
      state.holds = event.AsHoldsNoted()->holds;
      return {};
    case Event::NONE:
      break;
  }
  return error{"kind.fault", "an event without a type"};
}

bool read_tag(std::string_view tag, std::string_view& what, std::uint32_t& round,
              std::uint32_t& need) {
  const auto first = tag.find('/');
  const auto second = first == std::string_view::npos ? first : tag.find('/', first + 1);
  if (second == std::string_view::npos) return false;
  what = tag.substr(0, first);
  const auto number = [](std::string_view text, std::uint32_t& out) {
    return std::from_chars(text.data(), text.data() + text.size(), out).ec == std::errc();
  };
  return number(tag.substr(first + 1, second - first - 1), round) &&
         number(tag.substr(second + 1), need);
}

void tell_blocked(draft& work, std::vector<po::BlockerT> blockers) {
  po::MarkBlockedT tell;
  tell.blockers = std::move(blockers);
  work.d.tell<po::schema>(work.ctx.id(), tell, Lane::release);
}

}  // namespace release_parts

decision<order_release::schema> order_release::decide(const schema::state& state,
                                                      const schema::command& command,
                                                      context& ctx) {
  using namespace release_parts;
  using pr::Command;
  draft work(state, ctx);
  switch (command.type) {
    case Command::Start:
      return start(state, *command.AsStart(), ctx);
    case Command::Recheck:
      return recheck(state, command.AsRecheck()->cause, ctx);
    case Command::Change:
      ask_change(work, *command.AsChange());
      return std::move(work).done();
    case Command::Cancel:
      cancel(work, *command.AsCancel());
      return std::move(work).done();
    case Command::ReservationRevoked:
      return revoked(state, *command.AsReservationRevoked(), ctx);
    case Command::GiveBack:
      return give_back_reservations(state, ctx);
    case Command::NoteHolds:
      note_holds(work, *command.AsNoteHolds());
      return std::move(work).done();
    case Command::NONE:
      break;
  }
  return made::fault("a command without a type");
}

decision<order_release::schema> order_release::on_answer(const schema::state& state,
                                                         const answer& a, context& ctx) {
  using namespace release_parts;
  std::string_view what;
  std::uint32_t round = 0;
  std::uint32_t need = 0;
  if (!read_tag(a.tag, what, round, need)) return made::fault("an answer to no question");
  const bool wanted =
      state.status == pr::Status::checking && round == state.round && need < state.needs.size();
  if (!wanted) return what == "reserve" ? late_grant(a, ctx) : made();
  if (!awaits(state.needs[need], what, a.from)) return made();  // heard before
  draft work(state, ctx);
  if (what == "find")
    on_found(work, need, a);
  else
    on_reserved(work, need, a);
  return std::move(work).done();
}

decision<order_release::schema> order_release::on_timer(const schema::state& state,
                                                        std::string_view name, context& ctx) {
  using namespace release_parts;
  if (name == timeout_timer) return time_out(state, ctx);
  if (name == recheck_timer) return recheck(state, "timer", ctx);
  return {};
}

decision<order_release::schema> order_release::on_delivered(const schema::state& state,
                                                            const delivered& in, context& ctx) {
  return release_parts::on_call(state, in, ctx);
}

result<void> order_release::evolve(schema::state& state, const schema::event& event,
                                   evolution& evo) {
  return release_parts::apply(state, event, evo.stamp());
}

}  // namespace millrace::actors
