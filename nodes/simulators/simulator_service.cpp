// HTTP around a model: switches first, then signature, duplicate, act, answer (or lose the answer).
#include "nodes/simulators/simulator_service.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "nodes/adapters/mapping.hpp"
#include "nodes/adapters/webhook_signature.hpp"
#include "nodes/client/http_client.hpp"
#include "nodes/http/server.hpp"
#include "nodes/simulators/built_in_mapping.hpp"
#include "nodes/simulators/courier.hpp"
#include "nodes/simulators/simulator_model.hpp"
#include "schemas/native.hpp"

namespace millrace::simulator {
namespace {

constexpr std::size_t answers_kept_max = 100'000;
constexpr std::uint32_t act_ms_max = 120'000;

std::int64_t unix_micros() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

http::response to_response(const api_answer& answer) {
  http::response out;
  out.status = answer.status;
  out.set("Content-Type", "application/json");
  out.body = answer.body.dump();
  return out;
}

/// Runs calls later, in the order they are due.
class delayer {
 public:
  delayer() : thread_([this] { run(); }) {}
  ~delayer() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  delayer(const delayer&) = delete;
  delayer& operator=(const delayer&) = delete;
  void after(std::uint32_t ms, std::function<void()> call) {
    {
      const std::lock_guard lock(mutex_);
      due_.emplace(clock::now() + std::chrono::milliseconds(ms), std::move(call));
    }
    changed_.notify_all();
  }

 private:
  using clock = std::chrono::steady_clock;
  void run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      if (due_.empty()) {
        changed_.wait(lock);
      } else if (due_.begin()->first > clock::now()) {
        changed_.wait_until(lock, due_.begin()->first);
      } else {
        auto call = std::move(due_.begin()->second);
        due_.erase(due_.begin());
        lock.unlock();
        call();
        lock.lock();
      }
    }
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<clock::time_point, std::function<void()>> due_;
  bool stopping_ = false;
  std::thread thread_;
};

class front final : public http::handler {
 public:
  front(settings s, std::unique_ptr<model> m, webhook_secrets secrets,
        std::shared_ptr<const mapping> dialect)
      : settings_(std::move(s)),
        model_(std::move(m)),
        secrets_(std::move(secrets)),
        dialect_(std::move(dialect)),
        faults_(settings_.seed),
        courier_(settings_.platform, settings_.token, faults_) {}

  void stop() { courier_.stop(); }

  void handle(std::shared_ptr<http::exchange> e) override {
    const auto& request = e->request();
    const auto path = request.target.substr(0, request.target.find('?'));
    if (path == "/healthz") return e->answer(to_response({}));
    if (path == "/state" && request.method == "GET") return e->answer(to_response({200, state()}));
    if (path == "/faults") return e->answer(switch_faults(request));
    if (faults_.now().down) return e->drop();
    if (faults_.draw_error()) return e->answer(to_response(refused(500, "a fault on purpose")));
    if (request.method != "POST")
      return e->answer(to_response(refused(405, "POST, or GET /state")));
    const bool message = !path.starts_with("/act/") && path != "/run";
    if (message && !secrets_.empty() && !signed_well(request))
      return e->answer(to_response(refused(401, "the signature is not valid")));
    auto body = json_value::parse(request.body.empty() ? "{}" : request.body);
    if (!body) return e->answer(to_response(refused(400, body.error().detail)));
    take(std::move(e), path, *std::move(body), message);
  }

 private:
  json_value state() {
    const std::lock_guard lock(mutex_);
    auto out = model_->state();
    out.set("received", received_).set("replayed", replayed_);
    return out.set("faults", faults_.to_json()).set("reports", courier_.to_json());
  }

  http::response switch_faults(const http::request& request) {
    if (request.method == "DELETE") {
      faults_.clear();
    } else if (request.method == "POST") {
      const auto wanted = json_value::parse(request.body);
      if (!wanted) return to_response(refused(400, wanted.error().detail));
      if (const auto set = faults_.set(*wanted); !set)
        return to_response(refused(422, set.error().detail));
    }
    return to_response({200, faults_.to_json()});
  }

  bool signed_well(const http::request& request) const {
    return secrets_.verify(request.get("webhook-id"), request.get("webhook-timestamp"),
                           request.get("webhook-signature"), request.body,
                           unix_micros() / 1'000'000);
  }

  void take(std::shared_ptr<http::exchange> e, const std::string& path, json_value body,
            bool message) {
    const auto& request = e->request();
    std::string key(request.get("Idempotency-Key"));
    if (key.empty()) key = request.get("webhook-id");
    api_answer answer;
    std::vector<platform_call> calls;
    bool replayed = false;
    {
      const std::lock_guard lock(mutex_);
      ++received_;
      const auto known = key.empty() ? answers_.end() : answers_.find(key);
      if (known != answers_.end()) {
        answer = known->second;
        replayed = true;
        ++replayed_;
      } else {
        answer =
            path == "/inbox" ? inbox(std::move(body), calls) : act(path, std::move(body), calls);
        if (!key.empty() && answer.status < 500) remember(key, answer);
      }
    }
    if (!message && answer.status < 300)
      return report(std::move(e), std::move(answer), std::move(calls));
    if (!calls.empty()) courier_.send(std::move(calls), [](const std::vector<call_outcome>&) {});
    auto response = to_response(answer);
    if (replayed) response.set("Idempotent-Replayed", "true");
    finish(std::move(e), std::move(response));
  }

  void remember(const std::string& key, const api_answer& answer) {
    answers_.emplace(key, answer);
    kept_.push_back(key);
    if (kept_.size() > answers_kept_max) {
      answers_.erase(kept_.front());
      kept_.pop_front();
    }
  }

  // A canonical message: translated by the system's own mapping, then as if it had come to its API.
  api_answer inbox(json_value envelope, std::vector<platform_call>& calls) {
    const auto request = dialect_->apply(envelope);
    if (!request) return refused(422, request.error().detail);
    auto body = json_value::parse(request->body);
    if (!body) return refused(422, body.error().detail);
    auto answer = act(request->path, *std::move(body), calls);
    if (const auto* number = answer.body.at(request->document_pointer); number != nullptr) {
      const json_value document = *number;
      answer.body.set("document", document);
    }
    return answer;
  }

  api_answer act(const std::string& path, json_value body, std::vector<platform_call>& calls) {
    api_call call{"POST", {}, std::move(body), timestamp::from_micros(unix_micros()).to_string()};
    for (std::size_t at = 1; at <= path.size();) {
      const auto slash = std::min(path.find('/', at), path.size());
      call.path.push_back(percent_decode(std::string_view(path).substr(at, slash - at)));
      at = slash + 1;
    }
    return model_->handle(call, calls);
  }

  // Orders given to the simulated system are answered when the platform has answered all that
  // follows from them.
  void report(std::shared_ptr<http::exchange> e, api_answer answer,
              std::vector<platform_call> calls) {
    if (calls.empty()) return finish(std::move(e), to_response(answer));
    courier_.send(std::move(calls), [this, e = std::move(e), answer = std::move(answer)](
                                        std::vector<call_outcome> outcomes) mutable {
      auto list = json_value::make_array();
      bool good = true;
      for (const auto& outcome : outcomes) {
        good = good && outcome.status >= 200 && outcome.status < 300;
        auto entry = outcome.to_json();
        list.push(entry.set("answer", outcome.answer));
      }
      answer.status = good ? 200 : 422;
      answer.body.set("platform", std::move(list));
      finish(std::move(e), to_response(answer));
    });
  }

  void finish(std::shared_ptr<http::exchange> e, http::response response) {
    if (faults_.draw_lost_answer()) return e->drop();
    const auto slow_ms = faults_.now().slow_ms;
    if (slow_ms == 0) return e->answer(std::move(response));
    delayer_.after(slow_ms, [e = std::move(e), response = std::move(response)]() mutable {
      e->answer(std::move(response));
    });
  }

  const settings settings_;
  std::mutex mutex_;  // guards the model and the answers
  std::unique_ptr<model> model_;
  std::unordered_map<std::string, api_answer> answers_;
  std::deque<std::string> kept_;
  std::uint64_t received_ = 0, replayed_ = 0;
  const webhook_secrets secrets_;
  const std::shared_ptr<const mapping> dialect_;
  faults faults_;
  delayer delayer_;
  courier courier_;
};

class running_service final : public service {
 public:
  running_service(std::shared_ptr<front> f, std::unique_ptr<http::server> s)
      : front_(std::move(f)), server_(std::move(s)) {}
  ~running_service() override { stop(); }
  std::uint16_t port() const override { return server_->port(); }
  void stop() override {
    front_->stop();
    server_->stop();
  }

 private:
  std::shared_ptr<front> front_;
  std::unique_ptr<http::server> server_;
};

}  // namespace

result<std::unique_ptr<service>> service::start(settings s) {
  std::unique_ptr<model> m;
  if (s.system == "erp") m = make_erp(s.plant);
  if (s.system == "mes") m = make_mes(s.plant, s.automatic);
  if (s.system == "qms") m = make_qms(s.plant);
  if (!m)
    return error{"config.invalid", "there is no simulator \"" + s.system + "\": erp, mes or qms"};
  auto secrets = webhook_secrets::parse(s.secrets);
  if (!secrets) return std::move(secrets).error();
  auto dialect = mapping::load(built_in_mapping(s.system));
  if (!dialect) return std::move(dialect).error();
  while (s.platform.ends_with('/')) s.platform.pop_back();
  if (s.token.empty()) s.token = "dev-" + s.system;
  http::server_options options;
  options.host = s.host;
  options.port = s.port;
  options.bounds.handling_ms_max = act_ms_max;
  auto shell =
      std::make_shared<front>(std::move(s), std::move(m), *std::move(secrets), *std::move(dialect));
  auto server = http::server::start(std::move(options), shell);
  if (!server) return std::move(server).error();
  return std::unique_ptr<service>(
      std::make_unique<running_service>(std::move(shell), *std::move(server)));
}

}  // namespace millrace::simulator
