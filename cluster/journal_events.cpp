// Derives what readers see from records: nothing of it is stored twice.
// The platform's own events: exception.raised, posted, corrected, discarded; delivery.acknowledged,
// dead, retried, discarded, edited.
#include "cluster/journal_events.hpp"

#include <algorithm>

#include "cluster/entry.hpp"
#include "schemas/json.hpp"

namespace millrace {

namespace {

constexpr std::size_t read_bytes = 512 * 1024;            // of one read of the journal
constexpr std::size_t page_bytes_max = 16 * 1024 * 1024;  // looked through for one page of events

std::string_view text(const flatbuffers::String* s) {
  return s != nullptr ? s->string_view() : std::string_view();
}
timestamp time_of(const Time* t) { return t != nullptr ? flatbuffers::UnPack(*t) : timestamp(); }

std::string json_object(
    std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
  std::string out = "{";
  for (const auto& [name, value] : fields) {
    if (value.empty()) continue;
    if (out.size() > 1) out += ',';
    append_json_string(name, out);
    out += ':';
    append_json_string(value, out);
  }
  return out + '}';
}

std::string_view end_name(engine::DeliveryEnd end) {
  switch (end) {
    case engine::DeliveryEnd::acknowledged:
      return "acknowledged";
    case engine::DeliveryEnd::dead:
      return "dead";
    case engine::DeliveryEnd::retried:
      return "retried";
    case engine::DeliveryEnd::discarded:
      return "discarded";
    case engine::DeliveryEnd::edited:
      return "edited";
  }
  return "unknown";
}

std::string_view unpark_name(engine::Unpark how) {
  switch (how) {
    case engine::Unpark::posted:
      return "posted";
    case engine::Unpark::corrected:
      return "corrected";
    case engine::Unpark::discarded:
      return "discarded";
  }
  return "unknown";
}

std::string_view source_name(engine::Source source) {
  switch (source) {
    case engine::Source::client:
      return "command";
    case engine::Source::message:
      return "message";
    case engine::Source::timer:
      return "timer";
    case engine::Source::delivery:
      return "acknowledged";
    case engine::Source::exception:
      return "exception";
    case engine::Source::host:
      return "operator";
  }
  return "unknown";
}

/// Puts events of one entry onto a page.
class pager {
 public:
  pager(const log_entry& e, const event_query& q, std::size_t limit, event_page& page)
      : entry_(e), query_(q), limit_(limit), page_(page) {}

  /// False when the page is full. `make` fills the event when it is wanted.
  template <class Make>
  bool next(const engine::Record& r, timestamp stamp, std::string_view type, Make&& make) {
    ++ordinal_;
    if (entry_.index < query_.index || (entry_.index == query_.index && ordinal_ <= query_.ordinal))
      return true;
    const bool wanted = type.starts_with(query_.type_prefix) && named(type) &&
                        (query_.actor.empty() || text(r.actor()) == query_.actor) &&
                        (query_.correlation.empty() || text(r.correlation()) == query_.correlation);
    if (wanted && page_.events.size() >= limit_) return false;
    page_.next_index = entry_.index;
    page_.next_ordinal = ordinal_;
    if (!wanted) return true;
    event_view v;
    v.type = type;
    v.index = entry_.index;
    v.ordinal = ordinal_;
    v.sequence = r.sequence();
    v.stamp = r.at() != nullptr ? time_of(r.at()) : stamp;
    v.correlation = text(r.correlation());
    v.causation = text(r.causation());
    v.principal = text(r.principal());
    v.on_behalf_of = text(r.on_behalf_of());
    make(v);
    page_.events.push_back(std::move(v));
    return true;
  }

 private:
  [[nodiscard]] bool named(std::string_view type) const {
    return query_.types.empty() ||
           std::find(query_.types.begin(), query_.types.end(), type) != query_.types.end();
  }
  const log_entry& entry_;
  const event_query& query_;
  std::size_t limit_;
  event_page& page_;
  std::uint32_t ordinal_ = 0;
};

void set_json(event_view& v, std::string id, const std::string& json) {
  v.kind = "platform";
  v.id = std::move(id);
  v.body.assign(json.begin(), json.end());
}

bool own_events(pager& to, const kind_registry& kinds, std::string_view plant,
                const engine::Record& r, timestamp stamp) {
  const auto* k = kinds.find(split_local(text(r.actor())).first);
  if (const auto* p = r.parked()) {
    const auto* command = k != nullptr ? k->model().command(p->command()) : nullptr;
    if (!to.next(r, stamp, "platform.exception.raised.v1", [&](event_view& v) {
          set_json(v, std::string(text(p->exception())),
                   json_object(
                       {{"exception", text(p->exception())},
                        {"actor", text(r.actor())},
                        {"command", command != nullptr ? command->wire_name : std::string_view()},
                        {"code", text(p->code())},
                        {"reason", text(p->reason())}}));
        }))
      return false;
  }
  if (const auto* u = r.unparked()) {
    if (!to.next(r, stamp, "platform.exception." + std::string(unpark_name(u->how())) + ".v1",
                 [&](event_view& v) {
                   set_json(v, std::string(text(u->exception())),
                            json_object({{"exception", text(u->exception())},
                                         {"actor", text(r.actor())},
                                         {"reason", text(u->reason())}}));
                 }))
      return false;
  }
  if (const auto* d = r.delivery()) {
    if (!to.next(r, stamp, "platform.delivery." + std::string(end_name(d->end())) + ".v1",
                 [&](event_view& v) {
                   const auto id = std::string(plant) + '~' + std::to_string(d->number());
                   set_json(
                       v, id,
                       json_object({{"delivery", id},
                                    {"actor", text(r.actor())},
                                    {"system",
                                     r.system() == System::none ? "" : EnumNameSystem(r.system())},
                                    {"document", text(d->document())},
                                    {"detail", text(d->detail())},
                                    {"by", text(d->by())}}));
                 }))
      return false;
  }
  return true;
}

}  // namespace

std::size_t bytes_from(const event_page& page, std::size_t from) {
  std::size_t out = 0;
  for (; from < page.events.size(); ++from) out += page.events[from].body.size();
  return out;
}

bool append_events(const kind_registry& kinds, std::string_view plant, const log_entry& e,
                   const event_query& q, std::size_t limit, event_page& page) {
  if (e.type == entry_type::command) {
    const auto view = entry_view::trusted(*e.payload);
    pager to(e, q, limit, page);
    for (const auto* r : view) {
      const auto [kind_name, id] = split_local(text(r->actor()));
      const auto* k = kinds.find(kind_name);
      const std::size_t n = r->events() != nullptr ? r->events()->size() : 0;
      for (std::size_t i = 0; i < n; ++i) {
        const auto* event = r->events()->Get(static_cast<flatbuffers::uoffset_t>(i));
        const auto* model = k != nullptr ? k->model().event(event->type()) : nullptr;
        if (!to.next(
                *r, view.stamp(),
                model != nullptr ? std::string_view(model->wire_name) : std::string_view("unknown"),
                [&](event_view& v) {
                  v.kind = kind_name;
                  v.id = id;
                  v.sequence = r->sequence() - (n - 1 - i);
                  v.member = event->type();
                  if (event->body() != nullptr)
                    v.body.assign(event->body()->begin(), event->body()->end());
                }))
          return false;
      }
      if (!own_events(to, kinds, plant, *r, view.stamp())) return false;
    }
  }
  if (page.next_index < e.index) {
    page.next_index = e.index;
    page.next_ordinal = 0;
  }
  return true;
}

result<event_page> read_events(const kind_registry& kinds, std::string_view plant,
                               journal_reader& journal, const event_query& q,
                               journal_index applied) {
  event_page page;
  const auto limit = std::clamp<std::uint32_t>(q.limit, 1, 1000);
  page.next_index = q.index;
  page.next_ordinal = q.ordinal;
  std::size_t looked_at = 0;
  std::size_t kept = 0;
  for (auto at = std::max<journal_index>(q.index, 1);
       at <= applied && looked_at < page_bytes_max;) {
    auto entries = journal.read(at, applied, read_bytes);
    if (!entries) return std::move(entries).error();
    if (entries->empty())
      return error{"journal.damaged", "entry " + std::to_string(at) + " is missing"};
    for (const auto& e : *entries) {
      at = e.index + 1;
      looked_at += e.payload ? e.payload->size() : 0;
      const auto before = page.events.size();
      if (!append_events(kinds, plant, e, q, limit, page)) return page;
      kept += bytes_from(page, before);
      if (kept > page_bodies_max && e.index < applied) return page;
    }
  }
  page.at_head = page.next_index >= applied;
  return page;
}

void append_hops(const kind_registry& kinds, const log_entry& e, std::string_view correlation,
                 std::vector<hop>& out) {
  if (e.type != entry_type::command) return;
  const auto view = entry_view::trusted(*e.payload);
  for (const auto* r : view) {
    if (text(r->correlation()) != correlation) continue;
    const auto* k = kinds.find(split_local(text(r->actor())).first);
    hop base;
    if (r->at() != nullptr) base.at = time_of(r->at());
    if (!base.at.given()) base.at = view.stamp();  // of the host's own records
    base.actor = text(r->actor());
    base.principal = text(r->principal());
    base.index = e.index;
    base.sequence = r->sequence();
    hop first = base;
    first.what = source_name(r->source());
    first.code = text(r->code());
    first.detail = text(r->detail());
    if (const auto* d = r->delivery()) {
      first.what = end_name(d->end());
      first.system = r->system() == System::none ? "" : EnumNameSystem(r->system());
      first.document = text(d->document());
      if (first.detail.empty()) first.detail = text(d->detail());
    } else if (const auto* command =
                   k != nullptr && r->command() != 0 ? k->model().command(r->command()) : nullptr) {
      first.type = command->wire_name;
    } else if (r->consumed() != nullptr && r->consumed()->timer() != nullptr) {
      first.type = text(r->consumed()->timer());
    } else if (r->source() == engine::Source::message) {
      first.what = "answer";  // of the actor that was asked
    }
    out.push_back(std::move(first));
    if (r->events() != nullptr)
      for (const auto* event : *r->events()) {
        hop h = base;
        h.what = "event";
        if (const auto* model = k != nullptr ? k->model().event(event->type()) : nullptr)
          h.type = model->wire_name;
        out.push_back(std::move(h));
      }
    if (r->parked() != nullptr) {
      hop h = base;
      h.what = "exception";
      h.code = text(r->parked()->code());
      h.detail = text(r->parked()->reason());
      out.push_back(std::move(h));
    }
    if (r->effects() == nullptr) continue;
    for (const auto* box : *r->effects()) {
      const auto* d = box->effect_as_Delivery();
      if (d == nullptr) continue;
      hop h = base;
      h.what = "delivery";
      h.system = EnumNameSystem(d->system());
      if (const auto* model = k != nullptr ? k->model().delivery(d->type()) : nullptr)
        h.type = model->wire_name;
      out.push_back(std::move(h));
    }
  }
}

void append_parked(const kind_registry& kinds, const log_entry& e, std::uint32_t ordinal,
                   exception_view& out) {
  const auto view = entry_view::trusted(*e.payload);
  for (auto it = view.begin(); it != view.end(); ++it) {
    if (it.ordinal() != ordinal) continue;
    const auto& r = **it;
    const auto* p = r.parked();
    if (p == nullptr) return;
    const auto* k = kinds.find(split_local(text(r.actor())).first);
    const auto* command = k != nullptr ? k->model().command(p->command()) : nullptr;
    out.reason = text(p->reason());
    out.principal = text(p->principal());
    out.correlation = text(p->correlation());
    if (command != nullptr) out.command = command->wire_name;
    if (p->body() != nullptr) out.body.assign(p->body()->begin(), p->body()->end());
    out.raised_at = time_of(p->raised_at());
    return;
  }
}

}  // namespace millrace
