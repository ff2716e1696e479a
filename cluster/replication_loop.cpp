// The thread around loop_core. The queue is a stack of messages that producers push with one
// compare-and-swap; the loop takes all of it at once and reverses it. An eventfd is written only
// while the loop sleeps.
#include "cluster/replication_loop.hpp"

#include <poll.h>
#include <pthread.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "cluster/check.hpp"

namespace millrace {

namespace {

constexpr std::int64_t space_look_us = 100'000;
constexpr std::int64_t strangers_said_us = 60'000'000;

/// Fail-stop: nothing may be acknowledged after this, and a restart from the disk is the tested
/// way.
[[noreturn]] void die(const error& why) {
  spdlog::critical("replication loop: {}: {}; the process ends", why.code, why.detail);
  spdlog::shutdown();
  std::_Exit(replication_loop::exit_code);
}

}  // namespace

struct replication_loop::message {
  enum class kind : std::uint8_t { propose, checkpointed, retain_from, receive, call, stop } what;
  group_number group = 0;
  journal_index index = 0;
  node_number from = 0;
  term_number term = 0;
  shared_bytes payload;
  std::function<void(loop_core&)> ask;
  std::unique_ptr<message> next;
};

replication_loop::replication_loop(store& journal_store, const clock& time, loop_options options,
                                   peer_transport* peers)
    : store_(journal_store),
      clock_(time),
      options_(options),
      core_(journal_store, options, peers),
      wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  check(wake_fd_ >= 0);
}

replication_loop::~replication_loop() {
  stop();
  for (auto m = take(); m;) m = std::move(m->next);
  ::close(wake_fd_);
}

std::uint64_t replication_loop::now_ms() const {
  return static_cast<std::uint64_t>(clock_.monotonic_us()) / 1000;
}

result<void> replication_loop::start() {
  check(!thread_.joinable());
  if (auto ok = core_.load(); !ok) return ok;
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "replication");
  return {};
}

void replication_loop::stop() {
  if (!thread_.joinable()) return;
  auto m = std::make_unique<message>();
  m->what = message::kind::stop;
  push(std::move(m));
  thread_.join();
}

void replication_loop::open_group(std::string name, journal_index applied,
                                  std::shared_ptr<group_listener> listener,
                                  std::function<void(result<group_number>)> cb,
                                  membership founders) {
  call([this, name = std::move(name), applied, listener = std::move(listener), cb = std::move(cb),
        founders = std::move(founders)](loop_core& core) {
    auto opened = core.open_group(name, applied, listener, now_ms(), founders);
    if (!opened && opened.error().code == "disk.failed") die(opened.error());
    cb(std::move(opened));
  });
}

void replication_loop::propose(group_number group, shared_bytes payload, term_number term) {
  auto m = std::make_unique<message>();
  m->what = message::kind::propose;
  m->group = group;
  m->payload = std::move(payload);
  m->term = term;
  push(std::move(m));
}

void replication_loop::checkpointed(group_number group, journal_index index) {
  auto m = std::make_unique<message>();
  m->what = message::kind::checkpointed;
  m->group = group;
  m->index = index;
  push(std::move(m));
}

void replication_loop::retain_from(group_number group, journal_index first) {
  auto m = std::make_unique<message>();
  m->what = message::kind::retain_from;
  m->group = group;
  m->index = first;
  push(std::move(m));
}

void replication_loop::receive(node_number from, bytes_view envelope) {
  if (received_bytes_.load(std::memory_order_relaxed) + envelope.size() > options_.inbox_bytes_max)
    return;
  received_bytes_.fetch_add(envelope.size(), std::memory_order_relaxed);
  auto m = std::make_unique<message>();
  m->what = message::kind::receive;
  m->from = from;
  m->payload = std::make_shared<const bytes>(envelope.begin(), envelope.end());
  push(std::move(m));
}

void replication_loop::read(group_number group, std::uint64_t token,
                            std::function<void(const error&)> refused) {
  call([this, group, token, refused = std::move(refused)](loop_core& core) {
    const auto asked = core.read(group, token, now_ms());
    if (asked) return;
    if (asked.error().code == "group.unsafe") die(asked.error());
    refused(asked.error());
  });
}

void replication_loop::transfer(group_number number, node_number to) {
  call([this, number, to](loop_core& core) {
    auto* g = core.find(number);
    if (g == nullptr || g->members().voters() < 2) return;
    const auto asked = g->transfer(to, now_ms());
    if (!asked && asked.error().code == "group.unsafe") die(asked.error());
  });
}

void replication_loop::install(group_number group, node_number from, snapshot_head head,
                               std::function<void(const group_status&)> then) {
  call([this, group, from, head = std::move(head), then = std::move(then)](loop_core& core) {
    if (auto ok = core.install(group, from, head, now_ms()); !ok) die(ok.error());
    const auto status = core.status(group);
    if (!status) die(status.error());
    then(*status);
  });
}

void replication_loop::back_fill(group_number group, history_chunk chunk,
                                 std::function<void(result<bool>)> then) {
  call([group, chunk = std::move(chunk), then = std::move(then)](loop_core& core) {
    auto put = core.back_fill(group, chunk);
    if (!put && put.error().code == "disk.failed") die(put.error());
    then(std::move(put));
  });
}

void replication_loop::want_history(group_number group, journal_index first) {
  call([group, first](loop_core& core) {
    if (auto ok = core.want_history(group, first); !ok) die(ok.error());
  });
}

void replication_loop::call(std::function<void(loop_core&)> ask) {
  auto m = std::make_unique<message>();
  m->what = message::kind::call;
  m->ask = std::move(ask);
  push(std::move(m));
}

void replication_loop::push(std::unique_ptr<message> m) {
  message* raw = m.release();
  message* newest = head_.load(std::memory_order_relaxed);
  do {
    raw->next.release();  // whatever it was belongs to the queue
    raw->next.reset(newest);
  } while (!head_.compare_exchange_weak(newest, raw, std::memory_order_seq_cst,
                                        std::memory_order_relaxed));
  if (!sleeping_.exchange(false, std::memory_order_seq_cst)) return;
  const std::uint64_t one = 1;
  check(::write(wake_fd_, &one, sizeof one) == sizeof one);
}

std::unique_ptr<replication_loop::message> replication_loop::take() {
  std::unique_ptr<message> newest(head_.exchange(nullptr, std::memory_order_seq_cst));
  std::unique_ptr<message> oldest;
  while (newest) {
    auto rest = std::move(newest->next);
    newest->next = std::move(oldest);
    oldest = std::move(newest);
    newest = std::move(rest);
  }
  return oldest;
}

void replication_loop::handle(message& m) {
  result<void> ok;
  switch (m.what) {
    case message::kind::propose:
      core_.propose(m.group, std::move(m.payload), m.term);
      break;
    case message::kind::checkpointed:
      ok = core_.checkpointed(m.group, m.index, now_ms());
      break;
    case message::kind::retain_from:
      retain_slice(m.group, m.index);
      break;
    case message::kind::receive:
      received_bytes_.fetch_sub(m.payload->size(), std::memory_order_relaxed);
      core_.receive(m.from, *m.payload);
      if (!core_.strangers().empty()) name_strangers();
      break;
    case message::kind::call:
      m.ask(core_);
      break;
    case message::kind::stop:
      stopping_ = true;
      break;
  }
  if (!ok) die(ok.error());
}

void replication_loop::retain_slice(group_number group, journal_index first) {
  auto more = core_.retain_from(group, first);
  if (!more) die(more.error());
  if (*more) retain_from(group, first);  // behind what waits meanwhile
}

bool replication_loop::turn() {
  if (auto ok = core_.prepare(now_ms()); !ok) die(ok.error());
  const bool writes = !core_.batch().empty();
  if (writes) {
    const std::int64_t began = clock_.monotonic_us();
    if (auto ok = store_.commit(core_.batch().writes()); !ok) die(ok.error());
    core_.note_commit(static_cast<std::uint64_t>(clock_.monotonic_us() - began));
  }
  if (auto ok = core_.finish(now_ms()); !ok) die(ok.error());
  return writes;
}

void replication_loop::look_at_space() {
  const std::int64_t now = clock_.monotonic_us();
  if (space_looked_us_ != 0 && now - space_looked_us_ < space_look_us) return;
  space_looked_us_ = now;
  const auto space = store_.space();
  if (!space) die(space.error());
  core_.set_space(space->free_bytes);
}

void replication_loop::name_strangers() {
  const std::int64_t now = clock_.monotonic_us();
  if (strangers_said_us_ != 0 && now - strangers_said_us_ < strangers_said_us) return;
  strangers_said_us_ = now;
  for (const auto node : core_.strangers())
    spdlog::error(
        "alarm=node.replaced node {} has another data directory than the one known under its "
        "number: it has no vote, and nothing of it is taken. Put the directory back, or give the "
        "node a number that no node ever had",
        node);
}

void replication_loop::wait_for_work() {
  sleeping_.store(true, std::memory_order_seq_cst);
  if (head_.load(std::memory_order_seq_cst) == nullptr) {
    pollfd wake{wake_fd_, POLLIN, 0};
    ::poll(&wake, 1, static_cast<int>(options_.tick_ms));
  }
  sleeping_.store(false, std::memory_order_seq_cst);
  std::uint64_t count = 0;
  while (::read(wake_fd_, &count, sizeof count) > 0) continue;
}

void replication_loop::run() {
  for (;;) {
    look_at_space();
    for (auto m = take(); m;) {
      handle(*m);
      m = std::move(m->next);
    }
    const bool wrote = turn();
    if (stopping_ && !core_.more()) return;
    if (!wrote && !core_.more()) wait_for_work();
  }
}

}  // namespace millrace
