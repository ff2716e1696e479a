// Gathers the commands of one turn into one batch.
// One hand-over to the engine and one back per batch, instead of two per command.
#include "nodes/gateway/batcher.hpp"

namespace millrace::gateway {
namespace {

/// Finds each reply's continuation by its tag, the place in the batch.
class batch_sink final : public reply_sink, public std::enable_shared_from_this<batch_sink> {
 public:
  batch_sink(std::vector<on_reply> backs, std::shared_ptr<http::exchange> home)
      : backs_(std::move(backs)), home_(std::move(home)) {}
  void on_replies(std::vector<reply> replies) override {
    home_->post([self = shared_from_this(),
                 all = std::make_shared<std::vector<reply>>(std::move(replies))] {
      for (auto& r : *all) {
        if (r.tag >= self->backs_.size()) continue;
        if (auto back = std::exchange(self->backs_[r.tag], nullptr)) back(std::move(r));
      }
    });
  }

 private:
  std::vector<on_reply> backs_;  // touched on the home thread only
  std::shared_ptr<http::exchange> home_;
};

}  // namespace

void batcher::push(http::exchange& e, request r, on_reply back,
                   const std::shared_ptr<http::exchange>& keep) {
  const auto thread = e.thread() % pending_.size();
  auto& b = pending_[thread];
  r.tag = b.requests.size();
  b.requests.push_back(std::move(r));
  b.backs.push_back(std::move(back));
  if (b.requests.size() > 1) return;
  b.home = keep;
  e.post([this, thread] { flush(thread); });
}

void batcher::flush(std::size_t thread) {
  auto b = std::exchange(pending_[thread], batch{});
  if (b.requests.empty()) return;
  engine_.submit(std::move(b.requests),
                 std::make_shared<batch_sink>(std::move(b.backs), std::move(b.home)));
}

}  // namespace millrace::gateway
