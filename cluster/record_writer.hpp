// Builds a journal record straight from the parts of a decision, without a native copy in between.
// One builder a thread; the only allocation left is the finished record.
#pragma once

#include <span>
#include <string_view>
#include <utility>

#include "cluster/cell.hpp"

namespace millrace {

/// The parts; all views must live until `write_record` returns.
struct record_parts {
  std::string_view actor;
  std::uint64_t sequence = 0;
  std::uint64_t previous = 0;
  engine::Source source = engine::Source::client;
  std::uint8_t command = 0;
  hash128 id;
  std::uint64_t fingerprint = 0;
  std::string_view principal;
  System system = System::none;
  std::string_view on_behalf_of;
  std::string_view correlation;
  std::string_view causation;
  engine::Outcome outcome = engine::Outcome::accepted;
  std::string_view code;
  std::string_view detail;
  std::span<const packed> events;
  std::span<const engine::EffectUnion> effects;
  std::span<const engine::SettleT> settles;
  const engine::ConsumedT* consumed = nullptr;
  const engine::ParkedT* parked = nullptr;
  const engine::UnparkedT* unparked = nullptr;
  const engine::DeliveryDoneT* delivery = nullptr;
  std::span<const std::pair<std::string, std::uint64_t>> references;
  std::string_view reply_to;
  std::string_view ask;
  std::string_view signature_meaning;  // with a reason: the record is signed
  std::string_view signature_reason;
  hash128 origin;
  timestamp at;
  bool keyed = false;
};

/// A finished engine::Record.
[[nodiscard]] bytes write_record(const record_parts& parts);

}  // namespace millrace
