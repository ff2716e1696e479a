// A TCP client that sends exactly the bytes it is told, for tests of servers.
// HTTP libraries would refuse to send most of what a server must refuse to take.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace millrace::tests {

class raw_client {
 public:
  explicit raw_client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0;
  }
  ~raw_client() { close(); }
  raw_client(const raw_client&) = delete;
  raw_client& operator=(const raw_client&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  /// False when the peer stopped taking bytes.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  void end_sending() const { ::shutdown(fd_, SHUT_WR); }
  /// One response with Content-Length (or none): head and body. Empty when the connection ended
  /// before.
  std::string response(bool body_wanted = true) {
    while (in_.find("\r\n\r\n") == std::string::npos)
      if (!more()) return std::exchange(in_, {});
    const auto head = in_.find("\r\n\r\n") + 4;
    std::size_t length = 0;
    if (const auto at = in_.find("Content-Length: "); body_wanted && at < head)
      length = std::stoul(in_.substr(at + 16));
    while (in_.size() < head + length)
      if (!more()) break;
    auto out = in_.substr(0, head + length);
    in_.erase(0, head + length);
    return out;
  }
  /// Reads until `what` has come; everything read so far, empty when the connection ended before.
  std::string until(std::string_view what) {
    while (in_.find(what) == std::string::npos)
      if (!more()) return {};
    return in_;
  }
  /// Everything up to the end of the connection.
  std::string rest() {
    while (more()) {
    }
    return std::exchange(in_, {});
  }
  /// True when the connection was reset instead of ended.
  [[nodiscard]] bool reset() const { return reset_; }

 private:
  bool more() {
    char buffer[16 * 1024];
    const auto n = ::recv(fd_, buffer, sizeof buffer, 0);
    if (n < 0) reset_ = errno == ECONNRESET;
    if (n <= 0) return false;
    in_.append(buffer, static_cast<std::size_t>(n));
    return true;
  }
  int fd_;
  bool connected_ = false;
  bool reset_ = false;
  std::string in_;
};

/// Status of a response's text, 0 when there is none.
inline int status_of(std::string_view response) {
  return response.size() > 12 && response.substr(0, 9) == "HTTP/1.1 "
             ? std::stoi(std::string(response.substr(9, 3)))
             : 0;
}

}  // namespace millrace::tests
