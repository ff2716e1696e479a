// Keys, status, doctor, drain, and the files of a cluster on one machine.
#include "nodes/cli/cluster_command.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string>

#include "cluster/curve_key.hpp"
#include "nodes/cli/cluster_report.hpp"
#include "nodes/cli/exit_codes.hpp"
#include "nodes/client/http_client.hpp"
#include "nodes/demo/dev_cluster.hpp"

namespace millrace::cli {
namespace {

struct asked_node {
  std::string url = "http://127.0.0.1:8480";
  std::string token = "dev-ops";
  std::string output = "table";
  std::string node, reason;
};

int keygen(const std::string& file) {
  const auto key = make_curve_key();
  const auto text =
      "# CURVE secret key; public key: " + key.public_key + '\n' + key.secret_key + '\n';
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) {
    std::fprintf(
        stderr, "cluster keygen: %s: %s\n", file.c_str(),
        errno == EEXIST ? "is there already, and is not overwritten" : std::strerror(errno));
    return exit_unavailable;
  }
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       ::fsync(fd) == 0;
  ::close(fd);
  if (!written) {
    std::fprintf(stderr, "cluster keygen: cannot write %s\n", file.c_str());
    return exit_unavailable;
  }
  std::printf("%s\n", key.public_key.c_str());
  return exit_fine;
}

/// The node's answer, or nothing (said on stderr).
std::optional<json_value> call(const asked_node& at, const std::string& method,
                               const std::string& path, const std::string& body = {}) {
  http_client client;
  http_request request{method, at.url + path, {{"Authorization", "Bearer " + at.token}}, body};
  if (!body.empty()) request.headers.emplace_back("Content-Type", "application/json");
  const auto answer = client.send(request);
  if (!answer) {
    std::fprintf(stderr, "cluster: %s: %s\n", at.url.c_str(), answer.error().detail.c_str());
    return std::nullopt;
  }
  auto parsed = json_value::parse(answer->body);
  if (answer->status == 200 && parsed) return std::move(*parsed);
  std::fprintf(stderr, "cluster: %ld %s\n", answer->status,
               parsed ? (parsed->text("code") + ": " + parsed->text("detail")).c_str() : "");
  return std::nullopt;
}

int status(const asked_node& at) {
  const auto cluster = call(at, "GET", "/v1/cluster");
  if (!cluster) return exit_unavailable;
  if (at.output == "json")
    std::printf("%s\n", cluster->dump().c_str());
  else
    std::fputs(cluster_table(*cluster).c_str(), stdout);
  return exit_fine;
}

int doctor(const asked_node& at) {
  const auto cluster = call(at, "GET", "/v1/cluster");
  if (!cluster) return exit_unavailable;
  const auto findings = cluster_findings(*cluster);
  for (const auto& f : findings) std::printf("%s\n", f.c_str());
  if (findings.empty()) std::printf("all is well\n");
  return findings.empty() ? exit_fine : exit_failed;
}

int drain(const asked_node& at, const char* verb) {
  auto body = json_value::make_object();
  if (!at.reason.empty()) body.set("reason", at.reason);
  const auto done =
      call(at, "POST", "/v1/cluster/nodes/" + percent_encode(at.node) + '/' + verb, body.dump());
  return done ? exit_fine : exit_failed;
}

int dev_config(const std::string& directory, std::size_t nodes, std::uint16_t base) {
  const auto made = write_dev_cluster(directory, dev_ports(nodes, base));
  if (!made) {
    std::fprintf(stderr, "cluster dev-config: %s\n", made.error().detail.c_str());
    return exit_unavailable;
  }
  for (const auto& n : *made) std::printf("%s\n", n.to_json().c_str());
  return exit_fine;
}

void add_asking(CLI::App& command, const std::shared_ptr<asked_node>& at) {
  command.add_option("--url", at->url, "HTTP API of any node")->capture_default_str();
  command.add_option("--token", at->token, "bearer token")->capture_default_str();
}

}  // namespace

void add_cluster_command(CLI::App& app, int& exit_code) {
  auto* cluster = app.add_subcommand("cluster", "Look at a cluster, drain nodes, make keys");
  cluster->require_subcommand(1);
  auto file = std::make_shared<std::string>();
  auto* make = cluster->add_subcommand(
      "keygen", "Write a new CURVE secret key (mode 600), print its public key");
  make->add_option("file", *file, "secret_key_file of [cluster]")->required();
  make->callback([file, &exit_code] { exit_code = keygen(*file); });

  auto at = std::make_shared<asked_node>();
  auto* look = cluster->add_subcommand("status", "Nodes, plants, leaders and replicas");
  add_asking(*look, at);
  look->add_option("-o", at->output, "table or json")->check(CLI::IsMember({"table", "json"}));
  look->callback([at, &exit_code] { exit_code = status(*at); });
  auto* well = cluster->add_subcommand("doctor", "What is not well; exit code 1 when something is");
  add_asking(*well, at);
  well->callback([at, &exit_code] { exit_code = doctor(*at); });
  for (const char* verb : {"drain", "resume"}) {
    const bool drains = std::string_view(verb) == "drain";
    auto* command = cluster->add_subcommand(
        verb, drains ? "Move leaders away from a node and place nothing on it"
                     : "Let a drained node take plants again");
    add_asking(*command, at);
    command->add_option("node", at->node, "number of the node")->required();
    if (drains) command->add_option("--reason", at->reason, "why")->required();
    command->callback([at, verb, &exit_code] { exit_code = drain(*at, verb); });
  }

  struct dev {
    std::string directory;
    std::size_t nodes = 3;
    std::uint16_t base = 0;
  };
  auto d = std::make_shared<dev>();
  auto* config = cluster->add_subcommand(
      "dev-config", "Write keys and configurations of a cluster on this machine");
  config->add_option("nodes", d->nodes, "how many")->required()->check(CLI::Range(1, 9));
  config->add_option("directory", d->directory, "new directory")->required();
  config->add_option("base_port", d->base, "first HTTP port")
      ->required()
      ->check(CLI::Range(1024, 65'000));
  config->callback([d, &exit_code] { exit_code = dev_config(d->directory, d->nodes, d->base); });
}

}  // namespace millrace::cli
