// References are found in a table of what changed or was looked up; what is in neither is read from
// its checkpoint row. Readers share the lock, so that a worker never waits for another reader.
#include "cluster/plant_world.hpp"

#include <mutex>

#include "cluster/state_tables.hpp"

namespace millrace {

std::string plant_world::rule(std::string_view name, std::string_view fallback) const {
  const auto found = rules_.find(name);
  return found == rules_.end() ? std::string(fallback) : found->second;
}

result<std::shared_ptr<const reference_state>> plant_world::look_up(std::string_view kind_name,
                                                                    std::string_view id) {
  using found_state = std::shared_ptr<const reference_state>;
  std::string local;
  local.reserve(kind_name.size() + 1 + id.size());
  local.append(kind_name).append(1, '/').append(id);
  {
    const std::shared_lock lock(mutex_);
    if (const auto found = references_.find(local); found != references_.end()) {
      if (found->second) return found->second;
      return error{"state.damaged", local + " is quarantined"};
    }
  }
  const auto* k = kinds_.find(kind_name);
  if (!k) return found_state();
  auto made = read(*k, local);
  if (!made && damaged_) damaged_(local);
  if (!made || !*made) return made;
  const std::unique_lock lock(mutex_);
  const auto& kept = references_.try_emplace(std::move(local), std::move(*made)).first->second;
  if (kept) return kept;
  return error{"state.damaged", std::string(kind_name) + '/' + std::string(id)};
}

/// From its row; null when there is none. Error: state.damaged.
result<std::shared_ptr<const reference_state>> plant_world::read(const kind& k,
                                                                 const std::string& local) {
  using found_state = std::shared_ptr<const reference_state>;
  const auto row = read_actor_row(io_.here(), plant_, local);
  if (!row) return row.error();
  if (!*row) return found_state();
  const bytes aligned((*row)->begin(),
                      (*row)->end());  // as FlatBuffers want it: the row lies anywhere in its page
  flatbuffers::Verifier verifier(aligned.data(), aligned.size());
  if (!verifier.VerifyBuffer<engine::ActorRow>(nullptr)) return error{"state.damaged", local};
  const auto* table = flatbuffers::GetRoot<engine::ActorRow>(aligned.data());
  if (table->sequence() == 0 || !table->state()) return found_state();
  auto made = std::make_shared<reference_state>();
  made->state = k.load({table->state()->data(), table->state()->size()});
  if (!made->state) return error{"state.damaged", local};
  made->native = k.native(*made->state);
  made->sequence = table->sequence();
  return found_state(std::move(made));
}

result<std::optional<bytes>> plant_world::read_row(std::string_view actor, std::string_view table,
                                                   std::string_view key) {
  return read_child_row(io_.here(), plant_, actor, table, key);
}

void plant_world::publish(const std::string& local, std::shared_ptr<const reference_state> state) {
  const std::unique_lock lock(mutex_);
  references_[local] = std::move(state);
}

bool plant_world::withheld(const std::string& local) {
  const std::shared_lock lock(mutex_);
  const auto found = references_.find(local);
  return found != references_.end() && !found->second;
}

void plant_world::clear() {
  const std::unique_lock lock(mutex_);
  references_.clear();
}

void plant_world::forget(const std::string& local) {
  const std::unique_lock lock(mutex_);
  references_.erase(local);
}

}  // namespace millrace
