// layer: cluster
// The router between nodes over a wire that loses, delays, doubles and reorders frames, with
// leaders that move and die: each request is answered once, what was accepted was done once, what
// was refused was not done, and requests of a batch to one actor keep their order.
#define BOOST_TEST_MODULE plant_router
#include <boost/test/unit_test.hpp>

#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>

#include "cluster/route_server.hpp"
#include "cluster/router.hpp"

using namespace millrace;

namespace {

request to_actor(std::string id, std::uint64_t tag, std::string key = {},
                 std::uint32_t deadline_ms = 10'000) {
  request r;
  r.to = {"hamburg", "order", std::move(id)};
  r.command = 1;
  r.tag = tag;
  r.key = std::move(key);
  r.deadline_ms = deadline_ms;
  return r;
}

std::vector<request> one(request r) {
  std::vector<request> out;
  out.push_back(std::move(r));
  return out;
}

reply answer_to(std::uint64_t tag, std::string code = {}) {
  reply r;
  r.tag = tag;
  if (!code.empty()) r.outcome = engine::Outcome::refused;
  r.code = std::move(code);
  return r;
}

struct no_sink final : reply_sink {
  void on_replies(std::vector<reply>) override {}
};

/// One router with a clock, for the small cases.
struct alone {
  router subject{1, router_limits(), [this] { return "key-" + std::to_string(++keys); }};
  std::shared_ptr<reply_sink> sink = std::make_shared<no_sink>();
  router_output out;
  std::int64_t now = 0;
  int keys = 0;

  std::vector<request> sent(node_number to) {
    std::vector<request> all;
    for (auto& s : std::exchange(out.submissions, {}))
      if (s.to == to)
        for (auto& r : s.what.batch) all.push_back(std::move(r));
    return all;
  }
  std::vector<reply> replies() {
    std::vector<reply> all;
    for (auto& [to, some] : std::exchange(out.replies, {}))
      for (auto& r : some) all.push_back(std::move(r));
    return all;
  }
  void submit(std::vector<request> batch) { subject.submit(std::move(batch), sink, now, out); }
  void lead(node_number node, term_number term) {
    subject.on_leader("hamburg", node, term, now, out);
  }
  void up(node_number node) { subject.on_peer(node, true, now, out); }
  void reply_from(node_number node, reply r) { subject.on_replies(node, {std::move(r)}, now, out); }
  void pass_ms(std::int64_t ms) {
    now += ms * 1000;
    subject.on_time(now, out);
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(requests_wait_for_a_leader_and_no_longer_than_their_deadline) {
  alone a;
  a.up(2);
  a.submit(one(to_actor("1", 7, "k", 1000)));
  a.submit(one(to_actor("2", 8, "k2", 3000)));
  BOOST_TEST(a.sent(2).empty());
  a.pass_ms(999);
  BOOST_TEST(a.replies().empty());
  a.pass_ms(1);
  const auto late = a.replies();
  BOOST_REQUIRE(late.size() == 1u);
  BOOST_TEST(late[0].tag == 7u);
  BOOST_TEST(late[0].code == "plant.not_leader");
  a.lead(2, 5);
  const auto sent = a.sent(2);
  BOOST_REQUIRE(sent.size() == 1u);
  BOOST_TEST(sent[0].deadline_ms == 2000u);
  BOOST_TEST(sent[0].key == "k2");
}

BOOST_AUTO_TEST_CASE(a_request_without_a_key_gets_one_and_keeps_it_through_all_attempts) {
  alone a;
  a.up(2);
  a.up(3);
  a.lead(2, 5);
  a.submit(one(to_actor("1", 7)));
  const auto first = a.sent(2);
  BOOST_REQUIRE(first.size() == 1u);
  BOOST_TEST(!first[0].key.empty());
  a.lead(3, 6);
  const auto second = a.sent(3);
  BOOST_REQUIRE(second.size() == 1u);
  BOOST_TEST(second[0].key == first[0].key);
  BOOST_TEST(second[0].tag != first[0].tag);
  // The reply of the attempt that was given up means nothing any more.
  a.reply_from(2, answer_to(first[0].tag, "order.closed"));
  BOOST_TEST(a.replies().empty());
  auto replayed = answer_to(second[0].tag);
  replayed.replayed = true;
  a.reply_from(3, std::move(replayed));
  const auto got = a.replies();
  BOOST_REQUIRE(got.size() == 1u);
  BOOST_TEST(got[0].tag == 7u);
  BOOST_TEST(!got[0].replayed);  // the client has sent it once
  BOOST_TEST(a.subject.open() == 0u);
}

BOOST_AUTO_TEST_CASE(a_lost_frame_is_repeated_under_its_number) {
  alone a;
  a.up(2);
  a.lead(2, 5);
  a.submit(one(to_actor("1", 7, "k")));
  const auto first = a.sent(2);
  a.pass_ms(499);
  BOOST_TEST(a.sent(2).empty());
  a.pass_ms(1);
  const auto second = a.sent(2);
  BOOST_REQUIRE(second.size() == 1u);
  BOOST_TEST(second[0].tag == first[0].tag);
}

BOOST_AUTO_TEST_CASE(an_unknown_outcome_is_asked_for_again_and_said_at_the_deadline) {
  alone a;
  a.up(2);
  a.lead(2, 5);
  a.submit(one(to_actor("1", 7, "k", 1000)));
  a.reply_from(2, answer_to(a.sent(2)[0].tag, "outcome.unknown"));
  a.pass_ms(20);
  BOOST_TEST(a.sent(2).size() == 1u);
  a.lead(0, 6);
  a.pass_ms(980);
  const auto got = a.replies();
  BOOST_REQUIRE(got.size() == 1u);
  BOOST_TEST(got[0].code == "outcome.unknown");
}

BOOST_AUTO_TEST_CASE(a_leader_that_steps_down_in_its_term_gets_nothing_more) {
  alone a;
  a.lead(1, 5);  // this node
  a.submit(one(to_actor("1", 7, "k", 1000)));
  a.reply_from(1, answer_to(a.sent(1)[0].tag, "outcome.unknown"));
  a.lead(0, 5);
  a.pass_ms(500);
  BOOST_TEST(a.sent(1).empty());
  a.lead(1, 7);
  BOOST_TEST(a.sent(1).size() == 1u);
  a.lead(0, 7);  // it holds the request and does not say
  a.pass_ms(2499);
  BOOST_TEST(a.replies().empty());
  a.pass_ms(1);
  const auto got = a.replies();
  BOOST_REQUIRE(got.size() == 1u);
  BOOST_TEST(got[0].code == "outcome.unknown");
}

BOOST_AUTO_TEST_CASE(nothing_overtakes_a_request_of_its_actor_that_has_to_wait) {
  alone a;
  a.up(2);
  a.lead(2, 5);
  a.submit(one(to_actor("1", 7, "a")));
  a.reply_from(2, answer_to(a.sent(2)[0].tag, "plant.not_leader"));
  std::vector<request> more;
  more.push_back(to_actor("1", 8, "b"));
  more.push_back(to_actor("2", 9, "c"));
  a.submit(std::move(more));
  const auto others = a.sent(2);
  BOOST_REQUIRE(others.size() == 1u);
  BOOST_TEST(others[0].to.id == "2");
  a.pass_ms(20);
  const auto both = a.sent(2);
  BOOST_REQUIRE(both.size() == 2u);
  BOOST_TEST(both[0].key == "a");
  BOOST_TEST(both[1].key == "b");
}

BOOST_AUTO_TEST_CASE(what_is_more_than_the_limit_is_refused_at_once) {
  router_limits limits;
  limits.open_max = 2;
  router subject(1, limits, [] { return std::string("k"); });
  router_output out;
  std::vector<request> batch;
  for (std::uint64_t i = 1; i <= 3; ++i) batch.push_back(to_actor("1", i));
  subject.submit(std::move(batch), std::make_shared<no_sink>(), 0, out);
  BOOST_REQUIRE(out.replies.size() == 1u);
  BOOST_REQUIRE(out.replies[0].second.size() == 1u);
  BOOST_TEST(out.replies[0].second[0].tag == 3u);
  BOOST_TEST(out.replies[0].second[0].code == "plant.overloaded");
}

BOOST_AUTO_TEST_CASE(a_read_goes_to_the_next_leader_and_an_act_is_not_done_twice) {
  alone a;
  a.up(2);
  a.up(3);
  a.lead(2, 5);
  std::vector<std::string> codes;
  const auto note = [&](const char* name) {
    return [&codes, name](result<route_content> r) {
      codes.push_back(std::string(name) + ' ' + (r ? "fine" : r.error().code));
    };
  };
  route_ask read;
  read.where.plant = "hamburg";
  a.subject.ask(read, 5'000'000, false, note("read"), a.now, a.out);
  route_ask act = read;
  act.what = asked::deadletter;
  a.subject.ask(act, 5'000'000, true, note("act"), a.now, a.out);
  BOOST_TEST(a.out.questions.size() == 2u);
  a.out.questions.clear();
  a.lead(3, 6);
  BOOST_REQUIRE(a.out.questions.size() == 1u);
  BOOST_TEST(a.out.questions[0].to == 3u);
  const auto content = cut_answer(a.out.questions[0].what.number, route_content());
  for (const auto& part : content) a.subject.on_answer(3, part, a.now, a.out);
  for (auto& [cb, r] : std::exchange(a.out.answers, {})) cb(std::move(r));
  BOOST_TEST(codes == (std::vector<std::string>{"act outcome.unknown", "read fine"}),
             boost::test_tools::per_element());
}

namespace {

/// Three nodes, one plant, everything between them at random.
class world {
 public:
  explicit world(std::uint64_t seed) : random_(seed) {
    for (node_number n = 1; n <= 3; ++n) begin(n);
    elect();
  }

  void play() {
    for (int i = 0; i < 60; ++i) at(below(4'000'000), [this] { client_sends(); });
    for (int i = 0; i < 4; ++i) at(below(4'000'000), [this] { disturb(); });
    for (std::int64_t t = 0; t < 20'000'000; t += 10'000) at(t, [this] { tick(); });
    while (!queue_.empty()) {
      auto first = queue_.extract(queue_.begin());
      now_ = first.key().first;
      first.mapped()();
    }
  }

  void check() const {
    std::map<std::string, std::size_t> done;
    for (std::size_t i = 0; i < log_.size(); ++i) {
      BOOST_TEST(done.emplace(log_[i].what, i).second, log_[i].what << " was done twice");
      const auto order = std::pair(log_[i].batch, log_[i].actor);
      if (i > 0)
        for (std::size_t j = 0; j < i; ++j)
          if (std::pair(log_[j].batch, log_[j].actor) == order)
            BOOST_TEST(log_[j].tag < log_[i].tag, "out of order");
    }
    for (const auto& [what, sent] : sent_) {
      if (sent.lost) continue;  // its node died with it
      BOOST_REQUIRE_MESSAGE(sent.code.has_value(), what << " has no answer");
      if (sent.code->empty())
        BOOST_TEST(done.contains(what), what << " was acknowledged and not done");
      else if (*sent.code != "outcome.unknown")
        BOOST_TEST(!done.contains(what), what << " was refused with " << *sent.code << " and done");
    }
  }
  [[nodiscard]] std::size_t accepted() const {
    return static_cast<std::size_t>(std::count_if(sent_.begin(), sent_.end(), [](const auto& s) {
      return s.second.code && s.second.code->empty();
    }));
  }

 private:
  struct sent_request {
    node_number node = 0;
    std::optional<std::string> code;
    bool lost = false;
  };
  struct effect {
    std::string what, key, actor;
    std::uint64_t batch = 0, tag = 0;
    std::string refused;  // by a rule: journaled like an effect, since there is a key
  };
  struct proposal {
    effect does;
    std::uint64_t tag = 0;
    std::function<void(reply)> answer;
  };
  struct node {
    std::unique_ptr<router> routes;
    std::unique_ptr<route_server> serves;
    std::uint64_t session = 0;
    bool alive = false;
    std::int64_t engine_free = 0;
  };
  struct client_sink final : reply_sink {
    client_sink(world& w, std::uint64_t b) : in(w), batch(b) {}
    void on_replies(std::vector<reply> replies) override {
      for (auto& r : replies) in.answered(batch, r);
    }
    world& in;
    std::uint64_t batch;
  };

  std::int64_t below(std::int64_t n) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(n));
  }
  bool one_in(int n) { return below(n) == 0; }
  void at(std::int64_t when, std::function<void()> what) {
    queue_.emplace(std::pair(std::max(when, now_), ++sequence_), std::move(what));
  }
  static std::string name_of(std::uint64_t batch, std::uint64_t tag) {
    return std::to_string(batch) + '.' + std::to_string(tag);
  }

  void begin(node_number n) {
    auto& it = nodes_[n];
    it.alive = true;
    it.session = random_() | 1u;
    it.engine_free = now_;
    it.routes = std::make_unique<router>(n, router_limits(),
                                         [this] { return "made-" + std::to_string(++keys_); });
    it.serves = std::make_unique<route_server>();
    for (node_number p = 1; p <= 3; ++p) tell_peer(n, p);
    tell_leader(n);
  }
  void tell_peer(node_number n, node_number about) {
    if (n == about || !nodes_[n].alive) return;
    router_output out;
    nodes_[n].routes->on_peer(about, nodes_[about].alive, now_, out);
    carry_out(n, out);
  }
  void tell_leader(node_number n) {
    if (!nodes_[n].alive) return;
    router_output out;
    nodes_[n].routes->on_leader("hamburg", leader_, term_, now_, out);
    carry_out(n, out);
  }

  void elect() {
    std::vector<node_number> able;
    for (const auto& [n, it] : nodes_)
      if (it.alive) able.push_back(n);
    if (able.empty()) return at(now_ + 100'000, [this] { elect(); });
    leader_ = able[static_cast<std::size_t>(below(static_cast<std::int64_t>(able.size())))];
    ++term_;
    for (node_number n = 1; n <= 3; ++n) at(now_ + below(50'000), [this, n] { tell_leader(n); });
  }
  /// The leader is lost: of what it had proposed a prefix survives; who lives says "unknown".
  void depose(bool dies) {
    const auto old = leader_;
    leader_ = 0;
    ++term_;
    const auto kept = below(static_cast<std::int64_t>(proposed_.size()) + 1);
    auto lost = std::exchange(proposed_, {});
    for (std::size_t i = 0; i < lost.size(); ++i) {
      if (static_cast<std::int64_t>(i) < kept) apply(lost[i].does);
      if (!dies) lost[i].answer(answer_to(lost[i].tag, "outcome.unknown"));
    }
    if (dies) die(old);
    for (node_number n = 1; n <= 3; ++n) at(now_ + below(50'000), [this, n] { tell_leader(n); });
    at(now_ + 300'000 + below(1'200'000), [this] { elect(); });
  }
  void die(node_number n) {
    nodes_[n].alive = false;
    nodes_[n].routes.reset();
    for (auto& [what, s] : sent_)
      if (s.node == n && !s.code) s.lost = true;
    for (node_number p = 1; p <= 3; ++p) tell_peer(p, n);
    at(now_ + 1'000'000 + below(2'000'000), [this, n] {
      begin(n);
      for (node_number p = 1; p <= 3; ++p) tell_peer(p, n);
    });
  }
  void disturb() {
    if (leader_ != 0) depose(one_in(2));
  }

  void client_sends() {
    const auto n = static_cast<node_number>(1 + below(3));
    if (!nodes_[n].alive) return;
    const auto batch = ++batches_;
    std::vector<request> all;
    const auto count = 1 + below(4);
    for (std::int64_t i = 1; i <= count; ++i) {
      const auto tag = static_cast<std::uint64_t>(i);
      auto r = to_actor(std::to_string(below(2)), tag,
                        one_in(2) ? "client-" + name_of(batch, tag) : std::string(),
                        static_cast<std::uint32_t>(500 + below(8'000)));
      r.reason = name_of(batch, tag);
      sent_[r.reason].node = n;
      all.push_back(std::move(r));
    }
    router_output out;
    nodes_[n].routes->submit(std::move(all), std::make_shared<client_sink>(*this, batch), now_,
                             out);
    carry_out(n, out);
  }
  void answered(std::uint64_t batch, const reply& r) {
    auto& s = sent_[name_of(batch, r.tag)];
    BOOST_REQUIRE_MESSAGE(!s.code, name_of(batch, r.tag) << " was answered twice");
    s.code = r.code;
  }

  void tick() {
    for (auto& [n, it] : nodes_) {
      if (!it.alive) continue;
      router_output out;
      it.routes->on_time(now_, out);
      carry_out(n, out);
    }
  }

  void carry_out(node_number n, router_output& out) {
    for (auto& s : out.submissions) {
      if (s.to == n)
        engine(n, s.what.term, std::move(s.what.batch),
               [this, n](reply r) { to_router(n, n, std::move(r)); });
      else
        post(n, s.to,
             {nodes_[n].session, nodes_[n].routes->done_below(), std::move(s.what),
              nodes_[n].routes->take_done(s.to)});
    }
    for (auto& [sink, replies] : out.replies) sink->on_replies(std::move(replies));
  }
  void to_router(node_number n, node_number from, reply r) {
    if (!nodes_[n].alive) return;
    router_output out;
    nodes_[n].routes->on_replies(from, {std::move(r)}, now_, out);
    carry_out(n, out);
  }

  /// The wire: by bytes, so that frames are what they are on the real one.
  void post(node_number from, node_number to, const route_frame& frame) {
    const auto bytes = encode_route(frame);
    const int copies = one_in(8) ? 0 : one_in(8) ? 2 : 1;
    for (int i = 0; i < copies; ++i)
      at(now_ + 100 + below(one_in(10) ? 700'000 : 3'000), [this, from, to, bytes] {
        if (!nodes_[to].alive) return;
        auto got = decode_route(bytes);
        BOOST_REQUIRE(got);
        take(from, to, std::move(*got));
      });
  }
  void take(node_number from, node_number to, route_frame frame) {
    auto& it = nodes_[to];
    it.serves->on_head(from, frame.session, frame.done_below, frame.done);
    if (auto* replies = std::get_if<route_replies>(&frame.body)) {
      for (auto& r : replies->replies) to_router(to, from, std::move(r));
    } else if (auto* s = std::get_if<route_submit>(&frame.body)) {
      auto admitted = it.serves->on_submit(from, std::move(s->batch));
      if (!admitted.replies.empty()) reply_to(to, from, std::move(admitted.replies));
      const auto session = it.serves->session(from);
      engine(to, s->term, std::move(admitted.run), [this, to, from, session](reply r) {
        auto out = nodes_[to].serves->on_replies(from, session, {std::move(r)});
        if (!out.empty()) reply_to(to, from, std::move(out));
      });
    }
  }
  void reply_to(node_number from, node_number to, std::vector<reply> replies) {
    if (nodes_[from].alive)
      post(from, to,
           {nodes_[from].session, nodes_[from].routes->done_below(),
            route_replies{std::move(replies)}});
  }

  /// A plant host: the window, proposals that commit later, refusals by a rule.
  void engine(node_number n, term_number term, std::vector<request> batch,
              std::function<void(reply)> answer) {
    if (batch.empty()) return;
    auto& it = nodes_[n];
    it.engine_free = std::max(it.engine_free, now_) + below(2'000);
    const auto session = it.session;
    if (leader_ != n || term_ != term) {
      for (const auto& r : batch) answer(answer_to(r.tag, "plant.not_leader"));
      return;
    }
    at(it.engine_free,
       [this, n, term, session, batch = std::move(batch), answer = std::move(answer)] {
         if (!nodes_[n].alive || nodes_[n].session != session) return;
         for (const auto& r : batch) decide(n, term, r, answer);
         const auto flight = ++flights_;
         at(now_ + below(30'000), [this, n, term, flight] {
           if (leader_ == n && term_ == term) commit(flight);
         });
       });
  }
  void decide(node_number n, term_number term, const request& r,
              const std::function<void(reply)>& answer) {
    if (leader_ != n || term_ != term) return answer(answer_to(r.tag, "plant.not_leader"));
    if (const auto known = window_.find(r.key); known != window_.end()) {
      auto again = answer_to(r.tag, known->second);
      again.replayed = true;
      return answer(std::move(again));
    }
    for (const auto& p : proposed_)
      if (p.does.key == r.key) return answer(answer_to(r.tag, "request.in_flight"));
    const auto dot = r.reason.find('.');
    proposed_.push_back({{r.reason, r.key, r.to.id, std::stoull(r.reason.substr(0, dot)),
                          std::stoull(r.reason.substr(dot + 1)), one_in(10) ? "order.closed" : ""},
                         r.tag,
                         answer});
  }
  void commit(std::uint64_t) {
    for (auto& p : std::exchange(proposed_, {})) {
      apply(p.does);
      p.answer(answer_to(p.tag, p.does.refused));
    }
  }
  void apply(const effect& e) {
    if (window_.emplace(e.key, e.refused).second && e.refused.empty()) log_.push_back(e);
  }

  std::mt19937_64 random_;
  std::int64_t now_ = 0;
  std::uint64_t sequence_ = 0, batches_ = 0, keys_ = 0, flights_ = 0;
  std::map<std::pair<std::int64_t, std::uint64_t>, std::function<void()>> queue_;
  std::map<node_number, node> nodes_;
  node_number leader_ = 0;
  term_number term_ = 0;
  std::vector<proposal> proposed_;
  std::map<std::string, std::string> window_;  // key -> refusal
  std::vector<effect> log_;
  std::map<std::string, sent_request> sent_;
};

}  // namespace

BOOST_AUTO_TEST_CASE(over_a_bad_wire_each_request_is_answered_once_and_done_once) {
  std::size_t accepted = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      world w(seed);
      w.play();
      w.check();
      accepted += w.accepted();
    }
  }
  BOOST_TEST(accepted > 15'000u);  // most of some 30,000: the faults end and requests get through
}
