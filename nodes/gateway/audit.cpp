// The audit over HTTP. Both answers read the journal page by page and end at a bound that is named:
// what was looked through without a find is no reason to keep a client waiting.
#include "nodes/gateway/audit.hpp"

#include "nodes/audit/audit_file.hpp"
#include "nodes/gateway/json_text.hpp"

namespace millrace::gateway {
namespace {

constexpr std::size_t looked_at_max = 20'000;  // entries, for one page of records

/// What is asked for.
struct stretch {
  entry_query where;
  timestamp until;  // not given = to the end
  audit::filter wanted;
};

/// `from` or `to`: a position or a time. Error: request.invalid.
result<void> read_bound(const target& t, std::string_view name, std::uint64_t& index,
                        timestamp& time) {
  const auto text = t.get(name);
  if (text.empty()) return {};
  if (const auto n = parse_number(text, INT64_MAX); n >= 1) {
    index = static_cast<std::uint64_t>(n);
    return {};
  }
  const auto at = timestamp::parse(text);
  const std::string pointer = '/' + std::string(name);
  if (!at)
    return error{"request.invalid",
                 std::string(name) + " is a position (1, 2, …) or a time (RFC 3339)",
                 {{pointer, "neither"}}};
  time = *at;
  return {};
}

result<stretch> read_stretch(const call_ptr& c) {
  const auto& t = c->target;
  stretch s;
  s.where.plant = t.get("plant");
  if (s.where.plant.empty())
    return error{"request.invalid", "name the plant", {{"/plant", "is required"}}};
  if (auto ok = read_bound(t, "from", s.where.from, s.where.since); !ok) return ok.error();
  if (auto ok = read_bound(t, "to", s.where.to, s.until); !ok) return ok.error();
  if (s.where.to != 0 && s.where.from > s.where.to)
    return error{"request.invalid", "from is behind to", {{"/from", "greater than to"}}};
  s.wanted = {std::string(t.get("actor")), std::string(t.get("principal"))};
  if (!s.wanted.actor.empty() && s.wanted.actor.find('/') == std::string::npos)
    return error{"request.invalid", "actor is kind/id", {{"/actor", "not kind/id"}}};
  if (!t.has("cursor")) return s;
  const auto after = parse_number(t.get("cursor"), INT64_MAX);
  if (after < 1) return error{"cursor.invalid", "a cursor is one that the platform gave out"};
  s.where.from = static_cast<std::uint64_t>(after);
  s.where.since = {};
  return s;
}

/// Drops what is stamped after `until`; true when there was something.
bool cut_at(entry_page& page, timestamp until) {
  if (!until.given()) return false;
  for (std::size_t i = 0; i < page.entries.size(); ++i) {
    const auto stamp = audit::stamp_of(page.entries[i]);
    if (!stamp.given() || stamp <= until) continue;
    page.next = page.entries[i].index;
    page.entries.resize(i);
    return true;
  }
  return false;
}

/// The stretch of a call that may have it; nothing when the call has been answered.
std::optional<stretch> take_stretch(core& g, const call_ptr& c, const entry_source* journals) {
  if (refused_for_operators(c)) return std::nullopt;
  if (journals == nullptr)
    return c->fail({"node.not_ready", "this node shows no journals"}), std::nullopt;
  auto s = read_stretch(c);
  if (!s) return c->fail(s.error()), std::nullopt;
  if (unknown_plant(g, c, s->where.plant)) return std::nullopt;
  return *std::move(s);
}

/// Records page by page until there are enough, or enough was looked at.
struct record_walk : std::enable_shared_from_this<record_walk> {
  core& g;
  entry_source& journals;
  call_ptr c;
  stretch what;
  std::size_t limit;
  std::size_t count = 0, looked_at = 0;
  std::string items;

  record_walk(core& core_, entry_source& from, call_ptr call_, stretch s, std::size_t n)
      : g(core_), journals(from), c(std::move(call_)), what(std::move(s)), limit(n) {}
  void step() {
    journals.entries(what.where, on_thread_of<entry_page>(
                                     c, [self = shared_from_this()](result<entry_page> page) {
                                       if (!page) return self->c->fail(page.error());
                                       self->take(std::move(*page));
                                     }));
  }
  void take(entry_page page) {
    const bool cut = cut_at(page, what.until);
    for (const auto& e : page.entries) {
      if (count >= limit) return finish(e.index);
      ++looked_at;
      const auto records = audit::records_of(g.model, e, what.wanted);
      if (!records) return c->fail(records.error());
      for (const auto& r : *records) {
        if (count++ > 0) items += ',';
        items += r;
      }
    }
    if (cut || page.at_end) return finish(0);
    if (count >= limit || looked_at >= looked_at_max) return finish(page.next);
    what.where.from = page.next;
    what.where.since = {};
    step();
  }
  void finish(std::uint64_t next) {
    std::string out;
    {
      json_object o(out);
      o.raw("items", "[" + items + "]");
      o.raw("next", next == 0 ? "null" : '"' + std::to_string(next) + '"');
    }
    c->json(200, std::move(out));
  }
};

void answer_entries(core& g, const call_ptr& c, const stretch& s, entry_page page) {
  const bool cut = cut_at(page, s.until);
  std::string lines;
  for (const auto& e : page.entries) {
    auto line = audit::entry_line(g.model, e, s.wanted);
    if (!line) return c->fail(line.error());
    line->pop_back();
    lines += (lines.empty() ? "" : ",") + *line;
  }
  std::string out;
  {
    json_object o(out);
    o.text("plant", s.where.plant).number("generation", page.generation);
    o.some("before", to_hex(page.before));
    o.raw("entries", "[" + lines + "]");
    o.raw("next", cut || page.at_end ? "null" : '"' + std::to_string(page.next) + '"');
  }
  c->json(200, std::move(out));
}

}  // namespace

void get_audit(core& g, const call_ptr& c, entry_source* journals) {
  const auto limit = limit_of(c->target, 100);
  if (bad_limit(c, limit)) return;
  auto s = take_stretch(g, c, journals);
  if (!s) return;
  std::make_shared<record_walk>(g, *journals, c, std::move(*s), static_cast<std::size_t>(limit))
      ->step();
}

void get_audit_entries(core& g, const call_ptr& c, entry_source* journals) {
  const auto limit = limit_of(c->target, 1000);
  if (bad_limit(c, limit)) return;
  auto s = take_stretch(g, c, journals);
  if (!s) return;
  s->where.limit = static_cast<std::uint32_t>(limit);
  journals->entries(s->where, on_thread_of<entry_page>(c, [&g, c, s = *s](result<entry_page> page) {
                      page ? answer_entries(g, c, s, std::move(*page)) : c->fail(page.error());
                    }));
}

}  // namespace millrace::gateway
