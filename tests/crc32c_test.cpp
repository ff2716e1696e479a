// layer: cluster
// CRC32C against the published vectors (RFC 3720 B.4), and the instruction against the table.
#define BOOST_TEST_MODULE crc32c
#include "cluster/crc32c.hpp"

#include <boost/test/unit_test.hpp>
#include <random>
#include <string_view>

using namespace millrace;

namespace {
bytes_view view(std::string_view s) {
  return {reinterpret_cast<const std::uint8_t*>(s.data()), s.size()};
}
}  // namespace

BOOST_AUTO_TEST_CASE(published_vectors) {
  bytes ascending(32);
  for (std::size_t i = 0; i < 32; ++i) ascending[i] = static_cast<std::uint8_t>(i);
  for (const auto crc : {crc32c, crc32c_table}) {
    BOOST_TEST(crc(bytes(32, 0), 0) == 0x8A9136AAu);
    BOOST_TEST(crc(bytes(32, 0xFF), 0) == 0x62A8AB43u);
    BOOST_TEST(crc(ascending, 0) == 0x46DD794Eu);
    BOOST_TEST(crc(view("123456789"), 0) == 0xE3069283u);
    BOOST_TEST(crc({}, 0) == 0u);
  }
}

BOOST_AUTO_TEST_CASE(instruction_and_table_agree_at_every_length_and_split) {
  std::mt19937 random(7);
  bytes data(300);
  for (auto& b : data) b = static_cast<std::uint8_t>(random());
  for (std::size_t n = 0; n <= data.size(); ++n) {
    const bytes_view whole(data.data(), n);
    const std::uint32_t expected = crc32c_table(whole);
    BOOST_REQUIRE_EQUAL(crc32c(whole), expected);
    const std::size_t split = n / 3;
    BOOST_REQUIRE_EQUAL(crc32c(whole.subspan(split), crc32c(whole.first(split))), expected);
  }
}
