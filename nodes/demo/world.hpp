// The demo's stage: one node or a cluster of some, and the simulated systems of a scenario as
// processes on loopback, with their logs and a data directory.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "nodes/client/http_client.hpp"
#include "nodes/demo/dev_cluster.hpp"
#include "nodes/demo/process.hpp"
#include "nodes/demo/scenario.hpp"
#include "nodes/json/json_value.hpp"

namespace millrace::demo {

/// An answer with its body already read; not JSON = null.
struct reply {
  long status = 0;
  json_value body;
  double ms = 0;
  std::string failure;  // no answer at all
  [[nodiscard]] bool good() const { return status >= 200 && status < 300; }
  /// "409 batch.held: ..." for people.
  [[nodiscard]] std::string in_short() const;
};

class world {
 public:
  struct settings {
    std::string program = "/proc/self/exe";
    std::uint64_t seed = 1;
    std::vector<scenario_system> systems;
    std::size_t nodes = 1;
  };
  /// Makes the directory, starts everything, waits until all are ready. Error: demo.not_started
  /// with the end of the log.
  [[nodiscard]] static result<std::unique_ptr<world>> open(settings s);
  ~world();
  world(const world&) = delete;
  world& operator=(const world&) = delete;

  /// Sends to the platform with the dev token of a system ("erp"). An empty `body`, `key` or
  /// `person` (On-Behalf-Of) sends none.
  reply platform(const std::string& method, const std::string& path, const std::string& system,
                 const std::string& body = {}, const std::string& key = {},
                 const std::string& person = {});
  reply get(const std::string& path) { return platform("GET", path, "ops"); }
  /// Sends to a simulator by its name in the scenario.
  reply simulator(const std::string& name, const std::string& method, const std::string& path,
                  const std::string& body = {});
  json_value simulator_state(const std::string& name) {
    return simulator(name, "GET", "/state").body;
  }

  /// kill -9, at once; of several, the one that leads. What it was, for people.
  std::string kill_node();
  /// Starts it again on the same data; milliseconds until it is ready. Error: demo.not_started.
  [[nodiscard]] result<double> restart_node();
  /// kill -9 of every node at once.
  void kill_all();
  /// Starts all again on their data, and waits until they are ready. Error: demo.not_started.
  [[nodiscard]] result<void> restart_all();
  /// SIGTERM to every node; the worst exit code.
  int stop_node();
  [[nodiscard]] bool node_runs();
  /// Runs `millrace <arguments>` to its end; the exit code.
  [[nodiscard]] int run(const std::vector<std::string>& arguments);
  struct program_end {
    int code = -1;
    std::string text;  // the end of what it said
  };
  [[nodiscard]] program_end run_and_read(const std::vector<std::string>& arguments);
  /// A line more in a file of the story.
  void write_line(const std::string& file, const std::string& line) const;
  /// The path of a file of the story, else the word itself.
  [[nodiscard]] std::string file_or_word(const std::string& word) const;

  /// Of a node that runs.
  [[nodiscard]] const std::string& node_url() const { return node_().url; }
  [[nodiscard]] std::vector<std::string> node_urls() const;
  [[nodiscard]] std::string simulator_url(const std::string& name) const;
  [[nodiscard]] const std::string& directory() const { return directory_; }
  /// Data directories of the nodes.
  [[nodiscard]] std::vector<std::string> data() const;
  /// The last lines of a log ("node", "erp", ...).
  [[nodiscard]] std::string log_end(const std::string& name) const;
  /// Keeps the directory with data and logs when the world ends.
  void keep_directory() { keep_ = true; }

 private:
  struct running_system {
    std::string url;
    process runs;
  };
  struct running_node {
    std::string url, config, data;
    process runs;
  };
  explicit world(settings s) : settings_(std::move(s)) {}
  [[nodiscard]] const running_node& node_() const { return nodes_[at_]; }
  result<void> begin();
  result<void> choose_ports();
  result<void> start_node(running_node& n);
  result<void> start_system(const scenario_system& s, running_system& at);
  result<std::string> write_endpoints() const;
  result<void> write_config();
  result<void> wait_ready(process& p, const std::string& name, const std::string& url);

  settings settings_;
  std::string directory_;
  bool keep_ = false;
  std::map<std::string, running_system> systems_;  // by name
  std::vector<running_node> nodes_;
  std::size_t at_ = 0;    // whom the story speaks to
  std::size_t dead_ = 0;  // who was killed last
  http_client client_;
};

}  // namespace millrace::demo
