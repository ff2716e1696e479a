// A bare limit: what actors and a group commit cost with nothing else. 1,000 CAF actors take
// 300-byte messages from one closed loop and hand a record each to one thread, which commits what
// has come together as one synchronous LMDB transaction and only then answers.
// Usage: bare_actor_commit DIR [IN_FLIGHT [SECONDS]]; prints one line of JSON.

#include <lmdb.h>

#include <array>
#include <caf/all.hpp>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

using clock_type = std::chrono::steady_clock;
constexpr std::size_t record_bytes = 300;
constexpr std::size_t actors_many = 1000;
constexpr std::size_t map_bytes = std::size_t{16} << 30;

void need(int code, const char* what) {
  if (code == 0) return;
  std::fprintf(stderr, "bare_actor_commit: %s: %s\n", what, mdb_strerror(code));
  std::exit(1);
}

/// Hands batches from many threads to one.
template <class T>
class handover {
 public:
  void put(T item) {
    bool first = false;
    {
      const std::lock_guard lock(mutex_);
      first = items_.empty();
      items_.push_back(std::move(item));
    }
    if (first) filled_.notify_one();
  }
  /// Everything that has come; waits for the first. Empty: closed.
  std::vector<T> take() {
    std::unique_lock lock(mutex_);
    filled_.wait(lock, [&] { return !items_.empty() || closed_; });
    return std::exchange(items_, {});
  }
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    filled_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable filled_;
  std::vector<T> items_;
  bool closed_ = false;
};

struct record {
  std::uint64_t number;
  std::string body;
};

void commit_batches(const char* dir, handover<record>& in, handover<std::uint64_t>& out) {
  MDB_env* env = nullptr;
  need(mdb_env_create(&env), "create");
  need(mdb_env_set_mapsize(env, map_bytes), "map size");
  need(mdb_env_open(env, dir, 0, 0644), "open");
  MDB_dbi table = 0;
  std::uint64_t stored = 0;
  for (auto batch = in.take(); !batch.empty(); batch = in.take()) {
    MDB_txn* txn = nullptr;
    need(mdb_txn_begin(env, nullptr, 0, &txn), "begin");
    if (table == 0) need(mdb_dbi_open(txn, nullptr, 0, &table), "table");
    for (const auto& r : batch) {
      std::array<std::uint8_t, 8> key{};
      ++stored;
      for (std::size_t i = 0; i < 8; ++i) key[7 - i] = static_cast<std::uint8_t>(stored >> (8 * i));
      MDB_val k{key.size(), key.data()};
      MDB_val v{r.body.size(), const_cast<char*>(r.body.data())};
      need(mdb_put(txn, table, &k, &v, MDB_APPEND), "put");
    }
    need(mdb_txn_commit(txn), "commit");
    for (const auto& r : batch) out.put(r.number);
  }
  mdb_env_close(env);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: bare_actor_commit DIR [IN_FLIGHT [SECONDS]]\n");
    return 2;
  }
  const int in_flight = argc > 2 ? std::atoi(argv[2]) : 256;
  const double seconds = argc > 3 ? std::atof(argv[3]) : 3.0;
  handover<record> to_disk;
  handover<std::uint64_t> done;
  std::thread writer([&] { commit_batches(argv[1], to_disk, done); });
  std::uint64_t answered = 0;
  double took = 0;
  {
    caf::actor_system_config config;
    config.set("scheduler.max-threads", 2);
    caf::actor_system system(config);
    std::vector<caf::actor> actors;
    for (std::size_t i = 0; i < actors_many; ++i)
      actors.push_back(system.spawn([&to_disk](caf::event_based_actor*) -> caf::behavior {
        return {[&to_disk](std::uint64_t number, std::string& body) {
          to_disk.put({number, std::move(body)});
        }};
      }));
    std::uint64_t number = 0;
    const auto send = [&] {
      ++number;
      caf::anon_send(actors[number % actors.size()], number, std::string(record_bytes, 'x'));
    };
    const auto begin = clock_type::now();
    const auto stop = begin + std::chrono::duration<double>(seconds);
    for (int i = 0; i < in_flight; ++i) send();
    while (answered < number) {
      const auto some = done.take();
      answered += some.size();
      if (clock_type::now() < stop)
        for (std::size_t i = 0; i < some.size(); ++i) send();
    }
    took = std::chrono::duration<double>(clock_type::now() - begin).count();
    for (auto& a : actors) caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
  }
  to_disk.close();
  writer.join();
  std::printf("{\"in_flight\":%d,\"commands_per_s\":%.0f}\n", in_flight,
              static_cast<double>(answered) / took);
  return 0;
}
