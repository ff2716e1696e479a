// Builds and reads entries; see the grammar in the header.
// Reading back never trusts a length: the walk is checked once, then iteration is two additions.
#include "cluster/entry.hpp"

#include <cstring>
#include <string>
#include <utility>

#include "cluster/check.hpp"

namespace millrace {

namespace {

constexpr std::size_t padded(std::size_t n) { return (n + 7) & ~std::size_t{7}; }

std::uint32_t read_u32(const std::uint8_t* p) {
  std::uint32_t v = 0;
  std::memcpy(&v, p, 4);
  return v;
}

error damaged(std::string what) { return error{"journal.damaged", "entry: " + std::move(what)}; }

bool zero(bytes_view v) {
  for (const std::uint8_t b : v)
    if (b != 0) return false;
  return true;
}

/// What the verifier does not look at: enum values and unknown union members.
bool in_range(const engine::Record& r) {
  if (r.source() > engine::Source::host || r.outcome() > engine::Outcome::parked ||
      r.system() > System::ops)
    return false;
  if (r.effects() != nullptr)
    for (const engine::EffectBox* box : *r.effects())
      if (box->effect_type() > engine::Effect::Delivery || box->effect() == nullptr) return false;
  if (r.settles() != nullptr)
    for (const engine::Settle* s : *r.settles())
      if (s->outcome() > engine::Outcome::parked) return false;
  if (r.consumed() != nullptr && r.consumed()->lane() > Lane::rest) return false;
  if (r.unparked() != nullptr && r.unparked()->how() > engine::Unpark::discarded) return false;
  return r.delivery() == nullptr || r.delivery()->end() <= engine::DeliveryEnd::edited;
}

}  // namespace

entry_builder::entry_builder() : buffer_(std::make_shared<bytes>(entry_head_bytes)) {}

bool entry_builder::fits(std::size_t record_bytes) const {
  return record_bytes <= entry_bytes_max &&
         buffer_->size() + record_head_bytes + padded(record_bytes) <= entry_bytes_max;
}

void entry_builder::add(bytes_view record) {
  check(fits(record.size()));
  const std::size_t at = buffer_->size();
  buffer_->resize(at + record_head_bytes + padded(record.size()));
  const auto length = static_cast<std::uint32_t>(record.size());
  std::memcpy(buffer_->data() + at, &length, 4);
  std::memcpy(buffer_->data() + at + record_head_bytes, record.data(), record.size());
  ++count_;
}

shared_bytes entry_builder::finish(timestamp stamp) {
  const std::int64_t us = stamp.micros();
  (*buffer_)[0] = entry_version;
  std::memcpy(buffer_->data() + 4, &count_, 4);
  std::memcpy(buffer_->data() + 8, &us, 8);
  count_ = 0;
  return std::exchange(buffer_, std::make_shared<bytes>(entry_head_bytes));
}

result<entry_view> entry_view::verify(bytes_view entry) {
  if (entry.size() < entry_head_bytes || entry.size() > entry_bytes_max) return damaged("size");
  if (entry[0] != entry_version || !zero(entry.subspan(1, 3)))
    return damaged("version " + std::to_string(entry[0]));
  const std::uint32_t count = read_u32(entry.data() + 4);
  bytes_view rest = entry.subspan(entry_head_bytes);
  for (std::uint32_t i = 0; i < count; ++i) {
    if (rest.size() < record_head_bytes) return damaged("too short for its count");
    const std::size_t length = read_u32(rest.data());
    if (!zero(rest.subspan(4, 4))) return damaged("record head");
    rest = rest.subspan(record_head_bytes);
    if (length > rest.size() || padded(length) > rest.size()) return damaged("record length");
    if (!zero(rest.subspan(length, padded(length) - length))) return damaged("padding");
    flatbuffers::Verifier verifier(rest.data(), length, record_depth_max, record_tables_max);
    if (!verifier.VerifyBuffer<engine::Record>(nullptr))
      return damaged("record " + std::to_string(i) + " is no valid FlatBuffer");
    if (!in_range(*flatbuffers::GetRoot<engine::Record>(rest.data())))
      return damaged("record " + std::to_string(i) + " has a value out of range");
    rest = rest.subspan(padded(length));
  }
  if (!rest.empty()) return damaged("bytes after the last record");
  return entry_view(entry);
}

entry_view entry_view::trusted(bytes_view entry) {
  check(entry.size() >= entry_head_bytes);
  check(entry[0] == entry_version);
  return entry_view(entry);
}

timestamp entry_view::stamp() const {
  std::int64_t us = 0;
  std::memcpy(&us, entry_.data() + 8, 8);
  return timestamp::from_micros(us);
}

std::uint32_t entry_view::count() const { return read_u32(entry_.data() + 4); }

bytes_view entry_view::iterator::record() const {
  return bytes_view(at_ + record_head_bytes, read_u32(at_));
}

const engine::Record* entry_view::iterator::operator*() const {
  return flatbuffers::GetRoot<engine::Record>(at_ + record_head_bytes);
}

entry_view::iterator& entry_view::iterator::operator++() {
  at_ += record_head_bytes + padded(read_u32(at_));
  ++ordinal_;
  return *this;
}

entry_view::iterator entry_view::iterator::operator++(int) {
  iterator before = *this;
  ++*this;
  return before;
}

}  // namespace millrace
