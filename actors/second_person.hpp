// Commands that a second person must approve of, where the plant's rule asks for it.
// The first person's command is parked as it is (code approval.needed); another person of the same
// right approves, and then it is decided on; no change of the actor does that by itself.
#pragma once

#include <array>
#include <memory>
#include <string_view>

#include "actors/rules.hpp"
#include "cluster/kind.hpp"
#include "schemas/result.hpp"

namespace millrace::actors {

/// A command that may have to wait, and the rule that says so ("yes"). Facts are not among them
/// (nothing that was reported waits), nor is what places a hold.
struct approvable {
  rule_entry rule;
  std::string_view kind;                       // of the actor
  std::string_view command;                    // in the API's words
  bool (*applies)(bytes_view body) = nullptr;  // null = always
};
/// Everything but the rejection of a whole lot: some of it becomes usable.
[[nodiscard]] bool makes_usable(bytes_view decide_usage);

[[nodiscard]] constexpr rule_entry approval_rule(std::string_view name, std::string_view meaning) {
  return {name, rule_type::choice, "no", meaning, "no|yes"};
}

inline constexpr std::array approvable_commands{
    approvable{approval_rule("approval.release_hold",
                             "yes: releasing a hold of a lot waits for a second person"),
               "batch", "release-hold"},
    approvable{approval_rule("approval.release_order_hold",
                             "yes: releasing a hold of an order waits for a second person"),
               "order", "release-hold"},
    approvable{
        approval_rule("approval.usage_decision",
                      "yes: a usage decision that makes stock usable waits for a second person"),
        "inspection", "decide-usage", makes_usable},
    approvable{approval_rule("approval.batch_release",
                             "yes: signing a batch release waits for a second person"),
               "batch_release", "sign"},
    approvable{approval_rule("approval.disposition",
                             "yes: disposing a nonconformance waits for a second person"),
               "nonconformance", "dispose"},
    approvable{approval_rule("approval.restriction",
                             "yes: setting a lot's restriction waits for a second person"),
               "batch", "set-restriction"},
    approvable{approval_rule("approval.stock_adjustment",
                             "yes: adjusting financial stock waits for a second person"),
               "batch", "adjust-stock"},
    approvable{approval_rule("approval.regrade", "yes: regrading a lot waits for a second person"),
               "batch", "regrade"},
    approvable{approval_rule("approval.stock_correction",
                             "yes: correcting by a stock reconciliation waits for a second person"),
               "stock_reconciliation", "approve-correction"},
    approvable{approval_rule("approval.cut_over",
                             "yes: cutting a plant over to its next ERP waits for a second person"),
               "erp_migration", "cut-over"},
    approvable{approval_rule("approval.migration_completion",
                             "yes: completing a plant's migration waits for a second person"),
               "erp_migration", "complete"}};

/// The kind with the rule before its decisions. Clients' commands only: what actors say to each
/// other follows from decisions that were made. A refusal of a command or field that another system
/// owns goes on record (ownership.hpp).
[[nodiscard]] std::unique_ptr<kind> with_second_person(std::unique_ptr<kind> inner);

}  // namespace millrace::actors
