// The rules themselves: one function per thing that has attributes.
#include "schemas/model_check.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <string>

#include "schemas/native.hpp"
#include "schemas/plan.hpp"
#include "schemas/text.hpp"

namespace millrace {
namespace {

constexpr std::array<std::string_view, 9> domains{"production",  "inventory", "quality",
                                                  "maintenance", "logistics", "traceability",
                                                  "masterdata",  "platform",  "system"};
constexpr std::array<std::string_view, 4> lanes{"hold", "release", "confirmation", "rest"};
/// Names that list parameters have for themselves.
constexpr std::array<std::string_view, 4> list_parameters{"limit", "cursor", "consistency",
                                                          "history"};
/// The table attributes of common.fbs and the roles that may carry them.
struct placement {
  const char* attribute;
  std::string_view role;
};
constexpr std::array placements{placement{"kind", "state"},       placement{"collection", "state"},
                                placement{"domain", "state"},     placement{"steward", "state"},
                                placement{"referenced", "state"}, placement{"process", "state"},
                                placement{"owner", "command"},    placement{"fact", "command"},
                                placement{"priority", "command"}, placement{"signed", "command"},
                                placement{"creates", "command"},  placement{"internal", "command"},
                                placement{"event", "event"},      placement{"delivery", "delivery"},
                                placement{"row", "row"}};
constexpr std::size_t field_name_max = 60;
constexpr std::size_t fields_max = 256;

template <class List>
bool contains(const List& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

/// True for lower-case words of letters and digits joined by `joint`, the first beginning with a
/// letter.
bool is_words(std::string_view text, char joint) {
  if (text.empty() || text.front() < 'a' || text.front() > 'z' || text.back() == joint)
    return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!is_letter && !(c == joint && text[i - 1] != joint)) return false;
  }
  return true;
}

/// "domain.noun.verb.vN": at least three words and a version.
bool is_public_name(std::string_view name) {
  std::size_t words = 0;
  while (true) {
    const auto dot = name.find('.');
    const auto part = name.substr(0, dot);
    if (dot == std::string_view::npos)
      return words >= 3 && part.size() >= 2 && part[0] == 'v' && part[1] != '0' &&
             std::all_of(part.begin() + 1, part.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!is_words(part, '_')) return false;
    ++words;
    name.remove_prefix(dot + 1);
  }
}

class checker {
 public:
  explicit checker(const schema_model& model) : model_(model) {}

  std::vector<finding> run() {
    for (const auto& kind : model_.kinds()) check_kind(kind);
    return std::move(findings_);
  }

 private:
  void add(std::string pointer, std::string detail) {
    findings_.push_back({std::move(pointer), std::move(detail)});
  }

  void check_kind(const kind_model& kind) {
    const auto at = "/" + kind.name;
    const auto full = kind.state.object->name()->str();
    state_ = kind.state.object;
    if (!is_words(kind.name, '_'))
      add(at, "the kind's name must be lower-case words joined by '_'");
    if (full != "millrace." + kind.name + ".State")
      add(at, "kind stands on " + full + ", not on millrace." + kind.name + ".State");
    if (!is_words(kind.collection, '-'))
      add(at + "/collection", "must be lower-case words joined by '-'");
    if (!contains(domains, kind.domain))
      add(at + "/domain", "unknown domain \"" + kind.domain + "\"");
    if (kind.steward.empty()) add(at + "/steward", "is missing");
    if (!names_.insert("kind " + kind.name).second) add(at, "another kind has this name");
    if (!names_.insert("collection " + kind.collection).second)
      add(at + "/collection", "another kind has this collection");
    if (kind.commands.size() < 2) add(at, "has no union Command with a member");
    if (kind.events.size() < 2) add(at, "has no union Event with a member");
    check_table(at, kind.state, "state");
    for (const auto& command : kind.commands)
      if (command.object) check_command(at, command);
    for (const auto& event : kind.events)
      if (event.object) check_named(at, event, "event");
    for (const auto& delivery : kind.deliveries)
      if (delivery.object) check_named(at, delivery, "delivery");
    std::set<std::string> rows;
    for (const auto& row : kind.rows) {
      check_table(at, row, "row");
      if (!rows.insert(row.wire_name).second)
        add(at + "/" + row.name, "another row table is called " + row.wire_name);
    }
    for (const auto& [name, doc] : kind.refusals) {
      if (!is_words(name, '_'))
        add(at + "/Refusal/" + name, "must be lower-case words joined by '_'");
      if (doc.empty()) add(at + "/Refusal/" + name, "has no doc comment, which is its title");
    }
    check_nested(at, kind);
  }

  void check_command(const std::string& kind_at, const table_model& command) {
    const auto at = kind_at + "/" + command.name;
    const auto* owner = find_attribute(*command.object, "owner");
    if (command.internal && owner)
      add(at + "/owner", "an internal command is sent by actors and has no owner");
    if (!command.internal && !owner)
      add(at + "/owner", "is missing: which systems may send it, or internal");
    if (owner) check_owners(at + "/owner", owner->string_view(), command);
    if (const auto* lane = find_attribute(*command.object, "priority");
        lane && !contains(lanes, lane->string_view()))
      add(at + "/priority", "unknown lane \"" + lane->str() + "\"");
    check_table(kind_at, command, "command");
  }

  void check_owners(const std::string& at, std::string_view owners, const table_model& command) {
    if (command.any_owner && command.owners != 0) add(at, "\"any\" stands alone");
    while (true) {
      const auto comma = owners.find(',');
      auto part = owners.substr(0, comma);
      while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
      while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
      if (part != "any" && !system_number(part))
        add(at, "unknown system \"" + std::string(part) + "\"");
      if (comma == std::string_view::npos) return;
      owners.remove_prefix(comma + 1);
    }
  }

  void check_named(const std::string& kind_at, const table_model& table, const char* role) {
    const auto at = kind_at + "/" + table.name;
    if (!is_public_name(table.wire_name))
      add(at + "/" + role, "\"" + table.wire_name + "\" is not domain.noun.verb.vN");
    if (!names_.insert(std::string(role) + " " + table.wire_name).second)
      add(at + "/" + role, table.wire_name + " is taken");
    check_table(kind_at, table, role);
  }

  /// A table with a role: its own attributes, then its fields.
  void check_table(const std::string& kind_at, const table_model& table, std::string_view role) {
    const auto at = kind_at + "/" + table.name;
    for (const auto& [attribute, owner] : placements)
      if (owner != role && has_attribute(*table.object, attribute))
        add(at + "/" + attribute, "does not belong on a " + std::string(role));
    for (const auto* field : *table.object->fields()) {
      const auto field_at = at + "/" + field->name()->str();
      if (role != "command" && field->required())
        add(field_at, "required stands on fields of commands only");
      if (has_attribute(*field, "index")) check_index(field_at, *field, role);
    }
    check_fields(at, *table.object, *table.plan);
  }

  void check_index(const std::string& at, const reflection::Field& field, std::string_view role) {
    const auto base = field.type()->base_type();
    const bool is_enum =
        flatbuffers::IsInteger(base) && base != reflection::UType && field.type()->index() >= 0;
    if (role != "state") add(at + "/index", "only fields of State are indexed");
    if (base != reflection::String && !is_enum)
      add(at + "/index", "only strings and enums are indexed");
    if (contains(list_parameters, field.name()->string_view()))
      add(at, "lists have a parameter of that name");
  }

  /// Every table that hangs below the kind's own, once.
  void check_nested(const std::string& at, const kind_model& kind) {
    std::set<const table_plan*> seen;
    std::vector<const table_plan*> open;
    const auto put = [&](const std::vector<table_model>& tables) {
      for (const auto& table : tables)
        if (table.plan) open.push_back(table.plan);
    };
    open.push_back(kind.state.plan);
    put(kind.commands), put(kind.events), put(kind.deliveries), put(kind.rows);
    const std::set<const table_plan*> own(open.begin(), open.end());
    while (!open.empty()) {
      const auto* plan = open.back();
      open.pop_back();
      if (!seen.insert(plan).second) continue;
      if (!own.contains(plan))
        check_fields(at + "/" + std::string(plan->name), *plan->object, *plan);
      for (const auto& field : plan->fields) {
        if (field.table) open.push_back(field.table);
        for (const auto& choice : field.choices) open.push_back(choice.table);
      }
    }
  }

  void check_fields(const std::string& at, const reflection::Object& object,
                    const table_plan& plan) {
    if (object.fields()->size() > fields_max) add(at, "has more than 256 fields");
    for (const auto* field : *object.fields()) {
      const auto field_at = at + "/" + field->name()->str();
      const bool is_union_type = field->type()->base_type() == reflection::UType;
      if (!is_union_type && !has_attribute(*field, "id")) add(field_at, "has no explicit id");
      if (field->name()->size() > field_name_max) add(field_at, "is longer than 60 characters");
      const auto found = std::find_if(plan.fields.begin(), plan.fields.end(), [&](const auto& p) {
        return p.name == field->name()->string_view();
      });
      if (found != plan.fields.end()) {
        check_field(field_at, *field, *found, object);
      } else if (!is_union_type && !field->deprecated()) {
        add(field_at,
            "has a type without a JSON form (structs are Decimal, Time and Hash128; no vectors of "
            "unions)");
      }
    }
  }

  void check_field(const std::string& at, const reflection::Field& field, const field_plan& plan,
                   const reflection::Object& object) {
    const bool is_text = plan.shape == value_shape::text;
    const bool is_number = plan.shape == value_shape::decimal || plan.shape == value_shape::integer;
    if (const auto* kind = find_attribute(field, "reference")) {
      const auto* target = model_.kind(kind->string_view());
      if (!target) add(at + "/reference", "no kind is called \"" + kind->str() + "\"");
      if (target && !target->referenced)
        add(at + "/reference", kind->str() + " is not marked referenced");
      if (!is_text) add(at + "/reference", "only strings refer to actors");
    }
    if (has_attribute(field, "actor_id") && !is_text) add(at + "/actor_id", "only strings are ids");
    for (const char* key : {"minimum", "exclusive_minimum"}) {
      const auto* text = find_attribute(field, key);
      if (text && !decimal::parse(text->string_view()))
        add(at + "/" + key, "\"" + text->str() + "\" is not a decimal");
      if (text && !is_number) add(at + "/" + key, "only numbers have a minimum");
    }
    if (has_attribute(field, "minimum") && has_attribute(field, "exclusive_minimum"))
      add(at, "has two minimums");
    if (has_attribute(field, "max_length")) {
      if (plan.length_max == 0) add(at + "/max_length", "is not a positive whole number");
      if (!is_text && !plan.is_vector)
        add(at + "/max_length", "only strings and vectors have a length");
    }
    if (const auto* unit = find_attribute(field, "unit");
        unit && plan.shape == value_shape::decimal) {
      const bool is_known = is_string(object, *unit) || is_string(*state_, *unit) ||
                            is_unit_code(unit->string_view());
      if (!is_known)
        add(at + "/unit",
            "\"" + unit->str() +
                "\" is neither a string field of this table or of State nor a unit code");
    }
  }

  static bool is_string(const reflection::Object& object, const flatbuffers::String& name) {
    const auto* field = object.fields()->LookupByKey(name.c_str());
    return field && field->type()->base_type() == reflection::String;
  }

  const schema_model& model_;
  const reflection::Object* state_ = nullptr;  // of the kind under check
  std::vector<finding> findings_;
  std::set<std::string> names_;
};

}  // namespace

std::vector<finding> check_model(const schema_model& model) { return checker(model).run(); }

}  // namespace millrace
