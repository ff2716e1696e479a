// One look at everything: runs and nonconformances are searched, the rest is looked up; then the
// rules decide, and the decision keeps what it rests on.
#include <algorithm>
#include <charconv>

#include "actors/batch.hpp"
#include "actors/batch_release_parts.hpp"
#include "actors/batch_run.hpp"
#include "actors/inspection.hpp"
#include "actors/nonconformance.hpp"
#include "actors/recipe.hpp"
#include "actors/rules.hpp"
#include "cluster/sha256.hpp"

namespace millrace::actors::release_of_batch {

namespace {

constexpr std::uint32_t nonconformances_max = 100;
constexpr std::int64_t recheck_ms = 300'000;  // the fallback when nobody tells of a change

template <class Schema, class State>
hash128 print_of(const State& state) {
  const auto body = decision<Schema>::pack(state);
  const auto digest =
      sha256(std::string_view(reinterpret_cast<const char*>(body.data()), body.size()));
  hash128 out;
  for (std::size_t i = 0; i < 8; ++i) out.hi = out.hi << 8 | digest[i];
  for (std::size_t i = 8; i < 16; ++i) out.lo = out.lo << 8 | digest[i];
  return out;
}

/// Looks an actor up and notes what it was like.
template <class Kind>
const typename Kind::schema::state* look(rel::VerdictsT& out, context& ctx, const std::string& id) {
  const auto* state = ctx.look_up<Kind>(id);
  auto& one = out.evidence.emplace_back();
  one.actor = std::string(Kind::schema::name) + '/' + id;
  if (state == nullptr)
    one.note = "not known here";
  else
    one.print = print_of<typename Kind::schema>(*state);
  return state;
}

std::string seen(rel::VerdictsT& out, context& ctx, std::string_view rule) {
  auto in_force = rule_seen(ctx, rule);
  auto& used = out.rules.emplace_back();
  used.name = rule;
  used.value = in_force.value;
  used.level = in_force.level;
  used.version = in_force.version;
  return in_force.value;
}

batch_release_policy policy_of(rel::VerdictsT& out, context& ctx) {
  batch_release_policy policy;
  policy.run_required = seen(out, ctx, "batch_release.run_required") == "yes";
  policy.historian_required = seen(out, ctx, "batch_release.historian_required") == "yes";
  policy.open_deviations_stop = seen(out, ctx, "batch_release.open_deviations") == "quarantine";
  policy.failed_test = seen(out, ctx, "batch_release.failed_test");
  const auto most = seen(out, ctx, "batch_release.retests_max");
  std::from_chars(most.data(), most.data() + most.size(), policy.retests_max);
  return policy;
}

void gather_run(rel::VerdictsT& out, batch_evidence& e, context& ctx) {
  if (e.run_id.empty()) return;
  e.run = look<batch_run>(out, ctx, e.run_id);
  if (e.run == nullptr) return;
  out.evidence.back().note =
      "record " + std::to_string(e.run->record_version) + ' ' + e.run->record_hash;
  e.recipe = look<recipe>(out, ctx, e.run->recipe);
  if (e.recipe != nullptr) out.evidence.back().note = "revision " + e.run->revision;
  for (const auto& input : e.run->inputs)
    if (!input.batch.empty() && input.batch != e.batch_id)
      e.inputs.emplace_back(input.batch, look<batch>(out, ctx, input.batch));
}

std::string note_of(const millrace::inspection::StateT& state) {
  return std::string(millrace::inspection::EnumNameStatus(state.status)) + ", " +
         millrace::inspection::EnumNameVerdict(state.verdict);
}

bool is_open(const millrace::nonconformance::StateT& state) {
  using millrace::nonconformance::Status;
  return state.status != Status::closed && state.status != Status::cancelled;
}

void look_for_nonconformances(draft& work, rel::GatheringBegunT& event, const char* what,
                              std::string field, const std::string& value, std::uint32_t round) {
  if (value.empty()) return;
  event.searching.emplace_back(what);
  work.d.find("nonconformance", {{std::move(field), value}},
              std::string(what) + '/' + std::to_string(round), nonconformances_max);
}

void conclude(draft& work) {
  if (!work.state.searching.empty()) return;
  if (work.state.recheck) return begin_round(work);
  auto now = verdicts_now(work.state, work.ctx);
  if (work.state.decision && !work.state.decision->findings.empty() &&
      same_grounds(*work.state.decision, now)) {
    work.emit(rel::ConfirmedT());
  } else {
    now.number = work.state.decisions + 1;
    now.at = work.ctx.now();
    rel::DecidedT event;
    event.decision = std::make_unique<rel::VerdictsT>(std::move(now));
    work.emit(std::move(event));
  }
  act(work);
  const bool ended =
      work.state.status == rel::Status::released || work.state.status == rel::Status::rejected;
  if (ended)
    work.d.cancel_timer(recheck_timer);
  else
    work.d.timer(recheck_timer, work.ctx.now().plus_ms(recheck_ms));
}

}  // namespace

bool same_grounds(const rel::VerdictsT& a, const rel::VerdictsT& b) {
  return std::ranges::equal(a.findings, b.findings,
                            [](const auto& x, const auto& y) {
                              return x.what == y.what && x.subject == y.subject &&
                                     x.verdict == y.verdict && x.reason == y.reason;
                            }) &&
         std::ranges::equal(a.evidence, b.evidence, [](const auto& x, const auto& y) {
           return x.actor == y.actor && x.note == y.note;
         });
}

rel::VerdictsT verdicts_now(const rel::StateT& state, context& ctx) {
  rel::VerdictsT out;
  batch_evidence e;
  e.batch_id = std::string(ctx.id());
  e.run_id = state.run;
  e.own_hold = state.hold;
  for (const auto& id : state.nonconformances) {
    const auto* known = look<nonconformance>(out, ctx, id);
    if (known != nullptr) out.evidence.back().note = EnumNameStatus(known->status);
    if (known == nullptr || is_open(*known)) e.open_nonconformances.push_back(id);
  }
  e.batch = look<batch>(out, ctx, e.batch_id);
  const auto policy = policy_of(out, ctx);
  if (e.batch == nullptr) {
    auto& gone = out.findings.emplace_back();
    gone.what = "batch";
    gone.subject = "batch/" + e.batch_id;
    gone.verdict = rel::Verdict::wait;
    gone.reason = "The batch is not known here.";
  } else {
    gather_run(out, e, ctx);
    for (const auto& lot : e.batch->lots) {
      const auto* inspected = look<inspection>(out, ctx, lot.inspection);
      if (inspected != nullptr) out.evidence.back().note = note_of(*inspected);
      e.inspections.emplace_back(lot.inspection, inspected);
    }
    out.findings = judge(e, policy);
  }
  out.decision = decision_of(out.findings);
  const bool final =
      out.decision == rel::Decision::release || out.decision == rel::Decision::reject;
  out.signature_needed = seen(out, ctx, "batch_release.signature") == "yes" && final;
  return out;
}

void begin_round(draft& work) {
  const auto round = work.state.round + 1;
  rel::GatheringBegunT event;
  const bool look_for_run = !work.state.run_named && !work.state.order.empty();
  if (look_for_run) {
    event.searching.emplace_back("run");
    work.d.find("batch_run", {{"order", work.state.order}}, "run/" + std::to_string(round), 10);
  }
  look_for_nonconformances(work, event, lots_own, "batch", std::string(work.ctx.id()), round);
  look_for_nonconformances(work, event, orders_own, "order", work.state.order, round);
  work.emit(std::move(event));
  conclude(work);
}

void on_found(draft& work, std::string_view what, const answer& a) {
  rel::FoundT event;
  event.what = what;
  for (const auto id : a.found) event.ids.emplace_back(id);
  work.emit(std::move(event));
  conclude(work);
}

}  // namespace millrace::actors::release_of_batch
