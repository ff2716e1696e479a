// The link's thread, and the table of ways out that senders share with it.
#include "cluster/peer_link.hpp"

#include <pthread.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <future>
#include <random>
#include <shared_mutex>
#include <thread>

#include "cluster/check.hpp"
#include "cluster/peer_inlet.hpp"
#include "cluster/peer_presence.hpp"
#include "cluster/zap.hpp"

namespace millrace {
namespace {

constexpr const char* zap_domain = "millrace-peers";
constexpr std::size_t consensus_frames_per_turn = 256;
constexpr std::size_t bulk_frames_per_turn = 16;  // consensus waits for no more than these
constexpr std::int64_t refusal_log_us = 10'000'000;
constexpr int io_threads = 2;  // one for each class, so that encrypting bulk delays no heartbeat

/// The ways to one peer.
struct remote {
  remote(zmq::context_t& context, const peer_limits& limits, frame_head head)
      : consensus(context, limits, head),
        bulk(context, limits, {head.kind, true, head.cluster, head.session}) {}
  peer_outlet consensus, bulk;
};

class zmq_link final : public peer_link {
 public:
  zmq_link(peer_link_options options, peer_listener listener, const clock& time)
      : options_(std::move(options)),
        listener_(std::move(listener)),
        clock_(time),
        wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        presence_(options_.limits.silence_us_max) {
    check(wake_fd_ >= 0);
    std::random_device random;
    head_.cluster = cluster_fingerprint(options_.cluster);
    head_.session = (std::uint64_t{random()} << 32) | random();
  }
  ~zmq_link() override {
    stop();
    ::close(wake_fd_);
  }

  result<void> open() {
    auto book = peer_book::of(options_.peers, options_.self, options_.key.public_key);
    if (!book) return book.error();
    try {
      zap_.emplace(context_, zap_domain, [this](std::string_view key) {
        return book_.owner(std::string(key)) == 0 ? std::string() : std::string(key);
      });
      for (auto* inlet : {&consensus_, &bulk_})
        if (auto ok = inlet->bind(options_.key, zap_domain, options_.limits); !ok) return ok;
      take_book(std::move(*book));
    } catch (const zmq::error_t& failure) {
      return error{"port.unavailable", failure.what()};
    }
    thread_ = std::thread([this] { run(); });
    pthread_setname_np(thread_.native_handle(), "peer-link");
    return {};
  }

  void send(node_number to, shared_bytes envelope, bool bulk) override {
    const auto way = find(to);
    if (!way) return;
    (void)(bulk ? way->bulk : way->consensus).send(frame_kind::envelope, *envelope);
  }

  std::vector<peer_status> peers() const override {
    std::vector<peer_status> out;
    const std::shared_lock ways(remotes_mutex_);
    const std::lock_guard heard(presence_mutex_);
    for (const auto& [node, way] : remotes_) {
      auto s = presence_.status(node);
      s.reached = way->consensus.connected() && way->bulk.connected();
      s.sent = way->consensus.sent() + way->bulk.sent();
      s.dropped = way->consensus.dropped() + way->bulk.dropped();
      out.push_back(s);
    }
    return out;
  }

  result<void> reload(curve_key own, std::vector<peer_entry> peers) override {
    auto book = peer_book::of(std::move(peers), options_.self, own.public_key);
    if (!book) return book.error();
    std::promise<void> done;
    {
      const std::lock_guard lock(reload_mutex_);
      if (stopping_) return error{"node.not_ready", "the link has stopped"};
      reloads_.push_back({std::move(own), std::move(*book), &done});
    }
    wake();
    done.get_future().wait();
    return {};
  }

  std::string consensus_address() const override { return consensus_.address(); }
  std::string bulk_address() const override { return bulk_.address(); }
  peer_refusals refusals() const override { return {handshakes_refused_, frames_refused_}; }

  void stop() override {
    {
      const std::lock_guard lock(reload_mutex_);
      stopping_ = true;
    }
    wake();
    if (thread_.joinable()) thread_.join();
  }

 private:
  struct reload_order {
    curve_key own;
    peer_book book;
    std::promise<void>* done;
  };

  void wake() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_fd_, &one, sizeof one);
  }

  std::shared_ptr<remote> find(node_number node) const {
    const std::shared_lock lock(remotes_mutex_);
    const auto found = remotes_.find(node);
    return found == remotes_.end() ? nullptr : found->second;
  }

  // ---- the thread ----

  void run() {
    while (true) {
      try {
        if (!turn()) break;
      } catch (const zmq::error_t& failure) {
        // A socket that cannot go on takes the link down; the peers see silence, nobody gets in.
        spdlog::critical("peer link: {}; it ends", failure.what());
        break;
      }
    }
    close();
  }

  bool turn() {
    wait();
    take_orders();
    if (stopping_) return false;
    while (const auto let_in = zap_->answer())
      if (!*let_in) refused_handshake();
    for (auto& [node, way] : remotes_) {
      way->consensus.look();
      way->bulk.look();
    }
    consensus_.take(consensus_frames_per_turn,
                    [this](auto& key, auto frame) { arrive(key, frame, false); });
    bulk_.take(bulk_frames_per_turn, [this](auto& key, auto frame) { arrive(key, frame, true); });
    const auto now = clock_.monotonic_us();
    if (now >= next_beacon_us_) beacon(now);
    return true;
  }

  void wait() {
    items_.clear();
    items_.push_back({nullptr, wake_fd_, ZMQ_POLLIN, 0});
    items_.push_back({zap_->handle(), 0, ZMQ_POLLIN, 0});
    items_.push_back({consensus_.handle(), 0, ZMQ_POLLIN, 0});
    items_.push_back({bulk_.handle(), 0, ZMQ_POLLIN, 0});
    for (auto& [node, way] : remotes_) {
      items_.push_back({way->consensus.events(), 0, ZMQ_POLLIN, 0});
      items_.push_back({way->bulk.events(), 0, ZMQ_POLLIN, 0});
    }
    const auto left_us = next_beacon_us_ - clock_.monotonic_us();
    zmq::poll(items_.data(), items_.size(),
              std::chrono::milliseconds(left_us <= 0 ? 0 : left_us / 1000 + 1));
    std::uint64_t count = 0;
    [[maybe_unused]] const auto read = ::read(wake_fd_, &count, sizeof count);
  }

  void arrive(const std::string& key, bytes_view frame, bool bulk) {
    const auto from = book_.owner(key);
    if (from == 0)
      return void(++frames_refused_);  // its key was struck off while the connection stands
    const auto head = read_head(frame);
    auto verdict = peer_presence::verdict::stranger;
    {
      const std::lock_guard lock(presence_mutex_);
      if (!head || head->bulk != bulk || head->cluster != head_.cluster)
        return presence_.refused(from);
      if (head->kind == frame_kind::farewell) {
        if (!presence_.farewell(from, head->session)) return;
      } else {
        verdict = presence_.heard(from, head->session, clock_.monotonic_us());
        if (verdict == peer_presence::verdict::stranger) return;
        if (head->kind == frame_kind::envelope) presence_.received(from);
      }
    }
    if (head->kind == frame_kind::farewell) return changed(from, false);
    if (verdict == peer_presence::verdict::came) changed(from, true);
    if (head->kind != frame_kind::envelope) return;
    const auto& take = bulk ? listener_.bulk : listener_.consensus;
    if (take) take(from, frame.subspan(frame_head_bytes));
  }

  void changed(node_number peer, bool up) {
    spdlog::info("peer={} {}", peer, up ? "up" : "down");
    if (listener_.changed) listener_.changed(peer, up);
  }

  void refused_handshake() {
    ++handshakes_refused_;
    const auto now = clock_.monotonic_us();
    if (now < next_refusal_log_us_) return;
    next_refusal_log_us_ = now + refusal_log_us;
    spdlog::warn("a node link with a key that is not listed was refused ({} so far)",
                 handshakes_refused_.load());
  }

  void beacon(std::int64_t now) {
    next_beacon_us_ = now + options_.limits.beacon_us;
    for (auto& [node, way] : remotes_) {
      way->consensus.retry();
      way->bulk.retry();
      if (way->consensus.idle() && way->consensus.connected())
        (void)way->consensus.send(frame_kind::beacon, {});
    }
    for (auto* inlet : {&consensus_, &bulk_}) inlet->listen_again();
    std::vector<node_number> silent;
    std::vector<node_number> doubled;
    {
      const std::lock_guard lock(presence_mutex_);
      silent = presence_.fallen_silent(now);
      doubled = presence_.doubled();
    }
    for (const auto node : silent) changed(node, false);
    for (const auto node : doubled)
      spdlog::error("two processes speak as node {}: the one that was heard last is refused", node);
  }

  void take_orders() {
    std::vector<reload_order> orders;
    {
      const std::lock_guard lock(reload_mutex_);
      orders.swap(reloads_);
    }
    for (auto& order : orders) {
      if (order.own != options_.key) {
        options_.key = order.own;
        for (auto* inlet : {&consensus_, &bulk_}) inlet->change_key(order.own);
      }
      take_book(std::move(order.book));
      order.done->set_value();
    }
  }

  void take_book(peer_book book) {
    const std::unique_lock lock(remotes_mutex_);
    std::erase_if(remotes_, [&](const auto& r) { return !book.peers().contains(r.first); });
    for (const auto& [node, peer] : book.peers()) {
      auto& way = remotes_[node];
      if (!way) way = std::make_shared<remote>(context_, options_.limits, head_);
      way->consensus.aim(options_.key, {peer.consensus, peer.keys});
      way->bulk.aim(options_.key, {peer.bulk, peer.keys});
    }
    {
      const std::lock_guard heard(presence_mutex_);
      for (const auto& [node, peer] : book_.peers())
        if (!book.peers().contains(node)) presence_.forget(node);
    }
    book_ = std::move(book);
  }

  void close() {
    {
      const std::lock_guard lock(reload_mutex_);
      stopping_ = true;
      for (auto& order : reloads_) order.done->set_value();
      reloads_.clear();
    }
    for (auto& [node, way] : remotes_) {
      if (way->consensus.connected()) (void)way->consensus.send(frame_kind::farewell, {});
      way->consensus.close(static_cast<int>(options_.limits.farewell_ms_max));
      way->bulk.close(0);
    }
    consensus_.close();
    bulk_.close();
    zap_.reset();
  }

  peer_link_options options_;
  peer_listener listener_;
  const clock& clock_;
  int wake_fd_;
  frame_head head_;
  zmq::context_t context_{io_threads};
  std::optional<zap_handler> zap_;
  peer_inlet consensus_{context_, options_.consensus, false};
  peer_inlet bulk_{context_, options_.bulk, true};
  peer_book book_;  // the thread's own
  std::vector<zmq::pollitem_t> items_;
  std::int64_t next_beacon_us_ = 0;
  std::int64_t next_refusal_log_us_ = 0;
  std::atomic<std::uint64_t> handshakes_refused_{0}, frames_refused_{0};
  mutable std::shared_mutex remotes_mutex_;  // written by the thread only
  std::map<node_number, std::shared_ptr<remote>> remotes_;
  mutable std::mutex presence_mutex_;  // likewise
  peer_presence presence_;
  std::mutex reload_mutex_;
  std::vector<reload_order> reloads_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace

result<std::unique_ptr<peer_link>> peer_link::start(peer_link_options options,
                                                    peer_listener listener, const clock& time) {
  auto made = std::make_unique<zmq_link>(std::move(options), std::move(listener), time);
  if (auto ok = made->open(); !ok) return ok.error();
  return std::unique_ptr<peer_link>(std::move(made));
}

}  // namespace millrace
