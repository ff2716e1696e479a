// Publishes 300-byte messages to a JetStream stream on file storage and waits for the stream's
// acknowledgements, a number of messages in flight. Usage: nats_publish PORT IN_FLIGHT SECONDS
// REPLICAS; prints one line of JSON.

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <string_view>

#include "bench/peers/window.hpp"

namespace {

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "nats_publish: %s\n", what.c_str());
  std::exit(1);
}

/// The few lines of the protocol that are needed: INFO, MSG, PING, +OK, -ERR.
class connection {
 public:
  explicit connection(int port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) fail("no connection");
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const timeval patience{5, 0};  // servers that have not found each other yet do not answer
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    send("CONNECT {\"verbose\":false,\"pedantic\":false}\r\nSUB _INBOX.a 1\r\n");
  }
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) fail("the connection was closed");
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  /// Payloads of messages that are there; waits for one.
  template <class Take>
  void receive(Take take) {
    std::size_t taken = 0;
    while (taken == 0) {
      char chunk[65536];
      const auto n = ::recv(fd_, chunk, sizeof chunk, 0);
      if (n <= 0) fail("no answer");
      in_.append(chunk, static_cast<std::size_t>(n));
      std::size_t at = 0;
      while (next(at, taken, take)) {
      }
      in_.erase(0, at);
    }
  }

 private:
  template <class Take>
  bool next(std::size_t& at, std::size_t& taken, Take take) {
    const auto end = in_.find("\r\n", at);
    if (end == std::string::npos) return false;
    const auto line = std::string_view(in_).substr(at, end - at);
    if (line.starts_with("-ERR")) fail(std::string(line));
    if (line.starts_with("PING")) send("PONG\r\n");
    if (!line.starts_with("MSG ")) return at = end + 2, true;
    const auto size = static_cast<std::size_t>(std::atoll(&line[line.rfind(' ') + 1]));
    if (in_.size() < end + 2 + size + 2) return false;
    take(std::string_view(in_).substr(end + 2, size));
    ++taken;
    at = end + 2 + size + 2;
    return true;
  }
  int fd_;
  std::string in_;
};

void publish(std::string& out, std::string_view subject, std::string_view payload) {
  out.append("PUB ").append(subject).append(" _INBOX.a ").append(std::to_string(payload.size()));
  out.append("\r\n").append(payload).append("\r\n");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: nats_publish PORT IN_FLIGHT SECONDS REPLICAS\n");
    return 2;
  }
  connection on(std::atoi(argv[1]));
  std::string out;
  publish(out, "$JS.API.STREAM.CREATE.orders",
          R"({"name":"orders","subjects":["orders.>"],"storage":"file","num_replicas":)" +
              std::string(argv[4]) + "}");
  on.send(out);
  on.receive([](std::string_view answer) {
    if (answer.find("\"error\"") != std::string_view::npos) fail(std::string(answer));
  });
  millrace::peers::window w(static_cast<std::size_t>(std::atoi(argv[2])), std::atof(argv[3]));
  const std::string body(millrace::peers::message_bytes, 'x');
  while (!w.over()) {
    out.clear();
    for (auto room = w.room(); room > 0; --room, w.sent()) publish(out, "orders.1", body);
    on.send(out);
    on.receive([&](std::string_view answer) {
      if (answer.find("\"error\"") != std::string_view::npos) fail(std::string(answer));
      w.answered(1);
    });
  }
  w.print();
  return 0;
}
