// The nonconformance's front: raised, contained, reviewed, verified, closed, and the ways back.
#include "actors/nonconformance.hpp"

#include <algorithm>

#include "actors/nonconformance_parts.hpp"
#include "schemas/quality/capa_kind.hpp"

namespace millrace::actors {

namespace nonconformances {
namespace {

constexpr std::size_t affected_max = 200;
constexpr std::size_t capas_max = 50;

std::string joined(const std::vector<std::string>& all) {
  std::string out;
  for (const auto& one : all) out += (out.empty() ? "" : ", ") + one;
  return out;
}

/// People and the QMS hear of what others have found.
void notify(step& s) {
  nc::NotifyT out;
  out.nonconformance = s.ctx.id();
  out.title = s.next.title;
  out.severity = s.next.severity;
  out.category = s.next.category;
  for (const auto& one : s.next.affected) out.lots.push_back(one.batch);
  out.raised_by = s.next.raised_by;
  out.path = "/v1/plants/" + std::string(s.ctx.plant()) + "/nonconformances/" + out.nonconformance;
  out.text = std::string(millrace::supplier::EnumNameSeverity(out.severity)) + ' ' +
             nc::EnumNameCategory(out.category) + " nonconformance " + out.nonconformance + ": " +
             out.title + (out.lots.empty() ? "" : ". Lots: " + joined(out.lots)) + ". Raised by " +
             out.raised_by + '.';
  const auto key = "nonconformance/" + out.nonconformance;
  if (s.ctx.bound(System::qms) && !s.ctx.from().speaks_for(System::qms))
    s.d.deliver(System::qms, key, out, "notify", Lane::hold);
  if (s.ctx.bound(System::ops)) s.d.deliver(System::ops, key, out, "notify", Lane::hold);
}

std::optional<made> hold_lots(step& s, const std::vector<nc::LotT>& lots) {
  if (s.next.affected.size() + lots.size() > affected_max)
    return made::refuse(nc::Refusal::too_many,
                        "At most " + std::to_string(affected_max) + " lots are concerned.");
  for (std::size_t i = 0; i < lots.size(); ++i) {
    const auto* known = find_affected(s.next, lots[i].batch);
    const bool again = known != nullptr && known->hold != nc::HoldState::failed;
    const bool twice = std::any_of(lots.begin(), lots.begin() + static_cast<std::ptrdiff_t>(i),
                                   [&](const auto& one) { return one.batch == lots[i].batch; });
    if (again || twice)
      return made::refuse(nc::Refusal::lot_twice, "Lot " + lots[i].batch + " is named twice.");
  }
  for (const auto& one : lots) {
    nc::AffectedT affected;
    affected.batch = one.batch;
    if (one.quantity) affected.quantity = std::make_unique<decimal>(*one.quantity);
    affected.unit = one.unit;
    affected.serials = one.serials;
    hold_lot(s, std::move(affected));
  }
  return std::nullopt;
}

made raise(step& s, const nc::RaiseT& c) {
  if (s.ctx.sequence() != 0)
    return made::refuse(nc::Refusal::exists,
                        "Nonconformance " + std::string(s.ctx.id()) + " exists.");
  nc::RaisedT event;
  event.category = c.category;
  event.title = c.title;
  event.description = c.description;
  event.severity = c.severity;
  event.defect_code = c.defect_code;
  event.order = c.order;
  event.operation = c.operation;
  event.supplier = c.supplier;
  event.supplier_lot = c.supplier_lot;
  event.work_center = c.work_center;
  event.customer = c.customer;
  event.material = c.material;
  event.qms_id = c.qms_id;
  event.raised_by = who_of(s.ctx, c.person);
  event.occurred_at = c.occurred_at.given() ? c.occurred_at : s.ctx.now();
  event.hold = s.ctx.id();
  s.emit(std::move(event));
  if (auto no = hold_lots(s, c.lots)) return std::move(*no);
  notify(s);
  return s.done();
}

made add_lots(step& s, const nc::AddLotsT& c) {
  if (auto no = unless(s, {nc::Status::open, nc::Status::contained, nc::Status::under_review}))
    return std::move(*no);
  if (auto no = hold_lots(s, c.lots)) return std::move(*no);
  return s.done();
}

made contain(step& s, const nc::ContainT& c) {
  if (auto no = unless(s, {nc::Status::open})) return std::move(*no);
  nc::ContainedT event;
  event.action = c.action;
  event.by = who_of(s.ctx, c.person);
  s.emit(std::move(event));
  return s.done();
}

made begin_review(step& s, const nc::BeginReviewT& c) {
  if (s.next.status == nc::Status::open)
    return made::refuse(nc::Refusal::not_contained,
                        "It is not contained yet: lots are not held, or nobody said how.");
  if (auto no = unless(s, {nc::Status::contained})) return std::move(*no);
  nc::ReviewBegunT event;
  event.reviewer = who_of(s.ctx, c.reviewer);
  event.root_cause = c.root_cause;
  s.emit(std::move(event));
  return s.done();
}

made verify(step& s, const nc::VerifyResultT& c) {
  if (auto no = unless(s, {nc::Status::executing})) return std::move(*no);
  if (s.next.tasks_open != 0)
    return made::refuse(nc::Refusal::tasks_open,
                        std::to_string(s.next.tasks_open) + " tasks are outstanding.");
  nc::VerifiedT event;
  event.by = who_of(s.ctx, c.person);
  event.note = c.note;
  s.emit(std::move(event));
  return s.done();
}

made close(step& s, const nc::CloseT& c) {
  if (s.next.status == nc::Status::executing && s.next.tasks_open != 0)
    return made::refuse(nc::Refusal::tasks_open,
                        std::to_string(s.next.tasks_open) + " tasks are outstanding.");
  if (auto no = unless(s, {nc::Status::verified})) return std::move(*no);
  nc::ClosedT event;
  event.by = who_of(s.ctx, c.person);
  event.note = c.note;
  s.emit(std::move(event));
  return s.done();
}

made cancel(step& s, const nc::CancelT& c) {
  if (auto no = unless(s, {nc::Status::open, nc::Status::contained, nc::Status::under_review,
                           nc::Status::mrb_pending}))
    return std::move(*no);
  nc::CancelledT event;
  event.by = who_of(s.ctx, c.person);
  event.reason = c.reason;
  s.emit(std::move(event));
  release_holds(s);
  return s.done();
}

made reopen(step& s, const nc::ReopenT& c) {
  if (auto no = unless(s, {nc::Status::dispositioned, nc::Status::executing, nc::Status::verified,
                           nc::Status::closed}))
    return std::move(*no);
  // A lot takes a hold id once: what was released needs another.
  const bool released = std::ranges::any_of(s.next.affected, [](const auto& one) {
    return one.hold == nc::HoldState::released || one.hold == nc::HoldState::release_asked;
  });
  nc::ReopenedT event;
  event.by = who_of(s.ctx, c.person);
  event.reason = c.reason;
  event.hold =
      released ? std::string(s.ctx.id()) + '~' + std::to_string(s.next.reopened + 1) : s.next.hold;
  const auto before = s.next.hold;
  s.emit(std::move(event));
  if (s.next.hold == before) return s.done();
  const auto affected = s.next.affected;
  for (const auto& one : affected) {
    nc::AffectedT again;
    again.batch = one.batch;
    if (one.quantity) again.quantity = std::make_unique<decimal>(*one.quantity);
    again.unit = one.unit;
    again.serials = one.serials;
    again.material = one.material;
    hold_lot(s, std::move(again));
    if (one.hold == nc::HoldState::placed) replace_hold(s, one.batch, before);
  }
  return s.done();
}

made link_capa(step& s, const nc::LinkCapaT& c) {
  if (std::ranges::find(s.next.capas, c.capa) != s.next.capas.end())
    return made::refuse(nc::Refusal::capa_linked, "It is linked to " + c.capa + " already.");
  if (s.next.capas.size() >= capas_max)
    return made::refuse(nc::Refusal::too_many, "Too many corrective actions.");
  nc::CapaAskedT event;
  event.capa = c.capa;
  s.emit(std::move(event));
  millrace::capa::LinkT link;
  link.nonconformance = s.ctx.id();
  s.d.ask<millrace::capa::schema>(c.capa, link, "capa\x1f" + c.capa);
  return std::move(s.d.wait());
}

void add_capa(step& s, std::string_view capa) {
  if (std::ranges::find(s.next.capas, capa) != s.next.capas.end()) return;
  nc::CapaAddedT event;
  event.capa = capa;
  s.emit(std::move(event));
}

made capa_answered(step& s, std::string_view capa, const answer& a) {
  if (!a.granted()) {
    s.d.settle_refused(a.origin, a.code, a.detail);
    return s.done();
  }
  add_capa(s, capa);
  s.d.settle(a.origin);
  return s.done();
}

}  // namespace

std::optional<made> unless(const step& s, std::initializer_list<nc::Status> allowed) {
  if (std::ranges::find(allowed, s.next.status) != allowed.end()) return std::nullopt;
  std::string words;
  for (const auto one : allowed)
    words += (words.empty() ? "" : " or ") + std::string(nc::EnumNameStatus(one));
  return made::refuse(
      nc::Refusal::wrong_status,
      "It is " + std::string(EnumNameStatus(s.next.status)) + ", not " + words + '.');
}

}  // namespace nonconformances

decision<nonconformance::schema> nonconformance::decide(const schema::state& state,
                                                        const schema::command& command,
                                                        context& ctx) {
  using nonconformances::nc::Command;
  nonconformances::step s{ctx, state, {}};
  switch (command.type) {
    case Command::NONE:
      break;
    case Command::Raise:
      return nonconformances::raise(s, *command.AsRaise());
    case Command::AddLots:
      return nonconformances::add_lots(s, *command.AsAddLots());
    case Command::Contain:
      return nonconformances::contain(s, *command.AsContain());
    case Command::BeginReview:
      return nonconformances::begin_review(s, *command.AsBeginReview());
    case Command::Dispose:
      return nonconformances::dispose(s, *command.AsDispose());
    case Command::ApproveDisposition:
      return nonconformances::approve(s, *command.AsApproveDisposition());
    case Command::RejectDisposition:
      return nonconformances::reject(s, *command.AsRejectDisposition());
    case Command::Execute:
      return nonconformances::execute(s);
    case Command::CompleteTask:
      return nonconformances::complete_task(s, *command.AsCompleteTask());
    case Command::RetryTask:
      return nonconformances::retry_task(s, *command.AsRetryTask());
    case Command::VerifyResult:
      return nonconformances::verify(s, *command.AsVerifyResult());
    case Command::Close:
      return nonconformances::close(s, *command.AsClose());
    case Command::Cancel:
      return nonconformances::cancel(s, *command.AsCancel());
    case Command::Reopen:
      return nonconformances::reopen(s, *command.AsReopen());
    case Command::LinkCapa:
      return nonconformances::link_capa(s, *command.AsLinkCapa());
    case Command::CapaLinked:
      nonconformances::add_capa(s, command.AsCapaLinked()->capa);
      return s.done();
  }
  return decision<schema>::fault("a nonconformance has no such command");
}

decision<nonconformance::schema> nonconformance::on_answer(const schema::state& state,
                                                           const answer& a, context& ctx) {
  nonconformances::step s{ctx, state, {}};
  const auto cut = a.tag.find('\x1f');
  if (cut == std::string_view::npos)
    return decision<schema>::fault("an answer to what no nonconformance has asked");
  const auto what = a.tag.substr(0, cut);
  const auto rest = a.tag.substr(cut + 1);
  if (what == "task") return nonconformances::task_answered(s, rest, a);
  if (what == "capa") return nonconformances::capa_answered(s, rest, a);
  const auto second = rest.find('\x1f');
  if (second == std::string_view::npos || rest.substr(0, second) != state.hold)
    return s.done();  // of a hold from before a reopening
  const auto batch = rest.substr(second + 1);
  return what == "hold" ? nonconformances::hold_answered(s, batch, a)
                        : nonconformances::release_answered(s, batch, a);
}

}  // namespace millrace::actors
