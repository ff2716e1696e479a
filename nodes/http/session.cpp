// One HTTP connection.
// Requests of a connection are handled one after the other (RFC 9112 §9.3.2), so pipelining cannot
// reorder commands.
#include "nodes/http/session.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include "nodes/http/problem.hpp"
#include "nodes/http/status_line.hpp"
#include "nodes/http/stream_state.hpp"

namespace millrace::http {
namespace asio = boost::asio;
namespace {

constexpr std::uint32_t linger_ms_max = 2'000;

}  // namespace

void worker::enqueue(std::function<void()> call) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    first = inbox_.empty();
    inbox_.push_back(std::move(call));
  }
  if (first) asio::post(io, [this] { drain(); });
}

void worker::close() {
  std::vector<std::function<void()>> dropped;
  const std::lock_guard lock(mutex_);
  closed_ = true;
  dropped.swap(inbox_);
}

void worker::drain() {
  std::vector<std::function<void()>> calls;
  {
    const std::lock_guard lock(mutex_);
    calls.swap(inbox_);
  }
  for (auto& call : calls) call();
}

class session::live_stream final : public stream {
 public:
  explicit live_stream(std::weak_ptr<session> s) : session_(std::move(s)) {}
  void write(std::string bytes) override {
    if (state.queue(std::move(bytes))) wake();
  }
  [[nodiscard]] std::size_t pending() const override { return state.pending(); }
  [[nodiscard]] bool closed() const override { return state.closed(); }
  void on_drained(std::function<void()> call) override { state.on_drained(std::move(call)); }
  void close() override {
    state.finish();
    wake();
  }
  stream_state state;

 private:
  void wake() {
    if (auto s = session_.lock()) s->home().enqueue([s] { s->pump_stream(); });
  }
  std::weak_ptr<session> session_;
};

/// The exchange that a handler holds: answers travel to the connection's thread.
class session::live_exchange final : public exchange {
 public:
  live_exchange(std::shared_ptr<session> s, std::uint64_t number, http::request r)
      : exchange(std::move(r)), session_(std::move(s)), number_(number) {}
  ~live_exchange() override {
    if (!done_.exchange(true))
      deliver(problem({"kind.fault", "the request was dropped by its handler"}));
  }
  void answer(response r) override {
    if (!done_.exchange(true)) deliver(std::move(r));
  }
  std::shared_ptr<stream> open(response head) override {
    done_.store(true);
    auto made = std::make_shared<live_stream>(session_);
    session_->home().enqueue([s = session_, n = number_, made, h = std::move(head)]() mutable {
      if (s->number_ == n && s->phase_ == phase::handling)
        s->stream_ = made;
      else
        made->state.mark_closed();
      s->open_stream(n, std::move(h));
    });
    return made;
  }
  void drop() override {
    if (!done_.exchange(true))
      session_->home().enqueue([s = session_, n = number_] {
        if (s->number_ == n) s->close_hard();
      });
  }
  void post(std::function<void()> call) override { session_->home().enqueue(std::move(call)); }
  [[nodiscard]] std::size_t thread() const override { return session_->home().index; }

 private:
  void deliver(response r) {
    if (session_->home().io.get_executor().running_in_this_thread())
      return session_->answer(number_, std::move(r));
    session_->home().enqueue([s = session_, n = number_, answer = std::move(r)]() mutable {
      s->answer(n, std::move(answer));
    });
  }
  std::shared_ptr<session> session_;
  std::uint64_t number_;
  std::atomic<bool> done_{false};
};

session::session(asio::ip::tcp::socket socket, worker& w, server_state& s,
                 std::shared_ptr<void> keep)
    : keep_(std::move(keep)),
      socket_(std::move(socket)),
      worker_(w),
      state_(s),
      parser_(s.bounds) {}

session::~session() { state_.open.fetch_sub(1); }

void session::start() {
  worker_.sessions.emplace(this, weak_from_this());
  boost::system::error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  enter(phase::header, state_.bounds.idle_ms_max);
  read();
}

void session::enter(phase p, std::uint32_t ms) {
  phase_ = p;
  deadline_ = clock::now() + std::chrono::milliseconds(ms);
}

void session::read() {
  if (reading_ || phase_ == phase::closed) return;
  reading_ = true;
  socket_.async_read_some(asio::buffer(chunk_),
                          [self = shared_from_this()](boost::system::error_code ec, std::size_t n) {
                            self->reading_ = false;
                            self->on_read(ec, n);
                          });
}

void session::on_read(boost::system::error_code ec, std::size_t n) {
  if (phase_ == phase::closed) return;
  if (ec) {
    eof_ = true;
    if (phase_ != phase::handling && phase_ != phase::writing) close_hard();
    return;
  }
  if (phase_ == phase::discarding) {
    discarded_ += n;
    return discarded_ > state_.bounds.discard_bytes_max ? close_hard() : read();
  }
  if (phase_ == phase::streaming)
    return read();  // a client has nothing to say there; only its end matters
  if (phase_ == phase::header && !std::exchange(begun_, true))
    enter(phase::header, state_.bounds.header_ms_max);
  in_.append(chunk_.data(), n);
  process();
}

void session::process() {
  bool more = true;
  while (more && (phase_ == phase::header || phase_ == phase::body))
    more = phase_ == phase::header ? begin_request() : continue_body();
  discard_input();
}

/// Drops what has been used from the front of the input.
void session::discard_input() {
  if (in_at_ == in_.size()) {
    in_.clear();
    in_at_ = 0;
  } else if (in_at_ > 64 * 1024) {
    in_.erase(0, in_at_);
    in_at_ = 0;
  }
}

/// Takes a header block when one is there; false when more bytes are needed or the request was
/// refused.
bool session::begin_request() {
  while (in_.compare(in_at_, 2, "\r\n") == 0)
    in_at_ += 2;  // RFC 9112 §2.2: empty lines before a request
  const auto rest = std::string_view(in_).substr(in_at_);
  bool bare_lf = false;
  const auto end = header_block_end(rest.substr(0, state_.bounds.header_bytes_max), bare_lf);
  if (bare_lf) return refuse({"request.malformed", "lines must end in CRLF"}), false;
  if (!end) {
    if (rest.size() >= state_.bounds.header_bytes_max)
      return refuse({"request.header_too_large", "the header exceeds the limit"}), false;
    if (eof_) return close_hard(), false;
    read();
    return false;
  }
  const auto block = rest.substr(0, *end);
  auto framed = check_header_block(block, state_.bounds);
  if (!framed) return refuse(framed.error()), false;
  if (framed->content_length.value_or(0) > state_.bounds.body_bytes_max)
    return refuse({"request.too_large",
                   "the body exceeds " + std::to_string(state_.bounds.body_bytes_max) + " bytes"}),
           false;
  if (const auto begun = parser_.begin(block); !begun) return refuse(begun.error()), false;
  in_at_ += *end;
  minor_version_ = parser_.minor_version();
  close_after_ = !parser_.keep_alive();
  enter(phase::body, state_.bounds.body_ms_max);
  if (framed->expect_continue && !parser_.complete() && in_at_ == in_.size()) {
    out_ = "HTTP/1.1 100 Continue\r\n\r\n";
    asio::async_write(socket_, asio::buffer(out_),
                      [self = shared_from_this()](boost::system::error_code ec, std::size_t) {
                        if (ec) return self->close_hard();
                        self->read();
                      });
    return false;
  }
  return true;
}

/// Feeds the body; false when more bytes are needed or the request went its way.
bool session::continue_body() {
  const auto used = parser_.put(std::string_view(in_).substr(in_at_));
  if (!used) return refuse(used.error()), false;
  in_at_ += *used;
  if (parser_.complete()) return dispatch(), false;
  if (in_.size() - in_at_ > state_.bounds.header_bytes_max)
    return refuse({"request.malformed", "a chunk's header or trailer is too long"}), false;
  if (eof_) return close_hard(), false;
  read();
  return false;
}

void session::dispatch() {
  enter(phase::handling, state_.bounds.handling_ms_max);
  auto request = parser_.take();
  head_only_ = request.method == "HEAD";
  auto made = std::make_shared<live_exchange>(shared_from_this(), ++number_, std::move(request));
  if (state_.stopping.load()) {
    close_after_ = true;
    return made->answer(problem({"node.not_ready", "the node is stopping"}));
  }
  state_.handler->handle(std::move(made));
}

void session::refuse(error why) {
  state_.malformed.fetch_add(1);
  auto r = problem(why);
  r.close = true;
  refused_ = why.code != "request.timeout";  // who is slow is not waited for once more
  ++number_;
  head_only_ = false;
  phase_ = phase::handling;
  answer(number_, std::move(r));
}

void session::answer(std::uint64_t number, response r) {
  if (number != number_ || phase_ != phase::handling) return;
  close_after_ = close_after_ || r.close || state_.stopping.load();
  enter(phase::writing, state_.bounds.write_ms_max);
  send(std::move(r), !head_only_);
}

std::string session::head_of(const response& r, std::string_view framing) const {
  std::string out;
  out.reserve(256 + r.body.size());
  out += "HTTP/1.1 ";
  out += std::to_string(r.status);
  out += ' ';
  out += reason(r.status);
  out += "\r\nDate: ";
  out += http_date();
  for (const auto& h : r.headers) {
    out += "\r\n";
    out += h.name;
    out += ": ";
    for (const char c : h.value) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  }
  out += framing;
  if (close_after_)
    out += "\r\nConnection: close";
  else if (minor_version_ == 0)
    out += "\r\nConnection: keep-alive";
  out += "\r\n\r\n";
  return out;
}

void session::send(response r, bool body_wanted) {
  const bool bodiless = r.status == 204 || r.status == 304;
  out_ =
      head_of(r, bodiless ? std::string() : "\r\nContent-Length: " + std::to_string(r.body.size()));
  if (body_wanted && !bodiless) out_ += r.body;
  asio::async_write(socket_, asio::buffer(out_),
                    [self = shared_from_this()](boost::system::error_code ec, std::size_t) {
                      if (ec) return self->close_hard();
                      self->after_write();
                    });
}

void session::after_write() {
  if (phase_ != phase::writing) return;
  if (close_after_ || (eof_ && in_at_ == in_.size())) return linger();
  begun_ = in_at_ != in_.size();
  enter(phase::header, begun_ ? state_.bounds.header_ms_max : state_.bounds.idle_ms_max);
  if (state_.stopping.load() && in_at_ == in_.size()) return close_hard();
  in_at_ == in_.size() ? read() : process();
}

/// Ends the sending side and reads on for a bounded while, so that the answer is not lost to a
/// reset.
void session::linger() {
  if (eof_) return close_hard();
  enter(phase::discarding, refused_ ? state_.bounds.discard_ms_max : linger_ms_max);
  boost::system::error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  in_.clear();
  in_at_ = 0;
  read();
}

void session::open_stream(std::uint64_t number, response head) {
  if (number != number_ || phase_ != phase::handling) return;
  close_after_ = true;
  phase_ = phase::streaming;
  deadline_ = clock::time_point::max();
  stream_->state.begin(head_of(head, minor_version_ == 1 ? "\r\nTransfer-Encoding: chunked" : ""),
                       minor_version_ == 1);
  pump_stream();
  read();
}

void session::pump_stream() {
  if (phase_ != phase::streaming || !stream_) return;
  if (stream_writing_)
    return stream_->state.overflown(state_.bounds.stream_bytes_max) ? close_hard() : void();
  out_ = stream_->state.take();
  if (out_.empty()) return stream_->state.closed() ? close_hard() : void();
  stream_writing_ = true;
  deadline_ = clock::now() + std::chrono::milliseconds(state_.bounds.write_ms_max);
  asio::async_write(socket_, asio::buffer(out_),
                    [self = shared_from_this()](boost::system::error_code ec, std::size_t) {
                      self->stream_writing_ = false;
                      if (ec || self->phase_ != phase::streaming) return self->close_hard();
                      self->deadline_ = clock::time_point::max();
                      const auto drained = self->stream_->state.sent();
                      if (drained) drained();
                      self->pump_stream();
                    });
}

void session::sweep(clock::time_point now) {
  if (now < deadline_) return;
  switch (phase_) {
    case phase::header:
      if (in_.size() == in_at_) return close_hard();
      state_.timed_out.fetch_add(1);
      return refuse({"request.timeout", "the header did not arrive in time"});
    case phase::body:
      state_.timed_out.fetch_add(1);
      return refuse({"request.timeout", "the body did not arrive in time"});
    case phase::handling: {
      state_.timed_out.fetch_add(1);
      auto r = problem({"node.not_ready", "no answer in time; the outcome is not known"});
      r.close = true;
      return answer(number_, std::move(r));
    }
    case phase::writing:
    case phase::streaming:
    case phase::discarding:
      return close_hard();
    case phase::closed:
      return;
  }
}

void session::stop_gently() {
  if (phase_ == phase::streaming || (phase_ == phase::header && in_.size() == in_at_))
    close_hard();
  else
    close_after_ = true;
}

void session::close_hard() {
  if (phase_ == phase::closed) return;
  phase_ = phase::closed;
  if (stream_) stream_->state.mark_closed();
  boost::system::error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  socket_.close(ignored);
  worker_.sessions.erase(this);
}

}  // namespace millrace::http
