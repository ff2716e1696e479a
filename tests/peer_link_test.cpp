// layer: cluster
// The link between nodes over real sockets: who gets in, what arrives and from whom, what is
// dropped, how keys change.
#define BOOST_TEST_MODULE peer_link
#include <boost/test/unit_test.hpp>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <cstring>
#include <functional>
#include <mutex>
#include <thread>

#include "cluster/local_port.hpp"
#include "cluster/peer_frame.hpp"
#include "cluster/peer_link.hpp"
#include "cluster/peer_presence.hpp"
#include "cluster/zap.hpp"

using namespace millrace;

namespace {

constexpr auto patience = std::chrono::seconds(20);

shared_bytes text(const std::string& s) {
  return std::make_shared<const bytes>(s.begin(), s.end());
}

/// What a node's listener got.
class inbox {
 public:
  struct item {
    node_number from;
    bool bulk;
    std::string text;
  };
  peer_listener listener() {
    const auto take = [this](bool bulk) {
      return [this, bulk](node_number from, bytes_view e) {
        const auto address = reinterpret_cast<std::uintptr_t>(e.data());
        const std::lock_guard lock(mutex_);
        aligned_ = aligned_ && address % 8 == 0;
        items_.push_back({from, bulk, std::string(e.begin(), e.end())});
        changed_.notify_all();
      };
    };
    return {take(false), take(true), [this](node_number peer, bool up) {
              const std::lock_guard lock(mutex_);
              up_[peer] = up;
              changed_.notify_all();
            }};
  }
  bool wait(const std::function<bool(const inbox&)>& holds) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return holds(*this); });
  }
  bool has(const std::string& what) {
    return wait([&](const inbox& in) {
      for (const auto& i : in.items_)
        if (i.text == what) return true;
      return false;
    });
  }
  bool is_up(node_number peer, bool up = true) {
    return wait([&](const inbox& in) {
      const auto found = in.up_.find(peer);
      return found != in.up_.end() && found->second == up;
    });
  }
  std::vector<item> items() const {
    const std::lock_guard lock(mutex_);
    return items_;
  }
  bool aligned() const { return aligned_; }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<item> items_;
  std::map<node_number, bool> up_;
  bool aligned_ = true;
};

std::string free_address() {
  const auto port = free_port();
  BOOST_REQUIRE(port);
  return "tcp://127.0.0.1:" + std::to_string(*port);
}

/// Names and places of nodes 1, 2, …, of which any can be started.
struct town {
  explicit town(std::size_t nodes) {
    for (std::size_t n = 1; n <= nodes; ++n) {
      keys.push_back(make_curve_key());
      entries.push_back({n, {keys.back().public_key}, free_address(), free_address()});
    }
    limits.beacon_us = 20'000;
    limits.silence_us_max = 10'000'000;
    limits.reconnect_ms = 10;
    limits.reconnect_ms_max = 100;
  }
  peer_link_options options(node_number self) const {
    peer_link_options o;
    o.cluster = "test";
    o.self = self;
    o.key = keys[self - 1];
    o.consensus = entries[self - 1].consensus;
    o.bulk = entries[self - 1].bulk;
    o.limits = limits;
    for (const auto& e : entries)
      if (e.node != self) o.peers.push_back(e);
    return o;
  }
  std::vector<curve_key> keys;
  std::vector<peer_entry> entries;
  peer_limits limits;
};

struct node {
  explicit node(peer_link_options o) {
    auto made = peer_link::start(std::move(o), in.listener(), time);
    BOOST_REQUIRE_MESSAGE(made.has_value(), (made ? "" : made.error().detail));
    link = std::move(*made);
  }
  peer_status peer(node_number n) const {
    for (const auto& s : link->peers())
      if (s.node == n) return s;
    return {};
  }
  node_clock time;
  inbox in;
  std::unique_ptr<peer_link> link;
};

template <class F>
bool eventually(F holds) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

bool reached(const node& from, node_number to) {
  return eventually([&] { return from.peer(to).reached; });
}

/// A socket that does as an attacker likes.
struct raw {
  explicit raw(const curve_key* own = nullptr, const std::string& server = {}) {
    socket.set(zmq::sockopt::linger, 0);
    if (own == nullptr) return;
    socket.set(zmq::sockopt::curve_publickey, own->public_key);
    socket.set(zmq::sockopt::curve_secretkey, own->secret_key);
    socket.set(zmq::sockopt::curve_serverkey, server);
  }
  void watch(int events) {
    BOOST_REQUIRE(zmq_socket_monitor(socket.handle(), "inproc://raw", events) == 0);
    monitor.connect("inproc://raw");
    monitor.set(zmq::sockopt::rcvtimeo, 20'000);
  }
  int event() {
    zmq::message_t what;
    zmq::message_t where;
    if (!monitor.recv(what) || !monitor.recv(where)) return 0;
    std::uint16_t number = 0;
    std::memcpy(&number, what.data(), sizeof number);
    return number;
  }
  void send(const std::string& frame) {
    BOOST_REQUIRE(socket.send(zmq::buffer(frame)).has_value());
  }
  zmq::context_t context{1};
  zmq::socket_t socket{context, zmq::socket_type::dealer};
  zmq::socket_t monitor{context, zmq::socket_type::pair};
};

std::string frame_of(const std::string& envelope, const std::string& cluster = "test",
                     std::uint64_t session = 7, bool bulk = false) {
  const auto head = write_head({frame_kind::envelope, bulk, cluster_fingerprint(cluster), session});
  return std::string(head.begin(), head.end()) + envelope;
}

constexpr int handshake_failed = ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                                 ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                                 ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;

}  // namespace

// ---- the pure parts ----

BOOST_AUTO_TEST_CASE(heads_go_to_bytes_and_back_and_nothing_else_is_a_head) {
  const frame_head head{frame_kind::beacon, false, 0x1122334455667788, 42};
  const auto bytes = write_head(head);
  BOOST_CHECK(read_head(bytes) == head);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    BOOST_TEST(!read_head(bytes_view(bytes.data(), size)).has_value());
  for (const auto& [at, value] : std::vector<std::pair<std::size_t, std::uint8_t>>{
           {0, 'x'}, {3, '2'}, {4, 0}, {4, 4}, {4, 1}, {5, 2}, {6, 1}, {7, 1}}) {
    auto bad = bytes;
    bad[at] = value;  // kind 1 without an envelope is none either
    BOOST_TEST(!read_head(bad).has_value());
  }
  BOOST_TEST(cluster_fingerprint("a") != cluster_fingerprint("b"));
}

BOOST_AUTO_TEST_CASE(a_second_process_is_refused_until_the_first_is_silent) {
  using verdict = peer_presence::verdict;
  peer_presence p(1000);
  BOOST_CHECK(p.heard(2, 11, 0) == verdict::came);
  BOOST_CHECK(p.heard(2, 11, 900) == verdict::known);
  BOOST_CHECK(p.heard(2, 22, 1000) == verdict::stranger);
  BOOST_TEST(p.doubled().empty());  // perhaps the first was killed just now
  BOOST_CHECK(p.heard(2, 11, 1100) == verdict::known);
  BOOST_TEST(p.doubled() == std::vector<node_number>{2});
  BOOST_TEST(p.doubled().empty());
  BOOST_TEST(p.fallen_silent(2100).empty());
  BOOST_TEST(p.fallen_silent(2101) == std::vector<node_number>{2});
  BOOST_TEST(!p.status(2).up);
  BOOST_CHECK(p.heard(2, 22, 2200) == verdict::came);
  BOOST_TEST(p.status(2).doubled == 1u);
}

BOOST_AUTO_TEST_CASE(a_killed_process_that_comes_back_is_no_double) {
  using verdict = peer_presence::verdict;
  peer_presence p(1000);
  BOOST_CHECK(p.heard(2, 11, 0) == verdict::came);
  BOOST_CHECK(p.heard(2, 22, 500) == verdict::stranger);
  BOOST_CHECK(p.heard(2, 22, 1001) == verdict::came);
  BOOST_TEST(p.doubled().empty());
  BOOST_TEST(!p.farewell(2, 11));
  BOOST_TEST(p.farewell(2, 22));
  BOOST_CHECK(p.heard(2, 33, 1002) == verdict::came);
}

BOOST_AUTO_TEST_CASE(zap_lets_in_listed_curve_keys_of_its_domain_only) {
  const auto key = make_curve_key();
  std::string raw_key(32, '\0');
  zmq_z85_decode(reinterpret_cast<std::uint8_t*>(raw_key.data()), key.public_key.c_str());
  const auto user_of = [&](std::string_view k) {
    return std::string(k == key.public_key ? "two" : "");
  };
  const auto status = [&](std::vector<std::string> request) {
    return answer_zap(request, "here", user_of)[2];
  };
  const std::vector<std::string> good{"1.0", "9", "here", "127.0.0.1", "", "CURVE", raw_key};
  BOOST_TEST(status(good) == "200");
  BOOST_TEST(answer_zap(good, "here", user_of)[1] == "9");
  BOOST_TEST(answer_zap(good, "here", user_of)[4] == "two");
  BOOST_TEST(status({"1.0", "9", "there", "", "", "CURVE", raw_key}) == "400");
  BOOST_TEST(status({"1.0", "9", "", "", "", "CURVE", raw_key}) == "400");
  BOOST_TEST(status({"1.0", "9", "here", "", "", "NULL"}) == "400");
  BOOST_TEST(status({"1.0", "9", "here", "", "", "PLAIN", "two", "secret"}) == "400");
  BOOST_TEST(status({"1.0", "9", "here", "", "", "CURVE", std::string(32, 'x')}) == "400");
  BOOST_TEST(status({"1.0", "9", "here", "", "", "CURVE", raw_key.substr(1)}) == "400");
  BOOST_TEST(status({"2.0", "9", "here", "", "", "CURVE", raw_key}) == "400");
  BOOST_TEST(status({}) == "400");
}

BOOST_AUTO_TEST_CASE(a_list_of_peers_that_makes_no_sense_is_refused) {
  const town t(3);
  const auto refused = [&](const std::function<void(peer_link_options&)>& spoil) {
    auto o = t.options(1);
    spoil(o);
    return !peer_book::of(o.peers, o.self, o.key.public_key).has_value();
  };
  BOOST_TEST(!refused([](auto&) {}));
  BOOST_TEST(refused([](auto& o) { o.peers[0].node = 1; }));
  BOOST_TEST(refused([](auto& o) { o.peers[0].node = 0; }));
  BOOST_TEST(refused([](auto& o) { o.peers[0].node = 3; }));
  BOOST_TEST(refused([](auto& o) { o.peers[0].keys.clear(); }));
  BOOST_TEST(refused([](auto& o) { o.peers[0].keys = {"short"}; }));
  BOOST_TEST(refused([](auto& o) { o.peers[0].keys = {o.key.public_key}; }));
  BOOST_TEST(refused([](auto& o) { o.peers[0].keys = o.peers[1].keys; }));
  BOOST_TEST(refused([](auto& o) { o.peers[0].bulk = "ipc:///tmp/x"; }));
}

// ---- over sockets ----

BOOST_AUTO_TEST_CASE(envelopes_arrive_in_order_from_the_owner_of_the_key) {
  const town t(3);
  node a(t.options(1));
  node b(t.options(2));
  node c(t.options(3));
  BOOST_REQUIRE(reached(a, 2) && reached(b, 1) && reached(c, 1));
  for (int i = 0; i < 100; ++i) {
    b.link->send(1, text("b" + std::to_string(i)), false);
    c.link->send(1, text("c" + std::to_string(i)), true);
    a.link->send(2, text("a" + std::to_string(i)), i % 2 == 0);
  }
  b.link->send(9, text("nobody"), false);
  BOOST_REQUIRE(a.in.has("b99") && a.in.has("c99") && b.in.has("a99") && b.in.has("a98"));
  std::map<node_number, int> next;
  for (const auto& item : a.in.items()) {
    BOOST_TEST(item.text == (item.from == 2 ? "b" : "c") + std::to_string(next[item.from]++));
    BOOST_TEST(item.bulk == (item.from == 3));
  }
  BOOST_TEST(a.in.aligned());
  BOOST_TEST(c.in.items().empty());
  BOOST_TEST((a.in.is_up(2) && a.in.is_up(3)));
  BOOST_TEST(a.peer(2).up);
  BOOST_TEST(a.peer(2).received == 100u);
  BOOST_TEST(b.peer(1).sent >= 100u);
  BOOST_TEST(b.peer(1).dropped == 0u);
  BOOST_TEST(a.peer(2).heard_us > 0);
}

BOOST_AUTO_TEST_CASE(a_key_that_is_not_listed_does_not_get_in) {
  const town t(2);
  node a(t.options(1));
  auto forged = t.options(2);
  forged.key = make_curve_key();
  const node thief(forged);
  BOOST_REQUIRE(eventually([&] { return a.link->refusals().handshakes > 2; }));
  thief.link->send(1, text("stolen"), false);
  BOOST_TEST(!thief.peer(1).reached);
  BOOST_TEST(thief.peer(1).dropped >= 1u);
  BOOST_TEST(a.in.items().empty());
  BOOST_TEST(!a.peer(2).up);
}

BOOST_AUTO_TEST_CASE(a_peer_that_shows_another_key_than_listed_is_not_talked_to) {
  const town t(2);
  auto forged = t.options(2);
  forged.key = make_curve_key();
  const node thief(forged);
  node a(t.options(1));
  BOOST_REQUIRE(eventually([&] { return a.link->refusals().handshakes > 2; }));
  a.link->send(2, text("secret"), false);
  BOOST_TEST(!a.peer(2).reached);
  BOOST_TEST(thief.in.items().empty());
}

BOOST_AUTO_TEST_CASE(connections_without_curve_are_refused) {
  const town t(2);
  node a(t.options(1));
  for (const bool plain : {false, true}) {
    raw r;
    if (plain) {
      r.socket.set(zmq::sockopt::plain_username, "2");
      r.socket.set(zmq::sockopt::plain_password, "2");
    }
    r.watch(handshake_failed | ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    r.socket.connect(a.link->consensus_address());
    r.send(frame_of("open"));
    BOOST_TEST((r.event() & handshake_failed) != 0);
  }
  node b(t.options(2));
  BOOST_REQUIRE(reached(b, 1));
  b.link->send(1, text("listed"), false);
  BOOST_TEST(a.in.has("listed"));
  BOOST_TEST(a.in.items().size() == 1u);
}

BOOST_AUTO_TEST_CASE(without_a_handler_nobody_gets_in) {
  const auto server = make_curve_key();
  const auto client = make_curve_key();
  zmq::context_t context{1};
  zmq::socket_t router{context, zmq::socket_type::router};
  router.set(zmq::sockopt::linger, 0);
  guard_with_zap(router, server.secret_key, "here");
  router.bind("tcp://127.0.0.1:*");
  raw r(&client, server.public_key);
  r.watch(handshake_failed | ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
  r.socket.connect(router.get(zmq::sockopt::last_endpoint));
  BOOST_TEST((r.event() & handshake_failed) != 0);
}

BOOST_AUTO_TEST_CASE(a_key_that_is_struck_off_is_refused_on_connections_that_stand) {
  const town t(2);
  node a(t.options(1));
  node b(t.options(2));
  BOOST_REQUIRE(reached(b, 1));
  b.link->send(1, text("before"), false);
  BOOST_REQUIRE(a.in.has("before"));
  auto peers = t.options(1).peers;
  peers[0].keys = {make_curve_key().public_key};
  BOOST_REQUIRE(a.link->reload(t.keys[0], peers).has_value());
  b.link->send(1, text("after"), false);
  BOOST_TEST(eventually([&] { return a.link->refusals().frames > 0; }));
  BOOST_TEST(a.in.items().size() == 1u);
  peers[0].node = 1;
  BOOST_TEST(a.link->reload(t.keys[0], peers).error().code == "config.invalid");
}

BOOST_AUTO_TEST_CASE(of_two_processes_with_one_number_the_second_is_refused_and_flagged) {
  const town t(2);
  node a(t.options(1));
  auto first = std::make_unique<node>(t.options(2));
  BOOST_REQUIRE(a.in.is_up(2) && reached(*first, 1));
  auto copy = t.options(2);
  copy.consensus = copy.bulk = "tcp://127.0.0.1:0";
  node second(copy);
  BOOST_REQUIRE(reached(second, 1));
  second.link->send(1, text("second"), false);
  BOOST_TEST(eventually([&] { return a.peer(2).doubled > 0; }));
  first->link->send(1, text("first"), false);
  BOOST_REQUIRE(a.in.has("first"));
  BOOST_TEST(a.in.items().size() == 1u);
  first.reset();  // says farewell: its number is free
  BOOST_REQUIRE(eventually([&] {
    second.link->send(1, text("third"), true);
    return a.in.items().size() > 1;
  }));
  BOOST_TEST(a.in.items()[1].text == "third");
}

BOOST_AUTO_TEST_CASE(another_cluster_is_refused_though_its_key_is_listed) {
  const town t(2);
  node a(t.options(1));
  auto other = t.options(2);
  other.cluster = "elsewhere";
  node b(other);
  BOOST_REQUIRE(reached(b, 1));
  b.link->send(1, text("lost"), false);
  BOOST_TEST(eventually([&] { return a.peer(2).refused > 0; }));
  BOOST_TEST(a.in.items().empty());
  BOOST_TEST(!a.peer(2).up);
}

BOOST_AUTO_TEST_CASE(garbage_under_a_listed_key_is_counted_and_harms_nobody) {
  const town t(3);
  node a(t.options(1));
  node c(t.options(3));
  BOOST_REQUIRE(reached(c, 1));
  raw r(&t.keys[1], t.keys[0].public_key);
  r.socket.connect(a.link->consensus_address());
  std::uint64_t bad = 0;
  std::uint32_t seed = 1;
  for (std::size_t size = 0; size < 200; size += 7, ++bad) {
    std::string junk(size, '\0');
    for (auto& ch : junk) ch = static_cast<char>(seed = seed * 1664525 + 1013904223) >> 3;
    r.send(junk);
  }
  r.send(frame_of("of the other class", "test", 7, true));
  BOOST_REQUIRE(r.socket.send(zmq::buffer("two", 3), zmq::send_flags::sndmore).has_value());
  r.send(frame_of("parts"));
  bad += 2;
  BOOST_TEST(eventually([&] { return a.peer(2).refused == bad; }));
  r.send(frame_of("well formed"));
  BOOST_REQUIRE(a.in.has("well formed"));
  BOOST_TEST(a.in.items().size() == 1u);
  BOOST_TEST(a.in.items()[0].from == 2u);
  c.link->send(1, text("unharmed"), false);
  BOOST_TEST(a.in.has("unharmed"));
}

BOOST_AUTO_TEST_CASE(what_is_too_large_does_not_leave_and_does_not_come_in) {
  const town t(3);
  node a(t.options(1));
  node c(t.options(3));
  BOOST_REQUIRE(reached(c, 1));
  c.link->send(1, text(std::string(envelope_bytes_max + 1, 'x')), true);
  BOOST_TEST(c.peer(1).dropped == 1u);
  c.link->send(1, text(std::string(envelope_bytes_max, 'y')), true);
  BOOST_TEST(a.in.wait([&](const inbox&) { return true; }));
  BOOST_REQUIRE(eventually([&] { return a.peer(3).received == 1; }));

  raw r(&t.keys[1], t.keys[0].public_key);
  r.watch(ZMQ_EVENT_DISCONNECTED);
  r.socket.connect(a.link->consensus_address());
  r.send(frame_of(std::string(envelope_bytes_max + 1000, 'z')));
  BOOST_TEST(r.event() == ZMQ_EVENT_DISCONNECTED);
  c.link->send(1, text("unharmed"), false);
  BOOST_TEST(a.in.has("unharmed"));
  BOOST_TEST(a.peer(2).received == 0u);
}

BOOST_AUTO_TEST_CASE(a_flood_is_bounded_dropped_and_counted) {
  town t(2);
  t.limits.queue_max = 50;
  t.limits.consensus_bytes_max = 4 * 1024 * 1024;
  std::mutex gate;
  auto o = t.options(1);
  node_clock time;
  std::atomic<std::uint64_t> got{0};
  auto a = peer_link::start(o,
                            {[&](node_number, bytes_view) {
                               const std::lock_guard wait(gate);
                               ++got;
                             },
                             {},
                             {}},
                            time);
  BOOST_REQUIRE(a.has_value());
  node b(t.options(2));
  BOOST_REQUIRE(reached(b, 1));
  const auto kilobytes = text(std::string(64 * 1024, 'x'));
  {
    const std::lock_guard closed(gate);
    std::uint64_t tries = 0;
    while (b.peer(1).dropped == 0 && ++tries < 100'000) b.link->send(1, kilobytes, false);
    BOOST_TEST(b.peer(1).dropped > 0u);
    b.link->send(1, text("bulk has a way of its own"), true);
    BOOST_TEST(b.peer(1).reached);
  }
  // What was taken arrives, no more; then the way is free again.
  BOOST_REQUIRE(eventually([&] { return (*a)->peers()[0].received >= b.peer(1).sent; }));
  const auto before = got.load();
  b.link->send(1, text("after"), false);
  BOOST_TEST(eventually([&] { return got > before; }));
  BOOST_TEST(got <= b.peer(1).sent);
  (*a)->stop();
}

BOOST_AUTO_TEST_CASE(silent_connections_do_not_keep_a_peer_out) {
  const town t(2);
  node a(t.options(1));
  std::vector<int> silent;
  const auto where = a.link->consensus_address();
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(static_cast<std::uint16_t>(std::stoi(where.substr(where.rfind(':') + 1))));
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int i = 0; i < 200; ++i) {
    silent.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    ::connect(silent.back(), reinterpret_cast<sockaddr*>(&at), sizeof at);
  }
  node b(t.options(2));
  BOOST_REQUIRE(reached(b, 1));
  b.link->send(1, text("through"), false);
  BOOST_TEST(a.in.has("through"));
  for (const int fd : silent) ::close(fd);
}

BOOST_AUTO_TEST_CASE(a_peer_that_starts_again_is_heard_and_reached_again) {
  const town t(2);
  node a(t.options(1));
  for (int life = 0; life < 3; ++life) {
    node b(t.options(2));
    BOOST_REQUIRE(a.in.is_up(2));
    BOOST_REQUIRE(reached(b, 1) && reached(a, 2));
    b.link->send(1, text("life " + std::to_string(life)), false);
    BOOST_TEST(a.in.has("life " + std::to_string(life)));
    a.link->send(2, text("answer"), false);
    BOOST_TEST(b.in.has("answer"));
    b.link->stop();
    BOOST_REQUIRE(a.in.is_up(2, false));
    const auto dropped = a.peer(2).dropped;
    BOOST_TEST(eventually([&] {
      a.link->send(2, text("to nobody"), false);
      return a.peer(2).dropped > dropped;
    }));
  }
}

BOOST_AUTO_TEST_CASE(a_key_is_changed_by_overlap_without_a_restart) {
  const town t(2);
  node a(t.options(1));
  node b(t.options(2));
  BOOST_REQUIRE(reached(a, 2) && reached(b, 1));
  const auto fresh = make_curve_key();
  int n = 0;
  const auto both_ways = [&] {
    const auto mark = std::to_string(++n);
    return eventually([&] {
      a.link->send(2, text("a" + mark), false);
      b.link->send(1, text("b" + mark), true);
      const auto seen = [](const node& of, const std::string& what) {
        for (const auto& i : of.in.items())
          if (i.text == what) return true;
        return false;
      };
      return seen(b, "a" + mark) && seen(a, "b" + mark);
    });
  };
  auto peers_of_b = t.options(2).peers;
  peers_of_b[0].keys.push_back(fresh.public_key);
  BOOST_REQUIRE(b.link->reload(t.keys[1], peers_of_b).has_value());
  BOOST_TEST(both_ways());
  BOOST_REQUIRE(a.link->reload(fresh, t.options(1).peers).has_value());
  BOOST_TEST(both_ways());
  peers_of_b[0].keys = {fresh.public_key};
  BOOST_REQUIRE(b.link->reload(t.keys[1], peers_of_b).has_value());
  BOOST_TEST(both_ways());
  // The old key opens nothing any more, on either side.
  auto old = t.options(1);
  old.consensus = old.bulk = "tcp://127.0.0.1:0";
  const node thief(old);
  const auto before = b.link->refusals().handshakes;
  BOOST_TEST(eventually([&] { return b.link->refusals().handshakes > before; }));
  BOOST_TEST(!thief.peer(2).reached);
}
