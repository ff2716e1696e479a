#include "tests/simulation/fleet.hpp"

#include <algorithm>

namespace millrace::simulation {

fleet::fleet(world& w, const swarm& faults, findings& found, outer_systems& outside,
             const kind_registry& kinds)
    : world_(w), faults_(faults), found_(found) {
  if (faults.nodes > 1) net_ = std::make_unique<network>(w, faults);
  for (node_number n = 1; n <= faults.nodes; ++n)
    nodes_[n] = std::make_unique<node>(w, faults, found, outside, kinds, *this, net_.get(), n);
}

fleet::~fleet() = default;

void fleet::boot() {
  for (auto& [n, machine] : nodes_) machine->boot();
}

void fleet::heal() {
  if (net_) net_->heal();
  std::int64_t latest = 0;  // what was stamped by one is not in the future of another
  for (const auto& [n, machine] : nodes_) latest = std::max(latest, machine->clock_high());
  for (auto& [n, machine] : nodes_) machine->heal(latest);
}

bool fleet::up() const {
  return std::all_of(nodes_.begin(), nodes_.end(), [](const auto& m) { return m.second->up(); });
}

unsigned fleet::boots() const {
  unsigned sum = 0;
  for (const auto& [n, machine] : nodes_) sum += machine->boots();
  return sum;
}

node_number fleet::submit(request r, reply_handler handler) {
  const auto plant = r.to.plant;
  auto& believed = believed_[plant];
  if (believed == 0 || world_.chance(0.02)) believed = 1 + world_.below(nodes_.size());
  const auto to = believed;
  auto hear = [this, plant, to, handler = std::move(handler)](const reply& answer) {
    if (answer.code == "plant.not_leader") believed_[plant] = answer.leader;
    handler(answer);
  };
  if (nodes_.at(to)->submit(std::move(r), std::move(hear))) return to;
  believed = 0;
  return 0;
}

bool fleet::read(address where, std::function<void(std::optional<actor_view>)> handler) {
  auto* from = leader(where.plant);
  return from != nullptr && from->read(std::move(where), std::move(handler));
}

void fleet::retry_dead() {
  for (auto& [n, machine] : nodes_) machine->retry_dead();
}

void fleet::checkpoint() {
  for (auto& [n, machine] : nodes_) machine->checkpoint();
}

node* fleet::leader(const std::string& plant) const {
  for (const auto& [n, machine] : nodes_)
    if (auto* host = machine->host_of(plant); host != nullptr && host->leading())
      return machine.get();
  return nullptr;
}

plant_host* fleet::host_of(const std::string& plant) {
  auto* from = leader(plant);
  return (from != nullptr ? *from : *nodes_.begin()->second).host_of(plant);
}

std::uint64_t fleet::unrest() const {
  if (!up()) return 1;
  std::uint64_t sum = 0;
  for (const auto& plant : plant_names()) {
    auto* from = leader(plant);
    if (from == nullptr) return 1;
    const auto s = from->host_of(plant)->status();
    sum += s.in_flight + s.outbox + s.messages_waiting;
    for (const auto& [n, machine] : nodes_)
      sum += machine->host_of(plant)->applied() != s.applied || !machine->host_of(plant)->settled();
  }
  for (const auto& [n, machine] : nodes_) sum += machine->catching_up();
  return sum;
}

std::string fleet::restless() const {
  std::string text;
  for (const auto& [n, machine] : nodes_)
    text += " node " + std::to_string(n) + machine->restless() + ";";
  return text;
}

std::vector<std::string> fleet::plant_names() const {
  return nodes_.begin()->second->plant_names();
}

std::vector<node*> fleet::nodes() {
  std::vector<node*> out;
  for (auto& [n, machine] : nodes_) out.push_back(machine.get());
  return out;
}

void fleet::witness(const std::string& plant, term_number term, journal_index index,
                    const bytes& payload) {
  const auto [known, fresh] = written_.try_emplace({plant, term, index}, payload);
  if (!fresh && known->second != payload)
    found_.add("I4: " + plant + " has two entries " + std::to_string(index) + " of term " +
               std::to_string(term));
}

void fleet::leads(const std::string& plant, node_number n, unsigned boot,
                  const group_status& status) {
  if (status.role != group_role::leader) return;
  const auto [known, fresh] = led_.try_emplace({plant, status.term}, std::pair(n, boot));
  if (!fresh && known->second != std::pair(n, boot))
    found_.add("I4: " + plant + " has two leaders of term " + std::to_string(status.term));
}

void fleet::applied(const std::string& plant, node_number n, journal_index index,
                    std::uint64_t hash) {
  const auto [known, fresh] = hashes_.try_emplace({plant, index}, hash);
  if (!fresh && known->second != hash)
    found_.add("I5: " + plant + " differs on node " + std::to_string(n) + " at index " +
               std::to_string(index));
}

}  // namespace millrace::simulation
