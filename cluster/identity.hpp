// A node's data directory and who it belongs to: a wrong, doubled or rolled-back directory is
// refused.
//
//   DIR/lock       held while the node runs
//   DIR/identity   "millrace identity 1\ncluster C\nnode N\nincarnation UUID\nboots B\ncrc32c
//   HEX\n"; the crc is over the
//                  lines before it. Replaced by rename at every start, which raises `boots`
//   DIR/journal/   environment of the logs (journal.hpp); its table `node` repeats incarnation and
//   boots DIR/state/     environment of the checkpoints
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "cluster/directory_lock.hpp"
#include "cluster/store.hpp"
#include "schemas/result.hpp"

namespace millrace {

struct node_identity {
  std::string cluster;      // name or id, without white space
  std::string node;         // likewise
  std::string incarnation;  // 32 hex digits, made at the first start and never again
  std::uint64_t boots = 0;  // starts of this incarnation, this one included
  bool operator==(const node_identity&) const = default;
};

/// The directory while this process owns it.
class data_directory {
 public:
  /// Locks, reads the identity or creates it, raises the boot count durably. Errors:
  /// directory.refused (in use; another cluster's or node's; damaged; an environment without
  /// identity), disk.failed.
  [[nodiscard]] static result<data_directory> open(const std::filesystem::path& directory,
                                                   const std::string& cluster,
                                                   const std::string& node);
  [[nodiscard]] const node_identity& identity() const { return identity_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path journal() const { return path_ / "journal"; }
  [[nodiscard]] std::filesystem::path state() const { return path_ / "state"; }

 private:
  data_directory(std::filesystem::path path, node_identity identity, directory_lock lock)
      : path_(std::move(path)), identity_(std::move(identity)), lock_(std::move(lock)) {}
  std::filesystem::path path_;
  node_identity identity_;
  directory_lock lock_;
};

/// Compares the identity with the one inside the journal environment and writes it there. Errors:
/// directory.refused (the journal belongs to another incarnation, or has seen more starts than the
/// identity file, which then was restored from a copy), disk.failed, journal.damaged.
[[nodiscard]] result<void> bind_journal(store& journal_store, const node_identity& identity);

/// The file's text and back. Error: directory.refused.
[[nodiscard]] std::string format_identity(const node_identity& identity);
[[nodiscard]] result<node_identity> parse_identity(const std::string& text);

}  // namespace millrace
