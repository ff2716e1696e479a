// JSON -> FlatBuffer with simdjson's On-Demand parser, which keeps the text of numbers: quantities
// never pass a double. The whole body is walked, also where it is refused, so that what is not JSON
// is always said to be that.
#include <algorithm>
#include <vector>

#include "schemas/json.hpp"
#include "schemas/json_scalar.hpp"
#include "schemas/json_slot.hpp"
#include "schemas/json_walk.hpp"

namespace millrace {
namespace {

using status = enum json_slot::status;

constexpr std::size_t first_capacity = 16 * 1024;
constexpr std::size_t no_field = SIZE_MAX;

class reader : public json_walker {
 public:
  using json_walker::json_walker;

  /// Offset of the root table in the builder, or the error that stands for the whole document.
  result<flatbuffers::uoffset_t> read(const table_plan& plan, std::string_view json) {
    simdjson::ondemand::document document;
    const auto padded = pad(json);
    if (!ok(s_.parser.iterate(padded).get(document))) return fatal();
    json_type type{};
    if (!ok(document.type().get(type))) return fatal();
    flatbuffers::uoffset_t root = 0;
    if (type == json_type::object) {
      simdjson::ondemand::object object;
      if (!ok(document.get_object().get(object)) || !read_table(plan, object, 1, root))
        return fatal();
    } else if (!walk_root(document, type)) {
      return fatal();
    } else {
      report("must be an object");
    }
    const auto rest = document.current_location().error();
    if (rest != simdjson::OUT_OF_BOUNDS)
      return error{"request.not_json", "more text follows the JSON document"};
    if (!findings_.empty())
      return error{
          "request.invalid",
          std::to_string(findings_.size()) + (findings_.size() == 1 ? " finding" : " findings"),
          std::move(findings_)};
    return root;
  }

 private:
  simdjson::padded_string_view pad(std::string_view json) {
    const auto needed = std::max(json.size() + simdjson::SIMDJSON_PADDING, first_capacity);
    if (s_.padded.size() < needed) s_.padded.resize(needed);
    std::copy(json.begin(), json.end(), s_.padded.begin());
    std::fill_n(s_.padded.begin() + static_cast<std::ptrdiff_t>(json.size()),
                simdjson::SIMDJSON_PADDING, ' ');
    return simdjson::padded_string_view(s_.padded.data(), json.size(), s_.padded.size());
  }

  bool refuse(json_slot& out, std::string detail) {
    out.status = status::refused;
    report(std::move(detail));
    return true;
  }
  static bool give(json_slot& out) {
    out.status = status::given;
    return true;
  }

  // --- tables ---
  /// The field of that key: first by its raw bytes beginning at `hint`, as documents mostly keep
  /// the schema's order.
  std::size_t find_field(const table_plan& plan, const char* raw, std::size_t hint) {
    const auto count = plan.fields.size();
    for (std::size_t n = 0, i = hint; n < count; ++n, ++i) {
      if (i >= count) i -= count;
      const auto name = plan.fields[i].name;
      if (std::equal(name.begin(), name.end(), raw) && raw[name.size()] == '"') return i;
    }
    return no_field;
  }
  std::size_t find_unescaped(const table_plan& plan, std::string_view key) {
    for (std::size_t i = 0; i < plan.fields.size(); ++i)
      if (plan.fields[i].name == key) return i;
    return no_field;
  }

  bool read_table(const table_plan& plan, simdjson::ondemand::object& object, std::size_t depth,
                  flatbuffers::uoffset_t& out) {
    if (!enter(depth)) return false;
    const auto base = s_.slots.size();
    s_.slots.resize(base + plan.fields.size());
    std::size_t hint = 0;
    for (auto entry : object) {
      simdjson::ondemand::field field;
      if (!ok(std::move(entry).get(field))) return false;
      auto at = find_field(plan, field.key().raw(), hint);
      std::string_view key;
      if (at == no_field) {
        if (!ok(field.unescaped_key().get(key))) return false;
        at = find_unescaped(plan, key);
      }
      s_.path.push_back({at == no_field ? key : plan.fields[at].name, 0});
      if (at == no_field) {
        report("unknown field");
        if (!walk(field.value(), depth + 1)) return false;
      } else {
        if (s_.slots[base + at].status != status::absent)
          return stop("request.duplicate_key",
                      "\"" + std::string(plan.fields[at].name) + "\" stands twice in an object");
        json_slot slot;
        if (!read_field(plan.fields[at], field.value(), depth + 1, slot)) return false;
        s_.slots[base + at] = slot;
        hint = at + 1;
      }
      s_.path.pop_back();
    }
    check_required(plan, base);
    if (findings_.empty())
      out = write_table(s_.builder, plan, {s_.slots.data() + base, plan.fields.size()});
    s_.slots.resize(base);
    return true;
  }

  void check_required(const table_plan& plan, std::size_t base) {
    for (std::size_t i = 0; i < plan.fields.size(); ++i) {
      if (!plan.fields[i].required || s_.slots[base + i].status != status::absent) continue;
      s_.path.push_back({plan.fields[i].name, 0});
      report("is required");
      s_.path.pop_back();
    }
  }

  bool read_field(const field_plan& field, simdjson::ondemand::value value, std::size_t depth,
                  json_slot& out) {
    json_type type{};
    if (!ok(value.type().get(type))) return false;
    if (!field.is_vector) return read_one(field, value, type, depth, out);
    if (type != json_type::array) return walk(value, depth) && refuse(out, "must be an array");
    simdjson::ondemand::array array;
    if (!enter(depth) || !ok(value.get_array().get(array))) return false;
    const auto base = s_.slots.size();
    const auto findings_before = findings_.size();
    for (auto entry : array) {
      simdjson::ondemand::value item;
      if (!ok(std::move(entry).get(item)) || !ok(item.type().get(type))) return false;
      s_.path.push_back({std::string_view(), s_.slots.size() - base});
      json_slot slot;
      if (!read_one(field, item, type, depth + 1, slot)) return false;
      s_.slots.push_back(slot);
      s_.path.pop_back();
    }
    const auto count = s_.slots.size() - base;
    const bool is_long = field.length_max != 0 && count > field.length_max;
    if (is_long) report("has more than " + std::to_string(field.length_max) + " items");
    out.status = findings_.size() == findings_before ? status::given : status::refused;
    if (findings_.empty())
      out.offset = write_vector(s_.builder, field, {s_.slots.data() + base, count});
    s_.slots.resize(base);
    return true;
  }

  // --- single values ---
  bool read_one(const field_plan& field, simdjson::ondemand::value& value, json_type type,
                std::size_t depth, json_slot& out) {
    if (type == json_type::null)
      return walk(value, depth) && refuse(out, "is null: leave the field out instead");
    switch (field.shape) {
      case value_shape::boolean:
        return read_boolean(value, type, depth, out);
      case value_shape::integer:
      case value_shape::real:
        if (type != json_type::number) return walk(value, depth) && refuse(out, "must be a number");
        return read_number(value, out, [&](auto token) { return take_number(field, token, out); });
      case value_shape::decimal:
        return read_decimal(field, value, type, depth, out);
      case value_shape::table:
        return read_nested(*field.table, value, type, depth, out);
      case value_shape::choice:
        return read_choice(field, value, type, depth, out);
      case value_shape::enumeration:
      case value_shape::text:
      case value_shape::time:
      case value_shape::hash:
        break;
    }
    if (type != json_type::string) return walk(value, depth) && refuse(out, "must be a string");
    std::string_view text;
    if (!ok(value.get_string().get(text))) return false;
    if (field.shape == value_shape::text) return read_text(field, text, out);
    if (field.shape == value_shape::time) return settle(out, take_time(text, out));
    if (field.shape == value_shape::hash) return settle(out, take_hash(text, out));
    return settle(out, take_enum(field, text, out));
  }

  bool read_boolean(simdjson::ondemand::value& value, json_type type, std::size_t depth,
                    json_slot& out) {
    if (type != json_type::boolean)
      return walk(value, depth) && refuse(out, "must be true or false");
    const auto token = trimmed(value.raw_json_token());
    if (!check_atom(token)) return false;
    out.integer = token == "true" ? 1 : 0;
    return give(out);
  }

  /// A number's token goes to `take`, which says what is wrong with it or nothing.
  template <class Take>
  bool read_number(simdjson::ondemand::value& value, json_slot& out, Take take) {
    const auto token = trimmed(value.raw_json_token());
    if (!check_number(token)) return false;
    return settle(out, take(token));
  }
  bool settle(json_slot& out, std::string wrong) {
    return wrong.empty() ? give(out) : refuse(out, std::move(wrong));
  }

  bool read_decimal(const field_plan& field, simdjson::ondemand::value& value, json_type type,
                    std::size_t depth, json_slot& out) {
    if (type == json_type::number)
      return read_number(value, out,
                         [&](auto token) { return take_decimal(field, token, true, out); });
    if (type != json_type::string)
      return walk(value, depth) && refuse(out, "must be a decimal: a string or a number");
    std::string_view text;
    if (!ok(value.get_string().get(text))) return false;
    return settle(out, take_decimal(field, text, false, out));
  }

  bool read_nested(const table_plan& plan, simdjson::ondemand::value& value, json_type type,
                   std::size_t depth, json_slot& out) {
    if (type != json_type::object) return walk(value, depth) && refuse(out, "must be an object");
    simdjson::ondemand::object object;
    flatbuffers::uoffset_t offset = 0;
    if (!ok(value.get_object().get(object)) || !read_table(plan, object, depth, offset))
      return false;
    out.offset = offset;
    return give(out);
  }

  /// A union: an object with one key, the member's name, and the member as its value.
  bool read_choice(const field_plan& field, simdjson::ondemand::value& value, json_type type,
                   std::size_t depth, json_slot& out) {
    if (type != json_type::object)
      return walk(value, depth) && refuse(out, "must be an object with the member's name as key");
    simdjson::ondemand::object object;
    if (!enter(depth) || !ok(value.get_object().get(object))) return false;
    for (auto entry : object) {
      simdjson::ondemand::field member;
      std::string_view key;
      if (!ok(std::move(entry).get(member)) || !ok(member.unescaped_key().get(key))) return false;
      const auto found = std::find_if(field.choices.begin(), field.choices.end(),
                                      [key](const auto& c) { return c.name == key; });
      s_.path.push_back({found == field.choices.end() ? key : found->name, 0});
      auto inner = member.value();
      json_type inner_type{};
      if (!ok(inner.type().get(inner_type))) return false;
      if (found == field.choices.end() || out.status != status::absent) {
        if (!walk(inner, depth + 1)) return false;
        refuse(out,
               found == field.choices.end() ? "unknown member" : "only one member may be given");
      } else {
        out.member = found->member;
        if (!read_nested(*found->table, inner, inner_type, depth + 1, out)) return false;
      }
      s_.path.pop_back();
    }
    if (out.status == status::absent) refuse(out, "has no member");
    return true;
  }

  bool read_text(const field_plan& field, std::string_view text, json_slot& out) {
    auto wrong = check_text(field, text);
    if (wrong.empty()) out.offset = s_.builder.CreateString(text.data(), text.size()).o;
    return settle(out, std::move(wrong));
  }
};

}  // namespace

result<bytes> json_to_table(const schema_model&, const table_model& type, std::string_view json) {
  thread_local json_scratch kept;
  kept.builder.Clear();
  kept.slots.clear();
  kept.path.clear();
  auto root = reader(kept).read(*type.plan, json);
  if (!root) return std::move(root).error();
  kept.builder.Finish(flatbuffers::Offset<flatbuffers::Table>(*root));
  return bytes(kept.builder.GetBufferPointer(),
               kept.builder.GetBufferPointer() + kept.builder.GetSize());
}

}  // namespace millrace
