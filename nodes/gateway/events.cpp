// The event feed: CloudEvents by page, or live as Server-Sent Events.
// A live stream pulls from the journal at its reader's pace, so a slow reader costs a bounded
// buffer and loses nothing.
#include <algorithm>
#include <atomic>
#include <chrono>

#include "nodes/gateway/cloud_event.hpp"
#include "nodes/gateway/core.hpp"
#include "nodes/gateway/event_hub.hpp"
#include "nodes/gateway/json_text.hpp"

namespace millrace::gateway {
namespace {

/// What the reader wants, and where it is.
struct subscription {
  vector_cursor cursor;
  event_query filter;  // without plant and position
};

event_query query_for(const subscription& s, std::size_t plant, std::uint32_t limit) {
  auto q = s.filter;
  q.plant = s.cursor[plant].first;
  q.index = s.cursor[plant].second.index;
  q.ordinal = s.cursor[plant].second.ordinal;
  q.limit = limit;
  return q;
}

void advance(subscription& s, std::size_t plant, const event_page& page) {
  s.cursor[plant].second.index = page.next_index;
  s.cursor[plant].second.ordinal = page.next_ordinal;
}

/// One answer with up to `limit` events, plant after plant.
struct page_walk : std::enable_shared_from_this<page_walk> {
  core& g;
  call_ptr c;
  subscription what;
  std::uint32_t limit;
  std::size_t at = 0;
  std::uint32_t count = 0;
  bool at_head = true;
  std::string items;

  page_walk(core& core_, call_ptr call_, subscription s, std::uint32_t n)
      : g(core_), c(std::move(call_)), what(std::move(s)), limit(n) {}
  void step() {
    if (at >= what.cursor.size() || count >= limit) return finish();
    g.engine.events(
        query_for(what, at, limit - count),
        on_thread_of<event_page>(c, [self = shared_from_this()](result<event_page> page) {
          if (!page) return self->c->fail(page.error());
          self->take(*page);
        }));
  }
  void take(const event_page& page) {
    for (const auto& e : page.events) {
      if (!items.empty()) items += ',';
      append_cloud_event(g.model, what.cursor[at].first, e, items);
    }
    count += static_cast<std::uint32_t>(page.events.size());
    at_head = at_head && page.at_head;
    advance(what, at, page);
    ++at;
    step();
  }
  void finish() {
    std::string out;
    {
      json_object o(out);
      o.raw("items", "[" + items + "]");
      o.text("next", to_text(what.cursor));
      o.flag("at_head", at_head && at >= what.cursor.size());
    }
    c->json(200, std::move(out));
  }
};

/// One reader of the live feed. Its state is touched on its connection's thread only; `woken_` and
/// `idle_` cross threads.
class sse final : public live_stream, public std::enable_shared_from_this<sse> {
 public:
  sse(core& g, call_ptr c, subscription s) : g_(g), call_(std::move(c)), what_(std::move(s)) {}

  void start() {
    http::response head;
    head.set("Content-Type", "text/event-stream");
    head.set("Cache-Control", "no-store");
    head.set("Correlation-Id", call_->correlation);
    head.set("X-Accel-Buffering", "no");
    g_.metrics.count(call_->route, 200);
    out_ = call_->exchange->open(std::move(head));
    out_->on_drained([weak = weak_from_this()] {
      if (auto self = weak.lock()) self->pull();
    });
    out_->write(": millrace events\nretry: 2000\n\n");
    for (const auto& [plant, at] : what_.cursor)
      watches_.push_back(g_.engine.watch(plant, [weak = weak_from_this()] {
        auto self = weak.lock();
        if (self && !self->woken_.exchange(true)) self->call_->later([self] { self->pull(); });
      }));
    call_->later([self = shared_from_this()] { self->pull(); });
  }

  bool tick() override {
    if (out_->closed()) return false;
    const auto now = std::chrono::steady_clock::now();
    if (now - last_beat_ > std::chrono::milliseconds(g_.options.heartbeat_ms)) {
      last_beat_ = now;
      out_->write(": heartbeat\n\n");
    }
    return true;
  }

 private:
  void pull() {
    woken_.store(false);
    if (busy_ || out_->closed()) return;
    at_ = 0;
    busy_ = true;
    step();
  }
  void step() {
    if (out_->closed() || at_ >= what_.cursor.size()) return rest();
    if (out_->pending() > g_.options.stream_bytes_max)
      return void(busy_ = false);  // goes on when drained
    g_.engine.events(
        query_for(what_, at_, 200),
        on_thread_of<event_page>(call_, [self = shared_from_this()](result<event_page> page) {
          if (!page) return self->end(page.error());
          self->take(*page);
        }));
  }
  void take(const event_page& page) {
    std::string text;
    for (const auto& e : page.events) {
      auto& at = what_.cursor[at_].second;
      at.index = e.index;
      at.ordinal = e.ordinal;
      text += "id: " + to_text(what_.cursor) + "\nevent: " + e.type + "\ndata: ";
      append_cloud_event(g_.model, what_.cursor[at_].first, e, text);
      text += "\n\n";
      if (text.size() + out_->pending() <= g_.options.stream_bytes_max) continue;
      // Large events: the rest of the page is read again once the reader has taken these.
      out_->write(std::move(text));
      return void(busy_ = false);
    }
    advance(what_, at_, page);
    if (!text.empty()) out_->write(std::move(text));
    if (page.at_head) ++at_;
    step();
  }
  void rest() {
    busy_ = false;
    if (woken_.load()) pull();
  }
  /// The cursor fell behind retention, most likely: the reader is told and starts anew.
  void end(const error& why) {
    busy_ = false;
    out_->write("event: error\ndata: " + http::problem_json(why) + "\n\n");
    out_->close();
  }

  core& g_;
  call_ptr call_;
  subscription what_;
  std::shared_ptr<http::stream> out_;
  std::vector<std::shared_ptr<void>> watches_;
  std::size_t at_ = 0;
  bool busy_ = false;
  std::atomic<bool> woken_{false};
  std::chrono::steady_clock::time_point last_beat_ = std::chrono::steady_clock::now();
};

void serve(core& g, const call_ptr& c, const std::vector<std::string>& plants) {
  const auto limit = limit_of(c->target, 100);
  if (limit < 0)
    return c->fail({"request.invalid", "limit is 1 to 1000", {{"/limit", "out of range"}}});
  const bool live = c->request().get("Accept").find("text/event-stream") != std::string_view::npos;
  auto from = c->target.get("after");
  if (live && c->request().has("Last-Event-ID")) from = c->request().get("Last-Event-ID");
  auto cursor = parse_cursor(from, plants);
  if (!cursor) return c->fail(cursor.error());
  subscription s{std::move(*cursor), {}};
  s.filter.type_prefix = c->target.get("type");
  s.filter.actor = c->target.get("actor");
  s.filter.correlation = c->target.get("correlation");
  if (!live)
    return std::make_shared<page_walk>(g, c, std::move(s), static_cast<std::uint32_t>(limit))
        ->step();
  if (c->request().method == "HEAD") return c->fail({"request.method", "a live stream needs GET"});
  if (g.live->size() >= g.options.streams_max)
    return c->fail({"client.rate_limited", "too many live streams are open"}, {}, 5);
  auto stream = std::make_shared<sse>(g, c, std::move(s));
  stream->start();
  g.live->add(std::move(stream));
}

}  // namespace

void get_events(core& g, const call_ptr& c) {
  std::vector<std::string> wanted;
  for (const auto& [name, value] : c->target.query)
    if (name == "plant")
      for (std::string_view rest = value; !rest.empty();) {
        const auto end = std::min(rest.find(','), rest.size());
        wanted.emplace_back(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
      }
  for (const auto& plant : wanted)
    if (!g.engine.has_plant(plant)) return c->fail({"plant.unknown", "no plant " + plant});
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  if (!wanted.empty()) return serve(g, c, wanted);
  with_plants(g, c, [&g, c](const std::vector<std::string>& all) { serve(g, c, all); });
}

}  // namespace millrace::gateway
