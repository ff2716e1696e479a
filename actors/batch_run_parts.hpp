// Inside of the batch run kind: the decisions by job, and the small questions that several ask. Not
// for others.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "actors/batch_record.hpp"
#include "actors/batch_run.hpp"
#include "cluster/sha256.hpp"

namespace millrace::actors::run_parts {

namespace br = millrace::batch_run;
using made = decision<br::schema>;

inline constexpr std::size_t parameters_max = 500;
inline constexpr std::size_t milestones_max = 200;
inline constexpr std::size_t lots_max = 500;
inline constexpr std::uint32_t entries_max = 100'000;

[[nodiscard]] std::string by_whom(const context& ctx, const std::string& person = {});
[[nodiscard]] std::unique_ptr<decimal> copy(const std::unique_ptr<decimal>& value);
[[nodiscard]] std::string number_key(std::uint64_t number);
/// What a report said, so that a second arrival is known.
template <class CommandT>
[[nodiscard]] hash128 print_of(const CommandT& command) {
  const auto body = made::pack(command);
  const auto digest =
      sha256(std::string_view(reinterpret_cast<const char*>(body.data()), body.size()));
  hash128 out;
  for (int i = 0; i < 8; ++i) out.hi = out.hi << 8 | digest[static_cast<std::size_t>(i)];
  for (int i = 8; i < 16; ++i) out.lo = out.lo << 8 | digest[static_cast<std::size_t>(i)];
  return out;
}
/// What is answered before a report is looked at: known already, or a record that takes nothing;
/// nullopt = go on. `what` is the id space of the report.
[[nodiscard]] std::optional<made> answered(const br::StateT& state, std::string_view what,
                                           const std::string& report, hash128 print, context& ctx);
[[nodiscard]] const br::ParameterStateT* find_parameter(const br::StateT& state,
                                                        std::string_view parameter,
                                                        std::string_view phase);
/// The entry that closing makes; shared, since the delivery carries the hash that it leads to.
[[nodiscard]] record_entry closing_entry(const br::ClosedT& event, timestamp at);
[[nodiscard]] inline std::string material_key(br::Movement movement, std::string_view report) {
  return std::string(br::EnumNameMovement(movement)) + '~' + std::string(report);
}

// batch_run.cpp: life
[[nodiscard]] made create(const br::StateT& state, const br::CreateT& c, context& ctx);
[[nodiscard]] made close(const br::StateT& state, const br::CloseT& c, context& ctx);
[[nodiscard]] made reopen(const br::StateT& state, const br::ReopenT& c, context& ctx);
// batch_run_facts.cpp
[[nodiscard]] made report_state(const br::StateT& state, const br::ReportStateT& c, context& ctx);
[[nodiscard]] made report_phase(const br::StateT& state, const br::ReportPhaseT& c, context& ctx);
[[nodiscard]] made report_parameter(const br::StateT& state, const br::ReportParameterT& c,
                                    context& ctx);
[[nodiscard]] made report_deviation(const br::StateT& state, const br::ReportDeviationT& c,
                                    context& ctx);
[[nodiscard]] made assess_deviation(const br::StateT& state, const br::AssessDeviationT& c,
                                    context& ctx);
[[nodiscard]] made report_milestone(const br::StateT& state, const br::ReportMilestoneT& c,
                                    context& ctx);
[[nodiscard]] made record_window(const br::StateT& state, const br::RecordWindowT& c, context& ctx);
// batch_run_materials.cpp
[[nodiscard]] made report_consumption(const br::StateT& state, const br::ReportConsumptionT& c,
                                      context& ctx);
[[nodiscard]] made report_production(const br::StateT& state, const br::ReportProductionT& c,
                                     context& ctx);
[[nodiscard]] made note_material(const br::StateT& state, const br::NoteMaterialT& c, context& ctx);
[[nodiscard]] made on_material_answer(const br::StateT& state, br::Movement movement,
                                      const std::string& report, const answer& a, context& ctx);
/// The releases of what this run has made look again.
void tell_releases(made& d, const br::StateT& state, context& ctx);

}  // namespace millrace::actors::run_parts
