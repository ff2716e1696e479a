// layer: cluster
// What routers say to each other survives the wire, is cut where it is large, and is refused where
// it is damaged.
#define BOOST_TEST_MODULE route_frame
#include <boost/test/unit_test.hpp>

#include "cluster/route_frame.hpp"

using namespace millrace;

namespace {

route_frame some_submit() {
  route_submit s{"hamburg", 7, {}};
  for (int i = 0; i < 3; ++i) {
    request r;
    r.tag = static_cast<std::uint64_t>(100 + i);
    r.to = {"hamburg", "order", "1000042"};
    r.command = 5;
    r.body = bytes(300, 9);
    r.key = "key";
    r.from = {"dev-mes", 4, "p.meyer"};
    r.system = System::mes;
    r.correlation = "c-1";
    r.if_match = "1.4";
    r.deadline_ms = 1234;
    r.op = request::exception_op::correct;
    r.dry_run = i == 2;
    s.batch.push_back(std::move(r));
  }
  return {11, 90, std::move(s)};
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_batch_comes_as_it_went) {
  const auto got = decode_route(encode_route(some_submit()));
  BOOST_REQUIRE(got);
  BOOST_TEST(got->session == 11u);
  BOOST_TEST(got->done_below == 90u);
  const auto& s = std::get<route_submit>(got->body);
  BOOST_TEST(s.term == 7u);
  BOOST_REQUIRE(s.batch.size() == 3u);
  const auto& r = s.batch[2];
  BOOST_TEST(r.tag == 102u);
  BOOST_TEST(r.to.to_string() == "hamburg/order/1000042");
  BOOST_TEST(r.body.size() == 300u);
  BOOST_TEST(r.from.on_behalf_of == "p.meyer");
  BOOST_TEST((r.op == request::exception_op::correct));
  BOOST_TEST(r.deadline_ms == 1234u);
  BOOST_TEST(r.dry_run);
}

BOOST_AUTO_TEST_CASE(a_large_batch_is_cut_and_keeps_its_order) {
  route_submit s{"hamburg", 1, {}};
  for (std::uint64_t i = 0; i < 40; ++i) {
    request r;
    r.tag = i;
    r.body = bytes(100'000, 1);
    s.batch.push_back(std::move(r));
  }
  const auto frames = cut_frames(std::move(s));
  BOOST_TEST(frames.size() > 3u);
  std::uint64_t next = 0;
  for (const auto& f : frames) {
    BOOST_TEST(encode_route({1, 1, f}).size() < route_frame_bytes_max);
    BOOST_TEST(f.plant == "hamburg");
    for (const auto& r : f.batch) BOOST_TEST(r.tag == next++);
  }
  BOOST_TEST(next == 40u);
}

BOOST_AUTO_TEST_CASE(an_answer_of_many_parts_is_whole_again) {
  route_content c;
  for (int i = 0; i < 50; ++i) {
    actor_view v;
    v.where = {"hamburg", "batch", "B-" + std::to_string(i)};
    v.sequence = 3;
    v.stamp = timestamp::from_micros(1'800'000'000'000'000);
    v.state = bytes(100'000, static_cast<std::uint8_t>(i));
    c.actors.push_back(std::move(v));
  }
  c.next = "B-49";
  plant_status p;
  p.plant = "hamburg";
  p.role = "leader";
  p.members.push_back({2, "voter", 17, true});
  p.quarantined_actors.emplace_back("batch/B-1", "damaged");
  c.plants.push_back(p);
  const auto parts = cut_answer(5, c);
  BOOST_TEST(parts.size() > 4u);
  bytes whole;
  for (const auto& part : parts) {
    const auto got = decode_route(encode_route({1, 1, part}));
    BOOST_REQUIRE(got);
    const auto& a = std::get<route_answer>(got->body);
    BOOST_TEST(a.parts == parts.size());
    whole.insert(whole.end(), a.content.begin(), a.content.end());
  }
  const auto back = decode_content(whole);
  BOOST_REQUIRE(back);
  BOOST_REQUIRE(back->actors.size() == 50u);
  BOOST_TEST(back->actors[49].state == c.actors[49].state);
  BOOST_TEST(back->actors[0].stamp.micros() == c.actors[0].stamp.micros());
  BOOST_TEST(back->next == "B-49");
  BOOST_REQUIRE(back->plants.size() == 1u);
  BOOST_TEST(back->plants[0].members[0].match == 17u);
  BOOST_TEST(back->plants[0].quarantined_actors[0].second == "damaged");
}

BOOST_AUTO_TEST_CASE(what_is_damaged_or_says_what_cannot_be_is_refused) {
  const auto whole = encode_route(some_submit());
  for (std::size_t size = 0; size < whole.size(); size += 7)
    BOOST_TEST(!decode_route(bytes_view(whole.data(), size)));
  auto bits = whole;
  for (std::size_t i = 0; i < bits.size() * 8; i += 3) {
    bits[i / 8] ^= static_cast<std::uint8_t>(1u << (i % 8));
    (void)decode_route(bits);  // whatever it says, nothing is read outside of it
    bits[i / 8] = whole[i / 8];
  }
  route_ask unheard;
  unheard.what = static_cast<asked>(99);
  BOOST_TEST(!decode_route(encode_route({1, 1, unheard})));
  BOOST_TEST(!decode_route(encode_route({1, 1, route_answer{1, {}, {}, 5, 5, {}}})));
}
