// `millrace demo` as a function: the world, the scenario, the figures, and staying up afterwards.
#pragma once

#include <cstdint>
#include <string>

namespace millrace::demo {

struct options {
  bool once = false;  // end after the story
  bool json = false;  // figures as one line on stdout; the story goes to stderr
  bool keep = false;  // leave data and logs in the temporary directory
  std::uint64_t seed = 1;
  std::size_t nodes = 3;  // a cluster, whose leader is killed where the story kills a node; or 1
  std::string scenario = "discrete";  // a built-in one by name, or a file
};

/// Exit code: 0 when every expectation held, 1 when one did not, 2 when there is no such scenario
/// or it cannot be read, 3 when the processes could not be started.
[[nodiscard]] int run(const options& o);

/// Prints the names of the built-in scenarios, each with its title.
void print_scenarios();

}  // namespace millrace::demo
