// request := version id domain address routing_id mechanism credentials
// answer  := version id status text user metadata
#include "cluster/zap.hpp"

#include <array>
#include <cstdint>
#include <utility>

namespace millrace {

namespace {

constexpr std::size_t request_parts = 7;
constexpr std::size_t key_bytes = 32;
/// ZMQ_ZAP_ENFORCE_DOMAIN, which zmq.h of 4.3.4 names only in its draft part though every build
/// takes it: with it a connection is refused when there is no handler.
using enforce_domain = zmq::sockopt::integral_option<93, int, true>;

}  // namespace

void guard_with_zap(zmq::socket_t& socket, const std::string& secret_key,
                    const std::string& domain) {
  socket.set(zmq::sockopt::curve_server, true);
  socket.set(zmq::sockopt::curve_secretkey, secret_key);
  socket.set(zmq::sockopt::zap_domain, domain);
  socket.set(enforce_domain{}, true);
}

std::vector<std::string> answer_zap(const std::vector<std::string>& request,
                                    std::string_view domain, const zap_user_of& user_of) {
  std::string user;
  if (request.size() == request_parts && request[0] == "1.0" && request[2] == domain &&
      request[5] == "CURVE" && request[6].size() == key_bytes) {
    std::array<char, 41> z85{};
    zmq_z85_encode(z85.data(), reinterpret_cast<const std::uint8_t*>(request[6].data()), key_bytes);
    user = user_of(z85.data());
  }
  const std::string id = request.size() > 1 ? request[1] : std::string();
  if (user.empty()) return {"1.0", id, "400", "not listed", "", ""};
  return {"1.0", id, "200", "OK", user, ""};
}

zap_handler::zap_handler(zmq::context_t& context, std::string domain, zap_user_of user_of)
    : domain_(std::move(domain)),
      user_of_(std::move(user_of)),
      socket_(context, zmq::socket_type::rep) {
  socket_.set(zmq::sockopt::linger, 0);
  socket_.bind("inproc://zeromq.zap.01");
}

std::optional<bool> zap_handler::answer() {
  std::vector<std::string> request;
  zmq::message_t part;
  do {
    if (!socket_.recv(part, zmq::recv_flags::dontwait)) return std::nullopt;
    request.push_back(part.to_string());
  } while (part.more());
  const auto answer = answer_zap(request, domain_, user_of_);
  for (std::size_t i = 0; i < answer.size(); ++i)
    socket_.send(zmq::buffer(answer[i]),
                 i + 1 < answer.size() ? zmq::send_flags::sndmore : zmq::send_flags::none);
  return answer[2] == "200";
}

}  // namespace millrace
