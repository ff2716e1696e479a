// Stock of another lot that arrives, and that is asked back: the taking side of batch_sending.
#include <algorithm>

#include "actors/batch_step.hpp"

namespace millrace::actors::batches {

namespace {

/// The receipt of a transfer in two steps, and its reversal, are posted where the stock arrives.
void second_step_in_erp(step& s, std::string_view movement, const std::string& posting,
                        const lot::StockLineT& line) {
  lot::MovementPostingT follow;
  follow.movement = movement;
  follow.to = line.type;
  follow.reference = "posting/" + posting;
  follow_in_erp(s, std::move(follow), {line}, std::string(movement) + '/' + posting);
}

bool has_live_output(step& s) {
  for (std::uint32_t n = 1; n <= s.next.outputs; ++n) {
    const auto row = s.ctx.row<lot::GenealogyDownRowT>("genealogy_down", number_key(n));
    if (row && !row->removed_at.given()) return true;
  }
  return false;
}

/// Why the stock cannot become part of this lot, or this lot; nullopt when it
/// can. A lot that has gone into others takes none: so the genealogy of
/// movements has no circles.
std::optional<made> refusal_of(step& s, const lot::TakeInT& c, const std::string& from) {
  if (!c.merges) {
    if (s.next.material.empty() || s.next.transferred_from == from) return std::nullopt;
    return made::refuse(lot::Refusal::exists, "The lot exists already.");
  }
  if (s.next.material.empty())
    return made::refuse_with("actor.unknown", "There is no lot " + std::string(s.ctx.id()) + '.');
  if (s.next.material != c.material)
    return made::refuse(lot::Refusal::material_mismatch,
                        "The lot is of material " + s.next.material + ".");
  if (s.next.quality != c.quality)
    return made::refuse(lot::Refusal::quality_mismatch,
                        std::string("The quality is ") + EnumNameQuality(s.next.quality) + '.');
  const auto concession_of = [](const auto& one) {
    return one.concession ? one.concession->concession : std::string();
  };
  if (concession_of(s.next) != concession_of(c))
    return made::refuse(lot::Refusal::quality_mismatch, "The concessions differ.");
  if (any_hold(s.next)) return made::refuse(lot::Refusal::held, "The lot is held.");
  if (s.next.expired)
    return made::refuse(lot::Refusal::expired, "It expired at " + s.next.expires.to_string() + '.');
  if (!s.next.transits.empty())
    return made::refuse(lot::Refusal::in_transit, "Stock of the lot is on its way to another.");
  if (has_live_output(s))
    return made::refuse(lot::Refusal::has_outputs, "The lot has gone into others already.");
  return std::nullopt;
}

}  // namespace

made take_in(step& s, const lot::TakeInT& c) {
  const auto plant = plant_seen(s.ctx);
  if (s.ctx.has_row("movements", key_of("take", end_name(plant, c.batch), c.posting)))
    return s.done();
  const auto* known = s.ctx.look_up<material>(c.material);
  if (!known)
    return made::refuse(lot::Refusal::material_unknown,
                        "Material " + c.material + " is not defined at this plant.");
  const auto quantity = convert(*known, c.quantity, c.unit, known->base_unit);
  if (!quantity)
    return made::refuse(lot::Refusal::unit_mismatch,
                        "Unit " + c.unit + " has no conversion to " + known->base_unit + ".");
  if (!decimal::checked_add(stock_total(s.next), *quantity))
    return made::refuse(lot::Refusal::quantity_range, "The lot cannot hold that much.");
  if (auto no = refusal_of(s, c, awaited_name(plant, c.batch))) return std::move(*no);
  if (const auto wrong = check_serials(s, c.serials, *quantity))
    return made::refuse(*wrong,
                        "The serial numbers do not fit the quantity or "
                        "are in the lot already.");
  lot::TakenInT event;
  event.batch = c.batch;
  event.plant = plant;
  event.posting = c.posting;
  event.movement = c.movement;
  event.material = c.material;
  event.quantity = *quantity;
  event.unit = known->base_unit;
  event.location = c.location;
  event.stock = c.stock;
  event.quality = c.quality;
  event.expires = c.expires;
  event.serials = c.serials;
  event.serial_managed = known->serial_managed;
  event.supplier = c.supplier;
  event.supplier_lot = c.supplier_lot;
  event.order = plant.empty() ? c.order : std::string();
  event.awaiting.push_back(awaited_name(plant, c.batch));
  if (c.concession) event.concession = std::make_unique<lot::ConcessionT>(*c.concession);
  lot::StockLineT arrived;
  arrived.location = c.location;
  arrived.type = c.stock;
  arrived.quantity = *quantity;
  s.emit(std::move(event));
  watch_expiry(s);
  watch_concession(s);
  if (c.movement == transfer_in_two_steps) second_step_in_erp(s, "101", c.posting, arrived);
  return s.done();
}

made give_back(step& s, const lot::GiveBackT& c) {
  const auto plant = plant_seen(s.ctx);
  const auto row = s.ctx.row<lot::MovementRowT>(
      "movements", key_of("take", end_name(plant, c.batch), c.posting));
  if (!row || row->lines.empty())
    return made::refuse(lot::Refusal::posting_unknown, "There is no posting " + c.posting + '.');
  if (row->reversed) return s.done();
  const auto& where = row->lines.front();
  if (const auto why =
          why_not_move(s, s.next, where.type, where.location, row->quantity, row->serials))
    return made::refuse(why->why, why->detail);
  lot::GivenBackT event;
  event.batch = c.batch;
  event.plant = plant;
  event.posting = c.posting;
  event.quantity = row->quantity;
  event.unit = s.next.unit;
  event.taken = *take(s.next, where.type, where.location, row->quantity);
  event.serials = row->serials;
  event.reason = c.reason;
  const auto taken = event.taken.front();
  s.emit(std::move(event));
  if (row->movement == transfer_in_two_steps) second_step_in_erp(s, "102", c.posting, taken);
  return s.done();
}

}  // namespace millrace::actors::batches
