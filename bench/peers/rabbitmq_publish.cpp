// Publishes 300-byte persistent messages to a quorum queue with publisher confirms, a number of
// them in flight. Usage: rabbitmq_publish PORT IN_FLIGHT SECONDS QUORUM_SIZE; prints one line of
// JSON.

#include <sys/time.h>

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string>

#include "bench/peers/window.hpp"

namespace {

constexpr amqp_channel_t channel = 1;
constexpr const char* queue = "orders";

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "rabbitmq_publish: %s failed\n", what);
  std::exit(1);
}

void need(amqp_connection_state_t on, const char* what) {
  if (amqp_get_rpc_reply(on).reply_type != AMQP_RESPONSE_NORMAL) fail(what);
}

amqp_connection_state_t open(int port, int quorum) {
  auto* on = amqp_new_connection();
  auto* socket = amqp_tcp_socket_new(on);
  if (amqp_socket_open(socket, "127.0.0.1", port) != 0) fail("connecting");
  if (amqp_login(on, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest").reply_type !=
      AMQP_RESPONSE_NORMAL)
    fail("logging in");
  amqp_channel_open(on, channel);
  need(on, "opening a channel");
  amqp_table_entry_t wants[2];
  std::memset(wants, 0, sizeof wants);
  wants[0].key = amqp_cstring_bytes("x-queue-type");
  wants[0].value.kind = AMQP_FIELD_KIND_UTF8;
  wants[0].value.value.bytes = amqp_cstring_bytes("quorum");
  wants[1].key = amqp_cstring_bytes("x-quorum-initial-group-size");
  wants[1].value.kind = AMQP_FIELD_KIND_I32;
  wants[1].value.value.i32 = quorum;
  amqp_queue_declare(on, channel, amqp_cstring_bytes(queue), 0, 1, 0, 0, {2, wants});
  need(on, "declaring the queue");
  amqp_confirm_select(on, channel);
  need(on, "asking for confirms");
  return on;
}

/// Messages are numbered from 1; `multiple` confirms all up to one. Latencies are taken in order.
class confirms {
 public:
  std::size_t take(std::uint64_t number, bool multiple) {
    if (multiple)
      for (auto n = next_; n <= number; ++n) early_.insert(n);
    else
      early_.insert(number);
    std::size_t done = 0;
    for (; early_.erase(next_) > 0; ++next_) ++done;
    return done;
  }

 private:
  std::uint64_t next_ = 1;
  std::set<std::uint64_t> early_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: rabbitmq_publish PORT IN_FLIGHT SECONDS QUORUM_SIZE\n");
    return 2;
  }
  auto* on = open(std::atoi(argv[1]), std::atoi(argv[4]));
  millrace::peers::window w(static_cast<std::size_t>(std::atoi(argv[2])), std::atof(argv[3]));
  confirms seen;
  const std::string body(millrace::peers::message_bytes, 'x');
  amqp_basic_properties_t persistent{};
  persistent._flags = AMQP_BASIC_DELIVERY_MODE_FLAG;
  persistent.delivery_mode = 2;
  while (!w.over()) {
    for (auto room = w.room(); room > 0; --room) {
      if (amqp_basic_publish(on, channel, amqp_empty_bytes, amqp_cstring_bytes(queue), 0, 0,
                             &persistent, {body.size(), const_cast<char*>(body.data())}) != 0)
        fail("publishing");
      w.sent();
    }
    timeval wait{5, 0};
    do {
      amqp_frame_t frame;
      if (amqp_simple_wait_frame_noblock(on, &frame, &wait) != AMQP_STATUS_OK) break;
      wait = {0, 0};
      if (frame.frame_type != AMQP_FRAME_METHOD) continue;
      if (frame.payload.method.id != AMQP_BASIC_ACK_METHOD) fail("a message was not confirmed; it");
      const auto* ack = static_cast<amqp_basic_ack_t*>(frame.payload.method.decoded);
      w.answered(seen.take(ack->delivery_tag, ack->multiple != 0));
      amqp_maybe_release_buffers(on);
    } while (w.room() == 0 || amqp_frames_enqueued(on) != 0 || amqp_data_in_buffer(on) != 0);
  }
  w.print();
  return 0;
}
