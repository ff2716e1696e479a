// One HTTP connection: reads requests one at a time, answers in order, holds the deadlines. Lives
// on one worker thread.
#pragma once

#include <utility>

#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "nodes/http/message.hpp"
#include "nodes/http/parser.hpp"

namespace millrace::http {

class session;

/// What all connections of a server share.
struct server_state {
  limits bounds;
  std::shared_ptr<http::handler> handler;
  std::atomic<bool> stopping{false};
  std::atomic<std::uint64_t> accepted{0}, refused{0}, open{0}, malformed{0}, timed_out{0};
};

/// One thread of the server with its connections.
struct worker {
  boost::asio::io_context io{1};
  std::size_t index = 0;
  std::unordered_map<session*, std::weak_ptr<session>> sessions;  // touched by this thread only
  /// Runs `call` on this thread; many calls from other threads cost one wake-up.
  void enqueue(std::function<void()> call);
  /// From now on calls are dropped: the thread has ended.
  void close();

 private:
  void drain();
  std::mutex mutex_;
  std::vector<std::function<void()>> inbox_;
  bool closed_ = false;
};

class session : public std::enable_shared_from_this<session> {
 public:
  using clock = std::chrono::steady_clock;
  /// `keep` owns the worker and the state.
  session(boost::asio::ip::tcp::socket socket, worker& w, server_state& s,
          std::shared_ptr<void> keep);
  ~session();
  void start();
  /// Called a few times a second by the worker: ends what is past its deadline.
  void sweep(clock::time_point now);
  /// Closes when nothing is under way; else after the current answer.
  void stop_gently();
  void close_hard();
  // Called by the exchange and its stream, on the worker's thread.
  void answer(std::uint64_t number, response r);
  void open_stream(std::uint64_t number, response head);
  void pump_stream();
  [[nodiscard]] worker& home() { return worker_; }
  [[nodiscard]] const limits& bounds() const { return state_.bounds; }

 private:
  class live_exchange;
  class live_stream;
  enum class phase { header, body, handling, writing, streaming, discarding, closed };

  void read();
  void on_read(boost::system::error_code ec, std::size_t n);
  void process();
  bool begin_request();
  bool continue_body();
  void dispatch();
  void refuse(error why);
  void send(response r, bool body_wanted);
  void after_write();
  void linger();
  void enter(phase p, std::uint32_t ms);
  [[nodiscard]] std::string head_of(const response& r, std::string_view framing) const;
  void discard_input();

  std::shared_ptr<void> keep_;
  boost::asio::ip::tcp::socket socket_;
  worker& worker_;
  server_state& state_;
  phase phase_ = phase::header;
  clock::time_point deadline_ = clock::time_point::max();
  parser parser_;
  std::string in_;
  std::size_t in_at_ = 0;
  std::array<char, 16 * 1024> chunk_;
  std::string out_;
  bool reading_ = false;
  bool begun_ = false;  // something of the next request has come, and its time runs
  bool eof_ = false;
  bool close_after_ = false;
  bool head_only_ = false;
  bool refused_ = false;
  int minor_version_ = 1;
  std::uint64_t number_ = 0;
  std::size_t discarded_ = 0;
  std::shared_ptr<live_stream> stream_;
  bool stream_writing_ = false;
};

}  // namespace millrace::http
