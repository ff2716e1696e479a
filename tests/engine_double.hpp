// An engine for the gateway's own tests: remembers what it was asked, answers from tables that the
// test fills. The real engine is tested end to end elsewhere; here only what the gateway makes of
// its answers counts.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "cluster/engine.hpp"
#include "schemas/json.hpp"

namespace millrace::tests {

/// A native table as a FlatBuffer.
template <class Native>
bytes packed_table(const Native& native) {
  flatbuffers::FlatBufferBuilder b;
  b.Finish(Native::TableType::Pack(b, &native));
  return bytes(b.GetBufferPointer(), b.GetBufferPointer() + b.GetSize());
}

class engine_double final : public engine_api {
 public:
  // what the test fills
  std::set<std::string> plant_names;
  std::map<std::string, actor_view> actors;                 // by "plant/kind/id"
  std::map<std::string, actor_view> read_also;              // found by `read`, in no list
  std::map<std::string, std::vector<row_view>> row_tables;  // by "plant/kind/id/table"
  std::vector<event_view> journal;                          // of every plant alike
  std::vector<exception_view> exception_list;
  std::vector<delivery_view> deadletter_list;
  std::vector<endpoint_view> endpoint_list;
  std::map<std::string, std::vector<hop>> transactions;
  std::function<reply(const request&)> decide;  // null = accepted, sequence 1
  bool filters = false;                         // lists mind their filters
  bool is_ready = true;
  bool hold_replies = false;  // replies wait until release()
  // what it was asked
  std::vector<request> asked;
  std::vector<std::size_t> batch_sizes;
  std::vector<list_query> listed;
  std::vector<std::string> acted;  // operators' acts, as text
  std::vector<consistency> read_how;

  void submit(std::vector<request> batch, std::shared_ptr<reply_sink> sink) override {
    std::vector<reply> out;
    {
      const std::lock_guard lock(mutex);
      batch_sizes.push_back(batch.size());
      for (auto& r : batch) {
        auto answer = decide ? decide(r) : accepted(r);
        answer.tag = r.tag;
        if (answer.correlation.empty()) answer.correlation = r.correlation;
        out.push_back(std::move(answer));
        asked.push_back(std::move(r));
      }
      if (hold_replies) {
        held.emplace_back(std::move(sink), std::move(out));
        return;
      }
    }
    sink->on_replies(std::move(out));
  }
  void release() {
    std::vector<std::pair<std::shared_ptr<reply_sink>, std::vector<reply>>> all;
    {
      const std::lock_guard lock(mutex);
      hold_replies = false;
      all.swap(held);
    }
    for (auto& [sink, replies] : all) sink->on_replies(std::move(replies));
  }
  static reply accepted(const request&) {
    reply r;
    r.sequence = 1;
    return r;
  }

  void read(address where, consistency how, done<actor_view> cb) override {
    read_how.push_back(how);
    for (const auto* known : {&actors, &read_also})
      if (const auto found = known->find(where.to_string()); found != known->end())
        return cb(found->second);
    cb(error{"actor.unknown", "no actor " + where.to_string()});
  }
  void list(list_query q, done<list_page> cb) override {
    listed.push_back(q);
    list_page page;
    for (const auto& [name, view] : actors) {
      if (view.where.plant != q.plant || view.where.kind != q.kind || view.where.id <= q.after)
        continue;
      if (filters && !matches(q, view)) continue;
      if (page.items.size() == q.limit) {
        page.next = page.items.back().where.id;
        break;
      }
      page.items.push_back(view);
    }
    cb(std::move(page));
  }
  static bool matches(const list_query& q, const actor_view& view) {
    const auto* kind = schema_model::built_in().kind(q.kind);
    return std::all_of(q.filters.begin(), q.filters.end(), [&](const auto& f) {
      return field_text(kind->state, view.state, '/' + f.first) == f.second;
    });
  }
  void rows(address where, std::string table, std::string after, std::uint32_t limit,
            done<std::vector<row_view>> cb) override {
    std::vector<row_view> out;
    for (const auto& r : row_tables[where.to_string() + '/' + table])
      if (r.key > after && out.size() < limit) out.push_back(r);
    cb(std::move(out));
  }
  void events(event_query q, done<event_page> cb) override {
    event_page page;
    page.at_head = true;
    page.next_index = q.index;
    page.next_ordinal = q.ordinal;
    std::vector<event_view> all;
    {
      const std::lock_guard lock(mutex);
      all = journal;
    }
    for (const auto& e : all) {
      if (std::pair(e.index, e.ordinal) <= std::pair(q.index, q.ordinal)) continue;
      if (page.events.size() == q.limit) {
        page.at_head = false;
        break;
      }
      page.next_index = e.index;
      page.next_ordinal = e.ordinal;
      if (e.type.rfind(q.type_prefix, 0) == 0 &&
          (q.types.empty() || std::ranges::count(q.types, e.type) > 0) &&
          (q.actor.empty() || q.actor == e.kind + '/' + e.id))
        page.events.push_back(e);
    }
    cb(std::move(page));
  }
  std::shared_ptr<void> watch(std::string, std::function<void()> wake) override {
    const std::lock_guard lock(mutex);
    auto handle = std::make_shared<std::function<void()>>(std::move(wake));
    watchers.push_back(handle);
    return handle;
  }
  /// Appends an event and wakes who watches.
  void commit(event_view e) {
    std::vector<std::weak_ptr<std::function<void()>>> all;
    {
      const std::lock_guard lock(mutex);
      journal.push_back(std::move(e));
      all = watchers;
    }
    for (const auto& w : all)
      if (auto call = w.lock()) (*call)();
  }
  void transaction(std::string correlation, done<std::vector<hop>> cb) override {
    cb(transactions[correlation]);
  }
  void exceptions(std::string plant, std::string code, std::string after, std::uint32_t limit,
                  done<std::vector<exception_view>> cb) override {
    std::vector<exception_view> out;
    for (const auto& x : exception_list)
      if ((plant.empty() || plant == x.plant) && (code.empty() || code == x.code) && x.id > after &&
          out.size() < limit)
        out.push_back(x);
    cb(std::move(out));
  }
  void deadletters(std::string plant, std::string after, std::uint32_t limit,
                   done<std::vector<delivery_view>> cb) override {
    std::vector<delivery_view> out;
    for (const auto& d : deadletter_list)
      if ((plant.empty() || plant == d.plant) && d.id > after && out.size() < limit)
        out.push_back(d);
    cb(std::move(out));
  }
  void deadletter(std::string id, deadletter_op op, bytes edited, principal by,
                  done<void> cb) override {
    const bool known = std::any_of(deadletter_list.begin(), deadletter_list.end(),
                                   [&](const auto& d) { return d.id == id; });
    if (!known) return cb(error{"deadletter.unknown", "no dead letter " + id});
    acted.push_back(std::string(op == deadletter_op::retry ? "retry " : "discard ") + id +
                    (edited.empty() ? "" : " edited") + " by " + by.name);
    cb({});
  }
  void endpoints(done<std::vector<endpoint_view>> cb) override { cb(endpoint_list); }
  void pause_endpoint(std::string plant, System system, timestamp until, std::string reason,
                      principal by, done<void> cb) override {
    acted.push_back("pause " + plant + '/' + EnumNameSystem(system) + ' ' +
                    (until.given() ? until.to_string() : "now") + ' ' + reason + " by " + by.name);
    cb({});
  }
  void plants(done<std::vector<plant_status>> cb) override {
    std::vector<plant_status> out;
    for (const auto& name : plant_names) {
      plant_status p;
      p.plant = name;
      p.applied = 7;
      out.push_back(std::move(p));
    }
    cb(std::move(out));
  }
  [[nodiscard]] bool has_plant(std::string_view plant) const override {
    return plant_names.count(std::string(plant)) != 0;
  }
  void create_plant(std::string plant, done<void> cb) override {
    acted.push_back("create " + plant);
    plant_names.insert(std::move(plant));
    cb({});
  }
  [[nodiscard]] bool ready() const override { return is_ready; }

  template <class State>
  void put(const std::string& plant, const std::string& kind, const std::string& id,
           const State& state, std::uint64_t sequence = 1) {
    actor_view v;
    v.where = {plant, kind, id};
    v.sequence = sequence;
    v.stamp = timestamp::from_micros(1'700'000'000'000'000);
    v.state = packed_table(state);
    actors[v.where.to_string()] = std::move(v);
  }

  std::mutex mutex;
  std::vector<std::pair<std::shared_ptr<reply_sink>, std::vector<reply>>> held;
  std::vector<std::weak_ptr<std::function<void()>>> watchers;
};

}  // namespace millrace::tests
