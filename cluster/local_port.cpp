// A port is claimed by the name of an abstract Unix socket: two processes cannot have one name at a
// time, and the kernel takes it back when its process ends, however it ends.
#include "cluster/local_port.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <random>
#include <string>

namespace millrace {
namespace {

constexpr std::uint32_t first_port = 20'000, ports = 12'768;  // up to 32767
static_assert(first_port + ports == 32'768);

error failed(const std::string& what) {
  return {"process.failed", what + ": " + std::strerror(errno)};
}

/// False when another one has it. The socket stays open on purpose: it is the claim.
result<bool> claim(std::uint16_t port) {
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return failed("no socket to claim a port with");
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  const auto text = "millrace-port-" + std::to_string(port);
  std::copy(text.begin(), text.end(), &name.sun_path[1]);  // the first byte 0: abstract
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
  if (::bind(fd, reinterpret_cast<sockaddr*>(&name), size) == 0) return true;
  const bool taken = errno == EADDRINUSE;
  const auto why = failed("cannot claim a port");
  ::close(fd);
  if (taken) return false;
  return why;
}

/// Whether a program that does not ask here could listen on it now.
result<bool> unused(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return failed("no socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return bound;
}

}  // namespace

result<std::uint16_t> free_port() {
  const std::uint32_t start = std::random_device{}() % ports;
  for (std::uint32_t n = 0; n < ports; ++n) {
    const auto port = static_cast<std::uint16_t>(first_port + (start + n) % ports);
    const auto mine = claim(port);
    if (!mine) return mine.error();
    if (!*mine) continue;
    const auto free = unused(port);
    if (!free) return free.error();
    if (*free) return port;
  }
  return error{"process.failed", "no free port between 20000 and 32767"};
}

}  // namespace millrace
