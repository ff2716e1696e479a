// Asking every plant of a node and joining the answers. Included by node_engine_*.cpp only.
#pragma once

#include <algorithm>
#include <iterator>

#include "cluster/node_engine.hpp"

namespace millrace {

template <class T>
void node_engine::gather(std::vector<shell_ptr> from,
                         std::function<result<std::vector<T>>(plant_shell&)> ask,
                         done<std::vector<T>> cb) {
  if (from.empty()) return cb(std::vector<T>());
  struct joining {
    std::mutex mutex;
    std::vector<std::vector<T>> parts;
    std::size_t left = 0;
    std::optional<error> failed;
    done<std::vector<T>> cb;
  };
  auto all = std::make_shared<joining>();
  all->parts.resize(from.size());
  all->left = from.size();
  all->cb = std::move(cb);
  for (std::size_t i = 0; i < from.size(); ++i)
    from[i]->post([all, i, ask](plant_shell& s) {
      auto part = ask(s);
      bool last = false;
      {
        const std::scoped_lock lock(all->mutex);
        if (part)
          all->parts[i] = std::move(*part);
        else
          all->failed = part.error();
        last = --all->left == 0;
      }
      if (!last) return;
      if (all->failed) return all->cb(*all->failed);
      std::vector<T> out;
      for (auto& p : all->parts) std::move(p.begin(), p.end(), std::back_inserter(out));
      all->cb(std::move(out));
    });
}

}  // namespace millrace
