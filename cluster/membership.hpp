// Who belongs to a group, and the bytes of a `change` entry that says so.
// The bytes are those of libraft, decoded here with bounds that libraft does not check.
//
//   configuration  version:u8 = 1  count:u64le  count × { id:u64le  address 0  role:u8 }  zeros to
//   a
//                  multiple of 8. The address is the id in decimal: addresses of nodes live
//                  elsewhere
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "cluster/log_entry.hpp"

namespace millrace {

/// As libraft counts them: a standby receives the log without a vote, a spare not even that.
enum class member_role : std::uint8_t { standby = 0, voter = 1, spare = 2 };

inline constexpr std::size_t members_max = 32;

struct member {
  node_number node = 0;
  member_role role = member_role::voter;
  bool operator==(const member&) const = default;
};

/// In order of node; at most members_max; at least one voter.
class membership {
 public:
  membership() = default;
  [[nodiscard]] static membership of_voters(std::span<const node_number> nodes);
  /// Nothing when the bytes are no configuration of this form.
  [[nodiscard]] static std::optional<membership> decode(bytes_view from);
  [[nodiscard]] bytes encode() const;

  [[nodiscard]] const std::vector<member>& members() const { return members_; }
  [[nodiscard]] std::optional<member_role> role_of(node_number node) const;
  [[nodiscard]] bool is_voter(node_number node) const {
    return role_of(node) == member_role::voter;
  }
  [[nodiscard]] std::size_t voters() const;
  [[nodiscard]] bool sole_voter_is(node_number node) const {
    return voters() == 1 && is_voter(node);
  }
  /// The same with `node` in that role, or (nothing) without it.
  [[nodiscard]] membership with(node_number node, std::optional<member_role> role) const;
  bool operator==(const membership&) const = default;

 private:
  std::vector<member> members_;
};

}  // namespace millrace
