// Sealing and reading rows of the state environment.
// The checksum is CRC32C, as in the journal.
#include "cluster/row.hpp"

#include "cluster/crc32c.hpp"

namespace millrace {

bytes row_writer::seal() {
  const std::uint32_t sum = crc32c(out_);
  u32(sum);
  return std::move(out_);
}

result<row_reader> row_reader::open(bytes_view row, std::string_view what) {
  std::uint32_t sum = 0;
  if (row.size() < sizeof sum)
    return error{"state.damaged", std::string(what) + ": the row is too short"};
  const auto fields = row.first(row.size() - sizeof sum);
  std::memcpy(&sum, row.data() + fields.size(), sizeof sum);
  if (sum != crc32c(fields))
    return error{"state.damaged", std::string(what) + ": the row's checksum does not match"};
  return row_reader(fields);
}

bytes_view row_reader::blob() {
  const auto n = u32();
  if (rest_.size() < n) {
    ok_ = false;
    rest_ = {};
    return {};
  }
  const auto out = rest_.first(n);
  rest_ = rest_.subspan(n);
  return out;
}

void append_key(std::string& key, std::uint64_t v) {
  for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>(v >> shift));
}

void append_key32(std::string& key, std::uint32_t v) {
  for (int shift = 24; shift >= 0; shift -= 8) key.push_back(static_cast<char>(v >> shift));
}

std::uint64_t key_number(std::string_view key) {
  if (key.size() < 8) return 0;
  std::uint64_t v = 0;
  for (std::size_t i = 0; i < 8; ++i) v = v << 8 | static_cast<std::uint8_t>(key[i]);
  return v;
}

}  // namespace millrace
