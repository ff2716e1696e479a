// Keys and values of the journal environment as bytes; the grammar is in journal.hpp.
// Shared by the journal's writer and by its verification, which must not trust each other's memory.
#pragma once

#include <array>
#include <cstring>
#include <optional>
#include <string>

#include "cluster/journal.hpp"

namespace millrace::journal_rows {

enum class field : std::uint8_t {
  name = 1,
  hard = 2,
  anchor = 3,
  committed = 4,
  snapshot = 5,
  acknowledged = 6,
  history = 7
};

/// Writes numbers to the end of a buffer, little-endian.
class writer {
 public:
  explicit writer(bytes& to) : to_(to) {}
  template <class Number>
  writer& number(Number v) {
    std::array<std::uint8_t, sizeof v> raw;
    std::memcpy(raw.data(), &v, sizeof v);
    to_.insert(to_.end(), raw.begin(), raw.end());
    return *this;
  }
  writer& raw(bytes_view v) {
    to_.insert(to_.end(), v.begin(), v.end());
    return *this;
  }

 private:
  bytes& to_;
};

/// Reads them back; ok() is false once something was missing.
class reader {
 public:
  explicit reader(bytes_view from) : from_(from) {}
  template <class Number>
  Number number() {
    Number v{};
    if (from_.size() < sizeof v) {
      ok_ = false;
      return v;
    }
    std::memcpy(&v, from_.data(), sizeof v);
    from_ = from_.subspan(sizeof v);
    return v;
  }
  void raw(std::span<std::uint8_t> to) {
    if (from_.size() < to.size()) {
      ok_ = false;
      return;
    }
    std::memcpy(to.data(), from_.data(), to.size());
    from_ = from_.subspan(to.size());
  }
  /// The next `size` bytes, which must be there.
  bytes_view take(std::size_t size) {
    const auto out = from_.first(size);
    from_ = from_.subspan(size);
    return out;
  }
  [[nodiscard]] bytes_view rest() const { return from_; }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool done() const { return ok_ && from_.empty(); }

 private:
  bytes_view from_;
  bool ok_ = true;
};

using entry_key_bytes = std::array<std::uint8_t, 12>;
using field_key_bytes = std::array<std::uint8_t, 5>;

[[nodiscard]] entry_key_bytes entry_key(group_number group, journal_index index);
[[nodiscard]] field_key_bytes field_key(group_number group, field what);
/// Of a peer's directory, in the table `node`.
[[nodiscard]] std::array<std::uint8_t, 9> peer_key(node_number node);
/// What is known of the peers' directories: their incarnations. Errors: journal.damaged,
/// disk.failed.
[[nodiscard]] result<std::map<node_number, std::uint64_t>> read_peers(store_snapshot& snapshot);
/// Nothing when the key has another length.
[[nodiscard]] std::optional<std::pair<group_number, journal_index>> parse_entry_key(bytes_view key);
[[nodiscard]] std::optional<std::pair<group_number, std::uint8_t>> parse_field_key(bytes_view key);

/// The 45 bytes before an entry's payload, crc included.
[[nodiscard]] std::array<std::uint8_t, journal_head_bytes> entry_head(const entry_key_bytes& key,
                                                                      const log_entry& entry,
                                                                      const chain_hash& chain);
/// An entry from its row, payload copied when wanted; the CRC is checked. Error: journal.damaged.
[[nodiscard]] result<journal_entry> parse_entry(bytes_view key, bytes_view value,
                                                bool with_payload);

/// crc ++ value, and the value back after the check. Error: journal.damaged.
[[nodiscard]] bytes seal(bytes_view key, bytes_view value);
[[nodiscard]] result<bytes_view> unseal(bytes_view key, bytes_view value);

[[nodiscard]] bytes encode(const hard_state& v);
[[nodiscard]] bytes encode(const journal_anchor& v);
[[nodiscard]] bytes encode(const group_snapshot& v);
[[nodiscard]] bytes encode(const acknowledgements& v);

/// A field of a group, sealed, and no such field any more.
void put_field(write_batch& to, group_number group, field what, bytes_view value);
void erase_field(write_batch& to, group_number group, field what);

/// Reads all fields of a group; log end and head stay empty. Error: journal.damaged naming the
/// group, disk.failed.
[[nodiscard]] result<journal_group> read_group(store_snapshot& snapshot, group_number number);

[[nodiscard]] error damaged(group_number group, journal_index index, const std::string& what);

}  // namespace millrace::journal_rows
