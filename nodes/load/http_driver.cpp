// The closed loop over HTTP: some keep-alive connections, each with its share of pipelined
// requests, one epoll.

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <deque>

#include "nodes/load/http_connection.hpp"
#include "nodes/load/load.hpp"

namespace millrace::load {
namespace {

using clock = std::chrono::steady_clock;

std::uint64_t since_ns(clock::time_point from) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(clock::now() - from).count());
}

/// One connection and the send times of its unanswered requests, oldest first (HTTP/1.1 answers in
/// order).
struct lane {
  http_connection connection;
  std::deque<clock::time_point> sent;
};

class http_loop {
 public:
  explicit http_loop(const workload& w) : work_(w), token_(w.settings().token_prefix + "mes") {}

  result<outcome> run() {
    const auto& o = work_.settings();
    const int poll = ::epoll_create1(EPOLL_CLOEXEC);
    lanes_.reserve(o.connections);
    for (std::uint32_t c = 0; c < o.connections; ++c) {
      auto opened = http_connection::open(o.http);
      if (!opened) return std::move(opened).error();
      lanes_.push_back({std::move(*opened), {}});
      epoll_event interest{EPOLLIN, {.u32 = c}};
      ::epoll_ctl(poll, EPOLL_CTL_ADD, lanes_[c].connection.fd(), &interest);
    }
    measure_from_ =
        clock::now() + std::chrono::microseconds(static_cast<std::int64_t>(o.warm_up * 1e6));
    stop_at_ =
        measure_from_ + std::chrono::microseconds(static_cast<std::int64_t>(o.seconds * 1e6));
    for (std::uint32_t c = 0; c < o.connections; ++c) {
      for (auto i = c; i < o.in_flight; i += o.connections) send_next(lanes_[c]);
      flush(lanes_[c]);
    }
    loop(poll);
    ::close(poll);
    result_.seconds = o.seconds;
    return std::move(result_);
  }

 private:
  void loop(int poll) {
    std::array<epoll_event, 64> ready{};
    while (unanswered_ > 0) {
      const int n = ::epoll_wait(poll, ready.data(), static_cast<int>(ready.size()), 10'000);
      if (n <= 0) return fail("no answer for 10 s");
      for (int i = 0; i < n; ++i) {
        auto& l = lanes_[ready[static_cast<std::size_t>(i)].data.u32];
        if (!l.connection.receive()) return fail("the connection was closed");
        while (auto answer = l.connection.next()) take(l, *answer);
        flush(l);
      }
    }
  }

  void take(lane& l, const http_answer& answer) {
    if (l.sent.empty()) return fail("an answer that nobody asked for");
    const auto sent = l.sent.front();
    l.sent.pop_front();
    --unanswered_;
    const auto now = clock::now();
    if (answer.status != 200) {
      ++result_.refused;
      if (result_.first_failure.empty())
        result_.first_failure =
            std::to_string(answer.status) + " " + std::string(answer.body.substr(0, 300));
    } else if (now >= measure_from_ && now < stop_at_) {
      ++result_.answered;
      result_.latency.add(since_ns(sent));
    }
    if (now < stop_at_) send_next(l);
  }

  void send_next(lane& l) {
    const work_item item{static_cast<std::uint32_t>(number_ % work_.settings().actors), number_};
    ++number_;
    path_ = "/v1/plants/" + work_.plant_of(item.actor) + "/orders/" + work_.order_of(item.actor) +
            "/confirm-operation";
    append_request(out_, "POST", path_, token_, work_.confirmation_id(item),
                   work_.confirm_json(item), true);
    l.sent.push_back(clock::now());
    ++unanswered_;
  }

  void flush(lane& l) {
    if (!out_.empty() && !l.connection.send(out_)) fail("the connection was closed");
    out_.clear();
  }

  void fail(std::string what) {
    ++result_.violations;
    if (result_.first_failure.empty()) result_.first_failure = std::move(what);
    unanswered_ = 0;
  }

  const workload& work_;
  std::string token_;
  std::vector<lane> lanes_;
  std::string out_;
  std::string path_;
  std::uint64_t number_ = 0;
  std::uint64_t unanswered_ = 0;
  clock::time_point measure_from_;
  clock::time_point stop_at_;
  outcome result_;
};

}  // namespace

result<outcome> run_http(const workload& w) { return http_loop(w).run(); }

}  // namespace millrace::load
