// The views that there are. A name that a schema does not have fails views_test.
#include "nodes/gateway/views.hpp"

namespace millrace::gateway {
namespace {

view_section open_holds() {
  return {"holds",
          "hold",
          "status",
          {"requested", "placing", "contained", "enforced", "partially_enforced",
           "enforced_with_escapes", "release_requested", "releasing"},
          {"status", "type", "reason", "source", "batch", "placed_by", "asked_at", "contained_at",
           "enforced_at", "overdue", "waits_for", "lots", "lots_open", "systems_open",
           "systems_failed", "acknowledgers", "escapes", "escaped", "recall"}};
}

view_section running_orders(std::string_view where = {}) {
  return {"orders",
          "order",
          "dispatch",
          {"dispatched", "ready", "running", "held", "suspended"},
          {"material", "quantity", "unit", "life", "dispatch", "confirmation", "yield", "scrap",
           "due", "blockers", "operations", "postings_open", "postings_refused", "holds"},
          where};
}

view_section running_batches(std::string_view where = {}) {
  return {"batch_runs",
          "batch_run",
          "status",
          {"running", "pausing", "paused", "holding", "held", "restarting", "stopping", "aborting"},
          {"status", "order", "recipe", "material", "equipment", "reason", "since", "phases",
           "deviations_open"},
          where};
}

view_section work_centers(std::vector<std::string_view> lives) {
  return {"work_centers",
          "work_center",
          "life",
          std::move(lives),
          {"life", "name", "area", "reason", "planned", "since", "downs", "maintenance"}};
}

view_section open_nonconformances(std::string_view where = {}) {
  return {"nonconformances",
          "nonconformance",
          "status",
          {"open", "contained", "under_review", "mrb_pending", "dispositioned", "executing"},
          {"status", "title", "severity", "order", "operation", "work_center", "batch", "raised_by",
           "raised_at", "waits_for"},
          where};
}

std::vector<view_model> make() {
  std::vector<view_model> all;
  all.push_back({"hold-board", false, false, {open_holds()}});
  all.push_back(
      {"release-cockpit",
       false,
       false,
       {{"order_releases",
         "order_release",
         "status",
         {"checking", "parked", "dispatching"},
         {"status", "mode", "requested_at", "deadline", "reason", "checks", "holds", "mes", "erp"}},
        {"batch_releases",
         "batch_release",
         "status",
         {"gathering", "quarantined", "retesting", "awaiting_signature", "acting"},
         {"status", "material", "order", "run", "decision", "waits_for", "started_at"}},
        {"inspections",
         "inspection",
         "status",
         {"created", "released", "results_recorded"},
         {"status", "batch", "material", "plan", "verdict", "created_at"}}}});
  all.push_back({"shift",
                 true,
                 true,
                 {running_orders(), running_batches(), work_centers({"down"}), open_holds(),
                  open_nonconformances()}});
  all.push_back({"exceptions", true, false, {}});
  all.push_back({"supervisor",
                 false,
                 true,
                 {work_centers({"available", "down"}), running_orders("/operations/*/work_center"),
                  running_batches("/equipment"), open_nonconformances("/work_center")}});
  return all;
}

}  // namespace

const std::vector<view_model>& views() {
  static const auto all = make();
  return all;
}

}  // namespace millrace::gateway
