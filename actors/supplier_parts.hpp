// Inside of the supplier kind: its draft and the parts that decide. Not for others.
#pragma once

#include <string>
#include <string_view>

#include "actors/draft.hpp"
#include "actors/rules.hpp"
#include "actors/supplier.hpp"

namespace millrace::actors::suppliers {

namespace sp = millrace::supplier;
using made = decision<sp::schema>;

/// The state part of evolve.
void apply(sp::StateT& state, const sp::EventUnion& event, timestamp at);
using step = draft<sp::schema, apply>;

[[nodiscard]] const sp::ContainmentT* find_containment(const sp::StateT& state,
                                                       std::string_view containment);
/// Key of a containment's row of a batch; the separator is in no id.
[[nodiscard]] std::string batch_key(std::string_view containment, std::string_view batch);
/// Key of a supplier lot's row; none has one as well.
[[nodiscard]] std::string lot_key(std::string_view supplier_lot);
/// Key of a numbered row.
[[nodiscard]] std::string receipt_key(std::uint32_t number);

// supplier_containments.cpp: what a plant's copy does for a containment
[[nodiscard]] made contain(step& s, const sp::ContainT& c);
[[nodiscard]] made lift(step& s, const sp::LiftT& c);
[[nodiscard]] made go_on(step& s, const sp::ContinueContainmentT& c);
[[nodiscard]] made batch_answered(step& s, const answer& a);
[[nodiscard]] made system_answered(step& s, const delivered& in);
/// What has just been received is held by every open containment that it falls under.
void contain_receipt(step& s, const sp::LotReceivedT& c);

inline constexpr std::size_t containments_max = 20;  // open at once

}  // namespace millrace::actors::suppliers
