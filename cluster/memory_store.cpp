// The simulation's disk. What is visible but not synced is kept as an undo list, which a crash
// plays backwards. Snapshots share the tables; the next write after a snapshot copies them.
#include "cluster/memory_store.hpp"

#include <utility>

#include "cluster/check.hpp"

namespace millrace {

namespace {

using rows = std::map<bytes, shared_bytes>;

bytes own(bytes_view v) { return bytes(v.begin(), v.end()); }

error refusal() { return error{"disk.failed", "the simulated disk failed or was restarted"}; }

class memory_cursor final : public store_cursor {
 public:
  explicit memory_cursor(const rows& on) : rows_(on), at_(on.end()) {}
  result<bool> seek(bytes_view key) override {
    at_ = rows_.lower_bound(own(key));
    return at_ != rows_.end();
  }
  result<bool> seek_before(bytes_view key) override {
    at_ = key.empty() ? rows_.end() : rows_.lower_bound(own(key));
    return step_back();
  }
  result<bool> next() override {
    check(at_ != rows_.end());
    return ++at_ != rows_.end();
  }
  result<bool> previous() override {
    check(at_ != rows_.end());
    return step_back();
  }
  bytes_view key() const override {
    check(at_ != rows_.end());
    return at_->first;
  }
  bytes_view value() const override {
    check(at_ != rows_.end());
    return *at_->second;
  }

 private:
  bool step_back() {
    if (at_ == rows_.begin()) {
      at_ = rows_.end();
      return false;
    }
    --at_;
    return true;
  }
  const rows& rows_;
  rows::const_iterator at_;
};

class memory_snapshot final : public store_snapshot {
 public:
  explicit memory_snapshot(std::shared_ptr<const memory_tables> tables)
      : tables_(std::move(tables)) {}
  result<std::optional<bytes_view>> get(table_id table, bytes_view key) override {
    check(table < store_tables_max);
    const auto found = (*tables_)[table].find(own(key));
    if (found == (*tables_)[table].end()) return std::optional<bytes_view>();
    return std::optional<bytes_view>(bytes_view(*found->second));
  }
  result<std::unique_ptr<store_cursor>> scan(table_id table) override {
    check(table < store_tables_max);
    return std::unique_ptr<store_cursor>(std::make_unique<memory_cursor>((*tables_)[table]));
  }

 private:
  std::shared_ptr<const memory_tables> tables_;
};

}  // namespace

memory_disk::memory_disk() : visible_(std::make_shared<memory_tables>()) {}

void memory_disk::fail_commit(std::uint64_t in_commits, bool lands) {
  fail_in_ = in_commits;
  failing_lands_ = lands;
}

void memory_disk::sync_now() { undo_.clear(); }

void memory_disk::crash() {
  const std::lock_guard lock(mutex_);
  memory_tables& tables = writable();
  for (auto u = undo_.rbegin(); u != undo_.rend(); ++u) {
    if (u->value)
      tables[u->table].insert_or_assign(std::move(u->key), std::move(u->value));
    else
      tables[u->table].erase(u->key);
  }
  undo_.clear();
  failed_ = false;
  ++incarnation_;
}

bool memory_disk::flip_bit(table_id table, bytes_view key, std::size_t bit) {
  const auto found = (*visible_)[table].find(own(key));
  if (found == (*visible_)[table].end() || bit / 8 >= found->second->size()) return false;
  bytes changed = *found->second;
  changed[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
  tamper(table, key, std::move(changed));
  return true;
}

void memory_disk::tamper(table_id table, bytes_view key, std::optional<bytes> value) {
  const std::lock_guard lock(mutex_);
  if (value)
    writable()[table].insert_or_assign(own(key), std::make_shared<const bytes>(std::move(*value)));
  else
    writable()[table].erase(own(key));
}

memory_tables& memory_disk::writable() {
  if (visible_.use_count() > 1) visible_ = std::make_shared<memory_tables>(*visible_);
  return *visible_;
}

void memory_disk::set(table_id table, const bytes& key, shared_bytes value) {
  auto& in = (*visible_)[table];
  const auto found = in.find(key);
  undo_.push_back({table, key, found == in.end() ? nullptr : found->second});
  if (value)
    in.insert_or_assign(key, std::move(value));
  else if (found != in.end())
    in.erase(found);
}

void memory_disk::apply(const write& w) {
  check(w.table < store_tables_max);
  switch (w.what) {
    case write::op::append:
      check((*visible_)[w.table].empty() || (*visible_)[w.table].rbegin()->first < own(w.key));
      [[fallthrough]];
    case write::op::put: {
      check(!w.key.empty() && w.key.size() <= store_key_bytes_max);
      auto value = std::make_shared<bytes>(own(w.head));
      value->insert(value->end(), w.body.begin(), w.body.end());
      set(w.table, own(w.key), std::move(value));
      return;
    }
    case write::op::erase:
      set(w.table, own(w.key), nullptr);
      return;
    case write::op::erase_range: {
      auto& in = (*visible_)[w.table];
      const bytes end = own(w.head);
      for (auto at = in.lower_bound(own(w.key));
           at != in.end() && (end.empty() || at->first < end);) {
        const bytes key = at->first;
        ++at;
        set(w.table, key, nullptr);
      }
      return;
    }
  }
}

memory_store::memory_store(std::shared_ptr<memory_disk> disk)
    : disk_(std::move(disk)), incarnation_(disk_->incarnation_) {}

bool memory_store::refused() const { return disk_->failed_ || incarnation_ != disk_->incarnation_; }

result<std::unique_ptr<store_snapshot>> memory_store::snapshot() {
  const std::lock_guard lock(disk_->mutex_);
  if (refused()) return refusal();
  return std::unique_ptr<store_snapshot>(std::make_unique<memory_snapshot>(disk_->visible_));
}

result<void> memory_store::commit(std::span<const write> writes) {
  const std::lock_guard lock(disk_->mutex_);
  if (refused()) return refusal();
  ++disk_->commits_;
  const bool fails = disk_->fail_in_ > 0 && --disk_->fail_in_ == 0;
  if (!fails || disk_->failing_lands_) {
    static_cast<void>(disk_->writable());
    for (const write& w : writes) disk_->apply(w);
    if (disk_->auto_sync_ || fails) disk_->undo_.clear();
  }
  if (!fails) return {};
  disk_->failed_ = true;
  return error{"disk.failed", "simulated I/O error"};
}

result<void> memory_store::commit_all(const write_source& from) {
  write_batch all;
  while (true) {
    const auto next = from();
    if (!next) return next.error();
    if (*next == nullptr) break;
    const write& w = **next;
    if (w.what == write::op::erase) {
      all.erase(w.table, w.key);
    } else if (w.what == write::op::erase_range) {
      all.erase_range(w.table, w.key, w.head);
    } else {
      bytes body(w.body.begin(), w.body.end());
      all.put(w.table, w.key, w.head, std::make_shared<const bytes>(std::move(body)));
    }
  }
  return commit(all.writes());
}

result<store_space> memory_store::space() const {
  const std::lock_guard lock(disk_->mutex_);
  store_space out;
  for (const rows& table : *disk_->visible_)
    for (const auto& [key, value] : table) out.used_bytes += key.size() + value->size();
  out.file_bytes = out.used_bytes;
  out.free_bytes = disk_->free_bytes_;
  return out;
}

}  // namespace millrace
