// What a plant's copy of the supplier does for a containment: every batch that was received of the
// lots is asked to hold, procurement and material are blocked in the outer systems, the process
// hears of it, and all of it is undone when the process says so.
#include <algorithm>
#include <set>

#include "actors/supplier_parts.hpp"
#include "schemas/inventory/batch_kind.hpp"
#include "schemas/quality/supplier_containment_kind.hpp"

namespace millrace::actors::suppliers {

namespace {

namespace lot = millrace::batch;
namespace process = millrace::supplier_containment;

constexpr std::size_t asked_max = 100;            // batches asked by one decision
constexpr std::size_t looked_max = 500;           // receipts looked at by one decision
constexpr std::uint32_t whole_lot = 0xffffffffu;  // begin with a supplier lot's last receipt
constexpr System outer_systems[] = {System::erp, System::mes};

/// Tags of asks: "hold" or "lift", the containment, the batch.
std::string tag_of(std::string_view what, std::string_view containment, std::string_view batch) {
  return std::string(what) + '\x1f' + batch_key(containment, batch);
}

/// Where a walk over the receipts stands.
struct position {
  std::uint32_t lot = 0;
  std::uint32_t at = whole_lot;
};

/// Calls `see` for the receipts of the containment's lots, newest first, until it says false.
/// Where it stopped; nullopt at the end.
template <class See>
std::optional<position> walk(step& s, const sp::ContainmentT& c, position from, See see) {
  const bool all = c.supplier_lots.empty();
  const auto lots = all ? 1u : static_cast<std::uint32_t>(c.supplier_lots.size());
  for (auto p = from; p.lot < lots; ++p.lot, p.at = whole_lot) {
    if (p.at == whole_lot && all) {
      p.at = s.next.receipts;
    } else if (p.at == whole_lot) {
      const auto row =
          s.ctx.row<sp::SupplierLotRowT>("supplier_lots", lot_key(c.supplier_lots[p.lot]));
      p.at = row ? row->last : 0;
    }
    while (p.at != 0) {
      const auto receipt = s.ctx.row<sp::ReceiptRowT>("receipts", receipt_key(p.at));
      if (receipt && !see(*receipt)) return p;
      p.at = all ? p.at - 1 : receipt ? receipt->previous : 0;
    }
  }
  return std::nullopt;
}

void tell_process(step& s, const std::string& containment) {
  const auto* c = find_containment(s.next, containment);
  const bool undo = c->lifting;
  if (c->scanning || c->told) return;
  if (undo ? c->lifted < c->lift_asked : c->held + c->failed < c->asked) return;
  process::BatchesReportedT report;
  report.plant = s.ctx.plant();
  report.held = undo ? c->lift_asked : c->held;
  report.failed = undo ? static_cast<std::uint32_t>(c->failures.size()) : c->failed;
  report.failures = c->failures;
  report.undo = undo;
  s.d.tell<process::schema>(containment, report, Lane::hold, enterprise_plant);
  sp::ProcessToldT told;
  told.containment = containment;
  s.emit(std::move(told));
}

/// An undone containment is forgotten as soon as everything has been given back.
void close_when_undone(step& s, const std::string& containment) {
  const auto* c = find_containment(s.next, containment);
  if (!c->lifting || !c->told || !c->failures.empty()) return;
  for (const auto& one : c->systems)
    if (one.status != sp::StepStatus::undone) return;
  sp::ContainmentClosedT event;
  event.containment = containment;
  event.lifted = c->lifted;
  s.emit(std::move(event));
}

void ask_hold(step& s, const sp::ContainmentT& c, const std::string& batch) {
  lot::PlaceHoldT hold;
  hold.hold = c.containment;
  hold.type = lot::HoldType::supplier;
  hold.reason = c.reason;
  hold.source = "supplier/" + std::string(s.ctx.id());
  hold.person = c.placed_by;
  s.d.ask<lot::schema>(batch, hold, tag_of("hold", c.containment, batch), Lane::hold);
}

void ask_lift(step& s, const sp::ContainmentT& c, const std::string& batch) {
  lot::ReleaseHoldT release;
  release.hold = c.containment;
  release.reason = c.lift_reason;
  s.d.ask<lot::schema>(batch, release, tag_of("lift", c.containment, batch), Lane::hold);
}

/// One stretch of the walk: asks what has to be asked, and itself to go on where it stopped.
void scan(step& s, const std::string& containment, position from) {
  const sp::ContainmentT c = *find_containment(s.next, containment);
  sp::BatchesAskedT event;
  event.containment = containment;
  event.lift = c.lifting;
  std::set<std::string> seen;
  std::size_t looked = 0;
  const auto stopped = walk(s, c, from, [&](const sp::ReceiptRowT& receipt) {
    if (++looked > looked_max || event.batches.size() >= asked_max) return false;
    if (!seen.insert(receipt.batch).second) return true;
    const auto row = s.ctx.row<sp::ContainedBatchRowT>("contained_batches",
                                                       batch_key(containment, receipt.batch));
    const bool wanted = c.lifting ? row.has_value()
                                  : concerns(c, receipt.supplier_lot, receipt.material) &&
                                        (!row || (row->answered && !row->held));
    if (wanted) event.batches.push_back(receipt.batch);
    return true;
  });
  event.ends = !stopped;
  for (const auto& batch : event.batches) c.lifting ? ask_lift(s, c, batch) : ask_hold(s, c, batch);
  s.emit(std::move(event));
  if (!stopped) return tell_process(s, containment);
  sp::ContinueContainmentT rest;
  rest.containment = containment;
  rest.lot = stopped->lot;
  rest.at = stopped->at;
  rest.lift = c.lifting;
  s.d.tell<sp::schema>(s.ctx.id(), rest, Lane::hold);
}

void tell_system(step& s, const std::string& containment, const sp::SystemStepT& one) {
  process::SystemReportedT report;
  report.plant = s.ctx.plant();
  report.system = one.system;
  report.undo = one.status == sp::StepStatus::undone || one.status == sp::StepStatus::undo_failed;
  report.failed = one.status == sp::StepStatus::failed || one.status == sp::StepStatus::undo_failed;
  report.document = one.document;
  report.reason = one.reason;
  report.by_platform = one.by_platform;
  s.d.tell<process::schema>(containment, report, Lane::hold, enterprise_plant);
}

const sp::SystemStepT* find_system(const sp::ContainmentT& c, System system) {
  for (const auto& one : c.systems)
    if (one.system == system) return &one;
  return nullptr;
}

void deliver_block(step& s, const sp::ContainmentT& c, System system) {
  const auto key = "supplier/" + std::string(s.ctx.id());
  const auto tag = "place~" + c.containment;
  if (system == System::erp) {
    sp::BlockProcurementT out;
    out.containment = c.containment;
    out.supplier = s.ctx.id();
    out.erp_id = s.next.erp_id;
    out.supplier_lots = c.supplier_lots;
    out.materials = c.materials;
    out.reason = c.reason;
    s.d.deliver(system, key, out, tag, Lane::hold);
  } else {
    sp::RestrictMaterialT out;
    out.containment = c.containment;
    out.supplier = s.ctx.id();
    out.supplier_lots = c.supplier_lots;
    out.materials = c.materials;
    out.reason = c.reason;
    s.d.deliver(system, key, out, tag, Lane::hold);
  }
}

void deliver_unblock(step& s, const sp::ContainmentT& c, System system) {
  const auto key = "supplier/" + std::string(s.ctx.id());
  const auto tag = "lift~" + c.containment;
  if (system == System::erp) {
    sp::UnblockProcurementT out;
    out.containment = c.containment;
    out.supplier = s.ctx.id();
    out.erp_id = s.next.erp_id;
    out.reason = c.lift_reason;
    s.d.deliver(system, key, out, tag, Lane::hold);
  } else {
    sp::UnrestrictMaterialT out;
    out.containment = c.containment;
    out.supplier = s.ctx.id();
    out.reason = c.lift_reason;
    s.d.deliver(system, key, out, tag, Lane::hold);
  }
}

/// Asks each outer system, and again the ones that have failed.
void ask_systems(step& s, const std::string& containment) {
  for (const auto system : outer_systems) {
    const sp::ContainmentT c = *find_containment(s.next, containment);
    const auto* known = find_system(c, system);
    const auto failed = c.lifting ? sp::StepStatus::undo_failed : sp::StepStatus::failed;
    const auto asked = c.lifting ? sp::StepStatus::undo_asked : sp::StepStatus::asked;
    const auto done = c.lifting ? sp::StepStatus::undone : sp::StepStatus::done;
    if (known && known->status == done) {
      tell_system(s, containment, *known);
      continue;
    }
    if (known && known->status == asked && known->status != failed) continue;
    // Who was never asked has nothing to undo.
    const bool bound = s.ctx.bound(system) && !(c.lifting && (!known || known->by_platform));
    sp::SystemAskedT event;
    event.containment = containment;
    event.system = system;
    event.undo = c.lifting;
    event.by_platform = !bound;
    s.emit(std::move(event));
    if (!bound)
      tell_system(s, containment, *find_system(*find_containment(s.next, containment), system));
    else if (c.lifting)
      deliver_unblock(s, c, system);
    else
      deliver_block(s, c, system);
  }
}

}  // namespace

made contain(step& s, const sp::ContainT& c) {
  if (const auto* open = find_containment(s.next, c.containment)) {
    if (open->lifting) return s.done();
    sp::FailuresClearedT again;
    again.containment = c.containment;
    s.emit(std::move(again));
  } else {
    sp::ContainmentOpenedT event;
    event.containment = std::make_unique<sp::ContainmentT>();
    event.containment->containment = c.containment;
    event.containment->supplier_lots = c.supplier_lots;
    event.containment->materials = c.materials;
    event.containment->reason = c.reason;
    event.containment->severity = c.severity;
    event.containment->placed_by = c.placed_by;
    event.containment->scanning = true;
    s.emit(std::move(event));
  }
  scan(s, c.containment, {});
  ask_systems(s, c.containment);
  return s.done();
}

made lift(step& s, const sp::LiftT& c) {
  const auto* open = find_containment(s.next, c.containment);
  if (open == nullptr) {  // never placed, or undone already
    process::BatchesReportedT report;
    report.plant = s.ctx.plant();
    report.undo = true;
    s.d.tell<process::schema>(c.containment, report, Lane::hold, enterprise_plant);
    for (const auto system : outer_systems) {
      sp::SystemStepT none;
      none.system = system;
      none.status = sp::StepStatus::undone;
      none.by_platform = true;
      tell_system(s, c.containment, none);
    }
    return s.done();
  }
  sp::LiftBegunT event;
  event.containment = c.containment;
  event.reason = c.reason;
  event.by = c.by;
  s.emit(std::move(event));
  scan(s, c.containment, {});
  ask_systems(s, c.containment);
  close_when_undone(s, c.containment);
  return s.done();
}

made go_on(step& s, const sp::ContinueContainmentT& c) {
  const auto* open = find_containment(s.next, c.containment);
  // A walk of before the lift, or of before a retry that began anew, ends here.
  if (open == nullptr || open->lifting != c.lift || !open->scanning) return s.done();
  scan(s, c.containment, {c.lot, c.at});
  close_when_undone(s, c.containment);
  return s.done();
}

made batch_answered(step& s, const answer& a) {
  const auto first = a.tag.find('\x1f');
  const auto second = first == std::string_view::npos ? first : a.tag.find('\x1f', first + 1);
  if (second == std::string_view::npos)
    return made::fault("an answer to what no supplier has asked");
  const bool lift = a.tag.substr(0, first) == "lift";
  const std::string containment(a.tag.substr(first + 1, second - first - 1));
  const auto* open = find_containment(s.next, containment);
  if (open == nullptr) return s.done();
  sp::BatchAnsweredT event;
  event.containment = containment;
  event.batch = a.tag.substr(second + 1);
  event.lift = lift;
  const std::string_view as_good = lift ? "batch.hold_unknown" : "batch.hold_exists";
  event.held = !lift && (a.granted() || a.code == as_good);
  if (!a.granted() && a.code != as_good) event.code = a.code;
  s.emit(std::move(event));
  if (lift != find_containment(s.next, containment)->lifting) return s.done();
  tell_process(s, containment);
  close_when_undone(s, containment);
  return s.done();
}

made system_answered(step& s, const delivered& in) {
  const auto cut = in.tag.find('~');
  if (cut == std::string_view::npos)
    return made::fault("a delivery came back that no supplier has sent");
  const std::string containment(in.tag.substr(cut + 1));
  const auto* open = find_containment(s.next, containment);
  const bool undo = in.tag.substr(0, cut) == "lift";
  if (open == nullptr || open->lifting != undo) return s.done();
  sp::SystemAnsweredT event;
  event.containment = containment;
  event.system = in.system;
  event.undo = undo;
  event.failed = in.end != engine::DeliveryEnd::acknowledged;
  event.document = in.document;
  if (event.failed)
    event.reason = in.detail.empty() ? EnumNameDeliveryEnd(in.end) : std::string(in.detail);
  s.emit(std::move(event));
  tell_system(s, containment, *find_system(*find_containment(s.next, containment), in.system));
  close_when_undone(s, containment);
  return s.done();
}

void contain_receipt(step& s, const sp::LotReceivedT& c) {
  const auto open = s.next.containments;
  for (const auto& one : open) {
    if (!concerns(one, c.supplier_lot, c.material)) continue;
    if (s.ctx.has_row("contained_batches", batch_key(one.containment, c.batch))) continue;
    sp::BatchesAskedT event;
    event.containment = one.containment;
    event.batches.push_back(c.batch);
    event.ends = !one.scanning;
    ask_hold(s, one, c.batch);
    s.emit(std::move(event));
  }
}

}  // namespace millrace::actors::suppliers
