// Inside of the hold process: its lots, one child row each, with who acknowledges for them.
// Every change of a row is counted in the state, so that the status never needs a walk over lots.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/quality/hold_kind.hpp"

namespace millrace::actors::holds {

namespace process = millrace::hold;

inline constexpr std::uint32_t lots_shown_max = 20;       // in the state, besides their rows
inline constexpr std::uint32_t waits_for_shown_max = 20;  // names; the counts are exact

/// The child rows as events so far leave them: an evolution's, or a draft of a decision's.
class rows {
 public:
  virtual ~rows() = default;
  /// By number, from 1. There is a row for each number up to `state.lots`.
  [[nodiscard]] virtual std::optional<process::LotRowT> lot(std::uint32_t number) = 0;
  /// 0 when the lot is not known. `plant` is empty for this one.
  [[nodiscard]] virtual std::uint32_t number_of(std::string_view plant, std::string_view batch) = 0;
  virtual void put_lot(std::uint32_t number, const process::LotRowT& row) = 0;
  virtual void put_number(std::string_view plant, std::string_view batch, std::uint32_t number) = 0;
  virtual void put_escape(std::uint32_t number, const process::EscapeT& escape) = 0;
};

/// One lot's row under change: found or new, and kept with its counts when the change ends.
class lot_change {
 public:
  lot_change(process::StateT& state, rows& lots, std::string_view plant, std::string_view batch);
  lot_change(const lot_change&) = delete;
  lot_change& operator=(const lot_change&) = delete;
  ~lot_change();
  /// False for a lot that has just become known.
  [[nodiscard]] bool known() const { return known_; }
  [[nodiscard]] process::MemberT& member() { return *row_.member; }
  [[nodiscard]] std::vector<std::string>& homes() { return row_.homes; }
  /// The lot itself has System::none.
  [[nodiscard]] process::AcknowledgerT& acknowledger(System system);

 private:
  process::StateT& state_;
  rows& lots_;
  std::uint32_t number_;
  bool known_ = true;
  process::LotRowT row_;
};

/// Moves the lots of a state of Millrace 0.1, which had no rows, out into rows.
void take_over(process::StateT& state, rows& lots);

[[nodiscard]] std::optional<process::LotRowT> find_lot(rows& lots, std::string_view plant,
                                                       std::string_view batch);
[[nodiscard]] const process::AcknowledgerT* find_system(const process::LotRowT& lot, System system);
/// When that system, or with none the lots of that plant, were last heard of; zero when never.
[[nodiscard]] timestamp last_heard(const process::StateT& state, const std::string& plant,
                                   System system);
[[nodiscard]] bool is_awaited(process::AckStatus status);

/// Puts it on the list of those who are waited for, or takes it off.
void await(process::StateT& state, const process::AcknowledgerT& one);
void no_longer_awaited(process::StateT& state, const process::AcknowledgerT& one);
/// "erp for batch/PMP-1: connection refused", for the first that have not acknowledged (placing or
/// releasing).
[[nodiscard]] std::vector<std::string> waits_for(const process::StateT& state, rows& lots);

/// Notes what had left: all as rows, the first in the state.
void note_escapes(process::StateT& state, rows& lots, const std::vector<process::EscapeT>& escaped);

}  // namespace millrace::actors::holds
