// The outer systems that have to follow a hold: who is asked for a lot, and what they say.
#include "actors/hold_step.hpp"

namespace millrace::actors::holds {

namespace {

using process::AckStatus;

/// Who acknowledges. The QMS is told where it can be, so that the authority knows of holds that
/// others have raised.
constexpr System outer_systems[] = {System::erp, System::mes, System::wms, System::qms};
bool takes_part(const context& ctx, System system) {
  return system != System::qms || ctx.bound(system);
}

std::string key_for(const std::string& batch) { return "batch/" + batch; }

}  // namespace

void note_asked(step& s, const std::string& plant, const std::string& batch, System system,
                bool release, bool by_platform) {
  process::SystemAskedT event;
  event.batch = batch;
  event.plant = plant;
  event.system = system;
  event.release = release;
  event.by_platform = by_platform;
  s.emit(std::move(event));
}

std::vector<System> ask_systems(step& s, const report& r) {
  process::PlaceT place;
  place.hold = s.ctx.id();
  place.batch = r.batch;
  place.material = r.material;
  place.type = r.type;
  place.reason = r.reason;
  if (r.quantity) place.quantity = std::make_unique<decimal>(*r.quantity);
  place.unit = r.unit;
  place.serials = r.serials;
  place.location = r.location;
  place.stock = r.stock;
  place.first = r.first;
  place.inherited = !r.origin;
  std::vector<System> out;
  for (const auto system : outer_systems) {
    if (!takes_part(s.ctx, system)) continue;
    const bool bound = s.ctx.bound(system);
    note_asked(s, {}, r.batch, system, false, !bound);
    if (!bound) continue;
    s.d.deliver(system, key_for(r.batch), place, "place~" + r.batch, Lane::hold);
    out.push_back(system);
  }
  return out;
}

std::vector<System> ask_release(step& s, const std::string& batch, bool last) {
  const auto lot = find_lot(s.lots, {}, batch);
  process::LiftT lift;
  lift.hold = s.ctx.id();
  lift.batch = batch;
  lift.material = lot ? lot->member->material : std::string();
  lift.reason = s.next.release_reason;
  lift.last = last;
  std::vector<System> out;
  for (const auto system : outer_systems) {
    const auto* known = lot ? find_system(*lot, system) : nullptr;
    if (!known && !takes_part(s.ctx, system)) continue;
    const bool asked = s.ctx.bound(system) && known &&
                       !known->by_platform;  // who was never asked has nothing to undo
    note_asked(s, {}, batch, system, true, !asked);
    if (!asked) continue;
    s.d.deliver(system, key_for(batch), lift, "lift~" + batch, Lane::hold);
    out.push_back(system);
  }
  return out;
}

void take_word(step& s, const process::HeedT& c, const std::string& plant) {
  const bool release = c.status == AckStatus::released || c.status == AckStatus::release_failed;
  if (c.status == AckStatus::acknowledged || c.status == AckStatus::released) {
    process::SystemAcknowledgedT event;
    event.batch = c.batch;
    event.plant = plant;
    event.system = c.system;
    event.release = release;
    event.document = c.document;
    s.emit(std::move(event));
  } else {
    process::SystemFailedT event;
    event.batch = c.batch;
    event.plant = plant;
    event.system = c.system;
    event.release = release;
    event.reason = c.reason;
    s.emit(std::move(event));
  }
}

}  // namespace millrace::actors::holds
