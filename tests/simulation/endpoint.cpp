// Ledger and moods of the simulated outer systems.

#include "tests/simulation/endpoint.hpp"

#include <utility>

namespace millrace::simulation {

outer_systems::outer_systems(world& w, const swarm& faults, findings& found)
    : world_(w), faults_(faults), found_(found) {
  if (faults_.endpoint_down_us > 0) plan_outage();
}

void outer_systems::plan_outage() {
  const auto mean = static_cast<std::uint64_t>(faults_.endpoint_down_us);
  world_.after(static_cast<std::int64_t>(world_.below(2 * mean)), [this] {
    if (healed_) return;
    down_ = !down_;
    plan_outage();
  });
}

void outer_systems::heal() {
  healed_ = true;
  down_ = false;
  poison_.clear();
}

void outer_systems::take(const attempt& a, std::function<void(attempt_result)> answer) {
  using verdict = attempt_result::verdict;
  const auto reply = [&, answer](verdict what, std::string document, std::string detail) {
    attempt_result r;
    r.what = what;
    r.document = std::move(document);
    r.detail = std::move(detail);
    world_.after(static_cast<std::int64_t>(world_.below(20'000)), [answer, r] { answer(r); });
  };
  if (down_) return reply(verdict::retry, {}, "connection refused");
  if (!healed_ && world_.chance(faults_.endpoint_poison)) poison_.insert(a.id);
  if (poison_.contains(a.id)) {
    overtaken_.insert(a.id);
    return reply(verdict::dead, {}, "422 this is not acceptable");
  }
  if (!healed_ && world_.chance(faults_.endpoint_error))
    return reply(verdict::retry, {}, "500 try again");
  act(a);
  if (!healed_ && world_.chance(faults_.endpoint_silent)) {
    world_.after(5'000'000, [answer] {
      attempt_result r;
      r.what = verdict::retry;
      r.detail = "timeout";
      answer(r);
    });
    return;
  }
  reply(verdict::acknowledged, "D-" + a.id, {});
}

void outer_systems::act(const attempt& a) {
  const std::string body(a.body->begin(), a.body->end());
  const auto [at, fresh] = done_.try_emplace(a.id, body);
  if (!fresh) {
    if (at->second != body) found_.add("I2: delivery " + a.id + " came with two different bodies");
    return;
  }
  auto& last = last_[a.plant + "/" + std::to_string(static_cast<int>(a.system)) + "/" + a.key];
  if (a.number < last && !overtaken_.contains(a.id))
    found_.add("I6: delivery " + a.id + " of key " + a.key + " had its effect after number " +
               std::to_string(last));
  last = std::max(last, a.number);
}

}  // namespace millrace::simulation
