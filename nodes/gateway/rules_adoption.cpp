// From rule sets to what a plant works by: read the sets, merge them, and let the plant adopt the
// outcome by one entry of its journal. Level-triggered: it compares what is with what should be, so
// a step that was lost is made up for by the next look.
#include <flatbuffers/flatbuffers.h>

#include <algorithm>
#include <optional>

#include "actors/rules.hpp"
#include "cluster/each_reply.hpp"
#include "cluster/led_here.hpp"
#include "nodes/gateway/correlation.hpp"
#include "nodes/gateway/rules.hpp"

namespace millrace::gateway {
namespace {

constexpr unsigned ticks_between_looks = 5;

template <class Table>
std::unique_ptr<typename Table::NativeTableType> unpacked(const result<actor_view>& view) {
  if (!view || view->sequence == 0) return nullptr;
  auto out = std::make_unique<typename Table::NativeTableType>();
  flatbuffers::GetRoot<Table>(view->state.data())->UnPackTo(out.get());
  return out;
}

/// Plant, then the three sets, then the plant again.
struct adopting : std::enable_shared_from_this<adopting> {
  engine_api& engine;
  std::string plant;
  std::function<void(adoption)> then;
  std::unique_ptr<millrace::plant::StateT> site;
  std::unique_ptr<millrace::rule_set::StateT> enterprise, region, own;

  adopting(engine_api& e, std::string p, std::function<void(adoption)> f)
      : engine(e), plant(std::move(p)), then(std::move(f)) {}

  void read(address where, std::function<void(result<actor_view>)> next) {
    if (!engine.has_plant(where.plant)) return next(error{"actor.unknown", {}});
    engine.read(std::move(where), consistency::leader,
                [self = shared_from_this(), next = std::move(next)](result<actor_view> view) {
                  if (!view && view.error().code != "actor.unknown")
                    return self->end({self->plant, false, 0, view.error()});
                  next(std::move(view));
                });
  }
  void start() {
    read({plant, "plant", plant}, [this](auto view) {
      site = unpacked<millrace::plant::State>(view);
      if (!site || site->life == millrace::plant::Life::retired) return end({plant, false, 0, {}});
      read_enterprise();
    });
  }
  void read_enterprise() {
    const std::string home(actors::enterprise_plant);
    read({home, "rule_set", std::string(actors::enterprise_rules)}, [this, home](auto view) {
      enterprise = unpacked<millrace::rule_set::State>(view);
      read({home, "rule_set", actors::region_rules(site->region)}, [this](auto found) {
        region = unpacked<millrace::rule_set::State>(found);
        read({plant, "rule_set", std::string(actors::plant_rules)}, [this](auto last) {
          own = unpacked<millrace::rule_set::State>(last);
          adopt();
        });
      });
    });
  }
  [[nodiscard]] static std::uint64_t version(
      const std::unique_ptr<millrace::rule_set::StateT>& set) {
    return set ? set->version : 0;
  }
  void adopt() {
    if (version(enterprise) == site->enterprise_rules && version(region) == site->region_rules &&
        version(own) == site->plant_rules)
      return end({plant, false, 0, {}});
    millrace::plant::AdoptRulesT command;
    command.rules = actors::merge_rules(enterprise.get(), region.get(), own.get());
    command.enterprise_version = version(enterprise);
    command.region_version = version(region);
    command.plant_version = version(own);
    request r;
    r.to = {plant, "plant", plant};
    r.command = static_cast<std::uint8_t>(
        millrace::plant::schema::command_member<millrace::plant::AdoptRulesT>());
    r.body = decision<millrace::plant::schema>::pack(command);
    r.from.name = "millrace-rules";
    r.from.systems = static_cast<system_set>(1u << static_cast<unsigned>(System::ops));
    r.system = System::ops;
    r.correlation = make_correlation();
    std::vector<request> batch;
    batch.push_back(std::move(r));
    engine.submit(std::move(batch),
                  std::make_shared<each_reply>([self = shared_from_this()](reply answer) {
                    const bool fine = answer.outcome == engine::Outcome::accepted;
                    self->end({self->plant, fine, answer.sequence,
                               fine ? error{} : error{answer.code, answer.detail}});
                  }));
  }
  void end(adoption how) {
    if (auto f = std::exchange(then, nullptr)) f(std::move(how));
  }
};

}  // namespace

void adopt_rules(engine_api& engine, std::string plant, std::function<void(adoption)> then) {
  std::make_shared<adopting>(engine, std::move(plant), std::move(then))->start();
}

void rule_keeper::tick() {
  {
    const std::lock_guard lock(mutex_);
    if (busy_ || ++ticks_ % ticks_between_looks != 0) return;
    busy_ = true;
  }
  engine_.plants([self = shared_from_this()](result<std::vector<plant_status>> plants) {
    {
      const std::lock_guard lock(self->mutex_);
      self->todo_.clear();
      if (plants)
        for (const auto& p : *plants)
          if (p.plant != actors::enterprise_plant && led_here(p)) self->todo_.push_back(p.plant);
    }
    self->next();
  });
}

void rule_keeper::next() {
  std::string plant;
  {
    const std::lock_guard lock(mutex_);
    if (todo_.empty()) {
      busy_ = false;
      return;
    }
    plant = std::move(todo_.back());
    todo_.pop_back();
  }
  adopt_rules(engine_, std::move(plant),
              [self = shared_from_this()](const adoption&) { self->next(); });
}

}  // namespace millrace::gateway
