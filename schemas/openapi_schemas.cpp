// Tables as JSON Schema 2020-12, as OpenAPI 3.1 embeds it.
#include "schemas/openapi_schemas.hpp"

#include <set>
#include <vector>

#include "schemas/native.hpp"
#include "schemas/plan.hpp"

namespace millrace {
namespace {

constexpr std::string_view common_schemas =
    R"("Decimal":{"description":"Exact decimal with at most six fractional digits. Leaves as a string, comes as a string or a number.","oneOf":[{"type":"string","pattern":"^-?(0|[1-9][0-9]*)(\\.[0-9]+)?$"},{"type":"number"}]},
"Time":{"description":"RFC 3339; leaves in UTC.","type":"string","format":"date-time"},
"Hash":{"type":"string","pattern":"^[0-9a-f]{32}$"},
"Problem":{"description":"RFC 9457. `code` is stable.","type":"object","required":["type","title","status","code"],"properties":{"type":{"type":"string"},"title":{"type":"string"},"status":{"type":"integer"},"detail":{"type":"string"},"instance":{"type":"string"},"code":{"type":"string"},"errors":{"type":"array","items":{"type":"object","properties":{"pointer":{"type":"string"},"detail":{"type":"string"}}}}}},
"Event":{"description":"An event's public name and its table.","type":"object","required":["type"],"properties":{"type":{"type":"string"}}},
"Exception":{"description":"A fact that could not be posted, kept until it can be, or is corrected or discarded.","type":"object","properties":{"id":{"type":"string"},"code":{"type":"string"},"reason":{"type":"string"}}})";

std::string doc_of(const reflection::Field& field) {
  std::string doc;
  if (!field.documentation()) return doc;
  for (const auto* line : *field.documentation()) {
    auto text = line->string_view();
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    if (!doc.empty()) doc += ' ';
    doc += text;
  }
  return doc;
}

void write_reference(const std::string& name, json_text& out) {
  out.open('{').pair("$ref", "#/components/schemas/" + name).close('}');
}

void write_choices(const field_plan& field, json_text& out) {
  out.open('{').key("oneOf").open('[');
  for (const auto& choice : field.choices) {
    out.open('{').pair("type", "object").pair("additionalProperties", false);
    out.key("required").open('[').value(choice.name).close(']');
    out.key("properties").open('{').key(choice.name);
    write_reference(component_name(*choice.table->object), out);
    out.close('}').close('}');
  }
  out.close(']').close('}');
}

/// The schema of one value, without the vector around it.
void write_value(const field_plan& field, json_text& out) {
  switch (field.shape) {
    case value_shape::decimal:
      return write_reference("Decimal", out);
    case value_shape::time:
      return write_reference("Time", out);
    case value_shape::hash:
      return write_reference("Hash", out);
    case value_shape::table:
      return write_reference(component_name(*field.table->object), out);
    case value_shape::choice:
      return write_choices(field, out);
    case value_shape::boolean:
      out.open('{').pair("type", "boolean").close('}');
      return;
    case value_shape::real:
      out.open('{').pair("type", "number").close('}');
      return;
    case value_shape::integer:
      out.open('{').pair("type", "integer");
      if (field.has_minimum)
        out.pair(field.minimum_excluded ? "exclusiveMinimum" : "minimum", field.minimum);
      out.close('}');
      return;
    case value_shape::enumeration:
      out.open('{').pair("type", "string").key("enum").open('[');
      for (const auto& option : field.options) out.value(option.name);
      out.close(']').close('}');
      return;
    case value_shape::text:
      out.open('{').pair("type", "string");
      if (field.is_id) out.pair("minLength", std::int64_t{1}).pair("maxLength", std::int64_t{80});
      if (!field.is_id && !field.is_vector && field.length_max != 0)
        out.pair("maxLength", std::int64_t{field.length_max});
      if (field.is_unit) out.pair("description", "UN/ECE Recommendation 20 code");
      out.close('}');
      return;
  }
}

void write_property(const field_plan& field, const reflection::Field& from, json_text& out) {
  out.key(field.name)
      .open('{')
      .key("allOf")
      .open('[');  // leaves room for what stands beside a $ref
  if (field.is_vector) {
    out.open('{').pair("type", "array").key("items");
    write_value(field, out);
    if (field.length_max != 0) out.pair("maxItems", std::int64_t{field.length_max});
    out.close('}');
  } else {
    write_value(field, out);
  }
  out.close(']');
  if (const auto doc = doc_of(from); !doc.empty()) out.pair("description", doc);
  if (field.shape == value_shape::decimal && field.has_minimum)
    out.pair(field.minimum_excluded ? "x-exclusive-minimum" : "x-minimum",
             decimal::from_micros(field.minimum).to_string());
  if (const auto* unit = find_attribute(from, "unit"); unit && field.shape == value_shape::decimal)
    out.pair("x-unit", unit->str());
  if (const auto* kind = find_attribute(from, "reference")) out.pair("x-reference", kind->str());
  if (has_attribute(from, "index")) out.pair("x-index", true);
  out.close('}');
}

void write_table(const table_plan& plan, const table_model* model, json_text& out) {
  out.key(component_name(*plan.object))
      .open('{')
      .pair("type", "object")
      .pair("additionalProperties", false);
  if (model && !model->doc.empty()) out.pair("description", model->doc);
  if (has_attribute(*plan.object, "event")) out.pair("x-event", model->wire_name);
  if (has_attribute(*plan.object, "delivery")) out.pair("x-delivery", model->wire_name);
  out.key("required").open('[');
  for (const auto& field : plan.fields)
    if (field.required) out.value(field.name);
  out.close(']').key("properties").open('{');
  for (const auto& field : plan.fields)
    write_property(field, *plan.object->fields()->LookupByKey(std::string(field.name).c_str()),
                   out);
  out.close('}').close('}');
}

}  // namespace

std::string component_name(const reflection::Object& object) {
  constexpr std::string_view ours = "millrace.";
  const auto full = object.name()->string_view();
  return std::string(full.starts_with(ours) ? full.substr(ours.size()) : full);
}

void write_components(const schema_model& model, json_text& out) {
  out.raw(common_schemas);
  struct shown {
    const table_plan* plan;
    const table_model* model;
  };
  std::set<const table_plan*> seen;
  std::vector<shown> open;
  for (const auto& kind : model.kinds()) {
    const auto put = [&open](const std::vector<table_model>& tables) {
      for (const auto& table : tables)
        if (table.plan) open.push_back({table.plan, &table});
    };
    open.push_back({kind.state.plan, &kind.state});
    put(kind.commands);
    put(kind.events);
    put(kind.deliveries);
    put(kind.rows);
  }
  for (std::size_t i = 0; i < open.size(); ++i) {
    const auto [plan, of] = open[i];
    if (!seen.insert(plan).second) continue;
    write_table(*plan, of, out);
    for (const auto& field : plan->fields) {
      if (field.table) open.push_back({field.table, nullptr});
      for (const auto& choice : field.choices) open.push_back({choice.table, nullptr});
    }
  }
}

}  // namespace millrace
