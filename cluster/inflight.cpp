// The mapped page and who writes where: every thread has a mark of its own, so that marking costs a
// few stores; the suspects are behind a lock that nobody takes while there are none.
#include "cluster/inflight.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "cluster/check.hpp"
#include "cluster/crc32c.hpp"

namespace millrace {

namespace {

constexpr std::uint64_t magic = 0x31'6b'72'61'6d'6c'6c'69ull;  // "illmark1", little-endian
constexpr std::size_t where_bytes = 104;

std::atomic<std::uint64_t> owners{0};

std::string_view text_of(const char (&where)[where_bytes]) {
  return {where, strnlen(where, where_bytes)};
}

std::string printable(std::string_view raw) {
  std::string out(raw);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, '?');
  return out;
}

std::size_t append(char (&to)[where_bytes], std::size_t at, std::string_view what) {
  const auto n = std::min(what.size(), where_bytes - 1 - at);
  std::memcpy(to + at, what.data(), n);
  return at + n;
}

}  // namespace

struct inflight_marks::mark {
  std::uint64_t hi, lo, check;
  char where[where_bytes];
  [[nodiscard]] bool set() const { return check != 0 && check == (hi ^ lo ^ magic); }
};

struct inflight_marks::record {
  std::uint64_t hi, lo;
  std::uint32_t deaths, crc;
  char where[where_bytes];
  [[nodiscard]] std::uint32_t sum() const {
    auto copy = *this;
    copy.crc = 0;
    return crc32c({reinterpret_cast<const std::uint8_t*>(&copy), sizeof copy});
  }
};

struct inflight_marks::page {
  std::uint64_t magic;
  char zero[120];
  mark marks[threads_max];
  record records[suspects::count_max];
};

namespace {

/// The file in memory, as long as a page and with all its blocks, or nothing.
void* map_file(const std::filesystem::path& file, std::size_t size) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return nullptr;
  void* at = MAP_FAILED;
  if (::posix_fallocate(fd, 0, static_cast<off_t>(size)) == 0)
    at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  return at == MAP_FAILED ? nullptr : at;
}

}  // namespace

std::unique_ptr<inflight_marks> inflight_marks::open(const std::filesystem::path& file) {
  static_assert(sizeof(mark) == 128 && sizeof(record) == 128);
  static_assert(std::is_trivially_copyable_v<page>);
  void* at = map_file(file, sizeof(page));
  const bool on_disk = at != nullptr;
  if (!on_disk) {
    spdlog::warn("{} cannot be used: a command that kills the process twice is not refused: {}",
                 file.string(), std::strerror(errno));
    at = ::operator new(sizeof(page));
    std::memset(at, 0, sizeof(page));
  }
  std::unique_ptr<inflight_marks> made(new inflight_marks(static_cast<page*>(at), on_disk));
  made->blame_marks();
  return made;
}

inflight_marks::inflight_marks(page* mapped, bool on_disk)
    : page_(mapped), on_disk_(on_disk), number_(++owners) {}

inflight_marks::~inflight_marks() {
  if (on_disk_)
    ::munmap(page_, sizeof(page));
  else
    ::operator delete(page_);
}

void inflight_marks::blame_marks() {
  if (page_->magic != magic) std::memset(page_, 0, sizeof(page));
  page_->magic = magic;
  for (const auto& r : page_->records)
    if (r.deaths > 0 && r.crc == r.sum())
      suspects_.restore({{r.hi, r.lo}, r.deaths, printable(text_of(r.where))});
  for (auto& m : page_->marks) {
    const auto left = m;
    m = {};  // first: a death in between forgets a suspicion instead of counting it twice
    if (!left.set()) continue;
    const auto where = printable(text_of(left.where));
    const auto deaths = suspects_.blame({left.hi, left.lo}, where);
    spdlog::warn("the last process died while it decided on input {:016x}{:016x} of {} ({}): {}",
                 left.hi, left.lo, where, deaths,
                 deaths >= suspects::deaths_max ? "it is refused from now on (command.poison)"
                                                : "once more, and it is refused");
  }
  store_suspects();
}

void inflight_marks::store_suspects() {
  std::size_t at = 0;
  for (const auto& s : suspects_.all()) {
    record r{s.id.hi, s.id.lo, s.deaths, 0, {}};
    append(r.where, 0, s.where);
    r.crc = r.sum();
    page_->records[at++] = r;
  }
  for (; at < suspects::count_max; ++at) page_->records[at] = {};
  any_.store(!suspects_.all().empty(), std::memory_order_release);
}

inflight_marks::mark* inflight_marks::mine() {
  struct place {
    std::uint64_t owner = 0;
    mark* at = nullptr;
  };
  thread_local place known;
  if (known.owner != number_) {
    const auto n = threads_.fetch_add(1, std::memory_order_relaxed);
    known = {number_, n < threads_max ? &page_->marks[n] : nullptr};
  }
  return known.at;
}

bool inflight_marks::begin(hash128 id, std::string_view plant, std::string_view local) {
  auto* m = mine();
  const bool any = any_.load(std::memory_order_relaxed);
  if (m != nullptr) {
    if (any) acquit(*m);
    m->check = 0;
    std::atomic_signal_fence(std::memory_order_seq_cst);  // the compiler keeps the order, and a
    m->hi = id.hi;  // process that dies has all stores made that came before
    m->lo = id.lo;
    auto end = append(m->where, 0, plant);
    end = append(m->where, end, "/");
    m->where[append(m->where, end, local)] = '\0';
    std::atomic_signal_fence(std::memory_order_seq_cst);
    m->check = id.hi ^ id.lo ^ magic;
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  if (!any) return true;
  const std::scoped_lock lock(mutex_);
  if (!suspects_.poisonous(id)) return true;
  spdlog::warn("alarm=command.poison input {:016x}{:016x} of {}/{} is refused", id.hi, id.lo, plant,
               local);
  return false;
}

void inflight_marks::end() {
  auto* m = mine();
  if (m == nullptr) return;
  if (any_.load(std::memory_order_relaxed)) acquit(*m);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  m->check = 0;
}

/// What was marked and has ended without a death is no suspect.
void inflight_marks::acquit(const mark& m) {
  if (!m.set()) return;
  const std::scoped_lock lock(mutex_);
  if (suspects_.acquit({m.hi, m.lo})) store_suspects();
}

suspects inflight_marks::suspected() const {
  const std::scoped_lock lock(mutex_);
  return suspects_;
}

}  // namespace millrace
