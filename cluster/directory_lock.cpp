// flock on a file of its own: locks belong to the open file, so that even the same process cannot
// take it twice. The file stays; only the lock matters.
#include "cluster/directory_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace millrace {

result<directory_lock> directory_lock::acquire(const std::filesystem::path& directory,
                                               const std::string& name) {
  const std::filesystem::path file = directory / name;
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0)
    return error{"directory.refused", "cannot open " + file.string() + ": " + std::strerror(errno)};
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const int why = errno;
    ::close(fd);
    if (why == EWOULDBLOCK)
      return error{"directory.refused", directory.string() + " is in use by another process"};
    return error{"directory.refused", "cannot lock " + file.string() + ": " + std::strerror(why)};
  }
  return directory_lock(fd);
}

directory_lock& directory_lock::operator=(directory_lock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

directory_lock::~directory_lock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace millrace
