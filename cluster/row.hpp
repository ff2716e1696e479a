// Rows of the state environment: little-endian fields behind each other, sealed by a checksum.
// LMDB has no page checksums, so a flipped bit must be seen by whoever reads the row
// (reliability.md).
//
//   row    := field* checksum:u32          checksum over all fields
//   field  := u8 | u16 | u32 | u64 | string (length:u32, bytes)
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "schemas/model.hpp"
#include "schemas/native.hpp"
#include "schemas/result.hpp"

namespace millrace {

/// Writes one row; `seal` ends it.
class row_writer {
 public:
  row_writer& u8(std::uint8_t v) { return raw(&v, sizeof v); }
  row_writer& u16(std::uint16_t v) { return raw(&v, sizeof v); }
  row_writer& u32(std::uint32_t v) { return raw(&v, sizeof v); }
  row_writer& u64(std::uint64_t v) { return raw(&v, sizeof v); }
  row_writer& time(timestamp v) { return u64(static_cast<std::uint64_t>(v.micros())); }
  row_writer& id(hash128 v) { return u64(v.hi).u64(v.lo); }
  row_writer& text(std::string_view v) {
    return u32(static_cast<std::uint32_t>(v.size())).raw(v.data(), v.size());
  }
  row_writer& blob(bytes_view v) {
    return u32(static_cast<std::uint32_t>(v.size())).raw(v.data(), v.size());
  }
  /// The finished row with its checksum.
  [[nodiscard]] bytes seal();

 private:
  row_writer& raw(const void* p, std::size_t n) {
    if (n == 0) return *this;
    const auto at = out_.size();
    out_.resize(at + n);
    std::memcpy(out_.data() + at, p, n);
    return *this;
  }
  bytes out_;
};

/// Reads a row's fields in order. After a short row every field reads as zero and `ok` is false.
class row_reader {
 public:
  /// Checks the seal. Error: state.damaged, naming `what`.
  [[nodiscard]] static result<row_reader> open(bytes_view row, std::string_view what);
  [[nodiscard]] std::uint8_t u8() { return number<std::uint8_t>(); }
  [[nodiscard]] std::uint16_t u16() { return number<std::uint16_t>(); }
  [[nodiscard]] std::uint32_t u32() { return number<std::uint32_t>(); }
  [[nodiscard]] std::uint64_t u64() { return number<std::uint64_t>(); }
  [[nodiscard]] timestamp time() {
    return timestamp::from_micros(static_cast<std::int64_t>(u64()));
  }
  [[nodiscard]] hash128 id() {
    const auto hi = u64();
    return {hi, u64()};
  }
  [[nodiscard]] std::string_view text() {
    const auto b = blob();
    return {reinterpret_cast<const char*>(b.data()), b.size()};
  }
  [[nodiscard]] bytes_view blob();
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  explicit row_reader(bytes_view fields) : rest_(fields) {}
  template <class T>
  T number() {
    T v = 0;
    if (rest_.size() < sizeof v) {
      ok_ = false;
      rest_ = {};
      return v;
    }
    std::memcpy(&v, rest_.data(), sizeof v);
    rest_ = rest_.subspan(sizeof v);
    return v;
  }
  bytes_view rest_;
  bool ok_ = true;
};

/// Appends `v` big-endian, so that keys sort as numbers.
void append_key(std::string& key, std::uint64_t v);
void append_key32(std::string& key, std::uint32_t v);
/// Reads what append_key wrote; 0 when `key` is too short.
[[nodiscard]] std::uint64_t key_number(std::string_view key);

}  // namespace millrace
