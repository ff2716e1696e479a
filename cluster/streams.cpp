// Sender's and receiver's side of message streams, and their rows.
// Rows of messages are written and erased by ranges of numbers: what came and went between two
// checkpoints costs nothing.
#include "cluster/streams.hpp"

#include <algorithm>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "cluster/check.hpp"

namespace millrace {

namespace {
bytes packed_message(const engine::MessageT& m) {
  flatbuffers::FlatBufferBuilder builder(512);
  builder.Finish(engine::Message::Pack(builder, &m));
  return bytes(builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize());
}
}  // namespace

std::size_t message_bytes(const engine::MessageT& m) {
  std::size_t n = 200 + m.body.size() + m.detail.size();
  for (const auto& e : m.events) n += e->body.size() + 16;
  for (const auto& f : m.found) n += f.size() + 8;
  return n;
}

std::uint64_t out_stream::file(shared_message message, std::uint64_t index) {
  bytes_ += message_bytes(*message);
  kept_.push_back({next_, std::move(message), index});
  dirty_ = true;
  return next_++;
}

bool out_stream::acknowledge(std::uint64_t watermark, std::size_t keep) {
  watermark = std::min(watermark, next_ - 1);
  if (watermark >= rewound_to_) rewound_to_ = nowhere;
  if (watermark <= acked_) return false;
  for (std::uint64_t n = acked_ + 1; n <= watermark; ++n)
    bytes_ -= message_bytes(*find(n)->message);
  acked_ = watermark;
  taken_ = std::max(taken_, acked_);
  while (!kept_.empty() && kept_.front().number + keep <= acked_) kept_.pop_front();
  dirty_ = true;
  return true;
}

bool out_stream::rewind(std::uint64_t watermark) {
  if (watermark >= acked()) return true;
  if (kept_.empty() || kept_.front().number > watermark + 1) return false;
  rewound_to_ = taken_ = watermark;
  return true;
}

void out_stream::advance(std::uint64_t watermark) {
  if (rewound_to_ == nowhere || watermark <= rewound_to_) return;
  rewound_to_ = watermark < acked_ ? watermark : nowhere;
  taken_ = std::max(taken_, watermark);
}

const numbered_message* out_stream::find(std::uint64_t number) const {
  if (kept_.empty() || number < kept_.front().number || number > kept_.back().number)
    return nullptr;
  return &kept_[number - kept_.front().number];
}

std::vector<numbered_message> out_stream::take(std::size_t limit, std::size_t bytes_max) {
  std::vector<numbered_message> out;
  std::size_t size = 0;
  while (has_work() && out.size() < limit) {
    const auto* m = find(taken_ + 1);
    check(m != nullptr);
    size += message_bytes(*m->message);
    if (size > bytes_max && !out.empty()) break;
    out.push_back(*m);
    ++taken_;
  }
  return out;
}

bool in_stream::finish(std::uint64_t number) {
  if (number <= watermark_ || number > watermark_ + stream_window) return false;
  const auto at = static_cast<std::size_t>(number - watermark_ - 1);
  if (at >= above_.size()) above_.resize(at + 1, false);
  if (above_[at]) return false;
  above_[at] = true;
  while (!above_.empty() && above_.front()) {
    above_.pop_front();
    ++watermark_;
  }
  received_ = std::max(received_, watermark_);
  dirty_ = true;
  return true;
}

bool in_stream::is_done(std::uint64_t number) const {
  if (number <= watermark_) return true;
  const auto at = static_cast<std::size_t>(number - watermark_ - 1);
  return at < above_.size() && above_[at];
}

bool in_stream::receive(std::uint64_t number) {
  if (number != received_ + 1 || number > watermark_ + stream_window) return false;
  received_ = number;
  return !is_done(number);
}

out_stream& stream_table::out(std::string_view plant, Lane lane) {
  return out_[out_key{std::string(plant), lane}];
}

in_stream& stream_table::in(std::string_view plant, std::uint32_t generation, Lane lane) {
  return in_[in_key{std::string(plant), generation, lane}];
}

void stream_table::restart() {
  for (auto& [key, s] : out_) {
    s.rewound_to_ = out_stream::nowhere;
    s.restart();
  }
  for (auto& [key, s] : in_) s.restart();
}

void stream_table::resend(std::string_view own_plant, std::int64_t now_us) {
  for (auto& [key, s] : out_)
    if (key.plant != own_plant && s.under_way() && s.sent_at_us_ + stream_resend_us <= now_us)
      s.restart();
}

std::uint64_t stream_table::waiting_to(std::string_view plant) const {
  std::uint64_t n = 0;
  for (const auto& [key, s] : out_)
    if (key.plant == plant) n += s.waiting();
  return n;
}

std::uint64_t stream_table::waiting(std::string_view plant, Lane lane) const {
  const auto it = out_.find(out_key{std::string(plant), lane});
  return it == out_.end() ? 0 : it->second.waiting();
}

// Keys: 'i' lane:u8 generation:u32 plant          -> watermark:u64 count:u32 bits
//       'm' plant NUL lane:u8 number:u64          -> message
//       'o' plant NUL lane:u8                     -> next:u64 acked:u64
std::vector<std::pair<std::string, bytes>> stream_table::take_dirty() {
  std::vector<std::pair<std::string, bytes>> rows;
  for (auto& [key, s] : in_) {
    if (!s.dirty_) continue;
    s.dirty_ = false;
    std::string k = "i";
    k.push_back(static_cast<char>(key.lane));
    append_key32(k, key.generation);
    k += key.plant;
    row_writer w;
    w.u64(s.watermark_).u32(static_cast<std::uint32_t>(s.above_.size()));
    for (const bool done : s.above_) w.u8(done ? 1 : 0);
    rows.emplace_back(std::move(k), w.seal());
  }
  for (auto& [key, s] : out_) {
    if (!s.dirty_) continue;
    s.dirty_ = false;
    std::string tail = key.plant + '\0';
    tail.push_back(static_cast<char>(key.lane));
    const std::uint64_t first = s.kept_.empty() ? s.next_ : s.kept_.front().number;
    const auto row_key = [&](std::uint64_t number) {
      std::string k = 'm' + tail;
      append_key(k, number);
      return k;
    };
    for (std::uint64_t n = std::max<std::uint64_t>(s.erased_to_, 1);
         n < std::min(first, s.written_to_); ++n)
      rows.emplace_back(row_key(n), bytes());
    for (std::uint64_t n = std::max(first, s.written_to_); n < s.next_; ++n)
      rows.emplace_back(
          row_key(n),
          row_writer().blob(packed_message(*s.find(n)->message)).u64(s.find(n)->index).seal());
    s.erased_to_ = first;
    s.written_to_ = s.next_;
    rows.emplace_back('o' + tail, row_writer().u64(s.next_).u64(s.acked_).seal());
  }
  return rows;
}

result<void> stream_table::load(std::string_view key, bytes_view row) {
  const error damaged{"state.damaged", "streams: a key is not one of ours"};
  auto in = row_reader::open(row, "streams");
  if (!in) return std::move(in).error();
  if (key.size() < 2) return damaged;
  if (key[0] == 'i') {
    if (key.size() < 6) return damaged;
    std::uint32_t generation = 0;
    for (std::size_t i = 2; i < 6; ++i)
      generation = generation << 8 | static_cast<std::uint8_t>(key[i]);
    auto& s = in_[in_key{std::string(key.substr(6)), generation, static_cast<Lane>(key[1])}];
    s.watermark_ = s.received_ = in->u64();
    s.above_.resize(in->u32());
    for (std::size_t i = 0; i < s.above_.size(); ++i) s.above_[i] = in->u8() != 0;
    return {};
  }
  const auto cut = key.find('\0');
  if (cut == std::string_view::npos || cut + 1 >= key.size()) return damaged;
  auto& s = out_[out_key{std::string(key.substr(1, cut - 1)), static_cast<Lane>(key[cut + 1])}];
  if (key[0] == 'm') {
    const auto number = key_number(key.substr(cut + 2));
    if (!s.kept_.empty() && number != s.kept_.back().number + 1) return damaged;
    const auto body = in->blob();
    const bytes aligned(body.begin(), body.end());
    flatbuffers::Verifier verifier(aligned.data(), aligned.size());
    if (!verifier.VerifyBuffer<engine::Message>(nullptr)) return damaged;
    auto message = std::make_shared<engine::MessageT>();
    flatbuffers::GetRoot<engine::Message>(aligned.data())->UnPackTo(message.get());
    s.kept_.push_back({number, std::move(message), in->at_end() ? 0 : in->u64()});
    return {};
  }
  s.next_ = in->u64();
  s.acked_ = s.taken_ = in->u64();
  s.written_to_ = s.next_;
  s.erased_to_ = s.kept_.empty() ? s.next_ : s.kept_.front().number;
  for (const auto& m : s.kept_)
    if (m.number > s.acked_) s.bytes_ += message_bytes(*m.message);
  if (s.waiting() > 0 && (s.kept_.empty() || s.kept_.back().number + 1 != s.next_)) return damaged;
  return {};
}

std::uint64_t stream_table::oldest_index() const {
  std::uint64_t first = 0;
  for (const auto& [key, s] : out_)
    for (const auto& m : s.kept_) {
      if (m.number <= s.acked() || m.index == 0) continue;
      if (first == 0 || m.index < first) first = m.index;
      break;  // they rise with the journal
    }
  return first;
}

std::uint64_t stream_table::hash() const {
  std::uint64_t h = 0;
  for (const auto& [key, s] : in_) {
    if (s.watermark_ == 0 && s.above_.empty()) continue;  // only looked at
    const std::uint64_t fields[] = {key.generation, static_cast<std::uint64_t>(key.lane),
                                    s.watermark_};
    h = XXH3_64bits_withSeed(fields, sizeof fields,
                             XXH3_64bits_withSeed(key.plant.data(), key.plant.size(), h));
    for (std::size_t i = 0; i < s.above_.size(); ++i)
      if (s.above_[i]) h = XXH3_64bits_withSeed(&i, sizeof i, h);
  }
  for (const auto& [key, s] : out_) {
    if (s.next_ == 1) continue;
    const std::uint64_t fields[] = {static_cast<std::uint64_t>(key.lane), s.next_, s.acked_};
    h = XXH3_64bits_withSeed(fields, sizeof fields,
                             XXH3_64bits_withSeed(key.plant.data(), key.plant.size(), h));
    for (const auto& m : s.kept_) {
      if (m.number <= s.acked_) continue;
      const auto content = packed_message(*m.message);
      h = XXH3_64bits_withSeed(content.data(), content.size(), h);
    }
  }
  return h;
}

}  // namespace millrace
