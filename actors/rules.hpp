// The business rules that decisions look at: a typed catalogue, and the value in force at a plant.
// What a plant has adopted (by a journaled entry) wins over the node's configuration, which wins
// over the default.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/decision.hpp"
#include "schemas/platform/plant_kind.hpp"
#include "schemas/platform/rule_set_kind.hpp"
#include "schemas/result.hpp"

namespace millrace::actors {

enum class rule_type : std::uint8_t {
  choice,  // one of `choices`
  whole,   // a whole number within the bounds
  number,  // a decimal within the bounds; empty = none
};

struct rule_entry {
  std::string_view name;
  rule_type type;
  std::string_view fallback;
  std::string_view meaning;
  std::string_view choices;  // of a choice, separated by '|'
  std::int64_t least = 0;    // of a number
  std::int64_t most = 0;
};

/// Every rule there is. A name that is not here is refused wherever rules are set.
inline constexpr std::array rule_catalogue{
    rule_entry{"release.mode", rule_type::choice, "gate",
               "follow: request-release sets the life at once and does not call the ERP",
               "gate|follow"},
    rule_entry{"release.timeout_s", rule_type::whole, "604800", "how long a release may wait", "",
               1, 999'999'999},
    rule_entry{
        "references.must_exist", rule_type::choice, "false",
        "unknown materials, work centers and suppliers are refused or fail instead of warning",
        "false|true"},
    rule_entry{"operation.completed_by", rule_type::choice, "final",
               "quantity: an operation is done when yield and scrap reach the plan",
               "final|quantity"},
    rule_entry{"tolerance.over_delivery_percent", rule_type::number, "",
               "for orders and materials that give none themselves", "", 0, 1'000},
    rule_entry{"hold.enforce_timeout_s", rule_type::number, "30",
               "then a hold that is not enforced is partially_enforced and overdue", "", 0, 86'400},
    rule_entry{"hold.release_second_person", rule_type::choice, "no",
               "yes: who placed a hold may not release it", "no|yes"},
    rule_entry{"containment.reach_timeout_s", rule_type::number, "60",
               "then a plant or system that has not answered leaves a containment partly enforced",
               "", 0, 86'400},
    rule_entry{"containment.acknowledge_timeout_s", rule_type::number, "3600",
               "then people who have not acknowledged are alerted again", "", 1, 999'999},
    rule_entry{"containment.escalations_max", rule_type::whole, "3",
               "how often people are alerted again", "", 0, 100},
    rule_entry{"reconciliation.deadline_s", rule_type::whole, "600",
               "a system that has not reported its stock by then leaves the run incomplete", "", 1,
               86'400},
    rule_entry{"masterdata.check_s", rule_type::whole, "3600",
               "how often what the plants have of the enterprise's master data is checked", "", 1,
               999'999},
    rule_entry{"nonconformance.concession_required", rule_type::choice, "no",
               "yes: what passes the review board needs the customer as well", "no|yes"},
    rule_entry{"inspection.hold_on_failed_result", rule_type::choice, "no",
               "yes: the first failed result holds the lot", "no|yes"},
    rule_entry{"recipe.approve_second_person", rule_type::choice, "no",
               "yes: who defined a revision may not approve it", "no|yes"},
    rule_entry{"batch_release.automatic", rule_type::choice, "no",
               "yes: closing a batch run starts the release of what it made", "no|yes"},
    rule_entry{"batch_release.run_required", rule_type::choice, "no",
               "yes: a batch without a closed batch run stays in quarantine", "no|yes"},
    rule_entry{"batch_release.historian_required", rule_type::choice, "no",
               "yes: a batch run without historian windows stays in quarantine", "no|yes"},
    rule_entry{"batch_release.open_deviations", rule_type::choice, "quarantine",
               "ignore: deviations that nobody has assessed do not stop the release",
               "quarantine|ignore"},
    rule_entry{"batch_release.failed_test", rule_type::choice, "retest",
               "what follows a failed inspection, as long as retests are left",
               "retest|quarantine|reject"},
    rule_entry{"batch_release.retests_max", rule_type::whole, "1",
               "how many retests a batch may have before a failed one rejects it", "", 0, 10},
    rule_entry{"batch_release.signature", rule_type::choice, "yes",
               "yes: releasing or rejecting waits for a signature", "yes|no"},
};

/// The catalogue's entry; null = no such rule.
[[nodiscard]] const rule_entry* find_rule(std::string_view name);
/// Why that value cannot be set: request.invalid.
[[nodiscard]] result<void> check_rule(std::string_view name, std::string_view value);

/// A rule as a decision saw it.
struct rule_in_force {
  std::string value;
  std::string level;          // "enterprise", "region", "plant"; "configuration", "default"
  std::uint64_t version = 0;  // of the rule set that it comes from
};
[[nodiscard]] rule_in_force rule_seen(context& ctx, std::string_view name);
/// Its value alone. The plant's state that it came from is journaled with the decision.
[[nodiscard]] std::string rule_of(context& ctx, std::string_view name);
/// The same from a plant's state, without what the node's configuration says.
[[nodiscard]] rule_in_force rule_at(const millrace::plant::StateT& plant, std::string_view name);

/// What a plant has to adopt: the enterprise's rules, then its region's, then its own; null = none.
[[nodiscard]] std::vector<millrace::plant::AdoptedRuleT> merge_rules(
    const millrace::rule_set::StateT* enterprise, const millrace::rule_set::StateT* region,
    const millrace::rule_set::StateT* own);

/// Ids of rule sets: the enterprise's and the regions' live in the pseudo-plant "enterprise", a
/// plant's own in the plant.
inline constexpr std::string_view enterprise_plant = "enterprise";
inline constexpr std::string_view enterprise_rules = "enterprise";
inline constexpr std::string_view plant_rules = "plant";
[[nodiscard]] std::string region_rules(std::string_view region);  // "region~eu"

}  // namespace millrace::actors
