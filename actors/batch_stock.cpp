// What the ERP and the warehouse do with a lot's stock: receipt, adjustment,
// transfer. Inspection stock leaves by usage decision only, restricted stock
// follows the lot's status, held stock stays where it is.
#include <algorithm>

#include "actors/batch_step.hpp"

namespace millrace::actors::batches {

placing placing_of(const millrace::material::StateT& material, lot::Into wish, timestamp at) {
  const bool planned = effective_plan(material, material.revision, at) != nullptr;
  const auto quality = planned ? lot::Quality::quarantine : lot::Quality::released;
  switch (wish) {
    case lot::Into::by_plan:
    case lot::Into::unrestricted:  // a wish does not get around an inspection plan
      break;
    case lot::Into::quality_inspection:
      return {lot::StockType::quality_inspection, lot::Quality::quarantine};
    case lot::Into::blocked:
      return {lot::StockType::blocked, quality};
    case lot::Into::restricted:
      return {lot::StockType::restricted, quality};
    case lot::Into::returns:
      return {lot::StockType::returns, quality};
  }
  return {planned ? lot::StockType::quality_inspection : lot::StockType::unrestricted, quality};
}

timestamp expiry_of(const millrace::material::StateT& material, timestamp named,
                    timestamp made_at) {
  constexpr std::int64_t day_ms = 86'400'000;
  if (named.given() || material.shelf_life_days == 0) return named;
  return made_at.plus_ms(day_ms * static_cast<std::int64_t>(material.shelf_life_days));
}

std::optional<lot::Refusal> check_serials(step& s, const std::vector<std::string>& serials,
                                          decimal quantity) {
  if (serials.empty()) return std::nullopt;
  auto sorted = serials;
  std::sort(sorted.begin(), sorted.end());
  const bool twice = std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end();
  if (twice || decimal::from_units(static_cast<std::int64_t>(serials.size())) != quantity)
    return lot::Refusal::serials_mismatch;
  for (const auto& serial : serials)
    if (const auto row = s.ctx.row<lot::SerialRowT>("serials", serial); row && row->gone.empty())
      return lot::Refusal::serial_exists;
  return std::nullopt;
}

made receive(step& s, const lot::ReceiveT& c) {
  const auto* known = s.ctx.look_up<material>(c.material);
  if (!known)
    return made::refuse(lot::Refusal::material_unknown,
                        "Material " + c.material + " is not defined at this plant.");
  if (!s.next.material.empty() && s.next.material != c.material)
    return made::refuse(lot::Refusal::material_mismatch,
                        "This lot is of material " + s.next.material + ".");
  const auto quantity = convert(*known, c.quantity, c.unit, known->base_unit);
  if (!quantity)
    return made::refuse(lot::Refusal::unit_mismatch,
                        "Unit " + c.unit + " has no conversion to " + known->base_unit + ".");
  if (!decimal::checked_add(stock_total(s.next), *quantity))
    return made::refuse(lot::Refusal::quantity_range, "The lot cannot hold that much.");
  if (!c.receipt.empty())
    if (const auto row = s.ctx.row<lot::MovementRowT>("movements", key_of("receipt", c.receipt))) {
      if (row->quantity == *quantity)
        return s.done();  // the same receipt again: it has been posted
      return made::refuse(lot::Refusal::receipt_differs,
                          "Receipt " + c.receipt + " was " + text_of(row->quantity, s.next) + ".");
    }
  if (const auto wrong = check_serials(s, c.serials, *quantity))
    return made::refuse(*wrong,
                        "The serial numbers do not fit the quantity or "
                        "are in the lot already.");

  const auto where = placing_of(*known, c.stock, s.ctx.now());
  lot::ReceivedT event;
  event.material = c.material;
  event.quantity = *quantity;
  event.unit = known->base_unit;
  event.location = c.location;
  event.stock = usable_type(s.next, where.stock);
  event.quality = where.quality;
  event.supplier = c.supplier;
  event.supplier_lot = c.supplier_lot;
  event.expires = expiry_of(*known, c.expires, c.occurred_at.given() ? c.occurred_at : s.ctx.now());
  event.receipt = c.receipt;
  event.document = c.document;
  event.occurred_at = c.occurred_at;
  event.posting_date = c.posting_date;
  event.serials = c.serials;
  event.serial_managed = known->serial_managed;
  event.erp_id = c.erp_id;
  event.mes_id = c.mes_id;
  event.qms_id = c.qms_id;
  event.by = by_whom(s.ctx);
  event.purchase_order = c.purchase_order;
  s.emit(std::move(event));
  watch_expiry(s);
  heed_supplier(s, c, *quantity);
  return s.done();
}

made adjust_stock(step& s, const lot::AdjustStockT& c) {
  const auto quantity = in_lot_unit(s, c.quantity, c.unit);
  if (!quantity)
    return made::refuse(lot::Refusal::unit_mismatch,
                        "Unit " + c.unit + " has no conversion to " + s.next.unit + ".");
  if (quantity->is_zero())
    return made::refuse(lot::Refusal::quantity_range, "An adjustment by nothing changes nothing.");
  decimal there;
  for (const auto& line : s.next.stock)
    if (line.type == c.stock && line.location == c.location) there = line.quantity;
  const auto left = decimal::checked_add(there, *quantity);
  if (!left || !decimal::checked_add(stock_total(s.next), *quantity))
    return made::refuse(lot::Refusal::quantity_range, "The lot cannot hold that much.");
  if (left->is_negative())
    return made::refuse(lot::Refusal::short_stock,
                        "Only " + text_of(there, s.next) + " are there.");
  lot::StockAdjustedT event;
  event.quantity = *quantity;
  event.location = c.location;
  event.stock = c.stock;
  event.reason = c.reason;
  event.document = c.document;
  event.posting_date = c.posting_date;
  event.by = by_whom(s.ctx);
  s.emit(std::move(event));
  return s.done();
}

made transfer_stock(step& s, const lot::TransferStockT& c) {
  const auto quantity = in_lot_unit(s, c.quantity, c.unit);
  if (!quantity)
    return made::refuse(lot::Refusal::unit_mismatch,
                        "Unit " + c.unit + " has no conversion to " + s.next.unit + ".");
  if (c.from_stock == c.to_stock && c.from_location == c.to_location)
    return made::refuse(lot::Refusal::same_stock, "From and to are the same.");
  if (c.from_stock != c.to_stock) {
    for (const auto type : {c.from_stock, c.to_stock}) {
      if (type == lot::StockType::quality_inspection)
        return made::refuse(lot::Refusal::inspection_stock,
                            "A usage decision moves inspection stock.");
      if (type == lot::StockType::restricted)
        return made::refuse(lot::Refusal::restricted_stock,
                            "Restricted stock follows the lot's status.");
    }
    if (c.to_stock == lot::StockType::unrestricted && s.next.quality == lot::Quality::rejected)
      return made::refuse(lot::Refusal::not_released, "The lot is rejected.");
  }
  if (held_at(s.next, c.from_location))
    return made::refuse(lot::Refusal::held, "Held stock stays where it is.");
  decimal there;
  for (const auto& line : s.next.stock)
    if (line.type == c.from_stock && line.location == c.from_location) there = line.quantity;
  if (there < *quantity)
    return made::refuse(lot::Refusal::short_stock,
                        "Only " + text_of(there, s.next) + " are there.");
  // What a hold by quantity or serials keeps back may be any of it.
  if (stock_total(s.next) - held_quantity(s.next) < *quantity)
    return made::refuse(lot::Refusal::held,
                        text_of(held_quantity(s.next), s.next) + " of the lot are held.");
  const bool stays = c.to_stock == lot::StockType::unrestricted && !held_at(s.next, c.to_location);
  const bool leaves = c.from_stock == lot::StockType::unrestricted && !stays;
  if (leaves &&
      free_unrestricted(s.next) - reserved_total(s.next) - allocated_total(s.next) < *quantity)
    return made::refuse(lot::Refusal::short_stock, "The rest is held, reserved or allocated.");

  lot::StockTransferredT event;
  event.quantity = *quantity;
  event.from_location = c.from_location;
  event.to_location = c.to_location;
  event.from_stock = c.from_stock;
  event.to_stock = c.to_stock;
  event.document = c.document;
  event.reason = c.reason;
  event.by = by_whom(s.ctx);
  lot::MovementPostingT follow;
  follow.movement = c.from_stock == c.to_stock                ? "311"
                    : c.from_stock == lot::StockType::blocked ? "343"
                                                              : "344";
  follow.to = c.to_stock;
  follow.to_location = c.to_location;
  follow.document = c.document;
  follow.reference = "document/" + c.document;
  follow.reason = c.reason;
  lot::StockLineT line;
  line.location = c.from_location;
  line.type = c.from_stock;
  line.quantity = *quantity;
  s.emit(std::move(event));
  follow_in_erp(s, std::move(follow), {line}, "transfer");
  return s.done();
}

made set_reference(step& s, const lot::SetReferenceT& c) {
  lot::ReferenceSetT event;
  event.erp_id = c.erp_id;
  event.mes_id = c.mes_id;
  event.qms_id = c.qms_id;
  s.emit(std::move(event));
  return s.done();
}

}  // namespace millrace::actors::batches
