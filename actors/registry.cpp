// The list of kinds: one line each, in the order of the schema's folders.
// No static self-registration, so that what a program knows is what is written here.
#include "actors/registry.hpp"

#include "actors/second_person.hpp"
#include "kinds_declared.hpp"  // built from the lines below, each kind in a unit of its own

namespace millrace::actors {

namespace {

/// Puts the rule of the second person before every kind, and violations of ownership on record.
struct guarded_registry {
  kind_registry& kinds;
  void add(std::unique_ptr<kind> k) { kinds.add(with_second_person(std::move(k))); }
};

}  // namespace

void register_kinds(kind_registry& kinds) {
  guarded_registry registry{kinds};
  registry.add(make_kind<plant>());
  registry.add(make_kind<rule_set>());
  registry.add(make_kind<ownership>());
  registry.add(make_kind<service_level>());
  registry.add(make_kind<erp_migration>());
  registry.add(make_kind<onboarding>());
  registry.add(make_kind<material>());
  registry.add(make_kind<master_data_sync>());
  registry.add(make_kind<work_center>());
  registry.add(make_kind<supplier>());
  registry.add(make_kind<order>());
  registry.add(make_kind<order_release>());
  registry.add(make_kind<production_confirmation>());
  registry.add(make_kind<recipe>());
  registry.add(make_kind<batch_run>());
  registry.add(make_kind<batch>());
  registry.add(make_kind<stock_reconciliation>());
  registry.add(make_kind<inspection>());
  registry.add(make_kind<hold>());
  registry.add(make_kind<batch_release>());
  registry.add(make_kind<nonconformance>());
  registry.add(make_kind<capa>());
  registry.add(make_kind<supplier_containment>());
  registry.add(make_kind<shipment>());
  registry.add(make_kind<node>());
  registry.add(make_kind<placement>());
}

}  // namespace millrace::actors
