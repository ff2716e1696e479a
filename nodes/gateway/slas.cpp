// What the measuring of service levels shows. Every figure comes with how far the reader has come,
// so that an old figure is not taken for a new one.
#include "nodes/gateway/slas.hpp"

#include <cstdio>

#include "nodes/gateway/answers.hpp"
#include "nodes/gateway/json_text.hpp"

namespace millrace::gateway {
namespace {

std::string three_digits(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.3f", value);
  return text;
}

double share(const slas::figures& f) {
  const auto all = f.good + f.bad;
  return all == 0 ? 1.0 : static_cast<double>(f.good) / static_cast<double>(all);
}

void append_breach(const slas::breach& b, std::string& out) {
  json_object o(out);
  auto key = b.key;
  for (auto& letter : key)
    if (letter == '\x1f') letter = '/';
  o.text("key", key).some("correlation", b.correlation).when("began", b.began);
  if (!b.correlation.empty()) o.text("transaction", "/v1/transactions/" + b.correlation);
  o.number("took_ms", static_cast<std::uint64_t>(b.took_ms)).flag("open", b.open);
}

void append_figures(const std::string& plant, const slas::figures& f, bool caught_up,
                    const std::vector<slas::breach>* breaches, std::string& out) {
  const auto& d = *f.definition;
  json_object o(out);
  o.text("plant", plant).text("name", f.name).some("meaning", d.meaning);
  o.text("from", d.from_event).text("to", d.to_event).number("target_ms", d.target_ms);
  o.text("objective_percent", d.objective.to_string()).number("window_h", d.window_h);
  o.number("good", f.good).number("bad", f.bad);
  o.text("compliance_percent", three_digits(100.0 * share(f)));
  o.number("p50_ms", static_cast<std::uint64_t>(f.p50_ms));
  o.number("p95_ms", static_cast<std::uint64_t>(f.p95_ms));
  o.number("p99_ms", static_cast<std::uint64_t>(f.p99_ms));
  o.number("open", f.open).number("overdue", f.overdue).number("forgotten", f.forgotten);
  o.number("oldest_ms", static_cast<std::uint64_t>(f.oldest_ms));
  o.text("burn_5m", three_digits(f.short_burn)).text("burn_1h", three_digits(f.long_burn));
  o.flag("alerting", f.alerting).flag("caught_up", caught_up);
  if (breaches == nullptr) return;
  json_array all(o.key("breaches"));
  for (auto b = breaches->rbegin(); b != breaches->rend(); ++b) append_breach(*b, all.next());
}

}  // namespace

void get_slas(core& g, const call_ptr& c, const slas::reader* measured) {
  const std::string plant(c->target.get("plant"));
  const std::string name(c->target.get("name"));
  if (unknown_plant(g, c, plant)) return;
  if (measured == nullptr) return c->fail({"node.not_ready", "this node measures nothing"});
  const bool with_breaches = !plant.empty() && !name.empty();
  const auto breaches =
      with_breaches ? measured->breaches_of(plant, name) : std::vector<slas::breach>();
  std::string out;
  {
    json_object o(out);
    json_array all(o.key("items"));
    measured->each(plant, wall_clock(), [&](const auto& where, const auto& figures, bool at_head) {
      for (const auto& f : figures)
        if (name.empty() || name == f.name)
          append_figures(where, f, at_head, with_breaches ? &breaches : nullptr, all.next());
    });
  }
  c->json(200, std::move(out));
}

std::string sla_metrics(const slas::reader* measured) {
  if (measured == nullptr) return {};
  struct family {
    const char *name, *help, *type;
    double (*value)(const slas::figures&);
  };
  constexpr family families[] = {
      {"good", "Ended within the target, in the window", "gauge",
       [](const slas::figures& f) { return static_cast<double>(f.good); }},
      {"bad", "Too late, in the window", "gauge",
       [](const slas::figures& f) { return static_cast<double>(f.bad); }},
      {"open", "Begun and not ended", "gauge",
       [](const slas::figures& f) { return static_cast<double>(f.open); }},
      {"overdue", "Not ended and too late already", "gauge",
       [](const slas::figures& f) { return static_cast<double>(f.overdue); }},
      {"compliance_ratio", "Share within the target", "gauge", share},
      {"p50_seconds", "Median of what has ended", "gauge",
       [](const slas::figures& f) { return static_cast<double>(f.p50_ms) / 1000; }},
      {"p95_seconds", "95th percentile of what has ended", "gauge",
       [](const slas::figures& f) { return static_cast<double>(f.p95_ms) / 1000; }},
      {"p99_seconds", "99th percentile of what has ended", "gauge",
       [](const slas::figures& f) { return static_cast<double>(f.p99_ms) / 1000; }},
      {"oldest_seconds", "Age of the oldest that has not ended", "gauge",
       [](const slas::figures& f) { return static_cast<double>(f.oldest_ms) / 1000; }},
      {"burn_1h", "How fast the error budget burns; 1 = it lasts the window", "gauge",
       [](const slas::figures& f) { return f.long_burn; }},
      {"alerting", "1 while an alert is raised", "gauge",
       [](const slas::figures& f) { return f.alerting ? 1.0 : 0.0; }}};
  std::string out;
  const auto now = wall_clock();
  for (const auto& family : families) {
    const auto name = std::string("millrace_sla_") + family.name;
    out += "# HELP " + name + ' ' + family.help + "\n# TYPE " + name + ' ' + family.type + '\n';
    measured->each({}, now, [&](const auto& plant, const auto& figures, bool) {
      for (const auto& f : figures)
        out += name + "{plant=\"" + plant + "\",sla=\"" + f.name + "\"} " +
               three_digits(family.value(f)) + '\n';
    });
  }
  return out;
}

}  // namespace millrace::gateway
