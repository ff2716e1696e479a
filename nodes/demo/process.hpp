// A child process of the demo and of end-to-end tests: started from a program file, its output in a
// log, never left behind.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "schemas/result.hpp"

namespace millrace {

/// Move-only owner: killed with its group and reaped when it goes out of scope, and by the kernel
/// when its parent dies. Start it from a thread that lives as long as the process shall
/// (PR_SET_PDEATHSIG follows the thread).
class process {
 public:
  process() = default;
  process(process&& other) noexcept { *this = std::move(other); }
  process& operator=(process&& other) noexcept;
  ~process() { kill(); }

  /// `program`: path, "/proc/self/exe" for this one. Output and errors are appended to `log`.
  /// Error: process.failed.
  [[nodiscard]] static result<process> start(const std::string& program,
                                             const std::vector<std::string>& arguments,
                                             const std::string& log);
  [[nodiscard]] pid_t id() const { return id_; }
  /// False once it has ended; reaps it then.
  [[nodiscard]] bool running();
  void signal(int number) const;
  /// Waits for its end; its exit code (128 + signal when killed), nullopt when it still runs after
  /// that time.
  [[nodiscard]] std::optional<int> wait(std::chrono::milliseconds most);
  /// SIGTERM, then SIGKILL when it has not ended in time. The exit code.
  int stop(std::chrono::milliseconds grace);
  /// SIGKILL to its whole group, at once.
  void kill();

 private:
  pid_t id_ = -1;
  std::optional<int> code_;
};

}  // namespace millrace
