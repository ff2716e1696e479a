// Orders at the points from which the order's tests start: created, asked, released, executed,
// closed; and what is sent to them. Shared by order_test (life and release),
// order_confirmations_test and order_movements_test.
#pragma once

#include "actors/batch.hpp"
#include "actors/material.hpp"
#include "actors/order.hpp"
#include "actors/order_release.hpp"
#include "actors/production_confirmation.hpp"
#include "tests/kind_harness.hpp"

namespace millrace::testing::orders {

using namespace millrace::order;
using subject = actors::order;
namespace lot = millrace::batch;

inline const hash128 asker{7, 7};

inline material::StateT pump() {
  material::StateT m;
  m.base_unit = "EA";
  m.revision = "A";
  m.conversions.resize(1);
  m.conversions[0].unit = "BX";
  m.conversions[0].numerator = 12;
  auto& r = m.revisions.emplace_back();
  r.revision = "A";
  r.base_quantity = decimal::from_units(1);
  r.routing.resize(2);
  r.routing[0].operation = "0010";
  r.routing[0].work_center = "WC-1";
  r.routing[0].labour_time = "PT6M";
  r.routing[0].setup_time = "PT20M";
  r.routing[1].operation = "0020";
  r.components.resize(1);
  r.components[0].material = "HOUSING";
  r.components[0].quantity = decimal::from_units(1);
  r.components[0].unit = "EA";
  r.components[0].operation = "0010";
  r.components[0].scrap_percent = decimal::from_units(10);
  return m;
}
inline material::StateT housing(bool batches = true) {
  material::StateT m;
  m.base_unit = "EA";
  m.batch_managed = batches;
  return m;
}
inline CreateT create() {
  CreateT c;
  c.material = "PUMP-100";
  c.revision = "A";
  c.quantity = decimal::from_units(10);
  c.unit = "EA";
  return c;
}
inline given<subject> created() {
  given<subject> g;
  g.id("1000042")
      .reference<actors::material>("PUMP-100", pump())
      .reference<actors::material>("HOUSING", housing());
  g.when(create(), System::erp).then_accepted();
  return g;
}
inline MarkReleasedT mark_released(bool dispatched = false) {
  MarkReleasedT c;
  c.revision = "A";
  c.dispatched = dispatched;
  return c;
}
inline given<subject> asked() {
  auto g = created();
  g.command_id(asker).when(RequestReleaseT(), System::erp).then_pending();
  return g;
}
inline given<subject> released() {
  auto g = asked();
  auto mark = mark_released(true);
  mark.operations = g.state().operations;
  mark.components = g.state().components;
  g.when_from("order_release/1000042", mark).then_accepted();
  return g;
}
inline ConfirmOperationT confirm(const char* id = "C-1", const char* operation = "0010",
                                 int yield = 10, bool final = true) {
  ConfirmOperationT c;
  c.confirmation = id;
  c.operation = operation;
  c.yield = decimal::from_units(yield);
  c.unit = "EA";
  c.final = final;
  return c;
}
inline ReportConsumptionT consume(const char* id = "G-1", int quantity = 10) {
  ReportConsumptionT c;
  c.report = id;
  c.operation = "0010";
  c.material = "HOUSING";
  c.batch = "HSG-0001";
  c.quantity = decimal::from_units(quantity);
  c.unit = "EA";
  return c;
}
inline ReportProductionT produce(const char* id = "P-1", const char* batch = "PMP-0001",
                                 int quantity = 10) {
  ReportProductionT c;
  c.report = id;
  c.batch = batch;
  c.quantity = decimal::from_units(quantity);
  c.unit = "EA";
  return c;
}
inline lot::ConsumedT lot_consumed(int quantity = 10) {
  lot::ConsumedT e;
  e.quantity = decimal::from_units(quantity);
  e.unit = "EA";
  return e;
}
inline lot::ProducedT lot_produced(int quantity = 10) {
  lot::ProducedT e;
  e.quantity = decimal::from_units(quantity);
  e.unit = "EA";
  return e;
}
/// Everything of it consumed and produced.
inline given<subject> executed() {
  auto g = released();
  g.when(consume(), System::mes)
      .when_granted<actors::batch>("batch/HSG-0001", "consumption/G-1", lot_consumed());
  g.when(produce(), System::mes)
      .when_granted<actors::batch>("batch/PMP-0001", "production/P-1", lot_produced());
  return g;
}
inline given<subject> closed() {
  auto g = executed();
  g.when(CompleteTechnicallyT(), System::erp).when(CloseT(), System::erp).then_accepted();
  return g;
}
inline CancelConfirmationT cancel_confirmation(const char* id = "C-1") {
  CancelConfirmationT c;
  c.confirmation = id;
  c.reason = "typing error";
  return c;
}
inline ReverseConsumptionT reverse_consumption(const char* id = "G-1") {
  ReverseConsumptionT c;
  c.report = id;
  return c;
}
inline ReverseProductionT reverse_production(const char* id = "P-1") {
  ReverseProductionT c;
  c.report = id;
  return c;
}

}  // namespace millrace::testing::orders
