// The ZeroMQ client port: sockets, authentication, flow control.
// CURVE needs the ZAP handler here (ZeroMQ accepts any key without one), and every message must
// carry the user id that the handler gave out, so that a connection that came past the handler gets
// nothing.
#include "nodes/client_port.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <zmq.hpp>

#include "cluster/zap.hpp"
#include "nodes/client_envelope.hpp"
#include "nodes/gateway/correlation.hpp"

namespace millrace {
namespace {

using clock = std::chrono::steady_clock;
constexpr std::size_t frames_per_turn =
    16;  // read before they are handed on: others wait meanwhile
constexpr std::size_t replies_per_frame = 1024;
constexpr std::size_t reply_bytes_aim = 1024 * 1024;
constexpr int frames_unread_max = 16;  // of one client in ZeroMQ; what follows waits in `out`
constexpr auto retry_unread_every = std::chrono::milliseconds(20);
constexpr std::size_t clients_max = 10'000;
constexpr auto client_idle_max = std::chrono::minutes(5);
constexpr auto known_idle_max = std::chrono::hours(24);
constexpr auto crowded_idle_max = std::chrono::seconds(1);  // while there are more than clients_max
constexpr auto crowded_known_idle_max = std::chrono::minutes(1);
constexpr const char* zap_domain = "millrace";

/// Where engine threads leave their replies. Outlives the port while the engine still holds replies
/// for it.
class mailbox final : public reply_sink {
 public:
  mailbox() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}
  ~mailbox() override { ::close(fd_); }
  mailbox(const mailbox&) = delete;
  mailbox& operator=(const mailbox&) = delete;
  void on_replies(std::vector<reply> replies) override {
    bool first = false;
    {
      const std::lock_guard lock(mutex_);
      first = batches_.empty();
      batches_.push_back(std::move(replies));
    }
    if (first) wake();
  }
  void wake() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written =
        ::write(fd_, &one, sizeof one);  // full means it is awake anyway
  }
  [[nodiscard]] std::vector<std::vector<reply>> take() {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto read = ::read(fd_, &count, sizeof count);
    std::vector<std::vector<reply>> out;
    const std::lock_guard lock(mutex_);
    out.swap(batches_);
    return out;
  }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
  std::mutex mutex_;
  std::vector<std::vector<reply>> batches_;
};

/// A reply on its way to a client.
struct outgoing {
  std::uint64_t token_tag = 0;
  reply what;
  std::string plant;
  bool counted = false;  // of a command that is in flight until its reply has left
};

struct client {
  std::string name;    // routing id
  bool known = false;  // `who` holds for frames without a token
  gateway::identity who;
  std::uint32_t in_flight = 0;
  clock::time_point seen;
  std::vector<outgoing> out;
};

/// What a tag of the engine stands for.
struct slot {
  std::shared_ptr<client> from;
  std::uint64_t token_tag = 0;
  std::string plant;
};

class router_port final : public client_port {
 public:
  router_port(client_port_options options, engine_api& engine, const schema_model& model,
              const gateway::authenticator& auth, gateway::metrics& counters)
      : options_(std::move(options)),
        engine_(engine),
        model_(model),
        auth_(auth),
        counters_(counters) {}
  ~router_port() override { stop(); }

  result<void> bind() {
    try {
      if (!options_.secret_key.empty()) prepare_curve();
      socket_.set(zmq::sockopt::router_mandatory, true);
      socket_.set(zmq::sockopt::linger, 0);
      socket_.set(zmq::sockopt::rcvhwm, static_cast<int>(options_.queue_max));
      socket_.set(zmq::sockopt::sndhwm, frames_unread_max);
      socket_.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(options_.frame_bytes_max));
      socket_.set(zmq::sockopt::handshake_ivl, 5'000);
      socket_.set(zmq::sockopt::heartbeat_ivl, 10'000);
      socket_.set(zmq::sockopt::heartbeat_timeout, 30'000);
      socket_.bind(options_.address);
      address_ = socket_.get(zmq::sockopt::last_endpoint);
    } catch (const zmq::error_t& failure) {
      return error{"port.unavailable",
                   "cannot listen on " + options_.address + ": " + failure.what()};
    }
    thread_ = std::thread([this] { run(); });
    pthread_setname_np(thread_.native_handle(), "client-port");
    return {};
  }

  [[nodiscard]] std::string address() const override { return address_; }

  void stop() override {
    if (!thread_.joinable()) return;
    stopping_.store(true);
    mailbox_->wake();
    thread_.join();
  }

 private:
  void prepare_curve() {
    zap_.emplace(context_, zap_domain, [this](std::string_view key) {
      for (const auto& c : options_.clients)
        if (c.key == key) return c.name;
      return std::string();
    });
    guard_with_zap(socket_, options_.secret_key, zap_domain);
  }

  void run() {
    auto stop_by = clock::time_point::max();
    while (true) {
      if (stopping_.load() && stop_by == clock::time_point::max())
        stop_by = clock::now() + std::chrono::milliseconds(options_.stop_ms_max);
      const bool stopping = stop_by != clock::time_point::max();
      if (stopping && ((open_ == 0 && answering_.empty()) || clock::now() >= stop_by)) break;
      try {
        turn(stopping);
      } catch (const zmq::error_t&) {
        if (stopping) break;  // a signal or a peer that vanished: go on
      }
    }
    socket_.close();
    zap_.reset();
  }

  void turn(bool stopping) {
    std::array<zmq::pollitem_t, 3> items{
        {{nullptr, mailbox_->fd(), ZMQ_POLLIN, 0},
         {stopping ? nullptr : socket_.handle(), mailbox_->fd(), ZMQ_POLLIN, 0},
         {zap_ ? zap_->handle() : nullptr, mailbox_->fd(), ZMQ_POLLIN, 0}}};
    // A ROUTER does not say when one of its peers reads again.
    const bool soon = stopping || !answering_.empty();
    zmq::poll(items.data(), zap_ ? 3 : 2,
              soon ? retry_unread_every : std::chrono::milliseconds(1000));
    if (items[0].revents != 0) take_replies();
    if (zap_ && items[2].revents != 0) zap_->answer();
    if (!stopping && items[1].revents != 0) take_frames();
    send_all();
    forget_idle();
  }

  // ---- frames in ----

  void take_frames() {
    for (std::size_t n = 0; n < frames_per_turn; ++n) {
      zmq::message_t name;
      if (!socket_.recv(name, zmq::recv_flags::dontwait)) break;
      zmq::message_t part;
      bool more = name.more();
      bool bad = false;
      std::size_t parts = 0;
      while (more) {
        zmq::message_t next;
        if (!socket_.recv(next, zmq::recv_flags::none)) break;
        more = next.more();
        if (next.size() == 0 && parts == 0 && more) continue;  // the delimiter of a REQ socket
        bad = ++parts > 1;
        part = std::move(next);
      }
      take_frame(client_of(name.to_string()), part, bad || parts == 0);
    }
    submit();
  }

  std::shared_ptr<client> client_of(std::string name) {
    auto& found = clients_[name];
    if (!found) {
      found = std::make_shared<client>();
      found->name = std::move(name);
    }
    found->seen = clock::now();
    return found;
  }

  void take_frame(const std::shared_ptr<client>& from, zmq::message_t& message, bool bad) {
    const auto* frame =
        bad ? nullptr : verified_frame({message.data<std::uint8_t>(), message.size()});
    if (frame == nullptr)
      return refuse(from, 0, {"request.malformed", "the message is not a frame"});
    const auto who = identify(*from, *frame, message);
    if (frame->commands() == nullptr) return;
    for (const auto* command : *frame->commands()) {
      if (!who)
        refuse(from, command->token_tag(), who.error());
      else
        take_command(from, *command, *who);
    }
  }

  /// The frame's token; else what the connection showed before; else its CURVE key.
  result<gateway::identity> identify(client& from, const engine::Frame& frame,
                                     zmq::message_t& message) {
    const char* user = zap_ ? zmq_msg_gets(message.handle(), "User-Id") : nullptr;
    const auto listed =
        std::find_if(options_.clients.begin(), options_.clients.end(),
                     [&](const auto& c) { return user != nullptr && c.name == user; });
    if (zap_ && listed == options_.clients.end())
      return error{"auth.invalid", "the connection's key is not listed"};
    if (frame.token() != nullptr) {
      auto who = auth_.token(frame.token()->string_view());
      // A routing id that ZeroMQ made begins with a zero byte and is never given twice; one that
      // the client chose may be taken over by another, so nothing is remembered under it.
      from.known = who.has_value() && !from.name.empty() && from.name.front() == '\0';
      if (from.known) from.who = *who;
      return who;
    }
    if (from.known) return from.who;
    if (zap_) return gateway::identity{{listed->name, listed->systems, {}}, false};
    return error{"auth.missing", "the frame has no token and the connection none before"};
  }

  void take_command(const std::shared_ptr<client>& from, const engine::Command& command,
                    const gateway::identity& who) {
    if (from->in_flight >= options_.in_flight_max)
      return refuse(from, command.token_tag(),
                    {"client.rate_limited", "too many commands without an answer"});
    auto r = request_of(command, who, engine_, model_, options_.deadline_ms_max);
    if (!r) return refuse(from, command.token_tag(), r.error());
    if (r->correlation.empty()) r->correlation = gateway::make_correlation();
    std::uint64_t tag = slots_.size();
    if (free_.empty()) {
      slots_.emplace_back();
    } else {
      tag = free_.back();
      free_.pop_back();
    }
    slots_[tag] = {from, command.token_tag(), r->to.plant};
    r->tag = tag;
    ++from->in_flight;
    ++open_;
    auto& batch = batches_[r->to.plant];
    batch.push_back(std::move(*r));
  }

  void submit() {
    for (auto& [plant, batch] : batches_) {
      if (batch.empty()) continue;
      counters_.port_commands(batch.size());
      engine_.submit(std::exchange(batch, {}), mailbox_);
    }
  }

  void refuse(const std::shared_ptr<client>& to, std::uint64_t token_tag, const error& why) {
    counters_.port_refused(1);
    // Who does not read its replies hears of no more refusals.
    if (to->out.size() >= 2 * std::size_t{options_.in_flight_max} + replies_per_frame) return;
    queue(to, {token_tag, refusal_reply(why), {}, false});
  }

  // ---- replies out ----

  void queue(const std::shared_ptr<client>& to, outgoing reply) {
    if (to->out.empty()) answering_.push_back(to);
    to->out.push_back(std::move(reply));
  }

  void take_replies() {
    for (auto& batch : mailbox_->take())
      for (auto& r : batch) {
        if (r.tag >= slots_.size() || !slots_[r.tag].from) continue;
        const auto tag = r.tag;
        auto s = std::exchange(slots_[tag], slot{});
        free_.push_back(tag);
        --open_;
        counters_.outcome(r.outcome);
        queue(s.from, {s.token_tag, std::move(r), std::move(s.plant), true});
      }
  }

  void send_all() {
    std::erase_if(answering_, [this](const std::shared_ptr<client>& to) { return send_to(*to); });
  }

  /// True when nothing is left to send; false when the client's queue is full: it does not read.
  bool send_to(client& to) {
    std::size_t at = 0;
    bool open = true;
    while (open && at < to.out.size()) open = send_frame(to, at);
    for (std::size_t i = 0; i < at; ++i) to.in_flight -= to.out[i].counted ? 1 : 0;
    to.out.erase(to.out.begin(), to.out.begin() + static_cast<std::ptrdiff_t>(at));
    return to.out.empty();
  }

  /// Sends the replies from `at` on and moves it behind them; false when they cannot leave yet.
  bool send_frame(client& to, std::size_t& at) {
    builder_.Clear();
    offsets_.clear();
    auto end = at;
    for (; end < to.out.size() && offsets_.size() < replies_per_frame &&
           builder_.GetSize() < reply_bytes_aim;
         ++end) {
      const auto& o = to.out[end];
      add_reply(builder_, offsets_, o.what, o.token_tag, o.plant);
    }
    const auto list = builder_.CreateVector(offsets_);
    builder_.Finish(engine::CreateFrame(builder_, 0, 0, list));
    try {
      const auto named =
          socket_.send(zmq::buffer(to.name), zmq::send_flags::sndmore | zmq::send_flags::dontwait);
      if (!named) return false;
      socket_.send(zmq::buffer(builder_.GetBufferPointer(), builder_.GetSize()),
                   zmq::send_flags::dontwait);
      at = end;
    } catch (const zmq::error_t&) {
      at = to.out.size();  // gone; a repeat with the same key gets the answer
      clients_.erase(to.name);
    }
    return true;
  }

  void forget_idle() {
    const auto now = clock::now();
    const bool crowded = clients_.size() > clients_max;
    if (now < (crowded ? swept_ + crowded_idle_max : swept_ + std::chrono::seconds(30))) return;
    swept_ = now;
    std::erase_if(clients_, [&](const auto& entry) {
      const auto& c = *entry.second;
      const clock::duration bound = c.known ? (crowded ? crowded_known_idle_max : known_idle_max)
                                            : (crowded ? crowded_idle_max : client_idle_max);
      return c.in_flight == 0 && c.out.empty() && now - c.seen > bound;
    });
  }

  client_port_options options_;
  engine_api& engine_;
  const schema_model& model_;
  const gateway::authenticator& auth_;
  gateway::metrics& counters_;
  std::shared_ptr<mailbox> mailbox_ = std::make_shared<mailbox>();
  zmq::context_t context_{1};
  zmq::socket_t socket_{context_, zmq::socket_type::router};
  std::optional<zap_handler> zap_;  // which keys may connect
  std::string address_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
  // the thread's own
  std::unordered_map<std::string, std::shared_ptr<client>> clients_;
  std::unordered_map<std::string, std::vector<request>> batches_;
  std::vector<slot> slots_;
  std::vector<std::uint64_t> free_;
  std::vector<std::shared_ptr<client>> answering_;
  flatbuffers::FlatBufferBuilder builder_{64 * 1024};
  std::vector<flatbuffers::Offset<engine::Reply>> offsets_;
  clock::time_point swept_ = clock::now();
  std::uint64_t open_ = 0;
};

}  // namespace

result<std::unique_ptr<client_port>> client_port::start(client_port_options options,
                                                        engine_api& engine,
                                                        const schema_model& model,
                                                        const gateway::authenticator& auth,
                                                        gateway::metrics& counters) {
  auto made = std::make_unique<router_port>(std::move(options), engine, model, auth, counters);
  if (const auto bound = made->bind(); !bound) return bound.error();
  return std::unique_ptr<client_port>(std::move(made));
}

}  // namespace millrace
