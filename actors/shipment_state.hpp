// Inside of the shipment kind: how its state follows from events, and what its
// allocations amount to.
#pragma once

#include <string_view>

#include "schemas/logistics/shipment_kind.hpp"

namespace millrace::actors::shipments {

namespace goods = millrace::shipment;

/// The state part of evolve.
void apply(goods::StateT& state, const goods::EventUnion& event, timestamp at);

[[nodiscard]] const goods::ItemStateT* find_item(const goods::StateT& state, std::string_view item);
[[nodiscard]] const goods::AllocationT* find_allocation(const goods::StateT& state,
                                                        std::string_view item,
                                                        std::string_view batch);
/// What is allocated or asked for.
[[nodiscard]] decimal claimed(const goods::ItemStateT& item);
/// True when an allocation stands at that status.
[[nodiscard]] bool any_granted(const goods::StateT& state);
[[nodiscard]] bool any_at(const goods::StateT& state, goods::AllocationStatus status);
/// True when every item is full and every allocation is at least that far.
[[nodiscard]] bool all_reached(const goods::StateT& state, goods::AllocationStatus status);

}  // namespace millrace::actors::shipments
