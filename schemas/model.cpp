// Reads the kinds from the reflection data of the embedded binary schema.
#include "schemas/model.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "schemas/common_generated.h"
#include "schemas/model_check.hpp"
#include "schemas/plan.hpp"

extern "C" const std::uint8_t millrace_schema_begin[];
extern "C" const std::uint8_t millrace_schema_end[];

namespace millrace {
namespace {

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

template <class Owner>
std::string doc_of(const Owner& owner) {
  std::string doc;
  if (!owner.documentation()) return doc;
  for (const auto* line : *owner.documentation()) {
    auto text = line->string_view();
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    if (!doc.empty()) doc += ' ';
    doc += text;
  }
  return doc;
}

template <class Owner>
std::string attribute_or_empty(const Owner& owner, const char* key) {
  const auto* value = find_attribute(owner, key);
  return value ? value->str() : std::string();
}

/// Calls `item` with each part of "a, b, c", without blanks around it.
template <class Item>
void for_each_item(std::string_view list, Item item) {
  while (!list.empty()) {
    const auto comma = list.find(',');
    auto part = list.substr(0, comma);
    while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
    while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
    item(part);
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  }
}

std::uint8_t lane_of(std::string_view priority) {
  for (const auto lane : EnumValuesLane())
    if (priority == EnumNameLane(lane)) return static_cast<std::uint8_t>(lane);
  return static_cast<std::uint8_t>(Lane::rest);
}

class kind_reader {
 public:
  kind_reader(const reflection::Schema& schema, const plan_set& plans)
      : schema_(schema), plans_(plans) {}

  kind_model read(const reflection::Object& state) const {
    kind_model kind;
    kind.name = attribute_or_empty(state, "kind");
    kind.collection = attribute_or_empty(state, "collection");
    kind.domain = attribute_or_empty(state, "domain");
    kind.steward = attribute_or_empty(state, "steward");
    kind.referenced = has_attribute(state, "referenced");
    kind.process = has_attribute(state, "process");
    kind.state = table(state);
    const auto full = state.name()->str();
    const auto space = full.substr(0, full.rfind('.') + 1);
    kind.commands = members(space + "Command", &kind_reader::command);
    kind.events = members(space + "Event", &kind_reader::named<0>);
    kind.deliveries = members(space + "Delivery", &kind_reader::named<1>);
    kind.rows = rows(space);
    kind.indexes = indexes(state);
    if (const auto* refusals = schema_.enums()->LookupByKey((space + "Refusal").c_str()))
      for (const auto* value : *refusals->values())
        kind.refusals.emplace_back(value->name()->str(), doc_of(*value));
    return kind;
  }

  table_model table(const reflection::Object& object) const {
    table_model made;
    made.object = &object;
    made.plan = plans_.find(&object);
    made.name = std::string(made.plan->name);
    made.wire_name = made.name;
    made.doc = doc_of(object);
    return made;
  }

 private:
  static constexpr const char* name_attributes[] = {"event", "delivery"};

  table_model command(const reflection::Object& object) const {
    auto made = table(object);
    made.wire_name = kebab_case(made.name);
    for_each_item(attribute_or_empty(object, "owner"), [&made](std::string_view owner) {
      if (owner == "any") made.any_owner = true;
      if (const auto number = system_number(owner))
        made.owners |= static_cast<system_set>(1u << *number);
    });
    made.fact = has_attribute(object, "fact");
    made.is_signed = has_attribute(object, "signed");
    made.creates = has_attribute(object, "creates");
    made.internal = has_attribute(object, "internal");
    made.lane = lane_of(attribute_or_empty(object, "priority"));
    for (const auto* field : *object.fields())
      if (const auto* kind = find_attribute(*field, "reference"))
        made.references.emplace_back(field->name()->str(), kind->str());
    return made;
  }

  template <int Attribute>
  table_model named(const reflection::Object& object) const {
    auto made = table(object);
    made.wire_name = attribute_or_empty(object, name_attributes[Attribute]);
    return made;
  }

  /// The members of a union by number; empty when there is no such union.
  std::vector<table_model> members(const std::string& name,
                                   table_model (kind_reader::*read_one)(const reflection::Object&)
                                       const) const {
    std::vector<table_model> out;
    const auto* listed = schema_.enums()->LookupByKey(name.c_str());
    if (!listed) return out;
    for (const auto* value : *listed->values()) {
      const auto number = static_cast<std::size_t>(value->value());
      if (number > UINT8_MAX) continue;
      if (out.size() <= number) out.resize(number + 1);
      const auto* type = value->union_type();
      if (number == 0 || !type || type->base_type() != reflection::Obj || type->index() < 0)
        continue;
      out[number] = (this->*read_one)(
          *schema_.objects()->Get(static_cast<flatbuffers::uoffset_t>(type->index())));
      out[number].member = static_cast<std::uint8_t>(number);
    }
    return out;
  }

  std::vector<table_model> rows(const std::string& space) const {
    std::vector<table_model> out;
    for (const auto* object : *schema_.objects()) {
      const auto full = object->name()->string_view();
      if (full.rfind('.') + 1 != space.size() || !full.starts_with(space) ||
          !has_attribute(*object, "row"))
        continue;
      out.push_back(table(*object));
      out.back().wire_name = attribute_or_empty(*object, "row");
    }
    return out;
  }

  std::vector<index_model> indexes(const reflection::Object& state) const {
    std::vector<const reflection::Field*> marked;
    for (const auto* field : *state.fields())
      if (has_attribute(*field, "index")) marked.push_back(field);
    std::sort(marked.begin(), marked.end(),
              [](const auto* a, const auto* b) { return a->id() < b->id(); });
    std::vector<index_model> out;
    for (const auto* field : marked) {
      const auto index = field->type()->index();
      const bool is_enum = flatbuffers::IsInteger(field->type()->base_type()) && index >= 0;
      out.push_back(
          {field->name()->str(),
           is_enum ? schema_.enums()->Get(static_cast<flatbuffers::uoffset_t>(index)) : nullptr});
    }
    return out;
  }

  const reflection::Schema& schema_;
  const plan_set& plans_;
};

const table_model* by_wire_name(const std::vector<table_model>& tables, std::string_view name) {
  const auto found = std::find_if(tables.begin(), tables.end(), [name](const auto& t) {
    return t.object && t.wire_name == name;
  });
  return found == tables.end() ? nullptr : &*found;
}

const table_model* by_member(const std::vector<table_model>& tables, std::uint8_t member) {
  return member < tables.size() && tables[member].object ? &tables[member] : nullptr;
}

}  // namespace

const table_model* kind_model::command(std::string_view wire_name) const {
  return by_wire_name(commands, wire_name);
}
const table_model* kind_model::command(std::uint8_t member) const {
  return by_member(commands, member);
}
const table_model* kind_model::event(std::uint8_t member) const {
  return by_member(events, member);
}
const table_model* kind_model::delivery(std::uint8_t member) const {
  return by_member(deliveries, member);
}
const table_model* kind_model::row(std::string_view wire_name) const {
  return by_wire_name(rows, wire_name);
}

schema_model::schema_model() = default;
schema_model::~schema_model() = default;

result<std::shared_ptr<const schema_model>> schema_model::load(bytes_view bfbs) {
  flatbuffers::Verifier verifier(bfbs.data(), bfbs.size());
  if (!reflection::VerifySchemaBuffer(verifier))
    return error{"config.invalid", "not a binary schema"};
  struct constructible : schema_model {};
  const auto made = std::make_shared<constructible>();
  made->schema_ = reflection::GetSchema(bfbs.data());
  made->binary_ = bfbs;
  auto plans = std::make_unique<plan_set>(*made->schema_);
  const kind_reader reader(*made->schema_, *plans);
  for (const auto* object : *made->schema_->objects())
    if (has_attribute(*object, "kind")) made->kinds_.push_back(reader.read(*object));
  made->plans_ = std::move(plans);
  auto findings = check_model(*made);
  if (!findings.empty())
    return error{"config.invalid", "the schema's attributes contradict each other",
                 std::move(findings)};
  return std::shared_ptr<const schema_model>(made);
}

const schema_model& schema_model::built_in() {
  static const auto model = [] {
    auto loaded = load({millrace_schema_begin, millrace_schema_end});
    if (!loaded) {  // the build's own schema: nothing can run with it
      for (const auto& f : loaded.error().findings)
        std::fprintf(stderr, "schema %s: %s\n", f.pointer.c_str(), f.detail.c_str());
      std::abort();
    }
    return *loaded;
  }();
  return *model;
}

const kind_model* schema_model::kind(std::string_view name) const {
  const auto found =
      std::find_if(kinds_.begin(), kinds_.end(), [name](const auto& k) { return k.name == name; });
  return found == kinds_.end() ? nullptr : &*found;
}

const kind_model* schema_model::collection(std::string_view collection) const {
  const auto found = std::find_if(kinds_.begin(), kinds_.end(), [collection](const auto& k) {
    return k.collection == collection;
  });
  return found == kinds_.end() ? nullptr : &*found;
}

std::optional<table_model> schema_model::table(std::string_view full_name) const {
  const auto* object = schema_->objects()->LookupByKey(std::string(full_name).c_str());
  if (!object || object->is_struct()) return std::nullopt;
  return kind_reader(*schema_, *plans_).table(*object);
}

std::string kebab_case(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool is_word_start =
        i > 0 && is_upper(name[i]) &&
        (!is_upper(name[i - 1]) || (i + 1 < name.size() && !is_upper(name[i + 1])));
    if (is_word_start) out += '-';
    out += is_upper(name[i]) ? static_cast<char>(name[i] - 'A' + 'a') : name[i];
  }
  return out;
}

std::optional<std::uint8_t> system_number(std::string_view name) {
  for (const auto system : EnumValuesSystem())
    if (system != System::none && name == EnumNameSystem(system))
      return static_cast<std::uint8_t>(system);
  return std::nullopt;
}

std::string system_names(system_set systems) {
  std::string out;
  for (const auto system : EnumValuesSystem()) {
    if (system == System::none || !((systems >> static_cast<unsigned>(system)) & 1u)) continue;
    if (!out.empty()) out += ", ";
    out += EnumNameSystem(system);
  }
  return out;
}

}  // namespace millrace
