// Breadth first, each lot read once, each link shown once however it is reached. With direction
// `both` the inputs of the root are walked upwards and its outputs downwards: what else was made of
// the inputs is not part of the root's story.
#include "actors/genealogy.hpp"

#include <algorithm>

#include "schemas/json.hpp"

namespace millrace::actors {

std::optional<walk_direction> parse_direction(std::string_view text) {
  if (text == "up") return walk_direction::up;
  if (text == "down") return walk_direction::down;
  if (text == "both") return walk_direction::both;
  return std::nullopt;
}

genealogy_walk::genealogy_walk(lot_id root, walk_direction direction, std::uint32_t depth,
                               timestamp at, std::size_t lots_max)
    : depth_max_(depth), lots_max_(lots_max), at_(at) {
  result_.root = root;
  result_.direction = direction;
  reach(root, {}, 0, direction != walk_direction::down, direction != walk_direction::up);
}

void genealogy_walk::also(const lot_id& root) {
  reach(root, {}, 0, result_.direction != walk_direction::down,
        result_.direction != walk_direction::up);
}

std::vector<lot_id> genealogy_walk::take_wanted() { return std::exchange(wanted_, {}); }

bool genealogy_walk::in_force(const millrace::batch::LinkT& link, timestamp removed_at) const {
  if (!at_.given()) return !removed_at.given();
  return link.at <= at_ && (!removed_at.given() || removed_at > at_);
}

void genealogy_walk::reach(const lot_id& lot, const std::string& material, std::uint32_t depth,
                           bool up, bool down) {
  const auto found = seen_.find(lot);
  if (found != seen_.end()) {
    auto& v = found->second;
    const bool other_way = (up && !v.up) || (down && !v.down);
    v.up |= up;
    v.down |= down;
    if (other_way && std::find(wanted_.begin(), wanted_.end(), lot) == wanted_.end())
      wanted_.push_back(lot);
    return;
  }
  if (seen_.size() >= lots_max_) {
    result_.complete = false;
    result_.cut_by_size = true;
    return;
  }
  seen_.emplace(lot, visit{result_.nodes.size(), depth, up, down});
  auto& node = result_.nodes.emplace_back();
  node.batch = lot.batch;
  node.material = material;
  node.plant = lot.plant;
  wanted_.push_back(lot);
}

void genealogy_walk::follow(const lot_id& from, const visit& v, const millrace::batch::LinkT& link,
                            bool upwards) {
  if (depth_max_ != 0 && v.depth >= depth_max_) {
    result_.complete = false;
    result_.cut_by_depth = true;
    return;
  }
  const lot_id other{link.plant.empty() ? from.plant : link.plant, link.batch};
  const auto& input = upwards ? other : from;
  const auto& output = upwards ? from : other;
  const auto key = input.plant + '\x1f' + input.batch + '\x1f' + output.plant + '\x1f' +
                   output.batch + '\x1f' + link.order + '\x1f' + link.report;
  if (edges_.insert(key).second)
    result_.edges.push_back({input.batch, output.batch, input.plant, output.plant, link.quantity,
                             link.unit, link.order, link.operation, link.report, link.at,
                             link.basis});
  reach(other, link.material, v.depth + 1, upwards, !upwards);
}

void genealogy_walk::give(const lot_id& lot, const lot_facts& facts,
                          const std::vector<millrace::batch::GenealogyUpRowT>& up,
                          const std::vector<millrace::batch::GenealogyDownRowT>& down) {
  const auto found = seen_.find(lot);
  if (found == seen_.end()) return;
  const auto v = found->second;
  auto& node = result_.nodes[v.node];
  node.material = facts.material;
  node.unit = facts.unit;
  node.arrived = facts.arrived;
  node.held = facts.held;
  if (v.up)
    for (const auto& row : up)
      if (row.link && in_force(*row.link, row.removed_at)) follow(lot, v, *row.link, true);
  if (v.down)
    for (const auto& row : down)
      if (row.link && in_force(*row.link, row.removed_at)) follow(lot, v, *row.link, false);
}

void genealogy_walk::give_unknown(const lot_id& lot) {
  result_.unknown.push_back(lot.batch);
  result_.complete = false;
}

void genealogy_walk::give_missing(const lot_id& lot, timestamp since) {
  result_.complete = false;
  for (const auto& one : result_.missing)
    if (one.plant == lot.plant) return;
  // Who cannot say when it was heard last has at least heard of the links that lead there.
  if (!since.given())
    for (const auto& edge : result_.edges)
      if (edge.from_plant == lot.plant || edge.to_plant == lot.plant)
        since = std::max(since, edge.at);
  result_.missing.push_back({lot.plant, since});
}

std::vector<std::string> gaps_of(const genealogy_result& result) {
  std::vector<std::string> out;
  for (const auto& one : result.missing)
    out.push_back("plant " + one.plant +
                  (one.since.given() ? " last heard " + one.since.to_string() : " never heard"));
  for (const auto& one : result.unknown) out.push_back("lot " + one + " is known to no plant");
  if (result.cut_by_depth) out.emplace_back("cut off by depth");
  if (result.cut_by_size) out.emplace_back("cut off by size");
  return out;
}

namespace {

void field(std::string& out, std::string_view name, std::string_view value, bool first = false) {
  if (!first) out += ',';
  append_json_string(name, out);
  out += ':';
  append_json_string(value, out);
}

template <class Items, class Write>
void list(std::string& out, std::string_view name, const Items& items, Write write) {
  out += ',';
  append_json_string(name, out);
  out += ":[";
  bool first = true;
  for (const auto& one : items) {
    if (!first) out += ',';
    first = false;
    write(one);
  }
  out += ']';
}

std::string_view direction_name(walk_direction direction) {
  switch (direction) {
    case walk_direction::up:
      return "up";
    case walk_direction::down:
      return "down";
    case walk_direction::both:
      return "both";
  }
  return {};
}

void write_edge(std::string& out, const genealogy_edge& e) {
  out += '{';
  field(out, "from", e.from, true);
  field(out, "to", e.to);
  field(out, "quantity", e.quantity.to_string());
  field(out, "unit", e.unit);
  field(out, "order", e.order);
  field(out, "operation", e.operation);
  field(out, "report", e.report);
  field(out, "at", e.at.to_string());
  field(out, "basis", EnumNameBasis(e.basis));
  if (e.from_plant != e.to_plant) {
    field(out, "from_plant", e.from_plant);
    field(out, "to_plant", e.to_plant);
  }
  out += '}';
}

}  // namespace

std::string to_json(const genealogy_result& result) {
  std::string out = "{";
  field(out, "root", result.root.batch, true);
  field(out, "plant", result.root.plant);
  field(out, "direction", direction_name(result.direction));
  list(out, "nodes", result.nodes, [&](const auto& one) {
    out += '{';
    field(out, "batch", one.batch, true);
    field(out, "material", one.material);
    field(out, "plant", one.plant);
    if (!one.unit.empty()) {
      field(out, "quantity", one.arrived.to_string());
      field(out, "unit", one.unit);
    }
    if (one.carried.is_positive()) field(out, "carried", one.carried.to_string());
    if (one.held) out += ",\"held\":true";
    out += '}';
  });
  list(out, "edges", result.edges, [&](const auto& one) { write_edge(out, one); });
  out += result.complete ? ",\"complete\":true" : ",\"complete\":false";
  list(out, "missing", result.missing, [&](const auto& one) {
    out += '{';
    field(out, "plant", one.plant, true);
    if (one.since.given()) field(out, "since", one.since.to_string());
    out += '}';
  });
  list(out, "unknown", result.unknown, [&](const auto& one) { append_json_string(one, out); });
  list(out, "incomplete", gaps_of(result), [&](const auto& one) { append_json_string(one, out); });
  return out + '}';
}

}  // namespace millrace::actors
