// Writes <kind>_kind.hpp for each kind: the compile-time link between a kind's C++ types and its
// schema. Usage: kindgen all.bfbs OUTDIR folder/kind.fbs...   A file without a State table (shared
// tables) gets a plain include.
#include <cstdint>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <flatbuffers/reflection.h>

namespace {

const reflection::Enum* find_enum(const reflection::Schema& schema, const std::string& name) {
  return schema.enums()->LookupByKey(name.c_str());
}

std::string_view attribute_of(const reflection::Object& object, const char* key) {
  const auto* found = object.attributes() ? object.attributes()->LookupByKey(key) : nullptr;
  return found && found->value() ? found->value()->string_view() : std::string_view();
}

/// `template <class T> static constexpr Command command_member()`, true for both T = ReleaseOrder
/// and ReleaseOrderT.
void write_members(std::ostream& out, const reflection::Enum& members, std::string_view function) {
  const std::string name = members.name()->str().substr(members.name()->str().rfind('.') + 1);
  out << "  /// Member number of a table or its native in the union " << name
      << "; any other type does not compile.\n"
      << "  template <class T>\n  static constexpr " << name << " " << function << "() {\n"
      << "    constexpr auto table = " << name << "Traits<T>::enum_value;\n"
      << "    constexpr auto native = " << name << "UnionTraits<T>::enum_value;\n"
      << "    static_assert(table != " << name << "::NONE || native != " << name
      << "::NONE, \"not in union " << name << "\");\n"
      << "    return table != " << name << "::NONE ? table : native;\n  }\n";
}

void write_index_values(std::ostream& out, const reflection::Object& state) {
  std::vector<const reflection::Field*> fields(state.fields()->size(), nullptr);
  for (const auto* field : *state.fields()) fields[field->id()] = field;
  out << "  /// Appends the values of the indexed fields in the order of their ids; enums by "
         "name.\n"
      << "  static void index_values([[maybe_unused]] const state& from, [[maybe_unused]] "
         "std::vector<std::string>& out) {\n";
  for (const auto* field : fields) {
    if (!field || !field->attributes() || !field->attributes()->LookupByKey("index")) continue;
    const auto name = field->name()->str();
    if (field->type()->base_type() == reflection::String) {
      out << "    out.push_back(from." << name << ");\n";
    } else {
      out << "    out.emplace_back(index_name(from." << name << "));\n";
    }
  }
  out << "  }\n";
}

/// index_name() of every enum that an index uses: EnumName<Enum> of flatc, in the enum's own
/// namespace.
void write_enum_names(std::ostream& out, const reflection::Schema& schema,
                      const reflection::Object& state) {
  std::vector<std::string> done;
  for (const auto* field : *state.fields()) {
    if (!field->attributes() || !field->attributes()->LookupByKey("index")) continue;
    if (field->type()->base_type() == reflection::String || field->type()->index() < 0) continue;
    const auto full =
        schema.enums()->Get(static_cast<unsigned>(field->type()->index()))->name()->str();
    bool known = false;
    for (const auto& name : done) known = known || name == full;
    if (known) continue;
    done.push_back(full);
    std::string cpp, scope;
    for (char c : full) cpp += c == '.' ? std::string("::") : std::string(1, c);
    scope = cpp.substr(0, cpp.rfind("::"));
    const auto base = cpp.substr(cpp.rfind("::") + 2);
    out << "  static const char* index_name(" << cpp << " value) { return " << scope << "::EnumName"
        << base << "(value); }\n";
  }
}

void write_kind(std::ostream& out, const reflection::Schema& schema,
                const reflection::Object& state, const std::string& space) {
  const auto* deliveries = find_enum(schema, "millrace." + space + ".Delivery");
  const auto* refusals = find_enum(schema, "millrace." + space + ".Refusal");
  out << "namespace millrace::" << space
      << " {\n\n/// The kind's types, for make_kind and decision.\nstruct schema {\n"
      << "  using state = StateT;\n  using state_table = State;\n"
      << "  using command = CommandUnion;\n  using command_type = Command;\n"
      << "  using event = EventUnion;\n  using event_type = Event;\n";
  if (deliveries) out << "  using delivery = DeliveryUnion;\n  using delivery_type = Delivery;\n";
  out << (refusals ? "  using refusal = Refusal;\n" : "  enum class refusal : std::uint16_t {};\n");
  out << "  static constexpr std::string_view name = \"" << attribute_of(state, "kind") << "\";\n";
  out << (refusals
              ? "  static std::string refusal_name(refusal why) { return EnumNameRefusal(why); }\n"
              : "  static std::string refusal_name(refusal) { return {}; }\n");
  write_members(out, *find_enum(schema, "millrace." + space + ".Command"), "command_member");
  write_members(out, *find_enum(schema, "millrace." + space + ".Event"), "event_member");
  if (deliveries) write_members(out, *deliveries, "delivery_member");
  write_enum_names(out, schema, state);
  write_index_values(out, state);
  for (const char* what : {"command", "event"})
    out << "  /// The " << what << " of that member number from its verified table.\n  static "
        << what << " unpack_" << what << "(std::uint8_t member, const std::uint8_t* body) {\n    "
        << what << " out;\n    out.type = static_cast<" << what
        << "_type>(member);\n    out.value = " << what
        << "::UnPack(flatbuffers::GetRoot<flatbuffers::Table>(body), out.type, nullptr);\n    "
           "return out;\n  }\n";
  out << "};\n\n}  // namespace millrace::" << space << "\n";
}

bool generate(const reflection::Schema& schema, const std::string& out_dir,
              const std::string& file) {
  const auto path = file.substr(0, file.rfind('.'));
  const auto space = path.substr(path.rfind('/') + 1);
  const auto* state = schema.objects()->LookupByKey(("millrace." + space + ".State").c_str());
  if (state)
    for (const char* needed : {"Command", "Event"})
      if (!find_enum(schema, "millrace." + space + "." + needed)) {
        std::cerr << file << ": namespace millrace." << space << " has a State but no union "
                  << needed << "\n";
        return false;
      }
  std::ofstream out(out_dir + "/" + path + "_kind.hpp");
  out << "// Generated by kindgen from schemas/" << file
      << ". Links the kind's C++ types to its schema.\n#pragma once\n\n"
      << "#include <cstdint>\n#include <string>\n#include <string_view>\n#include <vector>\n\n"
      << "#include \"schemas/" << path << "_generated.h\"\n\n";
  if (state) write_kind(out, schema, *state, space);
  out.flush();
  if (!out) std::cerr << out_dir << "/" << path << "_kind.hpp cannot be written\n";
  return static_cast<bool>(out);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: kindgen all.bfbs OUTDIR folder/kind.fbs...\n";
    return 2;
  }
  std::ifstream in(argv[1], std::ios::binary);
  const std::string bfbs((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  flatbuffers::Verifier verifier(reinterpret_cast<const std::uint8_t*>(bfbs.data()), bfbs.size());
  if (!reflection::VerifySchemaBuffer(verifier)) {
    std::cerr << argv[1] << " is not a binary schema\n";
    return 1;
  }
  for (int i = 3; i < argc; ++i)
    if (!generate(*reflection::GetSchema(bfbs.data()), argv[2], argv[i])) return 1;
  return 0;
}
