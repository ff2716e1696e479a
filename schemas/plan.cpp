// Builds the plans of all tables from the reflection data.
#include "schemas/plan.hpp"

#include <algorithm>
#include <charconv>
#include <string>

#include "schemas/native.hpp"

namespace millrace {
namespace {

std::string_view last_part(std::string_view full) {
  const auto dot = full.rfind('.');
  return dot == std::string_view::npos ? full : full.substr(dot + 1);
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

class builder {
 public:
  builder(const reflection::Schema& schema, std::vector<table_plan>& plans)
      : schema_(schema), plans_(plans) {}

  void build(std::size_t at) {
    const auto* object = schema_.objects()->Get(static_cast<flatbuffers::uoffset_t>(at));
    auto& plan = plans_[at];
    plan.object = object;
    plan.name = last_part(object->name()->string_view());
    if (object->is_struct()) return;
    for (const auto* field : *object->fields()) {
      field_plan made;
      if (!field->deprecated() && describe(*object, *field, made))
        plan.fields.push_back(std::move(made));
    }
    std::sort(plan.fields.begin(), plan.fields.end(),
              [](const auto& a, const auto& b) { return a.id < b.id; });
    for (std::size_t i = 0; i < plan.fields.size(); ++i)
      plan.write_order.push_back(static_cast<std::uint16_t>(i));
    const auto width = [&plan](std::uint16_t i) {
      return plan.fields[i].is_vector ? 4 : plan.fields[i].size;
    };
    std::stable_sort(plan.write_order.begin(), plan.write_order.end(),
                     [&width](auto a, auto b) { return width(a) > width(b); });
  }

 private:
  /// False for what has no JSON form: union type fields, vectors of unions, structs of other kinds.
  bool describe(const reflection::Object& object, const reflection::Field& field, field_plan& out) {
    const auto* type = field.type();
    const auto base = type->base_type();
    out.name = field.name()->string_view();
    out.id = field.id();
    out.slot = field.offset();
    out.required = field.required();
    out.nullable = field.optional() && flatbuffers::IsScalar(base);
    out.default_integer = field.default_integer();
    out.default_real = field.default_real();
    out.always_there = has_attribute(field, "native_inline");
    out.is_vector = base == reflection::Vector;
    if (!describe_value(out.is_vector ? type->element() : base, type->index(), out)) return false;
    if (out.shape == value_shape::choice) {
      const auto name = field.name()->str() + flatbuffers::UnionTypeFieldSuffix();
      const auto* type_field = object.fields()->LookupByKey(name.c_str());
      if (!type_field || out.is_vector) return false;
      out.type_slot = type_field->offset();
    }
    describe_limits(field, out);
    return true;
  }

  bool describe_value(reflection::BaseType base, std::int32_t index, field_plan& out) {
    out.scalar = base;
    out.size = static_cast<std::uint8_t>(flatbuffers::GetTypeSize(base));
    if (base == reflection::String) {
      out.shape = value_shape::text;
    } else if (base == reflection::Obj) {
      return describe_object(index, out);
    } else if (base == reflection::Union) {
      describe_union(index, out);
    } else if (base == reflection::Bool) {
      out.shape = value_shape::boolean;
    } else if (flatbuffers::IsFloat(base)) {
      out.shape = value_shape::real;
    } else if (flatbuffers::IsInteger(base) && base != reflection::UType) {
      out.shape = index >= 0 ? value_shape::enumeration : value_shape::integer;
      if (index >= 0)
        for (const auto* value :
             *schema_.enums()->Get(static_cast<flatbuffers::uoffset_t>(index))->values())
          out.options.push_back({value->name()->string_view(), value->value()});
    } else {
      return false;
    }
    return true;
  }

  bool describe_object(std::int32_t index, field_plan& out) {
    const auto* object = schema_.objects()->Get(static_cast<flatbuffers::uoffset_t>(index));
    const auto name = object->name()->string_view();
    if (!object->is_struct()) {
      out.shape = value_shape::table;
      out.table = &plans_[static_cast<std::size_t>(index)];
      return true;
    }
    out.size = static_cast<std::uint8_t>(object->bytesize());
    if (name == "millrace.Decimal") {
      out.shape = value_shape::decimal;
    } else if (name == "millrace.Time") {
      out.shape = value_shape::time;
    } else if (name == "millrace.Hash128") {
      out.shape = value_shape::hash;
    } else {
      return false;
    }
    return true;
  }

  void describe_union(std::int32_t index, field_plan& out) {
    out.shape = value_shape::choice;
    out.size = sizeof(flatbuffers::uoffset_t);
    for (const auto* value :
         *schema_.enums()->Get(static_cast<flatbuffers::uoffset_t>(index))->values()) {
      if (value->value() == 0 || !value->union_type() || value->union_type()->index() < 0) continue;
      out.choices.push_back({value->name()->string_view(),
                             static_cast<std::uint8_t>(value->value()),
                             &plans_[static_cast<std::size_t>(value->union_type()->index())]});
    }
  }

  static void describe_limits(const reflection::Field& field, field_plan& out) {
    out.is_id = has_attribute(field, "actor_id") || has_attribute(field, "reference");
    const bool names_unit =
        out.name == "unit" || ends_with(out.name, "_unit") || has_attribute(field, "unit");
    out.is_unit = out.shape == value_shape::text && names_unit;
    if (const auto* length = find_attribute(field, "max_length"))
      std::from_chars(length->c_str(), length->c_str() + length->size(), out.length_max);
    for (const char* key : {"minimum", "exclusive_minimum"}) {
      const auto* text = find_attribute(field, key);
      const auto least = text ? decimal::parse(text->string_view()) : result<decimal>(error{});
      if (!least) continue;
      out.has_minimum = true;
      out.minimum_excluded = std::string_view(key) == "exclusive_minimum";
      const bool is_whole = out.shape != value_shape::decimal;
      out.minimum = is_whole ? least->micros() / decimal::scale : least->micros();
    }
  }

  const reflection::Schema& schema_;
  std::vector<table_plan>& plans_;
};

}  // namespace

plan_set::plan_set(const reflection::Schema& schema) : plans_(schema.objects()->size()) {
  builder b(schema, plans_);
  for (std::size_t i = 0; i < plans_.size(); ++i) b.build(i);
}

const table_plan* plan_set::find(const reflection::Object* object) const {
  for (const auto& plan : plans_)
    if (plan.object == object) return &plan;
  return nullptr;
}

}  // namespace millrace
