// The HTTP/1.1 server: acceptor, worker threads, the sweep of deadlines, the graceful stop.
#include <utility>

#include "nodes/http/server.hpp"

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <optional>
#include <thread>

#include "nodes/http/problem.hpp"
#include "nodes/http/session.hpp"

namespace millrace::http {
namespace asio = boost::asio;
using tcp = asio::ip::tcp;
namespace {

constexpr auto sweep_every = std::chrono::milliseconds(100);

/// A worker with its thread and its sweep timer.
struct lane {
  worker home;
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work;
  std::optional<asio::steady_timer> timer;
  std::thread thread;
  session::clock::time_point stop_by = session::clock::time_point::max();

  void sweep() {
    timer->expires_after(sweep_every);
    timer->async_wait([this](boost::system::error_code ec) {
      if (ec || !timer) return;  // an expiry that was still queued when the lane was stopped
      const auto now = session::clock::now();
      std::vector<std::shared_ptr<session>> all;
      all.reserve(home.sessions.size());
      for (auto& [raw, weak] : home.sessions)
        if (auto s = weak.lock()) all.push_back(std::move(s));
      for (auto& s : all) now >= stop_by ? s->close_hard() : s->sweep(now);
      if (stop_by != session::clock::time_point::max() && home.sessions.empty())
        return home.io.stop();
      sweep();
    });
  }
  void begin_stop(session::clock::time_point by) {
    stop_by = by;
    std::vector<std::shared_ptr<session>> all;
    for (auto& [raw, weak] : home.sessions)
      if (auto s = weak.lock()) all.push_back(std::move(s));
    for (auto& s : all) s->stop_gently();
    if (home.sessions.empty()) home.io.stop();
  }
};

/// What outlives the server while an exchange is still held somewhere.
struct core {
  server_state state;
  std::vector<std::unique_ptr<lane>> lanes;
};

class asio_server final : public server {
 public:
  asio_server(server_options options, std::shared_ptr<handler> h) : options_(std::move(options)) {
    state_.bounds = options_.bounds;
    state_.handler = std::move(h);
    for (std::size_t i = 0; i < std::max<std::size_t>(1, options_.threads); ++i) {
      lanes_.push_back(std::make_unique<lane>());
      lanes_.back()->home.index = i;
    }
  }
  ~asio_server() override { stop(); }

  result<void> listen() {
    boost::system::error_code ec;
    const auto where = asio::ip::make_address(options_.host, ec);
    if (ec) return error{"config.invalid", "'" + options_.host + "' is not an IP address"};
    acceptor_.emplace(lanes_[0]->home.io);
    const tcp::endpoint endpoint(where, options_.port);
    acceptor_->open(endpoint.protocol(), ec);
    if (!ec) acceptor_->set_option(asio::socket_base::reuse_address(true), ec);
    if (!ec) acceptor_->bind(endpoint, ec);
    if (!ec) acceptor_->listen(1024, ec);
    if (ec)
      return error{"port.unavailable", "cannot listen on " + options_.host + ":" +
                                           std::to_string(options_.port) + ": " + ec.message()};
    port_ = acceptor_->local_endpoint(ec).port();
    return {};
  }

  void run() {
    retry_.emplace(lanes_[0]->home.io);
    accept();
    for (auto& l : lanes_) {
      l->work.emplace(l->home.io.get_executor());
      l->timer.emplace(l->home.io);
      l->sweep();
      l->thread = std::thread([&io = l->home.io] { io.run(); });
    }
  }

  [[nodiscard]] std::uint16_t port() const override { return port_; }
  [[nodiscard]] server_figures figures() const override {
    return {state_.accepted.load(), state_.refused.load(), state_.open.load(),
            state_.malformed.load(), state_.timed_out.load()};
  }

  void stop() override {
    if (stopped_ || !acceptor_) return;
    stopped_ = true;
    state_.stopping.store(true);
    const auto by = session::clock::now() + std::chrono::milliseconds(state_.bounds.stop_ms_max);
    for (auto& l : lanes_)
      asio::post(l->home.io, [this, raw = l.get(), by] {
        boost::system::error_code ignored;
        if (raw == lanes_[0].get()) acceptor_->close(ignored);
        raw->begin_stop(by);
      });
    for (auto& l : lanes_) {
      if (l->thread.joinable()) l->thread.join();
      l->home.close();
      l->work.reset();
      l->timer.reset();
    }
    acceptor_.reset();
    retry_.reset();
    for (auto& l : lanes_) {  // what was cancelled still holds its connection
      l->home.io.restart();
      l->home.io.poll();
    }
    state_.handler.reset();
  }

 private:
  void accept() {
    auto& target = *lanes_[next_++ % lanes_.size()];
    acceptor_->async_accept(
        target.home.io, [this, &target](boost::system::error_code ec, tcp::socket socket) {
          if (ec == asio::error::operation_aborted || !acceptor_->is_open()) return;
          if (ec) {  // out of descriptors, most likely: wait instead of spinning
            retry_->expires_after(sweep_every);
            return retry_->async_wait([this](boost::system::error_code stopped) {
              if (!stopped) accept();
            });
          }
          admit(std::move(socket), target);
          accept();
        });
  }

  void admit(tcp::socket socket, lane& target) {
    state_.accepted.fetch_add(1);
    if (state_.open.fetch_add(1) >= state_.bounds.connections_max) {
      state_.open.fetch_sub(1);
      state_.refused.fetch_add(1);
      const auto body = problem_json({"node.connections", "the connection limit is reached"});
      const auto text =
          "HTTP/1.1 503 Service Unavailable\r\nContent-Type: "
          "application/problem+json\r\nRetry-After: 1\r\n"
          "Connection: close\r\nContent-Length: " +
          std::to_string(body.size()) + "\r\n\r\n" + body;
      boost::system::error_code ignored;
      socket.non_blocking(true, ignored);
      socket.write_some(asio::buffer(text), ignored);
      return;
    }
    auto made = std::make_shared<session>(std::move(socket), target.home, state_, core_);
    target.home.enqueue([made] { made->start(); });
  }

  server_options options_;
  std::shared_ptr<core> core_ = std::make_shared<core>();
  server_state& state_ = core_->state;
  std::vector<std::unique_ptr<lane>>& lanes_ = core_->lanes;
  std::optional<tcp::acceptor> acceptor_;
  std::optional<asio::steady_timer> retry_;
  std::size_t next_ = 0;
  std::uint16_t port_ = 0;
  bool stopped_ = false;
};

}  // namespace

result<std::unique_ptr<server>> server::start(server_options options, std::shared_ptr<handler> h) {
  auto made = std::make_unique<asio_server>(std::move(options), std::move(h));
  if (const auto listening = made->listen(); !listening) return listening.error();
  made->run();
  return std::unique_ptr<server>(std::move(made));
}

}  // namespace millrace::http
