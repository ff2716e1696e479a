// A material between the enterprise's master and the plants' copies: what the master owns, as one
// piece that is taken as a whole; a plant's own fields stay.
#pragma once

#include <memory>
#include <optional>

#include "actors/material.hpp"

namespace millrace::actors::materials {

using made = decision<millrace::material::schema>;

/// All that the master owns of the material.
[[nodiscard]] std::unique_ptr<millrace::material::MasterT> master_of(
    const millrace::material::StateT& state);

/// Refuses at a copy what only the enterprise may change; nullopt when the plant may.
[[nodiscard]] std::optional<made> masters_business(const millrace::material::StateT& state,
                                                   const context& ctx);
[[nodiscard]] made take_master(const millrace::material::StateT& state,
                               const millrace::material::TakeMasterT& c);
[[nodiscard]] made adopt(const millrace::material::StateT& state);
/// At the enterprise: the plants that need the material get what has just been decided.
void tell_sync(made& d, const context& ctx);

/// The state part of MasterTaken.
void apply_master(millrace::material::StateT& state, const millrace::material::MasterTakenT& e);

}  // namespace millrace::actors::materials
