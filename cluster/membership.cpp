// Configurations as bytes and back.
#include "cluster/membership.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>

namespace millrace {

namespace {

constexpr std::uint8_t format_version = 1;
constexpr std::size_t padding = 8;

void put(bytes& to, std::uint64_t v) {
  for (int i = 0; i < 8; ++i) to.push_back(static_cast<std::uint8_t>(v >> (8 * i)));
}

bool take(bytes_view& from, std::uint64_t& v) {
  if (from.size() < 8) return false;
  v = 0;
  for (int i = 0; i < 8; ++i) v |= std::uint64_t{from[static_cast<std::size_t>(i)]} << (8 * i);
  from = from.subspan(8);
  return true;
}

bool take(bytes_view& from, member& m) {
  if (!take(from, m.node) || m.node == 0) return false;
  const auto end = std::find(from.begin(), from.end(), 0);
  if (from.end() - end < 2) return false;  // no end, or no role behind it
  const std::string address(from.begin(), end);
  if (address != std::to_string(m.node)) return false;
  from = from.subspan(address.size() + 1);
  if (from[0] > static_cast<std::uint8_t>(member_role::spare)) return false;
  m.role = static_cast<member_role>(from[0]);
  from = from.subspan(1);
  return true;
}

}  // namespace

membership membership::of_voters(std::span<const node_number> nodes) {
  membership out;
  for (const node_number n : nodes) out = out.with(n, member_role::voter);
  return out;
}

std::optional<membership> membership::decode(bytes_view from) {
  if (from.empty() || from.size() % padding != 0 || from[0] != format_version) return std::nullopt;
  from = from.subspan(1);
  std::uint64_t count = 0;
  if (!take(from, count) || count == 0 || count > members_max) return std::nullopt;
  membership out;
  for (std::uint64_t i = 0; i < count; ++i) {
    member m;
    if (!take(from, m)) return std::nullopt;
    if (!out.members_.empty() && out.members_.back().node >= m.node) return std::nullopt;
    out.members_.push_back(m);
  }
  const bool padded =
      from.size() < padding && std::all_of(from.begin(), from.end(), [](auto b) { return b == 0; });
  if (!padded || out.voters() == 0) return std::nullopt;
  return out;
}

bytes membership::encode() const {
  bytes out{format_version};
  put(out, members_.size());
  for (const member& m : members_) {
    put(out, m.node);
    const std::string address = std::to_string(m.node);
    out.insert(out.end(), address.begin(), address.end());
    out.push_back(0);
    out.push_back(static_cast<std::uint8_t>(m.role));
  }
  out.resize((out.size() + padding - 1) / padding * padding);
  return out;
}

std::optional<member_role> membership::role_of(node_number node) const {
  for (const member& m : members_)
    if (m.node == node) return m.role;
  return std::nullopt;
}

std::size_t membership::voters() const {
  return static_cast<std::size_t>(
      std::count_if(members_.begin(), members_.end(),
                    [](const member& m) { return m.role == member_role::voter; }));
}

membership membership::with(node_number node, std::optional<member_role> role) const {
  membership out;
  for (const member& m : members_)
    if (m.node != node) out.members_.push_back(m);
  if (role) out.members_.push_back({node, *role});
  std::sort(out.members_.begin(), out.members_.end(),
            [](const member& a, const member& b) { return a.node < b.node; });
  return out;
}

}  // namespace millrace
