// The person that a command names in its own body, found by its schema.
#include "cluster/approval.hpp"

#include <flatbuffers/reflection.h>

#include "schemas/model.hpp"

namespace millrace {

std::string_view person_named_in(const table_model& command, std::span<const std::uint8_t> body) {
  if (body.empty() || command.object == nullptr) return {};
  const auto* field = command.object->fields()->LookupByKey("person");
  if (field == nullptr || field->type()->base_type() != reflection::String) return {};
  const auto* name =
      flatbuffers::GetFieldS(*flatbuffers::GetRoot<flatbuffers::Table>(body.data()), *field);
  return name == nullptr ? std::string_view() : name->string_view();
}

}  // namespace millrace
