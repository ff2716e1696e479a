// layer: nodes
// The client port over real sockets: batches in and out, authentication, flow control, malformed
// frames, CURVE.
#define BOOST_TEST_MODULE client_port
#include <boost/test/unit_test.hpp>

#include <array>
#include <map>
#include <thread>
#include <zmq.hpp>

#include "nodes/client_envelope.hpp"
#include "nodes/client_port.hpp"
#include "nodes/config.hpp"
#include "schemas/production/order_kind.hpp"
#include "tests/engine_double.hpp"

using namespace millrace;
using tests::engine_double;

namespace {

struct sent_command {
  std::uint64_t tag = 0;
  std::string plant = "hamburg", kind = "order", id = "1000042";
  std::uint8_t command = static_cast<std::uint8_t>(
      millrace::order::schema::command_member<millrace::order::ConfirmOperationT>());
  bytes body;
  std::string key;
  std::string person;
};

bytes confirmation(const std::string& id) {
  millrace::order::ConfirmOperationT c;
  c.confirmation = id;
  c.operation = "0010";
  return tests::packed_table(c);
}

std::string frame_of(const std::string& token, const std::vector<sent_command>& commands) {
  flatbuffers::FlatBufferBuilder b;
  engine::FrameT f;
  f.token = token;
  for (const auto& c : commands) {
    auto one = std::make_unique<engine::CommandT>();
    one->token_tag = c.tag;
    one->plant = c.plant;
    one->kind = c.kind;
    one->id = c.id;
    one->command = c.command;
    one->body = c.body;
    one->key = c.key;
    one->on_behalf_of = c.person;
    f.commands.push_back(std::move(one));
  }
  b.Finish(engine::Frame::Pack(b, &f));
  return {reinterpret_cast<const char*>(b.GetBufferPointer()), b.GetSize()};
}

struct fixture {
  engine_double engine;
  gateway::authenticator auth{dev_tokens()};
  gateway::metrics counters;
  std::unique_ptr<client_port> port;
  zmq::context_t context{1};

  fixture() { engine.plant_names = {"hamburg", "munich"}; }
  ~fixture() {
    if (port) port->stop();
  }
  void start(client_port_options options = {}) {
    auto started =
        client_port::start(std::move(options), engine, schema_model::built_in(), auth, counters);
    BOOST_REQUIRE_MESSAGE(started.has_value(), (started ? "" : started.error().detail));
    port = std::move(*started);
  }
  zmq::socket_t dealer() {
    zmq::socket_t s(context, zmq::socket_type::dealer);
    s.set(zmq::sockopt::linger, 0);
    s.set(zmq::sockopt::rcvtimeo, 5000);
    return s;
  }
  zmq::socket_t connected() {
    auto s = dealer();
    s.connect(port->address());
    return s;
  }
};

/// Replies by tag until there are `n`.
std::map<std::uint64_t, engine::ReplyT> replies(zmq::socket_t& s, std::size_t n) {
  std::map<std::uint64_t, engine::ReplyT> out;
  while (out.size() < n) {
    zmq::message_t m;
    if (!s.recv(m)) break;
    const auto* f = verified_frame({m.data<std::uint8_t>(), m.size()});
    BOOST_REQUIRE(f != nullptr);
    engine::FrameT frame;
    f->UnPackTo(&frame);
    for (auto& r : frame.replies) out[r->token_tag] = std::move(*r);
  }
  BOOST_REQUIRE(out.size() == n);
  return out;
}

void send(zmq::socket_t& s, const std::string& bytes_) {
  s.send(zmq::buffer(bytes_), zmq::send_flags::none);
}

sent_command command(std::uint64_t tag, const std::string& id = "C-1") {
  sent_command c;
  c.tag = tag;
  c.body = confirmation(id);
  return c;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_frame_is_one_batch_per_plant_and_every_command_is_answered, fixture) {
  engine.decide = [](const request& r) {
    reply out;
    out.sequence = 7;
    out.index = 9;
    out.events.push_back({1, r.body});
    return out;
  };
  start();
  auto s = connected();
  std::vector<sent_command> all;
  for (std::uint64_t i = 0; i < 500; ++i) {
    auto c = command(i, "C-" + std::to_string(i));
    c.plant = i % 2 ? "munich" : "hamburg";
    c.key = "k" + std::to_string(i);
    all.push_back(std::move(c));
  }
  send(s, frame_of("dev-mes", all));
  const auto got = replies(s, 500);
  for (const auto& [tag, r] : got) {
    BOOST_TEST(r.status == 200);
    BOOST_TEST(r.sequence == 7u);
    BOOST_TEST(r.index == 9u);
    BOOST_REQUIRE(r.events.size() == 1u);
    millrace::order::ConfirmOperationT c;
    flatbuffers::GetRoot<millrace::order::ConfirmOperation>(r.events[0]->body.data())->UnPackTo(&c);
    BOOST_TEST(c.confirmation == "C-" + std::to_string(tag));
    BOOST_TEST(!r.correlation.empty());
  }
  BOOST_TEST(engine.batch_sizes.size() == 2u);
  BOOST_TEST(engine.asked[0].from.name == "dev-mes");
  BOOST_TEST((engine.asked[0].system == System::mes));
}

BOOST_FIXTURE_TEST_CASE(what_is_wrong_with_a_command_is_said_for_it_alone, fixture) {
  start();
  auto s = connected();
  auto good = command(1);
  auto plant = command(2);
  plant.plant = "atlantis";
  auto kind = command(3);
  kind.kind = "gadget";
  auto member = command(4);
  member.command = 250;
  auto body = command(5);
  body.body = {1, 2, 3, 4, 5, 6, 7, 8};
  auto empty = command(6);
  empty.body.clear();
  auto id = command(7);
  id.id = "a\nb";
  auto key = command(8);
  key.key = std::string(256, 'k');
  auto text = command(9);
  text.key = "\xff";
  auto owner = command(10);
  owner.command = static_cast<std::uint8_t>(
      millrace::order::schema::command_member<millrace::order::CreateT>());
  send(s, frame_of("dev-mes", {good, plant, kind, member, body, empty, id, key, text, owner}));
  auto got = replies(s, 10);
  BOOST_TEST(got[1].status == 200);
  BOOST_TEST(got[2].code == "plant.unknown");
  BOOST_TEST(got[3].status == 404);
  BOOST_TEST(got[4].code == "command.unknown");
  BOOST_TEST(got[5].code == "request.invalid");
  BOOST_TEST(got[6].code == "request.invalid");
  BOOST_TEST(got[7].code == "id.invalid");
  BOOST_TEST(got[8].status == 400);
  BOOST_TEST(got[9].status == 400);
  BOOST_TEST(got[10].status == 403);
  BOOST_TEST(engine.asked.size() == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_token_counts_for_its_connection_and_a_wrong_one_for_nothing, fixture) {
  start();
  auto s = connected();
  send(s, frame_of("", {command(1)}));
  BOOST_TEST(replies(s, 1)[1].code == "auth.missing");
  send(s, frame_of("dev-nobody", {command(2)}));
  BOOST_TEST(replies(s, 1)[2].code == "auth.invalid");
  send(s, frame_of("dev-mes", {command(3)}));
  BOOST_TEST(replies(s, 1)[3].status == 200);
  send(s, frame_of("", {command(4)}));
  BOOST_TEST(replies(s, 1)[4].status == 200);
  auto other = connected();
  send(other, frame_of("", {command(5)}));
  BOOST_TEST(replies(other, 1)[5].code == "auth.missing");
}

BOOST_FIXTURE_TEST_CASE(an_identity_that_a_client_chose_is_not_remembered, fixture) {
  start();
  {
    auto s = dealer();
    s.set(zmq::sockopt::routing_id, "victim");
    s.connect(port->address());
    send(s, frame_of("dev-mes", {command(1)}));
    BOOST_TEST(replies(s, 1)[1].status == 200);
    send(s, frame_of("", {command(2)}));
    BOOST_TEST(replies(s, 1)[2].code == "auth.missing");
  }
}

BOOST_FIXTURE_TEST_CASE(frames_that_are_none_are_answered_and_do_no_harm, fixture) {
  start();
  auto s = connected();
  send(s, "this is not a flatbuffer");
  auto got = replies(s, 1);
  BOOST_TEST(got[0].status == 400);
  s.send(zmq::str_buffer("two"), zmq::send_flags::sndmore);
  s.send(zmq::str_buffer("parts"), zmq::send_flags::none);
  got = replies(s, 1);
  BOOST_TEST(got[0].status == 400);
  const auto whole = frame_of("dev-mes", {command(7)});
  for (std::size_t cut = 0; cut < whole.size(); cut += 7) send(s, whole.substr(0, cut));
  send(s, whole);
  std::map<std::uint64_t, engine::ReplyT> last;
  while (last.count(7) == 0) last = replies(s, 1);
  BOOST_TEST(last[7].status == 200);
}

BOOST_FIXTURE_TEST_CASE(one_client_cannot_have_more_in_flight_than_the_limit, fixture) {
  engine.hold_replies = true;
  client_port_options options;
  options.in_flight_max = 3;
  start(options);
  auto s = connected();
  send(s, frame_of("dev-mes", {command(1), command(2), command(3), command(4), command(5)}));
  auto got = replies(s, 2);
  BOOST_TEST(got[4].status == 429);
  BOOST_TEST(got[5].code == "client.rate_limited");
  auto other = connected();
  send(other, frame_of("dev-mes", {command(1)}));
  engine.release();
  BOOST_TEST(replies(s, 3).size() == 3u);
  BOOST_TEST(replies(other, 1)[1].status == 200);
  send(s, frame_of("dev-mes", {command(6)}));
  BOOST_TEST(replies(s, 1)[6].status == 200);
}

BOOST_FIXTURE_TEST_CASE(a_client_that_does_not_read_loses_no_reply_and_costs_bounded_memory,
                        fixture) {
  engine.decide = [](const request&) {
    auto r = reply();
    r.sequence = 1;
    r.detail = std::string(100'000, 'x');
    return r;
  };
  client_port_options options;
  options.in_flight_max = 50;
  options.queue_max = 20;
  start(options);
  auto s = dealer();
  s.set(zmq::sockopt::rcvhwm, 1);
  s.connect(port->address());
  constexpr std::size_t all = 600;
  for (std::uint64_t tag = 1; tag <= all; ++tag) send(s, frame_of("dev-mes", {command(tag)}));
  const auto refused = [&] {
    return counters.text({}, {}, {}, {}).find("millrace_client_port_refused_total 0") ==
           std::string::npos;
  };
  while (!refused()) std::this_thread::yield();
  const auto got = replies(s, all);
  std::size_t fine = 0;
  for (const auto& [tag, r] : got) fine += r.status == 200 ? 1 : 0;
  BOOST_TEST(fine == engine.asked.size());
  BOOST_TEST(fine < all);
  send(s, frame_of("dev-mes", {command(all + 1)}));
  BOOST_TEST(replies(s, 1)[all + 1].status == 200);
}

BOOST_FIXTURE_TEST_CASE(persons_are_asserted_only_by_clients_that_may, fixture) {
  auto tokens = dev_tokens();
  for (auto& t : tokens) t.persons = false;
  auth = gateway::authenticator(std::move(tokens));
  start();
  auto s = connected();
  auto c = command(1);
  c.person = "ann";
  send(s, frame_of("dev-mes", {c}));
  BOOST_TEST(replies(s, 1)[1].status == 403);
}

BOOST_FIXTURE_TEST_CASE(curve_lets_in_listed_keys_only, fixture) {
  std::array<char, 41> server_public{}, server_secret{}, listed_public{}, listed_secret{},
      other_public{}, other_secret{};
  BOOST_REQUIRE(zmq_curve_keypair(server_public.data(), server_secret.data()) == 0);
  BOOST_REQUIRE(zmq_curve_keypair(listed_public.data(), listed_secret.data()) == 0);
  BOOST_REQUIRE(zmq_curve_keypair(other_public.data(), other_secret.data()) == 0);
  client_port_options options;
  options.secret_key = server_secret.data();
  options.clients.push_back({"line-7", listed_public.data(), 1u << 2});
  start(options);
  const auto with = [&](const char* public_key, const char* secret_key) {
    auto s = dealer();
    s.set(zmq::sockopt::curve_serverkey, server_public.data());
    s.set(zmq::sockopt::curve_publickey, public_key);
    s.set(zmq::sockopt::curve_secretkey, secret_key);
    s.connect(port->address());
    return s;
  };
  auto stranger = with(other_public.data(), other_secret.data());
  auto plain = connected();
  stranger.set(zmq::sockopt::sndtimeo, 500);
  plain.set(zmq::sockopt::sndtimeo, 500);
  stranger.send(zmq::buffer(frame_of("dev-mes", {command(1)})), zmq::send_flags::none);
  plain.send(zmq::buffer(frame_of("dev-mes", {command(2)})), zmq::send_flags::none);
  auto listed = with(listed_public.data(), listed_secret.data());
  send(listed, frame_of("", {command(3)}));
  BOOST_TEST(replies(listed, 1)[3].status == 200);
  BOOST_TEST(engine.asked.size() == 1u);
  BOOST_TEST(engine.asked[0].from.name == "line-7");
  BOOST_TEST((engine.asked[0].system == System::mes));
}

BOOST_FIXTURE_TEST_CASE(stop_waits_for_open_replies, fixture) {
  engine.hold_replies = true;
  start();
  auto s = connected();
  send(s, frame_of("dev-mes", {command(1)}));
  while (true) {
    const std::lock_guard lock(engine.mutex);
    if (!engine.held.empty()) break;
  }
  std::thread stopping([&] { port->stop(); });
  engine.release();
  BOOST_TEST(replies(s, 1)[1].status == 200);
  stopping.join();
}

BOOST_FIXTURE_TEST_CASE(an_address_in_use_is_refused, fixture) {
  start();
  client_port_options options;
  options.address = port->address();
  BOOST_TEST(
      !client_port::start(options, engine, schema_model::built_in(), auth, counters).has_value());
}
