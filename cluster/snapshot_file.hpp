// A plant's state as one file: made from one read transaction, and put in the place of another
// state in one commit.
//
//   file := size:u32 head row* end
//   head := row(format:u16=1 plant:string generation:u32 index:u64 term:u64        row: row.hpp
//               configuration_index:u64 configuration:blob chain:blob[32] history_from:u64)
//   row  := table:u8 key_size:u16 value_size:u32 key value     as in the state environment
//   end  := 0xff:u8 rows:u64
//
// Numbers are little-endian. The file as a whole is known by its size and SHA-256 (snapshot_wire);
// each row has its own checksum besides, which is looked at when the file is made, so that damage
// does not spread. Rows may be ahead of the index, as after a crash (state_tables.hpp).
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "cluster/chain_hash.hpp"
#include "cluster/file_area.hpp"
#include "cluster/large_commit.hpp"
#include "cluster/peer_message.hpp"
#include "cluster/sha256_stream.hpp"
#include "cluster/snapshot_wire.hpp"

namespace millrace {

inline constexpr std::uint16_t snapshot_format = 1;
inline constexpr std::size_t snapshot_row_bytes_max = 64 * 1024 * 1024;

/// What a snapshot is of, and how the log begins behind it.
struct snapshot_head {
  snapshot_name of;
  journal_index configuration_index = 0;
  bytes configuration;             // as libraft encodes it
  chain_hash chain{};              // of the entry at of.index
  journal_index history_from = 0;  // where the journal of its maker began
  bool operator==(const snapshot_head&) const = default;
};
[[nodiscard]] bytes encode_head(const snapshot_head& head);
/// Error: state.damaged.
[[nodiscard]] result<snapshot_head> decode_head(bytes_view row);

/// Writes a file piece by piece; holds one snapshot of the state meanwhile. Single-threaded.
class snapshot_maker {
 public:
  struct source {
    store& state;
    store& journal;
    group_number group = 0;
    std::string plant;
    std::uint32_t generation = 1;
  };
  /// Of the last finished checkpoint. Whatever file has that name is replaced. All outlive it.
  /// Errors: node.not_ready (there is none yet that the log knows of), state.damaged,
  /// journal.damaged, disk.failed.
  [[nodiscard]] static result<std::unique_ptr<snapshot_maker>> begin(const source& of,
                                                                     file_area& files,
                                                                     std::string name);
  /// Writes about so many bytes more; the file once it is finished and synced, nothing before.
  /// Errors: state.damaged naming the row's actor (see damaged()), disk.failed.
  [[nodiscard]] result<std::optional<snapshot_file>> step(std::size_t bytes_max);
  [[nodiscard]] const snapshot_head& head() const { return head_; }
  /// After state.damaged: "kind/id" of the actor whose row it is; empty when it is another row.
  [[nodiscard]] const std::string& damaged() const { return damaged_; }

 private:
  snapshot_maker(file_area& files, std::string name) : files_(files), name_(std::move(name)) {}
  [[nodiscard]] result<void> flush();
  [[nodiscard]] result<void> take_row();
  [[nodiscard]] result<bool> seek_row();

  file_area& files_;
  std::string name_;
  std::string prefix_;
  snapshot_head head_;
  std::unique_ptr<store_snapshot> state_;
  std::unique_ptr<store_cursor> cursor_;  // of the table at hand, null at its beginning
  table_id table_ = 0;
  std::uint64_t rows_ = 0;
  std::uint64_t written_ = 0;
  bytes buffer_;
  sha256_stream hash_;
  std::string damaged_;
};

/// Reads a file back, a row at a time. The file's hash has been verified before.
class snapshot_reader {
 public:
  /// The file's content begins at `offset` of that name. `files` outlives it. Error:
  /// state.damaged.
  [[nodiscard]] static result<snapshot_reader> open(file_area& files, std::string name,
                                                    std::uint64_t offset);
  [[nodiscard]] const snapshot_head& head() const { return head_; }
  /// The next row as a put; null behind the last. It lives until the next call. Error:
  /// state.damaged (of another plant, the file is short, or cannot be read).
  [[nodiscard]] result<const write*> next();

 private:
  snapshot_reader(file_area& files, std::string name, std::uint64_t offset)
      : files_(&files), name_(std::move(name)), offset_(offset) {}
  [[nodiscard]] result<bool> want(std::size_t size);

  file_area* files_;
  std::string name_;
  std::uint64_t offset_;  // of what is read next
  snapshot_head head_;
  std::string prefix_;
  bytes buffer_;
  std::size_t at_ = 0;  // in the buffer
  std::uint64_t rows_ = 0;
  write row_;
};

/// Puts the file's plant in the place of what the state holds of it, in one commit, and leaves a
/// note of it (installed_snapshot). Errors: state.damaged (nothing was changed), disk.failed.
[[nodiscard]] result<void> swap_in(store& state, snapshot_reader& from);
/// The snapshot that the plant's state began from last, nothing when it never did. After a crash
/// the journal may not know of it yet (journal::adopt). Errors: state.damaged, disk.failed.
[[nodiscard]] result<std::optional<snapshot_head>> installed_snapshot(store_snapshot& state,
                                                                      std::string_view plant);

}  // namespace millrace
