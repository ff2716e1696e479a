// Rows are copied as they stand; what is derived from the journal's metadata is the head.
#include "cluster/snapshot_file.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "cluster/journal.hpp"
#include "cluster/journal_rows.hpp"
#include "cluster/row.hpp"
#include "cluster/state_tables.hpp"

namespace millrace {

namespace {

constexpr std::size_t buffer_bytes = 1024 * 1024;
constexpr std::size_t row_head_bytes = 7;
constexpr std::uint8_t end_mark = 0xff;
constexpr std::size_t end_bytes = 9;

error damaged(std::string what) { return {"state.damaged", "snapshot: " + std::move(what)}; }

/// Keys alone, without a value that could have a checksum.
bool without_value(table_id table) {
  return table == state_table::indexes || table == state_table::correlations;
}

bool checked_table(table_id table) {
  return table == state_table::actors || table == state_table::children;
}

result<void> check_row(table_id table, std::string_view key, bytes_view value) {
  if (without_value(table)) return {};
  if (checked_table(table)) {
    const auto body = checked_body(value, key);
    return body ? result<void>() : result<void>(body.error());
  }
  const auto row = row_reader::open(value, key);
  return row ? result<void>() : result<void>(row.error());
}

/// The index that the plant's rows are the checkpoint of; 0 = there is none.
result<journal_index> cut_of(store_snapshot& state, const std::string& plant) {
  auto row = state.get(state_table::plants, as_bytes_view(plant_prefix(plant)));
  if (!row) return row.error();
  if (!*row) return journal_index{0};
  auto in = row_reader::open(**row, "plant");
  if (!in) return in.error();
  (void)in->u8();  // version
  return in->u64();
}

}  // namespace

bytes encode_head(const snapshot_head& head) {
  row_writer out;
  out.u16(snapshot_format).text(head.of.plant).u32(head.of.generation);
  out.u64(head.of.index).u64(head.of.term).u64(head.configuration_index);
  return out.blob(head.configuration).blob(head.chain).u64(head.history_from).seal();
}

result<snapshot_head> decode_head(bytes_view row) {
  auto in = row_reader::open(row, "the snapshot's head");
  if (!in) return in.error();
  const auto format = in->u16();
  if (format != snapshot_format) return damaged("unknown format " + std::to_string(format));
  snapshot_head out;
  out.of.plant = in->text();
  out.of.generation = in->u32();
  out.of.index = in->u64();
  out.of.term = in->u64();
  out.configuration_index = in->u64();
  const auto configuration = in->blob();
  out.configuration.assign(configuration.begin(), configuration.end());
  const auto chain = in->blob();
  if (chain.size() == out.chain.size()) std::ranges::copy(chain, out.chain.begin());
  out.history_from = in->u64();
  if (!in->ok() || !in->at_end() || chain.size() != out.chain.size() ||
      !membership::decode(out.configuration))
    return damaged("malformed head");
  return out;
}

// ---- making ----

result<std::unique_ptr<snapshot_maker>> snapshot_maker::begin(const source& of, file_area& files,
                                                              std::string name) {
  std::unique_ptr<snapshot_maker> made(new snapshot_maker(files, std::move(name)));
  if (auto gone = files.remove(made->name_); !gone) return gone.error();
  auto state = of.state.snapshot();
  if (!state) return state.error();
  const auto cut = cut_of(**state, of.plant);
  if (!cut) return cut.error();
  auto journal = of.journal.snapshot();
  if (!journal) return journal.error();
  const auto group = journal_rows::read_group(**journal, of.group);
  if (!group) return group.error();
  if (*cut == 0 || group->snapshot.index != *cut)
    return error{"node.not_ready", "the log does not know of the last checkpoint yet"};
  auto& head = made->head_;
  head.of = {of.plant, of.generation, *cut, group->snapshot.term};
  head.configuration_index = group->snapshot.configuration_index;
  head.configuration = group->snapshot.configuration;
  head.chain = group->anchor.chain;
  head.history_from = group->anchor.index + 1;
  if (group->history_from != 0)
    head.history_from = std::min(head.history_from, group->history_from);
  if (*cut != group->anchor.index) {
    const auto entry = read_journal(**journal, of.group, *cut, *cut, 0);
    if (!entry) return entry.error();
    head.chain = entry->front().chain;
  }
  made->state_ = std::move(*state);
  made->prefix_ = plant_prefix(of.plant);
  const auto row = encode_head(head);
  journal_rows::writer(made->buffer_).number(static_cast<std::uint32_t>(row.size())).raw(row);
  return made;
}

/// To the next row of the plant; false behind the last of all tables.
result<bool> snapshot_maker::seek_row() {
  while (table_ < state_table::count) {
    result<bool> there = true;
    if (!cursor_) {
      auto cursor = state_->scan(table_);
      if (!cursor) return cursor.error();
      cursor_ = std::move(*cursor);
      there = cursor_->seek(as_bytes_view(prefix_));
    } else {
      there = cursor_->next();
    }
    if (!there) return there;
    if (*there && as_text(cursor_->key()).starts_with(prefix_)) return true;
    cursor_.reset();
    ++table_;
  }
  return false;
}

result<void> snapshot_maker::take_row() {
  const auto key = cursor_->key();
  const auto value = cursor_->value();
  const auto local = as_text(key).substr(prefix_.size());
  if (auto sound = check_row(table_, local, value); !sound) {
    if (checked_table(table_)) damaged_ = local.substr(0, local.find('\0'));
    return sound;
  }
  journal_rows::writer(buffer_)
      .number(table_)
      .number(static_cast<std::uint16_t>(key.size()))
      .number(static_cast<std::uint32_t>(value.size()))
      .raw(key)
      .raw(value);
  ++rows_;
  return {};
}

result<void> snapshot_maker::flush() {
  hash_.add(buffer_);
  written_ += buffer_.size();
  auto done = files_.append(name_, buffer_);
  buffer_.clear();
  return done;
}

result<std::optional<snapshot_file>> snapshot_maker::step(std::size_t bytes_max) {
  for (std::size_t size = 0; size < bytes_max;) {
    const auto there = seek_row();
    if (!there) return there.error();
    if (!*there) {
      journal_rows::writer(buffer_).number(end_mark).number(rows_);
      if (auto done = flush(); !done) return done.error();
      if (auto done = files_.sync(name_); !done) return done.error();
      cursor_.reset();
      state_.reset();
      return std::optional(snapshot_file{written_, hash_.end()});
    }
    const auto before = buffer_.size();
    if (auto taken = take_row(); !taken) return taken.error();
    size += buffer_.size() - before;
    if (buffer_.size() < buffer_bytes) continue;
    if (auto done = flush(); !done) return done.error();
  }
  return std::optional<snapshot_file>();
}

// ---- reading ----

result<snapshot_reader> snapshot_reader::open(file_area& files, std::string name,
                                              std::uint64_t offset) {
  snapshot_reader in(files, std::move(name), offset);
  std::uint32_t size = 0;
  auto there = in.want(sizeof size);
  if (!there) return there.error();
  if (*there) std::memcpy(&size, in.buffer_.data(), sizeof size);
  if (!*there || size > buffer_bytes) return damaged("no head");
  there = in.want(sizeof size + size);
  if (!there) return there.error();
  if (!*there) return damaged("the head is cut");
  auto head = decode_head(bytes_view(in.buffer_).subspan(sizeof size, size));
  if (!head) return head.error();
  in.at_ = sizeof size + size;
  in.head_ = std::move(*head);
  in.prefix_ = plant_prefix(in.head_.of.plant);
  return in;
}

/// So many bytes from `at_` on are in the buffer; false when the file ends before.
result<bool> snapshot_reader::want(std::size_t size) {
  if (buffer_.size() - at_ >= size) return true;
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(at_));
  at_ = 0;
  while (buffer_.size() < size) {
    auto more = files_->get(name_, offset_, std::max(buffer_bytes, size - buffer_.size()));
    if (!more) return damaged("the file cannot be read: " + more.error().detail);
    if (more->empty()) return false;
    offset_ += more->size();
    buffer_.insert(buffer_.end(), more->begin(), more->end());
  }
  return true;
}

result<const write*> snapshot_reader::next() {
  auto there = want(1);
  if (!there) return there.error();
  if (!*there) return damaged("the file is cut");
  if (buffer_[at_] == end_mark) {
    there = want(end_bytes);
    if (!there) return there.error();
    std::uint64_t rows = 0;
    if (*there) std::memcpy(&rows, buffer_.data() + at_ + 1, sizeof rows);
    if (!*there || rows != rows_) return damaged("the number of rows is wrong");
    return static_cast<const write*>(nullptr);
  }
  there = want(row_head_bytes);
  if (!there) return there.error();
  if (!*there) return damaged("a row is cut");
  journal_rows::reader in(bytes_view(buffer_).subspan(at_, row_head_bytes));
  const auto table = in.number<table_id>();
  const auto key_size = in.number<std::uint16_t>();
  const auto value_size = in.number<std::uint32_t>();
  if (table >= state_table::count || key_size > store_key_bytes_max ||
      value_size > snapshot_row_bytes_max)
    return damaged("a row's head");
  there = want(row_head_bytes + key_size + value_size);
  if (!there) return there.error();
  if (!*there) return damaged("a row is cut");
  const auto content = bytes_view(buffer_).subspan(at_ + row_head_bytes);
  row_ = {
      write::op::put, table, content.first(key_size), content.subspan(key_size, value_size), {}};
  if (!as_text(row_.key).starts_with(prefix_)) return damaged("a row of another plant");
  at_ += row_head_bytes + key_size + value_size;
  ++rows_;
  return &row_;
}

// ---- the swap ----

result<void> swap_in(store& state, snapshot_reader& from) {
  const auto plant = plant_prefix(from.head().of.plant);
  write_batch wipe;
  wipe_plant(wipe, from.head().of.plant);
  const auto note_row = encode_head(from.head());
  const write note{write::op::put, state_table::installed, as_bytes_view(plant), note_row, {}};
  std::size_t wiped = 0;
  bool rows_left = true, noted = false;
  return commit_all(state, [&]() -> result<const write*> {
    if (wiped < wipe.writes().size()) return &wipe.writes()[wiped++];
    if (rows_left) {
      auto row = from.next();
      if (!row || *row != nullptr) return row;
      rows_left = false;
    }
    if (!std::exchange(noted, true)) return &note;
    return static_cast<const write*>(nullptr);
  });
}

result<std::optional<snapshot_head>> installed_snapshot(store_snapshot& state,
                                                        std::string_view plant) {
  auto row = state.get(state_table::installed, as_bytes_view(plant_prefix(plant)));
  if (!row) return row.error();
  if (!*row) return std::optional<snapshot_head>();
  auto head = decode_head(**row);
  if (!head) return head.error();
  return std::optional(std::move(*head));
}

}  // namespace millrace
