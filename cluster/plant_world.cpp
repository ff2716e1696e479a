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

std::shared_ptr<const reference_state> plant_world::look_up(std::string_view kind_name,
                                                            std::string_view id) {
  std::string local;
  local.reserve(kind_name.size() + 1 + id.size());
  local.append(kind_name).append(1, '/').append(id);
  {
    const std::shared_lock lock(mutex_);
    if (const auto found = references_.find(local); found != references_.end())
      return found->second;
  }
  const auto* k = kinds_.find(kind_name);
  if (!k) return nullptr;
  const auto row = read_actor_row(io_.here(), plant_, local);
  if (!row || !*row) return nullptr;
  const bytes aligned((*row)->begin(),
                      (*row)->end());  // as FlatBuffers want it: the row lies anywhere in its page
  flatbuffers::Verifier verifier(aligned.data(), aligned.size());
  if (!verifier.VerifyBuffer<engine::ActorRow>(nullptr)) return nullptr;
  const auto* table = flatbuffers::GetRoot<engine::ActorRow>(aligned.data());
  if (table->sequence() == 0 || !table->state()) return nullptr;
  auto made = std::make_shared<reference_state>();
  made->state = k->load({table->state()->data(), table->state()->size()});
  if (!made->state) return nullptr;
  made->native = k->native(*made->state);
  made->sequence = table->sequence();
  const std::unique_lock lock(mutex_);
  return references_.try_emplace(std::move(local), std::move(made)).first->second;
}

result<std::optional<bytes>> plant_world::read_row(std::string_view actor, std::string_view table,
                                                   std::string_view key) {
  return read_child_row(io_.here(), plant_, actor, table, key);
}

void plant_world::publish(const std::string& local, std::shared_ptr<const reference_state> state) {
  const std::unique_lock lock(mutex_);
  references_[local] = std::move(state);
}

}  // namespace millrace
