// What one simulated system does with requests to its own API: state in memory, no sockets, no
// clock. The shell around it (simulator_service) brings HTTP, faults, signatures and the calls to
// the platform.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "nodes/json/json_value.hpp"

namespace millrace::simulator {

/// A request to the system's own API, path decoded and split: {"api","orders","1000042","release"}.
struct api_call {
  std::string method;
  std::vector<std::string> path;
  json_value body;
  std::string now;  // RFC 3339

  /// True for a POST to this path; '*' stands for any one segment.
  [[nodiscard]] bool is_post(std::initializer_list<std::string_view> segments) const;
};

struct api_answer {
  int status = 200;
  json_value body = json_value::make_object();
};

/// A command that the system sends to the platform, retried under its key until it has a final
/// answer.
struct platform_call {
  std::string plant;
  std::string path;  // "orders/1000042/confirm-operation"
  json_value body;
  std::string key;
};

/// Single-threaded: the shell calls it under its lock.
class model {
 public:
  virtual ~model() = default;
  /// "erp"
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// Acts and answers; commands for the platform go to `out`, in order. Unknown paths: 404.
  [[nodiscard]] virtual api_answer handle(const api_call& call,
                                          std::vector<platform_call>& out) = 0;
  /// All it holds.
  [[nodiscard]] virtual json_value state() const = 0;
};

[[nodiscard]] std::unique_ptr<model> make_erp(std::string default_plant);
/// `automatic`: executes what is dispatched by itself.
[[nodiscard]] std::unique_ptr<model> make_mes(std::string default_plant, bool automatic);
[[nodiscard]] std::unique_ptr<model> make_qms(std::string default_plant);

/// {"error": what} with a status.
[[nodiscard]] api_answer refused(int status, std::string what);
/// Members of `from` but those named.
[[nodiscard]] json_value without(const json_value& from,
                                 std::initializer_list<std::string_view> names);

}  // namespace millrace::simulator
