// What the actors of one plant may see of the world outside themselves: bound systems, rules,
// references, stored rows. Shared by all workers; only the table of references ever changes, and
// that seldom.
#pragma once

#include <functional>
#include <map>
#include <shared_mutex>
#include <string>
#include <unordered_map>

#include "cluster/cell.hpp"
#include "cluster/inflight.hpp"
#include "cluster/state_io.hpp"

namespace millrace {

using rule_map = std::map<std::string, std::string, std::less<>>;

class plant_world final : public environment {
 public:
  /// All outlive it. `bound`: the systems with an endpoint at this plant. `marks` may be null.
  plant_world(std::string plant, std::uint32_t generation, system_set bound, const rule_map& rules,
              const kind_registry& kinds, state_io& io, inflight_marks* marks = nullptr)
      : plant_(std::move(plant)),
        generation_(generation),
        bound_(bound),
        rules_(rules),
        kinds_(kinds),
        io_(io),
        marks_(marks) {}

  [[nodiscard]] std::string_view plant() const override { return plant_; }
  [[nodiscard]] std::uint32_t generation() const override { return generation_; }
  [[nodiscard]] bool bound(System system) const override {
    return (bound_ >> static_cast<unsigned>(system)) & 1u;
  }
  [[nodiscard]] std::string rule(std::string_view name, std::string_view fallback) const override;
  [[nodiscard]] result<std::shared_ptr<const reference_state>> look_up(
      std::string_view kind, std::string_view id) override;
  [[nodiscard]] result<std::optional<bytes>> read_row(std::string_view actor,
                                                      std::string_view table,
                                                      std::string_view key) override;
  [[nodiscard]] bool deciding(hash128 id, std::string_view local) override {
    return marks_ == nullptr || marks_->begin(id, plant_, local);
  }
  void decided() override {
    if (marks_ != nullptr) marks_->end();
  }

  /// Called with "kind/id", on the thread that looked, when a row that was looked for is damaged:
  /// it should be loaded (which rebuilds it) and published. Before the first look_up.
  void when_damaged(std::function<void(const std::string&)> call) { damaged_ = std::move(call); }

  /// From now on look_up finds this one; with null it fails. Everything that changed since the last
  /// checkpoint was published once.
  void publish(const std::string& local, std::shared_ptr<const reference_state> state);
  /// True after publish(local, null).
  [[nodiscard]] bool withheld(const std::string& local);
  /// All that was published means nothing any more: the rows are others.
  void clear();
  /// There is no such actor, after all.
  void forget(const std::string& local);

 private:
  [[nodiscard]] result<std::shared_ptr<const reference_state>> read(const kind& k,
                                                                    const std::string& local);

  std::string plant_;
  std::uint32_t generation_;
  system_set bound_;
  const rule_map& rules_;
  const kind_registry& kinds_;
  state_io& io_;
  inflight_marks* marks_;
  std::function<void(const std::string&)> damaged_;
  std::shared_mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<const reference_state>> references_;
};

}  // namespace millrace
