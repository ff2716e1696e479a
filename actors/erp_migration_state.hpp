// Inside of the ERP migration: its draft, and the keys of its rows. Not for others.
#pragma once

#include <string>
#include <string_view>

#include "actors/draft.hpp"
#include "actors/erp_migration.hpp"

namespace millrace::actors::migrations {

namespace em = millrace::erp_migration;
using made = decision<em::schema>;

/// The state part of evolve.
void apply(em::StateT& state, const em::EventUnion& event, timestamp at);
using step = draft<em::schema, apply>;

[[nodiscard]] std::string pair_key(std::string_view order, millrace::order::ReportKind kind,
                                   std::string_view report);
[[nodiscard]] std::string difference_key(std::uint32_t number);
[[nodiscard]] const em::InterfaceT* find_interface(const em::StateT& state,
                                                   std::string_view interface);

}  // namespace millrace::actors::migrations
