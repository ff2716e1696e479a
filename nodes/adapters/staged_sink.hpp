// The gate of plants that come in: what a plant in shadow files for its systems is transformed and
// acknowledged, not sent; in the pilot only what the stage lets out goes on. Plants without an
// onboarding are not looked at twice.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <set>
#include <string>

#include "cluster/engine.hpp"

namespace millrace {

class staged_sink : public sink {
 public:
  /// Makes the request of an attempt without sending it; its error is the delivery's.
  using transform = std::function<result<void>(const attempt&)>;
  staged_sink(sink& real, transform dry) : real_(real), dry_(std::move(dry)) {}
  /// Where the stages are read; until then attempts are put off. Both outlive this.
  void attach(engine_api& engine) { engine_ = &engine; }
  /// Thread-safe, like the sinks below it.
  void attempt_delivery(attempt a, std::function<void(attempt_result)> cb) override;
  /// Deliveries that were kept back since the start.
  [[nodiscard]] std::uint64_t kept_back() const { return kept_back_; }

 private:
  using done_attempt = std::function<void(attempt_result)>;
  void ask_stage(attempt a, done_attempt cb, bool was_active);
  void keep_back(const attempt& a, const done_attempt& cb);

  sink& real_;
  transform dry_;
  std::atomic<engine_api*> engine_{nullptr};
  std::atomic<std::uint64_t> kept_back_{0};
  std::mutex mutex_;
  /// Plants that were seen active and then without an onboarding: none can begin there any more.
  std::set<std::string, std::less<>> ordinary_;
};

}  // namespace millrace
