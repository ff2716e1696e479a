// The store on LMDB: a memory-mapped B+ tree with one writer, copy-on-write pages and real
// synchronous commits. Cold reads may come from any thread (MDB_NOTLS).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "cluster/store.hpp"

namespace millrace {

struct lmdb_options {
  std::uint64_t map_bytes =
      64ull * 1024 * 1024 * 1024;      // address space; raised to twice the file's size when larger
  unsigned readers_max = 510;          // snapshots alive at once, over all processes
  table_id tables = store_tables_max;  // 0 .. tables - 1 exist
  bool read_only = false;              // for tools: takes no lock, sees what is committed
};

/// Opens (and unless read-only creates) the environment in `directory`. Errors: directory.refused
/// (in use, or no such environment), disk.failed.
[[nodiscard]] result<std::unique_ptr<store>> open_lmdb_store(const std::filesystem::path& directory,
                                                             lmdb_options options = {});

}  // namespace millrace
