// What a command's body costs at the door: JSON into a table, the table verified, and a table back
// into JSON.
#include <benchmark/benchmark.h>

#include "bench/bench_order.hpp"
#include "schemas/json.hpp"

namespace millrace::bench {
namespace {

const table_model& command() {
  return *schema_model::built_in().kind("order")->command("confirm-operation");
}

void json_into_table(benchmark::State& state) {
  const auto json = confirmation_json(1);
  for (auto _ : state) {
    auto table = json_to_table(schema_model::built_in(), command(), json);
    if (!table) return state.SkipWithError(table.error().detail.c_str());
    benchmark::DoNotOptimize(table->data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(json.size()));
}
BENCHMARK(json_into_table);

void table_into_json(benchmark::State& state) {
  const auto table = packed_table(confirmation(1));
  std::string out;
  for (auto _ : state) {
    out.clear();
    table_to_json(schema_model::built_in(), command(), table, out);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(out.size()));
}
BENCHMARK(table_into_json);

void verify(benchmark::State& state) {
  const auto table = packed_table(confirmation(1));
  for (auto _ : state)
    if (!verify_table(schema_model::built_in(), command(), table))
      return state.SkipWithError("not verified");
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(table.size()));
}
BENCHMARK(verify);

}  // namespace
}  // namespace millrace::bench
