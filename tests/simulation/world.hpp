// The simulated world: one seeded generator, one queue of events ordered by (virtual time,
// sequence). No threads. Everything random in a run is drawn here, so that a seed replays the run
// exactly.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/native.hpp"

namespace millrace::simulation {

using event = std::function<void()>;

class world {
 public:
  explicit world(std::uint64_t seed);

  /// Virtual time in microseconds since the run began, and as business time.
  [[nodiscard]] std::int64_t us() const { return now_us_; }
  [[nodiscard]] std::uint64_t ms() const { return static_cast<std::uint64_t>(now_us_ / 1000); }
  [[nodiscard]] timestamp now() const;

  /// Uniform 64 bits; uniform below n (n > 0); true with that probability.
  std::uint64_t random();
  std::uint64_t below(std::uint64_t n);
  bool chance(double probability);

  void after(std::int64_t us, event what);
  /// A hop between two parties: a random delay up to `us_max`, in order on its link only.
  void hop(const std::string& link, std::int64_t us_max, event what);

  /// Runs the next event; false when there is none.
  bool step();
  /// Runs all events up to that virtual time.
  void run_until(std::int64_t us);
  [[nodiscard]] std::uint64_t steps() const { return steps_; }

  /// For reading a failing seed: from now on what is said is printed with the virtual time.
  void trace() { tracing_ = true; }
  template <class... Parts>
  void say(const Parts&... parts) const {
    if (tracing_) print((std::string() + ... + text(parts)));
  }

 private:
  static std::string text(std::string_view s) { return std::string(s) + ' '; }
  static std::string text(std::uint64_t n) { return std::to_string(n) + ' '; }
  void print(const std::string& line) const;

  struct planned {
    std::int64_t us;
    std::uint64_t number;
    event what;
    bool operator>(const planned& other) const {
      return us != other.us ? us > other.us : number > other.number;
    }
  };
  std::int64_t now_us_ = 0;
  std::uint64_t state_;
  std::uint64_t planned_ = 0;
  std::uint64_t steps_ = 0;
  bool tracing_ = false;
  std::priority_queue<planned, std::vector<planned>, std::greater<>> queue_;
  std::map<std::string, std::int64_t> link_us_;  // when the last hop on the link arrives
};

}  // namespace millrace::simulation
