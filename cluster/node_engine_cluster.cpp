// A node among others: its link, who leads which plant, what is said of a group's members.
#include <algorithm>

#include <spdlog/spdlog.h>

#include "cluster/node_engine.hpp"
#include "cluster/node_engine_gather.hpp"

namespace millrace {

namespace {

constexpr std::int64_t give_away_ms_max = 1'000;

const char* name_of(group_role role) {
  switch (role) {
    case group_role::leader:
      return "leader";
    case group_role::candidate:
      return "candidate";
    case group_role::follower:
      break;
  }
  return "follower";
}

const char* name_of(member_role role) {
  switch (role) {
    case member_role::voter:
      return "voter";
    case member_role::standby:
      return "standby";
    case member_role::spare:
      break;
  }
  return "spare";
}

std::uint64_t first_half(const std::string& hex32) {
  return std::stoull(hex32.substr(0, 16), nullptr, 16);
}

}  // namespace

result<void> node_engine::start_link() {
  if (!options_.peers) return {};
  const auto& mine = *options_.peers;
  if (mine.self == 0) return error{"config.invalid", "a node among others needs a number"};
  peer_listener listener;
  listener.consensus = [this](node_number from, bytes_view envelope) {
    if (auto* loop = receiver_.load(std::memory_order_acquire)) loop->receive(from, envelope);
  };
  listener.bulk = [this](node_number from, bytes_view envelope) { bulk_.receive(from, envelope); };
  auto link = peer_link::start(
      {options_.cluster, mine.self, mine.key, mine.consensus, mine.bulk, mine.peers, mine.limits},
      std::move(listener), clock_);
  if (!link) return link.error();
  link_ = std::move(*link);
  if (mine.around) around_ = mine.around(*link_);
  bulk_.attach(around_ ? around_.get() : link_.get());
  spdlog::info("node={} number={} consensus={} bulk={} peers={}", options_.node, mine.self,
               link_->consensus_address(), link_->bulk_address(), mine.peers.size());
  return {};
}

loop_options node_engine::loop_settings() const {
  auto out = options_.loop;
  if (!options_.peers) return out;
  const auto& who = directory_.identity();
  out.cluster = options_.cluster;
  out.identity = {first_half(who.incarnation), who.boots};
  out.group.self = options_.peers->self;
  out.group.seed = static_cast<std::uint32_t>(out.identity.incarnation + who.boots);
  return out;
}

std::vector<node_number> node_engine::members_of(std::string_view plant) const {
  if (!options_.peers) return {};
  std::vector<node_number> out;
  if (options_.peers->members) out = options_.peers->members(plant);
  if (out.empty() && link_)
    for (const auto& p : link_->peers()) out.push_back(p.node);
  std::erase(out, self());
  return out;
}

node_number node_engine::leader_of(std::string_view plant) const {
  const auto shell = find(plant);
  return shell ? shell->leader() : leaders_.leader(plant);
}

std::pair<node_number, term_number> node_engine::leadership(std::string_view plant) const {
  const auto shell = find(plant);
  if (!shell) return {0, 0};
  const auto status = shell->group();
  return {status.leader, status.term};
}

std::vector<std::string> node_engine::plant_names() const {
  std::vector<std::string> out;
  for (const auto& s : all()) out.push_back(s->plant());
  return out;
}

void node_engine::learn_leader(std::string_view plant, node_number node) {
  leaders_.learn(plant, node);
}

bool node_engine::leads(std::string_view plant) const {
  const auto shell = find(plant);
  return shell && shell->leading();
}

void node_engine::transfer(std::string_view plant, node_number to) {
  if (const auto shell = find(plant)) loop_->transfer(shell->group_id(), to);
}

std::vector<peer_status> node_engine::peers() const {
  return link_ ? link_->peers() : std::vector<peer_status>();
}

result<void> node_engine::set_peers(curve_key own, std::vector<peer_entry> peers) {
  if (!link_) return error{"config.invalid", "the node is not among others"};
  return link_->reload(std::move(own), std::move(peers));
}

std::string node_engine::consensus_address() const {
  return link_ ? link_->consensus_address() : std::string();
}

std::string node_engine::bulk_address() const {
  return link_ ? link_->bulk_address() : std::string();
}

/// Nobody waits for an election when a node stops.
void node_engine::give_leads_away() {
  if (!link_) return;
  std::vector<shell_ptr> led;
  for (const auto& s : all())
    if (s->leading()) led.push_back(s);
  std::erase_if(led, [](const auto& s) { return s->group().voters < 2; });
  for (const auto& s : led) loop_->transfer(s->group_id());
  const auto end = clock_.monotonic_us() + give_away_ms_max * 1000;
  const auto still = [&] {
    return std::any_of(led.begin(), led.end(), [](const auto& s) { return s->leading(); });
  };
  while (still() && clock_.monotonic_us() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

/// On the loop's thread: what Raft knows of the members.
void node_engine::add_members(std::vector<plant_status>& to, loop_core& core) const {
  const auto known = peers();
  const auto up = [&](node_number node) {
    return node == self() || std::any_of(known.begin(), known.end(),
                                         [&](const auto& p) { return p.node == node && p.up; });
  };
  const auto& strangers = core.strangers();
  for (auto& plant : to) {
    const auto shell = find(plant.plant);
    auto* group = shell ? core.find(shell->group_id()) : nullptr;
    if (group == nullptr) continue;
    const auto status = group->status();
    plant.role = name_of(status.role);
    plant.leader = status.leader;
    plant.term = status.term;
    plant.commit = status.committed;
    for (const auto& m : group->members().members()) {
      const auto match = m.node == self()                    ? status.durable
                         : status.role == group_role::leader ? group->match_of(m.node)
                                                             : 0;
      const auto role = strangers.contains(m.node) ? "refused" : name_of(m.role);
      plant.members.push_back({m.node, role, match, up(m.node)});
    }
  }
}

std::string node_engine::chain_head(const plant_shell& s, journal_index at) const {
  if (at == 0) return {};
  const auto snapshot = journal_->snapshot();
  if (!snapshot) return {};
  const auto read = read_journal(**snapshot, s.group_id(), at, at, 1);
  return read && !read->empty() ? to_hex(read->front().chain) : std::string();
}

void node_engine::digests(done<std::vector<plant_digest>> cb) {
  gather<plant_digest>(
      all(),
      [this](plant_shell& s) -> result<std::vector<plant_digest>> {
        const auto at = s.core().applied();
        return std::vector<plant_digest>{{s.plant(), at, s.core().hash(), chain_head(s, at)}};
      },
      std::move(cb));
}

}  // namespace millrace
