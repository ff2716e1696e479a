// What one confirm-operation costs inside its actor: decide, evolve, child row, record; nothing of
// CAF, the plant or the disk. The argument is how many commands go out in one batch.
#include <benchmark/benchmark.h>

#include "actors/registry.hpp"
#include "bench/bench_order.hpp"
#include "cluster/cell.hpp"

namespace millrace::bench {
namespace {

/// A plant without endpoints, rules or neighbours.
class empty_plant final : public environment {
 public:
  [[nodiscard]] std::string_view plant() const override { return "bench-0"; }
  [[nodiscard]] std::uint32_t generation() const override { return 1; }
  [[nodiscard]] bool bound(System) const override { return false; }
  [[nodiscard]] std::string rule(std::string_view, std::string_view fallback) const override {
    return std::string(fallback);
  }
  [[nodiscard]] result<std::shared_ptr<const reference_state>> look_up(std::string_view,
                                                                       std::string_view) override {
    return std::shared_ptr<const reference_state>();
  }
  [[nodiscard]] result<std::optional<bytes>> read_row(std::string_view, std::string_view,
                                                      std::string_view) override {
    return std::optional<bytes>();
  }
};

stimulus confirm(std::uint64_t number) {
  stimulus s;
  s.ticket = number;
  s.command = static_cast<std::uint8_t>(order::Command::ConfirmOperation);
  s.keyed = true;
  s.system = System::mes;
  s.systems = 1u << static_cast<unsigned>(System::mes);
  s.body = packed_table(confirmation(number));
  s.id = {number, 1};
  s.fingerprint = number;
  s.principal = "dev-mes";
  s.correlation = "0193f0a0-0000-7000-8000-000000000000";
  return s;
}

void confirm_operation(benchmark::State& state) {
  kind_registry kinds;
  actors::register_kinds(kinds);
  empty_plant plant;
  cell order(*kinds.find("order"), "B-1", plant);
  if (auto loaded = order.load(released_row()); !loaded)
    return state.SkipWithError(loaded.error().detail.c_str());
  const auto batch = static_cast<std::uint64_t>(state.range(0));
  auto now = timestamp::from_micros(1'800'000'000'000'000);
  std::uint64_t number = 0;
  std::uint64_t index = 1;
  for (auto _ : state) {
    state.PauseTiming();
    if (index % 1024 == 0) {  // as a checkpoint does: rows that are stored leave the cell
      benchmark::DoNotOptimize(order.image().get());
      order.stored();
    }
    std::vector<stimulus> inputs;
    for (std::uint64_t i = 0; i < batch; ++i) inputs.push_back(confirm(++number));
    now = now.plus_ms(1);
    state.ResumeTiming();
    auto made = order.offer(std::move(inputs), now);
    if (made.records.size() != batch) return state.SkipWithError("a command was not accepted");
    order.committed(++index, 0);
    benchmark::DoNotOptimize(made.records.data());
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(number));
}
BENCHMARK(confirm_operation)->Arg(1)->Arg(16)->Arg(64);

}  // namespace
}  // namespace millrace::bench
