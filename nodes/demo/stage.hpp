// What the story is told with: steps and expectations on the demo's world, each printed as it
// happens. After the first failure, or an interruption, everything that is left becomes a no-op.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "nodes/demo/story.hpp"
#include "schemas/native.hpp"

namespace millrace::demo {

using clock = std::chrono::steady_clock;
using json = json_value;

inline constexpr auto patience = std::chrono::seconds(30);
inline const std::string plant = "/v1/plants/hamburg";

inline double ms_since(clock::time_point begun) {
  return std::chrono::duration<double, std::milli>(clock::now() - begun).count();
}

/// Text at a pointer, empty when there is nothing.
inline std::string text_at(const json& value, std::string_view pointer) {
  const auto* found = value.at(pointer);
  return found != nullptr ? found->text() : std::string();
}

/// Milliseconds between two times of a state; below zero when one is missing.
inline double ms_between(const json& value, std::string_view from, std::string_view to) {
  const auto a = timestamp::parse(text_at(value, from));
  const auto b = timestamp::parse(text_at(value, to));
  return a && b ? static_cast<double>(b->micros() - a->micros()) / 1000 : -1;
}

/// Steps and expectations on a world. After the first failure everything else is left out.
class stage {
 public:
  stage(world& w, timeline& t) : w_(w), t_(t) {}
  [[nodiscard]] bool fine() const { return t_.failed() == 0 && !interrupted(); }
  void chapter(std::string_view text) {
    if (fine()) t_.chapter(text);
  }
  void note(std::string_view text) {
    if (fine()) t_.note(text);
  }
  void figure(std::string_view name, std::string_view key, double ms) {
    if (fine()) t_.figure(name, key, ms);
  }
  void expect(std::string_view what, bool held, std::string_view found = {}) {
    if (fine()) t_.expectation(what, held, found);
  }

  /// A command to the platform that must be accepted.
  reply command(const std::string& system, const std::string& path, const std::string& body,
                std::string_view what) {
    if (!fine()) return {};
    auto r = w_.platform("POST", plant + path, system, body);
    t_.step(system, what, r.ms);
    if (!r.good()) expect(std::string(what) + " is accepted", false, r.in_short());
    return r;
  }
  /// A command that must be refused with this status and code.
  reply refused(const std::string& system, const std::string& path, const std::string& body,
                std::string_view what, long status, std::string_view code) {
    if (!fine()) return {};
    auto r = w_.platform("POST", plant + path, system, body);
    t_.step(system, what, r.ms);
    expect("refused with " + std::to_string(status) + ' ' + std::string(code),
           r.status == status && r.body.text("code") == code, r.in_short());
    return r;
  }
  /// Something that a simulated system does, and reports to the platform, which must accept it.
  reply act(const std::string& system, const std::string& path, const std::string& body,
            std::string_view what) {
    if (!fine()) return {};
    auto r = w_.simulator(system, "POST", path, body);
    t_.step(system, what, r.ms);
    if (!r.good()) expect(std::string(what) + " succeeds", false, r.in_short());
    return r;
  }
  json state(const std::string& path) { return fine() ? w_.get(plant + path).body : json(); }
  json system(const std::string& name) { return fine() ? w_.simulator_state(name) : json(); }

  /// Waits until `holds` says true; milliseconds from `begun`.
  double eventually(std::string_view what, clock::time_point begun,
                    const std::function<bool(std::string&)>& holds) {
    std::string found;
    bool held = false;
    const auto end = clock::now() + patience;
    while (fine() && !(held = holds(found)) && clock::now() < end)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const double ms = ms_since(begun);
    expect(what, held, found);
    return ms;
  }
  double eventually(std::string_view what, const std::function<bool(std::string&)>& holds) {
    return eventually(what, clock::now(), holds);
  }

  [[nodiscard]] world& on() { return w_; }
  void step(std::string_view who, std::string_view what, double ms = -1) {
    if (fine()) t_.step(who, what, ms);
  }

 private:
  world& w_;
  timeline& t_;
};

}  // namespace millrace::demo
