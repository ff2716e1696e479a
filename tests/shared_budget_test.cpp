// layer: cluster
// A node's memory shared over plants: never more than there is, everybody gets a fair share.
#define BOOST_TEST_MODULE shared_budget
#include "cluster/shared_budget.hpp"

#include <boost/test/unit_test.hpp>

#include <numeric>

using namespace millrace;
using sizes = std::vector<std::uint64_t>;

BOOST_AUTO_TEST_CASE(what_fits_stays_and_all_may_grow_alike) {
  BOOST_TEST(share_budget(100, {}).empty());
  BOOST_TEST(share_budget(100, {0}) == sizes{100}, boost::test_tools::per_element());
  BOOST_TEST(share_budget(100, {10, 30}) == (sizes{40, 60}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(when_it_does_not_fit_the_largest_give_way) {
  BOOST_TEST(share_budget(100, {10, 200, 80}) == (sizes{10, 45, 45}),
             boost::test_tools::per_element());
  BOOST_TEST(share_budget(90, {200, 200, 200}) == (sizes{30, 30, 30}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_sum_never_exceeds_the_budget_and_the_small_are_never_cut) {
  std::uint64_t random = 1;
  for (int round = 0; round < 1'000; ++round) {
    sizes used;
    for (int i = 0; i < 1 + round % 7; ++i)
      used.push_back((random = random * 6364136223846793005ull + 1442695040888963407ull) >> 54);
    const std::uint64_t budget = random >> 52;
    const auto limits = share_budget(budget, used);
    BOOST_TEST(std::accumulate(limits.begin(), limits.end(), std::uint64_t{0}) <= budget);
    for (std::size_t i = 0; i < used.size(); ++i)
      if (used[i] <= budget / used.size()) BOOST_TEST(limits[i] >= used[i]);
  }
}
