// Holds on a lot: placed, inherited from inputs, released where they were placed, lifted
// downstream. From the commit of the hold nothing here is granted; what had been granted is revoked
// in the same decision.
#include <algorithm>
#include <set>

#include "actors/batch_waves.hpp"
#include "actors/rules.hpp"
#include "schemas/logistics/shipment_kind.hpp"
#include "schemas/production/order_release_kind.hpp"
#include "schemas/quality/hold_kind.hpp"
#include "schemas/text.hpp"

namespace millrace::actors::batches {

namespace {

constexpr std::size_t holds_max = 100;

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

}  // namespace

/// The newest first, reservations before allocations.
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

const lot::HoldEntryT* find_hold(const lot::StateT& state, std::string_view hold) {
  for (const auto& one : state.holds)
    if (one.hold == hold) return &one;
  return nullptr;
}

bool comes_from(const lot::HoldEntryT& hold, std::string_view origin, std::string_view plant) {
  for (std::size_t i = 0; i < hold.origins.size(); ++i)
    if (const auto from = source_of(hold, i); from.batch == origin && from.plant == plant)
      return true;
  return false;
}

void raise_hold(step& s, lot::HoldEntryT entry) {
  const std::string self(s.ctx.id());
  const bool first = !any_hold(s.next);
  const auto* before = find_hold(s.next, entry.hold);
  const bool inherited = before && before->status != lot::HoldStatus::future;
  // An inherited one holds everything already: this lot is one more origin.
  if (before) entry = *before;
  if (!inherited) entry.origins.clear();
  entry.status = lot::HoldStatus::placed;
  entry.process = "hold/" + entry.hold;
  entry.origins.push_back(self);
  if (!entry.origin_plants.empty()) entry.origin_plants.resize(entry.origins.size());
  lot::HoldPlacedT event;
  event.hold = std::make_unique<lot::HoldEntryT>(entry);
  s.emit(std::move(event));
  revoke_grants(s, entry.hold);

  const auto w = tell_descendants(s, entry, {self, {}}, 0);
  process::StartT start;
  start.batch = self;
  start.type = entry.type;
  start.reason = entry.reason;
  start.source = entry.source;
  start.placed_by = entry.placed_by;
  start.descendants = w.told;
  start.elsewhere = w.elsewhere;
  start.more = w.more;
  if (entry.quantity) start.quantity = std::make_unique<decimal>(*entry.quantity);
  start.serials = entry.serials;
  start.location = entry.location;
  start.material = s.next.material;
  start.unit = s.next.unit;
  start.stock = s.next.stock;
  start.first = first;
  if (!inherited) start.escaped = escapes(s, entry.hold, 0);
  s.d.tell<process::schema>(entry.hold, start, Lane::hold);
}

void reach_operation(step& s, const std::string& operation) {
  if (operation.empty()) return;
  std::vector<lot::HoldEntryT> due;
  for (const auto& one : s.next.holds)
    if (one.status == lot::HoldStatus::future && one.operation == operation) due.push_back(one);
  for (auto& one : due) raise_hold(s, std::move(one));
}

/// Notes a hold that waits for an operation; nothing is held and nobody told until then.
static void plan_hold(step& s, lot::HoldEntryT entry) {
  entry.status = lot::HoldStatus::future;
  entry.origins.emplace_back(s.ctx.id());
  lot::HoldPlacedT event;
  event.hold = std::make_unique<lot::HoldEntryT>(std::move(entry));
  s.emit(std::move(event));
}

made place_hold(step& s, const lot::PlaceHoldT& c) {
  const auto* open = find_hold(s.next, c.hold);
  const bool placed_here = open && comes_from(*open, s.ctx.id(), {});
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
  entry.operation = c.operation;
  if (c.operation.empty() || open)
    raise_hold(s, std::move(entry));
  else
    plan_hold(s, std::move(entry));
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
  if (entry.status == lot::HoldStatus::future) return;  // nobody has heard of it
  if (goes_downstream(entry)) tell_lifted(s, entry, {std::string(s.ctx.id()), {}}, reason, 0);
  process::ReleaseT release;
  release.batch = s.ctx.id();
  release.reason = reason;
  release.released_by = by;
  release.last = !any_hold(s.next);
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
  if (!comes_from(*open, s.ctx.id(), {})) {
    const auto from = source_of(*open, 0);
    return made::refuse(lot::Refusal::hold_inherited,
                        "It was placed on " + from.batch +
                            (from.plant.empty() ? "" : " at " + from.plant) +
                            ": release it there.");
  }
  const auto by = by_whom(s.ctx);
  if (rule_of(s.ctx, "hold.release_second_person") == "yes" && is_same_person(by, open->placed_by))
    return made::refuse_with("command.not_authorised", "A second person releases hold " + c.hold +
                                                           ", not " + by + " who placed it.");
  drop_hold(s, c.hold, c.reason, by, c.person);
  return s.done();
}

made inherit_hold(step& s, const lot::InheritHoldT& c) {
  const source from{c.origin, plant_seen(s.ctx, c.origin_plant)};
  if (from.batch == s.ctx.id() && from.plant.empty())
    return s.done();  // round a circle: it was placed here
  const auto* open = find_hold(s.next, c.hold);
  if (open && comes_from(*open, from.batch, from.plant)) return s.done();
  const bool again = open != nullptr && open->status != lot::HoldStatus::future;
  const bool first = !any_hold(s.next);
  lot::HoldInheritedT event;
  event.hold = c.hold;
  event.type = c.type;
  event.reason = c.reason;
  event.origin = from.batch;
  event.origin_plant = from.plant;
  event.via = c.via;
  event.via_plant = plant_seen(s.ctx);
  const bool via_here = event.via_plant.empty();
  event.placed_by = c.placed_by;
  s.emit(std::move(event));
  revoke_grants(s, c.hold);
  const auto w = tell_descendants(s, *find_hold(s.next, c.hold), from, 0);
  process::ReachedT reached;
  reached.batch = s.ctx.id();
  if (via_here) reached.via = c.via;
  reached.home = from.plant;
  reached.type = c.type;
  reached.reason = c.reason;
  reached.descendants = w.told;
  reached.elsewhere = w.elsewhere;
  reached.more = w.more;
  reached.material = s.next.material;
  reached.unit = s.next.unit;
  reached.stock = s.next.stock;
  reached.first = first;
  reached.again = again;
  if (!again || !from.plant.empty()) reached.escaped = escapes(s, c.hold, 0);
  s.d.tell<process::schema>(c.hold, reached, Lane::hold);
  return s.done();
}

made lift_hold(step& s, const lot::LiftHoldT& c) {
  const source from{c.origin, plant_seen(s.ctx, c.origin_plant)};
  const bool own = from.batch == s.ctx.id() && from.plant.empty();
  const auto* open = find_hold(s.next, c.hold);
  if (!open || own || !comes_from(*open, from.batch, from.plant)) return s.done();
  const lot::HoldEntryT entry = *open;
  lot::HoldLiftedT event;
  event.hold = c.hold;
  event.origin = from.batch;
  event.origin_plant = from.plant;
  event.reason = c.reason;
  event.by = c.released_by;
  s.emit(std::move(event));
  tell_lifted(s, entry, from, c.reason, 0);
  if (find_hold(s.next, c.hold)) return s.done();  // another origin still reaches this lot
  process::LiftedT lifted;
  lifted.batch = s.ctx.id();
  lifted.last = !any_hold(s.next);
  s.d.tell<process::schema>(c.hold, lifted, Lane::hold);
  return s.done();
}

made continue_hold(step& s, const lot::ContinueHoldT& c) {
  process::ExtendT extend;
  extend.batch = s.ctx.id();
  const auto* open = find_hold(s.next, c.hold);
  if (c.escapes_after != 0) {
    extend.escaped = escapes(s, c.hold, c.escapes_after);
    if (open)
      tell_extend(s, *open, std::move(extend));
    else
      s.d.tell<process::schema>(c.hold, extend, Lane::hold);
    return s.done();
  }
  const source from{c.origin, c.origin_plant};
  if (c.lift) {
    lot::HoldEntryT entry;
    entry.hold = c.hold;
    entry.type = c.type;
    tell_lifted(s, entry, from, c.reason, c.after);
    return s.done();
  }
  extend.ends = true;
  // Else it was released meanwhile: no one else needs to hear of it.
  if (!open || !comes_from(*open, from.batch, from.plant)) {
    s.d.tell<process::schema>(c.hold, extend, Lane::hold);
    return s.done();
  }
  const auto w = tell_descendants(s, *open, from, c.after);
  extend.descendants = w.told;
  extend.elsewhere = w.elsewhere;
  extend.ends = !w.more;
  tell_extend(s, *open, std::move(extend));
  return s.done();
}

void tell_holds(step& s, const std::string& output, const std::string& plant, bool movement) {
  for (const auto& entry : s.next.holds) {
    // What leaves by a movement is free of the holds on other parts of the lot.
    const bool part = entry.quantity || !entry.serials.empty();
    if (!goes_downstream(entry) || (part && movement)) continue;
    for (std::size_t i = 0; i < entry.origins.size(); ++i)
      tell_inherit(s, entry, source_of(entry, i), output, plant);
    process::ExtendT extend;
    extend.batch = s.ctx.id();
    if (plant.empty()) {
      extend.descendants.push_back(output);
    } else {
      auto& other = extend.elsewhere.emplace_back();
      other.plant = plant;
      other.batch = output;
    }
    tell_extend(s, entry, std::move(extend));
  }
}

}  // namespace millrace::actors::batches
