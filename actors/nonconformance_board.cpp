// The disposition: its lines must account for every lot concerned, and what leaves the defect in
// the product needs the review board: quality and engineering, two persons, and the customer where
// the rule or the proposal asks for a concession.
#include <algorithm>

#include "actors/nonconformance_parts.hpp"
#include "actors/rules.hpp"
#include "actors/stock.hpp"
#include "schemas/text.hpp"

namespace millrace::actors::nonconformances {

namespace {

using nc::Disposition;
using nc::Role;

struct lot_reference {
  using schema = millrace::batch::schema;
};

bool passes_board(Disposition d) {
  return d == Disposition::use_as_is || d == Disposition::conditional_use ||
         d == Disposition::repair;
}

/// What there is of the lot to decide on, in its unit; nullopt when the lot is not known.
std::optional<std::pair<decimal, std::string>> wanted_of(step& s, const nc::AffectedT& affected) {
  if (affected.quantity) return std::pair{*affected.quantity, affected.unit};
  const auto* known = s.ctx.look_up<lot_reference>(affected.batch);
  if (known == nullptr) return std::nullopt;
  return std::pair{stock_total(*known), known->unit};
}

std::optional<made> check_lines(step& s, const std::vector<nc::LineT>& lines) {
  for (const auto& line : lines) {
    if (line.disposition == Disposition::regrade && line.target_material.empty())
      return made::refuse(nc::Refusal::target_missing, "A regrade names the other material.");
    if (!line.batch.empty() && find_affected(s.next, line.batch) == nullptr)
      return made::refuse(nc::Refusal::lot_unknown, "Lot " + line.batch + " is not concerned.");
    if (line.batch.empty() && !s.next.affected.empty())
      return made::refuse(nc::Refusal::lot_unknown, "Each line names one of the lots.");
  }
  for (const auto& affected : s.next.affected) {
    const auto wanted = wanted_of(s, affected);
    decimal sum;
    for (const auto& line : lines) {
      if (line.batch != affected.batch) continue;
      if (wanted && !line.unit.empty() && !wanted->second.empty() && line.unit != wanted->second)
        return made::refuse(
            nc::Refusal::unit_mismatch,
            "Lot " + affected.batch + " is in " + wanted->second + ", not in " + line.unit + '.');
      sum += line.quantity;
    }
    if (wanted && sum != wanted->first)
      return made::refuse(nc::Refusal::quantities_mismatch,
                          "Of lot " + affected.batch + ' ' + wanted->first.to_string() + ' ' +
                              wanted->second + " are concerned, the lines say " + sum.to_string() +
                              '.');
  }
  return std::nullopt;
}

/// The role's own authority; nullopt when the caller has it.
std::optional<made> not_its_voice(const step& s, Role role) {
  const auto owner = role == Role::engineering ? System::plm : System::qms;
  if (s.ctx.from().speaks_for(owner)) return std::nullopt;
  return made::refuse_with("command.not_owner", std::string("The approval by ") +
                                                    nc::EnumNameRole(role) + " is given by " +
                                                    std::string(EnumNameSystem(owner)) + '.');
}

void disposition_stands(step& s) {
  if (s.next.needs.empty()) s.emit(nc::DispositionedT());
}

}  // namespace

made dispose(step& s, const nc::DisposeT& c) {
  if (auto no = unless(s, {nc::Status::under_review})) return std::move(*no);
  for (const auto& one : s.next.affected)
    if (one.hold == nc::HoldState::asked)
      return made::refuse(nc::Refusal::not_contained, "Lot " + one.batch + " is not held yet.");
  if (auto no = check_lines(s, c.lines)) return std::move(*no);
  nc::DispositionProposedT event;
  event.lines = c.lines;
  event.reason = c.reason;
  event.by = who_of(s.ctx, c.person);
  const bool board =
      std::ranges::any_of(c.lines, [](const auto& line) { return passes_board(line.disposition); });
  if (board) event.needs = {Role::quality, Role::engineering};
  if (c.concession || (board && rule_of(s.ctx, "nonconformance.concession_required") == "yes"))
    event.needs.push_back(Role::customer);
  s.emit(std::move(event));
  disposition_stands(s);
  return s.done();
}

made approve(step& s, const nc::ApproveDispositionT& c) {
  if (auto no = unless(s, {nc::Status::mrb_pending})) return std::move(*no);
  if (auto no = not_its_voice(s, c.role)) return std::move(*no);
  if (std::ranges::find(s.next.needs, c.role) == s.next.needs.end())
    return made::refuse(nc::Refusal::approval_unneeded,
                        std::string("No approval by ") + nc::EnumNameRole(c.role) + " is open.");
  if (c.role == Role::customer && c.reference.empty())
    return made::refuse(nc::Refusal::reference_missing, "Name the customer's concession.");
  const auto person = who_of(s.ctx, c.person);
  for (const auto& one : s.next.approvals)
    if (is_same_person(one.person, person) && one.role != Role::customer &&
        c.role != Role::customer)
      return made::refuse(nc::Refusal::same_person,
                          person + " has approved for " + nc::EnumNameRole(one.role) + '.');
  nc::DispositionApprovedT event;
  event.approval = std::make_unique<nc::ApprovalT>();
  event.approval->role = c.role;
  event.approval->person = person;
  event.approval->reference = c.reference;
  event.approval->note = c.note;
  event.approval->at = s.ctx.now();
  s.emit(std::move(event));
  disposition_stands(s);
  return s.done();
}

made reject(step& s, const nc::RejectDispositionT& c) {
  if (auto no = unless(s, {nc::Status::mrb_pending})) return std::move(*no);
  nc::DispositionRejectedT event;
  event.reason = c.reason;
  event.by = who_of(s.ctx, c.person);
  s.emit(std::move(event));
  return s.done();
}

}  // namespace millrace::actors::nonconformances
