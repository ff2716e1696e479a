// The hash chain over a group's log; its grammar is in journal.hpp.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "cluster/log_entry.hpp"

namespace millrace {

using chain_hash = std::array<std::uint8_t, 32>;

/// Computes chain hashes, reusing one OpenSSL context. Single-threaded.
class chain_hasher {
 public:
  chain_hasher();
  ~chain_hasher();
  chain_hasher(const chain_hasher&) = delete;
  chain_hasher& operator=(const chain_hasher&) = delete;
  [[nodiscard]] chain_hash genesis(std::string_view group_name);
  [[nodiscard]] chain_hash next(const chain_hash& previous, std::uint32_t generation,
                                const log_entry& entry);

 private:
  struct context;
  std::unique_ptr<context> context_;
};

/// Lower-case hex.
[[nodiscard]] std::string to_hex(bytes_view data);

}  // namespace millrace
