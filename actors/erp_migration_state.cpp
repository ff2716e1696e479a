// How a migration follows from its events. Pairs and differences are child rows; the state has the
// counts that the cut-over is decided by.
#include "actors/erp_migration_state.hpp"

#include <algorithm>

#include "actors/row_keys.hpp"

namespace millrace::actors {

namespace migrations {

std::string pair_key(std::string_view order, millrace::order::ReportKind kind,
                     std::string_view report) {
  return key_of(order, millrace::order::EnumNameReportKind(kind), report);
}

std::string difference_key(std::uint32_t number) { return number_key(number); }

const em::InterfaceT* find_interface(const em::StateT& state, std::string_view interface) {
  const auto found = std::ranges::find_if(
      state.interfaces, [&](const auto& one) { return one.interface == interface; });
  return found == state.interfaces.end() ? nullptr : &*found;
}

namespace {

void take_terms(em::StateT& state, const em::TermsT* terms) {
  if (terms != nullptr) state.terms = std::make_unique<em::TermsT>(*terms);
}

void turned(em::StateT& state, const em::TurnedT& e, timestamp at) {
  if (e.status == em::Status::dual_run) state.dual_since = at;
  if (e.status == em::Status::cut_over) state.cut_over_at = at;
  state.status = e.status;
  state.leading = e.leading;
  state.reason = e.reason;
  state.by = e.by;
}

void interface_changed(em::StateT& state, const em::InterfaceT& entry) {
  for (auto& one : state.interfaces)
    if (one.interface == entry.interface) {
      one = entry;
      return;
    }
  state.interfaces.push_back(entry);
}

/// What keeps the plant from cutting over, derived anew after every event.
void waits(em::StateT& state) {
  state.waits_for.clear();
  if (state.status != em::Status::dual_run) return;
  const auto add = [&](std::uint32_t count, const char* what) {
    if (count != 0) state.waits_for.push_back(std::to_string(count) + ' ' + what);
  };
  add(state.pending, "postings not answered by both");
  add(state.open, "differences unexplained");
  if (state.compared == 0) state.waits_for.emplace_back("a first posting in both");
  if (state.stock_compared == 0) state.waits_for.emplace_back("a comparison of the stock");
}

}  // namespace

void apply(em::StateT& state, const em::EventUnion& event, timestamp at) {
  switch (event.type) {
    case em::Event::NONE:
    case em::Event::Answered:
      break;
    case em::Event::Planned:
      state.status = em::Status::planned;
      state.shadow = event.AsPlanned()->shadow;
      state.reason = event.AsPlanned()->reason;
      state.by = event.AsPlanned()->by;
      take_terms(state, event.AsPlanned()->terms.get());
      break;
    case em::Event::Turned:
      turned(state, *event.AsTurned(), at);
      break;
    case em::Event::Mirrored:
      ++state.pending;
      break;
    case em::Event::Compared:
      if (state.pending > 0) --state.pending;
      ++state.compared;
      if (event.AsCompared()->matches) ++state.matched;
      break;
    case em::Event::StockCompared:
      state.stock_compared += event.AsStockCompared()->lines;
      break;
    case em::Event::DifferenceFound:
      ++state.differences;
      ++state.open;
      break;
    case em::Event::DifferenceExplained:
      if (state.open > 0) --state.open;
      break;
    case em::Event::InterfaceChanged:
      interface_changed(state, *event.AsInterfaceChanged()->entry);
      break;
    case em::Event::TermsSet:
      take_terms(state, event.AsTermsSet()->terms.get());
      break;
  }
  waits(state);
}

namespace {

template <class Event>
std::string key_of_pair(const Event& e) {
  return pair_key(e.order, e.kind, e.report);
}

void mirrored(evolution& evo, const em::MirroredT& e) {
  em::PairRowT row;
  row.order = e.order;
  row.kind = e.kind;
  row.report = e.report;
  row.sent_at = evo.stamp();
  row.leading = e.leading;
  evo.put_row("pairs", key_of_pair(e), row);
}

void answered(evolution& evo, const em::AnsweredT& e) {
  auto row = evo.row<em::PairRowT>("pairs", key_of_pair(e));
  if (!row || !e.answer) return;
  (e.side == em::Side::legacy ? row->legacy : row->next) = std::make_unique<em::AnswerT>(*e.answer);
  evo.put_row("pairs", key_of_pair(e), *row);
}

void explained(evolution& evo, const em::DifferenceExplainedT& e) {
  auto row = evo.row<em::DifferenceRowT>("differences", difference_key(e.difference));
  if (!row) return;
  row->status = em::DifferenceStatus::explained;
  row->reason = e.reason;
  row->by = e.by;
  evo.put_row("differences", difference_key(e.difference), *row);
}

}  // namespace
}  // namespace migrations

result<void> erp_migration::evolve(schema::state& state, const schema::event& event,
                                   evolution& evo) {
  using namespace migrations;
  if (const auto* e = event.AsInterfaceChanged(); e && !e->entry)
    return error{"kind.fault", "InterfaceChanged without an entry"};
  apply(state, event, evo.stamp());
  if (const auto* mirror = event.AsMirrored()) mirrored(evo, *mirror);
  if (const auto* answer = event.AsAnswered()) answered(evo, *answer);
  if (const auto* both = event.AsCompared()) evo.erase_row("pairs", key_of_pair(*both));
  if (const auto* found = event.AsDifferenceFound(); found && found->difference)
    evo.put_row("differences", difference_key(found->difference->number), *found->difference);
  if (const auto* why = event.AsDifferenceExplained()) explained(evo, *why);
  return {};
}

}  // namespace millrace::actors
