// A bare limit: 300-byte messages echoed over ZeroMQ on loopback, DEALER to ROUTER, with a number
// in flight. Usage: bare_zmq_echo [IN_FLIGHT [SECONDS]]; prints one line of JSON.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <zmq.hpp>

namespace {

using clock_type = std::chrono::steady_clock;
constexpr std::size_t message_bytes = 300;

void echo(zmq::context_t& context, zmq::socket_t& router) {
  zmq::socket_t control(context, zmq::socket_type::pair);
  control.connect("inproc://stop");
  zmq::pollitem_t items[] = {{router.handle(), 0, ZMQ_POLLIN, 0},
                             {control.handle(), 0, ZMQ_POLLIN, 0}};
  zmq::message_t part;
  while (true) {
    zmq::poll(items, 2, std::chrono::seconds(1));
    if (items[1].revents & ZMQ_POLLIN) return;
    while (router.recv(part, zmq::recv_flags::dontwait)) {
      const bool more = part.more();
      router.send(part, more ? zmq::send_flags::sndmore : zmq::send_flags::none);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int in_flight = argc > 1 ? std::atoi(argv[1]) : 256;
  const double seconds = argc > 2 ? std::atof(argv[2]) : 3.0;
  zmq::context_t context(1);
  zmq::socket_t stop(context, zmq::socket_type::pair);
  stop.bind("inproc://stop");
  zmq::socket_t router(context, zmq::socket_type::router);
  router.bind("tcp://127.0.0.1:*");
  const auto where = router.get(zmq::sockopt::last_endpoint);
  std::thread server([&] { echo(context, router); });
  zmq::socket_t dealer(context, zmq::socket_type::dealer);
  dealer.connect(where);
  const std::string payload(message_bytes, 'x');
  for (int i = 0; i < in_flight; ++i) dealer.send(zmq::buffer(payload));
  zmq::message_t answer;
  std::uint64_t echoed = 0;
  const auto begin = clock_type::now();
  const auto until = begin + std::chrono::duration<double>(seconds);
  while (clock_type::now() < until && dealer.recv(answer)) {
    ++echoed;
    dealer.send(zmq::buffer(payload));
  }
  const double took = std::chrono::duration<double>(clock_type::now() - begin).count();
  stop.send(zmq::buffer("x", 1));
  server.join();
  dealer.set(zmq::sockopt::linger, 0);
  router.set(zmq::sockopt::linger, 0);
  std::printf("{\"in_flight\":%d,\"messages_per_s\":%.0f}\n", in_flight,
              static_cast<double>(echoed) / took);
  return 0;
}
