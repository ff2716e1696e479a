// The idempotency window: a ring of rows in journal order and an open-addressing table over it.
// Eviction takes whole entries, so that the rows of the state environment (one an entry) say
// exactly what is left.
#include "cluster/window.hpp"

#include <algorithm>
#include <bit>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "cluster/check.hpp"

namespace millrace {

namespace {
constexpr std::size_t no_slot = ~std::size_t{0};
std::size_t home(hash128 id) { return static_cast<std::size_t>(id.lo ^ id.hi >> 17); }
std::uint32_t seconds(timestamp t) { return static_cast<std::uint32_t>(t.micros() / 1'000'000); }
}  // namespace

idempotency_window::idempotency_window(window_limits limits) : limits_(limits) {}

bool idempotency_window::find(hash128 id, window_hit& out) const {
  const auto slot = slot_of(id);
  if (slot == no_slot) return false;
  const auto i = table_[slot] - 1;
  out = {rows_[i].index, static_cast<std::uint32_t>(rows_[i].ordinal), rows_[i].fingerprint,
         outcomes_[i]};
  if (const auto* p = settled_.find(id)) {
    out.index = p->index;
    out.ordinal = p->ordinal;
  }
  return true;
}

void idempotency_window::add(hash128 id, std::uint64_t index, std::uint32_t ordinal,
                             std::uint64_t fingerprint, engine::Outcome outcome, timestamp stamp) {
  check(ordinal <= 0xFFFF);
  if (slot_of(id) != no_slot) return;  // the first outcome stands
  const auto now_s = seconds(stamp);
  const auto age_s = static_cast<std::uint64_t>(limits_.age_us_max / 1'000'000);
  while (live_ > 0 && rows_[position(first_)].index != index &&
         (live_ >= limits_.ids_max || stamps_[position(first_)] + age_s < now_s))
    evict_first_entry();
  row r;
  r.id = id;
  r.fingerprint = fingerprint;
  r.index = index;
  r.ordinal = ordinal;
  insert(r, now_s, outcome);
}

void idempotency_window::settle(hash128 id, std::uint64_t index, std::uint32_t ordinal,
                                engine::Outcome outcome) {
  const auto slot = slot_of(id);
  if (slot == no_slot || outcomes_[table_[slot] - 1] != engine::Outcome::pending) return;
  settles_.push_back({index, id, ordinal, outcome});
  apply_settle(settles_.back());
}

void idempotency_window::apply_settle(const settled& s) {
  const auto slot = slot_of(s.id);
  if (slot == no_slot) return;
  outcomes_[table_[slot] - 1] = s.outcome;
  settled_[s.id] = {s.index, s.ordinal};
}

void idempotency_window::insert(const row& r, std::uint32_t stamp_s, engine::Outcome outcome) {
  if (live_ == rows_.size()) grow_rows();
  if (table_.size() < (live_ + 1) * 2) rebuild_table(std::max<std::size_t>(64, table_.size() * 2));
  const auto i = position(first_ + live_);
  rows_[i] = r;
  stamps_[i] = stamp_s;
  outcomes_[i] = outcome;
  ++live_;
  std::size_t slot = home(r.id) & (table_.size() - 1);
  while (table_[slot] != 0) slot = (slot + 1) & (table_.size() - 1);
  table_[slot] = static_cast<std::uint32_t>(i + 1);
}

void idempotency_window::evict_first_entry() {
  const std::uint64_t index = rows_[position(first_)].index;
  horizon_ = timestamp::from_micros((std::int64_t{stamps_[position(first_)]} + 1) * 1'000'000);
  while (live_ > 0 && rows_[position(first_)].index == index) {
    const auto id = rows_[position(first_)].id;
    erase_slot(slot_of(id));
    if (!settled_.empty()) settled_.erase(id);
    ++first_;
    --live_;
  }
  while (!settles_.empty() && settles_.front().index <= index) settles_.pop_front();
}

void idempotency_window::erase_slot(std::size_t slot) {
  check(slot != no_slot);
  const auto mask = table_.size() - 1;
  std::size_t hole = slot;
  table_[hole] = 0;
  for (std::size_t i = (hole + 1) & mask; table_[i] != 0; i = (i + 1) & mask) {
    const auto want = home(rows_[table_[i] - 1].id) & mask;
    if (((i - want) & mask) < ((i - hole) & mask)) continue;
    table_[hole] = table_[i];
    table_[i] = 0;
    hole = i;
  }
}

std::size_t idempotency_window::slot_of(hash128 id) const {
  if (live_ == 0) return no_slot;
  const auto mask = table_.size() - 1;
  for (std::size_t i = home(id) & mask; table_[i] != 0; i = (i + 1) & mask)
    if (rows_[table_[i] - 1].id == id) return i;
  return no_slot;
}

void idempotency_window::grow_rows() {
  const std::size_t size = std::max<std::size_t>(64, rows_.size() * 2);
  std::vector<row> rows(size);
  std::vector<engine::Outcome> outcomes(size);
  std::vector<std::uint32_t> stamps(size);
  for (std::size_t n = 0; n < live_; ++n) {
    rows[n] = rows_[position(first_ + n)];
    outcomes[n] = outcomes_[position(first_ + n)];
    stamps[n] = stamps_[position(first_ + n)];
  }
  first_ = 0;
  rows_.swap(rows);
  outcomes_.swap(outcomes);
  stamps_.swap(stamps);
  rebuild_table(std::max<std::size_t>(64, table_.size()));
}

void idempotency_window::rebuild_table(std::size_t slots) {
  table_.assign(slots, 0);
  for (std::size_t n = 0; n < live_; ++n) {
    const auto i = position(first_ + n);
    std::size_t slot = home(rows_[i].id) & (slots - 1);
    while (table_[slot] != 0) slot = (slot + 1) & (slots - 1);
    table_[slot] = static_cast<std::uint32_t>(i + 1);
  }
}

bool idempotency_window::expired(std::string_view key, timestamp now) const {
  const auto made = uuid7_time(key);
  if (!made.given()) return false;
  return made < horizon_ || made.micros() + limits_.age_us_max < now.micros();
}

std::uint64_t idempotency_window::first_index() const {
  return live_ == 0 ? 0 : rows_[position(first_)].index;
}

bytes idempotency_window::entry_row(std::uint64_t index) const {
  std::size_t low = 0;
  std::size_t high = live_;
  while (low < high) {
    const auto mid = (low + high) / 2;
    if (rows_[position(first_ + mid)].index < index)
      low = mid + 1;
    else
      high = mid;
  }
  std::size_t end = low;
  while (end < live_ && rows_[position(first_ + end)].index == index) ++end;
  auto s = std::lower_bound(settles_.begin(), settles_.end(), index,
                            [](const settled& a, std::uint64_t i) { return a.index < i; });
  auto s_end = s;
  while (s_end != settles_.end() && s_end->index == index) ++s_end;
  if (end == low && s == s_end) return {};
  row_writer out;
  out.u32(end == low ? 0 : stamps_[position(first_ + low)])
      .u32(static_cast<std::uint32_t>(end - low));
  for (std::size_t n = low; n < end; ++n) {
    const auto i = position(first_ + n);
    const bool was_pending = settled_.contains(rows_[i].id);
    const auto outcome = was_pending ? engine::Outcome::pending : outcomes_[i];
    out.id(rows_[i].id).u64(rows_[i].fingerprint).u16(static_cast<std::uint16_t>(rows_[i].ordinal));
    out.u8(static_cast<std::uint8_t>(outcome));
  }
  out.u32(static_cast<std::uint32_t>(s_end - s));
  for (; s != s_end; ++s) out.id(s->id).u32(s->ordinal).u8(static_cast<std::uint8_t>(s->outcome));
  return out.seal();
}

result<void> idempotency_window::load_entry(std::uint64_t index, bytes_view stored) {
  auto in = row_reader::open(stored, "window");
  if (!in) return std::move(in).error();
  const auto stamp_s = in->u32();
  for (std::uint32_t n = in->u32(); n > 0 && in->ok(); --n) {
    row r;
    r.id = in->id();
    r.fingerprint = in->u64();
    r.index = index;
    r.ordinal = in->u16();
    const auto outcome = static_cast<engine::Outcome>(in->u8());
    if (slot_of(r.id) == no_slot) insert(r, stamp_s, outcome);
  }
  for (std::uint32_t n = in->u32(); n > 0 && in->ok(); --n) {
    settled s;
    s.index = index;
    s.id = in->id();
    s.ordinal = in->u32();
    s.outcome = static_cast<engine::Outcome>(in->u8());
    if (slot_of(s.id) == no_slot) continue;
    settles_.push_back(s);
    apply_settle(s);
  }
  if (!in->ok()) return error{"state.damaged", "window: the row is short"};
  return {};
}

std::uint64_t idempotency_window::hash() const {
  std::uint64_t h = XXH3_64bits(&horizon_, sizeof horizon_);
  for (std::size_t n = 0; n < live_; ++n) {
    const auto i = position(first_ + n);
    const auto* p = settled_.find(rows_[i].id);
    const std::uint64_t fields[] = {
        rows_[i].id.hi, rows_[i].id.lo,   rows_[i].fingerprint,
        rows_[i].index, rows_[i].ordinal, static_cast<std::uint64_t>(outcomes_[i]),
        stamps_[i],     p ? p->index : 0, p ? p->ordinal : 0};
    h = XXH3_64bits_withSeed(fields, sizeof fields, h);
  }
  return h;
}

std::size_t idempotency_window::memory() const {
  return rows_.size() * (sizeof(row) + 1 + sizeof(std::uint32_t)) +
         table_.size() * sizeof(std::uint32_t) + settles_.size() * sizeof(settled) +
         settled_.size() * 64;
}

hash128 command_key(std::string_view principal, std::string_view plant, std::string_view key) {
  XXH3_state_t state;
  XXH3_128bits_reset(&state);
  for (const auto part : {principal, plant, key}) {
    const auto size = static_cast<std::uint32_t>(part.size());
    XXH3_128bits_update(&state, &size, sizeof size);
    XXH3_128bits_update(&state, part.data(), part.size());
  }
  const auto h = XXH3_128bits_digest(&state);
  return {h.high64, h.low64 | 1};  // never zero, which means none
}

std::uint64_t command_fingerprint(std::string_view local_address, std::uint8_t command,
                                  bytes_view body) {
  const auto head = XXH3_64bits_withSeed(local_address.data(), local_address.size(), command);
  return XXH3_64bits_withSeed(body.data(), body.size(), head);
}

timestamp uuid7_time(std::string_view key) {
  if (key.size() != 36 || key[14] != '7') return {};
  std::uint64_t ms = 0;
  for (std::size_t i = 0; i < 36; ++i) {
    const char c = key[i];
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (c != '-') return {};
      continue;
    }
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return {};
    if (i < 13) ms = ms << 4 | static_cast<std::uint64_t>(digit);
  }
  return timestamp::from_micros(static_cast<std::int64_t>(ms) * 1000);
}

}  // namespace millrace
