// ROUTER sockets: options, key changes, frames out of messages.
#include "cluster/peer_inlet.hpp"

#include <spdlog/spdlog.h>

#include <cstdint>
#include <utility>

#include "cluster/peer_transport.hpp"
#include "cluster/zap.hpp"

namespace millrace {

namespace {

/// What CURVE and ZMTP add to a frame on the wire, generously.
constexpr std::int64_t wire_bytes_max = 256;
constexpr std::size_t alignment = 8;

}  // namespace

peer_inlet::peer_inlet(zmq::context_t& context, std::string address, bool bulk)
    : address_(std::move(address)), bulk_(bulk), socket_(context, zmq::socket_type::router) {}

result<void> peer_inlet::bind(const curve_key& own, const std::string& zap_domain,
                              const peer_limits& limits) {
  try {
    guard_with_zap(socket_, own.secret_key, zap_domain);
    socket_.set(zmq::sockopt::linger, 0);
    socket_.set(zmq::sockopt::affinity, std::uint64_t{bulk_ ? 2u : 1u});
    socket_.set(zmq::sockopt::rcvhwm, limits.queue_max);
    socket_.set(zmq::sockopt::sndhwm, 1);
    socket_.set(zmq::sockopt::maxmsgsize,
                static_cast<std::int64_t>(frame_head_bytes + envelope_bytes_max) + wire_bytes_max);
    socket_.set(zmq::sockopt::handshake_ivl, limits.handshake_ms_max);
    socket_.set(zmq::sockopt::heartbeat_ivl, limits.heartbeat_ms);
    socket_.set(zmq::sockopt::heartbeat_timeout, 3 * limits.heartbeat_ms);
    socket_.bind(address_);
    address_ = socket_.get(zmq::sockopt::last_endpoint);
  } catch (const zmq::error_t& failure) {
    return error{"port.unavailable", "cannot listen on " + address_ + ": " + failure.what()};
  }
  listening_ = true;
  return {};
}

void peer_inlet::change_key(const curve_key& own) {
  socket_.set(zmq::sockopt::curve_secretkey, own.secret_key);
  if (std::exchange(listening_, false)) socket_.unbind(address_);
  listen_again();
}

void peer_inlet::listen_again() {
  if (listening_) return;
  try {
    socket_.bind(address_);
    listening_ = true;
  } catch (const zmq::error_t& failure) {
    // The old listener lets the port go on a thread of ZeroMQ's, a little later.
    spdlog::debug("{}: {}", address_, failure.what());
  }
}

void peer_inlet::take(
    std::size_t frames_max,
    const std::function<void(const std::string& key, bytes_view frame)>& arrived) {
  zmq::message_t part;
  for (std::size_t n = 0; n < frames_max; ++n) {
    if (!socket_.recv(part, zmq::recv_flags::dontwait)) return;  // the routing id
    std::size_t parts = 0;
    while (part.more()) {
      ++parts;
      if (!socket_.recv(part, zmq::recv_flags::none)) return;
    }
    const char* key = zmq_msg_gets(part.handle(), "User-Id");
    if (key == nullptr) continue;  // no handshake let it in
    bytes_view frame(static_cast<const std::uint8_t*>(part.data()), part.size());
    if (parts != 1) frame = {};
    if (reinterpret_cast<std::uintptr_t>(frame.data()) % alignment != 0) {
      aligned_.assign(frame.begin(), frame.end());
      frame = aligned_;
    }
    key_ = key;
    arrived(key_, frame);
  }
}

}  // namespace millrace
