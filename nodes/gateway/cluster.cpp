// The cluster as JSON, and what an operator may tell it.
#include "nodes/gateway/cluster.hpp"

#include <algorithm>
#include <set>

#include "nodes/gateway/answers.hpp"
#include "nodes/gateway/core.hpp"
#include "nodes/gateway/path.hpp"
#include "schemas/system/node_kind.hpp"

namespace millrace::gateway {

std::vector<cluster_plant> plants_of(const cluster_view& view) {
  std::map<std::string, cluster_plant> all;
  for (const auto& [name, p] : view.plants) {
    auto& one = all[name];
    one.region = p.region;
    one.serving = p.serving;
    one.voters = p.voters;
  }
  for (const auto& n : view.nodes)
    for (const auto& r : n.replicas) {
      auto& one = all[r.plant];
      one.replicas.push_back({n.node.node, r.role, r.term, r.commit, r.applied, 0, r.chain_head});
      if (one.voters.empty())
        for (const auto& m : r.members)
          if (m.role == "voter") one.voters.push_back(m.node);
      const bool leads = r.role == "leader" || r.role.empty();
      if (!leads || r.term < one.term) continue;
      one.leader = n.node.node;
      one.term = r.term;
      one.commit = r.commit;
      one.serving = true;
    }
  std::vector<cluster_plant> out;
  for (auto& [name, one] : all) {
    one.plant = name;
    for (auto& r : one.replicas) r.lag = one.commit > r.applied ? one.commit - r.applied : 0;
    out.push_back(std::move(one));
  }
  return out;
}

namespace {

/// Nodes that others take nothing of.
std::set<node_number> refused_of(const cluster_view& view) {
  std::set<node_number> out;
  for (const auto& n : view.nodes)
    for (const auto& r : n.replicas)
      for (const auto& m : r.members)
        if (m.role == "refused") out.insert(m.node);
  return out;
}

void append_node(const cluster_node_view& n, const std::vector<cluster_plant>& plants, bool refused,
                 std::string& out) {
  json_object o(out);
  o.number("node", n.node.node).some("region", n.node.region);
  o.flag("up", n.node.up && n.failure.empty()).flag("self", n.self);
  o.flag("drained", n.node.drained).some("reason", n.node.reason).some("failure", n.failure);
  if (refused)
    o.text("refused",
           "It has another data directory than the one known under its number: it has no vote. Put "
           "the directory back, or give the node a number that no node ever had.");
  o.number("leads", static_cast<std::uint64_t>(
                        std::count_if(plants.begin(), plants.end(),
                                      [&](const auto& p) { return p.leader == n.node.node; })));
  o.number("replicas", n.replicas.size());
  o.some("consensus", n.node.consensus).some("bulk", n.node.bulk);
  o.some("public_key", n.node.public_key);
}

void append_plant(const cluster_plant& p, std::string& out) {
  json_object o(out);
  o.text("plant", p.plant).some("region", p.region);
  o.text("state", p.leader == 0 ? "leaderless" : p.serving ? "serving" : "founding");
  {
    json_array voters(o.key("voters"));
    for (const auto v : p.voters) voters.next() += std::to_string(v);
  }
  if (p.leader != 0) o.number("leader", p.leader);
  o.number("term", p.term).number("commit", p.commit);
  json_array replicas(o.key("replicas"));
  for (const auto& r : p.replicas) {
    json_object one(replicas.next());
    one.number("node", r.node).text("role", r.role.empty() ? "leader" : r.role);
    one.number("term", r.term).number("commit", r.commit).number("applied", r.applied);
    one.number("lag", r.lag).some("chain_head", r.chain_head);
  }
}

void answer_cluster(const call_ptr& c, const cluster_view& view) {
  const auto plants = plants_of(view);
  std::string out;
  {
    json_object o(out);
    {
      json_array nodes(o.key("nodes"));
      const auto refused = refused_of(view);
      for (const auto& n : view.nodes)
        append_node(n, plants, refused.contains(n.node.node), nodes.next());
    }
    json_array all(o.key("plants"));
    for (const auto& p : plants) append_plant(p, all.next());
  }
  c->json(200, std::move(out));
}

}  // namespace

void get_cluster(core& g, const call_ptr& c) {
  if (g.cluster != nullptr)
    return g.cluster->look(on_thread_of<cluster_view>(c, [c](result<cluster_view> view) {
      view ? answer_cluster(c, *view) : c->fail(view.error());
    }));
  g.engine.plants(on_thread_of<std::vector<plant_status>>(c, [c](auto plants) {
    if (!plants) return c->fail(plants.error());
    cluster_view alone;
    auto& n = alone.nodes.emplace_back();
    n.node.node = 1;
    n.node.up = n.self = true;
    n.replicas = std::move(*plants);
    answer_cluster(c, alone);
  }));
}

void post_cluster_node(core& g, const call_ptr& c, const std::string& node,
                       const std::string& verb) {
  namespace kind = millrace::node;
  if (refused_for_operators(c)) return;
  const bool drains = verb == "drain";
  if (g.cluster == nullptr || (!drains && verb != "resume") || parse_number(node, 65'535) < 1)
    return c->fail({"route.unknown", "a node of a cluster is drained or resumed"});
  auto body = object_in(c);
  if (!body) return;
  request r;
  if (!apply_headers(g, c, r)) return;
  r.to = {std::string(system_plant), "node", node};
  if (drains) {
    kind::DrainT drain;
    drain.reason = body->text("reason");
    if (drain.reason.empty() || drain.reason.size() > 1000)
      return c->fail({"request.invalid", "a reason is needed", {{"/reason", "1-1000 bytes"}}});
    r.command = static_cast<std::uint8_t>(kind::schema::command_member<kind::DrainT>());
    r.body = decision<kind::schema>::pack(drain);
  } else {
    r.command = static_cast<std::uint8_t>(kind::schema::command_member<kind::ResumeT>());
    r.body = decision<kind::schema>::pack(kind::ResumeT());
  }
  r.from = c->who.who;
  r.system = System::ops;
  r.correlation = c->correlation;
  send_request(g, c, std::move(r));
}

}  // namespace millrace::gateway
