// Sessions and silence.
#include "cluster/peer_presence.hpp"

#include <utility>

namespace millrace {

peer_presence::verdict peer_presence::heard(node_number node, std::uint64_t session,
                                            std::int64_t now_us) {
  auto& p = at(node);
  const bool alive = p.status.up && now_us - p.status.heard_us <= silence_us_max_;
  if (alive && p.session != session) {
    ++p.status.doubled;
    p.stranger_spoke = true;
    return verdict::stranger;
  }
  const bool same = p.session == session;
  // A process that was killed and started again is a stranger too, but the old one says no more.
  if (same && p.stranger_spoke) p.doubled = true;
  if (!same) p.doubled = p.told = false;
  p.stranger_spoke = false;
  p.session = session;
  p.status.heard_us = now_us;
  return std::exchange(p.status.up, true) && same ? verdict::known : verdict::came;
}

bool peer_presence::farewell(node_number node, std::uint64_t session) {
  auto& p = at(node);
  return p.session == session && std::exchange(p.status.up, false);
}

std::vector<node_number> peer_presence::fallen_silent(std::int64_t now_us) {
  std::vector<node_number> out;
  for (auto& [node, p] : peers_)
    if (p.status.up && now_us - p.status.heard_us > silence_us_max_) {
      p.status.up = false;
      out.push_back(node);
    }
  return out;
}

std::vector<node_number> peer_presence::doubled() {
  std::vector<node_number> out;
  for (auto& [node, p] : peers_)
    if (p.doubled && !std::exchange(p.told, true)) out.push_back(node);
  return out;
}

peer_status peer_presence::status(node_number node) const {
  const auto found = peers_.find(node);
  return found == peers_.end() ? peer_status{.node = node} : found->second.status;
}

}  // namespace millrace
