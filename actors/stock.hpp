// What a lot's state says about its stock: held, free, allocatable, and why not. Pure.
// Used by the lot's own decisions and by the gateway's stock and availability views.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/inventory/batch_kind.hpp"

namespace millrace::actors {

namespace lot = millrace::batch;

/// All stock of that type, over all places.
[[nodiscard]] decimal stock_of(const lot::StateT& state, lot::StockType type);
[[nodiscard]] decimal stock_total(const lot::StateT& state);
[[nodiscard]] decimal reserved_total(const lot::StateT& state);
[[nodiscard]] decimal allocated_total(const lot::StateT& state);

/// True when a hold without quantity, serials and location is open.
[[nodiscard]] bool held_whole(const lot::StateT& state);
/// True when any hold is in force, on all of it or on a part; a future hold is not.
[[nodiscard]] bool any_hold(const lot::StateT& state);
/// True when stock at that place is held by place, or everything is.
[[nodiscard]] bool held_at(const lot::StateT& state, std::string_view location);
/// True when an open hold names that serial.
[[nodiscard]] bool held_serial(const lot::StateT& state, std::string_view serial);
/// What holds by quantity and by serials keep back, together.
[[nodiscard]] decimal held_quantity(const lot::StateT& state);
/// Unrestricted stock that no hold keeps back; never negative. Reservations and allocations are not
/// looked at.
[[nodiscard]] decimal free_unrestricted(const lot::StateT& state);
/// unrestricted - held - reserved - allocated, within the concession's quantity; 0 when held
/// entirely, expired, not released, or waiting for its inputs' holds.
[[nodiscard]] decimal allocatable_of(const lot::StateT& state);

/// Something that keeps a lot from being granted.
struct blocker {
  std::string code;           // "batch.held", "batch.not_released", ...
  std::string by;             // "hold/H-9", "inspection/IL-1", "batch/HSG-1", ...
  timestamp since;            // zero when the state does not say
  std::string who_can_clear;  // system, "qms"
};
struct availability {
  decimal allocatable;
  std::vector<blocker> blockers;
};
[[nodiscard]] availability availability_of(const lot::StateT& state);

/// The system whose authority releases a hold of that type.
[[nodiscard]] System hold_authority(lot::HoldType type);
/// "qms"; empty for none.
[[nodiscard]] std::string_view system_name(System system);

/// One line of the stock view.
struct stock_line {
  std::string batch, material, location, unit;
  lot::StockType type = lot::StockType::unrestricted;
  lot::Quality quality = lot::Quality::quarantine;
  decimal quantity, reserved, allocated, allocatable;
  bool held = false;
};
struct stock_filter {
  std::string material, batch, location;  // empty = any
  std::optional<lot::StockType> type;
};
/// Appends the lot's lines that pass. Reservations and allocations know no place: they are shown
/// against unrestricted lines in order, so that a lot's lines add up to the lot's figures.
void add_stock_lines(std::string_view batch, const lot::StateT& state, const stock_filter& filter,
                     std::vector<stock_line>& out);
/// Sums of what `add_stock_lines` gave, in the unit of the lines.
struct stock_sum {
  decimal quantity, reserved, allocated, allocatable;
};
[[nodiscard]] stock_sum sum_of(const std::vector<stock_line>& lines);

}  // namespace millrace::actors
