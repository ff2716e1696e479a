// layer: cluster
// Envelopes between nodes, and configurations: both directions, and nothing that does not verify is
// believed.
#define BOOST_TEST_MODULE peer_wire
#include "cluster/peer_wire.hpp"

#include <boost/test/unit_test.hpp>
#include <cstring>

#include "cluster/crc32c.hpp"
#include "cluster/group.hpp"
#include "cluster/membership.hpp"
#include "schemas/engine/peer_generated.h"

using namespace millrace;

namespace {

shared_bytes text(const std::string& s) {
  return std::make_shared<const bytes>(s.begin(), s.end());
}

peer_envelope full() {
  peer_envelope e;
  e.cluster = "north";
  e.sender = 3;
  e.identity = {0x1122334455667788ull, 9};
  e.target = 2;
  e.sequence = 77;
  append_entries append{7, 4, 6, 3, {}, 0};
  append.entries.push_back({5, 6, entry_type::command, text("payload")});
  append.entries.push_back({6, 7, entry_type::barrier, text("")});
  append.entries.push_back({7, 7, entry_type::change, text("who")});
  const install_snapshot snapshot{7, 100, 6, 50, bytes{1, 2, 3}, bytes(32, 9)};
  const std::vector<peer_message> all{request_vote{7, 3, 12, 6, true, false},
                                      request_vote_result{7, true, true},
                                      append,
                                      append_entries_result{7, 5, 4},
                                      snapshot,
                                      timeout_now{7, 12, 6}};
  std::uint32_t generation = 1;
  for (const peer_message& m : all)
    e.frames.push_back({group_id_of("hamburg"), generation++, {6, 11}, m});
  return e;
}

/// With a checksum that fits again.
bytes resealed(bytes b) {
  const std::uint32_t crc = crc32c(bytes_view(b).subspan(4));
  std::memcpy(b.data(), &crc, 4);
  return b;
}

peer_envelope with(peer_message m) {
  auto e = full();
  e.frames.clear();
  e.frames.push_back({1, 1, {}, std::move(m)});
  return e;
}

}  // namespace

BOOST_AUTO_TEST_CASE(everything_comes_back) {
  const auto sent = full();
  const auto encoded = encode_envelope(sent);
  bytes shifted(encoded->size() + 1);  // as a transport hands it out, at an odd address
  std::memcpy(shifted.data() + 1, encoded->data(), encoded->size());
  const auto got = decode_envelope(bytes_view(shifted).subspan(1));
  BOOST_REQUIRE(got);
  BOOST_TEST(got->cluster == "north");
  BOOST_TEST(got->sender == 3u);
  BOOST_TEST((got->identity == sent.identity));
  BOOST_TEST(got->target == 2u);
  BOOST_TEST(got->sequence == 77u);
  BOOST_REQUIRE(got->frames.size() == sent.frames.size());
  for (std::size_t i = 0; i < sent.frames.size(); ++i) {
    BOOST_TEST(got->frames[i].group == group_id_of("hamburg"));
    BOOST_TEST(got->frames[i].generation == i + 1);
    BOOST_TEST((got->frames[i].boot == boot_position{6, 11}));
    BOOST_TEST(got->frames[i].what.index() == sent.frames[i].what.index());
  }
  const auto& m = [&](std::size_t i) -> const peer_message& { return got->frames[i].what; };
  BOOST_TEST((std::get<request_vote>(m(0)) == std::get<request_vote>(sent.frames[0].what)));
  BOOST_TEST((std::get<request_vote_result>(m(1)) == request_vote_result{7, true, true}));
  const auto& append = std::get<append_entries>(m(2));
  BOOST_TEST(append.previous_index == 4u);
  BOOST_TEST(append.previous_term == 6u);
  BOOST_TEST(append.commit == 3u);
  BOOST_REQUIRE(append.entries.size() == 3u);
  BOOST_TEST(append.entries[2].index == 7u);
  BOOST_TEST((append.entries[2].type == entry_type::change));
  BOOST_TEST((*append.entries[0].payload == *text("payload")));
  BOOST_TEST(append.entries[1].payload->empty());
  BOOST_TEST((std::get<append_entries_result>(m(3)) == append_entries_result{7, 5, 4}));
  BOOST_TEST((std::get<install_snapshot>(m(4)) == std::get<install_snapshot>(sent.frames[4].what)));
  BOOST_TEST((std::get<timeout_now>(m(5)) == timeout_now{7, 12, 6}));
}

BOOST_AUTO_TEST_CASE(every_flipped_bit_and_every_cut_is_noticed) {
  const bytes whole = *encode_envelope(full());
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    bytes b = whole;
    b[bit / 8] ^= static_cast<std::uint8_t>(1 << (bit % 8));
    BOOST_REQUIRE(!decode_envelope(b));
  }
  for (std::size_t size = 0; size < whole.size(); ++size)
    BOOST_REQUIRE(!decode_envelope(bytes_view(whole).first(size)));
}

// A forger computes a checksum too: whatever is inside, it is refused or it verifies.
BOOST_AUTO_TEST_CASE(forged_bytes_are_refused_or_well_formed) {
  const bytes whole = *encode_envelope(full());
  std::size_t refused = 0;
  for (std::size_t at = 8; at < whole.size(); ++at)
    for (const std::uint8_t value : {std::uint8_t{0}, std::uint8_t{0x7F}, std::uint8_t{0xFF}}) {
      bytes b = whole;
      b[at] = value;
      const auto got = decode_envelope(resealed(std::move(b)));
      if (!got) ++refused;
      if (!got) BOOST_REQUIRE(got.error().code == "request.malformed");
    }
  BOOST_TEST(refused > 100u);
}

BOOST_AUTO_TEST_CASE(messages_against_rafts_rules_are_refused) {
  const auto refused = [](peer_message m) {
    return !decode_envelope(*encode_envelope(with(std::move(m))));
  };
  BOOST_TEST(!refused(request_vote{7, 3, 12, 6, false, false}));
  BOOST_TEST(refused(request_vote{0, 3, 12, 6, false, false}));
  BOOST_TEST(refused(request_vote{7, 0, 12, 6, false, false}));
  BOOST_TEST(refused(request_vote{7, 3, 12, 0, false, false}));
  append_entries falling{7, 4, 6, 3, {}, 0};
  falling.entries.push_back({5, 5, entry_type::command, text("x")});
  BOOST_TEST(refused(falling));
  append_entries rising{7, 4, 6, 3, {}, 0};
  rising.entries.push_back({5, 8, entry_type::command, text("x")});
  BOOST_TEST(refused(rising));
  BOOST_TEST(refused(append_entries{7, 4, 0, 3, {}, 0}));
  BOOST_TEST(refused(install_snapshot{7, 0, 6, 0, bytes{1}, bytes(32, 1)}));
  BOOST_TEST(refused(install_snapshot{7, 9, 8, 1, bytes{1}, bytes(32, 1)}));
  BOOST_TEST(refused(install_snapshot{7, 9, 6, 1, bytes{1}, bytes(31, 1)}));
  BOOST_TEST(refused(install_snapshot{7, 9, 6, 10, bytes{1}, bytes(32, 1)}));
  append_entries huge{7, 4, 6, 3, {}, 0};
  huge.entries.push_back(
      {5, 7, entry_type::command, std::make_shared<const bytes>(entry_bytes_max + 1)});
  BOOST_TEST(refused(huge));
  auto anonymous = full();
  anonymous.sender = 0;
  BOOST_TEST(!decode_envelope(*encode_envelope(anonymous)));
}

BOOST_AUTO_TEST_CASE(a_message_of_a_later_version_is_skipped_not_refused) {
  flatbuffers::FlatBufferBuilder b;
  const auto unknown = wire::CreateTimeoutNow(b, 1).Union();
  const auto known = wire::CreateTimeoutNow(b, 1).Union();
  const std::vector frames{
      wire::CreateFrame(b, 1, 1, 0, 0, static_cast<wire::Message>(200), unknown),
      wire::CreateFrame(b, 1, 1, 0, 0, wire::Message::TimeoutNow, known)};
  const auto list = b.CreateVector(frames);
  b.Finish(wire::CreateEnvelope(b, b.CreateString("north"), 3, 1, 1, 2, 1, list));
  bytes raw(8);
  raw.insert(raw.end(), b.GetBufferPointer(), b.GetBufferPointer() + b.GetSize());
  const auto got = decode_envelope(resealed(std::move(raw)));
  BOOST_REQUIRE(got);
  BOOST_TEST(got->frames.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_size_is_known_beforehand) {
  const auto e = full();
  std::size_t size = 200;
  for (const peer_frame& f : e.frames) size += wire_size(f.what);
  BOOST_TEST(encode_envelope(e)->size() <= size);
}

BOOST_AUTO_TEST_CASE(configurations_are_the_bytes_of_libraft) {
  const node_number one[] = {1};
  BOOST_TEST((membership::of_voters(one).encode() == group::founding_configuration(1)));
  const auto three = membership()
                         .with(30, member_role::voter)
                         .with(4, member_role::standby)
                         .with(1'000'000'007, member_role::spare);
  const bytes encoded = three.encode();
  BOOST_TEST((*membership::decode(encoded) == three));
  BOOST_TEST(three.voters() == 1u);
  BOOST_TEST(three.sole_voter_is(30));
  BOOST_TEST((three.role_of(4) == member_role::standby));
  BOOST_TEST(!three.role_of(5).has_value());
  for (std::size_t size = 0; size < encoded.size(); ++size)
    BOOST_TEST(!membership::decode(bytes_view(encoded).first(size)));
  bytes many = encoded;
  many[1] = 0xFF;
  BOOST_TEST(!membership::decode(many));
  BOOST_TEST(!membership::decode(membership().with(4, member_role::standby).encode()));
}
