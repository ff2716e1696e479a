// A node's data directory and who it belongs to: a wrong, doubled or rolled-back directory is
// refused.
//
//   DIR/lock       held while the node runs
//   DIR/identity   "millrace identity 2\ncluster C\nnode N\nincarnation UUID\nboots B\nbound K\n
//                  crc32c HEX\n"; the crc is over the lines before it; version 1 has no `bound`.
//                  Replaced by rename at every start, which raises `boots`, and again when the
//                  environments have taken that count over: `bound`
//   DIR/journal/   environment of the logs (journal.hpp); its table `node` repeats the identity
//   DIR/state/     environment of the checkpoints; likewise
//
// A start goes on when bound <= boots of the journal < boots of the start, and the state is of no
// later start than the journal. A start that is refused changes nothing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
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
  std::uint64_t bound = 0;  // the last start that the journal knows of, 0 = none
  bool operator==(const node_identity&) const = default;
};

/// The directory while this process owns it.
class data_directory {
 public:
  /// Locks, reads the identity or creates it; its boot count is raised in memory. Errors:
  /// directory.refused (in use; another cluster's or node's; damaged; an environment without
  /// identity, or an identity whose journal is gone), disk.failed.
  [[nodiscard]] static result<data_directory> open(const std::filesystem::path& directory,
                                                   const std::string& cluster,
                                                   const std::string& node);
  /// Makes this start known to its two environments and the file, durably. Errors:
  /// directory.refused (they do not belong together: another directory's, or one restored from a
  /// copy), disk.failed, journal.damaged, state.damaged.
  [[nodiscard]] result<void> bind(store& journal_store, store& state_store);
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

/// Whether the environments belong to this start of this directory, and to each other. Errors as of
/// data_directory::bind.
[[nodiscard]] result<void> check_environments(store& journal_store, store& state_store,
                                              const node_identity& identity);
/// Writes the identity into both.
[[nodiscard]] result<void> bind_environments(store& journal_store, store& state_store,
                                             const node_identity& identity);
/// Whether all plants' checkpoints are of the journal at hand; `ends`: its last entry per plant.
/// Error: directory.refused.
[[nodiscard]] result<void> check_cuts(store& state_store,
                                      const std::map<std::string, std::uint64_t>& ends);

/// The file's text and back. Error: directory.refused.
[[nodiscard]] std::string format_identity(const node_identity& identity);
[[nodiscard]] result<node_identity> parse_identity(const std::string& text);

}  // namespace millrace
