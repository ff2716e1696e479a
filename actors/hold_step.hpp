// Inside of the hold process: one decision in the making, and what its parts share. Not for others.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "actors/hold_rows.hpp"
#include "actors/hold_state.hpp"
#include "cluster/decision.hpp"

namespace millrace::actors::holds {

using made = decision<process::schema>;

/// A decision in the making: `next` is the state with what has been emitted so far.
struct step {
  context& ctx;
  process::StateT next;
  made d;
  drafted_rows lots;

  step(context& c, const process::StateT& state) : ctx(c), next(state), lots(c) {
    take_over(next, lots);
  }
  template <class EventT>
  void emit(EventT event) {
    d.emit(std::move(event));
    apply(next, d.events.back(), ctx.now(), lots);
  }
};

/// The sender's plant; empty when it is this one.
[[nodiscard]] inline std::string sender_plant(const context& ctx) {
  const auto plant = ctx.from().from_plant;
  return plant == ctx.plant() ? std::string() : std::string(plant);
}

/// Tells the plants from which the hold reaches that lot what happens to it here.
template <class Command>
void tell_homes(step& s, const std::string& batch, const Command& command) {
  const auto lot = find_lot(s.lots, {}, batch);
  if (!lot) return;
  for (const auto& home : lot->homes)
    s.d.tell<process::schema>(s.ctx.id(), command, Lane::hold, home);
}

/// Lots as another plant sees them, as this one does.
[[nodiscard]] inline std::vector<process::PlantLotT> seen_here(
    const step& s, std::vector<process::PlantLotT> lots) {
  for (auto& one : lots)
    if (one.plant == s.ctx.plant()) one.plant.clear();
  return lots;
}

/// One lot's report about itself, whether it was placed there or has reached it.
struct report {
  std::string batch, plant, via, home, material, unit, reason, location;
  millrace::batch::HoldType type;
  std::vector<std::string> descendants, serials;
  std::vector<process::PlantLotT> elsewhere;
  std::vector<millrace::batch::StockLineT> stock;
  std::vector<process::EscapeT> escaped;
  const decimal* quantity = nullptr;
  bool first = false, more = false, origin = false;
};

// ---- hold_systems ----
/// Notes that a system was asked to place or to release, here or in another plant.
void note_asked(step& s, const std::string& plant, const std::string& batch, System system,
                bool release, bool by_platform);
/// Asks the plant's systems for the lot; those that are bound.
[[nodiscard]] std::vector<System> ask_systems(step& s, const report& r);
/// Asks the plant's systems to undo it for the lot; those that are asked.
[[nodiscard]] std::vector<System> ask_release(step& s, const std::string& batch, bool last);
/// A system's word, here or as another plant's process tells it.
void take_word(step& s, const process::HeedT& c, const std::string& plant);

}  // namespace millrace::actors::holds
