// What orders report of a lot: consumption and production, and both taken back.
// Facts: what cannot be posted is parked. Genealogy is told at once, posted or
// not, so that holds reach whatever the stock went into.
#include <algorithm>

#include "actors/batch_step.hpp"

namespace millrace::actors::batches {

namespace {

std::string posting_key(std::string_view what, std::string_view order, std::string_view report) {
  return key_of(what, order, report);
}

void link_outputs(step& s, const lot::ConsumeT& c, decimal quantity) {
  for (const auto& output : c.outputs) {
    if (output == s.ctx.id()) continue;
    lot::LinkT link;
    link.batch = output;
    link.quantity = quantity;
    link.unit = s.next.unit;
    link.order = c.order;
    link.operation = c.operation;
    link.basis = c.basis;
    link.at = c.occurred_at.given() ? c.occurred_at : s.ctx.now();
    link.report = c.report;
    link_to_output(s, link);
  }
}

/// Quality hears once that held stock was used all the same.
void alert_quality(step& s, const lot::ConsumeT& c, decimal quantity) {
  if (s.ctx.reposting()) return;
  lot::HeldStockUsedT event;
  event.order = c.order;
  event.report = c.report;
  event.quantity = quantity;
  for (const auto& hold : s.next.holds)
    if (hold.status != lot::HoldStatus::future) event.holds.push_back(hold.hold);
  s.emit(std::move(event));
}

/// What keeps the consumption from being posted; nullopt when `taken` can be.
std::optional<obstacle> why_not_consume(step& s, const lot::ConsumeT& c, decimal quantity) {
  const auto& state = s.next;
  if (!c.material.empty() && c.material != state.material)
    return obstacle{lot::Refusal::material_mismatch,
                    "The lot is of material " + state.material + ", not " + c.material + "."};
  const bool serial_held = std::any_of(c.serials.begin(), c.serials.end(),
                                       [&](const auto& one) { return held_serial(state, one); });
  if (held_whole(state) || serial_held || (!c.location.empty() && held_at(state, c.location)))
    return obstacle{lot::Refusal::held, "The stock is held."};
  switch (c.stock) {
    case lot::StockType::unrestricted:
      break;
    case lot::StockType::quality_inspection:
      return obstacle{lot::Refusal::inspection_stock,
                      "Inspection stock leaves by usage decision only."};
    case lot::StockType::blocked:
    case lot::StockType::restricted:
    case lot::StockType::returns:
      return obstacle{lot::Refusal::not_released, "Only unrestricted stock is consumed."};
  }
  if (const auto why = outside_concession(s, {c.order, {}, quantity})) return why;
  const auto free = free_unrestricted(state) - allocated_total(state);
  if (free >= quantity && take(state, lot::StockType::unrestricted, c.location, quantity))
    return std::nullopt;
  const auto unrestricted = stock_of(state, lot::StockType::unrestricted);
  if (any_hold(state) && unrestricted - allocated_total(state) >= quantity)
    return obstacle{lot::Refusal::held,
                    text_of(held_quantity(state), state) + " of the lot are held."};
  if (stock_of(state, lot::StockType::quality_inspection) >= quantity)
    return obstacle{lot::Refusal::not_released, "The stock is in quality inspection."};
  const auto where = c.location.empty() ? std::string() : " at " + c.location;
  return obstacle{lot::Refusal::short_stock, "Wanted " + text_of(quantity, state) + where +
                                                 ", free are " +
                                                 text_of(std::max(decimal(), free), state) + '.'};
}

}  // namespace

made consume(step& s, const lot::ConsumeT& c) {
  if (s.ctx.has_row("movements", posting_key("consume", c.order, c.report)))
    return s.done();  // posted, or taken back before
  const auto quantity = in_lot_unit(s, c.quantity, c.unit);
  if (!quantity)
    return made::refuse(lot::Refusal::unit_mismatch,
                        "Unit " + c.unit + " has no conversion to " + s.next.unit + ".");
  if (!quantity->is_positive())
    return made::refuse(lot::Refusal::quantity_range, "A consumption is more than nothing.");
  reach_operation(s, c.operation);
  const auto wrong_material = !c.material.empty() && c.material != s.next.material;
  if (!wrong_material) link_outputs(s, c, *quantity);
  if (const auto why = why_not_consume(s, c, *quantity)) {
    if (why->why == lot::Refusal::held) alert_quality(s, c, *quantity);
    return s.park(why->why, why->detail);
  }
  auto taken = take(s.next, lot::StockType::unrestricted, c.location, *quantity);
  lot::ConsumedT event;
  event.order = c.order;
  event.operation = c.operation;
  event.report = c.report;
  event.quantity = *quantity;
  event.unit = s.next.unit;
  event.taken = std::move(*taken);
  for (const auto& one : s.next.reservations)
    if (one.order == c.order) event.from_reservation = std::min(one.quantity, *quantity);
  event.serials = c.serials;
  event.occurred_at = c.occurred_at;
  event.posting_date = c.posting_date;
  event.reposted = s.ctx.reposting();
  s.emit(std::move(event));
  return s.done();
}

made reverse_consume(step& s, const lot::ReverseConsumeT& c) {
  const auto row =
      s.ctx.row<lot::MovementRowT>("movements", posting_key("consume", c.order, c.report));
  if (row && row->reversed) return s.done();
  lot::ConsumptionReversedT event;
  event.order = c.order;
  event.report = c.report;
  event.reason = c.reason;
  if (row) {
    event.quantity = row->quantity;
    event.returned = row->lines;
    as_restricted(s.next, event.returned);
  }
  s.emit(std::move(event));
  unlink_outputs(s, c.order, c.report, c.reason.empty() ? "consumption reversed" : c.reason);
  return s.done();
}

made produce(step& s, const lot::ProduceT& c) {
  if (s.ctx.has_row("movements", posting_key("produce", c.order, c.report))) return s.done();
  const auto* known = s.ctx.look_up<material>(c.material);
  if (!known)
    return s.park(lot::Refusal::material_unknown,
                  "Material " + c.material + " is not defined at this plant.");
  if (!s.next.material.empty() && s.next.material != c.material)
    return s.park(lot::Refusal::material_mismatch,
                  "This lot is of material " + s.next.material + '.');
  const auto quantity = convert(*known, c.quantity, c.unit, known->base_unit);
  if (!quantity)
    return made::refuse(lot::Refusal::unit_mismatch,
                        "Unit " + c.unit + " has no conversion to " + known->base_unit + ".");
  if (!quantity->is_positive() || !decimal::checked_add(stock_total(s.next), *quantity))
    return made::refuse(lot::Refusal::quantity_range, "The quantity is out of range.");
  if (const auto wrong = check_serials(s, c.serials, *quantity))
    return s.park(*wrong,
                  "The serial numbers do not fit the quantity or are "
                  "in the lot already.");

  // A sample is for the laboratory, whatever the material's plan says.
  const bool sample = c.use == lot::MaterialUse::sample;
  const auto where =
      placing_of(*known, sample ? lot::Into::quality_inspection : c.stock, s.ctx.now());
  lot::ProducedT event;
  event.order = c.order;
  event.operation = c.operation;
  event.report = c.report;
  event.material = c.material;
  event.quantity = *quantity;
  event.unit = known->base_unit;
  event.location = c.location;
  event.stock = usable_type(s.next, where.stock);
  event.quality = where.quality;
  event.use = c.use;
  event.serials = c.serials;
  event.serial_managed = known->serial_managed;
  event.expires = expiry_of(*known, c.expires, c.occurred_at.given() ? c.occurred_at : s.ctx.now());
  event.occurred_at = c.occurred_at;
  event.posting_date = c.posting_date;
  for (const auto& input : c.inputs) {
    const bool own = input.batch == s.ctx.id();
    if (!own && !s.ctx.has_row("link_numbers", key_of("up", input.batch, c.order, input.report)))
      event.awaiting.push_back(input.batch);
  }
  const auto awaited = event.awaiting;
  s.emit(std::move(event));
  for (const auto& input : c.inputs) {
    if (std::find(awaited.begin(), awaited.end(), input.batch) == awaited.end()) continue;
    lot::LinkOutputT link;
    link.output = s.ctx.id();
    link.material = s.next.material;
    link.order = c.order;
    link.operation = input.operation;
    link.report = input.report;
    link.quantity = input.quantity;
    link.unit = input.unit;
    link.basis = input.basis;
    link.at = input.at.given() ? input.at : s.ctx.now();
    s.d.tell<lot::schema>(input.batch, link, Lane::hold);
  }
  reach_operation(s, c.operation);
  watch_expiry(s);
  return s.done();
}

made reverse_produce(step& s, const lot::ReverseProduceT& c) {
  const auto row =
      s.ctx.row<lot::MovementRowT>("movements", posting_key("produce", c.order, c.report));
  if (row && row->reversed) return s.done();
  lot::ProductionReversedT event;
  event.order = c.order;
  event.report = c.report;
  event.reason = c.reason;
  if (row) {
    if (any_hold(s.next)) return s.park(lot::Refusal::held, "Held stock stays where it is.");
    // Where it went first, then wherever a usage decision or a transfer has put
    // it since.
    auto left = row->quantity;
    const auto from = [&](bool same_place) {
      for (const auto& line : s.next.stock) {
        const bool there = !row->lines.empty() && line.location == row->lines.front().location &&
                           line.type == row->lines.front().type;
        if (there != same_place || !left.is_positive()) continue;
        lot::StockLineT part;
        part.location = line.location;
        part.type = line.type;
        part.quantity = std::min(left, line.quantity);
        left -= part.quantity;
        event.taken.push_back(std::move(part));
      }
    };
    from(true);
    from(false);
    decimal unrestricted;
    for (const auto& part : event.taken)
      if (part.type == lot::StockType::unrestricted) unrestricted += part.quantity;
    if (left.is_positive() ||
        stock_of(s.next, lot::StockType::unrestricted) - unrestricted < allocated_total(s.next))
      return s.park(lot::Refusal::short_stock, "Some of it has been used, allocated or shipped.");
    event.quantity = row->quantity;
  }
  const auto made_by_order = s.ctx.row<lot::MovementRowT>("movements", key_of("output", c.order));
  const bool nothing_left = made_by_order && made_by_order->quantity == event.quantity;
  s.emit(std::move(event));
  if (nothing_left) unlink_inputs(s, c.order, c.reason.empty() ? "production reversed" : c.reason);
  return s.done();
}

}  // namespace millrace::actors::batches
