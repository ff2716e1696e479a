// Business rules over HTTP, and their way to the plants.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "nodes/gateway/core.hpp"

namespace millrace::gateway {

/// GET /v1/rules[?plant=]: the catalogue; of a plant with what it works by.
void get_rules(core& g, const call_ptr& c);
/// PUT /v1/rules {level, region | plant, rules, reason}: sets them, then the plants adopt.
void put_rules(core& g, const call_ptr& c);
/// GET /v1/rules/history?level=&region=&plant=: the versions of a set.
void get_rule_history(core& g, const call_ptr& c);
/// POST /v1/rules/dry-run {plant, rules, after?}: what they would have changed in the past.
void post_rules_dry_run(core& g, const call_ptr& c);

/// How an adoption went: nothing to do, adopted with the plant's new sequence, or why not.
struct adoption {
  std::string plant;
  bool changed = false;
  std::uint64_t sequence = 0;
  error why;  // code empty = fine
};
/// Brings a plant to the rules that the sets of enterprise, region and plant say now. `then` is
/// called once, on an engine thread. Does nothing when the plant works by them already.
void adopt_rules(engine_api& engine, std::string plant, std::function<void(adoption)> then);

/// Lets every plant adopt what it has missed (commissioned later, cut off when the rules were set).
/// One round at a time; thread-safe.
class rule_keeper : public std::enable_shared_from_this<rule_keeper> {
 public:
  explicit rule_keeper(engine_api& engine) : engine_(engine) {}
  /// Called about once a second; looks every few seconds.
  void tick();

 private:
  void next();
  engine_api& engine_;
  std::mutex mutex_;
  std::vector<std::string> todo_;
  bool busy_ = false;
  unsigned ticks_ = 0;
};

}  // namespace millrace::gateway
