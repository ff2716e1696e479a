// Bytes of the journal environment. Every value is under a CRC that covers its key as well,
// so that a row that LMDB hands out under the wrong key is found.
#include "cluster/journal_rows.hpp"

#include "cluster/crc32c.hpp"

namespace millrace::journal_rows {

namespace {

constexpr std::uint8_t peer_mark = 2;

template <class Number>
void big_endian(std::uint8_t* to, Number v) {
  for (std::size_t i = 0; i < sizeof v; ++i)
    to[i] = static_cast<std::uint8_t>(v >> (8 * (sizeof v - 1 - i)));
}

template <class Number>
Number big_endian(const std::uint8_t* from) {
  Number v = 0;
  for (std::size_t i = 0; i < sizeof v; ++i) v = static_cast<Number>(v << 8 | from[i]);
  return v;
}

/// One field's value, nothing when the row is not there.
result<std::optional<bytes_view>> read_field(store_snapshot& snapshot, group_number number,
                                             field what) {
  const auto key = field_key(number, what);
  auto row = snapshot.get(journal_table::groups, key);
  if (!row) return row.error();
  if (!row->has_value()) return std::optional<bytes_view>();
  auto value = unseal(key, **row);
  if (!value) return damaged(number, 0, value.error().detail);
  return std::optional<bytes_view>(*value);
}

bool parse(bytes_view value, hard_state& to) {
  reader in(value);
  to.term = in.number<term_number>();
  to.voted_for = in.number<node_number>();
  return in.done();
}

bool parse(bytes_view value, journal_anchor& to) {
  reader in(value);
  to.index = in.number<journal_index>();
  to.term = in.number<term_number>();
  in.raw(to.chain);
  return in.done();
}

bool parse(bytes_view value, group_snapshot& to) {
  reader in(value);
  to.index = in.number<journal_index>();
  to.term = in.number<term_number>();
  to.configuration_index = in.number<journal_index>();
  to.configuration.assign(in.rest().begin(), in.rest().end());
  return in.ok();
}

bool parse(bytes_view value, acknowledgements& to) {
  reader in(value);
  while (in.ok() && !in.done()) {
    const auto node = in.number<node_number>();
    acknowledgement& a = to[node];
    a.who.incarnation = in.number<std::uint64_t>();
    a.who.boots = in.number<std::uint64_t>();
    a.term = in.number<term_number>();
    a.index = in.number<journal_index>();
  }
  return in.ok();
}

bool parse(bytes_view value, journal_index& to) {
  reader in(value);
  to = in.number<journal_index>();
  return in.done();
}

}  // namespace

error damaged(group_number group, journal_index index, const std::string& what) {
  return error{"journal.damaged", "group " + std::to_string(group) +
                                      (index == 0 ? "" : " index " + std::to_string(index)) + ": " +
                                      what};
}

entry_key_bytes entry_key(group_number group, journal_index index) {
  entry_key_bytes key{};
  big_endian(key.data(), group);
  big_endian(key.data() + 4, index);
  return key;
}

field_key_bytes field_key(group_number group, field what) {
  field_key_bytes key{};
  big_endian(key.data(), group);
  key[4] = static_cast<std::uint8_t>(what);
  return key;
}

std::array<std::uint8_t, 9> peer_key(node_number node) {
  std::array<std::uint8_t, 9> key{peer_mark};
  big_endian(key.data() + 1, node);
  return key;
}

result<std::map<node_number, std::uint64_t>> read_peers(store_snapshot& snapshot) {
  std::map<node_number, std::uint64_t> out;
  auto cursor = snapshot.scan(journal_table::node);
  if (!cursor) return cursor.error();
  auto found = (*cursor)->seek(peer_key(0));
  for (; found && *found; found = (*cursor)->next()) {
    const auto key = (*cursor)->key();
    if (key.size() != peer_key(0).size() || key[0] != peer_mark) break;
    const auto value = unseal(key, (*cursor)->value());
    if (!value) return value.error();
    out[big_endian<node_number>(key.data() + 1)] = reader(*value).number<std::uint64_t>();
  }
  if (!found) return found.error();
  return out;
}

std::optional<std::pair<group_number, journal_index>> parse_entry_key(bytes_view key) {
  if (key.size() != sizeof(entry_key_bytes)) return std::nullopt;
  return std::pair(big_endian<group_number>(key.data()), big_endian<journal_index>(key.data() + 4));
}

std::optional<std::pair<group_number, std::uint8_t>> parse_field_key(bytes_view key) {
  if (key.size() != sizeof(field_key_bytes)) return std::nullopt;
  return std::pair(big_endian<group_number>(key.data()), key[4]);
}

std::array<std::uint8_t, journal_head_bytes> entry_head(const entry_key_bytes& key,
                                                        const log_entry& entry,
                                                        const chain_hash& chain) {
  std::array<std::uint8_t, journal_head_bytes> head{};
  head[4] = static_cast<std::uint8_t>(entry.type);
  std::memcpy(head.data() + 5, &entry.term, 8);
  std::memcpy(head.data() + 13, chain.data(), chain.size());
  std::uint32_t crc = crc32c(bytes_view(head).subspan(4), crc32c(key));
  if (entry.payload) crc = crc32c(*entry.payload, crc);
  std::memcpy(head.data(), &crc, 4);
  return head;
}

result<journal_entry> parse_entry(bytes_view key, bytes_view value, bool with_payload) {
  const auto where = parse_entry_key(key);
  if (!where) return error{"journal.damaged", "an entry's key has the wrong length"};
  if (value.size() < journal_head_bytes) return damaged(where->first, where->second, "too short");
  std::uint32_t crc = 0;
  std::memcpy(&crc, value.data(), 4);
  if (crc != crc32c(value.subspan(4), crc32c(key)))
    return damaged(where->first, where->second, "the CRC does not match");
  if (value[4] < 1 || value[4] > 3) return damaged(where->first, where->second, "unknown type");
  journal_entry out;
  out.entry.index = where->second;
  out.entry.type = static_cast<entry_type>(value[4]);
  std::memcpy(&out.entry.term, value.data() + 5, 8);
  std::memcpy(out.chain.data(), value.data() + 13, out.chain.size());
  const bytes_view payload = value.subspan(journal_head_bytes);
  if (with_payload)
    out.entry.payload = std::make_shared<const bytes>(payload.begin(), payload.end());
  return out;
}

bytes seal(bytes_view key, bytes_view value) {
  bytes out;
  out.reserve(4 + value.size());
  writer(out).number(crc32c(value, crc32c(key))).raw(value);
  return out;
}

result<bytes_view> unseal(bytes_view key, bytes_view value) {
  reader in(value);
  const auto crc = in.number<std::uint32_t>();
  if (!in.ok() || crc != crc32c(in.rest(), crc32c(key)))
    return error{"journal.damaged", "the CRC of the metadata does not match"};
  return in.rest();
}

void put_field(write_batch& to, group_number group, field what, bytes_view value) {
  const auto key = field_key(group, what);
  to.put(journal_table::groups, key, seal(key, value));
}

void erase_field(write_batch& to, group_number group, field what) {
  to.erase(journal_table::groups, field_key(group, what));
}

bytes encode(const hard_state& v) {
  bytes out;
  writer(out).number(v.term).number(v.voted_for);
  return out;
}

bytes encode(const journal_anchor& v) {
  bytes out;
  writer(out).number(v.index).number(v.term).raw(v.chain);
  return out;
}

bytes encode(const group_snapshot& v) {
  bytes out;
  writer(out).number(v.index).number(v.term).number(v.configuration_index).raw(v.configuration);
  return out;
}

bytes encode(const acknowledgements& v) {
  bytes out;
  for (const auto& [node, a] : v)
    writer(out)
        .number(node)
        .number(a.who.incarnation)
        .number(a.who.boots)
        .number(a.term)
        .number(a.index);
  return out;
}

result<journal_group> read_group(store_snapshot& snapshot, group_number number) {
  journal_group g;
  g.number = number;
  for (const field what : {field::name, field::hard, field::anchor, field::committed,
                           field::snapshot, field::acknowledged, field::history}) {
    auto value = read_field(snapshot, number, what);
    if (!value) return value.error();
    if (!value->has_value() && (what == field::acknowledged || what == field::history))
      continue;  // it never led followers; it misses no history
    bool ok = value->has_value();
    if (ok) switch (what) {
        case field::name: {
          reader in(**value);
          g.generation = in.number<std::uint32_t>();
          g.name.assign(in.rest().begin(), in.rest().end());
          ok = in.ok() && !g.name.empty();
          break;
        }
        case field::hard:
          ok = parse(**value, g.hard);
          break;
        case field::anchor:
          ok = parse(**value, g.anchor);
          break;
        case field::committed:
          ok = parse(**value, g.committed);
          break;
        case field::snapshot:
          ok = parse(**value, g.snapshot);
          break;
        case field::acknowledged:
          ok = parse(**value, g.acknowledged);
          break;
        case field::history:
          ok = parse(**value, g.history_from);
          break;
      }
    if (!ok)
      return damaged(
          number, 0,
          "metadata field " + std::to_string(static_cast<int>(what)) + " is missing or malformed");
  }
  return g;
}

}  // namespace millrace::journal_rows
