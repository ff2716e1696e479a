// layer: cluster
// Retention by bytes: which entry may be the first, with marks that stay few.
#define BOOST_TEST_MODULE journal_size
#include "cluster/journal_size.hpp"

#include <boost/test/unit_test.hpp>

using namespace millrace;

namespace {
constexpr std::uint64_t entry = 1000;  // bytes with its overhead
void grow(journal_size& s, journal_index from, journal_index to) {
  for (auto i = from; i <= to; ++i) s.add(i, entry - journal_size::entry_overhead);
}
}  // namespace

BOOST_AUTO_TEST_CASE(nothing_goes_while_all_fits) {
  journal_size s;
  BOOST_TEST(s.first_within(1) == 0u);
  grow(s, 1, 1000);
  BOOST_TEST(s.first_within(1000 * entry) == 0u);
}

BOOST_AUTO_TEST_CASE(what_stays_fits_and_little_more_goes_than_has_to) {
  journal_size s;
  grow(s, 1, 100'000);
  for (const std::uint64_t keep : {10'000'000ull, 50'000'000ull, 99'000'000ull}) {
    const auto first = s.first_within(keep);
    BOOST_TEST(first > 0u);
    const auto stays = (100'000 - first + 1) * entry;
    BOOST_TEST(stays <= keep);
    BOOST_TEST(stays + 100'000 * entry / 100 > keep, "at most a hundredth more than has to");
  }
}

BOOST_AUTO_TEST_CASE(a_journal_that_is_cut_again_and_again_keeps_fine_marks) {
  journal_size s;
  constexpr std::uint64_t keep = 10'000'000;
  for (journal_index i = 1; i <= 1'000'000; i += 1000) {
    grow(s, i, i + 999);
    if (const auto first = s.first_within(keep)) s.forget(first);
  }
  const auto first = s.first_within(keep / 2);
  const auto stays = (1'000'000 - first + 1) * entry;
  BOOST_TEST(stays <= keep / 2);
  BOOST_TEST(stays > keep / 2 - keep / 20);
}

BOOST_AUTO_TEST_CASE(the_row_gives_the_same_back_and_its_size_is_bounded) {
  journal_size s;
  grow(s, 7, 500'000);
  row_writer w;
  s.save(w);
  const auto row = w.seal();
  BOOST_TEST(row.size() < 5'000u);
  auto in = row_reader::open(row, "size");
  BOOST_REQUIRE(in);
  journal_size back;
  back.load(*in);
  BOOST_TEST(in->ok());
  BOOST_TEST(back.first_within(1'000'000) == s.first_within(1'000'000));
}
