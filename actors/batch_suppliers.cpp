// Where a lot came from: the plant's copy of its supplier notes every receipt, and what falls under
// an open containment is born held. A receipt that is decided before the copy has the containment
// is held when the copy hears of it.
#include "actors/batch_step.hpp"
#include "actors/supplier.hpp"

namespace millrace::actors::batches {

void heed_supplier(step& s, const lot::ReceiveT& c, decimal quantity) {
  if (c.supplier.empty()) return;
  if (const auto* known = s.ctx.look_up<supplier>(c.supplier)) {
    for (const auto& one : known->containments) {
      if (!concerns(one, c.supplier_lot, s.next.material) || find_hold(s.next, one.containment) ||
          s.ctx.has_row("holds", one.containment))
        continue;
      lot::HoldEntryT entry;
      entry.hold = one.containment;
      entry.type = lot::HoldType::supplier;
      entry.source = "supplier/" + c.supplier;
      entry.reason = one.reason;
      entry.placed_by = one.placed_by;
      entry.placed_at = s.ctx.now();
      raise_hold(s, std::move(entry));
    }
  }
  millrace::supplier::LotReceivedT tell;
  tell.batch = s.ctx.id();
  tell.material = s.next.material;
  tell.supplier_lot = c.supplier_lot;
  tell.quantity = quantity;
  tell.unit = s.next.unit;
  tell.receipt = c.receipt;
  tell.at = c.occurred_at.given() ? c.occurred_at : s.ctx.now();
  s.d.tell<millrace::supplier::schema>(c.supplier, tell, Lane::hold);
}

}  // namespace millrace::actors::batches
