// NDJSON: lists and events as lines, for tools that read a stream of objects.
// One answer is bounded in lines and bytes; its Link header names the next one.
#include "nodes/gateway/export.hpp"

#include <algorithm>

#include "nodes/gateway/cloud_event.hpp"

namespace millrace::gateway {
namespace {

constexpr std::uint32_t page_events = 1000;
constexpr std::size_t export_events_max = 20'000;  // of one answer
constexpr std::size_t export_bytes_max = 8 * 1024 * 1024;

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> out;
  while (!list.empty()) {
    const auto end = std::min(list.find(','), list.size());
    if (end > 0) out.emplace_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return out;
}

/// Events of the plants one after the other, page by page, until the answer is full.
struct export_walk : std::enable_shared_from_this<export_walk> {
  core& g;
  call_ptr c;
  vector_cursor cursor;
  std::vector<std::string> types;
  std::string lines;
  std::size_t count = 0, at = 0;

  export_walk(core& core_, call_ptr call_, vector_cursor from, std::vector<std::string> wanted)
      : g(core_), c(std::move(call_)), cursor(std::move(from)), types(std::move(wanted)) {}
  void step() {
    if (at >= cursor.size()) return finish(false);
    event_query q;
    q.plant = cursor[at].first;
    q.index = cursor[at].second.index;
    q.ordinal = cursor[at].second.ordinal;
    q.types = types;
    q.limit = page_events;
    g.engine.events(std::move(q), on_thread_of<event_page>(
                                      c, [self = shared_from_this()](result<event_page> page) {
                                        if (!page) return self->c->fail(page.error());
                                        self->take(*page);
                                      }));
  }
  void take(const event_page& page) {
    for (const auto& e : page.events) {
      append_cloud_event(g.model, cursor[at].first, e, lines);
      lines += '\n';
    }
    count += page.events.size();
    cursor[at].second.index = page.next_index;
    cursor[at].second.ordinal = page.next_ordinal;
    if (page.at_head) ++at;
    if (at < cursor.size() && (count >= export_events_max || lines.size() >= export_bytes_max))
      return finish(true);
    step();
  }
  void finish(bool more) {
    std::string next = to_text(cursor);
    std::string query = "from=" + encode_segment(next);
    for (const auto& [name, value] : c->target.query)
      if (name == "plant" || name == "types") query += '&' + name + '=' + encode_segment(value);
    answer_lines(c, std::move(lines), more ? "/v1/export?" + query : std::string(), next);
  }
};

void serve(core& g, const call_ptr& c, const std::vector<std::string>& plants) {
  auto from = parse_cursor(c->target.get("from"), plants);
  if (!from) return c->fail(from.error());
  auto types = split(c->target.get("types"));
  std::make_shared<export_walk>(g, c, std::move(*from), std::move(types))->step();
}

}  // namespace

bool wants_lines(const call_ptr& c) {
  return c->request().get("Accept").find(lines_type) != std::string_view::npos;
}

void answer_lines(const call_ptr& c, std::string lines, const std::string& next,
                  std::string_view cursor) {
  http::response r;
  r.set("Content-Type", std::string(lines_type));
  if (!next.empty()) r.set("Link", '<' + next + ">; rel=\"next\"");
  if (!cursor.empty()) r.set("Next-Cursor", std::string(cursor));
  r.body = std::move(lines);
  c->answer(std::move(r));
}

void get_export(core& g, const call_ptr& c) {
  auto wanted = split(c->target.get("plant"));
  for (const auto& plant : wanted)
    if (unknown_plant(g, c, plant)) return;
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  if (!wanted.empty()) return serve(g, c, wanted);
  with_plants(g, c, [&g, c](const std::vector<std::string>& all) { serve(g, c, all); });
}

}  // namespace millrace::gateway
