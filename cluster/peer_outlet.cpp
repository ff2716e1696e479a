// DEALER sockets: options, queue bounds, handshakes.
// libzmq gives up for good on a peer that refused a handshake, so that one is connected anew.
#include "cluster/peer_outlet.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "cluster/check.hpp"
#include "cluster/peer_transport.hpp"

namespace millrace {

namespace {

/// A frame on its way; ZeroMQ frees it on one of its threads once it has left or was dropped.
struct frame_in_flight {
  std::shared_ptr<std::atomic<std::size_t>> queued;
  bytes data;
};

void free_frame(void*, void* hint) {
  const std::unique_ptr<frame_in_flight> frame(static_cast<frame_in_flight*>(hint));
  frame->queued->fetch_sub(frame->data.size(), std::memory_order_acq_rel);
}

constexpr int watched = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                        ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                        ZMQ_EVENT_DISCONNECTED;
/// Nothing but handshakes and heartbeats ever comes back on this socket.
constexpr std::int64_t answer_bytes_max = 4096;

/// ZeroMQ lets go of a name late: every connection's events have one of their own.
std::string events_endpoint() {
  static std::atomic<std::uint64_t> made{0};
  return "inproc://peer-events-" + std::to_string(++made);
}

}  // namespace

peer_outlet::peer_outlet(zmq::context_t& context, const peer_limits& limits, frame_head head)
    : context_(context), limits_(limits), head_(head) {}

peer_outlet::~peer_outlet() { close(0); }

void peer_outlet::aim(const curve_key& own, const outlet_target& target) {
  const std::lock_guard lock(socket_mutex_);
  // A connection that stands was made with a key of its own list.
  const bool fits =
      connected_ && own == own_ && target.address == target_.address &&
      std::find(target.keys.begin(), target.keys.end(), target_.keys[key_]) != target.keys.end();
  if (fits) {
    key_ = static_cast<std::size_t>(
        std::find(target.keys.begin(), target.keys.end(), target_.keys[key_]) -
        target.keys.begin());
    target_ = target;
    return;
  }
  own_ = own;
  target_ = target;
  key_ = 0;
  connect();
}

void peer_outlet::connect() {
  disconnect();
  failed_ = false;
  socket_ = zmq::socket_t(context_, zmq::socket_type::dealer);
  socket_.set(zmq::sockopt::linger, 0);
  socket_.set(zmq::sockopt::immediate, true);
  socket_.set(zmq::sockopt::affinity, std::uint64_t{head_.bulk ? 2u : 1u});
  socket_.set(zmq::sockopt::sndhwm, limits_.queue_max);
  socket_.set(zmq::sockopt::rcvhwm, 1);
  socket_.set(zmq::sockopt::maxmsgsize, answer_bytes_max);
  socket_.set(zmq::sockopt::handshake_ivl, limits_.handshake_ms_max);
  socket_.set(zmq::sockopt::connect_timeout, limits_.handshake_ms_max);
  socket_.set(zmq::sockopt::reconnect_ivl, limits_.reconnect_ms);
  socket_.set(zmq::sockopt::reconnect_ivl_max, limits_.reconnect_ms_max);
  socket_.set(zmq::sockopt::heartbeat_ivl, limits_.heartbeat_ms);
  socket_.set(zmq::sockopt::heartbeat_timeout, 3 * limits_.heartbeat_ms);
  socket_.set(zmq::sockopt::curve_publickey, own_.public_key);
  socket_.set(zmq::sockopt::curve_secretkey, own_.secret_key);
  socket_.set(zmq::sockopt::curve_serverkey, target_.keys[key_]);
  const auto events = events_endpoint();
  check(zmq_socket_monitor(socket_.handle(), events.c_str(), watched) == 0);
  events_ = zmq::socket_t(context_, zmq::socket_type::pair);
  events_.set(zmq::sockopt::linger, 0);
  events_.connect(events);
  socket_.connect(target_.address);
}

void peer_outlet::disconnect() {
  connected_ = false;
  if (socket_.handle() == nullptr) return;
  zmq_socket_monitor(socket_.handle(), nullptr, 0);
  events_.close();
  socket_.close();
}

void peer_outlet::close(int ms) {
  const std::lock_guard lock(socket_mutex_);
  if (socket_.handle() != nullptr) socket_.set(zmq::sockopt::linger, ms);
  disconnect();
}

bool peer_outlet::send(frame_kind kind, bytes_view envelope) {
  const auto size = frame_head_bytes + envelope.size();
  const auto bound = head_.bulk ? limits_.bulk_bytes_max : limits_.consensus_bytes_max;
  if (!connected_ || envelope.size() > envelope_bytes_max ||
      queued_->load(std::memory_order_relaxed) + size > bound)
    return drop(kind);
  auto frame = std::make_unique<frame_in_flight>();
  frame->queued = queued_;
  frame->data.resize(size);
  auto head = head_;
  head.kind = kind;
  const auto written = write_head(head);
  std::copy(written.begin(), written.end(), frame->data.begin());
  std::copy(envelope.begin(), envelope.end(), frame->data.begin() + frame_head_bytes);
  queued_->fetch_add(size, std::memory_order_acq_rel);
  auto* raw = frame.release();
  zmq::message_t message(raw->data.data(), size, free_frame, raw);
  const std::lock_guard lock(socket_mutex_);
  if (socket_.handle() == nullptr || !socket_.send(message, zmq::send_flags::dontwait))
    return drop(kind);
  if (kind == frame_kind::envelope) ++sent_;
  spoke_ = true;
  return true;
}

bool peer_outlet::drop(frame_kind kind) {
  if (kind == frame_kind::envelope) ++dropped_;
  return false;
}

void peer_outlet::look() {
  const std::lock_guard lock(socket_mutex_);
  if (socket_.handle() == nullptr) return;
  zmq::message_t event;
  zmq::message_t where;
  while (events_.recv(event, zmq::recv_flags::dontwait)) {
    if (event.more()) (void)events_.recv(where, zmq::recv_flags::dontwait);
    std::uint16_t what = 0;
    if (event.size() < sizeof what) continue;
    std::memcpy(&what, event.data(), sizeof what);
    const bool stood = connected_.exchange(what == ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    failed_ = failed_ || (!connected_ && !stood);
    if (connected_) failed_ = false;
  }
}

void peer_outlet::retry() {
  const std::lock_guard lock(socket_mutex_);
  if (socket_.handle() == nullptr || !failed_ || connected_) return;
  key_ = (key_ + 1) % target_.keys.size();
  connect();
}

}  // namespace millrace
