// Carries a simulated system's commands to the platform, in order, each retried under its
// idempotency key until it has a final answer: the platform may be away, a node may be killed,
// nothing is lost and nothing counts twice.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "nodes/client/http_client.hpp"
#include "nodes/simulators/faults.hpp"
#include "nodes/simulators/simulator_model.hpp"

namespace millrace::simulator {

/// What became of one command.
struct call_outcome {
  platform_call call;
  long status = 0;  // 0: given up because the simulator stops
  std::string code;
  json_value answer;
  std::uint32_t attempts = 0;
  double seconds = 0;  // of the last attempt
  [[nodiscard]] json_value to_json() const;
};

class courier {
 public:
  /// `url` without a trailing slash; empty = no platform: calls are answered 0.
  courier(std::string url, std::string token, faults& switches);
  ~courier();
  courier(const courier&) = delete;
  courier& operator=(const courier&) = delete;
  /// Sends a job's calls one after the other; `done` is called on the courier's thread.
  /// Thread-safe.
  void send(std::vector<platform_call> calls, std::function<void(std::vector<call_outcome>)> done);
  /// Calls that wait, and the last ones that were answered.
  [[nodiscard]] json_value to_json() const;
  void stop();

 private:
  struct job {
    std::vector<platform_call> calls;
    std::function<void(std::vector<call_outcome>)> done;
  };
  void run();
  call_outcome carry(const platform_call& call);
  bool pause(std::uint32_t ms);

  std::string url_, token_;
  faults& faults_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<job> jobs_;
  std::deque<json_value> answered_;
  std::size_t waiting_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace millrace::simulator
