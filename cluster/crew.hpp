// The entities of one plant that have mail, run by the thread that runs their plant, right after
// its turn. Through the scheduler each order would be a hand-over between threads, in both
// directions; that costs more than most orders, and nothing is won by it while a machine has fewer
// cores than plants.
#pragma once

#include <cstddef>
#include <limits>
#include <vector>

#include <caf/execution_unit.hpp>
#include <caf/intrusive_ptr.hpp>
#include <caf/resumable.hpp>

namespace millrace {

/// Collects who was made ready by mail that was enqueued with it. Used by one thread at a time.
class crew final : public caf::execution_unit {
 public:
  explicit crew(caf::actor_system& system) : caf::execution_unit(&system) {}
  crew(const crew&) = delete;
  crew& operator=(const crew&) = delete;
  ~crew() override {
    for (auto* job : ready_) caf::intrusive_ptr_release(job);
  }

  /// Takes over one reference, as every execution unit does.
  void exec_later(caf::resumable* job) override { ready_.push_back(job); }

  /// Runs all that are ready until they have no mail left. `on` is the unit that the calling actor
  /// runs on.
  void work(caf::execution_unit& on) {
    for (std::size_t i = 0; i < ready_.size(); ++i) {
      auto* job = ready_[i];
      switch (job->resume(&on, std::numeric_limits<std::size_t>::max())) {
        case caf::resumable::resume_later:
          ready_.push_back(job);
          break;
        case caf::resumable::awaiting_message:
        case caf::resumable::done:
        case caf::resumable::shutdown_execution_unit:
          caf::intrusive_ptr_release(job);
          break;
      }
    }
    ready_.clear();
  }

 private:
  std::vector<caf::resumable*> ready_;
};

}  // namespace millrace
