// Tells ThreadSanitizer of an order that it cannot see. CAF runs an actor on one worker at a time,
// but hands it from worker to worker inside a library that is not instrumented. Nothing in other
// builds.
#pragma once

#if defined(__SANITIZE_THREAD__)
extern "C" {
void __tsan_acquire(void* address);
void __tsan_release(void* address);
}
#endif

namespace millrace {

/// Held for as long as one worker runs the actor: what it did comes before what the next one does.
class hand_over {
 public:
  explicit hand_over([[maybe_unused]] void* actor) : actor_(actor) {
#if defined(__SANITIZE_THREAD__)
    __tsan_acquire(actor_);
#endif
  }
  ~hand_over() {
#if defined(__SANITIZE_THREAD__)
    __tsan_release(actor_);
#endif
  }
  hand_over(const hand_over&) = delete;
  hand_over& operator=(const hand_over&) = delete;

 private:
  [[maybe_unused]] void* actor_;
};

}  // namespace millrace
