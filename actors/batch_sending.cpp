// Stock that goes to another lot: split, merge, regrade, transfer to another
// plant, and the way back. It leaves here in the decision that asks the other
// lot, and is on its way until that one answers; the link is told only then,
// and until it comes the other lot grants nothing, so no hold is overtaken.
#include <algorithm>

#include "actors/batch_step.hpp"

namespace millrace::actors::batches {

namespace {

constexpr std::size_t transits_max = 100;
constexpr std::string_view take_tag = "take~", back_tag = "back~";

/// What split, merge, regrade and transfer have in common.
struct sending {
  std::string posting, movement, batch, plant, material, unit, location, to_location, document,
      reason, hold;
  decimal quantity;
  lot::StockType stock = lot::StockType::unrestricted;
  std::vector<std::string> serials;
  bool merges = false;
};

template <class Command>
sending sending_of(const Command& c, std::string_view movement, const std::string& material) {
  sending out;
  out.posting = c.posting;
  out.movement = movement;
  out.batch = c.batch;
  out.material = material;
  out.quantity = c.quantity;
  out.unit = c.unit;
  out.location = c.location;
  out.to_location = c.to_location;
  out.serials = c.serials;
  out.document = c.document;
  out.reason = c.reason;
  return out;
}

const lot::TransitT* find_transit(const lot::StateT& state, std::string_view posting) {
  for (const auto& one : state.transits)
    if (one.posting == posting) return &one;
  return nullptr;
}

/// Why nothing may be sent so; nullopt when it may.
std::optional<made> refusal_of(step& s, const sending& c, decimal quantity) {
  if (find_transit(s.next, c.posting))
    return made::refuse(lot::Refusal::in_transit, "Posting " + c.posting + " is under way.");
  if (const auto row = s.ctx.row<lot::MovementRowT>("movements", key_of("post", c.posting))) {
    if (row->movement == c.movement && row->quantity == quantity && row->batch == c.batch)
      return made();
    return made::refuse(lot::Refusal::posting_differs,
                        "Posting " + c.posting + " was another movement.");
  }
  if (c.batch == s.ctx.id() && c.plant.empty())
    return made::refuse(lot::Refusal::same_stock, "The lots are the same.");
  if (c.stock == lot::StockType::quality_inspection)
    return made::refuse(lot::Refusal::inspection_stock,
                        "Inspection stock leaves by usage decision only.");
  if (c.stock == lot::StockType::restricted)
    return made::refuse(lot::Refusal::restricted_stock,
                        "Restricted stock follows the lot's status.");
  if (s.next.concession && s.next.concession->quantity)
    return made::refuse(lot::Refusal::concession,
                        "Concession " + s.next.concession->concession +
                            " counts a quantity: it cannot be counted in two lots.");
  if (!s.next.awaiting.empty())
    return made::refuse(lot::Refusal::genealogy_pending,
                        "The holds of " + s.next.awaiting.front() + " are not known here yet.");
  if (s.next.transits.size() >= transits_max)
    return made::refuse(lot::Refusal::too_many, "Too much of the lot is under way.");
  return std::nullopt;
}

/// What leaves, into `taken`; held stock only as its hold's disposition. The refusal otherwise.
std::optional<made> leaving(step& s, const sending& c, decimal quantity,
                            std::vector<lot::StockLineT>& taken) {
  lot::StateT free = s.next;
  if (!c.hold.empty())
    if (auto no = set_hold_aside(s, free, c.hold)) return no;
  auto lines = take(free, c.stock, c.location, quantity);
  if (const auto why = why_not_move(s, free, c.stock, c.location, quantity, c.serials)) {
    lines.reset();
    if (!c.hold.empty() && why->why == lot::Refusal::short_stock)
      lines = take_disposed(free, c.location, quantity);
    if (!lines) return made::refuse(why->why, why->detail);
  }
  taken = std::move(*lines);
  return std::nullopt;
}

void ask_to_take(step& s, const sending& c, decimal quantity, lot::StockType arrives) {
  lot::TakeInT ask;
  ask.batch = s.ctx.id();
  ask.posting = c.posting;
  ask.movement = c.movement;
  ask.material = c.material;
  ask.quantity = quantity;
  ask.unit = s.next.unit;
  ask.location = c.to_location;
  ask.stock = arrives;
  ask.quality = s.next.quality;
  ask.expires = s.next.expires;
  ask.serials = c.serials;
  ask.supplier = s.next.supplier;
  ask.supplier_lot = s.next.supplier_lot;
  ask.order = s.next.order;
  ask.merges = c.merges;
  if (s.next.concession) ask.concession = std::make_unique<lot::ConcessionT>(*s.next.concession);
  s.d.ask<lot::schema>(c.batch, ask, std::string(take_tag) + c.posting, Lane::hold, c.plant);
}

made send(step& s, const sending& c) {
  const auto quantity = in_lot_unit(s, c.quantity, c.unit);
  if (!quantity)
    return made::refuse(lot::Refusal::unit_mismatch,
                        "Unit " + c.unit + " has no conversion to " + s.next.unit + ".");
  if (auto no = refusal_of(s, c, *quantity)) return std::move(*no);
  std::vector<lot::StockLineT> taken;
  if (auto no = leaving(s, c, *quantity, taken)) return std::move(*no);
  // What a hold had found in several types arrives blocked.
  const auto type = taken.front().type;
  const bool one_type = std::ranges::all_of(taken, [&](const auto& l) { return l.type == type; });
  const auto arrives = one_type ? type : lot::StockType::blocked;
  lot::StockSentT event;
  event.transit = std::make_unique<lot::TransitT>();
  auto& transit = *event.transit;
  transit.posting = c.posting;
  transit.movement = c.movement;
  transit.batch = c.batch;
  transit.plant = c.plant;
  transit.material = c.material;
  transit.quantity = *quantity;
  transit.taken = std::move(taken);
  transit.serials = c.serials;
  transit.command = s.ctx.command_id();
  transit.to_location = c.to_location;
  transit.hold = c.hold;
  transit.document = c.document;
  transit.reason = c.reason;
  transit.erp_has_it = s.ctx.from().speaks_for(System::erp);
  event.unit = s.next.unit;
  event.document = c.document;
  event.reason = c.reason;
  event.by = by_whom(s.ctx);
  s.emit(std::move(event));
  ask_to_take(s, c, *quantity, arrives);
  s.d.wait();
  return s.done();
}

lot::LinkT link_of(const lot::TransitT& transit, const std::string& unit, timestamp now) {
  lot::LinkT link;
  link.batch = transit.batch;
  link.plant = transit.plant;
  link.material = transit.material;
  link.quantity = transit.quantity;
  link.unit = unit;
  link.operation = transit.movement;
  link.report = transit.posting;
  link.basis = lot::Basis::reported;
  link.at = now;
  return link;
}

/// SAP's type of a transfer posting, or of its reversal; a lot's split and merge are one to itself.
std::string_view posted_as(std::string_view movement, bool back) {
  if (movement == "301") return back ? "302" : "301";
  if (movement == transfer_in_two_steps) return back ? "352" : transfer_in_two_steps;
  return back ? "310" : "309";
}

/// The ERP hears of stock that has really gone, or come back, unless it posted that itself.
void follow_transit(step& s, const lot::TransitT& transit, bool back) {
  if (transit.erp_has_it) return;
  lot::MovementPostingT follow;
  follow.movement = posted_as(transit.movement, back);
  follow.to = transit.taken.front().type;
  follow.to_location = transit.to_location;
  follow.to_batch = transit.batch;
  follow.to_plant = transit.plant;
  follow.to_material = transit.material;
  follow.document = transit.document;
  follow.reference = "posting/" + transit.posting;
  follow.reason = transit.reason;
  if (back) follow.reversal_of = transit.posting;
  follow_in_erp(s, std::move(follow), transit.taken,
                (back ? "reverse/" : "post/") + transit.posting);
}

void take_answered(step& s, const lot::TransitT& transit, const answer& a) {
  if (a.granted()) {
    lot::StockArrivedT event;
    event.posting = transit.posting;
    s.emit(std::move(event));
    link_to_output(s, link_of(transit, s.next.unit, s.ctx.now()));
    follow_transit(s, transit, false);
    s.d.settle(transit.command);
    return;
  }
  lot::SendingRefusedT event;
  event.posting = transit.posting;
  event.code = a.code;
  event.detail = a.detail;
  s.emit(std::move(event));
  s.d.settle_refused(transit.command, a.code, a.detail);
}

void back_answered(step& s, const lot::TransitT& transit, const answer& a) {
  if (!a.granted()) {
    lot::AskingBackRefusedT event;
    event.posting = transit.posting;
    event.code = a.code;
    event.detail = a.detail;
    s.emit(std::move(event));
    s.d.settle_refused(transit.command, a.code, a.detail);
    return;
  }
  lot::MovementReversedT event;
  event.posting = transit.posting;
  event.movement = transit.movement;
  event.quantity = transit.quantity;
  event.unit = s.next.unit;
  event.put = transit.taken;
  event.serials = transit.serials;
  s.emit(std::move(event));
  unlink_outputs(s, {}, transit.posting, "movement reversed");
  follow_transit(s, transit, true);
  s.d.settle(transit.command);
}

}  // namespace

made split(step& s, const lot::SplitT& c) {
  auto out = sending_of(c, "split", s.next.material);
  out.stock = c.stock;
  return send(s, out);
}

made merge(step& s, const lot::MergeT& c) {
  auto out = sending_of(c, "merge", s.next.material);
  out.stock = c.stock;
  out.merges = true;
  return send(s, out);
}

made regrade(step& s, const lot::RegradeT& c) {
  if (c.material == s.next.material)
    return made::refuse(lot::Refusal::same_stock, "The materials are the same.");
  auto out = sending_of(c, "309", c.material);
  out.stock = c.stock;
  out.hold = c.hold;
  return send(s, out);
}

made transfer_plant(step& s, const lot::TransferPlantT& c) {
  auto out = sending_of(c, c.two_steps ? transfer_in_two_steps : "301", s.next.material);
  if (out.batch.empty()) out.batch = s.ctx.id();
  out.plant = c.plant;
  if (c.plant == s.ctx.plant())
    return made::refuse(lot::Refusal::same_stock, "The plants are the same.");
  return send(s, out);
}

made ask_back(step& s, const lot::ReverseMovementT& c, const lot::MovementRowT& row) {
  if (find_transit(s.next, c.posting))
    return made::refuse(lot::Refusal::in_transit, "Posting " + c.posting + " is under way.");
  lot::StockAskedBackT event;
  event.transit = std::make_unique<lot::TransitT>();
  auto& transit = *event.transit;
  transit.posting = c.posting;
  transit.movement = row.movement;
  transit.batch = row.batch;
  transit.plant = row.plant;
  transit.quantity = row.quantity;
  transit.taken = row.lines;
  transit.serials = row.serials;
  transit.command = s.ctx.command_id();
  transit.reason = c.reason;
  transit.document = c.document;
  transit.erp_has_it = s.ctx.from().speaks_for(System::erp);
  transit.back = true;
  event.reason = c.reason;
  event.by = by_whom(s.ctx);
  s.emit(std::move(event));
  lot::GiveBackT ask;
  ask.batch = s.ctx.id();
  ask.posting = c.posting;
  ask.reason = c.reason;
  s.d.ask<lot::schema>(row.batch, ask, std::string(back_tag) + c.posting, Lane::hold, row.plant);
  s.d.wait();
  return s.done();
}

made sending_answered(step& s, const answer& a) {
  const bool back = a.tag.starts_with(back_tag);
  if (!back && !a.tag.starts_with(take_tag)) return made::fault("an answer to no question");
  const auto* found = find_transit(s.next, a.tag.substr(take_tag.size()));
  if (!found || found->back != back) return s.done();  // answered before
  const lot::TransitT transit = *found;
  if (back)
    back_answered(s, transit, a);
  else
    take_answered(s, transit, a);
  return s.done();
}

}  // namespace millrace::actors::batches
