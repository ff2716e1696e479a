// Reads the events of every plant at its own pace and measures the service levels: bounded by pages
// a second, restartable by a saved cursor, rebuilt from the journal when that is lost. Alerts go
// back into the plant as commands, so that they are events.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "cluster/engine.hpp"
#include "nodes/slas/sla_core.hpp"
#include "schemas/model.hpp"

namespace millrace::slas {

/// Thread-safe: ticks and questions come from any thread, pages from the engine's.
class reader : public std::enable_shared_from_this<reader> {
 public:
  /// `engine` and `model` outlive it. State is kept in `directory` ("<plant>.json"); empty = none.
  reader(engine_api& engine, const schema_model& model, std::filesystem::path directory)
      : engine_(engine), model_(model), directory_(std::move(directory)) {}

  /// Called about once a second: reads what has come, saves now and then.
  void tick(timestamp now);
  /// No more reads; saves. Call before the engine goes.
  void stop();

  /// Calls `f` with the figures of each plant that is measured (or of that one), under the lock.
  void each(std::string_view plant, timestamp now,
            const std::function<void(const std::string& plant, const std::vector<figures>& all,
                                     bool caught_up)>& f) const;
  /// Breaches of one service level at a plant; empty when there are none.
  [[nodiscard]] std::vector<breach> breaches_of(const std::string& plant,
                                                std::string_view name) const;

 private:
  struct track {
    core measured;
    std::uint64_t index = 0;
    std::uint32_t ordinal = 0;
    bool busy = false, caught_up = false, dirty = false, loaded = false;
    bool leads = true;                 // of several that measure, the leader's node tells alerts
    unsigned pages = 0;                // left of this tick
    std::map<std::string, bool> told;  // alerts as the plant knows them
    std::int64_t saved_us = 0;
  };
  void pull(const std::string& plant);
  void take(const std::string& plant, result<event_page> page);
  void apply(track& t, const event_view& e) const;
  void tell_alerts(const std::string& plant, track& t, timestamp now);
  void load(const std::string& plant, track& t) const;
  void save(const std::string& plant, track& t, timestamp now) const;
  [[nodiscard]] std::filesystem::path file_of(const std::string& plant) const;

  engine_api& engine_;
  const schema_model& model_;
  std::filesystem::path directory_;
  mutable std::mutex mutex_;
  std::map<std::string, track> tracks_;
  timestamp now_;
  bool stopped_ = false;
};

}  // namespace millrace::slas
