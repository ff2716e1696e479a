// layer: cluster
#define BOOST_TEST_MODULE overlay_rows
#include <boost/test/unit_test.hpp>

#include <map>
#include <random>
#include <string>

#include "cluster/overlay_rows.hpp"

using namespace millrace;

namespace {

using row_bytes = std::vector<std::uint8_t>;

std::shared_ptr<const row_bytes> row(std::uint8_t v) {
  return std::make_shared<const row_bytes>(row_bytes{v});
}
const overlay_row* find(const overlay_rows& in, const std::string& name) {
  return in.find(name, row_names::hash(name));
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_row_is_found_by_its_name_and_put_over) {
  overlay_rows rows;
  BOOST_TEST(rows.empty());
  BOOST_TEST(find(rows, "a") == nullptr);
  rows.put("a", row(1));
  rows.put("b", nullptr);
  BOOST_REQUIRE(find(rows, "a") != nullptr);
  BOOST_TEST(find(rows, "a")->row->front() == 1);
  BOOST_TEST(find(rows, "b")->row == nullptr);
  for (auto& r : rows) r.imaged = true;
  rows.put("a", row(2));
  rows.erase_imaged();
  BOOST_TEST(find(rows, "b") == nullptr);
  BOOST_REQUIRE(find(rows, "a") != nullptr);
  BOOST_TEST(find(rows, "a")->row->front() == 2);
}

BOOST_AUTO_TEST_CASE(it_holds_what_a_map_would_hold) {
  overlay_rows rows;
  std::map<std::string, std::uint8_t> model;
  std::mt19937 random(7);
  for (int step = 0; step < 20'000; ++step) {
    const auto name = std::to_string(random() % 300);
    if (random() % 500 == 0) {
      for (auto& r : rows) r.imaged = random() % 3 != 0;
      for (const auto& r : rows)
        if (r.imaged) model.erase(r.name);
      rows.erase_imaged();
    } else {
      rows.put(name, row(static_cast<std::uint8_t>(step)));
      model[name] = static_cast<std::uint8_t>(step);
    }
    const auto looked_for = std::to_string(random() % 300);
    const auto* found = find(rows, looked_for);
    BOOST_REQUIRE_EQUAL(found != nullptr, model.contains(looked_for));
    if (found != nullptr) BOOST_REQUIRE_EQUAL(found->row->front(), model[looked_for]);
  }
  std::size_t count = 0;
  for (const auto& r : rows) count += model.contains(r.name) ? 1 : 0;
  BOOST_TEST(count == model.size());
}
