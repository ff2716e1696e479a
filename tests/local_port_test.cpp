// layer: cluster
// Ports for what is started again on the same one: out of reach of outgoing connections, never
// handed out twice, never one that somebody listens on.
#define BOOST_TEST_MODULE local_port
#include <boost/test/unit_test.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <set>

#include "cluster/local_port.hpp"

using namespace millrace;

namespace {

/// What another process gets; it answers through a pipe.
std::set<std::uint16_t> ports_of_another_process(std::size_t count) {
  int ends[2];
  BOOST_REQUIRE(::pipe(ends) == 0);
  const auto child = ::fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto port = free_port();
      const std::uint16_t number = port ? *port : 0;
      if (::write(ends[1], &number, sizeof number) != sizeof number) ::_exit(1);
    }
    ::_exit(0);
  }
  ::close(ends[1]);
  std::set<std::uint16_t> out;
  std::uint16_t number = 0;
  while (::read(ends[0], &number, sizeof number) == sizeof number) out.insert(number);
  ::close(ends[0]);
  BOOST_REQUIRE(::waitpid(child, nullptr, 0) == child);
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(ports_lie_below_those_of_outgoing_connections_and_come_once) {
  std::set<std::uint16_t> seen;
  for (int i = 0; i < 100; ++i) {
    const auto port = free_port();
    BOOST_REQUIRE(port);
    BOOST_TEST(*port >= 20'000);
    BOOST_TEST(*port < 32'768);
    BOOST_TEST(seen.insert(*port).second);
  }
}

BOOST_AUTO_TEST_CASE(another_process_gets_other_ports) {
  std::set<std::uint16_t> mine;
  for (int i = 0; i < 150; ++i) {
    const auto port = free_port();
    BOOST_REQUIRE(port);
    mine.insert(*port);
  }
  const auto others = ports_of_another_process(150);
  BOOST_TEST(others.size() == 150u);
  for (const auto port : others) BOOST_TEST(!mine.contains(port));
}
