// Compares two binary schemas table by table, enum by enum.
#include "schemas/evolution.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "schemas/plan.hpp"

namespace millrace {
namespace {

constexpr std::string_view our_namespace = "millrace.";
/// Attributes of tables and fields whose value, or presence, is a promise.
constexpr std::array table_promises{"kind",  "collection", "domain",   "owner",
                                    "fact",  "signed",     "internal", "creates",
                                    "event", "delivery",   "row"};
constexpr std::array field_promises{"unit", "reference", "native_inline"};

/// An attribute as text: "" when absent, its value (or "yes") else; blanks do not count.
template <class Owner>
std::string promise(const Owner& owner, const char* key) {
  if (!has_attribute(owner, key)) return {};
  const auto* value = find_attribute(owner, key);
  std::string text = value ? value->str() : std::string();
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  return text.empty() || text == "0" ? "yes" : text;
}

class comparison {
 public:
  comparison(const reflection::Schema& released, const reflection::Schema& current)
      : released_(released), current_(current) {}

  std::vector<finding> run() {
    for (const auto* object : *released_.objects())
      if (object->name()->string_view().starts_with(our_namespace)) compare_object(*object);
    for (const auto* listed : *released_.enums())
      if (listed->name()->string_view().starts_with(our_namespace)) compare_enum(*listed);
    return std::move(findings_);
  }

 private:
  void add(const std::string& at, std::string detail) {
    findings_.push_back({at, std::move(detail)});
  }

  void compare_object(const reflection::Object& was) {
    const auto at = "/" + was.name()->str();
    const auto* is = current_.objects()->LookupByKey(was.name()->c_str());
    if (!is) return add(at, "was removed or renamed");
    if (was.is_struct() != is->is_struct()) return add(at, "changed between table and struct");
    if (was.is_struct() &&
        (was.bytesize() != is->bytesize() || was.fields()->size() != is->fields()->size()))
      add(at, "is a struct and changed its layout");
    for (const auto* key : table_promises) compare_promise(at, was, *is, key);
    for (const auto* field : *was.fields()) compare_field(at, *field, *is);
    for (const auto* field : *is->fields())
      if (field->required() && !by_id(was, field->id()))
        add(at + "/" + field->name()->str(), "is new and required");
  }

  template <class Owner>
  void compare_promise(const std::string& at, const Owner& was, const Owner& is, const char* key) {
    const auto before = promise(was, key), now = promise(is, key);
    if (before != now) add(at, std::string(key) + " was \"" + before + "\" and is \"" + now + "\"");
  }

  static const reflection::Field* by_id(const reflection::Object& object, std::uint16_t id) {
    for (const auto* field : *object.fields())
      if (field->id() == id) return field;
    return nullptr;
  }

  void compare_field(const std::string& table_at, const reflection::Field& was,
                     const reflection::Object& table) {
    const auto at = table_at + "/" + was.name()->str();
    const auto* is = by_id(table, was.id());
    if (!is) return add(at, "was removed (id " + std::to_string(was.id()) + ")");
    if (was.name()->string_view() != is->name()->string_view())
      return add(at, "has lost its id " + std::to_string(was.id()) + " to " + is->name()->str());
    if (was.offset() != is->offset()) add(at, "moved in its struct");
    if (is->deprecated() && !was.deprecated())
      add(at, "was deprecated, which hides what was journaled");
    const auto before = type_name(released_, *was.type()), now = type_name(current_, *is->type());
    if (before != now) add(at, "was " + before + " and is " + now);
    if (was.default_integer() != is->default_integer() ||
        was.default_real() != is->default_real() || is_nullable(was) != is_nullable(*is))
      add(at, "changed its default");
    if (is->required() && !was.required()) add(at, "became required");
    if (has_attribute(was, "index") && !has_attribute(*is, "index"))
      add(at, "is no longer indexed");
    for (const auto* key : field_promises) compare_promise(at, was, *is, key);
  }

  static bool is_nullable(const reflection::Field& field) {
    return field.optional() && flatbuffers::IsScalar(field.type()->base_type());
  }

  static std::string type_name(const reflection::Schema& schema, const reflection::Type& type) {
    const bool is_list =
        type.base_type() == reflection::Vector || type.base_type() == reflection::Array;
    const auto base = is_list ? type.element() : type.base_type();
    std::string name = reflection::EnumNameBaseType(base);
    if (base == reflection::Obj && type.index() >= 0) {
      name =
          schema.objects()->Get(static_cast<flatbuffers::uoffset_t>(type.index()))->name()->str();
    } else if (type.index() >= 0) {
      name += " " +
              schema.enums()->Get(static_cast<flatbuffers::uoffset_t>(type.index()))->name()->str();
    }
    if (type.base_type() == reflection::Array) name += ":" + std::to_string(type.fixed_length());
    return is_list ? "[" + name + "]" : name;
  }

  void compare_enum(const reflection::Enum& was) {
    const auto at = "/" + was.name()->str();
    const auto* is = current_.enums()->LookupByKey(was.name()->c_str());
    if (!is) return add(at, "was removed or renamed");
    const auto before = was.underlying_type()->base_type(),
               now = is->underlying_type()->base_type();
    if (before != now || was.is_union() != is->is_union()) add(at, "changed its underlying type");
    for (const auto* value : *was.values()) compare_value(at, *value, *is);
  }

  void compare_value(const std::string& enum_at, const reflection::EnumVal& was,
                     const reflection::Enum& listed) {
    const auto at = enum_at + "/" + was.name()->str();
    const reflection::EnumVal* is = nullptr;
    for (const auto* value : *listed.values())
      if (value->name()->string_view() == was.name()->string_view()) is = value;
    if (!is) return add(at, "was removed or renamed (number " + std::to_string(was.value()) + ")");
    if (was.value() != is->value())
      add(at, "had the number " + std::to_string(was.value()) + " and has " +
                  std::to_string(is->value()));
    if (was.union_type() && is->union_type() && was.value() != 0) {
      const auto before = type_name(released_, *was.union_type()),
                 now = type_name(current_, *is->union_type());
      if (before != now) add(at, "was " + before + " and is " + now);
    }
  }

  const reflection::Schema& released_;
  const reflection::Schema& current_;
  std::vector<finding> findings_;
};

bool is_schema(bytes_view binary) {
  flatbuffers::Verifier verifier(binary.data(), binary.size());
  return reflection::VerifySchemaBuffer(verifier);
}

}  // namespace

std::vector<finding> compare_schemas(bytes_view released, bytes_view current) {
  if (!is_schema(released)) return {{"/released", "is not a binary schema"}};
  if (!is_schema(current)) return {{"/current", "is not a binary schema"}};
  return comparison(*reflection::GetSchema(released.data()), *reflection::GetSchema(current.data()))
      .run();
}

}  // namespace millrace
