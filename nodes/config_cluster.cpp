// The configuration's [cluster]: who this node is, who its peers are, who founds the system group.
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "cluster/curve_key.hpp"
#include "cluster/peer_book.hpp"
#include "nodes/config_parts.hpp"
#include "nodes/gateway/path.hpp"

namespace millrace {
namespace {

constexpr std::int64_t node_max = 65'535;
constexpr std::size_t founders_max = 7;

error invalid(std::string detail) { return {"config.invalid", std::move(detail)}; }

void read_address(table_reader& r, std::string_view key, std::string& out) {
  r.text(key, out);
  const bool tcp = out.rfind("tcp://", 0) == 0;
  if (const auto where = parse_host_port(tcp ? std::string_view(out).substr(6) : "");
      !tcp || !where || where->second == 0)
    r.find(key, "must be tcp://HOST:PORT");
}

void read_region(table_reader& r, std::string& out) {
  r.text("region", out);
  if (!out.empty() && !gateway::is_plant_name(out))
    r.find("region", "is 1-40 of letters, digits, '.', '_' and '-'");
}

void read_peer(table_reader& r, cluster_config& c) {
  cluster_peer_config p;
  r.number("node", p.node, 1, node_max);
  read_region(r, p.region);
  read_address(r, "consensus", p.consensus);
  read_address(r, "bulk", p.bulk);
  r.texts("public_keys", p.public_keys);
  if (p.node == 0) r.find("node", "missing");
  if (p.public_keys.empty() || p.public_keys.size() > keys_of_peer_max ||
      !std::all_of(p.public_keys.begin(), p.public_keys.end(),
                   [](const auto& k) { return is_curve_key(k); }))
    r.find("public_keys", "one to four public keys of 40 characters of Z85 are needed");
  c.peers.push_back(std::move(p));
}

void read_founders(table_reader& r, cluster_config& c) {
  std::set<std::uint64_t> known{c.node};
  for (const auto& p : c.peers) known.insert(p.node);
  std::vector<std::int64_t> given;
  r.numbers("founders", given);
  for (const auto n : given)
    if (n < 1 || !known.contains(static_cast<std::uint64_t>(n)))
      r.find("founders", "there is no node " + std::to_string(n));
    else
      c.founders.push_back(static_cast<std::uint64_t>(n));
  if (given.empty()) c.founders.assign(known.begin(), known.end());
  std::sort(c.founders.begin(), c.founders.end());
  if (std::adjacent_find(c.founders.begin(), c.founders.end()) != c.founders.end())
    r.find("founders", "a node is listed twice");
  if (c.founders.size() > founders_max)
    r.find("founders", "at most seven nodes found the system group: name them");
}

}  // namespace

std::string rooted(const std::string& directory, const std::string& file) {
  if (file.empty() || file.front() == '/') return file;
  return (std::filesystem::path(directory) / file).string();
}

result<std::vector<std::string>> read_secret(const std::string& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return invalid("cannot read " + file);
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return invalid(file + " may be read by others: chmod 600");
  std::ifstream in(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);)
    if (!line.empty() && (line.front() != '#' || is_curve_key(line))) lines.push_back(line);
  if (lines.empty()) return invalid(file + " is empty");
  return lines;
}

void read_cluster(table_reader& r, node_config& config, const std::string& directory) {
  auto& c = config.cluster;
  c.given = true;
  r.text("name", c.name);
  if (!gateway::is_plant_name(c.name))
    r.find("name", "is 1-40 of letters, digits, '.', '_' and '-'");
  r.number("node", c.node, 1, node_max);
  if (c.node == 0) r.find("node", "missing: the number of this node");
  read_region(r, c.region);
  read_address(r, "consensus", c.consensus);
  read_address(r, "bulk", c.bulk);
  std::string file;
  r.text("secret_key_file", file);
  if (file.empty()) {
    r.find("secret_key_file", "missing: millrace cluster keygen FILE makes one");
  } else if (const auto lines = read_secret(rooted(directory, file)); !lines) {
    r.find("secret_key_file", lines.error().detail);
  } else if (!is_curve_key(lines->front())) {
    r.find("secret_key_file", "the key must be 40 characters of Z85");
  } else {
    c.secret_key = lines->front();
  }
  int n = 0;
  std::vector<finding> inner;
  for (const auto* table : r.tables("peers")) {
    table_reader one(*table, r.where() + "/peers/" + std::to_string(n++), inner);
    read_peer(one, c);
  }
  for (auto& f : inner) r.find(f.pointer.substr(r.where().size() + 1), f.detail);
  read_founders(r, c);
}

result<void> check_cluster(const node_config& config) {
  const auto& c = config.cluster;
  if (!c.given) return {};
  const auto own = curve_key_of(c.secret_key);
  if (!own) return own.error();
  std::vector<peer_entry> peers;
  for (const auto& p : c.peers) peers.push_back({p.node, p.public_keys, p.consensus, p.bulk});
  const auto book = peer_book::of(std::move(peers), c.node, own->public_key);
  if (!book) return invalid("[cluster] " + book.error().detail);
  if (c.consensus == c.bulk) return invalid("[cluster] consensus and bulk need different ports");
  return {};
}

}  // namespace millrace
