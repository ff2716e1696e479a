// The shell around the measuring core: pages in, alerts out, a file that can be lost.
#include "nodes/slas/sla_reader.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

#include "cluster/led_here.hpp"
#include "nodes/gateway/correlation.hpp"
#include "schemas/json.hpp"
#include "schemas/platform/service_level_kind.hpp"

namespace millrace::slas {
namespace {

namespace sl = millrace::service_level;

constexpr std::uint32_t events_a_page = 1000;
constexpr unsigned pages_a_tick = 5;
constexpr std::int64_t save_us = 30'000'000;
constexpr std::string_view format = "millrace service levels 1";

class no_reply final : public reply_sink {
 public:
  void on_replies(std::vector<reply>) override {}
};

template <class CommandT>
request alert(const std::string& plant, const std::string& name, const CommandT& command) {
  request r;
  r.to = {plant, "service_level", name};
  r.command = static_cast<std::uint8_t>(sl::schema::command_member<CommandT>());
  r.body = decision<sl::schema>::pack(command);
  r.from.name = "millrace-slas";
  r.from.systems = static_cast<system_set>(1u << static_cast<unsigned>(System::ops));
  r.system = System::ops;
  r.correlation = gateway::make_correlation();
  return r;
}

/// Where the journal begins, as cursor.expired says it ("... begins at 1234"); 0 = it does not.
std::uint64_t last_number(std::string_view detail) {
  const auto at = detail.find_last_not_of("0123456789");
  const auto digits = detail.substr(at == std::string_view::npos ? 0 : at + 1);
  std::uint64_t out = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), out);
  return out == 0 ? 0 : out - 1;  // strictly after that position
}

decimal rounded(double burn) {
  return decimal::from_micros(static_cast<std::int64_t>(burn * 1000) * 1000);
}

template <class Event>
typename Event::NativeTableType unpacked(const event_view& e) {
  typename Event::NativeTableType out;
  flatbuffers::GetRoot<Event>(e.body.data())->UnPackTo(&out);
  return out;
}

/// An event's table; JSON is made of it only for what lies in a list.
class table_fields final : public event_fields {
 public:
  table_fields(const schema_model& model, const table_model& type, const bytes& body)
      : model_(model), type_(type), body_(body) {}
  [[nodiscard]] std::string text(std::string_view pointer) const override {
    if (auto direct = field_text(type_, body_, pointer)) return std::move(*direct);
    if (json_.is_null()) {
      std::string text;
      table_to_json(model_, type_, body_, text);
      if (auto parsed = json_value::parse(text)) json_ = std::move(*parsed);
    }
    const auto* found = json_.at(pointer);
    return found != nullptr ? found->text() : std::string();
  }

 private:
  const schema_model& model_;
  const table_model& type_;
  const bytes& body_;
  mutable json_value json_;
};

}  // namespace

void reader::tick(timestamp now) {
  engine_.plants([self = shared_from_this(), now](result<std::vector<plant_status>> plants) {
    if (!plants) return;
    for (const auto& p : *plants) {
      if (p.role == "elsewhere") continue;  // measured where its journal is
      {
        const std::lock_guard lock(self->mutex_);
        self->now_ = now;
        auto& t = self->tracks_[p.plant];
        t.leads = led_here(p);
        if (self->stopped_ || t.busy) continue;
        if (!t.loaded) self->load(p.plant, t);
        t.busy = true;
        t.pages = pages_a_tick;
      }
      self->pull(p.plant);
    }
  });
}

void reader::pull(const std::string& plant) {
  event_query q;
  q.plant = plant;
  q.limit = events_a_page;
  {
    const std::lock_guard lock(mutex_);
    const auto& t = tracks_[plant];
    q.index = t.index;
    q.ordinal = t.ordinal;
    const auto types = t.measured.types();
    q.types.assign(types.begin(), types.end());
  }
  for (const auto& own : model_.kind(sl::schema::name)->events)
    if (own.member != 0) q.types.push_back(own.wire_name);
  engine_.events(std::move(q), [self = shared_from_this(), plant](result<event_page> page) {
    self->take(plant, std::move(page));
  });
}

void reader::take(const std::string& plant, result<event_page> page) {
  bool more = false;
  {
    const std::lock_guard lock(mutex_);
    auto& t = tracks_[plant];
    if (stopped_ || !page) {
      // Behind retention: what is measured so far stands, the rest is read from where it begins.
      if (!page && page.error().code == "cursor.expired") {
        t.index = std::max(t.index + 1, last_number(page.error().detail));
        t.ordinal = 0;
        t.dirty = true;
      }
      t.busy = false;
      return;
    }
    const auto asked = t.measured.types();
    for (const auto& e : page->events) {
      apply(t, e);
      if (e.kind != sl::schema::name || t.measured.types() == asked) continue;
      page->next_index = e.index;  // from here on the page lacks what is measured now
      page->next_ordinal = e.ordinal;
      page->at_head = false;
      break;
    }
    t.dirty = t.dirty || page->next_index != t.index;
    t.index = page->next_index;
    t.ordinal = page->next_ordinal;
    t.caught_up = page->at_head;
    more = !page->at_head && --t.pages > 0;
    if (!more) {
      t.busy = false;
      if (t.caught_up) {
        t.measured.advance(now_);
        if (t.leads) tell_alerts(plant, t, now_);
      }
      if (t.dirty && now_.micros() - t.saved_us >= save_us) save(plant, t, now_);
    }
  }
  if (more) pull(plant);
}

void reader::apply(track& t, const event_view& e) const {
  if (e.kind == sl::schema::name) {
    if (e.member == static_cast<std::uint8_t>(sl::Event::Defined)) {
      if (const auto defined = unpacked<sl::Defined>(e); defined.definition)
        t.measured.define(e.id, *defined.definition);
    } else if (e.member == static_cast<std::uint8_t>(sl::Event::Withdrawn)) {
      t.measured.withdraw(e.id);
    } else {
      t.told[e.id] = e.member == static_cast<std::uint8_t>(sl::Event::AlertRaised);
    }
    return;
  }
  const auto* kind = model_.kind(e.kind);
  const auto* type = kind == nullptr ? nullptr : kind->event(e.member);
  if (type == nullptr) return;
  t.measured.take({e.type, e.id, e.correlation, e.stamp, table_fields(model_, *type, e.body)});
}

void reader::tell_alerts(const std::string& plant, track& t, timestamp now) {
  std::vector<request> out;
  for (const auto& f : t.measured.report(now)) {
    auto& told = t.told[f.name];
    if (f.alerting == told) continue;
    told = f.alerting;
    if (f.alerting) {
      sl::RaiseAlertT c;
      c.short_burn = rounded(f.short_burn);
      c.long_burn = rounded(f.long_burn);
      c.good = f.good;
      c.bad = f.bad;
      const auto* breaches = t.measured.breaches(f.name);
      if (breaches != nullptr && !breaches->empty()) c.correlation = breaches->back().correlation;
      out.push_back(alert(plant, f.name, c));
    } else {
      sl::ClearAlertT c;
      c.short_burn = rounded(f.short_burn);
      c.long_burn = rounded(f.long_burn);
      out.push_back(alert(plant, f.name, c));
    }
  }
  if (!out.empty()) engine_.submit(std::move(out), std::make_shared<no_reply>());
}

std::filesystem::path reader::file_of(const std::string& plant) const {
  return directory_ / (plant + ".json");
}

void reader::load(const std::string& plant, track& t) const {
  t.loaded = true;
  if (directory_.empty()) return;
  std::ifstream in(file_of(plant));
  if (!in) return;
  std::ostringstream text;
  text << in.rdbuf();
  const auto saved = json_value::parse(text.str());
  if (!saved || saved->text("format") != format || !saved->has("measured")) {
    spdlog::warn("service levels of {}: the saved state cannot be read; measured anew", plant);
    return;
  }
  auto measured = core::load(*saved->find("measured"));
  if (!measured) return;
  t.measured = std::move(*measured);
  t.index = static_cast<std::uint64_t>(saved->find("index") ? saved->find("index")->integer() : 0);
  t.ordinal =
      static_cast<std::uint32_t>(saved->find("ordinal") ? saved->find("ordinal")->integer() : 0);
  if (const auto* told = saved->find("told"))
    for (const auto& m : told->members()) t.told[m.key] = m.value.truth();
}

void reader::save(const std::string& plant, track& t, timestamp now) const {
  if (directory_.empty()) return;
  auto out = json_value::make_object();
  out.set("format", format).set("index", t.index).set("ordinal", t.ordinal);
  auto told = json_value::make_object();
  for (const auto& [name, alerting] : t.told) told.set(name, alerting);
  out.set("told", std::move(told)).set("measured", t.measured.save());
  std::error_code failed;
  std::filesystem::create_directories(directory_, failed);
  const auto file = file_of(plant);
  const auto fresh = std::filesystem::path(file.string() + ".new");
  {
    std::ofstream to(fresh, std::ios::trunc);
    to << out.dump() << '\n';
    if (!to.flush()) {
      spdlog::warn("service levels of {}: {} cannot be written", plant, fresh.string());
      return;
    }
  }
  std::filesystem::rename(fresh, file, failed);
  if (failed) return;
  t.dirty = false;
  t.saved_us = now.micros();
}

void reader::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  for (auto& [plant, t] : tracks_)
    if (t.dirty) save(plant, t, now_);
}

void reader::each(
    std::string_view plant, timestamp now,
    const std::function<void(const std::string&, const std::vector<figures>&, bool)>& f) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, t] : tracks_)
    if (plant.empty() || plant == name) f(name, t.measured.report(now), t.caught_up);
}

std::vector<breach> reader::breaches_of(const std::string& plant, std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto track_of = tracks_.find(plant);
  const auto* found =
      track_of == tracks_.end() ? nullptr : track_of->second.measured.breaches(name);
  return found == nullptr ? std::vector<breach>()
                          : std::vector<breach>(found->begin(), found->end());
}

}  // namespace millrace::slas
