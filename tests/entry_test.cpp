// layer: cluster
// Entries: what is built is read back in place, and no damaged byte is taken for a record.
#define BOOST_TEST_MODULE entry
#include "cluster/entry.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

using namespace millrace;

namespace {

bytes record(const std::string& actor, std::uint64_t sequence, std::size_t padding) {
  engine::RecordT r;
  r.actor = actor;
  r.sequence = sequence;
  r.detail = std::string(padding, 'x');
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(engine::Record::Pack(builder, &r));
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

shared_bytes three() {
  entry_builder b;
  for (std::size_t i = 0; i < 3; ++i) b.add(record("order/" + std::to_string(i), i + 1, i * 3));
  return b.finish(timestamp::from_micros(1'234'567));
}

}  // namespace

BOOST_AUTO_TEST_CASE(records_are_read_in_place) {
  const auto e = three();
  auto v = entry_view::verify(*e);
  BOOST_REQUIRE(v);
  BOOST_TEST(v->stamp().micros() == 1'234'567);
  BOOST_TEST(v->count() == 3u);
  std::uint32_t n = 0;
  for (auto at = v->begin(); at != v->end(); ++at, ++n) {
    BOOST_TEST((*at)->actor()->str() == "order/" + std::to_string(n));
    BOOST_TEST((*at)->sequence() == n + 1);
    BOOST_TEST(at.ordinal() == n);
    BOOST_TEST((at.record().data() - e->data()) % 8 == 0);
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(at.record().data()) % 8 == 0u);
  }
  BOOST_TEST(n == 3u);
}

BOOST_AUTO_TEST_CASE(a_builder_begins_anew) {
  entry_builder b;
  b.add(record("a/1", 1, 0));
  const auto first = b.finish(timestamp::from_micros(1));
  BOOST_TEST(b.empty());
  const auto second = b.finish(timestamp::from_micros(2));
  BOOST_TEST(entry_view::verify(*first)->count() == 1u);
  BOOST_TEST(entry_view::verify(*second)->count() == 0u);
}

BOOST_AUTO_TEST_CASE(the_limit_is_one_megabyte) {
  entry_builder b;
  const bytes r = record("a/1", 1, 256 * 1024);
  std::uint32_t n = 0;
  for (; b.fits(r.size()); ++n) b.add(r);
  BOOST_TEST(n == 3u);
  BOOST_TEST(b.size_bytes() <= entry_bytes_max);
  BOOST_TEST(!b.fits(entry_bytes_max));
  BOOST_TEST(entry_view::verify(*b.finish({})).has_value());
}

BOOST_AUTO_TEST_CASE(every_truncation_is_refused) {
  const auto e = three();
  for (std::size_t n = 0; n < e->size(); ++n) {
    auto v = entry_view::verify(bytes_view(*e).first(n));
    BOOST_REQUIRE(!v);
    BOOST_REQUIRE_EQUAL(v.error().code, "journal.damaged");
  }
  bytes longer = *e;
  longer.resize(longer.size() + 8);
  BOOST_TEST(!entry_view::verify(longer).has_value());
}

BOOST_AUTO_TEST_CASE(no_flipped_bit_makes_the_reader_leave_the_entry) {
  const auto e = three();
  std::size_t refused = 0;
  for (std::size_t bit = 0; bit < e->size() * 8; ++bit) {
    bytes changed = *e;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
    auto v = entry_view::verify(changed);
    if (!v) {
      ++refused;
      continue;
    }
    for (const engine::Record* r : *v) {  // the sanitizers look at this walk
      if (r->actor() != nullptr) BOOST_REQUIRE(r->actor()->size() < e->size());
      if (r->detail() != nullptr) BOOST_REQUIRE(r->detail()->size() < e->size());
    }
  }
  BOOST_TEST(refused > 64u * 3u);  // at least the head's version and the records' lengths
}

BOOST_AUTO_TEST_CASE(values_out_of_range_are_refused) {
  engine::RecordT r;
  r.outcome = static_cast<engine::Outcome>(9);
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(engine::Record::Pack(builder, &r));
  entry_builder b;
  b.add({builder.GetBufferPointer(), builder.GetSize()});
  auto v = entry_view::verify(*b.finish({}));
  BOOST_REQUIRE(!v);
  BOOST_TEST(v.error().detail.find("out of range") != std::string::npos);
}
