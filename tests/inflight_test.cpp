// layer: cluster
// Who was being decided on when a process died: blamed, acquitted, refused at the second time; and
// the file that remembers it harms nothing when it is damaged.
#define BOOST_TEST_MODULE inflight
#include "cluster/inflight.hpp"

#include <stdlib.h>

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <iterator>
#include <thread>

using namespace millrace;
namespace fs = std::filesystem;

namespace {

constexpr hash128 culprit{7, 9};
constexpr hash128 bystander{8, 9};

struct in_a_directory {
  fs::path directory;
  in_a_directory() {
    std::string name = (fs::temp_directory_path() / "millrace-inflight-XXXXXX").string();
    BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
    directory = name;
  }
  ~in_a_directory() { fs::remove_all(directory); }
  [[nodiscard]] fs::path file() const { return directory / "inflight"; }
  /// A process that dies while it decides on `id`: nothing ends the mark.
  void die_on(hash128 id) const {
    (void)inflight_marks::open(file())->begin(id, "hamburg", "counter/1");
  }
  [[nodiscard]] bool refused(hash128 id) const {
    const auto marks = inflight_marks::open(file());
    const bool allowed = marks->begin(id, "hamburg", "counter/1");
    marks->end();
    return !allowed;
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(the_second_death_makes_it_poisonous_and_nothing_else) {
  suspects s;
  BOOST_TEST(s.blame(culprit, "here") == 1u);
  BOOST_TEST(!s.poisonous(culprit));
  BOOST_TEST(s.blame(culprit, "here") == 2u);
  BOOST_TEST(s.poisonous(culprit));
  BOOST_TEST(!s.poisonous(bystander));
  BOOST_TEST(!s.acquit(culprit));  // it was refused, which proves nothing
  BOOST_TEST(s.poisonous(culprit));
}

BOOST_AUTO_TEST_CASE(who_is_decided_on_and_lives_is_acquitted) {
  suspects s;
  s.blame(culprit, "here");
  BOOST_TEST(s.acquit(culprit));
  BOOST_TEST(s.blame(culprit, "here") == 1u);
  BOOST_TEST(!s.poisonous(culprit));
}

BOOST_AUTO_TEST_CASE(the_list_is_bounded_and_keeps_what_is_poisonous) {
  suspects s;
  s.blame(culprit, "here");
  s.blame(culprit, "here");
  for (std::uint64_t i = 0; i < 1'000; ++i) s.blame({1'000 + i, 1}, "there");
  BOOST_TEST(s.all().size() == suspects::count_max);
  BOOST_TEST(s.poisonous(culprit));
}

BOOST_FIXTURE_TEST_CASE(two_deaths_on_the_same_input_are_remembered, in_a_directory) {
  die_on(culprit);
  BOOST_TEST(inflight_marks::open(file())->suspected().all().size() == 1u);
  die_on(culprit);
  const auto marks = inflight_marks::open(file());
  BOOST_REQUIRE(marks->suspected().all().size() == 1u);
  BOOST_TEST(marks->suspected().all()[0].where == "hamburg/counter/1");
  BOOST_TEST(!marks->begin(culprit, "hamburg", "counter/1"));
  BOOST_TEST(marks->begin(bystander, "hamburg", "counter/1"));
  marks->end();
  BOOST_TEST(!marks->begin(culprit, "hamburg", "counter/1"));
}

BOOST_FIXTURE_TEST_CASE(a_clean_end_blames_nobody_and_survival_acquits, in_a_directory) {
  {
    const auto marks = inflight_marks::open(file());
    BOOST_TEST(marks->begin(bystander, "hamburg", "counter/1"));
    BOOST_TEST(marks->begin(culprit, "hamburg", "counter/1"));
    marks->end();
  }
  BOOST_TEST(inflight_marks::open(file())->suspected().all().empty());
  die_on(culprit);
  BOOST_TEST(!refused(culprit));  // decided on, and the process lives
  die_on(culprit);
  BOOST_TEST(!refused(culprit));
}

BOOST_FIXTURE_TEST_CASE(every_thread_has_a_mark_of_its_own, in_a_directory) {
  {
    const auto marks = inflight_marks::open(file());
    for (std::uint64_t t = 0; t < inflight_marks::threads_max + 6; ++t)
      std::thread([&] { (void)marks->begin({t + 1, t + 1}, "hamburg", "counter/1"); }).join();
  }
  BOOST_TEST(inflight_marks::open(file())->suspected().all().size() == inflight_marks::threads_max);
}

BOOST_FIXTURE_TEST_CASE(any_damage_to_the_file_forgets_and_harms_nothing, in_a_directory) {
  die_on(culprit);
  die_on(culprit);
  (void)inflight_marks::open(file());
  std::ifstream in(file(), std::ios::binary);
  const std::string good((std::istreambuf_iterator<char>(in)), {});
  const std::size_t records = 128 + 128 * inflight_marks::threads_max;
  for (const auto at : {std::size_t{0}, records, records + 8, records + 16, records + 24}) {
    auto bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 4);
    std::ofstream(file(), std::ios::binary | std::ios::trunc) << bad;
    BOOST_TEST(!refused(culprit), "byte " << at);
  }
  std::ofstream(file(), std::ios::binary | std::ios::trunc) << good.substr(0, 100);
  BOOST_TEST(!refused(culprit));
  std::ofstream(file(), std::ios::binary | std::ios::trunc) << std::string(good.size(), '\xff');
  BOOST_TEST(!refused(culprit));
  BOOST_TEST(!refused({0, 0}));
  std::ofstream(file(), std::ios::binary | std::ios::trunc) << good;
  BOOST_TEST(refused(culprit));
}

BOOST_FIXTURE_TEST_CASE(without_a_file_the_node_works_all_the_same, in_a_directory) {
  fs::create_directories(file());  // a directory stands where the file should be
  const auto marks = inflight_marks::open(file());
  BOOST_TEST(marks->begin(culprit, "hamburg", "counter/1"));
  marks->end();
}
