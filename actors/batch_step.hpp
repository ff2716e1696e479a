// Inside of the batch kind: one decision in the making, and the functions of
// its parts. Not for others.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/batch.hpp"
#include "actors/by_whom.hpp"
#include "actors/material.hpp"
#include "actors/row_keys.hpp"
#include "actors/stock.hpp"

namespace millrace::actors::batches {

using made = decision<lot::schema>;

/// The state part of evolve. Error: the event contradicts the state
/// (kind.fault).
[[nodiscard]] result<void> apply(lot::StateT& state, const lot::EventUnion& event, timestamp at);

/// A decision in the making: `next` is the state with what has been emitted so
/// far.
struct step {
  context& ctx;
  lot::StateT next;
  made d;
  std::string failed;  // what `apply` did not take

  template <class EventT>
  void emit(EventT event) {
    d.emit(std::move(event));
    if (auto done = apply(next, d.events.back(), ctx.now()); !done) failed = done.error().detail;
  }
  /// Parks the fact; what has been emitted stands.
  [[nodiscard]] made park(lot::Refusal why, std::string reason) {
    auto out = made::park(why, std::move(reason));
    out.events = std::move(d.events);
    out.effects = std::move(d.effects);
    return out;
  }
  [[nodiscard]] made done() { return std::move(d); }
};

// ---- small helpers ----

/// Name of a lot in row keys: the id, with its plant when that is another one.
[[nodiscard]] std::string end_name(std::string_view plant, std::string_view batch);
/// Name of an input that is waited for: the id, or "plant/id".
[[nodiscard]] std::string awaited_name(std::string_view plant, std::string_view batch);
/// A plant that a message names, as this lot sees it: empty for its own;
/// unnamed is the sender's.
[[nodiscard]] std::string plant_seen(const context& ctx, std::string_view named = {});
/// `quantity` in the lot's unit; an empty unit is the lot's. nullopt when it
/// cannot be converted.
[[nodiscard]] std::optional<decimal> in_lot_unit(step& s, decimal quantity, std::string_view unit);
/// Takes `quantity` of that type out of the state's lines, those at held places
/// left aside; with a location, from there and then from stock without a place.
/// nullopt when there is not as much. Changes nothing.
[[nodiscard]] std::optional<std::vector<lot::StockLineT>> take(const lot::StateT& state,
                                                               lot::StockType type,
                                                               std::string_view location,
                                                               decimal quantity);
[[nodiscard]] std::string text_of(decimal quantity, const lot::StateT& state);
/// Arms or fires expiry after an event that may have set it.
void watch_expiry(step& s);
/// Likewise the end of a concession.
void watch_concession(step& s);
/// Why something may not be; nullopt when it may.
struct obstacle {
  lot::Refusal why;
  std::string detail;
};

// ---- batch_stock ----
[[nodiscard]] made receive(step& s, const lot::ReceiveT& c);
[[nodiscard]] made adjust_stock(step& s, const lot::AdjustStockT& c);
[[nodiscard]] made transfer_stock(step& s, const lot::TransferStockT& c);
[[nodiscard]] made set_reference(step& s, const lot::SetReferenceT& c);
// ---- batch_suppliers ----
/// What has been received is held at once where its supplier lot is contained; the supplier is
/// told.
void heed_supplier(step& s, const lot::ReceiveT& c, decimal quantity);
// ---- batch_orders ----
[[nodiscard]] made consume(step& s, const lot::ConsumeT& c);
[[nodiscard]] made reverse_consume(step& s, const lot::ReverseConsumeT& c);
[[nodiscard]] made produce(step& s, const lot::ProduceT& c);
[[nodiscard]] made reverse_produce(step& s, const lot::ReverseProduceT& c);
/// Where stock goes and what quality a new lot has, by the material's plan or
/// the sender's wish.
struct placing {
  lot::StockType stock;
  lot::Quality quality;
};
[[nodiscard]] placing placing_of(const millrace::material::StateT& material, lot::Into wish,
                                 timestamp at);
/// The expiry of what arrives now; zero when it does not expire.
[[nodiscard]] timestamp expiry_of(const millrace::material::StateT& material, timestamp named,
                                  timestamp made_at);
/// Serials must be as many as the quantity and new to the lot.
[[nodiscard]] std::optional<lot::Refusal> check_serials(step& s,
                                                        const std::vector<std::string>& serials,
                                                        decimal quantity);
// ---- batch_grants ----
[[nodiscard]] made reserve(step& s, const lot::ReserveT& c);
[[nodiscard]] made unreserve(step& s, const lot::UnreserveT& c);
[[nodiscard]] made allocate(step& s, const lot::AllocateT& c);
[[nodiscard]] made deallocate(step& s, const lot::DeallocateT& c);
[[nodiscard]] made pick(step& s, const lot::PickT& c);
[[nodiscard]] made ship(step& s, const lot::ShipT& c);
/// Why nothing may be granted, nullopt when something may.
[[nodiscard]] std::optional<obstacle> obstacle_of(const lot::StateT& state);
/// Who wants stock: an order, or a shipment to a customer.
struct use {
  std::string_view order, customer;
  decimal quantity;
};
/// Why the concession of a conditionally released lot does not cover that use.
[[nodiscard]] std::optional<obstacle> outside_concession(const step& s, const use& wanted);
// ---- batch_movements ----
/// In a lot under restricted use what would be unrestricted is restricted.
[[nodiscard]] lot::StockType usable_type(const lot::StateT& state, lot::StockType wanted);
void as_restricted(const lot::StateT& state, std::vector<lot::StockLineT>& lines);
[[nodiscard]] made post_movement(step& s, const lot::PostMovementT& c);
[[nodiscard]] made reverse_movement(step& s, const lot::ReverseMovementT& c);
[[nodiscard]] made set_restriction(step& s, const lot::SetRestrictionT& c);
/// What keeps that much of the type from leaving its place in `state`: holds,
/// serials, reservations and allocations, or that there is not as much. Named
/// serials must be in the lot.
[[nodiscard]] std::optional<obstacle> why_not_move(step& s, const lot::StateT& state,
                                                   lot::StockType type, const std::string& location,
                                                   decimal quantity,
                                                   const std::vector<std::string>& serials);
/// `state` without the hold whose disposition a movement is; the refusal when the sender may not.
[[nodiscard]] std::optional<made> set_hold_aside(step& s, lot::StateT& state,
                                                 const std::string& hold);
/// Stock of a lot whose hold is disposed of, wherever the hold found it: a hold moves nothing
/// inside, while in the ERP it has blocked all of it. nullopt when there is not as much.
[[nodiscard]] std::optional<std::vector<lot::StockLineT>> take_disposed(const lot::StateT& state,
                                                                        const std::string& location,
                                                                        decimal quantity);
/// Tells the ERP a movement that another has asked for, one posting a line.
void follow_in_erp(step& s, lot::MovementPostingT posting,
                   const std::vector<lot::StockLineT>& lines, const std::string& tag);
// ---- batch_sending, batch_taking ----
/// Movement type of a transfer with a receipt (101) where it arrives.
inline constexpr std::string_view transfer_in_two_steps = "351";
[[nodiscard]] made split(step& s, const lot::SplitT& c);
[[nodiscard]] made merge(step& s, const lot::MergeT& c);
[[nodiscard]] made regrade(step& s, const lot::RegradeT& c);
[[nodiscard]] made transfer_plant(step& s, const lot::TransferPlantT& c);
[[nodiscard]] made take_in(step& s, const lot::TakeInT& c);
[[nodiscard]] made give_back(step& s, const lot::GiveBackT& c);
/// Reverses what went to another lot: that lot decides.
[[nodiscard]] made ask_back(step& s, const lot::ReverseMovementT& c, const lot::MovementRowT& row);
[[nodiscard]] made sending_answered(step& s, const answer& a);
// ---- batch_genealogy ----
[[nodiscard]] made link_output(step& s, const lot::LinkOutputT& c);
[[nodiscard]] made link_input(step& s, const lot::LinkInputT& c);
[[nodiscard]] made unlink_output(step& s, const lot::UnlinkOutputT& c);
[[nodiscard]] made unlink_input(step& s, const lot::UnlinkInputT& c);
/// Links to an output and tells it its holds and the link.
void link_to_output(step& s, const lot::LinkT& link);
/// Ends links to outputs of that order and report (report empty: all of the
/// order); the outputs are told.
void unlink_outputs(step& s, std::string_view order, std::string_view report,
                    const std::string& reason);
void unlink_inputs(step& s, std::string_view order, const std::string& reason);
// ---- batch_holds ----
[[nodiscard]] made place_hold(step& s, const lot::PlaceHoldT& c);
[[nodiscard]] made release_hold(step& s, const lot::ReleaseHoldT& c);
[[nodiscard]] made inherit_hold(step& s, const lot::InheritHoldT& c);
[[nodiscard]] made lift_hold(step& s, const lot::LiftHoldT& c);
[[nodiscard]] made continue_hold(step& s, const lot::ContinueHoldT& c);
[[nodiscard]] const lot::HoldEntryT* find_hold(const lot::StateT& state, std::string_view hold);
/// True when the hold reaches the lot from that one; `plant` is empty for this
/// one.
[[nodiscard]] bool comes_from(const lot::HoldEntryT& hold, std::string_view origin,
                              std::string_view plant);
/// Future holds that wait for that operation take effect.
void reach_operation(step& s, const std::string& operation);
/// Takes back what free stock can no longer cover; `hold` is what the others
/// are told.
void revoke_grants(step& s, const std::string& hold);
/// Places the hold here: revokes what was granted, tells the descendants and
/// the hold process.
void raise_hold(step& s, lot::HoldEntryT entry);
/// Ends the hold where it was placed.
void drop_hold(step& s, const std::string& hold, const std::string& reason, const std::string& by,
               const std::string& person);
/// Tells one lot every open hold that reaches it, and the processes that it was
/// told. By a movement only free stock goes there: holds on a part stay with
/// the rest.
void tell_holds(step& s, const std::string& output, const std::string& plant, bool movement);
// ---- batch_inspections ----
[[nodiscard]] made start_inspection(step& s, const lot::StartInspectionT& c);
[[nodiscard]] made cancel_inspection(step& s, const lot::CancelInspectionT& c);
[[nodiscard]] made decide_usage(step& s, const lot::DecideUsageT& c);
// ---- batch_evolve_movements ----
/// Adds a signed quantity to the line of that place and type; a line without
/// stock goes. False when it would be negative.
[[nodiscard]] bool add(lot::StateT& state, const std::string& location, lot::StockType type,
                       decimal quantity);
[[nodiscard]] bool add(lot::StateT& state, const std::vector<lot::StockLineT>& lines, int sign);
/// The identity of a lot that arrives for the first time; a counted movement
/// each time.
void arrive(lot::StateT& state, const std::string& material, const std::string& unit,
            lot::Quality quality, timestamp expires, bool serial_managed, timestamp at);
/// Events of the lot's own movements. False when they contradict its stock.
[[nodiscard]] bool evolve_movements(lot::StateT& state, const lot::EventUnion& event, timestamp at);
// ---- batch_rows, batch_rows_movements ----
void put_movement_rows(const lot::EventUnion& event, evolution& evo);
void put_serials(evolution& evo, const std::vector<std::string>& serials,
                 const std::string& used_by, const std::string& gone = {});
/// The row part of evolve; `state` is the state after the event.
void put_rows(const lot::StateT& state, const lot::EventUnion& event, evolution& evo);

}  // namespace millrace::actors::batches
