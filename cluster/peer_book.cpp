// What a list of peers must not say.
#include "cluster/peer_book.hpp"

#include "cluster/curve_key.hpp"

namespace millrace {

result<peer_book> peer_book::of(std::vector<peer_entry> peers, node_number self,
                                const std::string& own_key) {
  const auto bad = [](const peer_entry& p, const std::string& why) {
    return error{"config.invalid", "peer " + std::to_string(p.node) + ": " + why};
  };
  if (peers.size() > peers_max)
    return error{"config.invalid", "more than " + std::to_string(peers_max) + " peers"};
  peer_book book;
  for (auto& p : peers) {
    if (p.node == 0) return bad(p, "nodes are numbered from 1");
    if (p.node == self) return bad(p, "that is this node's own number");
    if (book.peers_.contains(p.node)) return bad(p, "listed twice");
    if (p.keys.empty() || p.keys.size() > keys_of_peer_max)
      return bad(p, "one to " + std::to_string(keys_of_peer_max) + " public keys are needed");
    for (const auto& key : p.keys) {
      if (!is_curve_key(key)) return bad(p, "a public key is 40 characters of Z85");
      if (key == own_key) return bad(p, "it has this node's own key");
      if (!book.owners_.emplace(key, p.node).second) return bad(p, "a key is listed twice");
    }
    for (const auto& where : {p.consensus, p.bulk})
      if (where.rfind("tcp://", 0) != 0) return bad(p, "addresses are tcp://HOST:PORT");
    book.peers_.emplace(p.node, std::move(p));
  }
  return book;
}

}  // namespace millrace
