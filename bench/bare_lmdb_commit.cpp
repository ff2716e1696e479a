// A bare limit: one synchronous LMDB transaction after another, each with a number of 300-byte
// records and nothing else. Usage: bare_lmdb_commit DIR [RECORDS_A_COMMIT [SECONDS]]; prints one
// line of JSON.

#include <lmdb.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

using clock_type = std::chrono::steady_clock;
constexpr std::size_t record_bytes = 300;
constexpr std::size_t map_bytes = std::size_t{8} << 30;

void need(int code, const char* what) {
  if (code == 0) return;
  std::fprintf(stderr, "bare_lmdb_commit: %s: %s\n", what, mdb_strerror(code));
  std::exit(1);
}

struct key_be {
  std::array<std::uint8_t, 8> bytes;
  explicit key_be(std::uint64_t n) : bytes{} {
    for (std::size_t i = 0; i < 8; ++i) bytes[7 - i] = static_cast<std::uint8_t>(n >> (8 * i));
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: bare_lmdb_commit DIR [RECORDS_A_COMMIT [SECONDS]]\n");
    return 2;
  }
  const int records = argc > 2 ? std::atoi(argv[2]) : 1;
  const double seconds = argc > 3 ? std::atof(argv[3]) : 3.0;
  MDB_env* env = nullptr;
  need(mdb_env_create(&env), "create");
  need(mdb_env_set_mapsize(env, map_bytes), "map size");
  need(mdb_env_open(env, argv[1], 0, 0644), "open");
  std::array<char, record_bytes> record{};
  std::vector<double> micros;
  std::uint64_t number = 0;
  MDB_dbi table = 0;
  const auto stop = clock_type::now() + std::chrono::duration<double>(seconds);
  const auto begin = clock_type::now();
  while (clock_type::now() < stop) {
    const auto from = clock_type::now();
    MDB_txn* txn = nullptr;
    need(mdb_txn_begin(env, nullptr, 0, &txn), "begin");
    if (table == 0) need(mdb_dbi_open(txn, nullptr, 0, &table), "table");
    for (int i = 0; i < records; ++i) {
      key_be key(++number);
      MDB_val k{key.bytes.size(), key.bytes.data()};
      MDB_val v{record.size(), record.data()};
      need(mdb_put(txn, table, &k, &v, MDB_APPEND), "put");
    }
    need(mdb_txn_commit(txn), "commit");
    micros.push_back(std::chrono::duration<double, std::micro>(clock_type::now() - from).count());
  }
  const double took = std::chrono::duration<double>(clock_type::now() - begin).count();
  mdb_env_close(env);
  std::sort(micros.begin(), micros.end());
  std::printf(
      "{\"records\":%d,\"commits\":%zu,\"p50_us\":%.0f,\"p99_us\":%.0f,\"records_per_s\":%.0f}\n",
      records, micros.size(), micros[micros.size() / 2], micros[micros.size() * 99 / 100],
      static_cast<double>(number) / took);
  return 0;
}
