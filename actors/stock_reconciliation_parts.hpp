// Inside of the reconciliation: its draft, the comparison, and the keys of its rows. Not for
// others.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "actors/draft.hpp"
#include "actors/stock_reconciliation.hpp"

namespace millrace::actors::reconciliations {

namespace sr = millrace::stock_reconciliation;
namespace lot = millrace::batch;
using made = decision<sr::schema>;

/// The state part of evolve.
void apply(sr::StateT& state, const sr::EventUnion& event, timestamp at);
using step = draft<sr::schema, apply>;

/// A lot's stock of a type as that system has to see it, at a place (empty = all places). The ERP
/// carries held stock as blocked; the others keep it where it is.
[[nodiscard]] decimal stock_as_seen(const lot::StateT& state, System system, lot::StockType type,
                                    std::string_view location);

/// Compares one line; `flight` is what the system has more than the lot until it is posted, and may
/// have been posted already: the reading that leaves less counts.
void compare(sr::ComparedT& line, const lot::StateT* state, System system, decimal flight,
             bool refused, decimal tolerance);

[[nodiscard]] const sr::SourceT* find_source(const sr::StateT& state, System system);
[[nodiscard]] std::string line_key(System system, std::string_view batch, std::string_view location,
                                   lot::StockType type);
[[nodiscard]] std::string part_key(System system, std::uint32_t part);
[[nodiscard]] std::string difference_key(std::uint32_t number);

// stock_reconciliation_parts.cpp: what the systems report, part by part
[[nodiscard]] made report_stock(step& s, const sr::ReportStockT& c);
[[nodiscard]] made flight_found(step& s, System system, std::uint32_t part, const answer& a);
[[nodiscard]] made lots_found(step& s, System system, const answer& a);
/// Ends the run when every system has reported or failed.
void complete_when_done(step& s);

}  // namespace millrace::actors::reconciliations
