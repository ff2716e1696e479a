// What the simulated clients want: reports, holds, shipments, inspections, releases, operators'
// work on exceptions, and repetitions. Little stock and few actors, so that commands get into each
// other's way.

#include <utility>

#include "schemas/inventory/batch_kind.hpp"
#include "schemas/logistics/shipment_kind.hpp"
#include "schemas/maintenance/work_center_kind.hpp"
#include "schemas/masterdata/material_kind.hpp"
#include "schemas/masterdata/supplier_kind.hpp"
#include "schemas/platform/plant_kind.hpp"
#include "schemas/platform/rule_set_kind.hpp"
#include "schemas/production/batch_run_kind.hpp"
#include "schemas/production/order_kind.hpp"
#include "schemas/production/recipe_kind.hpp"
#include "schemas/quality/batch_release_kind.hpp"
#include "schemas/quality/inspection_kind.hpp"
#include "schemas/quality/nonconformance_kind.hpp"
#include "schemas/quality/supplier_containment_kind.hpp"
#include "tests/simulation/clients.hpp"

namespace millrace::simulation {
namespace {

constexpr unsigned orders = 3;
constexpr unsigned batches = 3;
constexpr unsigned inspected = 2;  // batches that have to be inspected
constexpr unsigned shipments = 2;  // that are never full
constexpr unsigned supplier_lots = 2;
constexpr unsigned parcels = 6;  // shipments that leave

std::string numbered(const char* prefix, std::uint64_t n) { return prefix + std::to_string(n); }

shipment::PlanT plan_of(const std::string& what, std::int64_t quantity) {
  shipment::PlanT plan;
  plan.customer = "C-77";
  plan.items.emplace_back();
  plan.items.back().item = "10";
  plan.items.back().material = what;
  plan.items.back().quantity = decimal::from_units(quantity);
  plan.items.back().unit = "EA";
  return plan;
}

}  // namespace

template <class CommandT, class Schema>
shared_operation clients::make(const std::string& plant, const std::string& id, const CommandT& c,
                               System by, deed what) {
  auto op = std::make_shared<operation>();
  op->key = numbered("key-", made_++);
  op->to = {plant, std::string(Schema::name), id};
  op->what = what;
  op->body = decision<Schema>::pack(c);
  op->command = static_cast<std::uint8_t>(Schema::template command_member<CommandT>());
  op->system = by;
  return op;
}

std::string clients::any(const char* prefix, unsigned count) {
  return numbered(prefix, world_.below(count));
}

void clients::set_up(const std::string& plant) {
  const auto add = [&](shared_operation op) {
    op->what = deed::setup;
    setup_.push_back(std::move(op));
  };
  plant::CommissionT commission;
  commission.region = "eu";
  commission.time_zone = "Europe/Berlin";
  add(make<plant::CommissionT, plant::schema>(plant, plant, commission, System::ops));
  if (plant == "enterprise") {
    supplier::ApproveT approve;
    approve.reason = "simulated";
    return add(make<supplier::ApproveT, supplier::schema>(plant, "ACME", approve, System::sqm));
  }
  material::DefineT define;
  define.revision = "A";
  define.base_unit = "EA";
  add(make<material::DefineT, material::schema>(plant, "HOUSING", define, System::erp));
  add(make<material::DefineT, material::schema>(plant, "SEAL", define, System::erp));
  material::RoutingStepT step;
  step.operation = "0010";
  step.work_center = "WC-1";
  define.routing.push_back(step);
  add(make<material::DefineT, material::schema>(plant, "PUMP", define, System::erp));
  batch::ReceiveT receive;
  receive.quantity = decimal::from_units(40);  // little enough to run short
  receive.unit = "EA";
  receive.material = "HOUSING";
  if (faults_.enterprise) receive.supplier = "ACME";
  for (unsigned b = 0; b < batches; ++b) {
    receive.supplier_lot = faults_.enterprise ? numbered("L-", b % supplier_lots) : "";
    add(make<batch::ReceiveT, batch::schema>(plant, numbered("B-", b), receive, System::erp));
  }
  receive.material = "SEAL";
  receive.stock = batch::Into::quality_inspection;
  for (unsigned b = 0; b < inspected; ++b)
    add(make<batch::ReceiveT, batch::schema>(plant, numbered("Q-", b), receive, System::erp));
  order::CreateT create;
  create.material = "PUMP";
  create.revision = "A";
  create.quantity = decimal::from_units(1'000'000);
  create.unit = "EA";
  for (unsigned o = 0; o < orders; ++o) {
    add(make<order::CreateT, order::schema>(plant, numbered("O-", o), create, System::erp));
    add(make<order::ReleaseT, order::schema>(plant, numbered("O-", o), {}, System::erp));
  }
  work_center::DefineT center;
  center.name = "Assembly";
  add(make<work_center::DefineT, work_center::schema>(plant, "WC-1", center, System::erp));
  recipe::DefineT formula;
  formula.revision = "A";
  formula.material = "PUMP";
  formula.batch_size = decimal::from_units(1);
  formula.unit = "EA";
  formula.parameters.emplace_back().parameter = "pressure";
  formula.parameters[0].upper = std::make_unique<decimal>(decimal::from_units(10));
  formula.parameters[0].unit = "BAR";
  add(make<recipe::DefineT, recipe::schema>(plant, "R-PUMP", formula, System::plm));
  recipe::ApproveT approve;
  approve.revision = "A";
  approve.effective_from = timestamp::from_micros(1);  // whatever the clocks of the machines say
  add(make<recipe::ApproveT, recipe::schema>(plant, "R-PUMP", approve, System::qms));
  batch_run::CreateT run;
  run.recipe = "R-PUMP";
  run.quantity = decimal::from_units(1000);
  run.unit = "EA";
  for (unsigned o = 0; o < orders; ++o) {
    run.order = numbered("O-", o);
    add(make<batch_run::CreateT, batch_run::schema>(plant, numbered("BR-", o), run, System::mes));
  }
  for (unsigned s = 0; s < shipments; ++s)
    add(make<shipment::PlanT, shipment::schema>(plant, numbered("S-", s),
                                                plan_of("HOUSING", 1'000'000), System::wms));
  for (unsigned s = 0; s < parcels; ++s)
    add(make<shipment::PlanT, shipment::schema>(
        plant, numbered("T-", s), plan_of(s % 2 == 0 ? "HOUSING" : "PUMP", 2), System::wms));
}

shared_operation clients::draw() {
  const auto plant = fleet_.plant_names()[world_.below(faults_.plants)];
  const auto pick = world_.below(100);
  if (pick < 40) return draw_report(plant);
  if (pick < 46) return draw_run(plant);
  if (pick < 47) return draw_order_hold(plant);
  if (pick < 50) return draw_floor(plant);
  if (pick < 68) return draw_shipment(plant);
  if (pick < 78) return draw_hold(plant);
  if (pick < 85) return draw_inspection(plant);
  if (pick < 88) return draw_release(plant);
  if (pick < 90) return draw_nonconformance(plant);
  if (pick < 91 && faults_.enterprise) return draw_supplier();
  if (pick < 93) return draw_lots(plant);
  if (pick < 94) return draw_exception(plant);
  return draw_repetition();
}

// Of the MES: confirmations, goods movements and their reversals; now and then stock comes in.
shared_operation clients::draw_report(const std::string& plant) {
  const auto order_id = !gated_.empty() && world_.chance(0.1)
                            ? gated_[world_.below(gated_.size())].id
                            : any("O-", orders);
  const auto id = numbered("R-", made_);
  const auto pick = world_.below(100);
  if (pick < 45) {
    order::ConfirmOperationT c;
    c.confirmation = id;
    c.operation = "0010";
    c.yield = decimal::from_units(1);
    c.unit = "EA";
    auto op = make<order::ConfirmOperationT, order::schema>(plant, order_id, c, System::mes,
                                                            deed::confirm);
    op->report = id;
    return op;
  }
  if (pick < 75) {
    const bool seal = world_.chance(0.25);
    order::ReportConsumptionT c;
    c.report = id;
    c.operation = "0010";
    c.material = seal ? "SEAL" : "HOUSING";
    c.batch = seal ? any("Q-", inspected) : any("B-", batches);
    c.quantity = decimal::from_units(1);
    c.unit = "EA";
    auto op = make<order::ReportConsumptionT, order::schema>(plant, order_id, c, System::mes,
                                                             deed::consume);
    op->report = id;
    op->batch = c.batch;
    return op;
  }
  if (pick < 88) {
    order::ReportProductionT c;
    c.report = id;
    c.batch = any("P-", orders);
    c.quantity = decimal::from_units(1);
    c.unit = "EA";
    auto op = make<order::ReportProductionT, order::schema>(
        plant, numbered("O-", c.batch.back() - '0'), c, System::mes);
    op->report = id;
    return op;
  }
  if (pick < 94) {
    for (auto at = operations_.rbegin(); at != operations_.rend(); ++at) {
      if ((*at)->what != deed::consume || (*at)->to.plant != plant) continue;
      order::ReverseConsumptionT c;
      c.report = (*at)->report;
      c.reason = "simulated";
      return make<order::ReverseConsumptionT, order::schema>(plant, (*at)->to.id, c, System::mes);
    }
  }
  batch::ReceiveT c;
  c.material = "HOUSING";
  c.quantity = decimal::from_units(3);
  c.unit = "EA";
  c.receipt = id;
  if (faults_.enterprise && world_.chance(0.5)) {
    c.supplier = "ACME";
    c.supplier_lot = any("L-", supplier_lots);
  }
  return make<batch::ReceiveT, batch::schema>(plant, any("B-", batches), c, System::erp);
}

shared_operation clients::draw_shipment(const std::string& plant) {
  const auto pick = world_.below(100);
  if (pick < 12)
    return make<shipment::PickT, shipment::schema>(plant, any("T-", parcels), {}, System::wms);
  if (pick < 24)
    return make<shipment::ShipT, shipment::schema>(plant, any("T-", parcels), {}, System::wms);
  const bool parcel = world_.chance(0.4);
  const auto number = world_.below(parcel ? parcels : shipments);
  shipment::AllocateT c;
  c.item = "10";
  c.batch = parcel && number % 2 == 1 ? any("P-", orders) : any("B-", batches);
  c.quantity = decimal::from_units(1);
  c.unit = "EA";
  auto op = make<shipment::AllocateT, shipment::schema>(
      plant, numbered(parcel ? "T-" : "S-", number), c, System::wms, deed::allocate);
  op->batch = c.batch;
  return op;
}

shared_operation clients::draw_hold(const std::string& plant) {
  if (!holds_.empty() && world_.chance(0.55)) {
    const auto at = holds_.begin() + static_cast<std::ptrdiff_t>(world_.below(holds_.size()));
    batch::ReleaseHoldT c;
    c.hold = (*at)->report;
    c.reason = "simulated";
    auto op = make<batch::ReleaseHoldT, batch::schema>((*at)->to.plant, (*at)->to.id, c,
                                                       System::qms, deed::hold);
    op->report = c.hold;
    holds_.erase(at);
    return op;
  }
  batch::PlaceHoldT c;
  c.hold = numbered("H-", made_);
  c.reason = "simulated";
  const auto id = world_.chance(0.8) ? any("B-", batches) : any("P-", orders);
  auto op = make<batch::PlaceHoldT, batch::schema>(plant, id, c, System::mes, deed::hold);
  op->report = c.hold;
  holds_.push_back(op);
  return op;
}

shared_operation clients::draw_inspection(const std::string& plant) {
  if (inspections_.empty() || world_.chance(0.3)) {
    inspection::CreateT c;
    c.batch = any("Q-", inspected);
    c.plan = "IP-7";
    material::CharacteristicT pressure;
    pressure.name = "pressure";
    pressure.lower = std::make_unique<decimal>(decimal::from_units(9));
    pressure.upper = std::make_unique<decimal>(decimal::from_units(11));
    pressure.unit = "BAR";
    c.characteristics.push_back(std::move(pressure));
    auto op =
        make<inspection::CreateT, inspection::schema>(plant, numbered("I-", made_), c, System::qms);
    inspections_.push_back(op->to);
    return op;
  }
  const auto where = inspections_[inspections_.size() - 1 -
                                  world_.below(std::min<std::size_t>(inspections_.size(), 3))];
  if (world_.chance(0.5)) {
    inspection::RecordResultT c;
    c.characteristic = "pressure";
    c.value = std::make_unique<decimal>(decimal::from_units(world_.chance(0.8) ? 10 : 12));
    c.unit = "BAR";
    c.result = numbered("V-", made_);
    return make<inspection::RecordResultT, inspection::schema>(where.plant, where.id, c,
                                                               System::qms);
  }
  inspection::DecideUsageT c;
  c.decision = world_.chance(0.8) ? batch::Decision::accept : batch::Decision::reject;
  return make<inspection::DecideUsageT, inspection::schema>(where.plant, where.id, c, System::qms);
}

// Orders that ask for their release: they wait until there is stock to reserve, and until the MES
// has them.
shared_operation clients::draw_release(const std::string& plant) {
  if (gated_.empty() || world_.chance(0.4)) {
    order::CreateT c;
    c.material = "PUMP";
    c.revision = "A";
    c.quantity = decimal::from_units(2);
    c.unit = "EA";
    material::ComponentT housing;
    housing.material = "HOUSING";
    housing.quantity = decimal::from_units(1);
    housing.unit = "EA";
    housing.operation = "0010";
    c.components.push_back(std::move(housing));
    auto op = make<order::CreateT, order::schema>(plant, numbered("G-", made_), c, System::erp);
    gated_.push_back(op->to);
    return op;
  }
  const auto where = gated_[world_.below(gated_.size())];
  if (world_.chance(0.1))
    return make<order::CancelT, order::schema>(where.plant, where.id, {}, System::erp);
  return make<order::RequestReleaseT, order::schema>(where.plant, where.id, {}, System::erp);
}

// Batch runs: states in any order, values in and out of the limits, materials through the run or
// the order, records that close and open again.
shared_operation clients::draw_run(const std::string& plant) {
  const auto run = any("BR-", orders);
  const auto id = numbered("R-", made_);
  const auto pick = world_.below(100);
  if (pick < 25) {
    batch_run::ReportStateT c;
    c.report = id;
    c.status = batch_run::EnumValuesStatus()[world_.below(12)];
    return make<batch_run::ReportStateT, batch_run::schema>(plant, run, c, System::mes);
  }
  if (pick < 45) {
    batch_run::ReportParameterT c;
    c.report = id;
    c.parameter = "pressure";
    c.actual = std::make_unique<decimal>(decimal::from_units(world_.chance(0.7) ? 9 : 11));
    c.unit = "BAR";
    return make<batch_run::ReportParameterT, batch_run::schema>(plant, run, c, System::mes);
  }
  if (pick < 65) {
    batch_run::ReportConsumptionT c;
    c.report = id;
    c.material = "HOUSING";
    c.batch = any("B-", batches);
    c.quantity = decimal::from_units(1);
    c.unit = "EA";
    return make<batch_run::ReportConsumptionT, batch_run::schema>(plant, run, c, System::mes);
  }
  if (pick < 80) {
    order::ReportProductionT c;
    c.report = id;
    c.batch = numbered("P-", run.back() - '0');
    c.quantity = decimal::from_units(1);
    c.unit = "EA";
    c.batch_run = run;
    return make<order::ReportProductionT, order::schema>(plant, numbered("O-", run.back() - '0'), c,
                                                         System::mes);
  }
  if (pick < 90) return make<batch_run::CloseT, batch_run::schema>(plant, run, {}, System::mes);
  batch_run::ReopenT c;
  c.reason = "simulated";
  return make<batch_run::ReopenT, batch_run::schema>(plant, run, c, System::qms);
}

// A work center that comes and goes, rules that change, and releases of batches.
shared_operation clients::draw_floor(const std::string& plant) {
  const auto pick = world_.below(100);
  if (pick < 20) {
    work_center::ReportDownT c;
    c.downtime = numbered("D-", world_.below(4));
    c.reason = "simulated";
    return make<work_center::ReportDownT, work_center::schema>(plant, "WC-1", c, System::mes);
  }
  if (pick < 45) {
    work_center::ReportUpT c;
    c.downtime = numbered("D-", world_.below(4));
    return make<work_center::ReportUpT, work_center::schema>(plant, "WC-1", c, System::mes);
  }
  if (pick < 55) {
    plant::AdoptRulesT c;
    c.plant_version = made_;
    auto& rule = c.rules.emplace_back();
    rule.name = "batch_release.signature";
    rule.value = world_.chance(0.5) ? "yes" : "no";
    rule.version = made_;
    return make<plant::AdoptRulesT, plant::schema>(plant, plant, c, System::ops);
  }
  const auto batch_id = world_.chance(0.85) ? any("Q-", inspected) : any("P-", orders);
  if (pick < 75)
    return make<batch_release::StartT, batch_release::schema>(plant, batch_id, {}, System::qms);
  if (pick < 88)
    return make<batch_release::RecheckT, batch_release::schema>(plant, batch_id, {}, System::qms);
  batch_release::SignT c;
  c.decision =
      world_.chance(0.5) ? batch_release::Decision::release : batch_release::Decision::reject;
  c.reason = "simulated";
  return make<batch_release::SignT, batch_release::schema>(plant, batch_id, c, System::qms);
}

// Raised on the line, looked at, and given up again: its holds come and go.
shared_operation clients::draw_nonconformance(const std::string& plant) {
  if (nonconformances_.empty() || world_.chance(0.4)) {
    nonconformance::RaiseT c;
    c.title = "simulated";
    c.lots.emplace_back();
    c.lots.back().batch = world_.chance(0.7) ? any("B-", batches) : any("P-", orders);
    if (world_.chance(0.5)) {
      c.lots.back().quantity = std::make_unique<decimal>(decimal::from_units(1));
      c.lots.back().unit = "EA";
    }
    auto op = make<nonconformance::RaiseT, nonconformance::schema>(plant, numbered("N-", made_), c,
                                                                   System::mes);
    nonconformances_.push_back(op->to);
    return op;
  }
  const auto at = world_.below(nonconformances_.size());
  const auto where = nonconformances_[at];
  if (world_.chance(0.3))
    return make<nonconformance::BeginReviewT, nonconformance::schema>(where.plant, where.id, {},
                                                                      System::qms);
  nonconformances_.erase(nonconformances_.begin() + static_cast<std::ptrdiff_t>(at));
  nonconformance::CancelT c;
  c.reason = "simulated";
  return make<nonconformance::CancelT, nonconformance::schema>(where.plant, where.id, c,
                                                               System::qms);
}

// A quality event holds what came of its lots in every plant, until it is withdrawn.
shared_operation clients::draw_supplier() {
  if (containments_.empty() || world_.chance(0.4)) {
    supplier::ReportQualityEventT c;
    c.event = numbered("E-", made_);
    c.supplier_lots.push_back(any("L-", supplier_lots));
    c.reason = "simulated";
    containments_.push_back({"enterprise", "supplier_containment", c.event});
    return make<supplier::ReportQualityEventT, supplier::schema>("enterprise", "ACME", c,
                                                                 System::sqm);
  }
  const auto where = containments_.back();
  containments_.pop_back();
  supplier_containment::WithdrawT c;
  c.reason = "simulated";
  return make<supplier_containment::WithdrawT, supplier_containment::schema>(where.plant, where.id,
                                                                             c, System::sqm);
}

// Lots that are split, merged, moved to another plant, scrapped, blocked; and all of it taken back.
shared_operation clients::draw_lots(const std::string& plant) {
  const auto posting = numbered("M-", made_);
  const auto id = any("B-", batches);
  const auto pick = world_.below(100);
  if (pick < 30 && !postings_.empty()) {
    const auto& [where, what] = postings_[world_.below(postings_.size())];
    batch::ReverseMovementT c;
    c.posting = what;
    c.reason = "simulated";
    return make<batch::ReverseMovementT, batch::schema>(where.plant, where.id, c, System::wms);
  }
  postings_.emplace_back(address{plant, "batch", id}, posting);
  const auto fill = [&](auto c) {
    c.posting = posting;
    c.quantity = decimal::from_units(1);
    c.unit = "EA";
    return c;
  };
  if (pick < 50) {
    auto c = fill(batch::SplitT());
    c.batch = any("X-", 4);  // exists after the first: refused, and back
    return make<batch::SplitT, batch::schema>(plant, id, c, System::wms);
  }
  if (pick < 65) {
    auto c = fill(batch::MergeT());
    c.batch = any("X-", 4);
    return make<batch::MergeT, batch::schema>(plant, id, c, System::wms);
  }
  if (pick < 80 && faults_.plants > 1) {
    auto c = fill(batch::TransferPlantT());
    c.plant = fleet_.plant_names()[world_.below(faults_.plants)];
    c.batch = any("Y-", 2);
    c.two_steps = world_.chance(0.5);
    return make<batch::TransferPlantT, batch::schema>(plant, id, c, System::wms);
  }
  auto c = fill(batch::PostMovementT());
  const char* codes[] = {"551", "344", "343", "555"};
  c.movement = codes[world_.below(4)];
  return make<batch::PostMovementT, batch::schema>(plant, id, c, System::wms);
}

// Orders that are stopped and let go while they are released, dispatched and reported on.
shared_operation clients::draw_order_hold(const std::string& plant) {
  if (!order_holds_.empty() && world_.chance(0.6)) {
    const auto at = world_.below(order_holds_.size());
    const auto [where, hold] = order_holds_[at];
    order_holds_.erase(order_holds_.begin() + static_cast<std::ptrdiff_t>(at));
    order::ReleaseHoldT c;
    c.hold = hold;
    c.reason = "simulated";
    return make<order::ReleaseHoldT, order::schema>(where.plant, where.id, c, System::mes);
  }
  address where{plant, "order", any("O-", orders)};
  if (!gated_.empty() && world_.chance(0.7)) where = gated_[world_.below(gated_.size())];
  order::PlaceHoldT c;
  c.hold = numbered("OH-", made_);
  c.type = batch::HoldType::production;
  c.reason = "simulated";
  order_holds_.emplace_back(where, c.hold);
  return make<order::PlaceHoldT, order::schema>(where.plant, where.id, c, System::wms);
}

shared_operation clients::draw_exception(const std::string& plant) {
  const auto* host = fleet_.host_of(plant);
  const auto open = host != nullptr
                        ? host->exceptions("", "", 50)
                        : result<std::vector<exception_view>>(std::vector<exception_view>());
  if (!open || open->empty()) return draw_report(plant);
  const auto& e = (*open)[world_.below(open->size())];
  auto op = std::make_shared<operation>();
  const auto [kind, id] = split_local(e.actor);
  op->key = numbered("key-", made_++);
  op->to = {plant, std::string(kind), std::string(id)};
  op->what = deed::exception;
  op->exception = e.id;
  op->system = System::mes;
  const auto pick = world_.below(3);
  op->op = pick == 0 ? request::exception_op::retry : request::exception_op::discard;
  flatbuffers::Verifier verifier(e.body.data(), e.body.size());
  if (pick == 2 && kind == batch::schema::name && verifier.VerifyBuffer<batch::Consume>(nullptr)) {
    batch::ConsumeT less;
    flatbuffers::GetRoot<batch::Consume>(e.body.data())->UnPackTo(&less);
    if (less.report.empty() || less.quantity <= decimal()) return draw_report(plant);
    less.quantity = decimal::from_micros(less.quantity.micros() / 2);
    op->op = request::exception_op::correct;
    op->body = decision<batch::schema>::pack(less);
  }
  return op;
}

// The same again under another key, or another command under the same key.
shared_operation clients::draw_repetition() {
  if (operations_.empty()) return draw_report(fleet_.plant_names().front());
  const auto& first = *operations_[world_.below(operations_.size())];
  const bool reports = first.what == deed::confirm || first.what == deed::consume;
  auto op = std::make_shared<operation>(first);
  op->answer = {};
  op->answered_us = -1;
  op->sends = 0;
  op->told.clear();
  if (reports && world_.chance(0.6)) {
    op->key = numbered("key-", made_++);
    return op;
  }
  if (first.answered_us < 0 || first.what == deed::reuse) return draw_report(first.to.plant);
  auto other = draw_report(first.to.plant);
  if (other->body == first.body) return other;
  other->key = first.key;
  other->what = deed::reuse;
  return other;
}

}  // namespace millrace::simulation
