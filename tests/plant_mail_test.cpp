// layer: cluster
// Frames between plants on their way over nodes: their bytes, bulk envelopes by tag, who is thought
// to lead, and where a frame goes.
#define BOOST_TEST_MODULE plant_mail
#include <boost/test/unit_test.hpp>

#include <deque>
#include <map>

#include "cluster/plant_mail.hpp"

using namespace millrace;

namespace {

message_frame frame_of(std::uint64_t first, std::size_t count) {
  message_frame f{"lyon", "hamburg", 3, Lane::release, first, {}};
  for (std::size_t i = 0; i < count; ++i) {
    auto m = std::make_shared<engine::MessageT>();
    m->to = "counter/" + std::to_string(i);
    m->from = "counter/x";
    m->body = {1, 2, 3};
    m->ask = "dropped";
    m->origin = {7, i};
    m->events.push_back(std::make_unique<engine::EventT>());
    f.messages.push_back(std::move(m));
  }
  return f;
}

/// Nodes whose bulk envelopes arrive at once.
struct site {
  struct plant final : mail_box {
    [[nodiscard]] bool leading() const override { return leads; }
    [[nodiscard]] node_number leader() const override { return led_by; }
    void take(stream_letter letter) override { taken.push_back(std::move(letter)); }
    bool leads = false;
    node_number led_by = 0;
    std::vector<stream_letter> taken;
  };
  struct machine final : peer_transport {
    machine(site& s, node_number n)
        : all(s),
          self(n),
          mail(n,
               {[this](std::string_view name) -> std::shared_ptr<mail_box> {
                  const auto at = plants.find(std::string(name));
                  return at == plants.end() ? nullptr : at->second;
                },
                [this](std::string_view) { return members; }},
               bulk, leaders, s.time) {
      bulk.attach(this);
    }
    void send(node_number to, shared_bytes envelope, bool is_bulk) override {
      BOOST_TEST(is_bulk);
      ++sent;
      if (all.machines.contains(to)) all.machines.at(to)->bulk.receive(self, *envelope);
    }
    [[nodiscard]] std::vector<peer_status> peers() const override { return {}; }
    site& all;
    node_number self;
    std::map<std::string, std::shared_ptr<plant>> plants;
    std::vector<node_number> members;
    peer_bulk bulk;
    leader_book leaders;
    plant_mail mail;
    int sent = 0;
  };
  machine& at(node_number n) { return *machines.at(n); }
  plant& plant_at(node_number n, const std::string& name) {
    auto& p = at(n).plants[name];
    if (!p) p = std::make_shared<plant>();
    return *p;
  }
  site() {
    for (const node_number n : {1, 2, 3}) machines[n] = std::make_unique<machine>(*this, n);
  }
  manual_clock time{timestamp::from_micros(1)};
  std::map<node_number, std::unique_ptr<machine>> machines;
};

}  // namespace

BOOST_AUTO_TEST_CASE(letters_survive_the_wire) {
  const auto back = decode_stream(encode_stream({frame_of(9, 3), 5, true}));
  BOOST_REQUIRE(back);
  BOOST_TEST(back->origin == 5u);
  BOOST_TEST(back->forwarded);
  const auto& f = std::get<message_frame>(back->what);
  BOOST_TEST(f.to_plant == "lyon");
  BOOST_TEST(f.from_plant == "hamburg");
  BOOST_TEST(f.generation == 3u);
  BOOST_TEST((f.lane == Lane::release));
  BOOST_TEST(f.first == 9u);
  BOOST_REQUIRE(f.messages.size() == 3u);
  BOOST_TEST(f.messages[2]->to == "counter/2");
  BOOST_TEST((f.messages[2]->origin == hash128{7, 2}));
  BOOST_TEST(f.messages[2]->events.size() == 1u);
  const auto mark = decode_stream(
      encode_stream({watermark_frame{"hamburg", "lyon", 3, Lane::hold, 77}, 2, false}));
  BOOST_REQUIRE(mark);
  BOOST_TEST(std::get<watermark_frame>(mark->what).watermark == 77u);
  BOOST_TEST(to_plant(*mark) == "hamburg");
  BOOST_TEST(from_plant(*mark) == "lyon");
}

BOOST_AUTO_TEST_CASE(what_is_no_letter_is_refused) {
  const auto whole = encode_stream({frame_of(1, 2), 1, false});
  BOOST_TEST(!decode_stream({}));
  for (std::size_t size = 0; size < whole.size() / 2; size += 7)
    BOOST_TEST(!decode_stream(bytes_view(whole).first(size)));
  BOOST_TEST(!decode_stream(encode_stream({frame_of(1, 0), 1, false})));
  BOOST_TEST(!decode_stream(encode_stream({frame_of(0, 1), 1, false})));
  BOOST_TEST(!decode_stream(encode_stream({frame_of(1, 1), 0, false})));
  BOOST_TEST(!decode_stream(encode_stream({frame_of(1, stream_frame_messages + 1), 1, false})));
  auto nameless = frame_of(1, 1);
  nameless.to_plant.clear();
  BOOST_TEST(!decode_stream(encode_stream({nameless, 1, false})));
  auto no_lane = frame_of(1, 1);
  no_lane.lane = static_cast<Lane>(99);
  BOOST_TEST(!decode_stream(encode_stream({no_lane, 1, false})));
}

BOOST_AUTO_TEST_CASE(bulk_envelopes_go_to_who_took_their_tag) {
  site s;
  std::vector<std::pair<node_number, bytes>> got;
  s.at(2).bulk.take(bulk_tag::requests, [&](node_number from, bytes_view body) {
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(body.data()) % 8 == 0u);
    got.emplace_back(from, bytes(body.begin(), body.end()));
  });
  const bytes body{1, 2, 3};
  BOOST_TEST(s.at(1).bulk.send(2, bulk_tag::requests, body));
  BOOST_REQUIRE(got.size() == 1u);
  BOOST_TEST(got[0].first == 1u);
  BOOST_TEST((got[0].second == body));
  BOOST_TEST(s.at(1).bulk.send(2, bulk_tag::replies, body));  // nobody takes it
  BOOST_TEST(s.at(2).bulk.refused() == 1u);
  s.at(2).bulk.receive(1, bytes{2, 0, 0});
  s.at(2).bulk.receive(1, bytes{200, 0, 0, 0, 0, 0, 0, 0});
  s.at(2).bulk.receive(1, bytes{2, 0, 0, 0, 0, 0, 0, 1});
  BOOST_TEST(s.at(2).bulk.refused() == 4u);
  BOOST_TEST(!s.at(1).bulk.send(2, bulk_tag::requests, bytes(bulk_body_max + 1)));
  s.at(2).bulk.take(bulk_tag::requests, {});
  s.at(1).bulk.send(2, bulk_tag::requests, body);
  BOOST_TEST(got.size() == 1u);
  s.at(1).bulk.attach(nullptr);
  BOOST_TEST(!s.at(1).bulk.send(2, bulk_tag::requests, body));
}

BOOST_AUTO_TEST_CASE(a_leader_is_believed_while_it_answers) {
  leader_book book;
  const std::vector<node_number> all{2, 3};
  BOOST_TEST(book.leader("lyon") == 0u);
  BOOST_TEST(book.next("lyon", {}, 10) == 0u);
  BOOST_TEST(book.next("lyon", all, 10) == 2u);
  BOOST_TEST(book.next("lyon", all, 20) == 2u);  // one stream, one way
  BOOST_TEST(book.next("lyon", all, 10 + leader_book::patience_us) == 3u);
  book.learn("lyon", 3);
  BOOST_TEST(book.leader("lyon") == 3u);
  std::int64_t now = 5'000'000;
  BOOST_TEST(book.next("lyon", all, now) == 3u);
  book.learn("lyon", 3);  // it answers
  BOOST_TEST(book.next("lyon", all, now += leader_book::patience_us) == 3u);
  BOOST_TEST(book.next("lyon", all, now += leader_book::patience_us) == 2u);
  BOOST_TEST(book.leader("lyon") == 0u);
}

BOOST_AUTO_TEST_CASE(a_frame_goes_to_the_plant_that_leads_wherever_it_is) {
  site s;
  s.plant_at(1, "lyon").leads = true;
  s.at(1).mail.send(frame_of(1, 1));
  BOOST_TEST(s.plant_at(1, "lyon").taken.size() == 1u);
  BOOST_TEST(s.at(1).sent == 0);
  // Another member leads it, and this one knows.
  s.plant_at(1, "lyon").leads = false;
  s.plant_at(1, "lyon").led_by = 3;
  s.plant_at(3, "lyon").leads = true;
  s.at(1).mail.send(frame_of(2, 1));
  BOOST_REQUIRE(s.plant_at(3, "lyon").taken.size() == 1u);
  BOOST_TEST(s.plant_at(3, "lyon").taken[0].origin == 1u);
  BOOST_TEST(s.at(3).leaders.leader("hamburg") == 1u);  // whoever sends for it leads it
}

BOOST_AUTO_TEST_CASE(a_member_passes_on_once) {
  site s;
  s.at(1).members = {2};
  s.plant_at(2, "lyon").led_by = 3;
  s.plant_at(3, "lyon").leads = true;
  s.at(1).mail.send(frame_of(1, 1));
  BOOST_REQUIRE(s.plant_at(3, "lyon").taken.size() == 1u);
  BOOST_TEST(s.plant_at(3, "lyon").taken[0].forwarded);
  BOOST_TEST(s.plant_at(3, "lyon").taken[0].origin == 1u);
  s.plant_at(3, "lyon").leads = false;  // and thinks that 2 leads
  s.plant_at(3, "lyon").led_by = 2;
  s.at(1).mail.send(frame_of(1, 1));
  BOOST_TEST(s.at(3).sent == 0);
  BOOST_TEST(s.plant_at(3, "lyon").taken.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_forged_origin_is_not_believed) {
  site s;
  s.plant_at(3, "lyon").leads = true;
  const auto forged = encode_stream({frame_of(1, 1), 2, false});
  s.at(1).bulk.send(3, bulk_tag::streams, forged);
  s.at(1).bulk.send(3, bulk_tag::streams, bytes(40, 0xff));
  BOOST_TEST(s.plant_at(3, "lyon").taken.empty());
  BOOST_TEST(s.at(3).leaders.leader("hamburg") == 0u);
}
