// One pass of a cell over its stash: decide input by input, evolve in place, gather one batch.
// Until the batch is handed out nobody has seen it: when a decision spoils the state, the whole
// pass is taken back.
#include <algorithm>
#include <utility>

#include "cluster/approval.hpp"
#include "cluster/cell_parts.hpp"
#include "cluster/check.hpp"
#include "cluster/entry.hpp"
#include "cluster/record_writer.hpp"
#include "cluster/window.hpp"

namespace millrace {

namespace {

constexpr std::size_t record_bytes_max = entry_bytes_max - entry_head_bytes - record_head_bytes - 8;

std::string hex(hash128 id) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out(32, '0');
  for (int i = 0; i < 16; ++i) {
    out[15 - i] = digits[(id.hi >> (4 * i)) & 15];
    out[31 - i] = digits[(id.lo >> (4 * i)) & 15];
  }
  return out;
}

constexpr std::string_view unseen = "actor.quarantined";  // an actor that had to be looked at

/// An actor's timer of the engine's own; a kind's name has no '~'.
constexpr std::string_view parked_timer = "~parked";

using touched_timers = std::vector<std::pair<std::string, timestamp>>;

bool is_stale(const stimulus& s, const touched_timers& touched) {
  if (s.source != engine::Source::timer || !s.consumed) return false;
  for (auto t = touched.rbegin(); t != touched.rend(); ++t)
    if (t->first == s.consumed->timer) return t->second != s.consumed->due;
  return false;
}

/// "hamburg/order/1" -> from and plant of a caller that is an actor.
void name_actor(caller& from, std::string_view principal) {
  const auto slash = principal.find('/');
  from.is_actor = slash != std::string_view::npos;
  if (!from.is_actor) return;
  from.from_plant = principal.substr(0, slash);
  from.from = principal.substr(slash + 1);
}

}  // namespace

class cell::run {
 public:
  run(cell& of, timestamp at) : c_(of), at_(at), context_(of, at) { c_.index_values(before_); }
  ~run() { c_.env_->decided(); }
  run(const run&) = delete;
  run& operator=(const run&) = delete;
  [[nodiscard]] proposal go();

 private:
  /// One input with everything that its decision and its record need, whatever its source.
  struct asked {
    stimulus* s = nullptr;                  // null: a parked fact that is tried by itself
    const engine::ParkedT* fact = nullptr;  // a parked fact that is tried
    input in;
    caller from;
    std::string principal;  // of a message: made here
    hash128 id;             // of the record
    hash128 command_id;     // as the kind sees it
    hash128 origin;         // handed on with asks
    std::string_view correlation, causation;
    std::string reply_to;
    std::string_view ask;
    std::string approver;  // the second person, of an approval
    engine::Source source = engine::Source::client;
    std::uint8_t command = 0;
    bytes_view body;
    bool journaled = false;  // a refusal is journaled too
  };

  void take(stimulus& s);
  void frame(stimulus& s, asked& a);
  void frame_message(const stimulus& s, asked& a);
  void take_exception(stimulus& s);
  [[nodiscard]] bool approved(stimulus& s, asked& a);
  void discard(stimulus& s, const engine::ParkedT& fact);
  void retry_parked();
  void rehearse(stimulus& s, asked& a);
  [[nodiscard]] bool allowed(const asked& a);
  [[nodiscard]] decided decide(asked& a);
  [[nodiscard]] decided decide_on_copy(const asked& a, bool reposting);
  [[nodiscard]] decided cannot_see(bool spoilt) const;
  void put_off(asked& a, decided& d);
  void await_sight(asked& a, fault& known, std::string why);
  void wake(asked& a);
  [[nodiscard]] bool absent(const asked& a, decided& out) const;
  void finish(asked& a, decided d);
  void stand(asked& a, decided& d);
  void park(asked& a, decided& d);
  void refuse(asked& a, std::string code, std::string detail);
  void refuse(asked& a, decided d);
  void refuse_poison(asked& a);
  void fail(asked& a, const decided& d, bool too_large);
  [[nodiscard]] fault& note_fault(hash128 id);
  [[nodiscard]] fault* known_fault(hash128 id) const;
  [[nodiscard]] bool state_fits(asked& a, decided& d);
  void complete(asked& a, decided& d);
  [[nodiscard]] record_parts parts_of(const asked& a, const decided& d) const;
  [[nodiscard]] bool write(asked& a, decided& d, const record_parts& parts);
  void answer(const asked& a, decided&& d, std::int32_t record, std::string exception = {});
  [[nodiscard]] proposal take_back();

  cell& c_;
  timestamp at_;
  seen context_;
  proposal out_;
  std::vector<std::string>& before_ = index_room::here().before;
  touched_timers timers_;
  std::uint64_t tip_ = 0;  // sequence after the decision at hand
  std::size_t bytes_ = 0;
  bool changed_ = false;
  bool spoilt_ = false;
  std::optional<verdict> last_words_;  // of the input that spoilt the state
};

proposal cell::offer(std::vector<stimulus> inputs, timestamp now) {
  proposal out;
  if (in_flight())
    for (auto& s : inputs) s.stale = is_stale(s, flight_->timers);
  if (stash_.empty()) {
    stash_ = std::move(inputs);
  } else {
    for (auto& s : inputs) {
      if (s.source == engine::Source::client && stash_.size() >= cell_stash_max) {
        out.verdicts.push_back({s.ticket,
                                engine::Outcome::refused,
                                -1,
                                sequence_,
                                "plant.overloaded",
                                "The actor's stash is full",
                                {},
                                {}});
        continue;
      }
      stash_.push_back(std::move(s));
    }
  }
  auto made = resume(now);
  if (!out.verdicts.empty())
    std::move(out.verdicts.begin(), out.verdicts.end(), std::back_inserter(made.verdicts));
  return made;
}

proposal cell::resume(timestamp now) {
  if (in_flight() || spoilt_ || stash_.empty()) return {};
  const auto by_lane = [](const stimulus& a, const stimulus& b) { return a.lane < b.lane; };
  if (!std::is_sorted(stash_.begin(), stash_.end(), by_lane))
    std::stable_sort(stash_.begin(), stash_.end(), by_lane);
  return run(*this, std::max(stamp_, now)).go();
}

proposal cell::run::go() {
  std::size_t done = 0;
  for (auto& s : c_.stash_) {
    if (out_.records.size() >= cell_batch_records_max || bytes_ >= cell_batch_bytes_max) break;
    take(s);
    ++done;
    if (spoilt_) break;
  }
  if (!spoilt_ && changed_ && c_.parked_count() > 0) retry_parked();
  if (spoilt_) {
    if (last_words_) c_.stash_.erase(c_.stash_.begin() + static_cast<std::ptrdiff_t>(done) - 1);
    return take_back();
  }
  if (done == c_.stash_.size())
    c_.stash_ = std::vector<stimulus>();
  else
    c_.stash_.erase(c_.stash_.begin(), c_.stash_.begin() + static_cast<std::ptrdiff_t>(done));
  for (auto& s : c_.stash_) s.stale = s.stale || is_stale(s, timers_);
  if (out_.records.empty()) return std::move(out_);

  auto& after = index_room::here().after;
  c_.index_values(after);
  for (std::size_t i = 0; i < after.size(); ++i)
    if (before_[i] != after[i])
      out_.what.indexes.push_back({static_cast<std::uint16_t>(i), before_[i], after[i]});
  if (!out_.what.indexes.empty()) c_.note_index_base(before_);
  if (changed_ && c_.kind_->model().referenced) out_.what.reference = c_.reference();
  c_.flight_ = std::make_unique<flight>();
  c_.flight_->records = static_cast<std::uint32_t>(out_.records.size());
  c_.flight_->timers = std::move(timers_);
  c_.stamp_ = at_;
  out_.at = at_;
  return std::move(out_);
}

/// Nothing of this pass has been seen: only what spoilt it gets its verdict, the rest waits for the
/// new cell.
proposal cell::run::take_back() {
  c_.spoilt_ = true;
  proposal out;
  out.reload = true;
  if (last_words_) out.verdicts.push_back(std::move(*last_words_));
  return out;
}

void cell::run::take(stimulus& s) {
  if (s.stale || is_stale(s, timers_)) {
    out_.verdicts.push_back(
        {s.ticket, engine::Outcome::accepted, -1, c_.sequence_, {}, {}, {}, {}});
    return;
  }
  if (s.op != request::exception_op::none) return take_exception(s);
  asked a;
  frame(s, a);
  if (!c_.quarantined().empty())
    return refuse(a, "actor.quarantined", std::string(c_.quarantined()));
  if (!s.if_match.empty() &&
      s.if_match != std::to_string(c_.env_->generation()) + '.' + std::to_string(c_.sequence_))
    return refuse(a, "command.precondition", "The actor stands at " + std::to_string(c_.sequence_));
  if (const auto* known = known_fault(a.id); known && known->times > 1)
    return refuse(a, known->too_large ? "entry.too_large" : "kind.fault",
                  "The actor's code failed on this twice");
  if (s.source == engine::Source::timer && s.consumed->timer == parked_timer) return wake(a);
  if (!allowed(a)) return refuse_poison(a);
  if (s.dry_run) return rehearse(s, a);
  finish(a, decide(a));
}

/// Marks the input as the one that is decided on, under a name that it has again after a restart.
/// False: it was that at two process deaths.
bool cell::run::allowed(const asked& a) {
  if (a.s == nullptr || a.s->keyed || a.s->consumed) return c_.env_->deciding(a.id, c_.local_);
  const auto op = static_cast<std::uint64_t>(a.s->op);
  return c_.env_->deciding({command_fingerprint(c_.local_, a.command, a.body), op + 1}, c_.local_);
}

void cell::run::refuse_poison(asked& a) {
  refuse(a, "command.poison", "It was being decided on at two deaths of the process");
}

void cell::run::frame(stimulus& s, asked& a) {
  a.s = &s;
  a.id = s.id;
  a.command_id = s.id;
  a.source = s.source;
  a.correlation = s.correlation;
  a.causation = s.causation;
  a.journaled = s.keyed || s.consumed;
  switch (s.source) {
    case engine::Source::client:
    case engine::Source::exception:
    case engine::Source::host:
      a.command = s.command;
      a.body = s.body;
      a.in = command_input{s.command, s.body};
      a.from = {s.principal, s.systems, false, {}, {}, s.on_behalf_of};
      a.origin = s.id;
      break;
    case engine::Source::message:
      frame_message(s, a);
      break;
    case engine::Source::timer:
      a.in = timer_input{s.consumed->timer};
      break;
    case engine::Source::delivery:
      a.in = delivered{s.tag, s.system, s.delivery->end, s.delivery->document, s.delivery->detail};
      break;
  }
}

void cell::run::frame_message(const stimulus& s, asked& a) {
  const auto& m = *s.message;
  const auto plant =
      s.consumed->plant.empty() ? c_.env_->plant() : std::string_view(s.consumed->plant);
  a.principal.reserve(plant.size() + 1 + m.from.size());
  a.principal.append(plant).append(1, '/').append(m.from);
  a.from.principal = a.principal;
  a.from.is_actor = true;
  a.from.from = m.from;
  a.from.from_plant = plant;
  if (a.correlation.empty()) a.correlation = m.correlation;
  if (a.causation.empty()) a.causation = m.causation;
  if (!m.answer) {
    a.command = m.command;
    a.body = m.body;
    a.in = command_input{m.command, m.body};
    a.origin = s.id;
    a.ask = m.ask;
    if (!m.ask.empty()) a.reply_to = a.principal;
    return;
  }
  millrace::answer got;
  got.tag = m.ask;
  got.outcome = m.outcome;
  got.code = m.code;
  got.detail = m.detail;
  got.exception = m.exception;
  got.from = m.from;
  got.from_plant = plant;
  got.found.assign(m.found.begin(), m.found.end());
  got.truncated = m.truncated;
  got.origin = m.origin;
  a.origin = m.origin;
  a.in = std::move(got);
}

decided cell::run::decide(asked& a) {
  decided out;
  if (absent(a, out)) return out;
  context_.set(a.from, a.correlation, a.command_id, a.fact != nullptr);
  std::vector<packed> events;
  if (auto* got = std::get_if<millrace::answer>(&a.in)) {
    for (const auto& e : a.s->message->events) events.push_back({e->type, e->body});
    got->events = &events;
  }
  growth evo(c_, at_);
  out = c_.kind_->decide(c_.state(), a.in, context_, evo);
  tip_ = evo.sequence();
  if (std::exchange(c_.unreadable_, false)) {
    out = {};  // decided on what it could not see
    out.outcome = engine::Outcome::refused;
    out.code = "kind.fault";
    out.detail = "state.damaged: a child row cannot be read";
    out.spoilt = true;
  } else if (!context_.blind.empty()) {
    out = cannot_see(!out.events.empty() || out.spoilt);
  }
  return out;
}

/// A decision that looked for an actor that cannot be read now.
decided cell::run::cannot_see(bool spoilt) const {
  decided out;
  out.outcome = engine::Outcome::refused;
  out.code = unseen;
  out.detail = context_.blind + " cannot be read now";
  out.spoilt = spoilt;
  return out;
}

/// It is not journaled: a client may try again, what the host gave comes again. A parked fact that
/// was tried by itself waits for a timer, and for a change after that time.
void cell::run::put_off(asked& a, decided& d) {
  if (!a.s) {
    auto& known = note_fault(a.id);
    known.again = at_.plus_ms(cell_parked_again_ms);
    known.armed = false;
    if (!d.spoilt) return await_sight(a, known, std::move(d.detail));
  }
  if (!d.spoilt) return answer(a, std::move(d), -1);
  spoilt_ = true;
  if (a.s)
    last_words_ = verdict{a.s->ticket,       d.outcome,           -1, c_.sequence_,
                          std::move(d.code), std::move(d.detail), {}, {}};
}

/// The timer is journaled with the fact's new reason: it outlives the process.
void cell::run::await_sight(asked& a, fault& known, std::string why) {
  if (std::exchange(known.armed, true)) return;
  context_.references.clear();
  decided d;
  d.outcome = engine::Outcome::parked;
  d.code = unseen;
  d.detail = std::move(why);
  engine::TimerT timer;
  timer.name = parked_timer;
  timer.due = known.again;
  d.effects.emplace_back().Set(std::move(timer));
  park(a, d);
}

/// The timer of parked facts: they are tried as after a change.
void cell::run::wake(asked& a) {
  if (c_.extras_)
    for (auto& f : c_.extras_->faults) f.armed = false;
  context_.set(a.from, a.correlation, a.command_id, false);
  changed_ = true;
  decided d;
  stand(a, d);
}

/// The generic rule for actors that do not exist yet: true when the decision is made without the
/// kind.
bool cell::run::absent(const asked& a, decided& out) const {
  if (c_.sequence_ > 0) return false;
  if (!std::holds_alternative<command_input>(a.in)) return true;  // late: there is nobody to care
  const auto& model = c_.kind_->model();
  const auto* command = model.command(a.command);
  if (!command || command->creates) return false;
  out.outcome = command->fact ? engine::Outcome::parked : engine::Outcome::refused;
  out.code = command->fact ? model.name + ".unknown" : "actor.unknown";
  out.detail = "There is no " + c_.local_;
  return true;
}

void cell::run::finish(asked& a, decided d) {
  if (d.outcome == engine::Outcome::parked && !std::holds_alternative<command_input>(a.in)) {
    d.spoilt = !d.events.empty();
    d.code = "kind.fault";
    d.detail = "only a command can be parked";
  }
  if (d.code == "kind.fault") return fail(a, d, false);
  if (!context_.blind.empty() && d.code == unseen) return put_off(a, d);
  switch (d.outcome) {
    case engine::Outcome::refused:
      return refuse(a, std::move(d));
    case engine::Outcome::parked:
      if (d.code == approval_needed && a.fact == nullptr)
        if (auto no = decide_on_copy(a, true); no.outcome == engine::Outcome::refused)
          return refuse(a, std::move(no.code), std::move(no.detail));  // nobody need be asked
      return park(a, d);
    case engine::Outcome::accepted:
    case engine::Outcome::pending:
      return stand(a, d);
  }
}

/// Effects as they are filed: who sends, and what caused it.
void cell::run::complete(asked& a, decided& d) {
  std::string cause;
  for (auto& e : d.effects) {
    if (auto* m = e.AsMessage()) {
      if (cause.empty()) cause = hex(a.id);
      m->from = c_.local_;
      m->correlation = a.correlation;
      m->causation = cause;
      if (!m->ask.empty()) m->origin = a.origin;
    } else if (const auto* t = e.AsTimer()) {
      timers_.emplace_back(t->name, t->due);
    }
  }
}

record_parts cell::run::parts_of(const asked& a, const decided& d) const {
  record_parts p;
  p.actor = c_.local_;
  p.sequence = c_.sequence_;
  p.previous = c_.index_;
  p.source = a.source;
  p.command = a.command;
  p.id = a.id;
  p.principal = a.from.principal;
  p.correlation = a.correlation;
  p.causation = a.causation;
  p.outcome = d.outcome;
  p.code = d.code;
  p.detail = d.detail;
  p.events = d.events;
  p.effects = d.effects;
  p.settles = d.settles;
  p.references = context_.references;
  p.reply_to = a.reply_to;
  p.ask = a.ask;
  p.at = at_;
  if (!a.ask.empty()) p.origin = a.s->message->origin;
  if (const auto* s = a.s) {
    p.fingerprint = s->fingerprint;
    p.system = s->system;
    p.on_behalf_of = s->on_behalf_of;
    p.signature_meaning = s->signature_meaning;
    p.signature_reason = s->signature_reason;
    p.consumed = s->consumed.get();
    p.delivery = s->delivery.get();
    p.keyed = s->keyed;
    if (s->op != request::exception_op::none) p.principal = s->principal;
  } else {
    p.system = a.fact->system;
  }
  return p;
}

/// False: the state outgrew its limit, and is spoilt. It is measured only when the events since the
/// last time could have brought it there; what shrinks a state that is over the limit may pass.
bool cell::run::state_fits(asked& a, decided& d) {
  constexpr std::size_t growth_max = 4;  // bytes of state that a byte of an event makes, at most
  std::size_t grown = c_.grown_;
  for (const auto& e : d.events) grown += e.body.size();
  c_.grown_ = static_cast<std::uint32_t>(std::min<std::size_t>(grown, state_bytes_max));
  if (c_.state_bytes_ + growth_max * grown <= state_bytes_max) return true;
  const auto size = c_.save().size();
  if (size > state_bytes_max && size > c_.state_bytes_) {
    d.spoilt = true;
    d.detail = "The state would have " + std::to_string(size) + " bytes, at most " +
               std::to_string(state_bytes_max) + " fit";
    fail(a, d, true);
    return false;
  }
  c_.state_bytes_ = static_cast<std::uint32_t>(size);
  c_.grown_ = 0;
  return true;
}

/// False: too large for an entry, the state is spoilt.
bool cell::run::write(asked& a, decided& d, const record_parts& parts) {
  auto record = write_record(parts);
  if (record.size() > record_bytes_max) {
    d.spoilt = true;
    d.detail = "The record has " + std::to_string(record.size()) + " bytes";
    fail(a, d, true);
    return false;
  }
  bytes_ += record.size();
  out_.records.push_back(std::move(record));
  return true;
}

void cell::run::answer(const asked& a, decided&& d, std::int32_t record, std::string exception) {
  if (!a.s) return;
  out_.verdicts.push_back({a.s->ticket, d.outcome, record, c_.sequence_, std::move(d.code),
                           std::move(d.detail), std::move(exception), std::move(d.events)});
}

void cell::run::stand(asked& a, decided& d) {
  const bool silent = d.events.empty() && d.effects.empty() && d.settles.empty() &&
                      d.outcome == engine::Outcome::accepted;
  if (silent && !a.journaled && !a.fact) return answer(a, std::move(d), -1);
  if (!d.events.empty() && !state_fits(a, d)) return;
  complete(a, d);
  engine::UnparkedT gone;
  if (a.fact) {
    const bool corrected = a.s && a.s->op == request::exception_op::correct;
    gone.exception = a.fact->exception;
    gone.how = corrected ? engine::Unpark::corrected : engine::Unpark::posted;
    if (!a.approver.empty())
      gone.reason = "approved by " + a.approver + (a.s->reason.empty() ? "" : ": " + a.s->reason);
    if (a.fact->waits) {
      engine::SettleT told;
      told.id = a.fact->id;
      d.settles.push_back(std::move(told));
    }
  }
  if (!d.events.empty()) {
    changed_ = true;
    c_.sequence_ = tip_;
  }
  auto parts = parts_of(a, d);
  if (a.fact) parts.unparked = &gone;
  if (!write(a, d, parts)) return;
  answer(a, std::move(d), static_cast<std::int32_t>(out_.records.size()) - 1);
  if (a.fact) c_.note_unparked(gone.exception, out_.what);
}

void cell::run::park(asked& a, decided& d) {
  if (!a.fact && c_.parked_count() >= cell_parked_max) {
    // Nothing was decided that would have to stand: a fact that nobody can keep is the sender's to
    // keep.
    d.spoilt = !d.events.empty();
    if (d.spoilt) return fail(a, d, false);
    return refuse(a, "exceptions.full",
                  "The actor has " + std::to_string(cell_parked_max) + " open exceptions");
  }
  if (a.fact && !a.s && d.events.empty() && d.effects.empty() && d.settles.empty() &&
      a.fact->code != unseen)
    return;  // tried in vain
  if (!d.events.empty() && !state_fits(a, d)) return;
  complete(a, d);
  engine::ParkedT kept;
  if (a.fact) {
    kept = *a.fact;
    if (a.s && a.s->op == request::exception_op::correct) {
      kept.principal = a.s->principal;
      kept.system = a.s->system;
      kept.body.assign(a.body.begin(), a.body.end());
    }
  } else {
    kept.exception = c_.kind_->model().name + '~' + std::string(c_.id()) + '~' +
                     std::to_string(c_.parked_total_ + 1);
    kept.command = a.command;
    kept.body.assign(a.body.begin(), a.body.end());
    kept.principal = d.code == approval_needed
                         ? requester_text(a.from.principal, a.from.on_behalf_of)
                         : std::string(a.from.principal);
    kept.system = a.s->system;
    kept.correlation = a.correlation;
    kept.raised_at = at_;
    kept.id = a.id;
    kept.waits = !a.ask.empty();
  }
  kept.code = d.code;
  kept.reason = d.detail;
  if (!d.events.empty()) {
    changed_ = true;
    c_.sequence_ = tip_;
  }
  auto parts = parts_of(a, d);
  parts.parked = &kept;
  if (!write(a, d, parts)) return;
  answer(a, std::move(d), static_cast<std::int32_t>(out_.records.size()) - 1, kept.exception);
  c_.note_parked(std::move(kept), out_.what);
}

void cell::run::refuse(asked& a, std::string code, std::string detail) {
  decided d;
  d.outcome = engine::Outcome::refused;
  d.code = std::move(code);
  d.detail = std::move(detail);
  context_.references.clear();
  refuse(a, std::move(d));
}

void cell::run::refuse(asked& a, decided d) {
  if (!a.s) return;  // a parked fact that was tried by itself stays as it is
  const bool told = !d.effects.empty();
  if ((!a.journaled && !told) || a.s->dry_run) return answer(a, std::move(d), -1);
  if (!told) context_.references.clear();
  complete(a, d);
  if (!write(a, d, parts_of(a, d))) return;
  answer(a, std::move(d), static_cast<std::int32_t>(out_.records.size()) - 1);
}

cell::fault& cell::run::note_fault(hash128 id) {
  auto& faults = c_.more().faults;
  for (auto& f : faults)
    if (f.id == id) return f;
  if (faults.size() >= cell_faults_max) faults.erase(faults.begin());
  return faults.emplace_back(fault{id, 0, false});
}

cell::fault* cell::run::known_fault(hash128 id) const {
  if (!c_.extras_) return nullptr;
  for (auto& f : c_.extras_->faults)
    if (f.id == id) return &f;
  return nullptr;
}

/// The kind broke down on this input. A client hears it at once; a message, timer or delivery is
/// tried once more.
void cell::run::fail(asked& a, const decided& d, bool too_large) {
  if (!a.s && d.detail.starts_with(
                  "state.damaged")) {  // not the parked fact's fault: the new cell tries it again
    spoilt_ = true;
    return;
  }
  auto& known = note_fault(a.id);
  ++known.times;
  known.too_large = too_large;
  const bool again = a.s && (a.s->consumed ? true : known.times > 1 && a.s->keyed);
  const auto code = too_large ? "entry.too_large" : "kind.fault";
  if (d.spoilt) {
    spoilt_ = true;
    if (a.s && !again)
      last_words_ =
          verdict{a.s->ticket, engine::Outcome::refused, -1, c_.sequence_, code, d.detail, {}, {}};
    return;
  }
  if (!a.s) return;
  if (a.s->consumed && known.times == 1) return finish(a, decide(a));
  if (again) return refuse(a, code, d.detail);
  decided told;
  told.outcome = engine::Outcome::refused;
  told.code = code;
  told.detail = d.detail;
  answer(a, std::move(told), -1);
}

decided cell::run::decide_on_copy(const asked& a, bool reposting) {
  context_.set(a.from, a.correlation, a.command_id, reposting);
  overlay_rows scratch;
  growth evo(c_, at_, &scratch);
  const auto copy = c_.sequence_ > 0 ? c_.kind_->load(c_.save()) : c_.kind_->create();
  auto d = c_.kind_->decide(*copy, a.in, context_, evo);
  if (std::exchange(c_.unreadable_, false)) context_.blind = c_.local_;
  return context_.blind.empty() ? std::move(d) : cannot_see(false);
}

/// Decides on a copy; nothing stays.
void cell::run::rehearse(stimulus& s, asked& a) {
  decided d;
  if (!absent(a, d)) d = decide_on_copy(a, false);
  out_.verdicts.push_back({s.ticket,
                           d.outcome,
                           -1,
                           c_.sequence_,
                           std::move(d.code),
                           std::move(d.detail),
                           {},
                           std::move(d.events)});
}

// ---- parked facts ----

void cell::run::take_exception(stimulus& s) {
  asked a;
  frame(s, a);
  a.source = engine::Source::exception;
  if (!c_.quarantined().empty())
    return refuse(a, "actor.quarantined", std::string(c_.quarantined()));
  const auto* fact = c_.parked(s.exception);
  if (!fact) return refuse(a, "exception.unknown", s.exception);
  if (s.op == request::exception_op::discard) return discard(s, *fact);
  const auto kept = *fact;  // the list may move while this one is decided on
  a.fact = &kept;
  a.command = kept.command;
  if (s.op == request::exception_op::retry || s.body.empty()) a.body = kept.body;
  a.in = command_input{a.command, a.body};
  if (s.op == request::exception_op::retry) {
    a.from = {kept.principal,
              kept.system == System::none
                  ? system_set{0}
                  : static_cast<system_set>(1u << static_cast<unsigned>(kept.system)),
              false,
              {},
              {},
              {}};
    if (kept.system == System::none) name_actor(a.from, kept.principal);
  }
  if (a.correlation.empty()) a.correlation = kept.correlation;
  if (!allowed(a)) return refuse_poison(a);
  if (kept.code == approval_needed && !approved(s, a)) return;
  finish(a, decide(a));
}

/// True: a second person of the same right approves, and the command is decided on as its sender's.
/// Else that person has the refusal. The right is the kind's to judge: it is asked as if they had
/// sent the command themselves.
bool cell::run::approved(stimulus& s, asked& a) {
  const auto& kept = *a.fact;
  const auto* command = c_.kind_->model().command(kept.command);
  const auto asker = parse_requester(kept.principal);
  const auto no = [&](std::string_view code, std::string detail) {
    refuse(a, std::string(code), std::move(detail));
    return false;
  };
  if (s.op == request::exception_op::correct)
    return no(approval_needed, "It is approved or rejected as it was asked for");
  if (command == nullptr || (!command->any_owner && (command->owners & s.systems) == 0))
    return no("command.not_owner", "Who approves must have the right to send it");
  const requester approver{s.principal, s.on_behalf_of};
  const auto named = person_named_in(*command, kept.body);
  if (may_be_same(asker, approver) ||
      (!named.empty() && may_be_same({asker.client, named}, approver)))
    return no("approval.same_person", kept.principal + " has asked for it");
  if (command->is_signed && (s.signature_meaning.empty() || s.signature_reason.empty()))
    return no("signature.missing", command->wire_name + " needs the second person's signature");
  a.from = {s.principal, s.systems, false, {}, {}, s.on_behalf_of};
  if (auto d = decide_on_copy(a, true); d.outcome == engine::Outcome::refused) {
    if (context_.blind.empty()) return no(d.code, std::move(d.detail));
    return answer(a, std::move(d), -1), false;
  }
  a.approver = requester_text(s.principal, s.on_behalf_of);
  const auto asked_as = kept.system == System::none
                            ? system_set{0}
                            : static_cast<system_set>(1u << static_cast<unsigned>(kept.system));
  a.from = {asker.client, static_cast<system_set>(asked_as | s.systems), false, {}, {},
            asker.person};
  return true;
}

void cell::run::discard(stimulus& s, const engine::ParkedT& fact) {
  asked a;
  frame(s, a);
  a.source = engine::Source::exception;
  a.command = fact.command;
  engine::UnparkedT gone;
  gone.exception = fact.exception;
  gone.how = engine::Unpark::discarded;
  gone.reason = s.reason;
  decided d;
  if (fact.waits) {
    engine::SettleT told;
    told.id = fact.id;
    told.outcome = engine::Outcome::refused;
    told.code = fact.code;
    told.detail = "discarded: " + s.reason;
    d.settles.push_back(std::move(told));
  }
  context_.references.clear();
  auto parts = parts_of(a, d);
  parts.unparked = &gone;
  if (!write(a, d, parts)) return;
  answer(a, std::move(d), static_cast<std::int32_t>(out_.records.size()) - 1);
  c_.note_unparked(gone.exception, out_.what);
}

/// After a change: every parked fact again, in order, until a round posts none.
void cell::run::retry_parked() {
  auto tries = cell_retries_max;
  for (bool posted = true; posted && tries > 0;) {
    posted = false;
    auto& facts = c_.extras_->parked;
    const auto many = facts.size() > cell_retries_max;
    std::size_t at = many ? c_.extras_->retry_from % facts.size() : 0;
    for (auto left = facts.size(); left > 0 && tries > 0 && !facts.empty(); --left, --tries) {
      at %= facts.size();
      const auto kept = facts[at];
      auto* known = known_fault(kept.id);
      if ((known && known->times > 0) || kept.code == approval_needed) {
        ++at;
        continue;
      }
      asked a;
      a.fact = &kept;
      a.source = engine::Source::exception;
      a.id = kept.id;
      a.command_id = kept.id;
      a.origin = kept.id;
      a.correlation = kept.correlation;
      a.command = kept.command;
      a.body = kept.body;
      a.in = command_input{a.command, a.body};
      a.from = {kept.principal,
                kept.system == System::none
                    ? system_set{0}
                    : static_cast<system_set>(1u << static_cast<unsigned>(kept.system)),
                false,
                {},
                {},
                {}};
      if (kept.system == System::none) name_actor(a.from, kept.principal);
      if (known && at_ < known->again) {
        await_sight(a, *known, "What it looks at cannot be read now");
        ++at;
        continue;
      }
      const auto before = facts.size();
      if (allowed(a)) finish(a, decide(a));  // else it stays: an operator corrects or discards it
      if (spoilt_) return;
      if (facts.size() < before)
        posted = true;
      else
        ++at;
    }
    c_.extras_->retry_from = at;
  }
}

}  // namespace millrace
