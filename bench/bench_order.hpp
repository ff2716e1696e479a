// The command and the order that the parts are measured with: confirm-operation of about 300 bytes
// on a released order with one operation, as in the load generator's workload.
#pragma once

#include <string>

#include "schemas/engine/journal_generated.h"
#include "schemas/model.hpp"
#include "schemas/production/order_kind.hpp"

namespace millrace::bench {

inline constexpr std::size_t text_bytes = 160;

template <class Table>
[[nodiscard]] bytes packed_table(const Table& native) {
  flatbuffers::FlatBufferBuilder builder(1024);
  builder.Finish(Table::TableType::Pack(builder, &native));
  return bytes(builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize());
}

[[nodiscard]] inline order::ConfirmOperationT confirmation(std::uint64_t number) {
  order::ConfirmOperationT c;
  c.confirmation = "bench-" + std::to_string(number);
  c.operation = "0010";
  c.unit = "EA";
  c.yield = decimal::from_units(1);
  c.text.assign(text_bytes, 'x');
  return c;
}

[[nodiscard]] inline std::string confirmation_json(std::uint64_t number) {
  return R"({"confirmation":"bench-)" + std::to_string(number) +
         R"(","operation":"0010","yield":"1","unit":"EA","text":")" + std::string(text_bytes, 'x') +
         R"("})";
}

[[nodiscard]] inline order::StateT released_order() {
  order::StateT s;
  s.material = "BENCH-1";
  s.revision = "A";
  s.quantity = decimal::from_units(1'000'000'000);
  s.unit = "EA";
  s.life = order::Life::released;
  s.dispatch = order::Dispatch::dispatched;
  s.released_quantity = s.quantity;
  auto& o = s.operations.emplace_back();
  o.operation = "0010";
  o.work_center = "WC-1";
  o.description = "Assemble";
  o.status = order::OperationStatus::released;
  o.planned = s.quantity;
  return s;
}

/// The order as the state environment holds it, at sequence 2 of entry 1.
[[nodiscard]] inline bytes released_row() {
  const auto state = packed_table(released_order());
  engine::ActorRowT row;
  row.sequence = 2;
  row.index = 1;
  row.state = state;
  return packed_table(row);
}

}  // namespace millrace::bench
