// Sockets and the few bytes of HTTP that the load generator has to read.

#include "nodes/load/http_connection.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <utility>

namespace millrace::load {
namespace {

constexpr std::size_t read_chunk = 64 * 1024;

bool wait_for(int fd, short events) {
  pollfd p{fd, events, 0};
  return ::poll(&p, 1, 30'000) == 1;
}

/// Value of Content-Length in the header block; nullopt when there is none.
std::optional<std::size_t> content_length(std::string_view head) {
  constexpr std::string_view name = "\r\nContent-Length: ";
  const auto at = head.find(name);
  if (at == std::string_view::npos) return std::nullopt;
  std::size_t value = 0;
  const auto* first = head.data() + at + name.size();
  if (std::from_chars(first, head.data() + head.size(), value).ec != std::errc{})
    return std::nullopt;
  return value;
}

}  // namespace

result<http_connection> http_connection::open(std::string_view host_port) {
  const auto colon = host_port.rfind(':');
  sockaddr_in to{};
  to.sin_family = AF_INET;
  std::uint16_t port = 0;
  const std::string host(host_port.substr(0, colon));
  if (colon == std::string_view::npos ||
      std::from_chars(host_port.data() + colon + 1, host_port.data() + host_port.size(), port).ec !=
          std::errc{} ||
      ::inet_pton(AF_INET, host.c_str(), &to.sin_addr) != 1)
    return error{"request.malformed", "not an IPv4 address and port: " + std::string(host_port)};
  to.sin_port = htons(port);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  http_connection made(fd);
  if (fd < 0 || ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
    return error{"request.malformed", "no connection to " + std::string(host_port)};
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return made;
}

http_connection::http_connection(http_connection&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      in_(std::move(other.in_)),
      taken_(other.taken_),
      out_(std::move(other.out_)) {}

http_connection& http_connection::operator=(http_connection&& other) noexcept {
  std::swap(fd_, other.fd_);
  in_ = std::move(other.in_);
  taken_ = other.taken_;
  out_ = std::move(other.out_);
  return *this;
}

http_connection::~http_connection() {
  if (fd_ >= 0) ::close(fd_);
}

bool http_connection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0)
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    else if (errno != EINTR && !(errno == EAGAIN && wait_for(fd_, POLLOUT)))
      return false;
  }
  return true;
}

bool http_connection::receive() {
  if (taken_ > 0) {
    in_.erase(0, taken_);
    taken_ = 0;
  }
  // Growing in_ by a chunk would clear 64 KB for an answer of a few hundred bytes.
  thread_local std::array<char, read_chunk> chunk;
  const auto got = ::recv(fd_, chunk.data(), chunk.size(), MSG_DONTWAIT);
  if (got > 0) in_.append(chunk.data(), static_cast<std::size_t>(got));
  return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

std::optional<http_answer> http_connection::next() {
  const auto rest = std::string_view(in_).substr(taken_);
  const auto end = rest.find("\r\n\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  const auto head = rest.substr(0, end + 2);
  const auto length = content_length(head).value_or(0);
  if (rest.size() < end + 4 + length) return std::nullopt;
  http_answer answer;
  if (head.size() > 12) std::from_chars(head.data() + 9, head.data() + 12, answer.status);
  answer.body = rest.substr(end + 4, length);
  taken_ += end + 4 + length;
  return answer;
}

http_answer http_connection::exchange(std::string_view request) {
  if (!send(request)) return {};
  while (true) {
    if (auto answer = next()) return *answer;
    if (!wait_for(fd_, POLLIN) || !receive()) return {};
  }
}

void append_request(std::string& out, std::string_view method, std::string_view path,
                    std::string_view token, std::string_view key,
                    std::optional<std::string_view> body, bool minimal) {
  out.append(method)
      .append(" ")
      .append(path)
      .append(" HTTP/1.1\r\nHost: millrace\r\nAuthorization: Bearer ")
      .append(token);
  if (!key.empty()) out.append("\r\nIdempotency-Key: ").append(key);
  if (minimal) out.append("\r\nPrefer: return=minimal");
  if (body) {
    out.append("\r\nContent-Type: application/json\r\nContent-Length: ")
        .append(std::to_string(body->size()));
  }
  out.append("\r\n\r\n");
  if (body) out.append(*body);
}

}  // namespace millrace::load
