// Who the peers are and which keys speak for them: the allow-list of a node's link. A node's keys
// rotate by overlap: the new key is listed beside the old one everywhere, then the node takes it,
// then the old one is struck off.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cluster/log_entry.hpp"
#include "schemas/result.hpp"

namespace millrace {

inline constexpr std::size_t peers_max = 64;
inline constexpr std::size_t keys_of_peer_max = 4;

struct peer_entry {
  node_number node = 0;
  std::vector<std::string> keys;  // public, Z85; more than one while they are being changed
  std::string consensus, bulk;    // "tcp://host:port", where it listens
  bool operator==(const peer_entry&) const = default;
};

class peer_book {
 public:
  peer_book() = default;
  /// Error: config.invalid (a number or key twice, this node itself, no or too many keys, no
  /// address, too many peers).
  [[nodiscard]] static result<peer_book> of(std::vector<peer_entry> peers, node_number self,
                                            const std::string& own_key);
  /// Whose key it is; 0 = nobody's.
  [[nodiscard]] node_number owner(const std::string& key) const {
    const auto found = owners_.find(key);
    return found == owners_.end() ? 0 : found->second;
  }
  [[nodiscard]] const std::map<node_number, peer_entry>& peers() const { return peers_; }

 private:
  std::map<node_number, peer_entry> peers_;
  std::unordered_map<std::string, node_number> owners_;
};

}  // namespace millrace
