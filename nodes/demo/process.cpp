// fork and exec with everything prepared before the fork, since only async-signal-safe calls may
// follow it.
#include "nodes/demo/process.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>
#include <utility>

extern char** environ;

namespace millrace {
namespace {

constexpr auto poll_pause = std::chrono::milliseconds(2);

error failed(const std::string& what) {
  return {"process.failed", what + ": " + std::strerror(errno)};
}

int exit_code_of(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

process& process::operator=(process&& other) noexcept {
  if (this != &other) {
    kill();
    id_ = std::exchange(other.id_, -1);
    code_ = std::exchange(other.code_, std::nullopt);
  }
  return *this;
}

result<process> process::start(const std::string& program,
                               const std::vector<std::string>& arguments, const std::string& log) {
  const int log_file = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log_file < 0) return failed("cannot open " + log);
  std::vector<std::string> texts{program};
  texts.insert(texts.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (auto& text : texts) argv.push_back(text.data());
  argv.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);  // the parent died in between
    ::dup2(log_file, STDOUT_FILENO);
    ::dup2(log_file, STDERR_FILENO);
    ::execve(program.c_str(), argv.data(), environ);
    ::_exit(127);
  }
  ::close(log_file);
  if (child < 0) return failed("cannot fork");
  ::setpgid(child, child);  // here too, so that a kill of the group cannot come too early
  process out;
  out.id_ = child;
  return out;
}

bool process::running() {
  if (id_ <= 0 || code_) return false;
  int status = 0;
  const pid_t ended = ::waitpid(id_, &status, WNOHANG);
  if (ended == 0) return true;
  code_ = ended == id_ ? exit_code_of(status) : 127;
  return false;
}

void process::signal(int number) const {
  if (id_ > 0 && !code_) ::kill(id_, number);
}

std::optional<int> process::wait(std::chrono::milliseconds most) {
  const auto end = std::chrono::steady_clock::now() + most;
  while (running()) {
    if (std::chrono::steady_clock::now() > end) return std::nullopt;
    std::this_thread::sleep_for(poll_pause);
  }
  return code_;
}

int process::stop(std::chrono::milliseconds grace) {
  signal(SIGTERM);
  if (const auto code = wait(grace)) return *code;
  kill();
  return 128 + SIGKILL;
}

void process::kill() {
  if (id_ <= 0) return;
  if (running()) {
    ::kill(-id_, SIGKILL);
    int status = 0;
    if (::waitpid(id_, &status, 0) == id_) code_ = exit_code_of(status);
  }
}

}  // namespace millrace
