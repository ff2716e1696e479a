// layer: cluster
#define BOOST_TEST_MODULE row_names
#include <boost/test/unit_test.hpp>

#include <string>

#include "cluster/row_names.hpp"

using millrace::row_names;

namespace {

std::uint32_t name(int i) { return row_names::hash("confirmation C-" + std::to_string(i)); }

}  // namespace

BOOST_AUTO_TEST_CASE(a_new_actor_has_no_rows_and_knows_it) {
  row_names names;
  BOOST_TEST(!names.may_hold(name(1)));
  names.add({name(3), name(1), name(3)});
  names.add({name(2)});
  for (int i = 1; i <= 3; ++i) BOOST_TEST(names.may_hold(name(i)));
  BOOST_TEST(!names.may_hold(name(4)));
}

BOOST_AUTO_TEST_CASE(a_list_says_what_a_loaded_actor_has) {
  row_names names;
  names.add({name(1)});
  names.listed(std::vector{name(9), name(8)});
  BOOST_TEST(names.may_hold(name(9)));
  BOOST_TEST(names.may_hold(name(8)));
  BOOST_TEST(!names.may_hold(name(1)));
  names.add({name(7)});
  BOOST_TEST(names.may_hold(name(7)));
}

BOOST_AUTO_TEST_CASE(without_a_list_every_row_may_be_there) {
  row_names names;
  names.listed(std::nullopt);
  BOOST_TEST(names.may_hold(name(1)));
  names.add({name(2)});
  BOOST_TEST(names.may_hold(name(1)));
}

BOOST_AUTO_TEST_CASE(too_many_names_are_not_kept) {
  row_names names;
  std::vector<std::uint32_t> all;
  for (std::uint32_t i = 0; i < row_names::names_max; ++i) all.push_back(i * 2);
  names.add(all);
  BOOST_TEST(!names.may_hold(3));
  names.add({1});
  BOOST_TEST(names.may_hold(3));
  BOOST_TEST(names.memory() == 0u);
  names.add({5});
  BOOST_TEST(names.may_hold(7));
}
