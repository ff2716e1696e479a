// Service levels of one plant, measured from its events: a pure state machine over (event, time).
// Memory is bounded: open items, slots of the window and breaches each have a limit. Everything can
// be built again from the journal.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "actors/service_level.hpp"
#include "nodes/json/json_value.hpp"

namespace millrace::slas {

/// What an event says.
class event_fields {
 public:
  virtual ~event_fields() = default;
  /// The scalar at a JSON pointer as text; empty = it is not there.
  [[nodiscard]] virtual std::string text(std::string_view pointer) const = 0;
};

/// An event as far as measuring needs it.
struct observed {
  std::string_view type, id, correlation;
  timestamp stamp;
  const event_fields& data;
};

/// Something that took too long, or still does.
struct breach {
  std::string key, correlation;
  timestamp began;
  std::int64_t took_ms = 0;  // so far, while it is open
  bool open = false;
};

/// Where a service level stands.
struct figures {
  std::string name;
  const millrace::service_level::DefinitionT* definition = nullptr;
  std::uint64_t good = 0, bad = 0;      // within the window
  std::uint64_t open = 0, overdue = 0;  // begun and not ended; of these too late already
  std::uint64_t forgotten = 0;          // begun, and pushed out by the limit of open items
  std::int64_t p50_ms = 0, p95_ms = 0, p99_ms = 0;  // of what has ended, upper bounds within 9 %
  std::int64_t oldest_ms = 0;                       // age of the oldest open item
  double short_burn = 0, long_burn = 0;             // 1 = the budget lasts exactly the window
  bool alerting = false;
};

inline constexpr std::size_t open_max = 10'000;
inline constexpr std::size_t breaches_max = 100;
inline constexpr double alert_burn = 14.4;  // at this rate 2 % of a 30-day budget go in an hour
inline constexpr double clear_burn = 1.0;

class core {
 public:
  /// Measures the defaults.
  core();
  /// Takes a definition in, or takes it anew: what was measured by another one is dropped.
  void define(const std::string& name, const millrace::service_level::DefinitionT& definition);
  void withdraw(const std::string& name);
  /// The types of events that a service level looks at.
  [[nodiscard]] std::set<std::string, std::less<>> types() const;
  void take(const observed& event);
  /// What has become too late by now counts, and alerts follow.
  void advance(timestamp now);
  [[nodiscard]] std::vector<figures> report(timestamp now) const;
  [[nodiscard]] const std::deque<breach>* breaches(std::string_view name) const;

  [[nodiscard]] json_value save() const;
  /// Error: request.invalid. A definition that has changed since is measured anew.
  [[nodiscard]] static result<core> load(const json_value& saved);

 private:
  struct item {
    timestamp began;
    std::string correlation;
    bool overdue = false;
  };
  struct slot {
    std::int64_t number = -1;  // minutes or hours since 1970
    std::uint64_t good = 0, bad = 0;
  };
  struct gauge {
    millrace::service_level::DefinitionT definition;
    std::map<std::string, item> open;
    std::array<slot, 60> minutes;
    std::deque<slot> hours;
    std::map<std::int64_t, std::map<std::uint16_t, std::uint64_t>> latencies;  // by hour
    std::deque<breach> breaches;
    std::uint64_t forgotten = 0;
    bool alerting = false;
  };
  static void begin(gauge& g, std::string key, timestamp at, std::string_view correlation);
  static void end(gauge& g, const std::string& key, timestamp at);
  static void count(gauge& g, timestamp at, bool good);
  static void remember(gauge& g, breach b);
  static double burn(const gauge& g, timestamp now, std::int64_t minutes);
  static json_value saved_gauge(const gauge& g);
  static void load_gauge(gauge& g, const json_value& saved);
  std::map<std::string, gauge, std::less<>> gauges_;
};

/// Buckets of latencies: eight to each power of two of milliseconds.
[[nodiscard]] std::uint16_t bucket_of(std::int64_t ms);
[[nodiscard]] std::int64_t upper_ms(std::uint16_t bucket);

}  // namespace millrace::slas
