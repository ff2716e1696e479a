// Holds on a lot: placed, inherited from inputs, released where they were placed, lifted
// downstream. From the commit of the hold nothing here is granted; what had been granted is revoked
// in the same decision.
#include <algorithm>
#include <set>

#include "actors/batch_step.hpp"
#include "actors/rules.hpp"
#include "schemas/logistics/shipment_kind.hpp"
#include "schemas/production/order_release_kind.hpp"
#include "schemas/quality/hold_kind.hpp"

namespace millrace::actors::batches {

namespace {

namespace process = millrace::hold;

constexpr std::size_t holds_max = 100;
constexpr std::uint32_t told_max = 200;  // lots told in one decision: an entry has a limit
constexpr std::uint32_t escapes_max = 200;

bool contains(const std::vector<std::string>& all, std::string_view one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

/// A hold on a place says nothing about what was made elsewhere of the lot.
bool goes_downstream(const lot::HoldEntryT& hold) { return hold.location.empty(); }

struct wave {
  std::vector<std::string> told;
  std::uint32_t last = 0;
  bool more = false;
};

/// Calls `tell` for each distinct lot that this one went into, from link number `after` on. Removed
/// links count when a hold is lifted: it may have gone that way before.
template <class Tell>
wave each_descendant(step& s, std::uint32_t after, bool removed_too, Tell tell) {
  wave out;
  std::set<std::string> seen;
  for (out.last = after; out.last < s.next.outputs; ++out.last) {
    if (out.told.size() >= told_max) {
      out.more = true;
      break;
    }
    const auto row = s.ctx.row<lot::GenealogyDownRowT>("genealogy_down", number_key(out.last + 1));
    if (!row || row->link->batch == s.ctx.id() || (row->removed_at.given() && !removed_too))
      continue;
    if (!seen.insert(row->link->plant + '/' + row->link->batch).second) continue;
    tell(*row->link);
    out.told.push_back(row->link->batch);
  }
  return out;
}

void tell_inherit(step& s, const lot::HoldEntryT& entry, const std::string& origin,
                  const std::string& to, const std::string& plant) {
  lot::InheritHoldT inherit;
  inherit.hold = entry.hold;
  inherit.type = entry.type;
  inherit.reason = entry.reason;
  inherit.origin = origin;
  inherit.via = s.ctx.id();
  inherit.placed_by = entry.placed_by;
  s.d.tell<lot::schema>(to, inherit, Lane::hold, plant);
}

void go_on(step& s, const wave& w, const lot::HoldEntryT& entry, const std::string& origin,
           bool lift) {
  if (!w.more) return;
  lot::ContinueHoldT rest;
  rest.hold = entry.hold;
  rest.origin = origin;
  rest.after = w.last;
  rest.lift = lift;
  rest.type = entry.type;
  rest.reason = entry.reason;
  rest.by = entry.placed_by;
  s.d.tell<lot::schema>(s.ctx.id(), rest, Lane::hold);
}

wave tell_descendants(step& s, const lot::HoldEntryT& entry, const std::string& origin,
                      std::uint32_t after) {
  if (!goes_downstream(entry)) return {};
  auto w = each_descendant(s, after, false, [&](const lot::LinkT& link) {
    tell_inherit(s, entry, origin, link.batch, link.plant);
  });
  go_on(s, w, entry, origin, false);
  return w;
}

void tell_lifted(step& s, const lot::HoldEntryT& entry, const std::string& origin,
                 const std::string& reason, std::uint32_t after) {
  const auto w = each_descendant(s, after, true, [&](const lot::LinkT& link) {
    lot::LiftHoldT lift;
    lift.hold = entry.hold;
    lift.origin = origin;
    lift.reason = reason;
    lift.released_by = entry.placed_by;
    s.d.tell<lot::schema>(link.batch, lift, Lane::hold, link.plant);
  });
  go_on(s, w, entry, origin, true);
}

void revoke_allocation(step& s, const lot::AllocationT one, const std::string& hold) {
  lot::AllocationRevokedT event;
  event.shipment = one.shipment;
  event.item = one.item;
  event.quantity = one.quantity;
  event.hold = hold;
  s.emit(std::move(event));
  shipment::RevokeAllocationT revoke;
  revoke.batch = s.ctx.id();
  revoke.item = one.item;
  revoke.hold = hold;
  revoke.quantity = one.quantity;
  s.d.tell<shipment::schema>(one.shipment, revoke, Lane::hold);
}

/// Takes back what the held stock can no longer cover, the newest first, reservations before
/// allocations.
void revoke_grants(step& s, const std::string& hold) {
  const auto excess = [&] {
    return reserved_total(s.next) + allocated_total(s.next) - free_unrestricted(s.next);
  };
  while (!s.next.reservations.empty() && excess().is_positive()) {
    const auto& newest = s.next.reservations.back();
    lot::ReservationRevokedT event;
    event.order = newest.order;
    event.quantity = std::min(newest.quantity, excess());
    event.hold = hold;
    millrace::order_release::ReservationRevokedT tell;
    tell.batch = s.ctx.id();
    tell.quantity = event.quantity;
    tell.unit = s.next.unit;
    tell.hold = hold;
    s.d.tell<millrace::order_release::schema>(event.order, tell, Lane::hold);
    s.emit(std::move(event));
  }
  while (!s.next.allocations.empty() && excess().is_positive())
    revoke_allocation(s, s.next.allocations.back(), hold);
}

std::vector<process::EscapeT> escapes(step& s) {
  std::vector<process::EscapeT> out;
  for (std::uint32_t n = 1; n <= std::min(s.next.shipments, escapes_max); ++n) {
    const auto row = s.ctx.row<lot::ShippedRowT>("shipped", number_key(n));
    if (!row) continue;
    process::EscapeT one;
    one.shipment = row->shipment;
    one.item = row->item;
    one.customer = row->customer;
    one.quantity = row->quantity;
    one.batch = s.ctx.id();
    one.at = row->at;
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace

const lot::HoldEntryT* find_hold(const lot::StateT& state, std::string_view hold) {
  for (const auto& one : state.holds)
    if (one.hold == hold) return &one;
  return nullptr;
}

void raise_hold(step& s, lot::HoldEntryT entry) {
  const std::string self(s.ctx.id());
  const bool first = s.next.holds.empty();
  if (const auto* inherited = find_hold(s.next, entry.hold)) {
    entry = *inherited;  // it holds everything already; this lot is one more origin
  }
  entry.status = lot::HoldStatus::placed;
  entry.process = "hold/" + entry.hold;
  entry.origins.push_back(self);
  lot::HoldPlacedT event;
  event.hold = std::make_unique<lot::HoldEntryT>(entry);
  s.emit(std::move(event));
  revoke_grants(s, entry.hold);

  const auto w = tell_descendants(s, entry, self, 0);
  process::StartT start;
  start.batch = self;
  start.type = entry.type;
  start.reason = entry.reason;
  start.source = entry.source;
  start.placed_by = entry.placed_by;
  start.descendants = w.told;
  start.more = w.more;
  if (entry.quantity) start.quantity = std::make_unique<decimal>(*entry.quantity);
  start.serials = entry.serials;
  start.location = entry.location;
  start.material = s.next.material;
  start.unit = s.next.unit;
  start.stock = s.next.stock;
  start.first = first;
  start.escaped = escapes(s);
  s.d.tell<process::schema>(entry.hold, start, Lane::hold);
}

made place_hold(step& s, const lot::PlaceHoldT& c) {
  const auto* open = find_hold(s.next, c.hold);
  const bool placed_here = open && contains(open->origins, s.ctx.id());
  if (placed_here || (!open && s.ctx.has_row("holds", c.hold)))
    return made::refuse(
        lot::Refusal::hold_exists,
        "Hold " + c.hold +
            (placed_here ? " is open on this lot."
                         : " was released on this lot: a new hold needs a new id."));
  if ((c.quantity != nullptr) + !c.serials.empty() + !c.location.empty() > 1)
    return made::refuse(lot::Refusal::hold_scope,
                        "A hold names a quantity, serials or a location.");
  if (s.next.holds.size() >= holds_max)
    return made::refuse(lot::Refusal::too_many, "Too many holds are open.");
  lot::HoldEntryT entry;
  entry.hold = c.hold;
  entry.type = c.type;
  entry.source = c.source.empty()
                     ? (s.ctx.from().is_actor ? std::string(s.ctx.from().from) : "person")
                     : c.source;
  entry.reason = c.reason;
  if (c.quantity) {
    const auto quantity = in_lot_unit(s, *c.quantity, c.unit);
    if (!quantity)
      return made::refuse(lot::Refusal::unit_mismatch,
                          "Unit " + c.unit + " has no conversion to " + s.next.unit + ".");
    entry.quantity = std::make_unique<decimal>(*quantity);
  }
  entry.serials = c.serials;
  entry.location = c.location;
  entry.placed_by = c.person.empty() ? by_whom(s.ctx) : c.person;
  entry.placed_at = s.ctx.now();
  raise_hold(s, std::move(entry));
  return s.done();
}

void drop_hold(step& s, const std::string& hold, const std::string& reason, const std::string& by,
               const std::string& person) {
  const lot::HoldEntryT entry = *find_hold(s.next, hold);
  lot::HoldReleasedT event;
  event.hold = hold;
  event.reason = reason;
  event.by = by;
  event.person = person;
  event.origin = s.ctx.id();
  s.emit(std::move(event));
  if (goes_downstream(entry)) tell_lifted(s, entry, std::string(s.ctx.id()), reason, 0);
  process::ReleaseT release;
  release.batch = s.ctx.id();
  release.reason = reason;
  release.released_by = by;
  release.last = s.next.holds.empty();
  release.inherited = find_hold(s.next, hold) != nullptr;
  s.d.tell<process::schema>(hold, release, Lane::hold);
}

made release_hold(step& s, const lot::ReleaseHoldT& c) {
  const auto* open = find_hold(s.next, c.hold);
  if (!open)
    return made::refuse(lot::Refusal::hold_unknown, "No hold " + c.hold + " is open on this lot.");
  const auto authority = hold_authority(open->type);
  if (!s.ctx.from().is_actor && !s.ctx.from().speaks_for(authority))
    return made::refuse_with("command.not_owner", std::string("Hold ") + c.hold + " is of type " +
                                                      EnumNameHoldType(open->type) +
                                                      ": it is released by its owner " +
                                                      std::string(system_name(authority)) + '.');
  if (!contains(open->origins, s.ctx.id()))
    return made::refuse(lot::Refusal::hold_inherited,
                        "It was placed on " + open->origins.front() + ": release it there.");
  const auto by = by_whom(s.ctx);
  if (rule_of(s.ctx, "hold.release_second_person") == "yes" && by == open->placed_by)
    return made::refuse_with("command.not_authorised", "A second person releases hold " + c.hold +
                                                           ", not " + by + " who placed it.");
  drop_hold(s, c.hold, c.reason, by, c.person);
  return s.done();
}

made inherit_hold(step& s, const lot::InheritHoldT& c) {
  if (c.origin == s.ctx.id()) return s.done();  // round a circle: it was placed here
  const auto* open = find_hold(s.next, c.hold);
  if (open && contains(open->origins, c.origin)) return s.done();
  const bool again = open != nullptr;
  const bool first = s.next.holds.empty();
  lot::HoldInheritedT event;
  event.hold = c.hold;
  event.type = c.type;
  event.reason = c.reason;
  event.origin = c.origin;
  event.via = c.via;
  event.placed_by = c.placed_by;
  s.emit(std::move(event));
  revoke_grants(s, c.hold);
  const auto w = tell_descendants(s, *find_hold(s.next, c.hold), c.origin, 0);
  process::ReachedT reached;
  reached.batch = s.ctx.id();
  reached.via = c.via;
  reached.type = c.type;
  reached.reason = c.reason;
  reached.descendants = w.told;
  reached.more = w.more;
  reached.material = s.next.material;
  reached.unit = s.next.unit;
  reached.stock = s.next.stock;
  reached.first = first;
  reached.again = again;
  if (!again) reached.escaped = escapes(s);
  s.d.tell<process::schema>(c.hold, reached, Lane::hold);
  return s.done();
}

made lift_hold(step& s, const lot::LiftHoldT& c) {
  const auto* open = find_hold(s.next, c.hold);
  if (!open || c.origin == s.ctx.id() || !contains(open->origins, c.origin)) return s.done();
  const lot::HoldEntryT entry = *open;
  lot::HoldLiftedT event;
  event.hold = c.hold;
  event.origin = c.origin;
  event.reason = c.reason;
  event.by = c.released_by;
  s.emit(std::move(event));
  tell_lifted(s, entry, c.origin, c.reason, 0);
  if (find_hold(s.next, c.hold)) return s.done();  // another origin still reaches this lot
  process::LiftedT lifted;
  lifted.batch = s.ctx.id();
  lifted.last = s.next.holds.empty();
  s.d.tell<process::schema>(c.hold, lifted, Lane::hold);
  return s.done();
}

made continue_hold(step& s, const lot::ContinueHoldT& c) {
  if (c.lift) {
    lot::HoldEntryT entry;
    entry.hold = c.hold;
    entry.type = c.type;
    tell_lifted(s, entry, c.origin, c.reason, c.after);
    return s.done();
  }
  process::ExtendT extend;
  extend.batch = s.ctx.id();
  extend.ends = true;
  const auto* open = find_hold(s.next, c.hold);
  if (open &&
      contains(open->origins,
               c.origin)) {  // else it was released meanwhile: no one else needs to hear of it
    const auto w = tell_descendants(s, *open, c.origin, c.after);
    extend.descendants = w.told;
    extend.ends = !w.more;
  }
  s.d.tell<process::schema>(c.hold, extend, Lane::hold);
  return s.done();
}

void tell_holds(step& s, const std::string& output, const std::string& plant) {
  for (const auto& entry : s.next.holds) {
    if (!goes_downstream(entry)) continue;
    for (const auto& origin : entry.origins) tell_inherit(s, entry, origin, output, plant);
    process::ExtendT extend;
    extend.batch = s.ctx.id();
    extend.descendants.push_back(output);
    s.d.tell<process::schema>(entry.hold, extend, Lane::hold);
  }
}

}  // namespace millrace::actors::batches
