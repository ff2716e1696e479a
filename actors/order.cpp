// The order's front: which decision belongs to which command, and the small questions that several
// decisions ask. The decisions themselves are in order_*.cpp, by job.
#include "actors/order.hpp"

#include <algorithm>

#include "actors/order_parts.hpp"

namespace millrace::actors {

namespace order_parts {

std::optional<made> unpostable(const po::StateT& state) {
  switch (state.life) {
    case po::Life::created:
      return made::park(po::Refusal::not_released, "The order is not released.");
    case po::Life::closed:
      return made::park(po::Refusal::closed, "The order is closed.");
    case po::Life::cancelled:
      return made::park(po::Refusal::cancelled, "The order is cancelled.");
    case po::Life::partially_released:
    case po::Life::released:
    case po::Life::technically_completed:
      break;
  }
  return std::nullopt;
}

const po::OperationT* find_operation(const po::StateT& state, std::string_view operation) {
  for (const auto& one : state.operations)
    if (one.operation == operation) return &one;
  return nullptr;
}

const po::ComponentT* find_component(const po::StateT& state, std::string_view material) {
  for (const auto& one : state.components)
    if (one.material == material) return &one;
  for (const auto& one : state.components)
    if (std::ranges::find(one.alternatives, material) != one.alternatives.end()) return &one;
  return nullptr;
}

po::InputLotT input_of(const po::MovementT& m, decimal quantity, std::string_view unit) {
  po::InputLotT input;
  input.batch = m.batch;
  input.material = m.material;
  input.quantity = quantity;
  input.unit = unit;
  input.operation = m.operation;
  input.output = m.output_batch;
  input.report = m.report;
  return input;
}

std::string_view table_of(po::ReportKind kind) {
  switch (kind) {
    case po::ReportKind::confirmation:
    case po::ReportKind::cancel_confirmation:
      return "confirmations";
    case po::ReportKind::consumption:
    case po::ReportKind::reverse_consumption:
      return "consumptions";
    case po::ReportKind::production:
    case po::ReportKind::reverse_production:
      return "productions";
  }
  return {};
}

std::string tag_of(po::ReportKind kind, std::string_view report) {
  return std::string(po::EnumNameReportKind(kind)) + '/' + std::string(report);
}

std::optional<po::MovementT> movement_of(context& ctx, po::ReportKind kind,
                                         std::string_view report) {
  const auto table = table_of(kind);
  if (table == "consumptions") {
    auto row = ctx.row<po::ConsumptionRowT>(table, report);
    if (row && row->movement) return std::move(*row->movement);
  } else {
    auto row = ctx.row<po::ProductionRowT>(table, report);
    if (row && row->movement) return std::move(*row->movement);
  }
  return std::nullopt;
}

po::Progress delivery_progress(const po::StateT& state, decimal delivered) {
  if (!delivered.is_positive()) return po::Progress::none;
  const auto hundred = decimal::from_units(100);
  auto enough = state.quantity;
  if (state.under_delivery_percent)
    enough = decimal::proportion(enough, hundred - *state.under_delivery_percent, hundred)
                 .value_or(enough);
  return delivered >= enough ? po::Progress::final : po::Progress::partial;
}

po::PostingStatus post_to_erp(made& d, const po::StateT& state, context& ctx,
                              millrace::production_confirmation::PostingT posting) {
  if (!ctx.bound(System::erp)) return po::PostingStatus::posted;
  millrace::production_confirmation::PostT post;
  posting.order_material = state.material;
  posting.erp_id = state.erp_id;
  post.posting = std::make_unique<millrace::production_confirmation::PostingT>(std::move(posting));
  d.tell<millrace::production_confirmation::schema>(ctx.id(), post, Lane::confirmation);
  return po::PostingStatus::accepted;
}

std::string code_of(po::Refusal why) { return "order." + po::schema::refusal_name(why); }

bool is_date(std::string_view text) {
  return text.empty() ||
         (text.size() == 10 && timestamp::parse(std::string(text) + "T00:00:00Z").has_value());
}

}  // namespace order_parts

decision<order::schema> order::decide(const schema::state& state, const schema::command& command,
                                      context& ctx) {
  using namespace order_parts;
  using po::Command;
  switch (command.type) {
    case Command::ConfirmOperation:
      return confirm_operation(state, *command.AsConfirmOperation(), ctx);
    case Command::Create:
      return create(state, *command.AsCreate(), ctx);
    case Command::RequestRelease:
      return request_release(state, *command.AsRequestRelease(), ctx);
    case Command::Release:
      return release(state, *command.AsRelease(), ctx);
    case Command::Change:
      return change(state, *command.AsChange(), ctx);
    case Command::Cancel:
      return cancel(state, *command.AsCancel(), ctx);
    case Command::ReportConsumption:
      return report_consumption(state, *command.AsReportConsumption(), ctx);
    case Command::ReportProduction:
      return report_production(state, *command.AsReportProduction(), ctx);
    case Command::CancelConfirmation:
      return cancel_confirmation(state, *command.AsCancelConfirmation(), ctx);
    case Command::ReverseConsumption:
      return reverse_consumption(state, *command.AsReverseConsumption(), ctx);
    case Command::ReverseProduction:
      return reverse_production(state, *command.AsReverseProduction(), ctx);
    case Command::ReportDispatch:
      return report_dispatch(state, *command.AsReportDispatch());
    case Command::CompleteTechnically:
      return complete_technically(state, *command.AsCompleteTechnically(), ctx);
    case Command::Revoke:
      return revoke(state, *command.AsRevoke());
    case Command::Close:
      return close(state, *command.AsClose(), ctx);
    case Command::Reopen:
      return reopen(state, *command.AsReopen());
    case Command::MarkReleased:
      return mark_released(state, *command.AsMarkReleased(), ctx);
    case Command::MarkBlocked:
      return mark_blocked(state, *command.AsMarkBlocked(), ctx);
    case Command::MarkDispatched:
      return mark_dispatched(state, *command.AsMarkDispatched());
    case Command::MarkReleaseEnded:
      return mark_release_ended(state, *command.AsMarkReleaseEnded());
    case Command::ConcludeChange:
      return conclude_change(state, *command.AsConcludeChange());
    case Command::ConcludeCancel:
      return conclude_cancel(state, *command.AsConcludeCancel(), ctx);
    case Command::MarkPosted:
      return mark_posted(state, *command.AsMarkPosted(), ctx);
    case Command::PlaceHold:
      return place_hold(state, *command.AsPlaceHold(), ctx);
    case Command::ReleaseHold:
      return release_hold(state, *command.AsReleaseHold(), ctx);
    case Command::NONE:
      break;
  }
  return made::fault("a command without a type");
}

decision<order::schema> order::on_answer(const schema::state& state, const answer& a,
                                         context& ctx) {
  using namespace order_parts;
  if (a.tag == "release") return on_release_answer(state, a);
  const auto slash = a.tag.find('/');
  const auto prefix = a.tag.substr(0, slash);
  for (const auto kind : po::EnumValuesReportKind())
    if (prefix == po::EnumNameReportKind(kind) && slash != std::string_view::npos)
      return on_movement_answer(state, kind, a.tag.substr(slash + 1), a, ctx);
  return made::fault("an answer to no question");
}

}  // namespace millrace::actors
