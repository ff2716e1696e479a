// Movements that a lot posts by SAP type, and their reversals. What a type does
// is a line of a table; that held, reserved and inspected stock stays is the
// same for all.
#include <algorithm>
#include <array>

#include "actors/batch_step.hpp"

namespace millrace::actors::batches {

namespace {

using enum lot::StockType;

/// Without `to` the stock leaves. `disposes`: may take what one named hold
/// keeps, as its disposition.
struct movement_rule {
  std::string_view code, reverse;
  std::optional<lot::StockType> from;  // absent = the sender says
  std::optional<lot::StockType> to;
  bool disposes = false;
};
constexpr std::array<movement_rule, 11> rules{{
    {"551", "552", unrestricted, {}, true},
    {"553", "554", quality_inspection, {}, true},
    {"555", "556", blocked, {}, true},
    {"331", "332", quality_inspection, {}},
    {"333", "334", unrestricted, {}},
    {"335", "336", blocked, {}},
    {"122", "123", {}, {}, true},
    {"343", "344", blocked, unrestricted},
    {"344", "343", unrestricted, blocked, true},
    {"322", "321", unrestricted, quality_inspection},
    {"349", "350", blocked, quality_inspection},
}};
constexpr std::string_view to_place = "311", from_place = "312";

const movement_rule* find_rule(std::string_view code) {
  const auto found = std::ranges::find_if(rules, [&](const auto& one) { return one.code == code; });
  return found == rules.end() ? nullptr : &*found;
}

/// Where types that are not posted here are at home.
std::string who_posts(const std::string& code) {
  if (code == "701" || code == "702") return "A count difference is adjust-stock.";
  if (code == "341" || code == "342") return "Restricted stock follows set-restriction.";
  if (code == "321" || code == "350") return "Inspection stock leaves by usage decision only.";
  if (code == "301" || code == "351") return "Another plant gets it by transfer-plant.";
  if (code == "309") return "Another material gets it by regrade.";
  return "Movement " + code + " is not one that a lot posts by itself.";
}

bool inspected(const lot::StateT& state) {
  return std::ranges::any_of(state.lots, [](const auto& one) { return one.open; });
}

std::vector<lot::StockLineT> put_to(const std::vector<lot::StockLineT>& taken, lot::StockType type,
                                    const std::optional<std::string>& location) {
  auto out = taken;
  for (auto& line : out) {
    line.type = type;
    if (location) line.location = *location;
  }
  return out;
}

/// The same posting again, or another one under its id; nullopt when it is new.
std::optional<made> known(step& s, const lot::PostMovementT& c, decimal quantity) {
  const auto row = s.ctx.row<lot::MovementRowT>("movements", key_of("post", c.posting));
  if (!row) return std::nullopt;
  if (row->movement == c.movement && row->quantity == quantity) return made();
  return made::refuse(lot::Refusal::posting_differs, "Posting " + c.posting + " was movement " +
                                                         row->movement + " of " +
                                                         text_of(row->quantity, s.next) + '.');
}

/// What the type alone forbids; nullopt when it may be.
std::optional<made> forbidden(const lot::StateT& state, const lot::PostMovementT& c,
                              const movement_rule& rule) {
  if (rule.code == "122" && c.document.empty())
    return made::refuse_with("request.invalid",
                             "A return to the vendor names the document of the receipt.");
  if (!c.hold.empty() && !rule.disposes)
    return made::refuse_with("request.invalid",
                             "Movement " + c.movement + " is no disposition of a hold.");
  if ((rule.to == quality_inspection || (!rule.from && c.stock == quality_inspection)) &&
      inspected(state))
    return made::refuse(lot::Refusal::inspection_stock,
                        "An inspection lot is open: its usage decision moves the stock.");
  if (rule.to == unrestricted && state.quality == lot::Quality::rejected)
    return made::refuse(lot::Refusal::not_released, "The lot is rejected.");
  return std::nullopt;
}

}  // namespace

std::optional<std::vector<lot::StockLineT>> take_disposed(const lot::StateT& state,
                                                          const std::string& location,
                                                          decimal quantity) {
  std::vector<lot::StockLineT> out;
  for (const auto type : {blocked, unrestricted, quality_inspection, restricted, returns}) {
    if (type == quality_inspection && inspected(state)) continue;
    auto movable = type == unrestricted
                       ? free_unrestricted(state) - reserved_total(state) - allocated_total(state)
                       : stock_of(state, type);
    for (const auto& line : state.stock) {
      if (line.type != type || held_at(state, line.location)) continue;
      if (!location.empty() && line.location != location) continue;
      auto part = line;
      part.quantity = std::min({line.quantity, movable, quantity});
      if (!part.quantity.is_positive()) continue;
      movable -= part.quantity;
      quantity -= part.quantity;
      out.push_back(std::move(part));
    }
  }
  if (quantity.is_positive()) return std::nullopt;
  return out;
}

std::optional<made> set_hold_aside(step& s, lot::StateT& state, const std::string& hold) {
  const auto* open = find_hold(state, hold);
  if (!open)
    return made::refuse(lot::Refusal::hold_unknown, "No hold " + hold + " is open on this lot.");
  const auto authority = hold_authority(open->type);
  if (!s.ctx.from().is_actor && !s.ctx.from().speaks_for(authority))
    return made::refuse_with("command.not_owner", "Hold " + hold + " is disposed of by its owner " +
                                                      std::string(system_name(authority)) + '.');
  std::erase_if(state.holds, [&](const auto& one) { return one.hold == hold; });
  return std::nullopt;
}

std::optional<obstacle> why_not_move(step& s, const lot::StateT& state, lot::StockType type,
                                     const std::string& location, decimal quantity,
                                     const std::vector<std::string>& serials) {
  if (held_whole(state) || (!location.empty() && held_at(state, location)))
    return obstacle{lot::Refusal::held, "Held stock stays where it is."};
  if (!serials.empty() &&
      decimal::from_units(static_cast<std::int64_t>(serials.size())) != quantity)
    return obstacle{lot::Refusal::serials_mismatch, "The serial numbers are not as many."};
  for (const auto& serial : serials) {
    const auto row = s.ctx.row<lot::SerialRowT>("serials", serial);
    if (!row || !row->order.empty() || !row->gone.empty())
      return obstacle{lot::Refusal::serials_mismatch, serial + " is not in the lot."};
    if (held_serial(state, serial)) return obstacle{lot::Refusal::held, serial + " is held."};
  }
  const auto free =
      type == unrestricted
          ? free_unrestricted(state) - reserved_total(state) - allocated_total(state)
          : std::min(stock_of(state, type), stock_total(state) - held_quantity(state));
  if (free >= quantity && take(state, type, location, quantity)) return std::nullopt;
  const auto unheld =
      stock_of(state, type) -
      (type == unrestricted ? reserved_total(state) + allocated_total(state) : decimal());
  if (any_hold(state) && unheld >= quantity)
    return obstacle{lot::Refusal::held, text_of(held_quantity(state), state) + " are held."};
  return obstacle{lot::Refusal::short_stock, "Wanted " + text_of(quantity, state) + ", free are " +
                                                 text_of(std::max(decimal(), free), state) + '.'};
}

lot::StockType usable_type(const lot::StateT& state, lot::StockType wanted) {
  return state.restricted && wanted == unrestricted ? restricted : wanted;
}

void as_restricted(const lot::StateT& state, std::vector<lot::StockLineT>& lines) {
  for (auto& line : lines) line.type = usable_type(state, line.type);
}

void follow_in_erp(step& s, lot::MovementPostingT posting,
                   const std::vector<lot::StockLineT>& lines, const std::string& tag) {
  if (!s.ctx.bound(System::erp) || s.ctx.from().speaks_for(System::erp)) return;
  posting.batch = s.ctx.id();
  posting.material = s.next.material;
  posting.unit = s.next.unit;
  posting.at = s.ctx.now();
  std::size_t n = 0;
  for (const auto& line : lines) {
    posting.quantity = line.quantity;
    posting.location = line.location;
    posting.from = line.type;
    // A key of its own: a posting that the ERP refuses must not keep a hold
    // from it.
    s.d.deliver(System::erp, "usage/" + std::string(s.ctx.id()), posting,
                "usage~" + std::to_string(++n) + '~' + tag, Lane::hold);
  }
}

made post_movement(step& s, const lot::PostMovementT& c) {
  const auto quantity = in_lot_unit(s, c.quantity, c.unit);
  if (!quantity)
    return made::refuse(lot::Refusal::unit_mismatch,
                        "Unit " + c.unit + " has no conversion to " + s.next.unit + ".");
  if (auto before = known(s, c, *quantity)) return std::move(*before);
  const bool place = c.movement == to_place;
  const movement_rule within{to_place, from_place, {}, c.stock};
  const auto* rule = place ? &within : find_rule(c.movement);
  if (!rule) return made::refuse(lot::Refusal::movement_unknown, who_posts(c.movement));
  if (place && c.location == c.to_location)
    return made::refuse(lot::Refusal::same_stock, "From and to are the same.");
  if (!place)
    if (auto no = forbidden(s.next, c, *rule)) return std::move(*no);
  const auto from = rule->from.value_or(c.stock);
  auto free = s.next;
  if (!c.hold.empty())
    if (auto no = set_hold_aside(s, free, c.hold)) return std::move(*no);
  auto taken = take(free, from, c.location, *quantity);
  if (const auto why = why_not_move(s, free, from, c.location, *quantity, c.serials)) {
    taken.reset();
    if (!c.hold.empty() && why->why == lot::Refusal::short_stock)
      taken = take_disposed(free, c.location, *quantity);
    if (!taken) return made::refuse(why->why, why->detail);
  }
  lot::MovementPostedT event;
  event.posting = c.posting;
  event.movement = c.movement;
  event.quantity = *quantity;
  event.unit = s.next.unit;
  event.taken = std::move(*taken);
  if (rule->to)
    event.put =
        put_to(event.taken, *rule->to,
               c.to_location.empty() && !place ? std::nullopt : std::optional(c.to_location));
  as_restricted(s.next, event.put);
  event.serials = c.serials;
  event.document = c.document;
  event.reason = c.reason;
  event.by = by_whom(s.ctx);
  event.hold = c.hold;
  event.posting_date = c.posting_date;
  lot::MovementPostingT follow;
  follow.movement = c.movement;
  follow.to = rule->to.value_or(from);
  follow.to_location = c.to_location;
  follow.document = c.document;
  follow.reference = "posting/" + c.posting;
  follow.reason = c.reason;
  auto lines = event.taken;
  if (!c.hold.empty()) {  // the hold has put it into blocked stock there
    for (auto& line : lines) line.type = blocked;
    if (c.movement == "551" || c.movement == "553") follow.movement = "555";
    if (rule->to == blocked) lines.clear();
  }
  s.emit(std::move(event));
  follow_in_erp(s, std::move(follow), lines, "post/" + c.posting);
  return s.done();
}

made reverse_movement(step& s, const lot::ReverseMovementT& c) {
  const auto row = s.ctx.row<lot::MovementRowT>("movements", key_of("post", c.posting));
  if (!row)
    return made::refuse(lot::Refusal::posting_unknown, "There is no posting " + c.posting + '.');
  if (row->reversed) return s.done();
  if (!row->batch.empty()) return ask_back(s, c, *row);
  lot::MovementReversedT event;
  if (!row->put.empty()) {
    const auto& where = row->put.front();
    if (where.type == quality_inspection && inspected(s.next))
      return made::refuse(lot::Refusal::inspection_stock,
                          "An inspection lot is open: its usage decision moves the stock.");
    if (const auto why = why_not_move(s, s.next, where.type, {}, row->quantity, row->serials))
      return made::refuse(why->why, why->detail);
    lot::StateT without = s.next;
    if (!add(without, row->put, -1) ||
        std::ranges::any_of(row->put, [&](const auto& l) { return held_at(s.next, l.location); }))
      return made::refuse(lot::Refusal::short_stock, "It is no longer where the posting put it.");
    event.taken = row->put;
  }
  const auto* rule = find_rule(row->movement);
  event.posting = c.posting;
  event.movement = rule ? rule->reverse : from_place;
  event.quantity = row->quantity;
  event.unit = s.next.unit;
  // What had been held does not come back as free stock: its hold may have
  // ended since.
  event.put = row->hold.empty() ? row->lines : put_to(row->lines, blocked, std::nullopt);
  as_restricted(s.next, event.put);
  event.serials = row->serials;
  event.document = c.document;
  event.reason = c.reason;
  event.by = by_whom(s.ctx);
  lot::MovementPostingT follow;
  follow.movement = event.movement;
  follow.to = event.put.front().type;
  follow.to_location = event.put.front().location;
  follow.document = c.document;
  follow.reference = "posting/" + c.posting;
  follow.reversal_of = c.posting;
  follow.reason = c.reason;
  const auto lines = event.taken.empty() ? event.put : event.taken;
  s.emit(std::move(event));
  follow_in_erp(s, std::move(follow), lines, "reverse/" + c.posting);
  return s.done();
}

made set_restriction(step& s, const lot::SetRestrictionT& c) {
  if (s.next.restricted == c.restricted) return s.done();
  if (any_hold(s.next)) return made::refuse(lot::Refusal::held, "Held stock stays where it is.");
  if (!s.next.transits.empty())
    return made::refuse(lot::Refusal::in_transit, "Stock of the lot is on its way.");
  const auto from = c.restricted ? unrestricted : restricted;
  lot::RestrictionSetT event;
  event.restricted = c.restricted;
  for (const auto& line : s.next.stock) {
    if (line.type != from) continue;
    auto& one = event.moves.emplace_back();
    one.location = line.location;
    one.from = from;
    one.to = c.restricted ? restricted : unrestricted;
    one.quantity = line.quantity;
    one.movement = c.restricted ? "341" : "342";
  }
  event.reason = c.reason;
  event.by = by_whom(s.ctx);
  s.emit(std::move(event));
  if (c.restricted) revoke_grants(s, "restricted use");
  return s.done();
}

}  // namespace millrace::actors::batches
