// A definition of a material by a system that does not own all of its fields: what it may not write
// stays as it is, and must not be said otherwise.
#pragma once

#include <optional>

#include "actors/material.hpp"

namespace millrace::actors::materials {

using made = decision<millrace::material::schema>;

/// The refusal of a write of that field by who does not own it; nullopt when they may.
[[nodiscard]] std::optional<made> foreign_write(context& ctx, std::string_view field);

/// Sets in `c` what the caller does not own to what the material has: of the same revision, else of
/// the current one, else the schema's default. The refusal when it says something else.
[[nodiscard]] std::optional<made> keep_owned(const millrace::material::StateT& state,
                                             millrace::material::DefineT& c, context& ctx);

}  // namespace millrace::actors::materials
