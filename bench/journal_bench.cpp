// What a turn of the replication loop costs without Raft and threads: an entry is built from
// records, chained, and committed to LMDB. The argument is the number of records in the entry.
// Set MILLRACE_BENCH_DIR to a directory on the disk to be measured (default /var/tmp).
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>

#include "bench/bench_order.hpp"
#include "cluster/entry.hpp"
#include "cluster/journal.hpp"
#include "cluster/lmdb_store.hpp"
#include "cluster/record_writer.hpp"

namespace millrace::bench {
namespace {

/// A directory of its own, removed at the end.
class scratch {
 public:
  scratch() {
    const char* base = std::getenv("MILLRACE_BENCH_DIR");
    auto name =
        (std::filesystem::path(base ? base : "/var/tmp") / "millrace-bench-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
  ~scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

bytes record() {
  const std::vector<packed> events = {{1, packed_table(confirmation(1))}};
  record_parts p;
  p.actor = "order/B-1";
  p.sequence = 3;
  p.previous = 1;
  p.command = static_cast<std::uint8_t>(order::Command::ConfirmOperation);
  p.id = {1, 1};
  p.fingerprint = 1;
  p.principal = "dev-mes";
  p.system = System::mes;
  p.correlation = "0193f0a0-0000-7000-8000-000000000000";
  p.events = events;
  p.at = timestamp::from_micros(1'800'000'000'000'000);
  p.keyed = true;
  return write_record(p);
}

shared_bytes entry_of(entry_builder& builder, const bytes& one, std::int64_t records) {
  for (std::int64_t i = 0; i < records; ++i) builder.add(one);
  return builder.finish(timestamp::from_micros(1'800'000'000'000'000));
}

void build_entry(benchmark::State& state) {
  const auto one = record();
  entry_builder builder;
  for (auto _ : state) benchmark::DoNotOptimize(entry_of(builder, one, state.range(0)));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(build_entry)->Arg(1)->Arg(64)->Arg(1024);

void chain_entry(benchmark::State& state) {
  entry_builder builder;
  const log_entry e{2, 1, entry_type::command, entry_of(builder, record(), state.range(0))};
  chain_hasher hasher;
  auto head = hasher.genesis("bench-0");
  for (auto _ : state) {
    head = hasher.next(head, 1, e);
    benchmark::DoNotOptimize(head.data());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(e.payload->size()));
}
BENCHMARK(chain_entry)->Arg(1)->Arg(64)->Arg(1024);

void commit_entry(benchmark::State& state) {
  const scratch directory;
  lmdb_options options;
  options.tables = journal_table::count;
  auto on = open_lmdb_store(directory.path(), options);
  if (!on) return state.SkipWithError(on.error().detail.c_str());
  journal log(**on);
  write_batch batch;
  if (!log.load()) return state.SkipWithError("the journal cannot be read");
  const auto group = log.found(batch, "bench-0", 1, 1);
  if (!group || !(*on)->commit(batch.writes())) return state.SkipWithError("no group");
  const auto one = record();
  entry_builder builder;
  for (auto _ : state) {
    batch.clear();
    const auto last = log.find(*group)->last;
    group_output output;
    output.append.push_back(
        {last + 1, 1, entry_type::command, entry_of(builder, one, state.range(0))});
    if (!log.write(batch, *group, output, last)) return state.SkipWithError("not written");
    log.end_turn(batch);
    if (!(*on)->commit(batch.writes())) return state.SkipWithError("not committed");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(commit_entry)->Arg(1)->Arg(16)->Arg(64)->Arg(256)->Arg(1024)->UseRealTime();

}  // namespace
}  // namespace millrace::bench
