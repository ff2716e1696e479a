// The translation of one value, and the fields of every content.
#include "nodes/onboarding/record.hpp"

#include <algorithm>

#include "schemas/native.hpp"
#include "schemas/text.hpp"

namespace millrace::onboarding_file {
namespace {

const std::string nothing;

std::string trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return std::string(text);
}

const std::string* looked_up(const word_table& in, std::string_view theirs) {
  const auto at = in.find(theirs);
  return at == in.end() ? nullptr : &at->second;
}

const std::string* looked_up(const std::map<std::string, word_table, std::less<>>& in,
                             std::string_view name, std::string_view theirs) {
  const auto at = in.find(name);
  return at == in.end() ? nullptr : looked_up(at->second, theirs);
}

std::string id_of(const plan& p, const field& f, const std::string& theirs) {
  if (f.table.empty()) return theirs;  // an operation 0010 is not 10
  if (const auto* ours = looked_up(p.xref, f.table, theirs)) return *ours;
  const bool digits = std::ranges::all_of(theirs, [](char c) { return c >= '0' && c <= '9'; });
  const auto first = theirs.find_first_not_of('0');
  if (!p.strip_zeros || !digits || first == std::string::npos) return theirs;
  const auto stripped = theirs.substr(first);
  const auto* ours = looked_up(p.xref, f.table, stripped);
  return ours != nullptr ? *ours : stripped;
}

/// "1.234,50" with a decimal comma, "1234.50" without; a sign may stand behind (SAP: "12,5-").
result<std::string> decimal_of(std::string text, bool comma) {
  if (comma) {
    std::erase(text, '.');
    std::ranges::replace(text, ',', '.');
  }
  if (text.size() > 1 && text.back() == '-') text = '-' + text.substr(0, text.size() - 1);
  const auto value = decimal::parse(text);
  if (!value) return value.error();
  return value->to_string();
}

/// A day alone is its beginning, in UTC.
result<std::string> time_of(const std::string& text) {
  const auto value = timestamp::parse(text.size() == 10 ? text + "T00:00:00Z" : text);
  if (!value) return value.error();
  return value->to_string();
}

bool is_whole(std::string_view text) {
  return text.size() <= 9 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// The value as it reads here, or what is wrong with it.
result<std::string> translated(const plan& p, const data_file& file, const field& f,
                               const std::string& text) {
  const auto wrong = [&](const std::string& what) {
    return error{"onboarding.invalid", '"' + text + "\" " + what};
  };
  switch (f.what) {
    case form::text:
      return text;
    case form::id: {
      auto id = id_of(p, f, text);
      return is_actor_id(id) ? result<std::string>(std::move(id)) : wrong("is no id");
    }
    case form::decimal: {
      auto value = decimal_of(text, file.decimal_comma);
      return value ? std::move(value) : wrong("is no decimal");
    }
    case form::unit: {
      const auto* ours = looked_up(p.units, text);
      if (ours != nullptr) return *ours;
      return is_unit_code(text) ? result<std::string>(text)
                                : wrong("is in no table of units and no UN/ECE code");
    }
    case form::code: {
      const auto* ours = looked_up(p.codes, f.table, text);
      return ours != nullptr ? *ours : text;  // the platform refuses what it does not know
    }
    case form::time: {
      auto value = time_of(text);
      return value ? std::move(value) : wrong("is no time (RFC 3339) and no day");
    }
    case form::truth: {
      const auto* ours = looked_up(p.codes, "truth", text);
      const auto& word = ours != nullptr ? *ours : text;
      return word == "true" || word == "false" ? result<std::string>(word)
                                               : wrong("is neither true nor false");
    }
    case form::whole:
      return is_whole(text) ? result<std::string>(text) : wrong("is no whole number");
  }
  return wrong("cannot be read");
}

}  // namespace

std::vector<field> fields_of(std::string_view content) {
  const field material{"material", form::id, true, "material"};
  const field batch{"batch", form::id, true, "batch"};
  const field quantity{"quantity", form::decimal, true};
  const field unit{"unit", form::unit, true};
  if (content == "materials")
    return {material,
            {"revision", form::id, true},
            {"base_unit", form::unit, true},
            {"description"},
            {"group"},
            {"batch_managed", form::truth},
            {"inspection_required", form::truth},
            {"shelf_life_days", form::whole}};
  if (content == "routings")
    return {material,        {"operation", form::id, true},
            {"work_center"}, {"description"},
            {"setup_time"},  {"machine_time"},
            {"labour_time"}};
  if (content == "components")
    return {material,      {"component", form::id, true, "material"}, quantity, unit,
            {"operation"}, {"scrap_percent", form::decimal}};
  if (content == "lots")
    return {batch, material, {"supplier"}, {"supplier_lot"}, {"expires", form::time}};
  if (content == "stock")
    return {batch, {"location"}, {"type", form::code, true, "stock_type"}, quantity, unit};
  if (content == "holds")
    return {{"hold", form::id, true},
            batch,
            {"type", form::code, true, "hold_type"},
            {"reason", form::text, true},
            {"quantity", form::decimal},
            {"unit", form::unit},
            {"location"},
            {"occurred_at", form::time},
            {"person"}};
  if (content == "facts")
    return {{"what", form::text, true},
            {"report", form::id, true},
            {"order", form::id, false, "order"},
            {"operation", form::id},
            {"material", form::id, false, "material"},
            {"batch", form::id, false, "batch"},
            {"quantity", form::decimal},
            {"scrap", form::decimal},
            {"unit", form::unit},
            {"final", form::truth},
            {"type", form::code, false, "hold_type"},
            {"reason"},
            {"occurred_at", form::time},
            {"person"},
            {"location"},
            {"output_batch", form::id, false, "batch"}};
  return {{"order", form::id, true, "order"},
          material,
          {"revision"},
          quantity,
          unit,
          {"due", form::time},
          {"start", form::time},
          {"type", form::code, false, "order_type"},
          {"status", form::code, true, "order_status"}};
}

std::string column_of(const data_file& file, std::string_view field) {
  const auto at = file.columns.find(field);
  return at == file.columns.end() ? std::string(field) : at->second;
}

std::optional<record> record::read(const plan& p, const csv_table& table, std::size_t file,
                                   const csv_line& line, std::vector<rejection>& rejected) {
  const auto& source = p.files[file];
  record out;
  out.where_ = {file, line.number};
  const auto reject = [&](std::string column, std::string reason) {
    rejected.push_back({out.where_, std::move(column), std::move(reason)});
    return std::nullopt;
  };
  if (!line.fault.empty()) return reject({}, line.fault);
  for (const auto& f : fields_of(source.content)) {
    const auto column = column_of(source, f.name);
    const auto at = std::ranges::find(table.columns, column);
    value v{f.name, f.what, {}, {}};
    if (at != table.columns.end())
      v.raw = trimmed(line.fields[static_cast<std::size_t>(at - table.columns.begin())]);
    if (v.raw.empty()) {
      if (f.required)
        return reject(column,
                      at == table.columns.end() ? "the file has no such column" : "is empty");
      continue;
    }
    auto text = translated(p, source, f, v.raw);
    if (!text) return reject(column, text.error().detail);
    v.text = std::move(*text);
    out.values_.push_back(std::move(v));
  }
  return out;
}

const std::string& record::at(std::string_view name) const {
  const auto found = std::ranges::find(values_, name, &value::name);
  return found == values_.end() ? nothing : found->text;
}

const std::string& record::raw(std::string_view name) const {
  const auto found = std::ranges::find(values_, name, &value::name);
  return found == values_.end() ? nothing : found->raw;
}

void record::put(json_value& body, std::initializer_list<std::string_view> names) const {
  for (const auto name : names) {
    const auto found = std::ranges::find(values_, name, &value::name);
    if (found == values_.end()) continue;
    if (found->what == form::truth)
      body.set(name, json_value(found->text == "true"));
    else if (found->what == form::whole)
      body.set(name, json_value(json_value::number{std::to_string(std::stol(found->text))}));
    else
      body.set(name, found->text);
  }
}

}  // namespace millrace::onboarding_file
