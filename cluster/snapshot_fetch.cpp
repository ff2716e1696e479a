#include "cluster/snapshot_fetch.hpp"

#include <algorithm>
#include <utility>

#include "cluster/check.hpp"

namespace millrace {

void snapshot_fetch::resume(snapshot_staged found) {
  check(phase_ == phase::idle);
  staged_ = std::move(found);
}

void snapshot_fetch::offered(node_number from, const snapshot_name& of, std::uint64_t now_us) {
  if (phase_ == phase::verifying || phase_ == phase::installing || now_us < rests_until_us_) return;
  if (phase_ == phase::fetching) {
    const bool silent = now_us >= heard_us_ + limits_.silence_us_max;
    if (!silent || (from == from_ && of == wanted_)) return;
  }
  if (staged_ && staged_->of != of) drop_staged();
  phase_ = phase::fetching;
  from_ = from;
  wanted_ = of;
  heard_us_ = now_us;
  if (staged_ && staged_->bytes == staged_->file.size) return verify_staged();  // before a crash
  ask_anew(now_us);
}

void snapshot_fetch::part(node_number from, snapshot_part part, std::uint64_t now_us) {
  if (phase_ != phase::fetching || from != from_ || part.of != wanted_) return;
  if (part.file.size > limits_.file_bytes_max) return fail(now_us);
  heard_us_ = now_us;
  if (staged_ && staged_->file != part.file) {
    drop_staged();  // made anew over there: its beginning is needed first
    return ask_anew(now_us);
  }
  if (!staged_) staged_ = snapshot_staged{wanted_, part.file, 0};
  if (part.offset != staged_->bytes) return;  // repeated, or one before it was lost: asked again
  const auto length = part.content.size();
  actions_.emplace_back(write_staged{*staged_, std::move(part.content)});
  staged_->bytes += length;
  if (staged_->bytes == staged_->file.size) {
    verify_staged();
  } else if (staged_->bytes >= asked_to_ - std::min(asked_to_, snapshot_window_bytes / 2) &&
             asked_to_ < staged_->file.size) {
    ask(now_us);
  }
}

void snapshot_fetch::gone(node_number from, const snapshot_gone& gone) {
  if (phase_ != phase::fetching || from != from_ || gone.of != wanted_) return;
  phase_ = phase::idle;  // the next offer says what there is
}

void snapshot_fetch::verified(bool fits, std::uint64_t now_us) {
  check(phase_ == phase::verifying);
  if (!fits) return fail(now_us);
  phase_ = phase::installing;
  actions_.emplace_back(install{from_, wanted_});
}

void snapshot_fetch::installed(bool done, std::uint64_t now_us) {
  check(phase_ == phase::installing);
  if (!done) return fail(now_us);
  drop_staged();
  failures_in_row_ = 0;
  phase_ = phase::idle;
}

void snapshot_fetch::tick(std::uint64_t now_us) {
  if (phase_ == phase::fetching && now_us >= asked_us_ + limits_.ask_again_us &&
      now_us >= heard_us_ + limits_.ask_again_us)
    ask_anew(now_us);
}

std::vector<snapshot_fetch::action> snapshot_fetch::take() { return std::exchange(actions_, {}); }

void snapshot_fetch::ask_anew(std::uint64_t now_us) {
  asked_to_ = bytes();
  ask(now_us);
}

void snapshot_fetch::ask(std::uint64_t now_us) {
  asked_us_ = now_us;
  const auto begin = asked_to_;
  asked_to_ = bytes() + snapshot_window_bytes;
  actions_.emplace_back(send_ask{from_, {wanted_, begin, asked_to_ - begin}});
}

void snapshot_fetch::verify_staged() {
  phase_ = phase::verifying;
  actions_.emplace_back(verify{*staged_});
}

void snapshot_fetch::drop_staged() {
  if (staged_) actions_.emplace_back(discard{});
  staged_.reset();
}

void snapshot_fetch::fail(std::uint64_t now_us) {
  ++failures_;
  const auto doublings = std::min<std::uint32_t>(failures_in_row_++, 16);
  rests_until_us_ = now_us + std::min(limits_.rest_us << doublings, limits_.rest_us_max);
  drop_staged();
  phase_ = phase::idle;
}

}  // namespace millrace
