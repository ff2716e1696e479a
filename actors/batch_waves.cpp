// The way of a hold downstream: in waves that fit a decision, over links of this plant and to
// others.
#include "actors/batch_waves.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace millrace::actors::batches {

namespace {

constexpr std::uint32_t told_max = 200;     // lots told in one decision: an entry has a limit
constexpr std::uint32_t escapes_max = 500;  // named in one message

/// Calls `tell` for each distinct lot that this one went into, from link number `after` on. Removed
/// links count when a hold is lifted: it may have gone that way before.
template <class Tell>
wave each_descendant(step& s, std::uint32_t after, bool removed_too, Tell tell) {
  wave out;
  std::set<std::string> seen;
  for (out.last = after; out.last < s.next.outputs; ++out.last) {
    if (out.told.size() + out.elsewhere.size() >= told_max) {
      out.more = true;
      break;
    }
    const auto row = s.ctx.row<lot::GenealogyDownRowT>("genealogy_down", number_key(out.last + 1));
    if (!row || (row->removed_at.given() && !removed_too)) continue;
    if (row->link->batch == s.ctx.id() && row->link->plant.empty()) continue;
    if (!seen.insert(row->link->plant + '/' + row->link->batch).second) continue;
    tell(*row->link);
    if (row->link->plant.empty()) {
      out.told.push_back(row->link->batch);
    } else {
      auto& other = out.elsewhere.emplace_back();
      other.plant = row->link->plant;
      other.batch = row->link->batch;
    }
  }
  return out;
}

void go_on(step& s, const wave& w, const lot::HoldEntryT& entry, const source& from, bool lift) {
  if (!w.more) return;
  lot::ContinueHoldT rest;
  rest.hold = entry.hold;
  rest.origin = from.batch;
  rest.origin_plant = from.plant;
  rest.after = w.last;
  rest.lift = lift;
  rest.type = entry.type;
  rest.reason = entry.reason;
  rest.by = entry.placed_by;
  s.d.tell<lot::schema>(s.ctx.id(), rest, Lane::hold);
}

}  // namespace

bool goes_downstream(const lot::HoldEntryT& hold) {
  return hold.location.empty() && hold.status != lot::HoldStatus::future;
}

source source_of(const lot::HoldEntryT& hold, std::size_t i) {
  return {hold.origins[i], i < hold.origin_plants.size() ? hold.origin_plants[i] : std::string()};
}

void tell_inherit(step& s, const lot::HoldEntryT& entry, const source& from, const std::string& to,
                  const std::string& plant) {
  lot::InheritHoldT inherit;
  inherit.hold = entry.hold;
  inherit.type = entry.type;
  inherit.reason = entry.reason;
  inherit.origin = from.batch;
  inherit.origin_plant = from.plant;
  inherit.via = s.ctx.id();
  inherit.placed_by = entry.placed_by;
  s.d.tell<lot::schema>(to, inherit, Lane::hold, plant);
}

wave tell_descendants(step& s, const lot::HoldEntryT& entry, const source& from,
                      std::uint32_t after) {
  if (!goes_downstream(entry)) return {};
  auto w = each_descendant(s, after, false, [&](const lot::LinkT& link) {
    tell_inherit(s, entry, from, link.batch, link.plant);
  });
  go_on(s, w, entry, from, false);
  return w;
}

void tell_lifted(step& s, const lot::HoldEntryT& entry, const source& from,
                 const std::string& reason, std::uint32_t after) {
  const auto w = each_descendant(s, after, true, [&](const lot::LinkT& link) {
    lot::LiftHoldT lift;
    lift.hold = entry.hold;
    lift.origin = from.batch;
    lift.origin_plant = from.plant;
    lift.reason = reason;
    lift.released_by = entry.placed_by;
    s.d.tell<lot::schema>(link.batch, lift, Lane::hold, link.plant);
  });
  go_on(s, w, entry, from, true);
}

void tell_extend(step& s, const lot::HoldEntryT& entry, process::ExtendT extend) {
  std::set<std::string> homes;
  for (std::size_t i = 0; i < entry.origins.size(); ++i) homes.insert(source_of(entry, i).plant);
  extend.foreign = homes.erase(std::string()) == 0;
  extend.homes.assign(homes.begin(), homes.end());
  s.d.tell<process::schema>(entry.hold, extend, Lane::hold);
}

std::vector<process::EscapeT> escapes(step& s, const std::string& hold, std::uint32_t after) {
  std::vector<process::EscapeT> out;
  const auto last = std::min(s.next.shipments, after + escapes_max);
  for (std::uint32_t n = after + 1; n <= last; ++n) {
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
  if (last < s.next.shipments) {
    lot::ContinueHoldT rest;
    rest.hold = hold;
    rest.origin = s.ctx.id();
    rest.escapes_after = last;
    s.d.tell<lot::schema>(s.ctx.id(), rest, Lane::hold);
  }
  return out;
}

}  // namespace millrace::actors::batches
