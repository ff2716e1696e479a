// Decisions of a supplier's master (status, quality events, plants that it delivers to) and of a
// plant's copy (receipts, the master's data, who waits for it).
#include "actors/supplier.hpp"

#include <algorithm>

#include "actors/supplier_parts.hpp"
#include "actors/waiters.hpp"
#include "schemas/masterdata/master_data_sync_kind.hpp"
#include "schemas/quality/supplier_containment_kind.hpp"

namespace millrace::actors {

namespace suppliers {
namespace {

std::optional<made> not_master(const step& s) {
  if (s.ctx.plant() == enterprise_plant) return std::nullopt;
  return made::refuse(sp::Refusal::not_master, "Send it to " + std::string(enterprise_plant) +
                                                   "/supplier/" + std::string(s.ctx.id()) +
                                                   ": plants have copies of its data.");
}

void publish(step& s, const std::string& plant) {
  sp::TakeMasterT copy;
  copy.version = s.next.version;
  copy.status = s.next.status;
  copy.name = s.next.name;
  copy.erp_id = s.next.erp_id;
  copy.reason = s.next.reason;
  copy.since = s.next.since;
  copy.by = s.next.by;
  s.d.tell<sp::schema>(s.ctx.id(), copy, Lane::release, plant);
}

made set_status(step& s, sp::Status status, const std::string& reason, const std::string& person,
                const std::string& name = {}, const std::string& erp_id = {}) {
  const bool described =
      (!name.empty() && name != s.next.name) || (!erp_id.empty() && erp_id != s.next.erp_id);
  if (s.next.status == status && !described)
    return made::refuse(sp::Refusal::status_same,
                        "The supplier is " + std::string(sp::EnumNameStatus(status)) + " already.");
  sp::StatusSetT event;
  event.status = status;
  event.name = name.empty() ? s.next.name : name;
  event.erp_id = erp_id.empty() ? s.next.erp_id : erp_id;
  event.reason = reason;
  event.by = who_of(s.ctx, person);
  event.version = s.next.version + 1;
  event.since = s.next.status == status ? s.next.since : s.ctx.now();
  s.emit(std::move(event));
  for (const auto& plant : s.next.plants) publish(s, plant);
  return s.done();
}

made approve(step& s, const sp::ApproveT& c) {
  if (auto no = not_master(s)) return std::move(*no);
  return set_status(s, sp::Status::approved, c.reason, c.person, c.name, c.erp_id);
}

made restrict_supplier(step& s, const sp::RestrictT& c) {
  if (auto no = not_master(s)) return std::move(*no);
  if (s.next.status == sp::Status::unknown)
    return made::refuse(sp::Refusal::not_approved, "Only an approved supplier is restricted.");
  if (s.next.status == sp::Status::blocked)
    return made::refuse(sp::Refusal::blocked, "The supplier is blocked: approve it first.");
  return set_status(s, sp::Status::restricted, c.reason, c.person);
}

made block(step& s, const sp::BlockT& c) {
  if (auto no = not_master(s)) return std::move(*no);
  return set_status(s, sp::Status::blocked, c.reason, c.person);
}

bool same(const sp::QualityEventRowT& row, const sp::ReportQualityEventT& c) {
  return row.severity == c.severity && row.supplier_lots == c.supplier_lots &&
         row.materials == c.materials && row.reason == c.reason && row.contain == c.contain;
}

made report_quality_event(step& s, const sp::ReportQualityEventT& c) {
  if (auto no = not_master(s)) return std::move(*no);
  if (const auto row = s.ctx.row<sp::QualityEventRowT>("quality_events", c.event)) {
    if (same(*row, c)) return s.done();
    return made::refuse(sp::Refusal::event_differs,
                        "Event " + c.event + " was reported with other content.");
  }
  if (c.contain && s.next.containments.size() >= containments_max)
    return made::park(sp::Refusal::too_many, "At most " + std::to_string(containments_max) +
                                                 " containments are open at once: end one.");
  sp::QualityEventReportedT event;
  event.event = c.event;
  event.severity = c.severity;
  event.supplier_lots = c.supplier_lots;
  event.materials = c.materials;
  event.reason = c.reason;
  event.contain = c.contain;
  event.alert = c.alert;
  event.occurred_at = c.occurred_at.given() ? c.occurred_at : s.ctx.now();
  event.by = who_of(s.ctx, c.person);
  const auto by = event.by;
  s.emit(std::move(event));
  if (!c.contain) return s.done();
  sp::ContainmentOpenedT opened;
  opened.containment = std::make_unique<sp::ContainmentT>();
  opened.containment->containment = c.event;
  opened.containment->supplier_lots = c.supplier_lots;
  opened.containment->materials = c.materials;
  opened.containment->reason = c.reason;
  opened.containment->severity = c.severity;
  opened.containment->placed_by = by;
  s.emit(std::move(opened));
  millrace::supplier_containment::StartT start;
  start.supplier = s.ctx.id();
  start.supplier_lots = c.supplier_lots;
  start.materials = c.materials;
  start.severity = c.severity;
  start.reason = c.reason;
  start.raised_by = by;
  start.alert = c.alert;
  start.plants = s.next.plants;
  s.d.tell<millrace::supplier_containment::schema>(c.event, start, Lane::hold);
  return s.done();
}

made lot_received(step& s, const sp::LotReceivedT& c) {
  sp::ReceiptNotedT event;
  event.batch = c.batch;
  event.material = c.material;
  event.supplier_lot = c.supplier_lot;
  event.quantity = c.quantity;
  event.unit = c.unit;
  event.receipt = c.receipt;
  event.at = c.at;
  const auto before = s.ctx.row<sp::SupplierLotRowT>("supplier_lots", lot_key(c.supplier_lot));
  event.previous = before ? before->last : 0;
  s.emit(std::move(event));
  if (!s.next.registered && s.ctx.plant() != enterprise_plant) {
    s.emit(sp::RegistrationSentT());
    sp::RegisterT join;
    join.plant = s.ctx.plant();
    s.d.tell<sp::schema>(s.ctx.id(), join, Lane::hold, enterprise_plant);
  }
  contain_receipt(s, c);
  return s.done();
}

made join(step& s, const sp::RegisterT& c) {
  if (std::ranges::find(s.next.plants, c.plant) == s.next.plants.end()) {
    sp::PlantRegisteredT event;
    event.plant = c.plant;
    s.emit(std::move(event));
  }
  publish(s, c.plant);
  millrace::master_data_sync::JoinedT watched;  // what the plant misses is repaired
  watched.plant = c.plant;
  s.d.tell<millrace::master_data_sync::schema>("supplier~" + std::string(s.ctx.id()), watched);
  for (const auto& one : s.next.containments) {
    millrace::supplier_containment::PlantJoinedT joined;
    joined.plant = c.plant;
    s.d.tell<millrace::supplier_containment::schema>(one.containment, joined, Lane::hold);
  }
  return s.done();
}

made take_master(step& s, const sp::TakeMasterT& c) {
  if (c.version <= s.next.version) return s.done();  // overtaken by a newer one
  const bool better = c.status != s.next.status && c.status != sp::Status::blocked;
  sp::StatusSetT event;
  event.status = c.status;
  event.name = c.name;
  event.erp_id = c.erp_id;
  event.reason = c.reason;
  event.by = c.by;
  event.version = c.version;
  event.since = c.since;
  s.emit(std::move(event));
  if (better) tell_waiters(s.d, s.next, "supplier", sp::WaitersToldT());
  return s.done();
}

made containment_ended(step& s, const sp::ContainmentEndedT& c) {
  if (find_containment(s.next, c.containment) == nullptr) return s.done();
  sp::ContainmentClosedT event;
  event.containment = c.containment;
  s.emit(std::move(event));
  return s.done();
}

made await_change(step& s, const sp::AwaitChangeT& c) {
  if (waits(s.next, c.process)) return s.done();
  if (is_full_of_waiters(s.next))
    return made::refuse(sp::Refusal::waiters_full,
                        "The waiting process has its own timer to come back by.");
  sp::WaiterAddedT event;
  event.process = c.process;
  s.emit(std::move(event));
  return s.done();
}

}  // namespace
}  // namespace suppliers

decision<supplier::schema> supplier::decide(const schema::state& state,
                                            const schema::command& command, context& ctx) {
  using suppliers::sp::Command;
  suppliers::step s{ctx, state, {}};
  switch (command.type) {
    case Command::NONE:
      break;
    case Command::Approve:
      return suppliers::approve(s, *command.AsApprove());
    case Command::Restrict:
      return suppliers::restrict_supplier(s, *command.AsRestrict());
    case Command::Block:
      return suppliers::block(s, *command.AsBlock());
    case Command::ReportQualityEvent:
      return suppliers::report_quality_event(s, *command.AsReportQualityEvent());
    case Command::LotReceived:
      return suppliers::lot_received(s, *command.AsLotReceived());
    case Command::Register:
      return suppliers::join(s, *command.AsRegister());
    case Command::TakeMaster:
      return suppliers::take_master(s, *command.AsTakeMaster());
    case Command::Contain:
      return suppliers::contain(s, *command.AsContain());
    case Command::Lift:
      return suppliers::lift(s, *command.AsLift());
    case Command::ContinueContainment:
      return suppliers::go_on(s, *command.AsContinueContainment());
    case Command::ContainmentEnded:
      return suppliers::containment_ended(s, *command.AsContainmentEnded());
    case Command::AwaitChange:
      return suppliers::await_change(s, *command.AsAwaitChange());
  }
  return decision<schema>::fault("a supplier has no such command");
}

decision<supplier::schema> supplier::on_answer(const schema::state& state, const answer& a,
                                               context& ctx) {
  suppliers::step s{ctx, state, {}};
  return suppliers::batch_answered(s, a);
}

decision<supplier::schema> supplier::on_delivered(const schema::state& state, const delivered& d,
                                                  context& ctx) {
  suppliers::step s{ctx, state, {}};
  return suppliers::system_answered(s, d);
}

}  // namespace millrace::actors
