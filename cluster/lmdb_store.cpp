// The store on LMDB 0.9. One named database per table, opened once; a commit is one write
// transaction with fdatasync. LMDB would let one go on after EIO; this store does not: the first
// error in a commit is its last answer.
#include "cluster/lmdb_store.hpp"

#include <lmdb.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include "cluster/check.hpp"
#include "cluster/directory_lock.hpp"
#include "cluster/large_commit.hpp"

namespace millrace {

namespace {

namespace fs = std::filesystem;

error disk_failed(const char* what, int code) {
  return error{"disk.failed", std::string(what) + ": " + mdb_strerror(code)};
}

MDB_val in(bytes_view v) {
  // LMDB does not write through the pointer of a value it is given.
  return MDB_val{v.size(), const_cast<std::uint8_t*>(v.data())};
}

bytes_view out(const MDB_val& v) {
  return bytes_view(static_cast<const std::uint8_t*>(v.mv_data), v.mv_size);
}

using tables = std::array<MDB_dbi, store_tables_max>;

class lmdb_cursor final : public store_cursor {
 public:
  explicit lmdb_cursor(MDB_cursor* cursor) : cursor_(cursor) {}
  ~lmdb_cursor() override { mdb_cursor_close(cursor_); }
  lmdb_cursor(const lmdb_cursor&) = delete;
  lmdb_cursor& operator=(const lmdb_cursor&) = delete;

  result<bool> seek(bytes_view key) override {
    if (key.empty()) return move(MDB_FIRST);
    key_ = in(key);
    return move(MDB_SET_RANGE);
  }
  result<bool> seek_before(bytes_view key) override {
    if (key.empty()) return move(MDB_LAST);
    auto found = seek(key);
    if (!found) return found;
    return move(*found ? MDB_PREV : MDB_LAST);
  }
  result<bool> next() override {
    check(valid_);
    return move(MDB_NEXT);
  }
  result<bool> previous() override {
    check(valid_);
    return move(MDB_PREV);
  }
  bytes_view key() const override {
    check(valid_);
    return out(key_);
  }
  bytes_view value() const override {
    check(valid_);
    return out(value_);
  }

 private:
  result<bool> move(MDB_cursor_op how) {
    const int rc = mdb_cursor_get(cursor_, &key_, &value_, how);
    valid_ = rc == MDB_SUCCESS;
    if (rc != MDB_SUCCESS && rc != MDB_NOTFOUND) return disk_failed("mdb_cursor_get", rc);
    return valid_;
  }
  MDB_cursor* cursor_;
  MDB_val key_{};
  MDB_val value_{};
  bool valid_ = false;
};

/// A table that an older environment does not have.
class empty_cursor final : public store_cursor {
 public:
  result<bool> seek(bytes_view) override { return false; }
  result<bool> seek_before(bytes_view) override { return false; }
  result<bool> next() override { return false; }
  result<bool> previous() override { return false; }
  bytes_view key() const override { return {}; }
  bytes_view value() const override { return {}; }
};

class lmdb_snapshot final : public store_snapshot {
 public:
  lmdb_snapshot(MDB_txn* txn, const tables& ids, table_id count, bool read_only)
      : txn_(txn), ids_(ids), count_(count), read_only_(read_only) {}
  ~lmdb_snapshot() override { mdb_txn_abort(txn_); }
  lmdb_snapshot(const lmdb_snapshot&) = delete;
  lmdb_snapshot& operator=(const lmdb_snapshot&) = delete;

  result<std::optional<bytes_view>> get(table_id table, bytes_view key) override {
    if (absent(table)) return std::optional<bytes_view>();
    MDB_val k = in(key);
    MDB_val v{};
    const int rc = mdb_get(txn_, ids_[table], &k, &v);
    if (rc == MDB_NOTFOUND) return std::optional<bytes_view>();
    if (rc != MDB_SUCCESS) return disk_failed("mdb_get", rc);
    return std::optional<bytes_view>(out(v));
  }
  result<std::unique_ptr<store_cursor>> scan(table_id table) override {
    if (absent(table)) return std::unique_ptr<store_cursor>(std::make_unique<empty_cursor>());
    MDB_cursor* cursor = nullptr;
    const int rc = mdb_cursor_open(txn_, ids_[table], &cursor);
    if (rc != MDB_SUCCESS) return disk_failed("mdb_cursor_open", rc);
    return std::unique_ptr<store_cursor>(std::make_unique<lmdb_cursor>(cursor));
  }

 private:
  [[nodiscard]] bool absent(table_id table) const {
    check(table < count_ || read_only_);
    return table >= count_;
  }
  MDB_txn* txn_;
  const tables& ids_;
  table_id count_;
  bool read_only_;
};

struct env_deleter {
  void operator()(MDB_env* env) const { mdb_env_close(env); }
};
using env_ptr = std::unique_ptr<MDB_env, env_deleter>;

class lmdb_store final : public large_store {
 public:
  lmdb_store(env_ptr env, std::optional<directory_lock> lock, fs::path directory,
             std::uint64_t map_bytes)
      : lock_(std::move(lock)),
        env_(std::move(env)),
        directory_(std::move(directory)),
        map_bytes_(map_bytes) {}

  /// Opens the tables, creating them unless read-only.
  result<void> open_tables(table_id count, bool read_only);

  result<std::unique_ptr<store_snapshot>> snapshot() override;
  result<void> commit(std::span<const write> writes) override;
  result<void> commit_all(const write_source& from) override;
  result<store_space> space() const override;

 private:
  template <class Next>
  result<void> commit_each(Next next, const result<void>& given);
  int apply(MDB_txn* txn, const write& w, std::array<MDB_cursor*, store_tables_max>& cursors);
  int erase_range(MDB_cursor* cursor, bytes_view from, bytes_view to);

  std::optional<directory_lock> lock_;  // released after the environment is closed
  env_ptr env_;
  fs::path directory_;
  std::uint64_t map_bytes_;
  tables ids_{};
  table_id count_ = 0;
  bool read_only_ = false;
  std::atomic<bool> failed_{false};
};

result<void> lmdb_store::open_tables(table_id count, bool read_only) {
  read_only_ = read_only;
  MDB_txn* txn = nullptr;
  int rc = mdb_txn_begin(env_.get(), nullptr, read_only ? MDB_RDONLY : 0, &txn);
  if (rc != MDB_SUCCESS) return disk_failed("mdb_txn_begin", rc);
  for (table_id i = 0; i < count && rc == MDB_SUCCESS; ++i) {
    std::array<char, 8> name{};
    std::to_chars(name.data(), name.data() + name.size() - 1, i);
    rc = mdb_dbi_open(txn, name.data(), read_only ? 0 : MDB_CREATE, &ids_[i]);
    if (rc == MDB_NOTFOUND && read_only) {  // an environment with fewer tables
      rc = MDB_SUCCESS;
      break;
    }
    if (rc == MDB_SUCCESS) count_ = static_cast<table_id>(i + 1);
  }
  if (rc != MDB_SUCCESS) {
    mdb_txn_abort(txn);
    return disk_failed("mdb_dbi_open", rc);
  }
  rc = mdb_txn_commit(txn);
  if (rc != MDB_SUCCESS) return disk_failed("mdb_txn_commit", rc);
  return {};
}

result<std::unique_ptr<store_snapshot>> lmdb_store::snapshot() {
  if (failed_.load(std::memory_order_acquire))
    return error{"disk.failed", "an earlier commit failed"};
  MDB_txn* txn = nullptr;
  const int rc = mdb_txn_begin(env_.get(), nullptr, MDB_RDONLY, &txn);
  if (rc != MDB_SUCCESS) return disk_failed("mdb_txn_begin", rc);
  return std::unique_ptr<store_snapshot>(
      std::make_unique<lmdb_snapshot>(txn, ids_, count_, read_only_));
}

int lmdb_store::erase_range(MDB_cursor* cursor, bytes_view from, bytes_view to) {
  for (;;) {
    // Sought anew each time: where a cursor stands after a deletion at a page's end is not worth
    // relying on.
    MDB_val key = in(from);
    MDB_val value{};
    int rc = mdb_cursor_get(cursor, &key, &value, from.empty() ? MDB_FIRST : MDB_SET_RANGE);
    if (rc == MDB_NOTFOUND) return MDB_SUCCESS;
    if (rc != MDB_SUCCESS) return rc;
    const bytes_view at = out(key);
    if (!to.empty() && !std::lexicographical_compare(at.begin(), at.end(), to.begin(), to.end()))
      return MDB_SUCCESS;
    rc = mdb_cursor_del(cursor, 0);
    if (rc != MDB_SUCCESS) return rc;
  }
}

int lmdb_store::apply(MDB_txn* txn, const write& w,
                      std::array<MDB_cursor*, store_tables_max>& cursors) {
  check(w.table < count_);
  check(w.what == write::op::erase_range || !w.key.empty());
  check(w.key.size() <= store_key_bytes_max);
  MDB_cursor*& cursor = cursors[w.table];
  if (cursor == nullptr) {
    const int rc = mdb_cursor_open(txn, ids_[w.table], &cursor);
    if (rc != MDB_SUCCESS) return rc;
  }
  MDB_val key = in(w.key);
  switch (w.what) {
    case write::op::put:
    case write::op::append: {
      // A cursor that stands near (rows come sorted, mostly) saves the walk from the root.
      MDB_val value{w.head.size() + w.body.size(), nullptr};
      const unsigned flags = MDB_RESERVE | (w.what == write::op::append ? MDB_APPEND : 0u);
      const int rc = mdb_cursor_put(cursor, &key, &value, flags);
      if (rc != MDB_SUCCESS) return rc;
      auto* to = static_cast<std::uint8_t*>(value.mv_data);
      if (!w.head.empty()) std::memcpy(to, w.head.data(), w.head.size());
      if (!w.body.empty()) std::memcpy(to + w.head.size(), w.body.data(), w.body.size());
      return MDB_SUCCESS;
    }
    case write::op::erase: {
      const int rc = mdb_del(txn, ids_[w.table], &key, nullptr);
      return rc == MDB_NOTFOUND ? MDB_SUCCESS : rc;
    }
    case write::op::erase_range:
      return erase_range(cursor, w.key, w.head);
  }
  return EINVAL;
}

/// `next` answers null at the end, or because of an error that it puts into `given`.
template <class Next>
result<void> lmdb_store::commit_each(Next next, const result<void>& given) {
  if (failed_.load(std::memory_order_acquire))
    return error{"disk.failed", "an earlier commit failed"};
  MDB_txn* txn = nullptr;
  int rc = mdb_txn_begin(env_.get(), nullptr, 0, &txn);
  if (rc == MDB_SUCCESS) {
    std::array<MDB_cursor*, store_tables_max> cursors{};
    for (const write* w = next(); w != nullptr; w = next())
      if (rc = apply(txn, *w, cursors); rc != MDB_SUCCESS) break;
    for (MDB_cursor* cursor : cursors)
      if (cursor != nullptr) mdb_cursor_close(cursor);
    if (rc == MDB_SUCCESS && given)
      rc = mdb_txn_commit(txn);
    else
      mdb_txn_abort(txn);
  }
  if (rc == MDB_SUCCESS) return given;
  failed_.store(true, std::memory_order_release);
  return disk_failed("commit", rc);
}

result<void> lmdb_store::commit(std::span<const write> writes) {
  auto at = writes.begin();
  return commit_each([&] { return at == writes.end() ? nullptr : &*at++; }, {});
}

result<void> lmdb_store::commit_all(const write_source& from) {
  result<void> given;
  return commit_each(
      [&]() -> const write* {
        const auto w = from();
        if (w) return *w;
        given = w.error();
        return nullptr;
      },
      given);
}

result<store_space> lmdb_store::space() const {
  struct stat file {};
  struct statvfs disk {};
  const fs::path data = directory_ / "data.mdb";
  if (::stat(data.c_str(), &file) != 0 || ::statvfs(directory_.c_str(), &disk) != 0)
    return error{"disk.failed", data.string() + ": " + std::strerror(errno)};
  MDB_envinfo info{};
  MDB_stat page{};
  mdb_env_info(env_.get(), &info);
  mdb_env_stat(env_.get(), &page);
  store_space s;
  s.used_bytes = (info.me_last_pgno + 1) * page.ms_psize;
  s.file_bytes = static_cast<std::uint64_t>(file.st_size);
  const std::uint64_t map_left = map_bytes_ > s.used_bytes ? map_bytes_ - s.used_bytes : 0;
  s.free_bytes = std::min<std::uint64_t>(map_left, disk.f_bavail * disk.f_frsize);
  return s;
}

}  // namespace

result<std::unique_ptr<store>> open_lmdb_store(const fs::path& directory, lmdb_options options) {
  check(options.tables <= store_tables_max);
  std::error_code ec;
  std::optional<directory_lock> lock;
  if (!options.read_only) {
    fs::create_directories(directory, ec);
    if (ec) return error{"directory.refused", directory.string() + ": " + ec.message()};
    auto taken = directory_lock::acquire(directory, "store.lock");
    if (!taken) return taken.error();
    lock = std::move(*taken);
  }
  const auto file_bytes = fs::file_size(directory / "data.mdb", ec);
  if (ec && options.read_only)
    return error{"directory.refused", directory.string() + " holds no environment"};
  const std::uint64_t map_bytes = std::max(options.map_bytes, ec ? 0 : file_bytes * 2);

  MDB_env* raw = nullptr;
  int rc = mdb_env_create(&raw);
  env_ptr env(raw);
  if (rc == MDB_SUCCESS) rc = mdb_env_set_mapsize(raw, map_bytes);
  if (rc == MDB_SUCCESS) rc = mdb_env_set_maxdbs(raw, store_tables_max);
  if (rc == MDB_SUCCESS) rc = mdb_env_set_maxreaders(raw, options.readers_max);
  const unsigned flags = MDB_NOTLS | (options.read_only ? MDB_RDONLY : 0u);
  if (rc == MDB_SUCCESS) rc = mdb_env_open(raw, directory.c_str(), flags, 0600);
  if (rc != MDB_SUCCESS) return disk_failed(directory.c_str(), rc);

  auto opened = std::make_unique<lmdb_store>(std::move(env), std::move(lock), directory, map_bytes);
  if (auto ok = opened->open_tables(options.tables, options.read_only); !ok) return ok.error();
  return std::unique_ptr<store>(std::move(opened));
}

}  // namespace millrace
