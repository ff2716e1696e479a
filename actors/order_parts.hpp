// The order's decisions by job; internal to actors/order*.cpp.
// Planning and life in order_life.cpp, release in order_release_track.cpp, reports in
// order_reports.cpp and order_movements.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "actors/order.hpp"
#include "schemas/production/production_confirmation_kind.hpp"

namespace millrace::actors::order_parts {

namespace po = millrace::order;
using made = decision<po::schema>;

// order_life.cpp
made create(const po::StateT& state, const po::CreateT& c, context& ctx);
made change(const po::StateT& state, const po::ChangeT& c, context& ctx);
made conclude_change(const po::StateT& state, const po::ConcludeChangeT& c);
made cancel(const po::StateT& state, const po::CancelT& c, context& ctx);
made conclude_cancel(const po::StateT& state, const po::ConcludeCancelT& c, context& ctx);
made complete_technically(const po::StateT& state, const po::CompleteTechnicallyT& c, context& ctx);
made revoke(const po::StateT& state, const po::RevokeT& c);
made close(const po::StateT& state, const po::CloseT& c, context& ctx);
made reopen(const po::StateT& state, const po::ReopenT& c);

// order_holds.cpp
made place_hold(const po::StateT& state, const po::PlaceHoldT& c, context& ctx);
made release_hold(const po::StateT& state, const po::ReleaseHoldT& c, context& ctx);
[[nodiscard]] std::vector<std::string> hold_names(const po::StateT& state);

// order_release_track.cpp
made request_release(const po::StateT& state, const po::RequestReleaseT& c, context& ctx);
made release(const po::StateT& state, const po::ReleaseT& c, context& ctx);
made mark_released(const po::StateT& state, const po::MarkReleasedT& c, context& ctx);
made mark_blocked(const po::StateT& state, const po::MarkBlockedT& c, context& ctx);
made mark_dispatched(const po::StateT& state, const po::MarkDispatchedT& c);
made mark_release_ended(const po::StateT& state, const po::MarkReleaseEndedT& c);
made report_dispatch(const po::StateT& state, const po::ReportDispatchT& c);
made on_release_answer(const po::StateT& state, const answer& a);

// order_confirmations.cpp
made confirm_operation(const po::StateT& state, const po::ConfirmOperationT& c, context& ctx);
made cancel_confirmation(const po::StateT& state, const po::CancelConfirmationT& c, context& ctx);
made mark_posted(const po::StateT& state, const po::MarkPostedT& c, context& ctx);

// order_movements.cpp
made report_consumption(const po::StateT& state, const po::ReportConsumptionT& c, context& ctx);
made report_production(const po::StateT& state, const po::ReportProductionT& c, context& ctx);
made reverse_consumption(const po::StateT& state, const po::ReverseConsumptionT& c, context& ctx);
made reverse_production(const po::StateT& state, const po::ReverseProductionT& c, context& ctx);

/// Posts a consumption that nobody waits for.
void consume(made& d, const po::StateT& state, po::MovementT movement, context& ctx);
void take_consumption_back(made& d, const po::MovementT& movement, const std::string& reason,
                           context& ctx);

// order_backflush.cpp
/// Consumptions of what the platform backflushes by this confirmation; how many they are.
[[nodiscard]] std::uint32_t backflush(made& d, const po::StateT& state,
                                      const po::OperationConfirmedT& e, context& ctx);
void take_backflush_back(made& d, const po::ConfirmationT& row, context& ctx);

// order_answers.cpp
made on_movement_answer(const po::StateT& state, po::ReportKind kind, std::string_view report,
                        const answer& a, context& ctx);

// order_evolve_reports.cpp
result<void> evolve_reports(po::StateT& state, const po::schema::event& event, evolution& evo);

// --- shared ---

/// Why a report cannot be posted in the order's present life; nullopt = it can.
[[nodiscard]] std::optional<made> unpostable(const po::StateT& state);
[[nodiscard]] const po::OperationT* find_operation(const po::StateT& state,
                                                   std::string_view operation);
/// The component that this material is, or stands in for.
[[nodiscard]] const po::ComponentT* find_component(const po::StateT& state,
                                                   std::string_view material);
/// The order's entry for what that report consumed.
[[nodiscard]] po::InputLotT input_of(const po::MovementT& m, decimal quantity,
                                     std::string_view unit);
/// The child row table and tag prefix of goods movements: "consumptions", "consumption".
[[nodiscard]] std::string_view table_of(po::ReportKind kind);
[[nodiscard]] std::string tag_of(po::ReportKind kind, std::string_view report);
/// The movement of that report, nullopt when there is none.
[[nodiscard]] std::optional<po::MovementT> movement_of(context& ctx, po::ReportKind kind,
                                                       std::string_view report);
/// Whether the product that the order is for has been delivered, with `more` of it.
[[nodiscard]] po::Progress delivery_progress(const po::StateT& state, decimal delivered);
/// Tells the process that posts into the ERP, when one is bound; the status that the report then
/// has.
po::PostingStatus post_to_erp(made& d, const po::StateT& state, context& ctx,
                              millrace::production_confirmation::PostingT posting);
/// The child row of a confirmation, without what the platform adds later.
[[nodiscard]] po::ConfirmationT confirmation_of(const po::OperationConfirmedT& e);
/// "order.<name>".
[[nodiscard]] std::string code_of(po::Refusal why);
/// True for a date "2026-11-24", and for none.
[[nodiscard]] bool is_date(std::string_view text);

}  // namespace millrace::actors::order_parts
