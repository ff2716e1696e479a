// The batch release process's front: commands, answers and timers, and how its events change it.
// Gathering and deciding are in batch_release_gather.cpp, acting in batch_release_act.cpp.
#include "actors/batch_release.hpp"

#include <algorithm>

#include "actors/batch.hpp"
#include "actors/batch_release_parts.hpp"
#include "actors/batch_run.hpp"
#include "actors/by_whom.hpp"

namespace millrace::actors {

namespace release_of_batch {

namespace {

bool is_over(rel::Status status) {
  return status == rel::Status::released || status == rel::Status::rejected;
}

made start(const rel::StateT& state, const rel::StartT& c, context& ctx) {
  if (ctx.sequence() != 0 && !is_over(state.status)) {
    if (ctx.from().is_actor) return {};
    return made::refuse(rel::Refusal::under_way, "The release of this batch is at work.");
  }
  const auto* known = ctx.look_up<batch>(ctx.id());
  if (known == nullptr)
    return made::refuse(rel::Refusal::batch_unknown,
                        "Batch " + std::string(ctx.id()) + " is not known here.");
  draft work(state, ctx);
  rel::StartedT event;
  event.material = known->material;
  event.order = known->order;
  event.run = c.run;
  work.emit(std::move(event));
  begin_round(work);
  return std::move(work).done();
}

made recheck(const rel::StateT& state, const std::string& cause, context& ctx) {
  draft work(state, ctx);
  switch (state.status) {
    case rel::Status::gathering:
    case rel::Status::acting: {
      if (state.recheck) break;
      rel::RecheckNotedT event;
      event.cause = cause;
      work.emit(std::move(event));
      break;
    }
    case rel::Status::quarantined:
    case rel::Status::retesting:
    case rel::Status::awaiting_signature:
      begin_round(work);
      break;
    case rel::Status::released:
    case rel::Status::rejected:
      break;
  }
  return std::move(work).done();
}

made sign(const rel::StateT& state, const rel::SignT& c, context& ctx) {
  if (state.status != rel::Status::awaiting_signature || !state.decision)
    return made::refuse(rel::Refusal::nothing_to_sign, "No decision waits for a signature.");
  if (c.decision != state.decision->decision)
    return made::refuse(rel::Refusal::decision_differs,
                        std::string("The decision that waits is ") +
                            rel::EnumNameDecision(state.decision->decision) + '.');
  if (!same_grounds(*state.decision, verdicts_now(state, ctx)))
    return made::refuse(rel::Refusal::evidence_changed,
                        "What the decision rests on has changed: recheck, then sign.");
  draft work(state, ctx);
  rel::SignedT event;
  event.number = state.decision->number;
  event.by = by_whom(ctx);
  event.reason = c.reason;
  event.command = ctx.command_id();
  work.emit(std::move(event));
  act(work);
  if (work.state.status == rel::Status::acting) work.d.wait();
  return std::move(work).done();
}

made reject(const rel::StateT& state, const rel::RejectT& c, context& ctx) {
  if (is_over(state.status)) return made::refuse(rel::Refusal::ended, "The release has ended.");
  if (state.status == rel::Status::acting || state.status == rel::Status::gathering)
    return made::refuse(rel::Refusal::under_way, "A decision is being made or carried out.");
  draft work(state, ctx);
  rel::DecidedT decided;
  decided.decision = std::make_unique<rel::VerdictsT>(verdicts_now(state, ctx));
  decided.decision->number = state.decisions + 1;
  decided.decision->decision = rel::Decision::reject;
  decided.decision->signature_needed = true;
  decided.decision->at = ctx.now();
  auto& by_person = decided.decision->findings.emplace_back();
  by_person.what = "person";
  by_person.subject = by_whom(ctx);
  by_person.verdict = rel::Verdict::reject;
  by_person.reason = c.reason;
  rel::SignedT signed_now;
  signed_now.number = decided.decision->number;
  signed_now.by = by_whom(ctx);
  signed_now.reason = c.reason;
  signed_now.command = ctx.command_id();
  work.emit(std::move(decided));
  work.emit(std::move(signed_now));
  act(work);
  if (work.state.status == rel::Status::acting) work.d.wait();
  return std::move(work).done();
}

/// Of several runs of the order, the one that made this batch.
std::string chosen_run(const std::vector<std::string_view>& found, context& ctx) {
  for (const auto id : found)
    if (const auto* run = ctx.look_up<batch_run>(id))
      if (std::ranges::any_of(run->outputs, [&](const auto& l) { return l.batch == ctx.id(); }))
        return std::string(id);
  return found.size() == 1 ? std::string(found.front()) : std::string();
}

/// Which search of this round that answer is to; empty when to none.
std::string_view searched(const rel::StateT& state, std::string_view tag) {
  const auto round = '/' + std::to_string(state.round);
  for (const std::string_view what : {lots_own, orders_own})
    if (tag == std::string(what) + round) return what;
  return {};
}

std::vector<std::string> reasons(const rel::VerdictsT& decision) {
  std::vector<std::string> out;
  if (decision.signature_needed && decision.signed_by.empty())
    out.push_back(std::string("signature: ") + rel::EnumNameDecision(decision.decision));
  for (const auto& one : decision.findings)
    if (one.verdict != rel::Verdict::pass && out.size() < 50) out.push_back(one.reason);
  return out;
}

void decided(rel::StateT& state, const rel::VerdictsT& decision) {
  state.decision = std::make_unique<rel::VerdictsT>(decision);
  state.decisions = decision.number;
}

/// Where the process stands until it acts.
void rest(rel::StateT& state) {
  state.status = state.decision->signature_needed && state.decision->signed_by.empty()
                     ? rel::Status::awaiting_signature
                     : rel::Status::quarantined;
  state.waits_for = reasons(*state.decision);
}

void task_done(rel::StateT& state, const rel::TaskDoneT& e) {
  std::erase_if(state.tasks, [&](const auto& t) { return t.tag == e.tag; });
  if (e.next) state.tasks.push_back(*e.next);
  if (e.tag == "unhold") state.hold.clear();
  if (e.tag.starts_with("retest~")) ++state.retests;
}

void task_failed(rel::StateT& state, const rel::TaskFailedT& e) {
  state.tasks.clear();
  state.command = hash128();
  state.status = rel::Status::quarantined;
  state.waits_for = {e.code + ": " + e.detail};
  if (e.tag == "hold") state.hold.clear();
  if (state.decision) state.decision->signed_by.clear();  // it has to be signed again
}

void ended(rel::StateT& state, rel::Status status, timestamp stamp) {
  state.status = status;
  state.command = hash128();
  state.tasks.clear();
  state.waits_for = state.decision ? reasons(*state.decision) : std::vector<std::string>();
  if (is_over(status)) {
    state.ended_at = stamp;
    state.waits_for.clear();
  }
}

void begun(rel::StateT& state, const rel::StartedT& e, timestamp stamp) {
  const auto decisions = state.decisions;
  const auto round = state.round;
  const auto retests = state.retests;
  auto hold = state.hold;
  state = rel::StateT();
  state.decisions = decisions;
  state.round = round;
  state.retests = retests;
  state.hold = std::move(hold);
  state.material = e.material;
  state.order = e.order;
  state.run = e.run;
  state.run_named = !e.run.empty();
  state.started_at = stamp;
}

}  // namespace

result<void> apply(rel::StateT& state, const rel::schema::event& event, timestamp stamp) {
  using rel::Event;
  switch (event.type) {
    case Event::Started:
      return begun(state, *event.AsStarted(), stamp), result<void>();
    case Event::GatheringBegun:
      state.status = rel::Status::gathering;
      state.searching = event.AsGatheringBegun()->searching;
      state.recheck = false;
      state.nonconformances.clear();
      ++state.round;
      return {};
    case Event::Found: {
      const auto& e = *event.AsFound();
      std::erase(state.searching, e.what);
      if (e.what == "run") state.run = e.ids.empty() ? std::string() : e.ids.front();
      if (e.what == lots_own || e.what == orders_own)
        for (const auto& id : e.ids)
          if (std::ranges::find(state.nonconformances, id) == state.nonconformances.end())
            state.nonconformances.push_back(id);
      return {};
    }
    case Event::RecheckNoted:
      state.recheck = true;
      return {};
    case Event::Decided:
      if (!event.AsDecided()->decision) return error{"kind.fault", "Decided without a decision"};
      decided(state, *event.AsDecided()->decision);
      rest(state);
      return {};
    case Event::Confirmed:
      if (!state.decision) return error{"kind.fault", "Confirmed without a decision"};
      rest(state);
      return {};
    case Event::Signed: {
      if (!state.decision) return error{"kind.fault", "Signed without a decision"};
      state.decision->signed_by = event.AsSigned()->by;
      state.decision->signed_at = stamp;
      state.decision->sign_reason = event.AsSigned()->reason;
      state.command = event.AsSigned()->command;
      return {};
    }
    case Event::ActionBegun:
      state.status = rel::Status::acting;
      state.tasks = event.AsActionBegun()->tasks;
      if (!event.AsActionBegun()->hold.empty()) state.hold = event.AsActionBegun()->hold;
      return {};
    case Event::TaskDone:
      return task_done(state, *event.AsTaskDone()), result<void>();
    case Event::TaskFailed:
      return task_failed(state, *event.AsTaskFailed()), result<void>();
    case Event::Ended:
      return ended(state, event.AsEnded()->status, stamp), result<void>();
    case Event::NONE:
      break;
  }
  return error{"kind.fault", "an event without a type"};
}

}  // namespace release_of_batch

decision<batch_release::schema> batch_release::decide(const schema::state& state,
                                                      const schema::command& command,
                                                      context& ctx) {
  using namespace release_of_batch;
  using rel::Command;
  switch (command.type) {
    case Command::Start:
      return start(state, *command.AsStart(), ctx);
    case Command::Recheck:
      return recheck(state, command.AsRecheck()->cause, ctx);
    case Command::Sign:
      return sign(state, *command.AsSign(), ctx);
    case Command::Reject:
      return reject(state, *command.AsReject(), ctx);
    case Command::NONE:
      break;
  }
  return made::fault("a command without a type");
}

decision<batch_release::schema> batch_release::on_answer(const schema::state& state,
                                                         const answer& a, context& ctx) {
  using namespace release_of_batch;
  draft work(state, ctx);
  if (a.tag == "run/" + std::to_string(state.round)) {
    if (state.status != rel::Status::gathering) return {};
    auto narrowed = a;
    const auto run = chosen_run(a.found, ctx);
    narrowed.found.assign(run.empty() ? 0 : 1, run);
    on_found(work, "run", narrowed);
  } else if (const auto what = searched(state, a.tag); !what.empty()) {
    if (state.status != rel::Status::gathering) return {};
    on_found(work, what, a);
  } else {
    on_task(work, std::string(a.tag), a);
    if (work.state.recheck && work.state.status != rel::Status::acting &&
        !is_over(work.state.status))
      begin_round(work);
  }
  return std::move(work).done();
}

decision<batch_release::schema> batch_release::on_timer(const schema::state& state,
                                                        std::string_view name, context& ctx) {
  using namespace release_of_batch;
  if (name != recheck_timer) return {};
  return recheck(state, "timer", ctx);
}

result<void> batch_release::evolve(schema::state& state, const schema::event& event,
                                   evolution& evo) {
  if (auto done = release_of_batch::apply(state, event, evo.stamp()); !done) return done;
  const bool kept = event.type == millrace::batch_release::Event::Decided ||
                    event.type == millrace::batch_release::Event::Signed;
  if (!kept) return {};
  millrace::batch_release::DecisionRowT row;
  row.decision = std::make_unique<millrace::batch_release::VerdictsT>(*state.decision);
  const auto digits = std::to_string(state.decision->number);
  evo.put_row("decisions", std::string(10 - std::min<std::size_t>(10, digits.size()), '0') + digits,
              row);
  return {};
}

}  // namespace millrace::actors
