// A node among others: plants that are behind, new or wiped come back by a peer's snapshot.
#include <algorithm>
#include <future>
#include <limits>

#include <spdlog/spdlog.h>

#include "cluster/node_engine.hpp"

namespace millrace {

result<void> node_engine::start_snapshots() {
  if (!options_.peers) return {};
  auto files = open_file_area(directory_.path() / "snapshots");
  if (!files) return files.error();
  snapshots_ =
      std::make_unique<snapshot_service>(*state_, *journal_, std::move(*files), bulk_, clock_,
                                         around_snapshots(), options_.peers->snapshots);
  return snapshots_->start();
}

/// All but `send` are called on the snapshots' thread, and hand over.
snapshot_keeper::seams node_engine::around_snapshots() {
  snapshot_keeper::seams out;
  out.send = [this](node_number to, bulk_tag tag, bytes_view body) { bulk_.send(to, tag, body); };
  out.peers = [this](const std::string& plant) {
    auto all = members_of(plant);
    const auto leader = leader_of(plant);
    std::ranges::stable_partition(all, [leader](node_number n) { return n == leader; });
    return all;
  };
  out.delivered = [this](const std::string& plant) {
    const auto shell = find(plant);
    return shell ? shell->group().delivered : std::numeric_limits<journal_index>::max();
  };
  out.install = [this](const std::string& plant, node_number from, snapshot_head head,
                       snapshot_keeper::swap how) {
    auto told = [this, plant](bool done) {
      snapshots_->call(
          [plant, done](snapshot_keeper& k, std::uint64_t now) { k.installed(plant, done, now); });
    };
    const auto shell = find(plant);
    if (!shell) return told(false);
    shell->install(from, std::move(head), std::move(how), std::move(told));
  };
  out.back_fill = [this](const std::string& plant, history_chunk chunk) {
    const auto shell = find(plant);
    if (!shell) return;
    loop_->back_fill(shell->group_id(), std::move(chunk), [this, plant](result<bool> how) {
      snapshots_->call([plant, how = std::move(how)](snapshot_keeper& k, std::uint64_t now) {
        k.filled(plant, how, now);
      });
    });
  };
  out.history_ends = [this](const std::string& plant, journal_index oldest) {
    if (const auto shell = find(plant)) loop_->want_history(shell->group_id(), oldest);
  };
  out.keep_from = [this](const std::string& plant, journal_index first) {
    if (const auto shell = find(plant)) shell->keep_from(first);
  };
  out.restore = [this](const std::string& plant, const std::string& local) {
    if (const auto shell = find(plant)) shell->post([local](plant_shell& s) { s.restore(local); });
  };
  out.say = [](const std::string& plant, const std::string& code, const std::string& detail) {
    spdlog::warn("plant={} {} {}", plant, code, detail);
  };
  return out;
}

/// Where the process ended between a plant's new state and its log's new beginning.
result<void> node_engine::adopt_snapshots() {
  std::vector<std::pair<std::string, snapshot_head>> installed;
  {
    auto snapshot = state_->snapshot();
    if (!snapshot) return snapshot.error();
    auto cursor = (*snapshot)->scan(state_table::installed);
    if (!cursor) return cursor.error();
    auto at = (*cursor)->seek({});
    for (; at && *at; at = (*cursor)->next()) {
      std::string plant(as_text((*cursor)->key()));
      plant.pop_back();  // the zero behind it
      auto head = decode_head((*cursor)->value());
      if (!head) return head.error();
      installed.emplace_back(std::move(plant), std::move(*head));
    }
    if (!at) return at.error();
  }
  std::promise<result<void>> done;
  loop_->call([&](loop_core& core) {
    result<void> ok;
    for (const auto& [plant, head] : installed)
      if (ok) ok = core.adopt(plant, head);
    done.set_value(std::move(ok));
  });
  return done.get_future().get();
}

void node_engine::snapshots(std::function<void(std::vector<snapshot_progress>)> cb) {
  if (!snapshots_) return cb({});
  snapshots_->call([cb = std::move(cb)](snapshot_keeper& k, std::uint64_t) { cb(k.progress()); });
}

}  // namespace millrace
