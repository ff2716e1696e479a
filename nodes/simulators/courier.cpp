// One thread, one connection; retries with a growing pause until a final answer.
#include "nodes/simulators/courier.hpp"

#include <algorithm>
#include <chrono>

namespace millrace::simulator {
namespace {

constexpr std::uint32_t pause_ms_first = 20;
constexpr std::uint32_t pause_ms_max = 500;
constexpr std::size_t answered_kept_max = 200;

bool is_final(long status) {
  return status != 0 && status != 408 && status != 425 && status != 429 && status < 500;
}

}  // namespace

json_value call_outcome::to_json() const {
  auto out = json_value::make_object({{"plant", call.plant},
                                      {"path", call.path},
                                      {"key", call.key},
                                      {"status", static_cast<std::int64_t>(status)},
                                      {"attempts", attempts}});
  if (!code.empty()) out.set("code", code);
  return out.set("ms", static_cast<std::int64_t>(seconds * 1000));
}

courier::courier(std::string url, std::string token, faults& switches)
    : url_(std::move(url)),
      token_(std::move(token)),
      faults_(switches),
      thread_([this] { run(); }) {}

courier::~courier() { stop(); }

void courier::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void courier::send(std::vector<platform_call> calls,
                   std::function<void(std::vector<call_outcome>)> done) {
  const auto settings = faults_.now();
  if (settings.reorder) std::reverse(calls.begin(), calls.end());
  if (settings.duplicate) {
    std::vector<platform_call> twice;
    for (auto& call : calls) {
      twice.push_back(call);
      twice.push_back(std::move(call));
    }
    calls = std::move(twice);
  }
  {
    const std::lock_guard lock(mutex_);
    waiting_ += calls.size();
    jobs_.push_back({std::move(calls), std::move(done)});
  }
  changed_.notify_all();
}

json_value courier::to_json() const {
  const std::lock_guard lock(mutex_);
  auto list = json_value::make_array();
  for (const auto& entry : answered_) list.push(entry);
  return json_value::make_object({{"platform", url_},
                                  {"waiting", static_cast<std::int64_t>(waiting_)},
                                  {"answered", std::move(list)}});
}

void courier::run() {
  for (;;) {
    job next;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      next = std::move(jobs_.front());
      jobs_.pop_front();
    }
    std::vector<call_outcome> outcomes;
    for (const auto& call : next.calls) {
      outcomes.push_back(carry(call));
      const std::lock_guard lock(mutex_);
      --waiting_;
      answered_.push_back(outcomes.back().to_json());
      if (answered_.size() > answered_kept_max) answered_.pop_front();
    }
    next.done(std::move(outcomes));
  }
}

call_outcome courier::carry(const platform_call& call) {
  call_outcome out;
  out.call = call;
  if (url_.empty()) {
    out.code = "simulator.no_platform";
    return out;
  }
  http_client client;
  http_request request{"POST",
                       url_ + "/v1/plants/" + percent_encode(call.plant) + '/' + call.path,
                       {{"Content-Type", "application/json"},
                        {"Authorization", "Bearer " + token_},
                        {"Idempotency-Key", call.key}},
                       call.body.dump(),
                       15'000};
  for (std::uint32_t wait_ms = pause_ms_first;; wait_ms = std::min(wait_ms * 2, pause_ms_max)) {
    ++out.attempts;
    const auto answer = client.send(request);
    if (answer) {
      out.status = answer->status;
      out.seconds = answer->seconds;
      const auto parsed = json_value::parse(answer->body);
      out.answer = parsed ? *parsed : json_value();
      out.code = out.answer.text("code");
      // A duplicate that is in flight has its answer soon.
      if (is_final(out.status) && out.code != "request.in_flight") return out;
    }
    if (!pause(wait_ms)) {
      out.status = 0;
      return out;
    }
  }
}

bool courier::pause(std::uint32_t ms) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, std::chrono::milliseconds(ms), [this] { return stopping_; });
}

}  // namespace millrace::simulator
