// Reads and operators' acts over the cluster: about one plant to its leader, about all plants to
// all nodes, from the own copy where that is as good.
#include <algorithm>
#include <tuple>

#include "cluster/placement_keeper.hpp"
#include "cluster/routed_engine.hpp"

namespace millrace {

namespace {

error unknown_plant(std::string_view plant) {
  return {"plant.unknown", "There is no plant " + std::string(plant)};
}

std::string plant_of_delivery(const std::string& id) { return id.substr(0, id.rfind('~')); }

done<route_content> no_content(done<void> cb) {
  return [cb = std::move(cb)](const result<route_content>& r) {
    if (!r) return cb(r.error());
    cb({});
  };
}

}  // namespace

void routed_engine::ask(route_ask what, bool once, router::ask_done cb) {
  const auto plant = what.where.plant;
  if (!has_plant(plant)) return cb(unknown_plant(plant));
  const auto at = leader(plant);
  router_output out;
  {
    const std::scoped_lock lock(mutex_);
    router_.on_leader(plant, at.node, at.term, now_us(), out);
    router_.ask(std::move(what), now_us() + options_.read_us_max, once, std::move(cb), now_us(),
                out);
  }
  carry_out(std::move(out));
}

void routed_engine::ask_node(node_number node, route_ask what, router::ask_done cb) {
  if (node == self_) return answer_here(std::move(what), true, std::move(cb));
  router_output out;
  {
    const std::scoped_lock lock(mutex_);
    router_.ask_node(node, std::move(what), now_us() + options_.node_us_max, std::move(cb),
                     now_us(), out);
  }
  carry_out(std::move(out));
}

void routed_engine::ask_all(route_ask what, std::function<void(route_content)> cb) {
  std::vector<node_number> nodes{self_};
  for (const auto& p : local_.peers())
    if (p.up) nodes.push_back(p.node);
  struct joining {
    std::mutex mutex;
    std::size_t left;
    route_content whole;
  };
  auto all = std::make_shared<joining>();
  all->left = nodes.size();
  const auto append = [](auto& to, auto& from) {
    std::move(from.begin(), from.end(), std::back_inserter(to));
  };
  for (const auto node : nodes)
    ask_node(node, what, [all, append, cb](result<route_content> r) {
      bool last = false;
      {
        const std::scoped_lock lock(all->mutex);
        if (r) {
          append(all->whole.hops, r->hops);
          append(all->whole.exceptions, r->exceptions);
          append(all->whole.deliveries, r->deliveries);
          append(all->whole.endpoints, r->endpoints);
        }
        last = --all->left == 0;
      }
      if (last) cb(std::move(all->whole));
    });
}

void routed_engine::read(address where, consistency c, done<actor_view> cb) {
  const bool led = leader(where.plant).node == self_;
  if (here(where.plant) && (c == consistency::local || (led && c == consistency::leader)))
    if (c == consistency::local || local_.leads(where.plant))
      return local_.read(std::move(where), c, std::move(cb));
  route_ask a;
  a.what = asked::read;
  a.where = std::move(where);
  a.how = c;
  ask(std::move(a), false, [cb = std::move(cb)](result<route_content> r) {
    if (!r) return cb(r.error());
    if (r->actors.empty()) return cb(error{"actor.unknown", "no such actor"});
    cb(std::move(r->actors.front()));
  });
}

void routed_engine::list(list_query q, done<list_page> cb) {
  if (local_.leads(q.plant)) return local_.list(std::move(q), std::move(cb));
  route_ask a;
  a.what = asked::list;
  a.where = {q.plant, q.kind, {}};
  a.filters = std::move(q.filters);
  a.after = std::move(q.after);
  a.limit = q.limit;
  ask(std::move(a), false, [cb = std::move(cb)](result<route_content> r) {
    if (!r) return cb(r.error());
    cb(list_page{std::move(r->actors), std::move(r->next)});
  });
}

void routed_engine::rows(address where, std::string table, std::string after, std::uint32_t limit,
                         done<std::vector<row_view>> cb) {
  if (local_.leads(where.plant))
    return local_.rows(std::move(where), std::move(table), std::move(after), limit, std::move(cb));
  route_ask a;
  a.what = asked::rows;
  a.where = std::move(where);
  a.table = std::move(table);
  a.after = std::move(after);
  a.limit = limit;
  ask(std::move(a), false, [cb = std::move(cb)](result<route_content> r) {
    if (!r) return cb(r.error());
    cb(std::move(r->rows));
  });
}

/// A follower has the same journal: its own copy is read where there is one, up to what it applied.
void routed_engine::events(event_query q, done<event_page> cb) {
  if (here(q.plant)) return local_.events(std::move(q), std::move(cb));
  route_ask a;
  a.what = asked::events;
  a.where.plant = std::move(q.plant);
  a.index = q.index;
  a.ordinal = q.ordinal;
  a.type = std::move(q.type_prefix);
  a.actor = std::move(q.actor);
  a.correlation = std::move(q.correlation);
  a.types = std::move(q.types);
  a.limit = q.limit;
  ask(std::move(a), false, [cb = std::move(cb)](result<route_content> r) {
    if (!r) return cb(r.error());
    cb(std::move(r->events));
  });
}

/// Where the plant is not here, who watches is woken by time and reads what there is.
std::shared_ptr<void> routed_engine::watch(std::string plant, std::function<void()> wake) {
  if (here(plant)) return local_.watch(std::move(plant), std::move(wake));
  if (!has_plant(plant)) return nullptr;
  auto handle = std::make_shared<std::function<void()>>(std::move(wake));
  const std::scoped_lock lock(mutex_);
  watching_.push_back({std::move(plant), handle});
  return handle;
}

void routed_engine::transaction(std::string correlation, done<std::vector<hop>> cb) {
  route_ask a;
  a.what = asked::transaction;
  a.correlation = correlation;
  ask_all(std::move(a), [cb = std::move(cb), correlation](route_content c) {
    // Every replica of a plant has the same journal; only its leader knows attempts.
    const auto key = [](const hop& h) {
      return std::tuple(h.at.micros(), h.index, h.sequence, h.attempt, std::string_view(h.what),
                        std::string_view(h.actor), std::string_view(h.type),
                        std::string_view(h.system), std::string_view(h.code),
                        std::string_view(h.document));
    };
    std::stable_sort(c.hops.begin(), c.hops.end(),
                     [&](const hop& x, const hop& y) { return key(x) < key(y); });
    c.hops.erase(std::unique(c.hops.begin(), c.hops.end(),
                             [&](const hop& x, const hop& y) { return key(x) == key(y); }),
                 c.hops.end());
    if (c.hops.empty()) return cb(error{"transaction.unknown", correlation});
    cb(std::move(c.hops));
  });
}

void routed_engine::exceptions(std::string plant, std::string code, std::string after,
                               std::uint32_t limit, done<std::vector<exception_view>> cb) {
  route_ask a;
  a.what = asked::exceptions;
  a.where.plant = plant;
  a.code = std::move(code);
  a.after = std::move(after);
  a.limit = limit;
  if (!plant.empty())
    return ask(std::move(a), false, [cb = std::move(cb)](result<route_content> r) {
      if (!r) return cb(r.error());
      cb(std::move(r->exceptions));
    });
  ask_all(std::move(a), [cb = std::move(cb), limit](route_content c) {
    std::sort(c.exceptions.begin(), c.exceptions.end(), [](const auto& x, const auto& y) {
      return std::tie(x.plant, x.id) < std::tie(y.plant, y.id);
    });
    if (c.exceptions.size() > limit) c.exceptions.resize(limit);
    cb(std::move(c.exceptions));
  });
}

void routed_engine::deadletters(std::string plant, std::string after, std::uint32_t limit,
                                done<std::vector<delivery_view>> cb) {
  route_ask a;
  a.what = asked::deadletters;
  a.where.plant = plant;
  a.after = std::move(after);
  a.limit = limit;
  if (!plant.empty())
    return ask(std::move(a), false, [cb = std::move(cb)](result<route_content> r) {
      if (!r) return cb(r.error());
      cb(std::move(r->deliveries));
    });
  ask_all(std::move(a), [cb = std::move(cb), limit](route_content c) {
    std::stable_sort(c.deliveries.begin(), c.deliveries.end(),
                     [](const auto& x, const auto& y) { return x.plant < y.plant; });
    if (c.deliveries.size() > limit) c.deliveries.resize(limit);
    cb(std::move(c.deliveries));
  });
}

void routed_engine::deadletter(std::string id, deadletter_op op, bytes edited, principal by,
                               done<void> cb) {
  route_ask a;
  a.what = asked::deadletter;
  a.where = {plant_of_delivery(id), {}, std::move(id)};
  if (!has_plant(a.where.plant)) return cb(error{"deadletter.unknown", a.where.id});
  a.op = static_cast<std::uint8_t>(op);
  a.body = std::move(edited);
  a.principal = std::move(by.name);
  ask(std::move(a), true, no_content(std::move(cb)));
}

void routed_engine::endpoints(done<std::vector<endpoint_view>> cb) {
  route_ask a;
  a.what = asked::endpoints;
  ask_all(std::move(a), [cb = std::move(cb)](route_content c) {
    std::erase_if(c.endpoints, [](const auto& e) { return e.plant == system_plant; });
    std::sort(c.endpoints.begin(), c.endpoints.end(), [](const auto& x, const auto& y) {
      return std::tie(x.plant, x.system) < std::tie(y.plant, y.system);
    });
    cb(std::move(c.endpoints));
  });
}

void routed_engine::pause_endpoint(std::string plant, System system, timestamp until,
                                   std::string reason, principal by, done<void> cb) {
  route_ask a;
  a.what = asked::pause;
  a.where.plant = std::move(plant);
  a.system = system;
  a.until = until;
  a.reason = std::move(reason);
  a.principal = std::move(by.name);
  ask(std::move(a), true, no_content(std::move(cb)));
}

void routed_engine::plants(done<std::vector<plant_status>> cb) {
  local_.plants([this, cb = std::move(cb)](result<std::vector<plant_status>> r) {
    if (!r) return cb(std::move(r));
    std::erase_if(*r, [](const auto& p) { return p.plant == system_plant; });
    // What is elsewhere only: its name is enough for who asks all plants something.
    for (const auto& [plant, p] : keeper_->plants()) {
      if (std::any_of(r->begin(), r->end(), [&](const auto& s) { return s.plant == plant; }))
        continue;
      auto& one = r->emplace_back();
      const auto at = leader(plant);
      one.plant = plant;
      one.role = "elsewhere";
      one.leader = at.node;
      one.term = at.term;
    }
    std::sort(r->begin(), r->end(), [](const auto& x, const auto& y) { return x.plant < y.plant; });
    cb(std::move(r));
  });
}

}  // namespace millrace
