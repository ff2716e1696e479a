// A node's log without thread and clock: loop_core on the simulated disk, and a listener that
// remembers. Shared by the tests of journal, group and replication loop.
#pragma once

#include <boost/test/unit_test.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cluster/entry.hpp"
#include "cluster/loop_core.hpp"
#include "cluster/memory_store.hpp"

namespace millrace::test {

inline shared_bytes payload(const std::string& text) {
  return std::make_shared<const bytes>(text.begin(), text.end());
}

/// A well-formed entry with one record that says `text`.
inline shared_bytes entry_of(const std::string& text) {
  engine::RecordT r;
  r.actor = "order/1";
  r.detail = text;
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(engine::Record::Pack(builder, &r));
  entry_builder b;
  b.add({builder.GetBufferPointer(), builder.GetSize()});
  return b.finish(timestamp::from_micros(1));
}

/// What a host would know.
class recorder final : public group_listener {
 public:
  void on_committed(group_number, std::span<const log_entry> entries,
                    const group_status& status) override {
    for (const log_entry& e : entries) {
      BOOST_REQUIRE(committed.empty() || e.index == committed.back().index + 1);
      committed.push_back(e);
    }
    BOOST_REQUIRE_EQUAL(status.delivered, committed.back().index);
    BOOST_REQUIRE(status.delivered <= status.durable);
  }
  void on_refused(group_number, std::span<const shared_bytes> payloads, const error& why) override {
    for (const shared_bytes& p : payloads) refused.emplace_back(p, why.code);
  }
  void on_role(group_number, const group_status& status) override { roles.push_back(status); }

  [[nodiscard]] std::vector<std::string> texts() const {
    std::vector<std::string> out;
    for (const log_entry& e : committed)
      if (e.type == entry_type::command) out.emplace_back(e.payload->begin(), e.payload->end());
    return out;
  }

  std::vector<log_entry> committed;
  std::vector<std::pair<shared_bytes, std::string>> refused;
  std::vector<group_status> roles;
};

/// A process on a disk; a new one on the same disk is the restart.
struct process {
  explicit process(const std::shared_ptr<memory_disk>& on, loop_options options = {})
      : disk(on), store(on), core(store, options) {
    BOOST_REQUIRE(core.load());
  }
  /// Opens a group whose host has applied everything up to `applied`.
  group_number open(const std::string& name, journal_index applied = 0) {
    listener = std::make_shared<recorder>();
    auto number = core.open_group(name, applied, listener, now);
    BOOST_REQUIRE(number);
    return *number;
  }
  [[nodiscard]] bool turn() {
    auto done = core.turn(++now);
    BOOST_REQUIRE(done);
    return *done;
  }
  std::shared_ptr<memory_disk> disk;
  memory_store store;
  loop_core core;
  std::shared_ptr<recorder> listener;  // of the group opened last
  std::uint64_t now = 1000;
};

}  // namespace millrace::test
