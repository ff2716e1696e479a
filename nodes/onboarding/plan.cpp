// Every key is known or refused with its place, as in the node's own configuration.
#include "nodes/onboarding/plan.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>

#include "nodes/adapters/mapping.hpp"
#include "nodes/config_reader.hpp"
#include "schemas/model.hpp"
#include "schemas/text.hpp"

namespace millrace::onboarding_file {
namespace {

namespace fs = std::filesystem;

/// What may be imported, in this order: what others name comes before them.
constexpr std::array contents{"materials", "routings", "components", "lots",
                              "stock",     "holds",    "orders"};

error invalid(std::vector<finding> findings) {
  error e{"onboarding.invalid", findings.front().pointer + ": " + findings.front().detail};
  if (findings.size() > 1) e.detail += " (and " + std::to_string(findings.size() - 1) + " more)";
  e.findings = std::move(findings);
  return e;
}

void texts(const toml::table* from, word_table& into, const std::string& where,
           std::vector<finding>& findings) {
  if (from == nullptr) return;
  for (const auto& [key, node] : *from)
    if (const auto value = node.value_exact<std::string>())
      into[std::string(key.str())] = *value;
    else
      findings.push_back({where + '/' + std::string(key.str()), "must be a string"});
}

void tables(const toml::table* from, std::map<std::string, word_table, std::less<>>& into,
            const std::string& where, std::vector<finding>& findings) {
  if (from == nullptr) return;
  for (const auto& [key, node] : *from)
    if (node.is_table())
      texts(node.as_table(), into[std::string(key.str())], where + '/' + std::string(key.str()),
            findings);
    else
      findings.push_back({where + '/' + std::string(key.str()), "must be a table"});
}

void read_system(const toml::table& from, plan& out, const fs::path& beside,
                 const std::string& where, std::vector<finding>& findings) {
  table_reader in(from, where, findings);
  system_entry entry;
  in.text("system", entry.system);
  in.text("adapter", entry.adapter);
  in.text("endpoint", entry.endpoint);
  in.text("mapping", entry.mapping);
  if (!system_number(entry.system)) in.find("system", "no such system");
  if (entry.adapter.empty()) in.find("adapter", "is missing");
  if (!entry.mapping.empty()) {
    const auto map = mapping::load_file((beside / entry.mapping).string());
    if (!map) in.find("mapping", map.error().detail);
  }
  std::erase_if(out.systems, [&](const auto& s) { return s.system == entry.system; });
  out.systems.push_back(std::move(entry));
}

void read_data(const toml::table& from, plan& out, const fs::path& beside, const std::string& where,
               std::vector<finding>& findings) {
  table_reader in(from, where, findings);
  data_file file;
  std::string separator = ",";
  in.text("content", file.content);
  in.text("file", file.path);
  in.text("separator", separator);
  in.flag("decimal_comma", file.decimal_comma);
  texts(in.table("columns"), file.columns, where + "/columns", findings);
  if (std::ranges::find(contents, file.content) == contents.end())
    in.find("content", "is none of materials, routings, components, lots, stock, holds, orders");
  if (file.path.empty()) in.find("file", "is missing");
  if (separator.size() != 1 || separator == "\"")
    in.find("separator", "must be one character, and no quote");
  else
    file.separator = separator.front();
  file.full_path = (beside / file.path).string();
  out.files.push_back(std::move(file));
}

void check_values(const plan& p, std::vector<finding>& findings) {
  for (const auto& [theirs, ours] : p.units)
    if (!is_unit_code(ours))
      findings.push_back({"/units/" + theirs, ours + " is no code of UN/ECE Recommendation 20"});
  for (const auto& [what, ids] : p.xref) {
    if (what != "material" && what != "batch" && what != "order")
      findings.push_back({"/xref/" + what, "is none of material, batch, order"});
    for (const auto& [theirs, ours] : ids)
      if (!is_actor_id(ours)) findings.push_back({"/xref/" + what + '/' + theirs, "is no id"});
  }
}

result<void> read_into(plan& out, const fs::path& path, bool is_template,
                       std::vector<finding>& findings) {
  const auto text = read_file(path.string());
  if (!text) return text.error();
  toml::table root;
  try {
    root = toml::parse(*text);
  } catch (const toml::parse_error& e) {
    std::ostringstream what;
    what << path.string() << ": line " << e.source().begin.line << ", column "
         << e.source().begin.column << ": " << e.description();
    return error{"onboarding.invalid", what.str()};
  }
  const auto beside = path.parent_path();
  table_reader in(root, "", findings);
  std::string based_on;
  in.text("template", based_on);
  if (!based_on.empty() && is_template) in.find("template", "a template has no template");
  if (!based_on.empty() && !is_template) {
    out.based_on = based_on;
    if (const auto below = read_into(out, beside / based_on, true, findings); !below)
      return below.error();
  }
  in.text("plant", out.plant);
  in.text("name", out.name);
  in.text("region", out.region);
  in.text("time_zone", out.time_zone);
  in.flag("autonomous", out.autonomous);
  in.flag("strip_zeros", out.strip_zeros);
  texts(in.table("rules"), out.rules, "/rules", findings);
  texts(in.table("units"), out.units, "/units", findings);
  tables(in.table("codes"), out.codes, "/codes", findings);
  tables(in.table("xref"), out.xref, "/xref", findings);
  std::size_t n = 0;
  for (const auto* one : in.tables("systems"))
    read_system(*one, out, beside, "/systems/" + std::to_string(n++), findings);
  n = 0;
  for (const auto* one : in.tables("data"))
    read_data(*one, out, beside, "/data/" + std::to_string(n++), findings);
  return {};
}

}  // namespace

result<std::string> read_file(const std::string& path, std::size_t bytes_max) {
  std::error_code failed;
  const auto size = fs::file_size(path, failed);
  std::ifstream in(path, std::ios::binary);
  if (failed || !in) return error{"file.unreadable", path + " cannot be read"};
  if (size > bytes_max) return error{"file.too_large", path + " is too large"};
  return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

result<plan> load_plan(const std::string& path) {
  plan out;
  std::vector<finding> findings;
  if (const auto read = read_into(out, path, false, findings); !read) return read.error();
  for (const auto& [key, value] : {std::pair{"plant", &out.plant}, std::pair{"region", &out.region},
                                   std::pair{"time_zone", &out.time_zone}})
    if (value->empty()) findings.push_back({'/' + std::string(key), "is missing"});
  check_values(out, findings);
  for (std::size_t i = 0; i + 1 < out.files.size(); ++i)
    for (std::size_t j = i + 1; j < out.files.size(); ++j)
      if (out.files[i].path == out.files[j].path)
        findings.push_back({"/data/" + std::to_string(j) + "/file", "is there twice"});
  if (!findings.empty()) return invalid(std::move(findings));
  std::ranges::stable_sort(out.files, {}, [](const data_file& f) {
    return std::ranges::find(contents, f.content) - contents.begin();
  });
  return out;
}

}  // namespace millrace::onboarding_file
