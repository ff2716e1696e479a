// The router of a node: takes requests for any plant, hands them to the plant's leader, here or at
// another node, and sees to it that each is answered once. Pure: time is an argument, what is to be
// sent or answered is handed out. One thread at a time.
//
// While nobody leads, requests wait within their deadline. What a leader may have done when it was
// lost is sent to the next one under the same idempotency key, whose window knows; a request
// without a key gets one before it is first sent. An attempt names the term it is for, and a leader
// of another term refuses it, so that an attempt that was given up is never carried out later. A
// frame to the same leader that has no reply is repeated under its number, which the receiver runs
// once. Requests of one batch to one actor keep their order, through all attempts.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "cluster/engine.hpp"
#include "cluster/route_frame.hpp"

namespace millrace {

struct router_limits {
  std::size_t open_max = 65'536;  // requests and questions without an answer,
  std::size_t open_bytes_max =
      256ull * 1024 * 1024;          // and their bytes: beyond 429 plant.overloaded
  std::int64_t repeat_us = 500'000;  // a frame without a reply is sent again after this
  std::int64_t retry_us = 20'000;    // after a leader's refusal, doubling up to
  std::int64_t retry_us_max = 320'000;
  std::int64_t grace_us = 2'000'000;  // beyond the deadline a reply from afar is waited for
};

/// What the shell does next, in this order.
struct router_output {
  using ask_done = std::function<void(result<route_content>)>;
  struct submission {
    node_number to = 0;
    route_submit what;
  };
  struct question {
    node_number to = 0;
    route_ask what;
  };
  std::vector<submission> submissions;
  std::vector<question> questions;
  std::vector<std::pair<std::shared_ptr<reply_sink>, std::vector<reply>>> replies;
  std::vector<std::pair<ask_done, result<route_content>>> answers;
};

class router {
 public:
  using ask_done = router_output::ask_done;
  /// `new_key`: a key that was never used before (UUIDv7).
  router(node_number self, router_limits limits, std::function<std::string()> new_key);

  void submit(std::vector<request> batch, const std::shared_ptr<reply_sink>& sink,
              std::int64_t now_us, router_output& out);
  /// Asks the leader of `what.where.plant`. `once`: it changes something, and is not tried again
  /// once it may have been done (then outcome.unknown).
  void ask(route_ask what, std::int64_t deadline_us, bool once, ask_done cb, std::int64_t now_us,
           router_output& out);
  /// Asks a node whatever it leads. Error: node.not_ready.
  void ask_node(node_number node, route_ask what, std::int64_t deadline_us, ask_done cb,
                std::int64_t now_us, router_output& out);

  /// Who leads the plant, 0 = nobody is known (also within a term: its leader is not heard or has
  /// stepped down); an older term than what is known means nothing.
  void on_leader(const std::string& plant, node_number node, term_number term, std::int64_t now_us,
                 router_output& out);
  void on_peer(node_number node, bool up, std::int64_t now_us, router_output& out);
  /// Tags are the numbers of attempts. `from` may be this node.
  void on_replies(node_number from, std::vector<reply> replies, std::int64_t now_us,
                  router_output& out);
  void on_answer(node_number from, route_answer part, std::int64_t now_us, router_output& out);
  /// The own node's answer.
  void on_content(std::uint64_t number, result<route_content> content, std::int64_t now_us,
                  router_output& out);
  void on_time(std::int64_t now_us, router_output& out);

  /// Plants that something is open for.
  [[nodiscard]] std::vector<std::string> busy_plants() const;
  [[nodiscard]] std::size_t open() const { return open_; }
  /// Every number below it is over with.
  [[nodiscard]] std::uint64_t done_below() const {
    return attempts_in_order_.empty() ? numbers_ + 1 : *attempts_in_order_.begin();
  }
  /// Numbers that were answered from that node since the last call: it need not keep the replies.
  [[nodiscard]] std::vector<std::uint64_t> take_done(node_number node);
  [[nodiscard]] std::uint64_t retries() const { return retries_; }
  /// From now on the own engine's node.not_ready is an answer: this node ends.
  void end() { ending_ = true; }

 private:
  /// A request or a question about a plant, from its coming to its answer.
  struct item {
    bool is_ask = false;
    bool once = false;
    request command;  // its tag is the caller's
    route_ask question;
    std::shared_ptr<reply_sink> sink;
    ask_done cb;
    std::string local;  // order is kept per this
    std::int64_t deadline_us = 0, sent_us = 0, not_before_us = 0, retry_us = 0;
    std::uint64_t attempt = 0;  // number of the last one, 0 = never sent
    std::uint32_t attempts = 0;
    node_number target = 0;  // of the last attempt
    term_number term = 0;
    std::size_t size = 0;
    bool sent = false;      // and no reply yet
    bool doubtful = false;  // an attempt may have been carried out
    bool made_key = false;  // the key is ours
    std::uint32_t parts_got = 0;
    std::vector<bytes> parts;
  };
  struct track {
    node_number leader = 0;
    term_number term = 0;
    std::map<std::uint64_t, std::unique_ptr<item>> items;  // in order of coming
    std::set<std::uint64_t> waiting;                       // those that are not sent
    std::size_t doubtful_sent = 0;
  };
  struct place {
    std::string plant;
    std::uint64_t order = 0;
  };
  /// A question to one node.
  struct node_ask {
    node_number node = 0;
    route_ask question;
    ask_done cb;
    std::int64_t deadline_us = 0, sent_us = 0;
    std::uint32_t parts_got = 0;
    std::vector<bytes> parts;
  };

  [[nodiscard]] static reply refusal_of(const request& r, std::string code, std::string detail);
  [[nodiscard]] static std::uint32_t left_ms(std::int64_t deadline_us, std::int64_t now_us);
  [[nodiscard]] bool reachable(node_number node) const {
    return node == self_ || up_.contains(node);
  }
  void pump(const std::string& plant, track& t, std::int64_t now_us, router_output& out);
  void send(const std::string& plant, track& t, std::uint64_t order, item& i, std::int64_t now_us,
            route_submit& batch, router_output& out);
  /// The item under the number of its present attempt, for its present target.
  void put_out(const item& i, std::uint32_t deadline_ms, route_submit& batch, router_output& out);
  void forget_attempt(item& i);
  void set_sent(track& t, std::uint64_t order, item& i, bool sent);
  void again(track& t, std::uint64_t order, item& i, std::int64_t now_us);
  [[nodiscard]] item* find(std::uint64_t attempt, node_number from, std::string& plant,
                           std::uint64_t& order);
  void finish(track& t, std::uint64_t order, reply r, router_output& out);
  void finish_ask(track& t, std::uint64_t order, result<route_content> r, router_output& out);
  void remove(track& t, std::uint64_t order);
  void repeat(item& i, std::int64_t now_us, route_submit& repeated, router_output& out);
  void expire(track& t, std::uint64_t order, item& i, router_output& out);
  void on_content_of(item& i, const std::string& plant, std::uint64_t order,
                     result<route_content> content, std::int64_t now_us, router_output& out);
  void give_back(const std::shared_ptr<reply_sink>& sink, reply r, router_output& out);

  node_number self_;
  router_limits limits_;
  std::function<std::string()> new_key_;
  std::map<std::string, track> tracks_;
  std::unordered_map<std::uint64_t, place> attempts_;
  std::set<std::uint64_t> attempts_in_order_;
  std::map<std::uint64_t, node_ask> node_asks_;  // by number
  std::map<node_number, std::vector<std::uint64_t>> done_;
  std::unordered_set<node_number> up_;
  std::uint64_t orders_ = 0;
  std::uint64_t numbers_ = 0;
  std::uint64_t retries_ = 0;
  std::size_t open_ = 0, open_bytes_ = 0;
  bool ending_ = false;
};

}  // namespace millrace
