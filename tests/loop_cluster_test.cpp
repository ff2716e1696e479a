// layer: cluster
// The loop cores of several nodes over a network in memory: groups with several voters, envelopes,
// what is refused on arrival, the disk reserve, stalls.
#define BOOST_TEST_MODULE loop_cluster
#include <boost/test/unit_test.hpp>
#include <deque>
#include <map>
#include <set>

#include "cluster/journal_verify.hpp"
#include "tests/loop_harness.hpp"

using namespace millrace;
using namespace millrace::test;

namespace {

struct parcel {
  node_number from, to;
  shared_bytes envelope;
};

/// All nodes' transports at once.
struct wire_net {
  std::deque<parcel> under_way;
  std::set<std::pair<node_number, node_number>> cut;
  std::map<std::pair<node_number, node_number>, std::size_t> sent;
};

struct transport final : peer_transport {
  transport(wire_net& on, node_number who) : net(on), self(who) {}
  void send(node_number to, shared_bytes envelope, bool) override {
    ++net.sent[{self, to}];
    if (!net.cut.contains({self, to})) net.under_way.push_back({self, to, std::move(envelope)});
  }
  [[nodiscard]] std::vector<peer_status> peers() const override { return {}; }
  wire_net& net;
  node_number self;
};

/// A listener that also notes reads and offers.
struct ear final : group_listener {
  void on_committed(group_number, std::span<const log_entry> entries,
                    const group_status& status) override {
    for (const log_entry& e : entries) {
      BOOST_REQUIRE(!log.empty() || e.index >= 1);
      BOOST_REQUIRE(log.empty() || e.index == log.back().index + 1);
      BOOST_REQUIRE(e.payload);
      log.push_back(e);
    }
    BOOST_REQUIRE(status.delivered <= status.durable);
  }
  void on_refused(group_number, std::span<const shared_bytes> payloads, const error& why) override {
    for (std::size_t i = 0; i < payloads.size(); ++i) refused.push_back(why.code);
  }
  void on_role(group_number, const group_status& s) override { role = s; }
  void on_readable(group_number, std::uint64_t token, journal_index index) override {
    reads.emplace_back(token, index);
  }
  void on_member_behind(group_number, node_number member, journal_index) override {
    behind.insert(member);
  }
  void on_snapshot_offered(group_number, node_number from, const install_snapshot& o) override {
    offers.emplace_back(from, o);
  }
  [[nodiscard]] std::vector<std::string> texts() const {
    std::vector<std::string> out;
    for (const log_entry& e : log)
      if (e.type == entry_type::command) out.emplace_back(e.payload->begin(), e.payload->end());
    return out;
  }
  std::vector<log_entry> log;
  std::vector<std::string> refused;
  std::vector<std::pair<std::uint64_t, journal_index>> reads;
  std::vector<std::pair<node_number, install_snapshot>> offers;
  std::set<node_number> behind;
  group_status role;
};

const std::vector<std::string> plants{"hamburg", "lyon"};

struct machine {
  node_number id;
  std::uint64_t directory = 0;  // its incarnation differs by so much
  std::shared_ptr<memory_disk> disk = std::make_shared<memory_disk>();
  std::uint64_t boots = 0;
  std::unique_ptr<transport> out;
  std::unique_ptr<memory_store> store;
  std::unique_ptr<loop_core> loop;
  std::map<std::string, std::shared_ptr<ear>> ears;
  std::map<std::string, group_number> groups;
};

struct site {
  explicit site(node_number count, loop_options o = {}) : options(std::move(o)) {
    std::vector<node_number> all;
    for (node_number n = 1; n <= count; ++n) all.push_back(n);
    founders = membership::of_voters(all);
    for (const node_number n : all) machines[n].id = n;
    for (const node_number n : all) boot(n);
  }
  void boot(node_number n) {
    machine& m = machines.at(n);
    loop_options o = options;
    o.cluster = "north";
    o.group.self = n;
    o.group.seed = static_cast<std::uint32_t>(n);
    o.identity = {n * 77 + m.directory, ++m.boots};
    m.out = std::make_unique<transport>(net, n);
    m.store = std::make_unique<memory_store>(m.disk);
    m.loop = std::make_unique<loop_core>(*m.store, o, m.out.get());
    BOOST_REQUIRE(m.loop->load());
    for (const auto& name : plants) {
      m.ears[name] = std::make_shared<ear>();
      auto opened = m.loop->open_group(name, 0, m.ears[name], now, founders);
      BOOST_REQUIRE(opened);
      m.groups[name] = *opened;
    }
  }
  void kill(node_number n) {
    machine& m = machines.at(n);
    m.loop.reset();
    m.disk->crash();
  }
  /// Its disk is gone, and another is in its place.
  void wipe(node_number n) {
    machine& m = machines.at(n);
    m.disk = std::make_shared<memory_disk>();
    m.boots = 0;
    ++m.directory;
  }
  void isolate(node_number n) {
    for (auto& [other, m] : machines) net.cut.insert({n, other}), net.cut.insert({other, n});
  }
  void deliver() {
    for (parcel& p : std::exchange(net.under_way, {}))
      if (auto& m = machines.at(p.to); m.loop && !net.cut.contains({p.from, p.to}))
        m.loop->receive(p.from, *p.envelope);
  }
  void run(std::uint64_t ms) {
    for (const auto end = now + ms; now < end;) {
      now += 10;
      for (int hop = 0; hop < 4; ++hop) {
        for (auto& [n, m] : machines)
          if (m.loop && !stands.contains(n)) BOOST_REQUIRE(m.loop->turn(now));
        deliver();
      }
    }
  }
  node_number leader_of(const std::string& plant) {
    for (int i = 0; i < 1000; ++i) {
      run(10);
      for (auto& [n, m] : machines)
        if (m.loop && m.ears[plant]->role.role == group_role::leader &&
            m.ears[plant]->role.term == highest_term(plant))
          return n;
    }
    return 0;
  }
  term_number highest_term(const std::string& plant) {
    term_number out = 0;
    for (auto& [n, m] : machines)
      if (m.loop) out = std::max(out, m.ears[plant]->role.term);
    return out;
  }
  void propose(node_number n, const std::string& plant, const std::string& text) {
    machines.at(n).loop->propose(machines.at(n).groups.at(plant), payload(text));
  }
  ear& at(node_number n, const std::string& plant) { return *machines.at(n).ears.at(plant); }

  loop_options options;
  membership founders;
  wire_net net;
  std::map<node_number, machine> machines;
  std::set<node_number> stands;
  std::uint64_t now = 1000;
};

node_number other_than(node_number a, node_number b = 0) {
  for (node_number n = 1;; ++n)
    if (n != a && n != b) return n;
}

peer_envelope forged(node_number from, node_number to, peer_message m) {
  peer_envelope e;
  e.cluster = "north";
  e.sender = from;
  e.identity = {from * 77, 1};
  e.target = to;
  e.frames.push_back({group_id_of("hamburg"), 1, {99, 99}, std::move(m)});
  return e;
}

}  // namespace

BOOST_AUTO_TEST_CASE(groups_of_three_replicate_and_survive_their_leader) {
  site s(3);
  const auto leader = s.leader_of("hamburg");
  const auto lyon = s.leader_of("lyon");
  BOOST_REQUIRE((leader != 0 && lyon != 0));
  for (int i = 0; i < 50; ++i) s.propose(leader, "hamburg", std::to_string(i));
  for (int i = 0; i < 50; ++i) s.propose(lyon, "lyon", std::to_string(i));
  s.run(300);
  for (const node_number n : {1u, 2u, 3u})
    for (const auto& plant : plants) {
      BOOST_TEST(s.at(n, plant).texts().size() == 50u);
      BOOST_TEST(s.at(n, plant).role.leader == (plant == "lyon" ? lyon : leader));
    }
  s.kill(leader);
  const auto next = s.leader_of("hamburg");
  BOOST_REQUIRE(next != leader);
  s.propose(next, "hamburg", "after");
  s.run(300);
  s.boot(leader);
  s.run(500);
  for (const node_number n : {1u, 2u, 3u}) {
    BOOST_TEST(s.at(n, "hamburg").texts().back() == "after");
    BOOST_TEST(s.at(n, "hamburg").texts().size() == 51u);
    BOOST_TEST(verify_journal(*s.machines.at(n).store)->groups.size() == 2u);
  }
  const auto hash = [&](node_number n) {
    const auto& m = s.machines.at(n);
    return m.loop->log().find("hamburg")->head;
  };
  BOOST_TEST((hash(1) == hash(2) && hash(2) == hash(3)));
}

BOOST_AUTO_TEST_CASE(a_turn_sends_one_envelope_a_peer_for_all_groups) {
  site s(3);
  for (const auto& plant : plants)
    if (const auto leader = s.leader_of(plant); leader != 1) {
      auto* g = s.machines.at(leader).loop->find(s.machines.at(leader).groups.at(plant));
      BOOST_REQUIRE(g->transfer(1, s.now));
      s.run(500);
    }
  BOOST_REQUIRE(s.leader_of("hamburg") == 1u);
  BOOST_REQUIRE(s.leader_of("lyon") == 1u);
  s.run(500);
  s.net.sent.clear();
  s.run(1000);  // idle: the heartbeats of both groups share the grid
  BOOST_TEST((s.net.sent[{1, 2}] <= 21u));
  BOOST_TEST((s.net.sent[{1, 2}] >= 15u));
}

BOOST_AUTO_TEST_CASE(reads_are_answered_by_a_leader_that_a_majority_follows) {
  site s(3);
  const auto leader = s.leader_of("hamburg");
  auto& m = s.machines.at(leader);
  s.propose(leader, "hamburg", "x");
  s.run(100);
  BOOST_REQUIRE(m.loop->read(m.groups["hamburg"], 7, s.now));
  s.run(100);
  BOOST_REQUIRE(s.at(leader, "hamburg").reads.size() == 1u);
  BOOST_TEST(s.at(leader, "hamburg").reads[0].second >= 2u);
  s.isolate(leader);
  BOOST_REQUIRE(m.loop->read(m.groups["hamburg"], 8, s.now));
  s.run(1500);
  BOOST_REQUIRE(s.at(leader, "hamburg").reads.size() == 2u);
  BOOST_TEST(s.at(leader, "hamburg").reads[1].second == 0u);  // unknown
  s.propose(leader, "hamburg", "y");
  s.run(50);
  BOOST_TEST(s.at(leader, "hamburg").refused.back() == "node.not_ready");
}

BOOST_AUTO_TEST_CASE(what_is_not_for_this_node_is_refused) {
  site s(3);
  s.leader_of("hamburg");
  auto& loop = *s.machines.at(1).loop;
  const auto term = loop.status(s.machines.at(1).groups["hamburg"])->term;
  const timeout_now m{term, 1, 1};
  const auto refused = [&](const peer_envelope& e, node_number from) {
    const auto before = loop.status().envelopes_refused;
    loop.receive(from, *encode_envelope(e));
    return loop.status().envelopes_refused == before + 1;
  };
  BOOST_TEST(!refused(forged(2, 1, m), 2));
  BOOST_TEST(refused(forged(2, 1, m), 3));  // another's key
  BOOST_TEST(refused(forged(2, 3, m), 2));
  auto south = forged(2, 1, m);
  south.cluster = "south";
  BOOST_TEST(refused(south, 2));
  BOOST_TEST(loop.status().frames_refused == 0u);
  auto old = forged(2, 1, m);
  old.frames[0].generation = 0;
  old.frames.push_back(old.frames[0]);
  old.frames[1].group = 12345;
  loop.receive(2, *encode_envelope(old));
  s.run(10);
  BOOST_TEST(loop.status().frames_refused == 2u);
}

BOOST_AUTO_TEST_CASE(guard_10_a_forged_term_does_not_brick_a_group) {
  for (const bool on : {true, false}) {
    loop_options o;
    o.group.on.plausible = on;
    site s(3, o);
    const auto leader = s.leader_of("hamburg");
    const auto victim = other_than(leader);
    const term_number huge = ~term_number{0} - 10;
    const append_entries m{huge, 0, 0, 0, {}, 0};
    auto e = forged(other_than(leader, victim), victim, m);
    s.machines.at(victim).loop->receive(e.sender, *encode_envelope(e));
    s.run(1000);
    const auto term = s.machines.at(victim).loop->status(s.machines.at(victim).groups["hamburg"]);
    BOOST_TEST((term->term < 1000) == on);
    if (on) BOOST_TEST(s.leader_of("hamburg") != 0u);
  }
}

BOOST_AUTO_TEST_CASE(guard_9_what_was_acknowledged_is_remembered_in_the_journal) {
  site s(3);
  const auto leader = s.leader_of("hamburg");
  const auto old = other_than(leader);
  for (int i = 0; i < 3; ++i) {
    s.propose(leader, "hamburg", "x");
    s.run(100);
  }
  const auto& known = s.machines.at(leader).loop->log().find("hamburg")->acknowledged;
  BOOST_REQUIRE(known.contains(old));
  BOOST_TEST(known.at(old).index >= 3u);
  journal again(*s.machines.at(leader).store);
  BOOST_REQUIRE(again.load());
  BOOST_TEST((again.find("hamburg")->acknowledged == known));
  // Its disk is lost: it comes back as if it had never been there.
  s.kill(old);
  s.machines.at(old).disk = std::make_shared<memory_disk>();
  s.boot(old);
  s.run(1000);
  BOOST_TEST(s.machines.at(leader).loop->status().peers_refused > 0u);
  BOOST_TEST(s.at(old, "hamburg").texts().size() < 3u);
}

BOOST_AUTO_TEST_CASE(a_follower_below_its_reserve_drops_entries_and_follows_on) {
  site s(3);
  const auto leader = s.leader_of("hamburg");
  const auto full = other_than(leader);
  s.machines.at(full).loop->set_space(1000);
  for (int i = 0; i < 10; ++i) s.propose(leader, "hamburg", "x");
  s.run(1000);
  BOOST_TEST(s.at(leader, "hamburg").texts().size() == 10u);
  BOOST_TEST(s.at(full, "hamburg").texts().empty());
  BOOST_TEST(s.at(full, "hamburg").role.leader == leader);  // heartbeats pass
  BOOST_TEST(s.leader_of("hamburg") == leader);
  s.machines.at(full).loop->set_space(1ull << 40);
  s.run(1000);
  BOOST_TEST(s.at(full, "hamburg").texts().size() == 10u);
}

// Contract 13: after a pause what peers said is heard before their silence counts.
BOOST_AUTO_TEST_CASE(a_follower_that_stood_still_does_not_disturb) {
  site s(3);
  const auto leader = s.leader_of("hamburg");
  const auto term = s.highest_term("hamburg");
  const auto stood = other_than(leader);
  s.stands.insert(stood);
  s.run(5000);
  BOOST_TEST(s.leader_of("hamburg") == leader);
  s.stands.clear();
  s.run(1000);
  BOOST_TEST(s.machines.at(stood).loop->status().stalls >= 1u);
  BOOST_TEST(s.highest_term("hamburg") == term);
}

BOOST_AUTO_TEST_CASE(a_large_backlog_crosses_in_pieces) {
  site s(3);
  const auto leader = s.leader_of("hamburg");
  const auto late = other_than(leader);
  s.isolate(late);
  const std::string large(900'000, 'x');
  for (int i = 0; i < 40; ++i) {
    s.propose(leader, "hamburg", large);
    s.run(20);
  }
  s.net.cut.clear();
  s.run(4000);
  BOOST_TEST(s.at(late, "hamburg").texts().size() == 40u);
}

BOOST_AUTO_TEST_CASE(a_member_joins_with_an_empty_log) {
  site s(3);
  const auto leader = s.leader_of("hamburg");
  auto& m = s.machines.at(leader);
  s.propose(leader, "hamburg", "x");
  s.run(100);
  s.machines[4].id = 4;
  s.boot(4);  // founded by others: it joins
  auto* g = m.loop->find(m.groups["hamburg"]);
  BOOST_REQUIRE(g->change(g->members().with(4, member_role::standby), s.now));
  s.run(500);
  BOOST_TEST(s.at(4, "hamburg").texts() == std::vector<std::string>{"x"});
  BOOST_REQUIRE(g->promote(4, s.now));
  s.run(500);
  BOOST_TEST((g->promotion_status() == promotion::finished));
  s.kill(4);
  s.boot(4);
  s.run(500);
  BOOST_TEST(s.at(4, "hamburg").texts() == std::vector<std::string>{"x"});
}

BOOST_AUTO_TEST_CASE(a_node_with_another_directory_has_no_vote) {
  site s(3);
  const auto leader = s.leader_of("hamburg");
  const auto wiped = other_than(leader);
  const auto rest = other_than(leader, wiped);
  s.propose(leader, "hamburg", "acknowledged");
  s.run(2'000);  // followers have greeted each other
  for (const auto n : {leader, wiped, rest}) s.kill(n);
  s.wipe(wiped);
  s.boot(rest);  // it was a follower: nobody ever acknowledged anything to it
  s.boot(wiped);
  s.run(10'000);
  for (const auto n : {rest, wiped})
    BOOST_TEST((s.at(n, "hamburg").role.role != group_role::leader));
  BOOST_TEST((s.machines.at(rest).loop->strangers() == std::set<node_number>{wiped}));
  BOOST_TEST(s.machines.at(rest).loop->status().envelopes_refused > 0u);
  s.boot(leader);
  const auto next = s.leader_of("hamburg");
  BOOST_REQUIRE((next == leader || next == rest));
  s.propose(next, "hamburg", "and on");
  s.run(300);
  BOOST_TEST(s.at(next, "hamburg").texts().back() == "and on");
  BOOST_TEST(s.at(next, "hamburg").texts().front() == "acknowledged");
}

BOOST_AUTO_TEST_CASE(who_is_far_behind_is_told_of_though_the_journal_has_it_all) {
  loop_options o;
  o.group.trailing_entries = 0;
  o.catch_up_entries_max = 100;
  site s(3, o);
  const auto leader = s.leader_of("hamburg");
  const auto late = other_than(leader);
  auto& m = s.machines.at(leader);
  s.isolate(late);
  for (int i = 0; i < 300; ++i) s.propose(leader, "hamburg", std::to_string(i));
  s.run(500);
  BOOST_REQUIRE(m.loop->checkpointed(m.groups["hamburg"], 90, s.now));
  s.run(50);
  s.net.cut.clear();
  s.run(2'000);
  BOOST_TEST(s.at(leader, "hamburg").behind.empty());
  BOOST_TEST(s.at(late, "hamburg").texts().size() == 300u);
  s.isolate(late);
  for (int i = 0; i < 300; ++i) s.propose(leader, "hamburg", std::to_string(i));
  s.run(500);
  BOOST_REQUIRE(m.loop->checkpointed(m.groups["hamburg"], 500, s.now));
  s.run(50);
  s.net.cut.clear();
  s.run(2'000);
  BOOST_TEST((s.at(leader, "hamburg").behind == std::set<node_number>{late}));
  BOOST_TEST(s.at(late, "hamburg").texts().size() == 300u);
}

BOOST_AUTO_TEST_CASE(who_needs_what_only_rafts_log_still_counts_is_told_of) {
  loop_options o;
  o.group.cache_bytes_max = 0;
  site s(3, o);
  const auto leader = s.leader_of("hamburg");
  const auto late = other_than(leader);
  auto& m = s.machines.at(leader);
  s.isolate(late);
  for (int i = 0; i < 100; ++i) s.propose(leader, "hamburg", std::to_string(i));
  s.run(500);
  BOOST_REQUIRE(m.loop->checkpointed(m.groups["hamburg"], 90, s.now));
  s.run(50);
  BOOST_REQUIRE(*m.loop->retain_from(m.groups["hamburg"], 80));
  s.net.cut.clear();
  s.run(2'000);
  BOOST_TEST((s.at(leader, "hamburg").behind == std::set<node_number>{late}));
}

BOOST_AUTO_TEST_CASE(a_snapshot_is_offered_and_installed_when_its_content_is_there) {
  loop_options o;
  o.group.trailing_entries = 0;
  site s(3, o);
  const auto leader = s.leader_of("hamburg");
  const auto late = other_than(leader);
  auto& m = s.machines.at(leader);
  s.isolate(late);
  for (int i = 0; i < 30; ++i) s.propose(leader, "hamburg", std::to_string(i));
  s.run(200);
  BOOST_REQUIRE(m.loop->checkpointed(m.groups["hamburg"], 20, s.now));
  s.run(50);
  BOOST_REQUIRE(*m.loop->retain_from(m.groups["hamburg"], 20));
  s.net.cut.clear();
  s.run(1000);
  ear& e = s.at(late, "hamburg");
  BOOST_REQUIRE(!e.offers.empty());
  BOOST_TEST(e.offers.back().first == leader);
  BOOST_TEST(e.offers.back().second.index == 20u);
  const auto known = e.log.size();
  s.run(500);
  BOOST_TEST(e.log.size() == known);  // it waits for the content
  e.log.clear();                      // here it comes, and stands for what was
  auto& l = s.machines.at(late);
  BOOST_REQUIRE(l.loop->install(l.groups["hamburg"], leader, e.offers.back().second, s.now));
  s.run(500);
  BOOST_REQUIRE(!e.log.empty());
  BOOST_TEST(e.log.front().index == 21u);
  BOOST_TEST(e.log.back().index == s.at(leader, "hamburg").log.back().index);
  BOOST_TEST((l.loop->log().find("hamburg")->head == m.loop->log().find("hamburg")->head));
}

BOOST_AUTO_TEST_CASE(a_member_behind_the_log_catches_up_out_of_the_journal) {
  loop_options o;
  o.group.trailing_entries = 0;
  site s(3, o);
  const auto leader = s.leader_of("hamburg");
  const auto late = other_than(leader);
  auto& m = s.machines.at(leader);
  s.propose(leader, "hamburg", "first");
  s.run(100);
  s.isolate(late);
  s.propose(late, "hamburg", "nobody hears it");
  for (int i = 0; i < 6'000; ++i) s.propose(leader, "hamburg", std::to_string(i));
  s.run(500);
  const auto last = s.at(leader, "hamburg").log.back().index;
  BOOST_REQUIRE(m.loop->checkpointed(m.groups["hamburg"], last - 5, s.now));
  s.run(50);
  s.net.cut.clear();
  s.run(3'000);
  BOOST_TEST(s.at(late, "hamburg").texts().size() == 6'001u);
  BOOST_TEST(m.loop->status().caught_up >= 1u);
  auto& l = s.machines.at(late);
  BOOST_TEST((l.loop->log().find("hamburg")->head == m.loop->log().find("hamburg")->head));
  const auto sent = m.loop->status().caught_up;
  s.propose(leader, "hamburg", "and on as ever");
  s.run(500);
  BOOST_TEST(s.at(late, "hamburg").texts().back() == "and on as ever");
  BOOST_TEST(m.loop->status().caught_up == sent);
}
