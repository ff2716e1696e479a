// How events become latencies, latencies become figures, and figures alerts.
#include "nodes/slas/sla_core.hpp"

#include <algorithm>
#include <bit>

namespace millrace::slas {
namespace {

constexpr std::int64_t minute_us = 60'000'000;
constexpr std::int64_t hour_us = 60 * minute_us;
constexpr std::int64_t short_minutes = 5, long_minutes = 60;

/// The key of an event: "id", "correlation" or pointers, joined by '+'. Empty = it has none.
std::string key_of(const observed& e, std::string_view spec) {
  std::string out;
  while (true) {
    const auto plus = spec.find('+');
    const auto part = spec.substr(0, plus);
    std::string piece;
    if (part == "id")
      piece = e.id;
    else if (part == "correlation")
      piece = e.correlation;
    else
      piece = e.data.text(part);
    if (piece.empty()) return {};
    out += (out.empty() ? "" : "\x1f") + piece;
    if (plus == std::string_view::npos) return out;
    spec.remove_prefix(plus + 1);
  }
}

/// "/pointer=value|value"; an empty spec matches everything.
bool matches(const observed& e, std::string_view spec) {
  if (spec.empty()) return true;
  const auto equals = spec.find('=');
  const auto value = e.data.text(spec.substr(0, equals));
  auto wanted = spec.substr(equals + 1);
  while (true) {
    const auto bar = wanted.find('|');
    if (wanted.substr(0, bar) == value) return true;
    if (bar == std::string_view::npos) return false;
    wanted.remove_prefix(bar + 1);
  }
}

timestamp time_of(const observed& e, std::string_view pointer) {
  if (pointer.empty()) return e.stamp;
  const auto parsed = timestamp::parse(e.data.text(pointer));
  return parsed ? *parsed : e.stamp;
}

std::int64_t ms_between(timestamp from, timestamp to) {
  return std::max<std::int64_t>(0, (to.micros() - from.micros()) / 1000);
}

std::int64_t quantile(const std::map<std::uint16_t, std::uint64_t>& all, std::uint64_t count,
                      double q) {
  const auto wanted = static_cast<std::uint64_t>(q * static_cast<double>(count) + 0.999999);
  std::uint64_t seen = 0;
  for (const auto& [bucket, n] : all)
    if ((seen += n) >= wanted) return upper_ms(bucket);
  return 0;
}

}  // namespace

std::uint16_t bucket_of(std::int64_t ms) {
  const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(0, ms));
  if (value < 8) return static_cast<std::uint16_t>(value);
  const auto power = static_cast<unsigned>(std::bit_width(value)) - 4;  // keeps three bits below
  return static_cast<std::uint16_t>(power * 8 + (value >> power));
}

std::int64_t upper_ms(std::uint16_t bucket) {
  if (bucket < 16) return bucket;
  const auto power = bucket / 8u - 1;
  const auto top = static_cast<std::uint64_t>(bucket) - power * 8;
  return static_cast<std::int64_t>(((top + 1) << power) - 1);
}

core::core() {
  for (const auto& one : actors::default_service_levels()) define(one.name, one.definition);
}

void core::define(const std::string& name, const millrace::service_level::DefinitionT& definition) {
  auto& g = gauges_[name];
  g = gauge();
  g.definition = definition;
}

void core::withdraw(const std::string& name) { gauges_.erase(name); }

std::set<std::string, std::less<>> core::types() const {
  std::set<std::string, std::less<>> out;
  for (const auto& [name, g] : gauges_) {
    out.insert(g.definition.from_event);
    out.insert(g.definition.to_event);
  }
  return out;
}

void core::take(const observed& e) {
  for (auto& [name, g] : gauges_) {
    const auto& d = g.definition;
    if (e.type == d.from_event && matches(e, d.from_match))
      begin(g, key_of(e, d.from_key), time_of(e, d.from_time), e.correlation);
    if (e.type == d.to_event && matches(e, d.to_match)) end(g, key_of(e, d.to_key), e.stamp);
  }
}

void core::begin(gauge& g, std::string key, timestamp at, std::string_view correlation) {
  if (key.empty()) return;
  if (g.open.size() >= open_max && !g.open.contains(key)) {
    const auto oldest =
        std::ranges::min_element(g.open, {}, [](const auto& one) { return one.second.began; });
    g.open.erase(oldest);
    ++g.forgotten;
  }
  g.open.try_emplace(std::move(key), item{at, std::string(correlation), false});
}

void core::end(gauge& g, const std::string& key, timestamp at) {
  const auto found = g.open.find(key);
  if (found == g.open.end()) return;
  const auto ms = ms_between(found->second.began, at);
  const auto target = static_cast<std::int64_t>(g.definition.target_ms);
  ++g.latencies[at.micros() / hour_us][bucket_of(ms)];
  if (found->second.overdue) {  // counted when its time was up
    for (auto& b : g.breaches)
      if (b.open && b.key == key) b.open = false, b.took_ms = ms;
  } else {
    count(g, at, ms <= target);
    if (ms > target) remember(g, {key, found->second.correlation, found->second.began, ms, false});
  }
  g.open.erase(found);
}

void core::count(gauge& g, timestamp at, bool good) {
  const auto add = [&](slot& s, std::int64_t number) {
    if (s.number != number) s = {number, 0, 0};
    ++(good ? s.good : s.bad);
  };
  const auto minute = at.micros() / minute_us;
  auto& of_minute = g.minutes[static_cast<std::size_t>(minute % 60)];
  if (of_minute.number <= minute) add(of_minute, minute);
  const auto hour = at.micros() / hour_us;
  if (g.hours.empty() || g.hours.back().number < hour) g.hours.push_back({hour, 0, 0});
  const auto slot_of =
      std::ranges::find_if(g.hours, [&](const auto& s) { return s.number == hour; });
  if (slot_of != g.hours.end()) add(*slot_of, hour);
  const auto first = g.hours.back().number - static_cast<std::int64_t>(g.definition.window_h) + 1;
  while (g.hours.front().number < first) g.hours.pop_front();
  g.latencies.erase(g.latencies.begin(), g.latencies.lower_bound(first));
}

void core::remember(gauge& g, breach b) {
  g.breaches.push_back(std::move(b));
  if (g.breaches.size() > breaches_max) g.breaches.pop_front();
}

double core::burn(const gauge& g, timestamp now, std::int64_t minutes) {
  const auto last = now.micros() / minute_us;
  double good = 0;
  double bad = 0;
  for (const auto& s : g.minutes) {
    if (s.number <= last - minutes || s.number > last) continue;
    good += static_cast<double>(s.good);
    bad += static_cast<double>(s.bad);
  }
  if (bad == 0) return 0;
  const double budget =
      1.0 - static_cast<double>(g.definition.objective.micros()) / 100.0 / decimal::scale;
  return bad / (good + bad) / budget;
}

void core::advance(timestamp now) {
  for (auto& [name, g] : gauges_) {
    const auto target = static_cast<std::int64_t>(g.definition.target_ms);
    for (auto& [key, one] : g.open) {
      if (one.overdue || ms_between(one.began, now) <= target) continue;
      one.overdue = true;
      count(g, now, false);
      remember(g, {key, one.correlation, one.began, ms_between(one.began, now), true});
    }
    const auto soon = burn(g, now, short_minutes);
    const auto lasting = burn(g, now, long_minutes);
    if (!g.alerting && soon >= alert_burn && lasting >= alert_burn) g.alerting = true;
    if (g.alerting && soon < clear_burn) g.alerting = false;
  }
}

std::vector<figures> core::report(timestamp now) const {
  std::vector<figures> out;
  for (const auto& [name, g] : gauges_) {
    auto& f = out.emplace_back();
    f.name = name;
    f.definition = &g.definition;
    const auto first =
        now.micros() / hour_us - static_cast<std::int64_t>(g.definition.window_h) + 1;
    for (const auto& s : g.hours) {
      if (s.number < first) continue;
      f.good += s.good;
      f.bad += s.bad;
    }
    std::map<std::uint16_t, std::uint64_t> all;
    std::uint64_t ended = 0;
    for (auto at = g.latencies.lower_bound(first); at != g.latencies.end(); ++at)
      for (const auto& [bucket, n] : at->second) all[bucket] += n, ended += n;
    f.p50_ms = quantile(all, ended, 0.50);
    f.p95_ms = quantile(all, ended, 0.95);
    f.p99_ms = quantile(all, ended, 0.99);
    f.open = g.open.size();
    f.forgotten = g.forgotten;
    for (const auto& [key, one] : g.open) {
      const auto age = ms_between(one.began, now);
      f.oldest_ms = std::max(f.oldest_ms, age);
      if (age > static_cast<std::int64_t>(g.definition.target_ms)) ++f.overdue;
    }
    f.short_burn = burn(g, now, short_minutes);
    f.long_burn = burn(g, now, long_minutes);
    f.alerting = g.alerting;
  }
  return out;
}

const std::deque<breach>* core::breaches(std::string_view name) const {
  const auto found = gauges_.find(name);
  return found == gauges_.end() ? nullptr : &found->second.breaches;
}

}  // namespace millrace::slas
