#include "cluster/snapshot_serve.hpp"

#include <algorithm>

#include "cluster/check.hpp"

namespace millrace {

namespace {

constexpr std::uint64_t us_per_second = 1'000'000;

}  // namespace

snapshot_serve::snapshot_serve(snapshot_serve_limits limits) : limits_(limits) {
  check(limits_.burst_bytes >= snapshot_part_bytes);
  check(limits_.bytes_per_second > 0);
}

std::optional<snapshot_gone> snapshot_serve::ask(node_number from, const snapshot_ask& ask,
                                                 const std::optional<snapshot_file>& file) {
  const auto same = std::ranges::find_if(
      waiting_, [&](const transfer& t) { return t.to == from && t.of.plant == ask.of.plant; });
  const bool known = same != waiting_.end();
  if (!file || file->size == 0) {
    if (known) waiting_.erase(same);
    return snapshot_gone{ask.of};
  }
  const auto end_of = [&](std::uint64_t begin, std::uint64_t length) {
    return begin + std::min({length, snapshot_window_bytes, file->size - begin});
  };
  if (known && same->of == ask.of && same->file == *file && same->end == ask.offset) {
    same->end = end_of(same->next, ask.offset - same->next + std::min(ask.length, file->size));
    return std::nullopt;
  }
  if (!known && waiting_.size() >= limits_.transfers_max) {
    ++refused_;
    return std::nullopt;  // the peer asks again
  }
  // The peer has bytes of another, longer file: the first part of ours tells it so.
  const auto begin = ask.offset < file->size ? ask.offset : 0;
  transfer next{from, ask.of, *file, begin, end_of(begin, ask.length)};
  if (next.next == next.end) return std::nullopt;
  if (known)
    *same = std::move(next);
  else
    waiting_.push_back(std::move(next));
  return std::nullopt;
}

std::vector<snapshot_serve::read> snapshot_serve::turn(std::uint64_t now_us) {
  const auto since = filled_us_ ? now_us - std::min(now_us, *filled_us_) : us_per_second;
  // More than a second of waiting fills the bucket anyway.
  const auto gained = std::min(since, us_per_second) * limits_.bytes_per_second / us_per_second;
  credit_ = std::min(credit_ + gained, limits_.burst_bytes);
  if (gained > 0) filled_us_ = now_us;
  std::vector<read> out;
  while (!waiting_.empty()) {
    auto t = waiting_.front();
    const auto length = std::min<std::uint64_t>(snapshot_part_bytes, t.end - t.next);
    if (credit_ < length) break;
    credit_ -= length;
    out.push_back({t.to, t.of, t.file, t.next, static_cast<std::uint32_t>(length)});
    t.next += length;
    waiting_.erase(waiting_.begin());
    if (t.next < t.end) waiting_.push_back(std::move(t));
  }
  return out;
}

std::optional<std::uint64_t> snapshot_serve::next_us() const {
  if (waiting_.empty()) return std::nullopt;
  const auto& t = waiting_.front();
  const auto length = std::min<std::uint64_t>(snapshot_part_bytes, t.end - t.next);
  if (credit_ >= length || !filled_us_) return filled_us_.value_or(0);
  const auto lacking = (length - credit_) * us_per_second;
  return *filled_us_ + (lacking + limits_.bytes_per_second - 1) / limits_.bytes_per_second;
}

void snapshot_serve::forget(node_number peer) {
  std::erase_if(waiting_, [&](const transfer& t) { return t.to == peer; });
}

void snapshot_serve::forget(const snapshot_name& of) {
  std::erase_if(waiting_, [&](const transfer& t) { return t.of == of; });
}

}  // namespace millrace
