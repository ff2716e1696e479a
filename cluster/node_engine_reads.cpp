// Requests and reads of a node: find the plant, hand over, join what comes from several plants.
// What the node itself must refuse is answered here, at once.
#include <algorithm>
#include <charconv>

#include "cluster/node_engine.hpp"
#include "cluster/node_engine_gather.hpp"

namespace millrace {

namespace {

constexpr std::size_t quarantined_max = 100;  // actors that a plant names

reply refused(request& r, std::string code, std::string detail, std::uint32_t retry_after_s) {
  reply out;
  out.tag = r.tag;
  out.outcome = engine::Outcome::refused;
  out.code = std::move(code);
  out.detail = std::move(detail);
  out.correlation = std::move(r.correlation);
  out.retry_after_s = retry_after_s;
  return out;
}

error unknown_plant(std::string_view plant) {
  return {"plant.unknown", "There is no plant " + std::string(plant)};
}

/// "hamburg~17" -> hamburg, 17.
bool split_delivery(std::string_view id, std::string_view& plant, std::uint64_t& number) {
  const auto tilde = id.rfind('~');
  if (tilde == std::string_view::npos) return false;
  plant = id.substr(0, tilde);
  const auto digits = id.substr(tilde + 1);
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return read.ec == std::errc() && read.ptr == digits.data() + digits.size();
}

}  // namespace

void node_engine::submit(std::vector<request> batch, std::shared_ptr<reply_sink> sink) {
  if (batch.empty()) return;
  if (stopping_) {
    std::vector<reply> out;
    for (auto& r : batch) out.push_back(refused(r, "node.not_ready", "The node is stopping", 1));
    return sink->on_replies(std::move(out));
  }
  const auto one = std::all_of(batch.begin(), batch.end(),
                               [&](const auto& r) { return r.to.plant == batch[0].to.plant; });
  if (one) {
    if (const auto shell = find(batch[0].to.plant))
      return shell->submit(std::move(batch), std::move(sink));
  }
  std::map<std::string, std::vector<request>> by_plant;
  for (auto& r : batch) {
    auto& part = by_plant[r.to.plant];
    part.push_back(std::move(r));
  }
  std::vector<reply> unknown;
  for (auto& [plant, part] : by_plant) {
    if (const auto shell = find(plant)) {
      shell->submit(std::move(part), sink);
      continue;
    }
    for (auto& r : part)
      unknown.push_back(refused(r, "plant.unknown", "There is no plant " + plant, 0));
  }
  if (!unknown.empty()) sink->on_replies(std::move(unknown));
}

void node_engine::read(address where, consistency how, done<actor_view> cb) {
  const auto shell = find(where.plant);
  if (!shell) return cb(unknown_plant(where.plant));
  // The only voter of its group is always up to date: all three kinds of reads are one.
  if (how == consistency::local || shell->group().voters == 1)
    return shell->read(where.local(), std::move(cb));
  if (how == consistency::leader) {
    if (shell->leading()) return shell->read(where.local(), std::move(cb));
    return cb(error{"plant.not_leader", "node " + std::to_string(shell->leader()) + " leads it"});
  }
  shell->linearize([shell, local = where.local(), cb = std::move(cb)](result<void> r) mutable {
    if (!r) return cb(r.error());
    shell->read(std::move(local), std::move(cb));
  });
}

void node_engine::list(list_query q, done<list_page> cb) {
  const auto shell = find(q.plant);
  if (!shell) return cb(unknown_plant(q.plant));
  shell->list(std::move(q), std::move(cb));
}

void node_engine::rows(address where, std::string table, std::string after, std::uint32_t limit,
                       done<std::vector<row_view>> cb) {
  const auto shell = find(where.plant);
  if (!shell) return cb(unknown_plant(where.plant));
  shell->rows(where.local(), std::move(table), std::move(after), limit, std::move(cb));
}

void node_engine::events(event_query q, done<event_page> cb) {
  const auto shell = find(q.plant);
  if (!shell) return cb(unknown_plant(q.plant));
  shell->events(std::move(q), std::move(cb));
}

std::shared_ptr<void> node_engine::watch(std::string plant, std::function<void()> wake) {
  const auto shell = find(plant);
  return shell ? shell->watch(std::move(wake)) : nullptr;
}

void node_engine::transaction(std::string correlation, done<std::vector<hop>> cb) {
  gather<hop>(
      all(), [correlation](plant_shell& s) { return s.core().transaction(correlation); },
      [cb = std::move(cb), correlation](result<std::vector<hop>> r) {
        if (!r) return cb(std::move(r));
        if (r->empty()) return cb(error{"transaction.unknown", correlation});
        std::stable_sort(r->begin(), r->end(),
                         [](const hop& a, const hop& b) { return a.at < b.at; });
        cb(std::move(r));
      });
}

void node_engine::exceptions(std::string plant, std::string code, std::string after,
                             std::uint32_t limit, done<std::vector<exception_view>> cb) {
  auto from = plant.empty() ? all() : std::vector<shell_ptr>{find(plant)};
  if (!plant.empty() && !from[0]) return cb(unknown_plant(plant));
  gather<exception_view>(
      std::move(from),
      [code, after, limit](plant_shell& s) { return s.core().exceptions(code, after, limit); },
      [cb = std::move(cb), limit](result<std::vector<exception_view>> r) {
        if (r && r->size() > limit) r->resize(limit);
        cb(std::move(r));
      });
}

void node_engine::deadletters(std::string plant, std::string after, std::uint32_t limit,
                              done<std::vector<delivery_view>> cb) {
  auto from = plant.empty() ? all() : std::vector<shell_ptr>{find(plant)};
  if (!plant.empty() && !from[0]) return cb(unknown_plant(plant));
  std::string_view after_plant;
  std::uint64_t after_number = 0;
  if (!after.empty() && !split_delivery(after, after_plant, after_number))
    return cb(error{"cursor.invalid", after});
  gather<delivery_view>(
      std::move(from),
      [name = std::string(after_plant), after_number,
       limit](plant_shell& s) -> result<std::vector<delivery_view>> {
        if (s.plant() < name) return std::vector<delivery_view>();
        return s.core().deadletters(s.plant() == name ? after_number : 0, limit);
      },
      [cb = std::move(cb), limit](result<std::vector<delivery_view>> r) {
        if (r && r->size() > limit) r->resize(limit);
        cb(std::move(r));
      });
}

void node_engine::deadletter(std::string id, deadletter_op op, bytes edited, principal by,
                             done<void> cb) {
  std::string_view plant;
  std::uint64_t number = 0;
  const auto shell = split_delivery(id, plant, number) ? find(plant) : nullptr;
  if (!shell) return cb(error{"deadletter.unknown", id});
  shell->post([number, op, edited = std::move(edited), by = std::move(by.name),
               cb = std::move(cb)](plant_shell& s) mutable {
    s.core().deadletter(number, op, std::move(edited), std::move(by), s.now(), std::move(cb));
  });
}

void node_engine::endpoints(done<std::vector<endpoint_view>> cb) {
  gather<endpoint_view>(
      all(),
      [](plant_shell& s) -> result<std::vector<endpoint_view>> {
        return s.core().endpoints(s.now());
      },
      [this, cb = std::move(cb)](result<std::vector<endpoint_view>> r) {
        if (!r) return cb(std::move(r));
        // An endpoint that nothing was filed for yet is still one.
        for (const auto& shell : all())
          for (unsigned n = 1; n < 16; ++n) {
            if (!((bound_at(shell->plant()) >> n) & 1u)) continue;
            const auto system = static_cast<System>(n);
            const bool listed = std::any_of(r->begin(), r->end(), [&](const auto& e) {
              return e.plant == shell->plant() && e.system == system;
            });
            if (listed) continue;
            auto& e = r->emplace_back();
            e.plant = shell->plant();
            e.system = system;
            e.breaker = "closed";
          }
        std::sort(r->begin(), r->end(), [](const auto& a, const auto& b) {
          return std::tie(a.plant, a.system) < std::tie(b.plant, b.system);
        });
        cb(std::move(r));
      });
}

void node_engine::pause_endpoint(std::string plant, System system, timestamp until,
                                 std::string reason, principal by, done<void> cb) {
  const auto shell = find(plant);
  if (!shell) return cb(unknown_plant(plant));
  shell->post([system, until, reason = std::move(reason), by = std::move(by.name),
               cb = std::move(cb)](plant_shell& s) mutable {
    s.core().pause_endpoint(system, until, std::move(reason), std::move(by), s.now(),
                            std::move(cb));
  });
}

void node_engine::plants(done<std::vector<plant_status>> cb) {
  gather<plant_status>(
      all(),
      [this](plant_shell& s) -> result<std::vector<plant_status>> {
        const auto h = s.core().status();
        const auto g = s.group();
        plant_status out;
        out.plant = s.plant();
        out.generation = s.generation();
        out.term = g.term;
        out.commit = g.committed;
        out.applied = h.applied;
        out.checkpoint = h.checkpoint;
        out.resident = h.resident;
        out.in_flight = h.in_flight;
        out.parked = h.exceptions;
        out.timers = h.timers;
        out.quarantined = h.quarantined;
        for (auto& q : s.core().quarantined(quarantined_max))
          out.quarantined_actors.emplace_back(std::move(q.actor), std::move(q.why));
        out.chain_head = chain_head(s, h.applied);
        return std::vector<plant_status>{std::move(out)};
      },
      [this, cb = std::move(cb)](result<std::vector<plant_status>> r) {
        if (!r || stopping_) return cb(std::move(r));
        loop_->call([this, cb, all = std::move(*r)](loop_core& core) mutable {
          add_members(all, core);
          cb(std::move(all));
        });
      });
}

void node_engine::statistics(done<std::vector<std::pair<std::string, host_status>>> cb) {
  using named = std::pair<std::string, host_status>;
  gather<named>(
      all(),
      [](plant_shell& s) -> result<std::vector<named>> {
        return std::vector<named>{{s.plant(), s.core().status()}};
      },
      std::move(cb));
}

void node_engine::loop_statistics(std::function<void(loop_status)> cb) {
  loop_->call([cb = std::move(cb)](loop_core& core) { cb(core.status()); });
}

}  // namespace millrace
