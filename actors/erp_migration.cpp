// Decisions of a migration. The copy goes to the shadow plant's own process of the order, which
// sends it to the ERP that is bound there, durably and in order, like any other posting.
#include "actors/erp_migration.hpp"

#include <algorithm>
#include <utility>

#include "actors/erp_migration_state.hpp"
#include "schemas/production/production_confirmation_kind.hpp"

namespace millrace::actors {

namespace migrations {
namespace {

using em::Refusal;
using em::Side;
using em::Status;
namespace po = millrace::order;

constexpr std::size_t interfaces_max = 200;
constexpr std::int64_t day_ms = 86'400'000;

/// Those that were agreed, else what is usual.
em::TermsT terms_of(const step& s) { return s.next.terms ? *s.next.terms : em::TermsT(); }

bool are_sound(const em::TermsT& terms) {
  return terms.match_percent <= 100 && terms.compared_min >= 1;
}

made wrong_terms() {
  return made::refuse(Refusal::terms_invalid,
                      "A percentage is at most 100, and one posting at least is compared.");
}

made wrong_status(const step& s, std::string_view what) {
  return made::refuse(Refusal::wrong_status, std::string("The migration is ") +
                                                 em::EnumNameStatus(s.next.status) +
                                                 ": it cannot " + std::string(what) + '.');
}

void turn(step& s, Status status, Side leading, const std::string& reason,
          const std::string& person = {}) {
  em::TurnedT event;
  event.status = status;
  event.leading = leading;
  event.reason = reason;
  event.by = who_of(s.ctx, person);
  s.emit(std::move(event));
}

made plan(step& s, const em::PlanT& c) {
  if (s.ctx.sequence() != 0 && s.next.status != Status::cancelled)
    return made::refuse(Refusal::exists, "The migration is planned already.");
  if (s.ctx.id() != erp_migration::its_id || c.shadow == s.ctx.plant())
    return made::refuse(Refusal::shadow_invalid,
                        "A migration has the id erp, and another plant for the other ERP.");
  if (c.terms && !are_sound(*c.terms)) return wrong_terms();
  em::PlannedT event;
  event.shadow = c.shadow;
  if (c.terms) event.terms = std::make_unique<em::TermsT>(*c.terms);
  event.reason = c.reason;
  event.by = who_of(s.ctx);
  s.emit(std::move(event));
  return s.done();
}

made set_terms(step& s, const em::SetTermsT& c) {
  if (s.ctx.sequence() == 0 || s.next.status == Status::completed)
    return wrong_status(s, "change its terms");
  if (!are_sound(*c.terms)) return wrong_terms();
  em::TermsSetT event;
  event.terms = std::make_unique<em::TermsT>(*c.terms);
  event.reason = c.reason;
  event.by = who_of(s.ctx);
  s.emit(std::move(event));
  return s.done();
}

made begin_dual_run(step& s, const em::BeginDualRunT& c) {
  if (s.next.status != Status::planned && s.next.status != Status::rolled_back)
    return wrong_status(s, "begin a dual run");
  turn(s, Status::dual_run, Side::legacy, c.reason);
  return s.done();
}

made cut_over(step& s, const em::CutOverT& c) {
  if (s.next.status != Status::dual_run) return wrong_status(s, "cut over");
  if (!s.next.waits_for.empty())
    return made::refuse(Refusal::not_ready, "It waits for " + s.next.waits_for.front() + '.');
  const auto terms = terms_of(s);
  if (s.next.compared < terms.compared_min)
    return made::refuse(Refusal::not_ready, "Only " + std::to_string(s.next.compared) + " of " +
                                                std::to_string(terms.compared_min) +
                                                " postings are compared.");
  if (std::uint64_t{s.next.matched} * 100 < std::uint64_t{terms.match_percent} * s.next.compared)
    return made::refuse(Refusal::not_ready, "Only " + std::to_string(s.next.matched) + " of " +
                                                std::to_string(s.next.compared) +
                                                " postings were answered alike.");
  turn(s, Status::cut_over, Side::next, c.reason, c.person);
  return s.done();
}

made roll_back(step& s, const em::RollBackT& c) {
  if (s.next.status != Status::cut_over) return wrong_status(s, "roll back");
  turn(s, Status::rolled_back, Side::legacy, c.reason, c.person);
  return s.done();
}

made complete(step& s, const em::CompleteT& c) {
  if (s.next.status != Status::cut_over) return wrong_status(s, "be completed");
  for (const auto& one : s.next.interfaces)
    if (!one.retired_on.given())
      return made::refuse(Refusal::interface_in_use,
                          "Interface " + one.interface + " of the legacy ERP is not retired.");
  turn(s, Status::completed, Side::next, c.reason, c.person);
  return s.done();
}

made cancel(step& s, const em::CancelT& c) {
  const bool may = s.next.status == Status::planned || s.next.status == Status::dual_run ||
                   s.next.status == Status::rolled_back;
  if (!may) return wrong_status(s, "be cancelled");
  turn(s, Status::cancelled, Side::legacy, c.reason, c.person);
  return s.done();
}

// ---- dual run ----

made mirror(step& s, const em::MirrorT& c) {
  if (!runs_dual(&s.next)) return s.done();  // it ended on the way
  const auto& posting = *c.posting;
  if (s.ctx.has_row("pairs", pair_key(c.order, posting.kind, posting.report))) return s.done();
  em::MirroredT event;
  event.order = c.order;
  event.kind = posting.kind;
  event.report = posting.report;
  event.leading = s.next.leading;
  s.emit(std::move(event));
  millrace::production_confirmation::PostT copy;
  copy.posting = std::make_unique<millrace::production_confirmation::PostingT>(posting);
  copy.posting->mirrored_for = s.ctx.plant();
  s.d.tell<millrace::production_confirmation::schema>(c.order, copy, Lane::confirmation,
                                                      s.next.shadow);
  return s.done();
}

void add_difference(step& s, em::DifferenceKind kind, std::string subject, std::string legacy,
                    std::string next) {
  em::DifferenceFoundT event;
  event.difference = std::make_unique<em::DifferenceRowT>();
  auto& row = *event.difference;
  row.number = s.next.differences + 1;
  row.kind = kind;
  row.subject = std::move(subject);
  row.legacy = std::move(legacy);
  row.next = std::move(next);
  row.at = s.ctx.now();
  s.emit(std::move(event));
}

std::string words_of(const em::AnswerT& answer) {
  return po::EnumNamePostingStatus(answer.status) +
         (answer.reason.empty() ? std::string() : ": " + answer.reason);
}

/// An ERP may say more than once what it made of a posting; its last word counts until both spoke.
made note(step& s, const em::NoteT& c) {
  auto row = s.ctx.row<em::PairRowT>("pairs", pair_key(c.order, c.kind, c.report));
  if (!row) return s.done();  // compared before, or sent before the dual run
  const auto from = s.ctx.from().from_plant;
  const bool own = from.empty() || from == s.ctx.plant();
  const bool leading_is_next = row->leading == Side::next;
  em::AnsweredT event;
  event.order = c.order;
  event.kind = c.kind;
  event.report = c.report;
  event.side = own == leading_is_next ? Side::next : Side::legacy;
  event.answer = std::make_unique<em::AnswerT>(*c.answer);
  event.answer->at = s.ctx.now();
  (event.side == Side::legacy ? row->legacy : row->next) =
      std::make_unique<em::AnswerT>(*event.answer);
  s.emit(std::move(event));
  if (!row->legacy || !row->next) return s.done();
  em::ComparedT both;
  both.order = c.order;
  both.kind = c.kind;
  both.report = c.report;
  both.matches = row->legacy->status == row->next->status;
  const bool differs = !both.matches;
  s.emit(std::move(both));
  if (differs)
    add_difference(s, em::DifferenceKind::answer,
                   "order " + c.order + ' ' + po::EnumNameReportKind(c.kind) + ' ' + c.report,
                   words_of(*row->legacy), words_of(*row->next));
  return s.done();
}

made compare_stock(step& s, const em::CompareStockT& c) {
  if (!runs_dual(&s.next)) return wrong_status(s, "compare stock");
  const auto tolerance = terms_of(s).stock_tolerance;
  em::StockComparedT event;
  event.lines = static_cast<std::uint32_t>(c.lines.size());
  s.emit(std::move(event));
  for (const auto& line : c.lines) {
    const auto apart = line.legacy - line.next;
    if (std::max(apart, -apart) <= tolerance) continue;
    add_difference(s, em::DifferenceKind::stock,
                   line.batch + (line.location.empty() ? "" : ' ' + line.location) + ' ' +
                       millrace::batch::EnumNameStockType(line.stock),
                   line.legacy.to_string() + ' ' + line.unit,
                   line.next.to_string() + ' ' + line.unit);
  }
  return s.done();
}

made explain(step& s, const em::ExplainT& c) {
  const auto row = s.ctx.row<em::DifferenceRowT>("differences", difference_key(c.difference));
  if (!row || row->status != em::DifferenceStatus::open)
    return made::refuse(Refusal::difference_unknown,
                        "No difference " + std::to_string(c.difference) + " is open.");
  em::DifferenceExplainedT event;
  event.difference = c.difference;
  event.reason = c.reason;
  event.by = who_of(s.ctx, c.person);
  s.emit(std::move(event));
  return s.done();
}

// ---- the catalogue of legacy interfaces ----

void change_interface(step& s, em::InterfaceT entry) {
  em::InterfaceChangedT event;
  event.entry = std::make_unique<em::InterfaceT>(std::move(entry));
  s.emit(std::move(event));
}

made register_interface(step& s, const em::RegisterInterfaceT& c) {
  const auto* known = find_interface(s.next, c.interface);
  if (!known && s.next.interfaces.size() >= interfaces_max)
    return made::refuse(Refusal::too_many, "The catalogue is full.");
  auto entry = known ? em::InterfaceT(*known) : em::InterfaceT();
  entry.interface = c.interface;
  if (!c.name.empty()) entry.name = c.name;
  if (!c.owner.empty()) entry.owner = c.owner;
  if (!c.replaced_by.empty()) entry.replaced_by = c.replaced_by;
  change_interface(s, std::move(entry));
  return s.done();
}

made note_use(step& s, const em::NoteUseT& c) {
  const auto* known = find_interface(s.next, c.interface);
  if (!known)
    return made::park(Refusal::interface_unknown,
                      "The catalogue has no interface " + c.interface + '.');
  auto entry = em::InterfaceT(*known);
  entry.traffic += c.messages;
  const auto at = c.occurred_at.given() ? c.occurred_at : s.ctx.now();
  entry.last_use = std::max(entry.last_use, at);
  if (at > entry.retired_on) entry.retired_on = {};  // what is used is not retired
  change_interface(s, std::move(entry));
  return s.done();
}

made retire_interface(step& s, const em::RetireInterfaceT& c) {
  const auto* known = find_interface(s.next, c.interface);
  if (!known)
    return made::refuse(Refusal::interface_unknown,
                        "The catalogue has no interface " + c.interface + '.');
  if (known->retired_on.given()) return s.done();
  if (known->replaced_by.empty())
    return made::refuse(Refusal::interface_in_use, "Nothing is said to replace it.");
  const std::int64_t quiet_days = terms_of(s).quiet_days;
  if (known->last_use.given() && known->last_use.plus_ms(quiet_days * day_ms) > s.ctx.now())
    return made::refuse(Refusal::interface_in_use, "It was used at " + known->last_use.to_string() +
                                                       ", and has to be quiet " +
                                                       std::to_string(quiet_days) + " days.");
  auto entry = em::InterfaceT(*known);
  entry.retired_on = s.ctx.now();
  entry.retired_by = who_of(s.ctx, c.person);
  change_interface(s, std::move(entry));
  return s.done();
}

}  // namespace
}  // namespace migrations

decision<erp_migration::schema> erp_migration::decide(const schema::state& state,
                                                      const schema::command& command,
                                                      context& ctx) {
  using namespace migrations;
  using em::Command;
  step s{ctx, state, {}};
  switch (command.type) {
    case Command::NONE:
      break;
    case Command::Plan:
      return plan(s, *command.AsPlan());
    case Command::BeginDualRun:
      return begin_dual_run(s, *command.AsBeginDualRun());
    case Command::CutOver:
      return cut_over(s, *command.AsCutOver());
    case Command::RollBack:
      return roll_back(s, *command.AsRollBack());
    case Command::Complete:
      return complete(s, *command.AsComplete());
    case Command::CompareStock:
      return compare_stock(s, *command.AsCompareStock());
    case Command::Explain:
      return explain(s, *command.AsExplain());
    case Command::RegisterInterface:
      return register_interface(s, *command.AsRegisterInterface());
    case Command::NoteUse:
      return note_use(s, *command.AsNoteUse());
    case Command::RetireInterface:
      return retire_interface(s, *command.AsRetireInterface());
    case Command::Mirror:
      return mirror(s, *command.AsMirror());
    case Command::Note:
      return note(s, *command.AsNote());
    case Command::Cancel:
      return cancel(s, *command.AsCancel());
    case Command::SetTerms:
      return set_terms(s, *command.AsSetTerms());
  }
  return made::fault("a migration has no such command");
}

}  // namespace millrace::actors
