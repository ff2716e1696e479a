// Inspections of a lot: testing begins, ends, and the usage decision moves
// inspection stock and places or releases the hold that carries the
// inspection's id.
#include <algorithm>

#include "actors/batch_step.hpp"

namespace millrace::actors::batches {

namespace {

constexpr std::size_t lots_max = 200;

const lot::LotT* find_lot(const lot::StateT& state, std::string_view inspection) {
  for (const auto& one : state.lots)
    if (one.inspection == inspection) return &one;
  return nullptr;
}

/// SAP movement type between two stock types; empty where the status writes it.
std::string_view movement_of(lot::StockType from, lot::StockType to) {
  using enum lot::StockType;
  if (from == quality_inspection && to == unrestricted) return "321";
  if (from == unrestricted && to == quality_inspection) return "322";
  if (from == quality_inspection && to == blocked) return "350";
  if (from == blocked && to == quality_inspection) return "349";
  if (from == blocked && to == unrestricted) return "343";
  if (from == unrestricted && to == blocked) return "344";
  return {};
}

/// Inspection stock; for a retest also what the first lot's rejection has
/// blocked.
std::vector<lot::StockLineT> decided_stock(const lot::StateT& state, const lot::LotT& inspected,
                                           lot::Decision decision) {
  std::vector<lot::StockLineT> pool;
  for (const auto& line : state.stock) {
    const bool blocked = line.type == lot::StockType::blocked && !inspected.retest_of.empty() &&
                         decision != lot::Decision::reject;
    if (line.type == lot::StockType::quality_inspection || blocked) pool.push_back(line);
  }
  return pool;
}

/// Moves `quantity` of the pool to `to`; what is there already stays without a
/// movement. False when the pool runs out.
bool move(std::vector<lot::StockLineT>& pool, decimal quantity, lot::StockType to,
          std::vector<lot::StockMoveT>& moves) {
  for (auto& line : pool) {
    const auto part = std::min(line.quantity, quantity);
    if (!part.is_positive()) continue;
    line.quantity -= part;
    quantity -= part;
    if (line.type == to) continue;
    lot::StockMoveT one;
    one.location = line.location;
    one.from = line.type;
    one.to = to;
    one.quantity = part;
    one.movement = movement_of(line.type, to);
    moves.push_back(std::move(one));
  }
  return !quantity.is_positive();
}

lot::Quality quality_after(const lot::StateT& state, const lot::LotT& inspected,
                           lot::Decision decision) {
  if (decision == lot::Decision::reject) return lot::Quality::rejected;
  for (const auto& other : state.lots)
    if (other.open && other.inspection != inspected.inspection)
      return other.retest_of.empty() ? lot::Quality::under_test : lot::Quality::retest;
  return decision == lot::Decision::conditional ? lot::Quality::conditionally_released
                                                : lot::Quality::released;
}

void post_moves(step& s, const std::vector<lot::StockMoveT>& moves, const lot::DecideUsageT& c) {
  if (!s.ctx.bound(System::erp)) return;
  std::size_t n = 0;
  for (const auto& one : moves) {
    lot::MovementPostingT posting;
    posting.batch = s.ctx.id();
    posting.material = s.next.material;
    posting.movement = one.movement;
    posting.quantity = one.quantity;
    posting.unit = s.next.unit;
    posting.location = one.location;
    posting.from = one.from;
    posting.to = one.to;
    posting.reference = "inspection/" + c.inspection;
    posting.reason = c.reason;
    posting.at = s.ctx.now();
    // A key of its own: a posting that the ERP refuses must not keep a hold
    // from it.
    s.d.deliver(System::erp, "usage/" + std::string(s.ctx.id()), posting,
                "usage~" + std::to_string(++n) + '~' + c.inspection, Lane::hold);
  }
}

/// Holds of the lots that this one retests, back to the first.
void release_retested(step& s, const lot::LotT& inspected, const lot::DecideUsageT& c) {
  std::size_t steps = 0;
  for (std::string id = inspected.retest_of; !id.empty() && steps++ < lots_max;) {
    const auto* open = find_hold(s.next, id);
    if (open && comes_from(*open, s.ctx.id(), {}))
      drop_hold(s, id, "decided by inspection " + c.inspection, c.decided_by, {});
    const auto* before = find_lot(s.next, id);
    id = before ? before->retest_of : std::string();
  }
}

}  // namespace

made start_inspection(step& s, const lot::StartInspectionT& c) {
  if (find_lot(s.next, c.inspection))
    return made::refuse(lot::Refusal::inspection_exists,
                        "Inspection " + c.inspection + " was started before.");
  if (!c.retest_of.empty() && !find_lot(s.next, c.retest_of))
    return made::refuse(lot::Refusal::inspection_unknown,
                        "There is no inspection " + c.retest_of + " of this lot to retest.");
  if (s.next.lots.size() >= lots_max)
    return made::refuse(lot::Refusal::too_many, "Too many inspections of this lot.");
  lot::InspectionStartedT event;
  event.inspection = c.inspection;
  event.retest_of = c.retest_of;
  event.material = s.next.material;
  event.quantity = stock_of(s.next, lot::StockType::quality_inspection);
  if (!c.retest_of.empty()) event.quantity += stock_of(s.next, lot::StockType::blocked);
  event.unit = s.next.unit;
  s.emit(std::move(event));
  return s.done();
}

made cancel_inspection(step& s, const lot::CancelInspectionT& c) {
  const auto* inspected = find_lot(s.next, c.inspection);
  if (!inspected || !inspected->open) return s.done();
  lot::InspectionCancelledT event;
  event.inspection = c.inspection;
  event.reason = c.reason;
  s.emit(std::move(event));
  return s.done();
}

made decide_usage(step& s, const lot::DecideUsageT& c) {
  const auto* found = find_lot(s.next, c.inspection);
  if (!found || !found->open)
    return made::refuse(lot::Refusal::inspection_unknown,
                        "Inspection " + c.inspection + " is not open on this lot.");
  const lot::LotT inspected = *found;
  auto pool = decided_stock(s.next, inspected, c.decision);
  lot::UsageDecidedT event;
  for (const auto& part : c.quantities) {
    const auto quantity = in_lot_unit(s, part.quantity, part.unit);
    if (!quantity)
      return made::refuse(lot::Refusal::unit_mismatch,
                          "Unit " + part.unit + " has no conversion to " + s.next.unit + ".");
    if (!move(pool, *quantity, usable_type(s.next, part.stock), event.moves))
      return made::refuse(lot::Refusal::quantities_mismatch,
                          "The quantities exceed what is to be decided.");
  }
  decimal rest;
  for (const auto& line : pool) rest += line.quantity;
  const auto usual =
      c.decision == lot::Decision::reject ? lot::StockType::blocked : lot::StockType::unrestricted;
  if (!move(pool, rest, usable_type(s.next, usual), event.moves))
    return made::fault("the rest of the pool is not in the pool");
  event.inspection = c.inspection;
  event.decision = c.decision;
  event.quality = quality_after(s.next, inspected, c.decision);
  event.code = c.code;
  event.reason = c.reason;
  event.by = c.decided_by;
  if (c.decision == lot::Decision::conditional && c.concession) {
    event.concession = std::make_unique<lot::ConcessionT>(*c.concession);
    if (auto& limit = event.concession->quantity) {
      const auto quantity = in_lot_unit(s, *limit, event.concession->unit);
      if (!quantity)
        return made::refuse(
            lot::Refusal::unit_mismatch,
            "Unit " + event.concession->unit + " has no conversion to " + s.next.unit + ".");
      *limit = *quantity;
      event.concession->unit = s.next.unit;
    }
  }
  const auto moves = event.moves;
  s.emit(std::move(event));
  watch_concession(s);
  post_moves(s, moves, c);
  if (c.decision == lot::Decision::reject && !s.ctx.has_row("holds", c.inspection)) {
    lot::HoldEntryT entry;
    entry.hold = c.inspection;
    entry.type = lot::HoldType::quality;
    entry.source = "inspection/" + c.inspection;
    entry.reason = c.reason.empty() ? "rejected by inspection " + c.inspection : c.reason;
    entry.placed_by = c.decided_by;
    entry.placed_at = s.ctx.now();
    raise_hold(s, std::move(entry));
  }
  release_retested(s, inspected, c);
  return s.done();
}

}  // namespace millrace::actors::batches
