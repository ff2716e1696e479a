// Records of a journal entry as JSON for auditors.
#include "nodes/audit/audit_records.hpp"

#include "cluster/entry.hpp"
#include "nodes/gateway/json_text.hpp"
#include "schemas/json.hpp"

namespace millrace::audit {
namespace {

using gateway::json_array;
using gateway::json_object;

std::string_view text(const flatbuffers::String* s) {
  return s != nullptr ? s->string_view() : std::string_view();
}
timestamp time_of(const Time* t) { return t != nullptr ? flatbuffers::UnPack(*t) : timestamp(); }
std::string_view name_of(System s) { return s == System::none ? "" : EnumNameSystem(s); }

bool wanted(const engine::Record& r, const filter& f) {
  if (!f.actor.empty() && text(r.actor()) != f.actor) return false;
  if (f.principal.empty()) return true;
  const auto* d = r.delivery();
  return text(r.principal()) == f.principal || text(r.on_behalf_of()) == f.principal ||
         (d != nullptr && text(d->by()) == f.principal);
}

/// A command's or event's table, where this program knows it and it is whole.
void put_table(const schema_model& model, const table_model* type,
               const flatbuffers::Vector<std::uint8_t>* body, std::string_view name,
               json_object& o) {
  if (type == nullptr || body == nullptr) return;
  const bytes table(body->begin(), body->end());  // aligned, as its reader wants it
  if (verify_table(model, *type, table)) table_to_json(model, *type, table, o.key(name));
}

void put_parked(const schema_model& model, const kind_model* kind, const engine::Parked& p,
                json_object& o) {
  json_object x(o.key("parked"));
  x.text("exception", text(p.exception()))
      .text("code", text(p.code()))
      .some("reason", text(p.reason()));
  x.some("principal", text(p.principal()));
  put_table(model, kind != nullptr ? kind->command(p.command()) : nullptr, p.body(), "body", x);
}

void put_events(const schema_model& model, const kind_model* kind, const engine::Record& r,
                json_object& o) {
  if (r.events() == nullptr || r.events()->size() == 0) return;
  json_array all(o.key("events"));
  for (const auto* e : *r.events()) {
    const auto* type = kind != nullptr ? kind->event(e->type()) : nullptr;
    json_object one(all.next());
    one.text("type", type != nullptr ? std::string_view(type->wire_name) : "unknown");
    put_table(model, type, e->body(), "data", one);
  }
}

void put_what(const schema_model& model, const kind_model* kind, const engine::Record& r,
              json_object& o) {
  if (const auto* s = r.signature()) {
    json_object x(o.key("signature"));
    x.text("meaning", text(s->meaning())).text("reason", text(s->reason()));
  }
  put_events(model, kind, r, o);
  if (r.parked() != nullptr) put_parked(model, kind, *r.parked(), o);
  if (const auto* u = r.unparked()) {
    json_object x(o.key("resolved"));
    x.text("exception", text(u->exception())).text("how", engine::EnumNameUnpark(u->how()));
    x.some("reason", text(u->reason()));
  }
  if (const auto* d = r.delivery()) {
    json_object x(o.key("delivery"));
    x.number("number", d->number()).text("end", engine::EnumNameDeliveryEnd(d->end()));
    x.some("document", text(d->document())).some("detail", text(d->detail()));
    x.some("by", text(d->by()));
  }
}

std::string record_of(const schema_model& model, const chained_entry& e, std::uint32_t ordinal,
                      const engine::Record& r, timestamp stamp) {
  const auto* kind = model.kind(split_local(text(r.actor())).first);
  const auto* command = kind != nullptr && r.command() != 0 ? kind->command(r.command()) : nullptr;
  std::string out;
  {
    json_object o(out);
    o.number("index", e.index).number("record", ordinal);
    const auto at = time_of(r.at());
    o.when("at", at.given() ? at : stamp);  // the host's own records have none
    o.some("actor", text(r.actor())).number("sequence", r.sequence());
    o.text("source", engine::EnumNameSource(r.source()));
    o.some("command", command != nullptr ? std::string_view(command->wire_name) : "");
    o.some("principal", text(r.principal())).some("system", name_of(r.system()));
    o.some("on_behalf_of", text(r.on_behalf_of()));
    o.text("outcome", engine::EnumNameOutcome(r.outcome()));
    o.some("code", text(r.code())).some("detail", text(r.detail()));
    o.some("correlation", text(r.correlation())).some("causation", text(r.causation()));
    put_what(model, kind, r, o);
  }
  return out;
}

}  // namespace

std::string_view type_name(std::uint8_t type) {
  switch (static_cast<entry_type>(type)) {
    case entry_type::command:
      return "command";
    case entry_type::barrier:
      return "barrier";
    case entry_type::change:
      return "change";
  }
  return "unknown";
}

timestamp stamp_of(const chained_entry& e) {
  if (static_cast<entry_type>(e.type) != entry_type::command) return {};
  const auto view = entry_view::verify(e.payload);
  return view ? view->stamp() : timestamp();
}

result<std::vector<std::string>> records_of(const schema_model& model, const chained_entry& e,
                                            const filter& f) {
  std::vector<std::string> out;
  if (static_cast<entry_type>(e.type) != entry_type::command) return out;
  const auto view = entry_view::verify(e.payload);
  if (!view) return view.error();
  for (auto it = view->begin(); it != view->end(); ++it)
    if (wanted(**it, f)) out.push_back(record_of(model, e, it.ordinal(), **it, view->stamp()));
  return out;
}

}  // namespace millrace::audit
