// The measured state as JSON, so that a restart goes on where it was. Losing it costs a replay of
// the journal, nothing else.
#include "nodes/slas/sla_core.hpp"

namespace millrace::slas {
namespace {

/// A definition as one text: what was measured under another one does not count.
std::string print_of(const millrace::service_level::DefinitionT& d) {
  std::string out;
  for (const auto* part : {&d.from_event, &d.from_key, &d.from_match, &d.from_time, &d.to_event,
                           &d.to_key, &d.to_match})
    out += *part + '\n';
  return out + std::to_string(d.target_ms) + '\n' + d.objective.to_string() + '\n' +
         std::to_string(d.window_h);
}

json_value definition_to(const millrace::service_level::DefinitionT& d) {
  auto out = json_value::make_object();
  out.set("meaning", d.meaning).set("from_event", d.from_event).set("from_key", d.from_key);
  out.set("from_match", d.from_match).set("from_time", d.from_time).set("to_event", d.to_event);
  out.set("to_key", d.to_key).set("to_match", d.to_match).set("target_ms", d.target_ms);
  out.set("objective", d.objective.to_string()).set("window_h", d.window_h);
  return out;
}

millrace::service_level::DefinitionT definition_from(const json_value& v) {
  millrace::service_level::DefinitionT d;
  d.meaning = v.text("meaning");
  d.from_event = v.text("from_event");
  d.from_key = v.text("from_key");
  d.from_match = v.text("from_match");
  d.from_time = v.text("from_time");
  d.to_event = v.text("to_event");
  d.to_key = v.text("to_key");
  d.to_match = v.text("to_match");
  const auto* target = v.find("target_ms");
  d.target_ms = target ? static_cast<std::uint64_t>(target->integer()) : 0;
  if (const auto parsed = decimal::parse(v.text("objective"))) d.objective = *parsed;
  const auto* window = v.find("window_h");
  d.window_h = window ? static_cast<std::uint32_t>(window->integer()) : 0;
  return d;
}

std::int64_t number(const json_value& v, std::size_t at) {
  return at < v.items().size() ? v.items()[at].integer() : 0;
}
std::string word(const json_value& v, std::size_t at) {
  return at < v.items().size() ? v.items()[at].text() : std::string();
}

}  // namespace

json_value core::saved_gauge(const gauge& g) {
  auto out = json_value::make_object();
  out.set("definition", definition_to(g.definition));
  auto open = json_value::make_array();
  for (const auto& [key, one] : g.open)
    open.push(
        json_value::make_array({key, one.began.micros(), one.correlation, one.overdue ? 1 : 0}));
  auto minutes = json_value::make_array();
  for (const auto& s : g.minutes)
    if (s.number >= 0) minutes.push(json_value::make_array({s.number, s.good, s.bad}));
  auto hours = json_value::make_array();
  for (const auto& s : g.hours) hours.push(json_value::make_array({s.number, s.good, s.bad}));
  auto latencies = json_value::make_array();
  for (const auto& [hour, all] : g.latencies)
    for (const auto& [bucket, n] : all)
      latencies.push(json_value::make_array({hour, static_cast<std::int64_t>(bucket), n}));
  auto breaches = json_value::make_array();
  for (const auto& b : g.breaches)
    breaches.push(json_value::make_array(
        {b.key, b.correlation, b.began.micros(), b.took_ms, b.open ? 1 : 0}));
  out.set("open", std::move(open)).set("minutes", std::move(minutes));
  out.set("hours", std::move(hours)).set("latencies", std::move(latencies));
  out.set("breaches", std::move(breaches)).set("forgotten", g.forgotten);
  out.set("alerting", g.alerting);
  return out;
}

void core::load_gauge(gauge& g, const json_value& saved) {
  const auto list = [&](const char* name) -> const json_value::array& {
    static const json_value::array none;
    const auto* found = saved.find(name);
    return found ? found->items() : none;
  };
  for (const auto& v : list("open"))
    g.open[word(v, 0)] = {timestamp::from_micros(number(v, 1)), word(v, 2), number(v, 3) != 0};
  const auto slot_from = [](const json_value& v) {
    return slot{number(v, 0), static_cast<std::uint64_t>(number(v, 1)),
                static_cast<std::uint64_t>(number(v, 2))};
  };
  for (const auto& v : list("minutes"))
    if (number(v, 0) >= 0) g.minutes[static_cast<std::size_t>(number(v, 0) % 60)] = slot_from(v);
  for (const auto& v : list("hours")) g.hours.push_back(slot_from(v));
  for (const auto& v : list("latencies"))
    g.latencies[number(v, 0)][static_cast<std::uint16_t>(number(v, 1))] =
        static_cast<std::uint64_t>(number(v, 2));
  for (const auto& v : list("breaches"))
    g.breaches.push_back({word(v, 0), word(v, 1), timestamp::from_micros(number(v, 2)),
                          number(v, 3), number(v, 4) != 0});
  if (const auto* n = saved.find("forgotten"))
    g.forgotten = static_cast<std::uint64_t>(n->integer());
  if (const auto* alerting = saved.find("alerting")) g.alerting = alerting->truth();
}

json_value core::save() const {
  auto out = json_value::make_object();
  for (const auto& [name, g] : gauges_) out.set(name, saved_gauge(g));
  return out;
}

result<core> core::load(const json_value& saved) {
  if (!saved.is_object()) return error{"request.invalid", "no measured state"};
  core out;
  const auto defaults = std::move(out.gauges_);
  out.gauges_.clear();
  for (const auto& m : saved.members()) {
    const auto* definition = m.value.find("definition");
    if (definition == nullptr || !definition->is_object())
      return error{"request.invalid", m.key + " has no definition"};
    out.define(m.key, definition_from(*definition));
    load_gauge(out.gauges_[m.key], m.value);
  }
  // A default that this version of the program has and the saved state has not, or measured
  // otherwise under the same words, begins anew.
  for (const auto& [name, g] : defaults) {
    const auto found = out.gauges_.find(name);
    const bool changed = found != out.gauges_.end() &&
                         found->second.definition.meaning == g.definition.meaning &&
                         print_of(found->second.definition) != print_of(g.definition);
    if (changed) out.define(name, g.definition);
  }
  return out;
}

}  // namespace millrace::slas
