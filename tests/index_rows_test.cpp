// layer: cluster
// Index rows stay those of their actor whatever its cell goes through: damaged rows, deaths while
// an image is on its way to the disk, values that only a search finds.
#define BOOST_TEST_MODULE index_rows
#include <boost/test/unit_test.hpp>

#include "cluster/index_rows.hpp"
#include "cluster/list_overlay.hpp"
#include "cluster/state_tables.hpp"
#include "tests/host_harness.hpp"

using namespace millrace;
using namespace millrace::testing;
using command = counter_command;

namespace {

void store_all(host_harness& w) {
  w.host->checkpoint(w.now);
  w.run();
}

/// Labels under which the stored rows list the counter.
std::vector<std::string> stored_labels(host_harness& w, const std::string& id) {
  auto snapshot = w.state->snapshot();
  std::vector<std::string> out;
  for (const char* label : {"none", "few", "many"}) {
    const auto key = plant_prefix("hamburg") + index_key("counter", 0, label, id);
    if (*(*snapshot)->get(state_table::indexes, as_bytes_view(key))) out.emplace_back(label);
  }
  return out;
}

std::vector<std::string> only(const char* label) { return {label}; }

}  // namespace

BOOST_AUTO_TEST_CASE(an_actor_that_dies_while_its_image_is_written) {  // simulation seed 44
  auto w = host_harness::make();
  w->send("1", command::add, 5);
  store_all(*w);
  BOOST_TEST(stored_labels(*w, "1") == only("few"));
  w->send("1", command::add, 10);
  w->host->checkpoint(w->now);
  BOOST_REQUIRE(w->tasks.size() == 1u);  // its image
  w->tasks.front()();
  w->tasks.pop_front();
  BOOST_REQUIRE(w->tasks.size() == 1u);  // the image on its way to the disk
  const auto write = std::move(w->tasks.front());
  w->tasks.clear();
  w->lose("1");  // loaded anew from the row that is older
  BOOST_REQUIRE(!w->tasks.empty());
  w->tasks.front()();
  w->tasks.pop_front();
  w->tasks.push_back(write);
  w->run();
  BOOST_TEST(stored_labels(*w, "1") == only("many"));
  w->send("1", command::add, -15);
  store_all(*w);
  BOOST_TEST(w->value("1") == 0);
  BOOST_TEST(stored_labels(*w, "1") == only("none"));
}

BOOST_AUTO_TEST_CASE(an_actor_that_is_rebuilt_since_its_row_is_damaged) {  // simulation seed 3
  auto w = host_harness::make();
  w->send("1", command::add, 5);
  w->send("2", command::add, 5);
  store_all(*w);
  BOOST_REQUIRE(w->disk->flip_bit(state_table::actors,
                                  as_bytes_view(actor_key("hamburg", "counter/1")), 100));
  w->restart();
  w->send("1", command::add, 10);
  store_all(*w);
  BOOST_TEST(w->value("1") == 15);
  BOOST_TEST(stored_labels(*w, "1") == only("many"));
  BOOST_TEST(stored_labels(*w, "2") == only("few"));
}

BOOST_AUTO_TEST_CASE(what_a_damaged_row_does_not_tell_is_searched_for) {
  auto w = host_harness::make();
  for (const char* id : {"1", "2", "3"}) w->send(id, command::add, 5);
  w->send("3", command::add, 20);
  store_all(*w);
  const auto* k = w->kinds.find("counter");
  cell fresh(*k, "3", *w);
  const auto image = fresh.image();  // of an actor that is none: listed nowhere
  BOOST_REQUIRE(w->disk->flip_bit(state_table::actors,
                                  as_bytes_view(actor_key("hamburg", "counter/3")), 100));
  auto snapshot = w->state->snapshot();
  const auto changes = compare_index_rows(**snapshot, "hamburg", *k, *image);
  BOOST_REQUIRE(changes);
  BOOST_REQUIRE(changes->size() == 1u);
  BOOST_TEST((*changes)[0].before == "many");
  BOOST_TEST((*changes)[0].after == "");
}
