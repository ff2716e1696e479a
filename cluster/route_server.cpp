// Attempts by number, from their coming until the sender is done with them.
#include "cluster/route_server.hpp"

namespace millrace {

void route_server::on_head(node_number from, std::uint64_t session, std::uint64_t done_below,
                           const std::vector<std::uint64_t>& done) {
  auto& p = peers_[from];
  if (p.session != session) p = {session, 0, {}};
  for (const auto number : done) p.attempts.erase(number);
  if (done_below <= p.done_below) return;
  p.done_below = done_below;
  p.attempts.erase(p.attempts.begin(), p.attempts.lower_bound(done_below));
}

route_server::admitted route_server::on_submit(node_number from, std::vector<request> batch) {
  auto& p = peers_[from];
  admitted out;
  for (auto& r : batch) {
    if (r.tag < p.done_below) continue;  // a late copy: it has been answered
    if (const auto known = p.attempts.find(r.tag); known != p.attempts.end()) {
      if (known->second.answered) out.replies.push_back(known->second.answer);
      continue;
    }
    if (p.attempts.size() >= kept_max) {
      reply full;
      full.tag = r.tag;
      full.outcome = engine::Outcome::refused;
      full.code = "plant.overloaded";
      full.detail = "too many requests of one node";
      full.correlation = r.correlation;
      full.retry_after_s = 1;
      out.replies.push_back(std::move(full));
      continue;
    }
    p.attempts[r.tag];
    out.run.push_back(std::move(r));
  }
  return out;
}

std::vector<reply> route_server::on_replies(node_number from, std::uint64_t session,
                                            std::vector<reply> replies) {
  auto& p = peers_[from];
  if (p.session != session) return {};
  for (const auto& r : replies) {
    const auto known = p.attempts.find(r.tag);
    if (known == p.attempts.end()) continue;
    known->second.answered = true;
    known->second.answer = r;
  }
  return replies;
}

std::uint64_t route_server::session(node_number from) const {
  const auto p = peers_.find(from);
  return p == peers_.end() ? 0 : p->second.session;
}

std::size_t route_server::kept(node_number from) const {
  const auto p = peers_.find(from);
  return p == peers_.end() ? 0 : p->second.attempts.size();
}

}  // namespace millrace
