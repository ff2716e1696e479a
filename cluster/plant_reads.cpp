// Reads: what is resident is asked at its entity, what is not has a current row in the state
// environment. Child rows and lists merge both.
#include <algorithm>
#include <map>
#include <utility>

#include <caf/send.hpp>

#include "cluster/answer_once.hpp"
#include "cluster/journal_events.hpp"
#include "cluster/plant_shell.hpp"

namespace millrace {

void plant_shell::read(std::string local, done<actor_view> cb) {
  post([local = std::move(local), cb = once(std::move(cb))](plant_shell& s) mutable {
    const auto slot = s.core_->resident(local);
    if (slot && s.at(*slot).handle) {
      auto look = [cb = std::move(cb), local](cell& c) {
        if (c.sequence() == 0) return (*cb)(error{"actor.unknown", "There is no " + local});
        (*cb)(c.view());
      };
      return s.order(*slot, {entity_order::visit, 0, 0, {}, std::move(look)});
    }
    if (slot)
      if (const auto* why = s.core_->quarantine(*slot))
        return (*cb)(error{"actor.quarantined", *why});
    // An actor that lost its entity is newer than its row: what is in the journal above it counts.
    const auto upto = slot ? s.core_->last_index(*slot) : 0;
    s.services_.io.read([self = s.shared_from_this(), local = std::move(local), cb = std::move(cb),
                         upto, applied_index = s.core_->applied()](store_snapshot& state) {
      auto made = self->make_cell(state, local, upto, applied_index);
      if (!made) return (*cb)(made.error());
      if ((*made)->sequence() == 0) return (*cb)(error{"actor.unknown", "There is no " + local});
      (*cb)((*made)->view());
    });
  });
}

void plant_shell::linearize(done<void> cb) {
  post([cb = once(std::move(cb))](plant_shell& s) {
    if (!s.core_->leading())
      return (*cb)(error{s.leader() != 0 ? "plant.not_leader" : "node.not_ready",
                         "the plant is not led from this node"});
    const auto token = ++s.tokens_;
    s.reads_[token] = {0, [cb](result<void> r) { (*cb)(std::move(r)); }};
    s.services_.log.read(s.group_id(), token, [self = s.shared_from_this(), token](const error&) {
      self->on_readable(self->group_id(), token, 0);
    });
  });
}

void plant_shell::on_readable(group_number, std::uint64_t token, journal_index index) {
  post([token, index](plant_shell& s) {
    const auto found = s.reads_.find(token);
    if (found == s.reads_.end()) return;
    found->second.upto = index;
    if (index != 0) return;  // served at the end of the turn
    const auto cb = std::move(found->second.cb);
    s.reads_.erase(found);
    cb(error{"plant.not_leader", "the plant's leadership moved"});
  });
}

void plant_shell::serve_reads() {
  for (auto it = reads_.begin(); it != reads_.end();) {
    if (it->second.upto == 0 || it->second.upto > core_->applied()) {
      ++it;
      continue;
    }
    const auto cb = std::move(it->second.cb);
    it = reads_.erase(it);
    cb({});
  }
}

void plant_shell::rows(std::string local, std::string table, std::string after, std::uint32_t limit,
                       done<std::vector<row_view>> cb) {
  post([local = std::move(local), table = std::move(table), after = std::move(after), limit,
        cb = once(std::move(cb))](plant_shell& s) mutable {
    // The overlay is taken first: what it loses to the store afterwards is in any later snapshot.
    auto merge = [self = s.shared_from_this(), local, table, after, limit,
                  cb = std::move(cb)](std::vector<actor_image::child_row> overlay) {
      self->services_.io.read([self, local, table, after, limit, cb,
                               overlay = std::move(overlay)](store_snapshot& state) {
        auto stored = read_child_rows(state, self->options_.plant, local, table, after,
                                      limit + overlay.size());
        if (!stored) return (*cb)(stored.error());
        std::map<std::string, bytes> all;
        for (auto& r : *stored) all[r.key] = std::move(r.row);
        for (const auto& r : overlay) {
          if (r.key <= after) continue;
          if (r.row)
            all[r.key] = *r.row;
          else
            all.erase(r.key);
        }
        std::vector<row_view> out;
        for (auto& [key, row] : all) {
          if (out.size() >= limit) break;
          out.push_back({key, std::move(row)});
        }
        (*cb)(std::move(out));
      });
    };
    if (const auto slot = s.core_->resident(local); slot && s.at(*slot).handle) {
      auto look = [merge = std::move(merge), table](cell& c) { merge(c.overlay(table)); };
      return s.order(*slot, {entity_order::visit, 0, 0, {}, std::move(look)});
    }
    merge({});
  });
}

void plant_shell::list(list_query q, done<list_page> cb) {
  post([q = std::move(q), cb = once(std::move(cb))](plant_shell& s) mutable {
    auto ids = s.core_->list(q);
    if (!ids) return (*cb)(ids.error());
    struct gathering {
      std::mutex mutex;
      std::vector<std::optional<actor_view>> views;
      std::size_t left = 0;
      std::string next;
      std::shared_ptr<answer_once<list_page>> cb;
    };
    auto all = std::make_shared<gathering>();
    all->views.resize(ids->ids.size());
    all->left = ids->ids.size();
    all->next = std::move(ids->next);
    all->cb = std::move(cb);
    if (all->left == 0) return (*all->cb)(list_page{{}, all->next});
    for (std::size_t i = 0; i < all->views.size(); ++i)
      s.read(q.kind + '/' + ids->ids[i], [all, i](result<actor_view> one) {
        bool last = false;
        {
          const std::scoped_lock lock(all->mutex);
          if (one) all->views[i] = std::move(*one);
          last = --all->left == 0;
        }
        if (!last) return;
        list_page page;
        page.next = std::move(all->next);
        for (auto& v : all->views)
          if (v) page.items.push_back(std::move(*v));
        (*all->cb)(std::move(page));
      });
  });
}

/// The plant says how far it has applied; pages of everything are read beside it, since readers
/// that catch up would take all its time.
void plant_shell::events(event_query q, done<event_page> cb) {
  post([q = std::move(q), cb = once(std::move(cb))](plant_shell& s) mutable {
    if (!q.actor.empty() || !q.correlation.empty()) return (*cb)(s.core_->events(q));
    s.services_.io.page([self = s.shared_from_this(), q = std::move(q), cb = std::move(cb),
                         upto = s.core_->applied()] {
      (*cb)(read_events(self->services_.kinds, self->options_.plant, self->journal_, q, upto));
    });
  });
}

std::shared_ptr<void> plant_shell::watch(std::function<void()> wake) {
  auto handle = std::make_shared<std::function<void()>>(std::move(wake));
  const std::scoped_lock lock(watch_mutex_);
  watchers_.push_back(handle);
  watching_ = watchers_.size();
  return handle;
}

void plant_shell::applied(journal_index) {
  if (watching_.load(std::memory_order_relaxed) == 0) return;
  const std::scoped_lock lock(watch_mutex_);
  std::erase_if(watchers_, [](const auto& w) {
    const auto alive = w.lock();
    if (alive) (*alive)();
    return !alive;
  });
  watching_ = watchers_.size();
}

}  // namespace millrace
