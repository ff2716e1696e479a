// The special-purpose ranges of RFC 6890 and its successors, IPv4 ones also where they hide in IPv6
// (mapped, 6to4, NAT64).
#include "nodes/adapters/address_guard.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

namespace millrace {
namespace {

using ip = std::array<std::uint8_t, 16>;

constexpr std::array<std::string_view, 28> blocked_ranges{
    "0.0.0.0/8",     "10.0.0.0/8",      "100.64.0.0/10",  "127.0.0.0/8",    "169.254.0.0/16",
    "172.16.0.0/12", "192.0.0.0/24",    "192.0.2.0/24",   "192.88.99.0/24", "192.168.0.0/16",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",    "240.0.0.0/4",
    "::/128",        "::1/128",         "::/96",          "64:ff9b::/96",   "64:ff9b:1::/48",
    "100::/64",      "2001::/23",       "2001:db8::/32",  "2002::/16",      "fc00::/7",
    "fe80::/10",     "fec0::/10",       "ff00::/8"};

ip mapped(const in_addr& v4) {
  ip out{};
  out[10] = out[11] = 0xff;
  std::memcpy(out.data() + 12, &v4, 4);
  return out;
}

std::optional<ip> numeric(std::string_view text) {
  const std::string owned(text);
  in_addr v4{};
  if (inet_pton(AF_INET, owned.c_str(), &v4) == 1) return mapped(v4);
  ip out{};
  if (inet_pton(AF_INET6, owned.c_str(), out.data()) == 1) return out;
  return std::nullopt;
}

const std::vector<network>& blocked() {
  static const std::vector<network> all = [] {
    std::vector<network> out;
    for (const auto range : blocked_ranges) out.push_back(*network::parse(range));
    return out;
  }();
  return all;
}

}  // namespace

result<network> network::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = numeric(text.substr(0, slash));
  if (!address)
    return millrace::error{"config.invalid", "\"" + std::string(text) + "\" is not a network"};
  const bool v4 = text.substr(0, slash).find(':') == std::string_view::npos;
  int bits = v4 ? 32 : 128;
  if (slash != std::string_view::npos) {
    const auto digits = text.substr(slash + 1);
    int given = -1;
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), given);
    if (code != std::errc() || end != digits.data() + digits.size() || given < 0 || given > bits)
      return millrace::error{"config.invalid",
                             "\"" + std::string(text) + "\" has a wrong prefix length"};
    bits = given;
  }
  return network{*address, v4 ? bits + 96 : bits};
}

bool network::contains(const ip& other) const {
  for (int bit = 0; bit < bits; bit += 8) {
    const auto byte = static_cast<std::size_t>(bit / 8);
    const int left = std::min(8, bits - bit);
    const auto mask = static_cast<std::uint8_t>(0xff << (8 - left));
    if ((address[byte] & mask) != (other[byte] & mask)) return false;
  }
  return true;
}

result<address_guard> address_guard::with_allowed(const std::vector<std::string>& allowed) {
  address_guard out;
  for (const auto& text : allowed) {
    auto range = network::parse(text);
    if (!range) return std::move(range).error();
    out.allowed_.push_back(*range);
  }
  return out;
}

bool address_guard::permits(const sockaddr* address) const {
  if (address->sa_family == AF_INET)
    return permits(mapped(reinterpret_cast<const sockaddr_in*>(address)->sin_addr));
  if (address->sa_family != AF_INET6) return false;
  ip raw{};
  std::memcpy(raw.data(), &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, raw.size());
  return permits(raw);
}

bool address_guard::permits(std::string_view address) const {
  const auto raw = numeric(address);
  return raw && permits(*raw);
}

bool address_guard::permits(const ip& address) const {
  const auto holds = [&](const network& range) { return range.contains(address); };
  if (std::any_of(allowed_.begin(), allowed_.end(), holds)) return true;
  return std::none_of(blocked().begin(), blocked().end(), holds);
}

}  // namespace millrace
