// A queue of inputs for one single-threaded consumer: any thread pushes without a lock, the
// consumer takes all at once. Who pushes onto an empty queue wakes the consumer, so that a burst of
// inputs costs one wake-up.
#pragma once

#include <atomic>
#include <memory>
#include <type_traits>
#include <utility>

namespace millrace {

template <class Context>
class task_inbox {
 public:
  /// One input. What it holds may be move-only.
  struct task {
    virtual ~task() = default;
    virtual void run(Context& context) = 0;
    std::unique_ptr<task> next;
  };

  template <class F>
  [[nodiscard]] static std::unique_ptr<task> make(F f) {
    struct holder final : task {
      explicit holder(F&& fn) : f(std::move(fn)) {}
      void run(Context& context) override { f(context); }
      F f;
    };
    return std::make_unique<holder>(std::move(f));
  }

  task_inbox() = default;
  task_inbox(const task_inbox&) = delete;
  task_inbox& operator=(const task_inbox&) = delete;
  ~task_inbox() {
    for (auto left = take(); left;) left = std::move(left->next);
  }

  /// True: the queue was empty, wake the consumer. Tasks of one thread keep their order.
  [[nodiscard]] bool push(std::unique_ptr<task> t) {
    auto* raw = t.release();
    auto* head = head_.load(std::memory_order_relaxed);
    do {
      raw->next.release();
      raw->next.reset(head);
    } while (!head_.compare_exchange_weak(head, raw, std::memory_order_release,
                                          std::memory_order_relaxed));
    return head == nullptr;
  }

  [[nodiscard]] bool empty() const { return head_.load(std::memory_order_acquire) == nullptr; }

  /// All that was pushed, oldest first, as a chain. One thread at a time.
  [[nodiscard]] std::unique_ptr<task> take() {
    std::unique_ptr<task> newest(head_.exchange(nullptr, std::memory_order_acquire));
    std::unique_ptr<task> oldest;
    while (newest) {
      auto rest = std::move(newest->next);
      newest->next = std::move(oldest);
      oldest = std::move(newest);
      newest = std::move(rest);
    }
    return oldest;
  }

 private:
  std::atomic<task*> head_{nullptr};
};

}  // namespace millrace
