// A plant begins anew from a snapshot: its host and its actors end, the rows are changed on the
// writer's thread, another host is loaded from them, and the log goes on behind. Meanwhile a host
// without any state answers that the plant is not led from here.
#include <algorithm>
#include <cstdlib>
#include <utility>

#include <spdlog/spdlog.h>

#include "cluster/plant_shell.hpp"

namespace millrace {

void plant_shell::install(node_number from, snapshot_head head,
                          std::function<result<void>(store&)> change,
                          std::function<void(bool)> done) {
  post([from, head = std::move(head), change = std::move(change),
        done = std::move(done)](plant_shell& s) mutable {
    s.begin_anew(from, std::move(head), std::move(change), std::move(done));
  });
}

void plant_shell::begin_anew(node_number from, snapshot_head head,
                             std::function<result<void>(store&)> change,
                             std::function<void(bool)> done) {
  const auto role = group().role;
  if (swapping_ || role == group_role::leader || core_->applied() >= head.of.index)
    return done(false);
  swapping_ = true;
  core_->retire();
  for (auto& r : residents_) {
    if (r.handle) crew_.give(r.handle, {entity_order::leave, 0, 0, {}, {}});
    r = resident();
  }
  world_.clear();
  core_ = make_core();
  {
    const std::scoped_lock lock(backlog_mutex_);
    dropping_ = true;
  }
  drop_slices();
  services_.io.change(std::move(change), [self = weak_from_this(), from, head = std::move(head),
                                          done = std::move(done)](const result<void>& r) mutable {
    const auto shell = self.lock();
    if (!shell) return;
    shell->post([r, from, head = std::move(head), done = std::move(done)](plant_shell& s) mutable {
      s.go_on(r, from, std::move(head), std::move(done));
    });
  });
}

/// They are in the journal, and read back from there as far as they are needed.
void plant_shell::drop_slices() {
  {
    const std::scoped_lock lock(backlog_mutex_);
    for (const auto& s : slices_) {
      backlog_bytes_ -= s.size;
      if (const auto last = s.entries.back().index; last > core_->applied())
        behind_to_ = std::max(behind_to_, last);
    }
  }
  backlog_cv_.notify_all();
  slices_.clear();
}

void plant_shell::go_on(const result<void>& changed, node_number from, snapshot_head head,
                        std::function<void(bool)> done) {
  if (!changed) alarm(changed.error().code, changed.error().detail);
  if (const auto loaded = core_->load(); !loaded) {
    spdlog::critical("plant={}: its state cannot be loaded: {}; the process ends", plant(),
                     loaded.error().detail);
    spdlog::shutdown();
    std::_Exit(replication_loop::exit_code);
  }
  const bool anew = changed.has_value();
  const auto index = head.of.index;
  auto then = [self = shared_from_this(), anew, index,
               done = std::move(done)](const group_status& status) mutable {
    {
      const std::scoped_lock lock(self->backlog_mutex_);
      self->dropping_ = false;
      if (anew) self->behind_to_ = status.delivered > index ? status.delivered : 0;
    }
    self->post([anew, status, done = std::move(done)](plant_shell& s) {
      s.drop_slices();  // those that were on their way
      s.swapping_ = false;
      s.core_->on_role(status, s.now());
      done(anew);
    });
  };
  if (anew) return services_.log.install(group_id(), from, std::move(head), std::move(then));
  services_.log.call([then = std::move(then), number = group_id()](loop_core& core) mutable {
    if (const auto status = core.status(number)) then(*status);
  });
}

}  // namespace millrace
