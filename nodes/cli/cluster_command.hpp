// `millrace cluster ...`: keys, what a cluster looks like, whether it is well, and clusters for
// development on one machine.
#pragma once

namespace CLI {
class App;
}

namespace millrace::cli {

void add_cluster_command(CLI::App& app, int& exit_code);

}  // namespace millrace::cli
