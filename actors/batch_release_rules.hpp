// What may become of a batch, as a pure function over what was looked at: the release process and
// the rehearsal of rules ask the same question and get the same findings.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "schemas/inventory/batch_kind.hpp"
#include "schemas/production/batch_run_kind.hpp"
#include "schemas/production/recipe_kind.hpp"
#include "schemas/quality/batch_release_kind.hpp"
#include "schemas/quality/inspection_kind.hpp"

namespace millrace::actors {

/// The rules that a decision looks at.
struct batch_release_policy {
  bool run_required = false;
  bool historian_required = false;
  bool open_deviations_stop = true;
  std::string failed_test = "retest";  // retest, quarantine, reject
  std::uint32_t retests_max = 1;
};

/// What was gathered; null = not known here.
struct batch_evidence {
  std::string batch_id;
  const millrace::batch::StateT* batch = nullptr;
  std::string run_id;  // empty = there is none
  const millrace::batch_run::StateT* run = nullptr;
  const millrace::recipe::StateT* recipe = nullptr;
  std::vector<std::pair<std::string, const millrace::inspection::StateT*>> inspections;
  std::vector<std::pair<std::string, const millrace::batch::StateT*>> inputs;
  std::vector<std::string> open_nonconformances;
  std::string own_hold;  // that the process has placed itself
};

[[nodiscard]] std::vector<millrace::batch_release::FindingT> judge(
    const batch_evidence& evidence, const batch_release_policy& policy);
/// Reject wins over retest, retest over quarantine; without any of them: release.
[[nodiscard]] millrace::batch_release::Decision decision_of(
    const std::vector<millrace::batch_release::FindingT>& findings);

/// Inspection lots of the batch that no other one retests.
[[nodiscard]] std::vector<millrace::batch::LotT> last_lots(const millrace::batch::StateT& batch);
/// How many retests led to that lot.
[[nodiscard]] std::uint32_t retests_before(const millrace::batch::StateT& batch,
                                           const std::string& inspection);
/// Decided by rejection, or tested with a failed result.
[[nodiscard]] bool has_failed(const millrace::inspection::StateT& inspection);

}  // namespace millrace::actors
