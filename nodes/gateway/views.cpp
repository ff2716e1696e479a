// Reads a view's lists side by side and puts them together.
// What is cut off says so (`more`), and every answer has the time as of which it is.
#include "nodes/gateway/views.hpp"

#include <algorithm>
#include <map>

#include "nodes/gateway/answers.hpp"
#include "nodes/gateway/json_text.hpp"
#include "nodes/json/json_value.hpp"

namespace millrace::gateway {
namespace {

constexpr std::uint32_t exceptions_read_max = 1000;  // of one plant
constexpr std::size_t exceptions_shown_max = 50;

/// True when the text stands at the pointer; "*" is any item of a list.
bool stands_at(const json_value& state, std::string_view pointer, const std::string& wanted) {
  const auto star = pointer.find("/*");
  if (star == std::string_view::npos) {
    const auto* found = state.at(pointer);
    return found != nullptr && found->text() == wanted;
  }
  const auto* list = state.at(pointer.substr(0, star));
  if (list == nullptr) return false;
  return std::ranges::any_of(list->items(), [&](const json_value& item) {
    return stands_at(item, pointer.substr(star + 2), wanted);
  });
}

struct shown {
  timestamp changed;
  std::string json;
};

/// One view under way. Its state is touched on the request's own thread only.
class view_walk : public std::enable_shared_from_this<view_walk> {
 public:
  view_walk(core& g, call_ptr c, const view_model& view, std::string work_center)
      : g_(g), call_(std::move(c)), view_(view), work_center_(std::move(work_center)) {}

  void run(std::vector<std::string> plants) {
    plants_ = std::move(plants);
    sections_.resize(view_.sections.size());
    open_ = 1;
    for (const auto& plant : plants_) {
      for (std::size_t i = 0; i < view_.sections.size(); ++i) read(plant, i);
      if (view_.exceptions) read_exceptions(plant);
    }
    settle({});
  }

 private:
  struct section {
    std::vector<shown> items;
    bool more = false;
  };
  struct waiting {
    std::uint64_t count = 0;
    timestamp oldest;
  };

  void read(const std::string& plant, std::size_t i) {
    const auto& s = view_.sections[i];
    for (const auto value : s.values) {
      list_query q;
      q.plant = plant;
      q.kind = s.kind;
      q.filters.emplace_back(s.field, value);
      q.limit = view_items_max;
      ++open_;
      g_.engine.list(std::move(q), on_thread_of<list_page>(call_, [self = shared_from_this(),
                                                                   i](result<list_page> page) {
                       if (page) self->take(i, *page);
                       self->settle(page ? error{} : page.error());
                     }));
    }
  }

  void read_exceptions(const std::string& plant) {
    ++open_;
    g_.engine.exceptions(
        plant, {}, {}, exceptions_read_max,
        on_thread_of<std::vector<exception_view>>(
            call_, [self = shared_from_this()](result<std::vector<exception_view>> found) {
              if (found) self->take(*found);
              self->settle(found ? error{} : found.error());
            }));
  }

  void take(std::size_t i, const list_page& page) {
    const auto& s = view_.sections[i];
    const auto& kind = *g_.model.kind(s.kind);
    auto& out = sections_[i];
    out.more = out.more || !page.next.empty();
    for (const auto& v : page.items) {
      std::string text;
      table_to_json(g_.model, kind.state, v.state, text);
      const auto state = json_value::parse(text, 2 * json_depth_max);
      if (!state) continue;
      if (!s.where.empty() && !stands_at(*state, s.where, work_center_)) continue;
      if (s.where.empty() && !work_center_.empty() && v.where.id != work_center_) continue;
      auto& one = out.items.emplace_back();
      one.changed = v.stamp;
      json_object o(one.json);
      o.text("address", v.where.to_string()).number("sequence", v.sequence);
      o.when("changed_at", v.stamp);
      for (const auto member : s.shows)
        if (const auto* found = state->find(member)) found->dump_to(o.key(member));
    }
  }

  void take(const std::vector<exception_view>& found) {
    more_exceptions_ = more_exceptions_ || found.size() == exceptions_read_max;
    for (const auto& x : found) {
      auto& w = by_code_[x.code];
      ++w.count;
      if (!w.oldest.given() || x.raised_at < w.oldest) w.oldest = x.raised_at;
      auto& one = exceptions_.emplace_back();
      one.changed = x.raised_at;
      json_object o(one.json);
      o.text("id", public_exception_id(x.plant, x.id)).text("actor", x.plant + '/' + x.actor);
      o.text("code", x.code).some("reason", x.reason).text("command", x.command);
      o.some("principal", x.principal).when("raised_at", x.raised_at);
    }
  }

  void settle(const error& failed) {
    if (!failed.code.empty() && failed_.code.empty()) failed_ = failed;
    if (--open_ > 0) return;
    failed_.code.empty() ? answer() : call_->fail(failed_);
  }

  void answer() {
    std::string out;
    {
      json_object o(out);
      o.text("view", view_.name).some("work_center", work_center_).when("as_of", wall_clock());
      {
        json_array all(o.key("plants"));
        for (const auto& p : plants_) append_json_string(p, all.next());
      }
      for (std::size_t i = 0; i < sections_.size(); ++i)
        write(view_.sections[i].name, sections_[i], o);
      if (view_.exceptions) write_exceptions(o);
    }
    call_->json(200, std::move(out));
  }

  /// The last changed first.
  static void write(std::string_view name, section& s, json_object& o) {
    std::ranges::stable_sort(s.items,
                             [](const auto& a, const auto& b) { return a.changed > b.changed; });
    json_object x(o.key(name));
    x.number("count", s.items.size()).flag("more", s.more);
    json_array all(x.key("items"));
    for (const auto& one : s.items) all.next() += one.json;
  }

  /// The oldest first: they have waited longest.
  void write_exceptions(json_object& o) {
    std::ranges::stable_sort(exceptions_,
                             [](const auto& a, const auto& b) { return a.changed < b.changed; });
    json_object x(o.key("exceptions"));
    x.number("count", exceptions_.size()).flag("more", more_exceptions_);
    {
      json_array all(x.key("by_code"));
      for (const auto& [code, w] : by_code_) {
        json_object one(all.next());
        one.text("code", code).some("title", title_of(g_.model, code));
        one.number("count", w.count).when("oldest", w.oldest);
      }
    }
    json_array all(x.key("items"));
    for (std::size_t i = 0; i < std::min(exceptions_.size(), exceptions_shown_max); ++i)
      all.next() += exceptions_[i].json;
  }

  core& g_;
  call_ptr call_;
  const view_model& view_;
  std::string work_center_;
  std::vector<std::string> plants_;
  std::vector<section> sections_;
  std::vector<shown> exceptions_;
  std::map<std::string, waiting> by_code_;
  bool more_exceptions_ = false;
  std::size_t open_ = 0;
  error failed_;
};

}  // namespace

void get_view(core& g, const call_ptr& c, std::string_view name, const std::string& work_center) {
  const auto& all = views();
  const auto view = std::ranges::find_if(all, [&](const auto& v) { return v.name == name; });
  const bool of_work_center = view != all.end() && view->name == "supervisor";
  if (view == all.end() || of_work_center == work_center.empty())
    return c->fail({"route.unknown", "no such view: " + c->target.path});
  const std::string plant(c->target.get("plant"));
  if (view->needs_plant && plant.empty())
    return c->fail({"request.invalid", "this view is of one plant", {{"/plant", "is required"}}});
  if (unknown_plant(g, c, plant)) return;
  auto walk = std::make_shared<view_walk>(g, c, *view, work_center);
  if (!plant.empty()) return walk->run({plant});
  with_plants(g, c, [c, walk](std::vector<std::string> plants) {
    if (plants.size() > view_plants_max)
      return c->fail({"request.invalid",
                      "more than " + std::to_string(view_plants_max) + " plants: name one",
                      {{"/plant", "is required"}}});
    walk->run(std::move(plants));
  });
}

}  // namespace millrace::gateway
