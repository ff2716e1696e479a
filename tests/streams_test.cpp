// layer: cluster
// Message streams: numbers, watermarks, effect exactly once over a wire that repeats, and rows.
#define BOOST_TEST_MODULE streams
#include <boost/test/unit_test.hpp>

#include <map>

#include "cluster/streams.hpp"

using namespace millrace;

namespace {

shared_message message(std::string to) {
  auto m = std::make_shared<engine::MessageT>();
  m->to = std::move(to);
  m->body = {1, 2, 3};
  return m;
}

}  // namespace

BOOST_AUTO_TEST_CASE(numbers_are_consecutive_and_messages_stay_until_acknowledged) {
  stream_table t;
  auto& out = t.out("lyon", Lane::rest);
  for (int i = 1; i <= 5; ++i)
    BOOST_TEST(out.file(message("batch/" + std::to_string(i))) == static_cast<std::uint64_t>(i));
  BOOST_TEST(out.waiting() == 5u);
  const auto taken = out.take(3, 1 << 20);
  BOOST_REQUIRE(taken.size() == 3u);
  BOOST_TEST(taken[2].number == 3u);
  BOOST_TEST(out.take(10, 1 << 20).size() == 2u);
  BOOST_TEST(!out.has_work());
  BOOST_TEST(out.acknowledge(2, 0));
  BOOST_TEST(!out.acknowledge(2, 0));
  BOOST_TEST(out.waiting() == 3u);
  out.restart();
  BOOST_TEST(out.take(10, 1 << 20).front().number == 3u);
  BOOST_TEST(out.acknowledge(99, 0));
  BOOST_TEST(out.waiting() == 0u);
  BOOST_TEST(out.waiting_bytes() == 0u);
}

BOOST_AUTO_TEST_CASE(not_more_than_a_window_is_under_way) {
  stream_table t;
  auto& out = t.out("lyon", Lane::rest);
  for (std::uint64_t i = 0; i < stream_window + 10; ++i) out.file(message("batch/1"));
  std::uint64_t taken = 0;
  while (out.has_work()) taken += out.take(1000, 1 << 30).size();
  BOOST_TEST(taken == stream_window);
  out.acknowledge(5, 0);
  BOOST_TEST(out.take(1000, 1 << 30).size() == 5u);
}

BOOST_AUTO_TEST_CASE(the_watermark_follows_what_is_done_in_any_order) {
  in_stream in;
  BOOST_TEST(in.finish(2));
  BOOST_TEST(in.watermark() == 0u);
  BOOST_TEST(in.is_done(2));
  BOOST_TEST(!in.is_done(1));
  BOOST_TEST(in.finish(3));
  BOOST_TEST(in.finish(1));
  BOOST_TEST(in.watermark() == 3u);
  BOOST_TEST(!in.finish(3));
  BOOST_TEST(!in.finish(3 + stream_window + 1));
}

BOOST_AUTO_TEST_CASE(the_receiver_takes_only_the_next) {
  in_stream in;
  BOOST_TEST(!in.receive(2));
  BOOST_TEST(in.receive(1));
  BOOST_TEST(!in.receive(1));
  BOOST_TEST(in.receive(2));
  in.finish(2);
  in.restart();
  BOOST_TEST(in.receive(1));
  BOOST_TEST(!in.receive(2));  // taken, and done already
  BOOST_TEST(in.receive(3));
}

BOOST_AUTO_TEST_CASE(a_sender_goes_back_to_the_receivers_watermark) {
  stream_table t;
  auto& out = t.out("lyon", Lane::hold);
  for (int i = 0; i < 10; ++i) out.file(message("batch/1"));
  (void)out.take(100, 1 << 20);
  out.acknowledge(8, stream_history);
  BOOST_TEST(out.rewind(4));
  BOOST_TEST(out.acked() == 4u);
  BOOST_TEST(out.journaled() == 8u);  // as on every replica
  BOOST_TEST(out.waiting() == 6u);
  BOOST_TEST(out.take(100, 1 << 20).front().number == 5u);
  out.advance(6);
  BOOST_TEST(out.acked() == 6u);
  out.advance(8);
  BOOST_TEST(out.acked() == 8u);
  BOOST_TEST(!out.has_work());
  BOOST_TEST(out.rewind(4));
  out.acknowledge(10, 2);
  BOOST_TEST(!out.rewind(4));
}

BOOST_AUTO_TEST_CASE(what_is_not_answered_is_sent_again) {
  stream_table t;
  auto& out = t.out("lyon", Lane::rest);
  auto& own = t.out("hamburg", Lane::rest);
  out.file(message("batch/1"));
  own.file(message("batch/1"));
  (void)out.take(10, 1 << 20);
  (void)own.take(10, 1 << 20);
  t.sent(out, 1'000);
  t.resend("hamburg", 1'000 + stream_resend_us - 1);
  BOOST_TEST(!out.has_work());
  t.resend("hamburg", 1'000 + stream_resend_us);
  BOOST_TEST(out.has_work());
  BOOST_TEST(!own.has_work());
}

BOOST_AUTO_TEST_CASE(rows_give_the_same_streams_back_at_every_cut) {
  stream_table t;
  std::map<std::string, bytes> rows;
  std::uint64_t seed = 5;
  const auto next = [&] {
    return seed = seed * 6364136223846793005ull + 1442695040888963407ull, seed >> 33;
  };
  for (int step = 0; step < 400; ++step) {
    auto& out = t.out(next() % 2 ? "lyon" : "hamburg", static_cast<Lane>(next() % 4));
    auto& in = t.in("lyon", 1, static_cast<Lane>(next() % 4));
    switch (next() % 4) {
      case 0:
        out.file(message("batch/" + std::to_string(step)));
        break;
      case 1:
        out.file(message("order/1"));
        break;
      case 2:
        out.acknowledge(out.acked() + next() % 3, next() % 2 ? 0 : 2);
        break;
      default:
        in.finish(in.watermark() + 1 + next() % 3);
        break;
    }
    if (step % 7 != 0) continue;
    for (auto& [key, row] : t.take_dirty()) {
      if (row.empty())
        rows.erase(key);
      else
        rows[key] = row;
    }
    stream_table again;
    for (const auto& [key, row] : rows) BOOST_REQUIRE(again.load(key, row));
    BOOST_REQUIRE(again.hash() == t.hash());
  }
}
