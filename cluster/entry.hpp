// A plant's journal entry: the stamp and the records of one turn, as they stand in the Raft log.
//
//   entry  := version:u8=1 zero:u8[3] count:u32 stamp:i64 record*count        little-endian
//   record := length:u32 zero:u32 table:u8[length] zero:u8[(8 - length % 8) % 8]
//
// `table` is a finished FlatBuffer of engine::Record. Every table starts at a multiple of 8 from
// the entry's start, so that a record can be read in place when the entry's bytes are aligned to 8
// (as those of a vector are).
#pragma once

#include <cstdint>
#include <iterator>
#include <memory>

#include "cluster/log_entry.hpp"
#include "schemas/engine/journal_generated.h"
#include "schemas/native.hpp"
#include "schemas/result.hpp"

namespace millrace {

inline constexpr std::size_t entry_head_bytes = 16;
inline constexpr std::size_t record_head_bytes = 8;
inline constexpr std::uint8_t entry_version = 1;
inline constexpr std::uint32_t record_depth_max = 16;
inline constexpr std::uint32_t record_tables_max = 10'000;

/// Collects the records of one entry. Single-threaded; reusable after finish().
class entry_builder {
 public:
  entry_builder();
  /// True when a record of that many bytes still fits.
  [[nodiscard]] bool fits(std::size_t record_bytes) const;
  /// Appends a finished FlatBuffer of engine::Record; it must fit.
  void add(bytes_view record);
  [[nodiscard]] std::uint32_t count() const { return count_; }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] std::size_t size_bytes() const { return buffer_->size(); }
  /// The entry's bytes; the builder begins anew.
  [[nodiscard]] shared_bytes finish(timestamp stamp);

 private:
  std::shared_ptr<bytes> buffer_;
  std::uint32_t count_ = 0;
};

/// Reads an entry in place; the bytes must outlive it.
class entry_view {
 public:
  /// Checks everything: grammar, every record with the FlatBuffers verifier, enums and unions in
  /// range. Error: journal.damaged.
  [[nodiscard]] static result<entry_view> verify(bytes_view entry);
  /// For bytes that this process built itself or has verified before; checks the head only.
  [[nodiscard]] static entry_view trusted(bytes_view entry);

  class iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = const engine::Record*;
    using difference_type = std::ptrdiff_t;
    using pointer = const value_type*;
    using reference = value_type;
    iterator() = default;
    iterator(const std::uint8_t* at, std::uint32_t ordinal) : at_(at), ordinal_(ordinal) {}
    const engine::Record* operator*() const;
    /// The record's bytes.
    [[nodiscard]] bytes_view record() const;
    /// Its place in the entry, from 0.
    [[nodiscard]] std::uint32_t ordinal() const { return ordinal_; }
    iterator& operator++();
    iterator operator++(int);
    bool operator==(const iterator& other) const { return ordinal_ == other.ordinal_; }

   private:
    const std::uint8_t* at_ = nullptr;
    std::uint32_t ordinal_ = 0;
  };

  [[nodiscard]] timestamp stamp() const;
  [[nodiscard]] std::uint32_t count() const;
  [[nodiscard]] iterator begin() const { return {entry_.data() + entry_head_bytes, 0}; }
  [[nodiscard]] iterator end() const { return {nullptr, count()}; }

 private:
  explicit entry_view(bytes_view entry) : entry_(entry) {}
  bytes_view entry_;
};

}  // namespace millrace
