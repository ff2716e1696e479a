// Findings, one by one, each with a reason that quality can act on.
#include "actors/batch_release_rules.hpp"

#include <algorithm>

namespace millrace::actors {

namespace {

namespace rel = millrace::batch_release;
namespace br = millrace::batch_run;
namespace lots = millrace::inspection;
using rel::Verdict;

using findings = std::vector<rel::FindingT>;

void add(findings& out, std::string what, std::string subject, Verdict verdict = Verdict::pass,
         std::string reason = {}) {
  auto& one = out.emplace_back();
  one.what = std::move(what);
  one.subject = std::move(subject);
  one.verdict = verdict;
  one.reason = std::move(reason);
}

bool is_lot(const millrace::batch::StateT& batch, std::string_view id) {
  return std::ranges::any_of(batch.lots, [&](const auto& l) { return l.inspection == id; });
}

void judge_batch(const batch_evidence& e, findings& out) {
  const auto subject = "batch/" + e.batch_id;
  if (e.batch->expired)
    add(out, "batch", subject, Verdict::wait, "The batch has expired.");
  else
    add(out, "batch", subject);
  for (const auto& hold : e.batch->holds)  // a failed inspection's own goes with its retest
    if (hold.hold != e.own_hold && !is_lot(*e.batch, hold.hold))
      add(out, "hold", "hold/" + hold.hold, Verdict::wait,
          "Hold " + hold.hold + " is open: " + hold.reason);
}

void judge_genealogy(const batch_evidence& e, findings& out) {
  const auto subject = "batch/" + e.batch_id;
  if (!e.batch->awaiting.empty())
    add(out, "genealogy", subject, Verdict::wait,
        "The holds of " + e.batch->awaiting.front() + " are not known yet.");
  using millrace::batch::Quality;
  for (const auto& [id, input] : e.inputs) {
    const auto name = "batch/" + id;
    if (input == nullptr)
      add(out, "genealogy", name, Verdict::wait, "Input " + id + " is not known here.");
    else if (input->quality != Quality::released &&
             input->quality != Quality::conditionally_released)
      add(out, "genealogy", name, Verdict::wait,
          "Input " + id + " is " + millrace::batch::EnumNameQuality(input->quality) + '.');
    else
      add(out, "genealogy", name);
  }
}

void judge_recipe(const batch_evidence& e, findings& out) {
  const auto subject = "recipe/" + e.run->recipe;
  if (e.recipe == nullptr)
    return add(out, "recipe", subject, Verdict::wait, "The recipe is not known here.");
  const bool in_force = std::ranges::any_of(e.recipe->revisions, [&](const auto& r) {
    return r.revision == e.run->revision && r.status == millrace::recipe::Status::approved;
  });
  add(out, "recipe", subject, Verdict::pass,
      in_force ? "" : "Revision " + e.run->revision + " is obsolete by now.");
}

void judge_parameters(const batch_evidence& e, findings& out) {
  const auto subject = "batch_run/" + e.run_id;
  for (const auto& one : e.run->parameters)
    if (one.critical && !one.actual)
      add(out, "parameter", subject, Verdict::wait,
          "Critical parameter " + one.parameter + " has no actual value.");
}

void judge_run(const batch_evidence& e, const batch_release_policy& policy, findings& out) {
  if (e.run == nullptr) {
    const auto verdict = policy.run_required || !e.run_id.empty() ? Verdict::wait : Verdict::pass;
    return add(out, "run", e.run_id.empty() ? "" : "batch_run/" + e.run_id, verdict,
               verdict == Verdict::pass ? "" : "The batch run is not known here.");
  }
  const auto subject = "batch_run/" + e.run_id;
  if (e.run->status != br::Status::complete)
    add(out, "run", subject, Verdict::wait,
        std::string("The run is ") + br::EnumNameStatus(e.run->status) + '.');
  else if (!e.run->closed)
    add(out, "run", subject, Verdict::wait, "The batch record is not closed.");
  else
    add(out, "run", subject);
  if (e.run->deviations_rejected > 0)
    add(out, "deviation", subject, Verdict::reject,
        std::to_string(e.run->deviations_rejected) + " deviations were not accepted.");
  if (e.run->deviations_open > 0)
    add(out, "deviation", subject, policy.open_deviations_stop ? Verdict::wait : Verdict::pass,
        std::to_string(e.run->deviations_open) + " deviations are not assessed.");
  judge_parameters(e, out);
  if (policy.historian_required && e.run->windows == 0)
    add(out, "historian", subject, Verdict::wait, "There are no historian windows.");
  judge_recipe(e, out);
}

void judge_failed(const batch_evidence& e, const std::string& id,
                  const batch_release_policy& policy, findings& out) {
  const auto before = retests_before(*e.batch, id);
  const auto words = "Inspection " + id + " has failed";
  if (policy.failed_test == "quarantine")
    return add(out, "inspection", "inspection/" + id, Verdict::wait, words + '.');
  const bool left = policy.failed_test == "retest" && before < policy.retests_max;
  add(out, "inspection", "inspection/" + id, left ? Verdict::retest : Verdict::reject,
      words + (left ? "; a retest is allowed." : " after " + std::to_string(before) + " retests."));
}

void judge_inspections(const batch_evidence& e, const batch_release_policy& policy, findings& out) {
  std::size_t tests = 0;
  for (const auto& lot : last_lots(*e.batch)) {
    const auto found = std::ranges::find_if(
        e.inspections, [&](const auto& one) { return one.first == lot.inspection; });
    const auto subject = "inspection/" + lot.inspection;
    const auto* state = found == e.inspections.end() ? nullptr : found->second;
    if (state != nullptr && state->status == lots::Status::cancelled) continue;
    ++tests;
    if (state == nullptr)
      add(out, "inspection", subject, Verdict::wait, "The inspection is not known here.");
    else if (has_failed(*state))
      judge_failed(e, lot.inspection, policy, out);
    else if (state->status == lots::Status::usage_decided ||
             (state->status == lots::Status::results_recorded &&
              state->verdict == lots::Verdict::pass))
      add(out, "inspection", subject);
    else
      add(out, "inspection", subject, Verdict::wait,
          "Inspection " + lot.inspection + " has not all its results.");
  }
  using millrace::batch::Quality;
  const bool free =
      e.batch->quality == Quality::released || e.batch->quality == Quality::conditionally_released;
  if (tests == 0 && !free)
    add(out, "inspection", "batch/" + e.batch_id, Verdict::wait, "The batch has no inspection.");
}

}  // namespace

std::vector<millrace::batch::LotT> last_lots(const millrace::batch::StateT& batch) {
  std::vector<millrace::batch::LotT> out;
  for (const auto& lot : batch.lots)
    if (std::ranges::none_of(batch.lots,
                             [&](const auto& l) { return l.retest_of == lot.inspection; }))
      out.push_back(lot);
  return out;
}

std::uint32_t retests_before(const millrace::batch::StateT& batch, const std::string& inspection) {
  std::uint32_t out = 0;
  for (std::string id = inspection; out < batch.lots.size();) {
    const auto at =
        std::ranges::find_if(batch.lots, [&](const auto& l) { return l.inspection == id; });
    if (at == batch.lots.end() || at->retest_of.empty()) break;
    id = at->retest_of;
    ++out;
  }
  return out;
}

bool has_failed(const lots::StateT& inspection) {
  if (inspection.status == lots::Status::usage_decided)
    return inspection.decision == millrace::batch::Decision::reject;
  return inspection.status == lots::Status::results_recorded &&
         inspection.verdict == lots::Verdict::fail;
}

findings judge(const batch_evidence& evidence, const batch_release_policy& policy) {
  findings out;
  judge_batch(evidence, out);
  judge_genealogy(evidence, out);
  judge_run(evidence, policy, out);
  judge_inspections(evidence, policy, out);
  for (const auto& id : evidence.open_nonconformances)
    add(out, "nonconformance", "nonconformance/" + id, Verdict::wait,
        "Nonconformance " + id + " is open.");
  return out;
}

rel::Decision decision_of(const findings& all) {
  const auto any = [&](Verdict verdict) {
    return std::ranges::any_of(all, [&](const auto& f) { return f.verdict == verdict; });
  };
  if (any(Verdict::reject)) return rel::Decision::reject;
  if (any(Verdict::retest)) return rel::Decision::retest;
  if (any(Verdict::wait)) return rel::Decision::quarantine;
  return rel::Decision::release;
}

}  // namespace millrace::actors
