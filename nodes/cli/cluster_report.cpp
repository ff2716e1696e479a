// Columns and findings of a cluster's answer.
#include "nodes/cli/cluster_report.hpp"

#include <algorithm>
#include <map>

namespace millrace::cli {
namespace {

constexpr std::int64_t lag_noted = 10'000;  // entries

using row = std::vector<std::string>;

std::string columns(const std::vector<row>& rows) {
  std::vector<std::size_t> width;
  for (const auto& r : rows)
    for (std::size_t i = 0; i < r.size(); ++i) {
      if (width.size() <= i) width.push_back(0);
      width[i] = std::max(width[i], r[i].size());
    }
  std::string out;
  for (const auto& r : rows) {
    std::string line;
    for (std::size_t i = 0; i < r.size(); ++i) {
      line += r[i];
      if (i + 1 < r.size()) line.append(width[i] - r[i].size() + 2, ' ');
    }
    out += line + '\n';
  }
  return out;
}

std::string or_dash(std::string text) { return text.empty() ? "-" : text; }

const json_value::array& items(const json_value& of, std::string_view key) {
  static const json_value::array none;
  const auto* found = of.find(key);
  return found != nullptr ? found->items() : none;
}

bool truth(const json_value& of, std::string_view key) {
  const auto* found = of.find(key);
  return found != nullptr && found->truth();
}

std::int64_t integer(const json_value& of, std::string_view key) {
  const auto* found = of.find(key);
  return found != nullptr ? found->integer() : 0;
}

std::string joined(const json_value::array& all) {
  std::string out;
  for (const auto& v : all) out += (out.empty() ? "" : ",") + v.text();
  return out;
}

}  // namespace

std::string cluster_table(const json_value& cluster) {
  std::vector<row> rows{{"NODE", "REGION", "STATE", "LEADS", "REPLICAS", "CONSENSUS"}};
  for (const auto& n : items(cluster, "nodes")) {
    std::string state = truth(n, "up") ? "up" : "down";
    if (truth(n, "drained")) state += ",drained";
    if (!n.text("refused").empty()) state += ",refused";
    if (truth(n, "self")) state += " (this)";
    rows.push_back({n.text("node"), or_dash(n.text("region")), state, n.text("leads"),
                    n.text("replicas"), or_dash(n.text("consensus"))});
  }
  auto out = columns(rows) + '\n';
  rows = {{"PLANT", "REGION", "STATE", "VOTERS", "LEADER", "TERM", "COMMIT", "REPLICA", "APPLIED",
           "LAG"}};
  for (const auto& p : items(cluster, "plants")) {
    row head{p.text("plant"),           or_dash(p.text("region")),
             p.text("state"),           joined(items(p, "voters")),
             or_dash(p.text("leader")), p.text("term"),
             p.text("commit")};
    const auto& replicas = items(p, "replicas");
    if (replicas.empty()) rows.push_back(head);
    for (const auto& r : replicas) {
      auto line = head;
      line.insert(line.end(),
                  {r.text("node") + ' ' + r.text("role"), r.text("applied"), r.text("lag")});
      rows.push_back(std::move(line));
      head = row(7);  // the plant is named once
    }
  }
  return out + columns(rows);
}

std::vector<std::string> cluster_findings(const json_value& cluster) {
  std::vector<std::string> out;
  std::map<std::string, bool> up;
  for (const auto& n : items(cluster, "nodes")) {
    up[n.text("node")] = truth(n, "up");
    if (!truth(n, "up")) out.push_back("node " + n.text("node") + " is down");
    if (const auto why = n.text("refused"); !why.empty())
      out.push_back("node " + n.text("node") + " is refused: " + why);
    if (truth(n, "drained"))
      out.push_back("node " + n.text("node") + " is drained: " + n.text("reason"));
  }
  for (const auto& p : items(cluster, "plants")) {
    const auto name = p.text("plant");
    if (p.text("leader").empty()) out.push_back(name + " has no leader that answers");
    const auto& voters = items(p, "voters");
    const auto alive = static_cast<std::size_t>(
        std::count_if(voters.begin(), voters.end(), [&](const auto& v) { return up[v.text()]; }));
    const auto majority = voters.size() / 2 + 1;
    if (alive < majority)
      out.push_back(name + ": " + std::to_string(alive) + " of " + std::to_string(voters.size()) +
                    " voters are up, it cannot commit");
    else if (alive == majority && voters.size() > 1)
      out.push_back(name + ": no further voter may fail");
    std::map<std::string, std::string> heads;  // applied -> chain head
    for (const auto& r : items(p, "replicas")) {
      if (integer(r, "lag") > lag_noted)
        out.push_back(name + " on node " + r.text("node") + " is " + r.text("lag") +
                      " entries behind");
      const auto head = r.text("chain_head");
      if (head.empty()) continue;
      const auto [known, first] = heads.emplace(r.text("applied"), head);
      if (!first && known->second != head)
        out.push_back(name + ": replicas differ at index " + r.text("applied"));
    }
  }
  return out;
}

}  // namespace millrace::cli
