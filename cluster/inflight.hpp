// What each thread is deciding on right now, kept in a mapped file: memory that outlives a process
// that aborts or is killed (a power loss is no input's fault). The next start blames what it finds
// (suspects.hpp).
//
//   DIR/inflight := magic:u64 zero:120 mark*64 suspect*64           128 bytes each, host byte order
//   mark         := hi:u64 lo:u64 check:u64 where:char*104          check = hi ^ lo ^ magic, or 0
//   suspect      := hi:u64 lo:u64 deaths:u32 crc32c:u32 where:char*104    crc over all but itself
//
// What does not fit its check is not there: a damaged, short or missing file forgets suspicions and
// harms nothing, and neither does a disk that is full (then the marks live and die with the
// process).
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string_view>

#include "cluster/suspects.hpp"

namespace millrace {

class inflight_marks {
 public:
  static constexpr std::size_t threads_max = 64;  // further ones decide without a mark

  /// Reads what the last process left, blames it, and begins anew. Never fails: without the file
  /// nothing outlives the process.
  [[nodiscard]] static std::unique_ptr<inflight_marks> open(const std::filesystem::path& file);
  ~inflight_marks();
  inflight_marks(const inflight_marks&) = delete;
  inflight_marks& operator=(const inflight_marks&) = delete;

  /// The calling thread decides on `id` of plant/local from now on; what it decided on before is
  /// over. False: the input is poisonous and must be refused.
  [[nodiscard]] bool begin(hash128 id, std::string_view plant, std::string_view local);
  /// It decides on nothing any more.
  void end();
  /// A copy, for reports.
  [[nodiscard]] suspects suspected() const;

 private:
  struct mark;
  struct record;
  struct page;
  inflight_marks(page* mapped, bool on_disk);
  void blame_marks();
  void store_suspects();
  void acquit(const mark& m);
  [[nodiscard]] mark* mine();

  page* page_;
  bool on_disk_;
  std::uint64_t number_;  // of this object in the process
  std::atomic<std::size_t> threads_{0};
  std::atomic<bool> any_{false};  // there are suspects
  mutable std::mutex mutex_;
  suspects suspects_;
};

}  // namespace millrace
