// Several servers of one group in one place: each a group core with its disk, between them a
// network that a script cuts. Shared by the scripted tests of the group core.
#pragma once

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cluster/group.hpp"

namespace millrace::test {

inline shared_bytes text_of(const std::string& text) {
  return std::make_shared<const bytes>(text.begin(), text.end());
}

/// A log as a list of (term, text); entry 1 is the configuration.
struct disk {
  hard_state hard;
  group_snapshot snapshot;
  std::vector<log_entry> log;  // from index 1, also below the snapshot
  journal_index committed = 0;
  acknowledgements acknowledged;

  static disk founded(const membership& members) {
    disk d;
    d.hard = {1, 0};
    d.log.push_back({1, 1, entry_type::change, std::make_shared<const bytes>(members.encode())});
    return d;
  }
  void add(term_number term, const std::string& text) {
    log.push_back({log.size() + 1, term, entry_type::command, text_of(text)});
    hard.term = std::max(hard.term, term);
  }
  [[nodiscard]] group_image image() const {
    group_image out{hard, snapshot, {}, committed, acknowledged};
    for (const log_entry& e : log)
      if (e.index > snapshot.index) {
        out.tail.push_back(e);
        if (e.type != entry_type::change) out.tail.back().payload = nullptr;
      }
    return out;
  }
  void write(const group_output& o, journal_index delivered) {
    if (o.hard) hard = *o.hard;
    if (o.install) {
      snapshot = *o.install;
      log.assign(snapshot.index, {});  // gone; only the places stay
      for (std::size_t i = 0; i < log.size(); ++i) log[i].index = i + 1;
    }
    if (o.truncate_from) log.resize(*o.truncate_from - 1);
    for (const log_entry& e : o.append) {
      BOOST_REQUIRE_EQUAL(e.index, log.size() + 1);
      log.push_back(e);
    }
    if (o.snapshot) snapshot = *o.snapshot;
    for (const auto& [node, a] : o.acknowledged) acknowledged[node] = a;
    committed = std::max(committed, delivered);
  }
};

struct server {
  node_number id = 0;
  group_options options;
  disk disk_;
  std::unique_ptr<group> core;
  std::uint64_t boots = 0;
  std::vector<log_entry> applied;  // by index, the first at index 1
  std::vector<read_answer> reads;
  std::vector<shared_bytes> refused;
  std::string failed;  // why the core ended

  [[nodiscard]] peer_identity identity() const { return {id * 1000, boots}; }
  [[nodiscard]] bool leads() const { return core && core->status().role == group_role::leader; }
  [[nodiscard]] std::vector<std::string> texts() const {
    std::vector<std::string> out;
    for (const log_entry& e : applied)
      if (e.type == entry_type::command && e.payload)
        out.emplace_back(e.payload->begin(), e.payload->end());
    return out;
  }
};

struct letter {
  node_number from = 0, to = 0;
  peer_identity who;
  boot_position boot;
  peer_message what;
};

class cluster {
 public:
  /// Servers 1 .. count, all voters of `members` or of each other.
  explicit cluster(node_number count, guards on = {}) : on_(on) {
    std::vector<node_number> all;
    for (node_number n = 1; n <= count; ++n) all.push_back(n);
    for (const node_number n : all) add(n, disk::founded(membership::of_voters(all)));
  }
  void add(node_number n, disk d) {
    server& s = servers[n];
    s.id = n;
    s.options.self = n;
    s.options.seed = static_cast<std::uint32_t>(n);
    s.options.on = on_;
    s.options.trailing_entries = 0;
    s.disk_ = std::move(d);
  }
  server& operator[](node_number n) { return servers.at(n); }

  void start(node_number n) {
    server& s = servers.at(n);
    ++s.boots;
    s.core = std::make_unique<group>(s.options);
    auto image = s.disk_.image();
    if (const auto hard = s.core->before_start(image)) image.hard = s.disk_.hard = *hard;
    BOOST_REQUIRE(s.core->start(image, now));
    // As the loop does: what is certainly committed comes from the disk.
    s.applied.assign(s.disk_.log.begin(),
                     s.disk_.log.begin() + static_cast<long>(s.core->status().delivered));
  }
  void start_all() {
    for (auto& [n, s] : servers) start(n);
  }
  void crash(node_number n) { servers.at(n).core.reset(); }

  void cut(node_number a, node_number b) { cut_.insert({a, b}), cut_.insert({b, a}); }
  void isolate(node_number a) {
    for (auto& [n, s] : servers)
      if (n != a) cut(a, n);
  }
  void heal() { cut_.clear(); }

  bool check(node_number n, const result<void>& done) {
    if (!done && servers.at(n).failed.empty()) servers.at(n).failed = done.error().detail;
    return static_cast<bool>(done);
  }

  /// What waits in the core: messages, writes, what is committed.
  void turn(node_number n) {
    server& s = servers.at(n);
    if (!s.core || !s.failed.empty()) return;
    post(s);
    const auto output = s.core->take_output();
    if (!output.empty()) s.disk_.write(output, s.core->status().delivered);
    if (!check(n, s.core->durable(now))) return;
    post(s);
    apply(s);
    for (auto& p : s.core->take_refused()) s.refused.push_back(std::move(p));
    for (auto& r : s.core->take_reads()) s.reads.push_back(r);
  }
  void post(server& s) {
    for (auto& m : s.core->take_messages()) {
      if (auto* a = std::get_if<append_entries>(&m.what))
        for (; a->missing > 0; --a->missing) {
          log_entry& e = a->entries[a->missing - 1];
          e = s.disk_.log.at(e.index - 1);
          BOOST_REQUIRE(e.payload);
        }
      net.push_back({s.id, m.peer, s.identity(), s.core->boot(), std::move(m.what)});
    }
  }
  void apply(server& s) {
    if (s.applied.size() < s.core->status().delivered && s.disk_.snapshot.index > s.applied.size())
      s.applied.resize(s.disk_.snapshot.index);  // an installed snapshot stands for them
    for (log_entry& e : s.core->take_committed()) {
      BOOST_REQUIRE_EQUAL(e.index, s.applied.size() + 1);
      if (!e.payload) e = s.disk_.log.at(e.index - 1);
      s.applied.push_back(std::move(e));
    }
  }

  /// Takes every letter that is there now to its receiver.
  void deliver() {
    auto all = std::exchange(net, {});
    for (letter& l : all) deliver(l);
  }
  void deliver(const letter& l) {
    const auto at = servers.find(l.to);
    if (at == servers.end() || !at->second.core || cut_.contains({l.from, l.to})) return;
    server& s = at->second;
    if (!s.failed.empty() || !s.core->admits(l.from, l.who, l.boot)) return;
    if (const auto* offer = std::get_if<install_snapshot>(&l.what)) {
      auto with_chain = *offer;
      with_chain.chain = bytes(32, 7);
      check(l.to, s.core->install(l.from, with_chain, now));
    } else {
      check(l.to, s.core->receive({l.from, l.what}, l.who, now));
    }
    turn(l.to);
  }

  /// Time passes; only `ticked` (all when empty) notice it by themselves.
  void run(std::uint64_t ms, const std::set<node_number>& ticked = {}) {
    for (const std::uint64_t end = now + ms; now < end;) {
      now += 10;
      for (auto& [n, s] : servers) {
        if (!s.core || !s.failed.empty()) continue;
        if (ticked.empty() || ticked.contains(n)) check(n, s.core->tick(now));
        turn(n);
      }
      for (int hop = 0; hop < 4 && !net.empty(); ++hop) deliver();
    }
  }
  /// Runs until someone leads whom a majority follows; 0 when nobody does within 10 s.
  node_number elect(const std::set<node_number>& ticked = {}) {
    for (int i = 0; i < 1000; ++i) {
      run(10, ticked);
      for (auto& [n, s] : servers) {
        if (!s.leads()) continue;
        const auto follow = std::count_if(servers.begin(), servers.end(), [&, leader = n](auto& o) {
          return o.second.core && o.second.core->status().leader == leader &&
                 o.second.core->status().term == servers.at(leader).core->status().term;
        });
        if (2 * static_cast<std::size_t>(follow) > s.core->members().voters()) return n;
      }
    }
    return 0;
  }
  void propose(node_number n, const std::string& text) {
    const auto p = text_of(text);
    BOOST_REQUIRE(servers.at(n).core->propose(std::span(&p, 1), now));
    turn(n);
  }
  [[nodiscard]] std::vector<std::string> failures() const {
    std::vector<std::string> out;
    for (const auto& [n, s] : servers)
      if (!s.failed.empty()) out.push_back(std::to_string(n) + ": " + s.failed);
    return out;
  }

  std::map<node_number, server> servers;
  std::deque<letter> net;
  std::uint64_t now = 1000;

 private:
  guards on_;
  std::set<std::pair<node_number, node_number>> cut_;
};

}  // namespace millrace::test
