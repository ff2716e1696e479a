// layer: cluster
// A snapshot's way from node to node: frames, the fetching side, the serving side, and both over a
// wire that loses, doubles and delays while either end crashes.
#define BOOST_TEST_MODULE snapshot_transfer
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>

#include "cluster/snapshot_fetch.hpp"
#include "cluster/snapshot_serve.hpp"

using namespace millrace;

namespace {

constexpr std::uint64_t ms = 1000;
const snapshot_name at_900{"hamburg", 1, 900, 7};
const snapshot_name at_950{"hamburg", 1, 950, 7};

std::string_view text(const bytes& b) {
  return {reinterpret_cast<const char*>(b.data()), b.size()};
}

bytes content_of(std::size_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  bytes out(size);
  for (auto& b : out) b = static_cast<std::uint8_t>(random());
  return out;
}

snapshot_file file_of(const bytes& content) { return {content.size(), sha256(text(content))}; }

snapshot_part part_of(const snapshot_name& of, const bytes& content, std::uint64_t offset) {
  const auto end = std::min<std::uint64_t>(content.size(), offset + snapshot_part_bytes);
  return {of, file_of(content), offset,
          bytes(content.begin() + static_cast<std::ptrdiff_t>(offset),
                content.begin() + static_cast<std::ptrdiff_t>(end))};
}

template <class Action>
std::size_t count(const std::vector<snapshot_fetch::action>& actions) {
  return static_cast<std::size_t>(std::ranges::count_if(
      actions, [](const auto& a) { return std::holds_alternative<Action>(a); }));
}

/// A fetching node's disk: what is staged outlives a crash, the core does not.
struct fetcher {
  snapshot_fetch core;
  std::optional<snapshot_staged> staged;
  bytes disk;
  std::vector<snapshot_ask> asks;
  bytes installed;
  std::uint64_t written = 0;

  void run(std::uint64_t now) {
    for (auto actions = core.take(); !actions.empty(); actions = core.take())
      for (auto& a : actions) std::visit([&](auto& what) { act(what, now); }, a);
  }
  void act(snapshot_fetch::send_ask& a, std::uint64_t) { asks.push_back(a.ask); }
  void act(snapshot_fetch::discard&, std::uint64_t) {
    staged.reset();
    disk.clear();
  }
  void act(snapshot_fetch::write_staged& a, std::uint64_t) {
    BOOST_REQUIRE(a.before.bytes == disk.size());
    disk.insert(disk.end(), a.content.begin(), a.content.end());
    written += a.content.size();
    staged = a.before;
    staged->bytes = disk.size();
  }
  void act(snapshot_fetch::verify& a, std::uint64_t now) {
    core.verified(file_of(disk) == a.whole.file, now);
  }
  void act(snapshot_fetch::install&, std::uint64_t now) {
    installed = disk;
    core.installed(true, now);
  }
  void crash() {
    core = snapshot_fetch();
    asks.clear();
    if (staged) core.resume(*staged);
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(frames_come_back_as_they_went) {
  const auto content = content_of(1000, 1);
  for (const snapshot_frame& f :
       {snapshot_frame{snapshot_ask{at_900, 5, 77}}, snapshot_frame{part_of(at_900, content, 0)},
        snapshot_frame{snapshot_gone{at_950}}, snapshot_frame{snapshot_offer{at_950}}}) {
    const auto back = decode_snapshot(encode_snapshot(f));
    BOOST_REQUIRE(back.has_value());
    BOOST_TEST((*back == f));
  }
}

BOOST_AUTO_TEST_CASE(frames_that_are_cut_flipped_or_do_not_fit_are_refused) {
  const auto content = content_of(100, 1);
  const auto good = encode_snapshot(part_of(at_900, content, 0));
  for (std::size_t n = 0; n < good.size(); ++n) {
    BOOST_TEST(!decode_snapshot(bytes_view(good).first(n)).has_value());
    auto flipped = good;
    flipped[n] ^= 0x10;
    BOOST_TEST(!decode_snapshot(flipped).has_value());
  }
  const auto refused = [](const snapshot_part& part) {
    const auto got = decode_snapshot(encode_snapshot(part));
    return !got.has_value() && got.error().code == "request.malformed";
  };
  auto beyond = part_of(at_900, content, 0);
  beyond.offset = 1;
  BOOST_TEST(refused(beyond));
  beyond.offset = ~std::uint64_t{0};
  BOOST_TEST(refused(beyond));
  auto empty = part_of(at_900, content, 0);
  empty.content.clear();
  BOOST_TEST(refused(empty));
  auto large = part_of(at_900, content, 0);
  large.file.size = large.content.size() * 10'000;
  large.content.resize(snapshot_part_bytes + 1);
  BOOST_TEST(refused(large));
}

BOOST_AUTO_TEST_CASE(one_snapshot_at_a_time_and_no_offer_is_taken_while_one_is_installed) {
  const auto content = content_of(1000, 1);
  snapshot_fetch f;
  f.offered(1, at_900, 0);
  BOOST_TEST(count<snapshot_fetch::send_ask>(f.take()) == 1u);
  f.offered(2, at_950, ms);  // its source may still answer
  BOOST_TEST(f.take().empty());
  f.part(2, part_of(at_900, content, 0), ms);  // not who was asked
  f.part(1, part_of(at_950, content, 0), ms);  // not what was asked for
  BOOST_TEST(f.take().empty());
  f.part(1, part_of(at_900, content, 0), 2 * ms);
  auto actions = f.take();
  BOOST_TEST(count<snapshot_fetch::verify>(actions) == 1u);
  f.offered(2, at_950, 60'000 * ms);
  BOOST_TEST(f.take().empty());
  f.verified(true, 60'000 * ms);
  BOOST_TEST(count<snapshot_fetch::install>(f.take()) == 1u);
  f.offered(2, at_950, 900'000 * ms);
  f.tick(900'000 * ms);
  BOOST_TEST(f.take().empty());
  f.installed(true, 900'000 * ms);
  BOOST_TEST(count<snapshot_fetch::discard>(f.take()) == 1u);
  f.offered(2, at_950, 900'000 * ms);
  BOOST_TEST(count<snapshot_fetch::send_ask>(f.take()) == 1u);
}

BOOST_AUTO_TEST_CASE(a_silent_source_is_left_for_another_and_a_gone_file_for_the_next_offer) {
  snapshot_fetch f;
  f.offered(1, at_900, 0);
  (void)f.take();
  f.tick(499 * ms);
  BOOST_TEST(f.take().empty());
  f.tick(500 * ms);
  BOOST_TEST(count<snapshot_fetch::send_ask>(f.take()) == 1u);
  f.offered(2, at_950, 10'000 * ms);
  auto actions = f.take();
  BOOST_REQUIRE(actions.size() == 1u);
  BOOST_TEST(std::get<snapshot_fetch::send_ask>(actions[0]).to == 2u);
  f.gone(2, {at_900});  // late, of the first
  BOOST_TEST((f.now() == snapshot_fetch::phase::fetching));
  f.gone(2, {at_950});
  BOOST_TEST((f.now() == snapshot_fetch::phase::idle));
}

BOOST_AUTO_TEST_CASE(what_does_not_verify_is_thrown_away_and_fetched_again_after_a_rest) {
  const auto content = content_of(1000, 1);
  snapshot_fetch f;
  std::uint64_t now = 0, rest = 1'000 * ms;
  for (std::uint32_t round = 1; round <= 9; ++round) {
    f.offered(1, at_900, now);
    f.part(1, part_of(at_900, content, 0), now);
    (void)f.take();
    f.verified(false, now);
    BOOST_TEST(count<snapshot_fetch::discard>(f.take()) == 1u);
    BOOST_TEST(f.failures() == round);
    f.offered(1, at_900, now + rest - 1);
    BOOST_TEST(f.take().empty());
    now += rest;
    rest = std::min<std::uint64_t>(2 * rest, 60'000 * ms);
  }
  f.offered(1, at_900, now);
  f.part(1, part_of(at_900, content, 0), now);
  f.verified(true, now);
  f.installed(false, now);  // the swap was not made: as if it had not verified
  BOOST_TEST((f.now() == snapshot_fetch::phase::idle));
  BOOST_TEST(f.failures() == 10u);
}

BOOST_AUTO_TEST_CASE(a_file_beyond_the_limit_is_not_begun) {
  snapshot_fetch_limits limits;
  limits.file_bytes_max = 999;
  snapshot_fetch f(limits);
  f.offered(1, at_900, 0);
  f.part(1, part_of(at_900, content_of(1000, 1), 0), 0);
  BOOST_TEST(count<snapshot_fetch::write_staged>(f.take()) == 0u);
  BOOST_TEST(f.failures() == 1u);
}

BOOST_AUTO_TEST_CASE(fetching_goes_on_after_a_crash_and_begins_anew_with_another_file) {
  const auto first = content_of(3 * snapshot_part_bytes, 1);
  const auto second = content_of(3 * snapshot_part_bytes, 2);
  fetcher node;
  node.core.offered(1, at_900, 0);
  node.core.part(1, part_of(at_900, first, 0), 0);
  node.run(0);
  node.crash();
  node.core.offered(2, at_900, 0);
  node.run(0);
  BOOST_REQUIRE(node.asks.size() == 1u);
  BOOST_TEST(node.asks[0].offset == snapshot_part_bytes);
  node.core.part(2, part_of(at_900, second, snapshot_part_bytes), 0);
  node.run(0);
  BOOST_TEST(node.asks.back().offset == 0u);
  for (std::uint64_t at = 0; at < second.size(); at += snapshot_part_bytes) {
    node.core.part(2, part_of(at_900, second, at), 0);
    node.run(0);
  }
  BOOST_TEST((node.installed == second));
}

BOOST_AUTO_TEST_CASE(a_whole_file_from_before_a_crash_is_verified_without_being_asked_for) {
  const auto content = content_of(1000, 1);
  fetcher node;
  node.disk = content;
  node.staged = snapshot_staged{at_900, file_of(content), content.size()};
  node.crash();
  node.core.offered(1, at_900, 0);
  node.run(0);
  BOOST_TEST(node.asks.empty());
  BOOST_TEST((node.installed == content));
}

BOOST_AUTO_TEST_CASE(the_rate_holds_over_all_and_transfers_take_turns) {
  snapshot_serve s({.transfers_max = 2, .bytes_per_second = 1'000'000, .burst_bytes = 300'000});
  const snapshot_file file{10'000'000, {}};
  BOOST_TEST(!s.ask(1, {at_900, 0, snapshot_window_bytes}, file));
  BOOST_TEST(!s.ask(2, {at_900, 0, snapshot_window_bytes}, file));
  BOOST_TEST(!s.ask(3, {at_900, 0, snapshot_window_bytes}, file));
  BOOST_TEST(s.transfers() == 2u);
  BOOST_TEST(s.refused() == 1u);
  std::map<node_number, std::uint64_t> sent;
  std::uint64_t turns = 0, now = 0;
  for (; now <= 3'000'000; now = *s.next_us(), ++turns)
    for (const auto& read : s.turn(now)) {
      BOOST_TEST(read.offset == sent[read.to]);
      sent[read.to] += read.length;
    }
  const auto all = sent[1] + sent[2];
  BOOST_TEST(all <= 3'300'000u);
  BOOST_TEST(all >= 3'000'000u - snapshot_part_bytes);
  BOOST_TEST(std::max(sent[1], sent[2]) - std::min(sent[1], sent[2]) <= snapshot_part_bytes);
  BOOST_TEST(turns < 20u);  // next_us() does not spin
  s.forget(1);
  s.forget(at_900);
  BOOST_TEST(s.transfers() == 0u);
  BOOST_TEST(!s.next_us().has_value());
  BOOST_TEST(s.ask(1, {at_900, 0, 1}, std::nullopt).has_value());
}

BOOST_AUTO_TEST_CASE(an_ask_is_never_given_more_than_a_window) {
  snapshot_serve s({.transfers_max = 1, .bytes_per_second = 1ULL << 32, .burst_bytes = 1ULL << 32});
  const snapshot_file file{1ULL << 33, {}};
  const std::uint64_t all = ~std::uint64_t{0};
  BOOST_TEST(!s.ask(1, {at_900, 0, all}, file));
  BOOST_TEST(
      !s.ask(1, {at_900, snapshot_window_bytes, all}, file));  // behind it, nothing is sent yet
  BOOST_TEST(!s.ask(1, {at_900, snapshot_window_bytes, all}, file));
  std::uint64_t sent = 0;
  for (const auto& read : s.turn(0)) sent += read.length;
  BOOST_TEST(sent == snapshot_window_bytes);
  BOOST_TEST(!s.ask(1, {at_900, all, all}, file));  // beyond the end: from the beginning
  BOOST_TEST(s.turn(0).front().offset == 0u);
}

BOOST_AUTO_TEST_CASE(a_clean_wire_carries_each_byte_once) {
  const auto content = content_of(5 * snapshot_window_bytes + 123, 3);
  fetcher node;
  snapshot_serve s({.transfers_max = 1, .bytes_per_second = 1ULL << 40, .burst_bytes = 1ULL << 40});
  std::uint64_t carried = 0;
  node.core.offered(1, at_900, 0);
  for (node.run(0); node.installed.empty(); node.run(0)) {
    BOOST_REQUIRE(!node.asks.empty());
    for (const auto& ask : std::exchange(node.asks, {})) (void)s.ask(2, ask, file_of(content));
    for (const auto& read : s.turn(0)) {
      carried += read.length;
      node.core.part(1, part_of(at_900, content, read.offset), 0);
      node.run(0);
    }
  }
  BOOST_TEST((node.installed == content));
  BOOST_TEST(carried == content.size());
}

BOOST_AUTO_TEST_CASE(loss_doubling_delay_and_crashes_of_both_ends_are_survived) {
  for (std::uint32_t seed = 1; seed <= 40; ++seed) {
    std::mt19937 random(seed);
    const auto one_in = [&](std::uint32_t n) { return random() % n == 0; };
    auto content = content_of(1 + random() % (6 * snapshot_part_bytes), seed);
    fetcher node;
    snapshot_serve server({.transfers_max = 1, .bytes_per_second = 20'000'000});
    std::multimap<std::uint64_t, bytes> wire;  // by time of arrival
    std::uint64_t now = 0;
    const auto send = [&](const snapshot_frame& f) {
      for (int copies = one_in(6) ? 0 : one_in(6) ? 2 : 1; copies > 0; --copies)
        wire.emplace(now + random() % (20 * ms), encode_snapshot(f));
    };
    for (; node.installed.empty(); now += 5 * ms) {
      BOOST_REQUIRE_MESSAGE(now < 600'000 * ms, "seed " << seed);
      if (now % (50 * ms) == 0) node.core.offered(1, at_900, now);
      if (one_in(300)) node.crash();
      if (one_in(500)) {  // the sender dies, and makes its file anew
        server = snapshot_serve({.transfers_max = 1, .bytes_per_second = 20'000'000});
        content = content_of(1 + random() % (6 * snapshot_part_bytes), seed + random() % 100);
      }
      for (; !wire.empty() && wire.begin()->first <= now; wire.erase(wire.begin())) {
        auto frame = *decode_snapshot(wire.begin()->second);
        if (auto* ask = std::get_if<snapshot_ask>(&frame)) {
          (void)server.ask(2, *ask, file_of(content));
        } else if (auto* part = std::get_if<snapshot_part>(&frame)) {
          node.core.part(1, std::move(*part), now);
        }
        node.run(now);
      }
      node.core.tick(now);
      node.run(now);
      for (const auto& ask : std::exchange(node.asks, {})) send(ask);
      for (const auto& read : server.turn(now)) send(part_of(read.of, content, read.offset));
    }
    BOOST_TEST((node.staged == std::nullopt));
    BOOST_TEST(node.core.failures() == 0u);
  }
}
