// An exclusive lock on a directory, held by flock(2) on a file in it for as long as the object
// lives. It refuses a second process and a second open in this process alike; the kernel drops it
// when the process dies.
#pragma once

#include <filesystem>
#include <string>

#include "schemas/result.hpp"

namespace millrace {

class directory_lock {
 public:
  /// Creates `directory/name` when it is not there. Error: directory.refused (held elsewhere, or
  /// cannot be opened).
  [[nodiscard]] static result<directory_lock> acquire(const std::filesystem::path& directory,
                                                      const std::string& name);
  directory_lock(directory_lock&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  directory_lock& operator=(directory_lock&& other) noexcept;
  ~directory_lock();

 private:
  explicit directory_lock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace millrace
