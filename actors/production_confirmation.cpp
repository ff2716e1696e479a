// Every report becomes one delivery under the order's key, so that the ERP gets them in the order
// they were accepted. What the ERP says is kept on the transaction and told to the order.
#include "actors/production_confirmation.hpp"

#include <algorithm>
#include <charconv>
#include <memory>
#include <string>
#include <utility>

#include "actors/erp_migration.hpp"
#include "schemas/production/order_kind.hpp"

namespace millrace::actors {

namespace {

namespace pc = millrace::production_confirmation;
namespace po = millrace::order;
using made = decision<pc::schema>;
using po::PostingStatus;
using po::ReportKind;

constexpr std::string_view table = "transactions";

const pc::TransactionT* find_open(const pc::StateT& state, ReportKind kind,
                                  std::string_view report) {
  for (const auto& one : state.open)
    if (one.kind == kind && one.report == report) return &one;
  return nullptr;
}

const pc::TransactionT* find_open(const pc::StateT& state, std::uint64_t number) {
  const auto at = std::ranges::find(state.open, number, &pc::TransactionT::number);
  return at == state.open.end() ? nullptr : &*at;
}

bool is_reversal(ReportKind kind) { return kind >= ReportKind::cancel_confirmation; }

/// SAP's movement type of a goods movement of the order.
std::string movement_type(ReportKind kind, const po::MovementT* movement) {
  const bool by_product =
      movement != nullptr && movement->use == millrace::batch::MaterialUse::by_product;
  switch (kind) {
    case ReportKind::consumption:
      return "261";
    case ReportKind::reverse_consumption:
      return "262";
    case ReportKind::production:
      return by_product ? "531" : "101";
    case ReportKind::reverse_production:
      return by_product ? "532" : "102";
    case ReportKind::confirmation:
    case ReportKind::cancel_confirmation:
      break;
  }
  return {};
}

void send(made& d, const pc::PostingT& posting, std::uint64_t number, const context& ctx) {
  const auto key = "order/" + std::string(ctx.id());
  const auto tag = std::to_string(number);
  if (posting.kind == ReportKind::confirmation) {
    pc::PostConfirmationT out;
    out.order = ctx.id();
    out.erp_id = posting.erp_id;
    out.number = number;
    out.material = posting.order_material;
    if (posting.confirmation)
      out.confirmation = std::make_unique<po::ConfirmationT>(*posting.confirmation);
    d.deliver(System::erp, key, out, tag, Lane::confirmation);
  } else if (posting.kind == ReportKind::cancel_confirmation) {
    pc::CancelConfirmationT out;
    out.order = ctx.id();
    out.erp_id = posting.erp_id;
    out.number = number;
    out.confirmation = posting.report;
    out.reason = posting.reason;
    d.deliver(System::erp, key, out, tag, Lane::confirmation);
  } else {
    pc::PostGoodsMovementT out;
    out.order = ctx.id();
    out.erp_id = posting.erp_id;
    out.number = number;
    out.material = posting.order_material;
    out.movement_type = movement_type(posting.kind, posting.movement.get());
    if (posting.movement) out.movement = std::make_unique<po::MovementT>(*posting.movement);
    if (is_reversal(posting.kind)) out.reversal_of = posting.report;
    d.deliver(System::erp, key, out, tag, Lane::confirmation);
  }
  pc::PostingSentT sent;
  sent.number = number;
  d.emit(std::move(sent));
}

bool migrates(context& ctx) { return runs_dual(ctx.look_up<erp_migration>(erp_migration::its_id)); }

/// The plant that migrates to another ERP compares what both made of it.
void tell_migration(made& d, const pc::TransactionT& t, PostingStatus status,
                    std::string_view document, std::string_view reason, context& ctx) {
  if (status == PostingStatus::sent || (t.mirrored_for.empty() && !migrates(ctx))) return;
  millrace::erp_migration::NoteT note;
  note.order = ctx.id();
  note.kind = t.kind;
  note.report = t.report;
  note.answer = std::make_unique<millrace::erp_migration::AnswerT>();
  note.answer->status = status;
  note.answer->document = document;
  note.answer->reason = reason;
  d.tell<millrace::erp_migration::schema>(erp_migration::its_id, note, Lane::confirmation,
                                          t.mirrored_for);
}

void tell_order(made& d, const pc::TransactionT& t, PostingStatus status, std::string_view document,
                std::string_view reason, timestamp posted_at, context& ctx) {
  tell_migration(d, t, status, document, reason, ctx);
  if (!t.mirrored_for.empty()) return;  // the order is another plant's, and hears of its own ERP
  po::MarkPostedT tell;
  tell.kind = t.kind;
  tell.report = t.report;
  tell.erp = std::make_unique<po::ErpT>();
  tell.erp->status = status;
  tell.erp->document = document;
  tell.erp->reason = reason;
  tell.erp->posted_at = posted_at;
  d.tell<po::schema>(ctx.id(), tell, Lane::rest);
}

made post(const pc::StateT& state, const pc::PostT& c, context& ctx) {
  made d;
  const auto number = state.last_number + 1;
  pc::PostingAcceptedT event;
  event.posting = std::make_unique<pc::PostingT>(*c.posting);
  event.number = number;
  d.emit(std::move(event));
  send(d, *c.posting, number, ctx);
  if (c.posting->mirrored_for.empty() && migrates(ctx)) {
    millrace::erp_migration::MirrorT mirror;
    mirror.order = ctx.id();
    mirror.posting = std::make_unique<pc::PostingT>(*c.posting);
    d.tell<millrace::erp_migration::schema>(erp_migration::its_id, mirror, Lane::confirmation);
  }
  pc::TransactionT t;
  t.mirrored_for = c.posting->mirrored_for;
  t.kind = c.posting->kind;
  t.report = c.posting->report;
  tell_order(d, t, PostingStatus::sent, {}, {}, {}, ctx);
  return d;
}

void end(made& d, const pc::TransactionT& t, PostingStatus status, const std::string& document,
         const std::string& reason, context& ctx) {
  const auto at = status == PostingStatus::posted ? ctx.now() : timestamp();
  if (status == PostingStatus::posted) {
    pc::PostingPostedT event;
    event.number = t.number;
    event.document = document;
    event.posted_at = at;
    d.emit(std::move(event));
  } else if (status == PostingStatus::partly_posted) {
    pc::PostingPartlyPostedT event;
    event.number = t.number;
    event.document = document;
    event.reason = reason;
    d.emit(std::move(event));
  } else if (status == PostingStatus::cancelled) {
    pc::PostingCancelledT event;
    event.number = t.number;
    event.reason = reason;
    d.emit(std::move(event));
  } else {
    pc::PostingRefusedT event;
    event.number = t.number;
    event.reason = reason;
    d.emit(std::move(event));
  }
  tell_order(d, t, status, document, reason, at, ctx);
}

made report_posting(const pc::StateT& state, const pc::ReportPostingT& c, context& ctx) {
  if (c.status != PostingStatus::posted && c.status != PostingStatus::partly_posted &&
      c.status != PostingStatus::refused)
    return made::refuse(pc::Refusal::status_invalid,
                        "The ERP reports posted, partly_posted or refused.");
  const auto* t = find_open(state, c.kind, c.report);
  if (t == nullptr)
    return made::park(pc::Refusal::posting_unknown,
                      "No open transaction for report " + c.report + '.');
  made d;
  end(d, *t, c.status, c.document, c.reason, ctx);
  return d;
}

made correct(const pc::StateT& state, const pc::CorrectT& c, context& ctx) {
  const auto* t = find_open(state, c.kind, c.report);
  if (t == nullptr)
    return made::refuse(pc::Refusal::posting_unknown,
                        "No open transaction for report " + c.report + '.');
  if (t->status != PostingStatus::refused && t->status != PostingStatus::partly_posted)
    return made::refuse(pc::Refusal::not_refused,
                        "Only what the ERP did not post in full is corrected.");
  auto row = ctx.row<pc::TransactionT>(table, std::to_string(t->number));
  if (!row || !row->posting) return made::fault("a transaction without its row");
  made d;
  auto& posting = *row->posting;
  const auto put = [&](auto& report) {
    if (!c.posting_date.empty()) report.posting_date = c.posting_date;
    if (!c.location.empty()) report.location = c.location;
  };
  if (posting.confirmation) put(*posting.confirmation);
  if (posting.movement) put(*posting.movement);
  pc::PostingCorrectedT event;
  event.number = t->number;
  event.posting = std::make_unique<pc::PostingT>(posting);
  event.reason = c.reason;
  d.emit(std::move(event));
  send(d, posting, t->number, ctx);
  tell_order(d, *t, PostingStatus::sent, {}, c.reason, {}, ctx);
  return d;
}

made cancel(const pc::StateT& state, const pc::CancelT& c, context& ctx) {
  const auto* t = find_open(state, c.kind, c.report);
  if (t == nullptr)
    return made::refuse(pc::Refusal::posting_unknown,
                        "No open transaction for report " + c.report + '.');
  if (t->status != PostingStatus::refused && t->status != PostingStatus::partly_posted)
    return made::refuse(pc::Refusal::not_refused,
                        "Only what the ERP did not post in full is given up.");
  made d;
  end(d, *t, PostingStatus::cancelled, t->document, c.reason, ctx);
  return d;
}

/// Changes the open transaction and its row; a finished one leaves the state.
result<void> change(pc::StateT& state, evolution& evo, std::uint64_t number, const auto& edit) {
  const auto at =
      std::ranges::find_if(state.open, [&](const auto& t) { return t.number == number; });
  auto row = evo.row<pc::TransactionT>(table, std::to_string(number));
  if (at == state.open.end() || !row)
    return error{"kind.fault", "no transaction " + std::to_string(number)};
  edit(*at);
  auto posting = std::move(row->posting);
  *row = *at;
  row->posting = std::move(posting);
  evo.put_row(table, std::to_string(number), *row);
  if (at->status == PostingStatus::posted) ++state.posted;
  if (at->status == PostingStatus::cancelled) ++state.cancelled;
  if (at->status == PostingStatus::posted || at->status == PostingStatus::cancelled)
    state.open.erase(at);
  return {};
}

result<void> accept(pc::StateT& state, const pc::PostingAcceptedT& e, evolution& evo) {
  if (!e.posting) return error{"kind.fault", "PostingAccepted without a posting"};
  auto& t = state.open.emplace_back();
  t.number = e.number;
  t.kind = e.posting->kind;
  t.report = e.posting->report;
  t.status = PostingStatus::accepted;
  t.accepted_at = evo.stamp();
  t.mirrored_for = e.posting->mirrored_for;
  if (const auto* movement = e.posting->movement.get()) {
    const bool adds = t.kind == ReportKind::production || t.kind == ReportKind::reverse_consumption;
    t.batch = movement->batch;
    t.quantity = adds ? movement->quantity : -movement->quantity;
    t.unit = movement->unit;
  }
  state.last_number = e.number;
  if (!e.posting->erp_id.empty()) state.erp_id = e.posting->erp_id;
  auto row = t;
  row.posting = std::make_unique<pc::PostingT>(*e.posting);
  evo.put_row(table, std::to_string(e.number), row);
  return {};
}

result<void> take_correction(pc::StateT& state, const pc::PostingCorrectedT& e, evolution& evo) {
  auto row = evo.row<pc::TransactionT>(table, std::to_string(e.number));
  if (!row || !e.posting) return error{"kind.fault", "no transaction " + std::to_string(e.number)};
  row->posting = std::make_unique<pc::PostingT>(*e.posting);
  evo.put_row(table, std::to_string(e.number), *row);
  return change(state, evo, e.number, [&](auto& t) {
    t.status = PostingStatus::corrected;
    t.reason = e.reason;
  });
}

}  // namespace

decision<production_confirmation::schema> production_confirmation::decide(
    const schema::state& state, const schema::command& command, context& ctx) {
  using pc::Command;
  switch (command.type) {
    case Command::Post:
      return post(state, *command.AsPost(), ctx);
    case Command::ReportPosting:
      return report_posting(state, *command.AsReportPosting(), ctx);
    case Command::Correct:
      return correct(state, *command.AsCorrect(), ctx);
    case Command::Cancel:
      return cancel(state, *command.AsCancel(), ctx);
    case Command::NONE:
      break;
  }
  return made::fault("a command without a type");
}

decision<production_confirmation::schema> production_confirmation::on_delivered(
    const schema::state& state, const delivered& in, context& ctx) {
  std::uint64_t number = 0;
  std::from_chars(in.tag.data(), in.tag.data() + in.tag.size(), number);
  const auto* t = find_open(state, number);
  if (t == nullptr) return {};  // finished meanwhile by the ERP's own word
  made d;
  switch (in.end) {
    case engine::DeliveryEnd::acknowledged:
      end(d, *t, PostingStatus::posted, std::string(in.document), {}, ctx);
      break;
    case engine::DeliveryEnd::dead:
      end(d, *t, PostingStatus::refused, {}, std::string(in.detail), ctx);
      break;
    case engine::DeliveryEnd::discarded:
      end(d, *t, PostingStatus::cancelled, {}, std::string(in.detail), ctx);
      break;
    case engine::DeliveryEnd::retried:
    case engine::DeliveryEnd::edited:
      break;
  }
  return d;
}

namespace {

/// What lists and the stock's reconciliation find it by.
pc::Backlog backlog_of(const pc::StateT& state) {
  const bool refused = std::ranges::any_of(
      state.open, [](const auto& t) { return t.status == PostingStatus::refused; });
  if (refused) return pc::Backlog::refused;
  return state.open.empty() ? pc::Backlog::none : pc::Backlog::open;
}

result<void> take(pc::StateT& state, const pc::EventUnion& event, evolution& evo) {
  using pc::Event;
  switch (event.type) {
    case Event::PostingAccepted:
      return accept(state, *event.AsPostingAccepted(), evo);
    case Event::PostingSent:
      return change(state, evo, event.AsPostingSent()->number, [](auto& t) {
        t.status = PostingStatus::sent;
        ++t.attempts;
      });
    case Event::PostingPosted: {
      const auto& e = *event.AsPostingPosted();
      return change(state, evo, e.number, [&](auto& t) {
        t.status = PostingStatus::posted;
        t.document = e.document;
        t.posted_at = e.posted_at;
        t.reason.clear();
      });
    }
    case Event::PostingPartlyPosted: {
      const auto& e = *event.AsPostingPartlyPosted();
      return change(state, evo, e.number, [&](auto& t) {
        t.status = PostingStatus::partly_posted;
        t.document = e.document;
        t.reason = e.reason;
      });
    }
    case Event::PostingRefused: {
      const auto& e = *event.AsPostingRefused();
      return change(state, evo, e.number, [&](auto& t) {
        t.status = PostingStatus::refused;
        t.reason = e.reason;
      });
    }
    case Event::PostingCorrected:
      return take_correction(state, *event.AsPostingCorrected(), evo);
    case Event::PostingCancelled: {
      const auto& e = *event.AsPostingCancelled();
      return change(state, evo, e.number, [&](auto& t) {
        t.status = PostingStatus::cancelled;
        t.reason = e.reason;
      });
    }
    case Event::NONE:
      break;
  }
  return error{"kind.fault", "an event without a type"};
}

}  // namespace

result<void> production_confirmation::evolve(schema::state& state, const schema::event& event,
                                             evolution& evo) {
  auto done = take(state, event, evo);
  state.backlog = backlog_of(state);
  return done;
}

}  // namespace millrace::actors
