// Child rows of any kind as a list; the cursor is the last key seen.
#include "nodes/gateway/rows.hpp"

#include <algorithm>

#include "nodes/gateway/json_text.hpp"

namespace millrace::gateway {

const table_model* row_table(const kind_model& kind, std::string_view segment) {
  std::string name(segment);
  if (name.find('_') != std::string::npos) return nullptr;
  std::replace(name.begin(), name.end(), '-', '_');
  return kind.row(name);
}

void get_rows(core& g, const call_ptr& c, const address& where, const table_model& table) {
  const auto limit = limit_of(c->target);
  if (bad_limit(c, limit)) return;
  for (const auto& [name, value] : c->target.query)
    if (name != "limit" && name != "cursor")
      return c->fail({"request.invalid", "rows take limit and cursor", {{'/' + name, "unknown"}}});
  const auto wanted = static_cast<std::uint32_t>(limit);
  const auto take = [&g, c, &table, wanted](result<std::vector<row_view>> rows) {
    if (!rows) return c->fail(rows.error());
    std::string out;
    {
      json_object o(out);
      {
        json_array all(o.key("items"));
        for (const auto& row : *rows) {
          json_object item(all.next());
          item.text("key", row.key);
          table_to_json(g.model, table, row.row, item.key("row"));
        }
      }
      if (rows->size() < wanted)
        o.raw("next", "null");
      else
        o.text("next", rows->back().key);
    }
    c->json(200, std::move(out));
  };
  g.engine.rows(where, table.wire_name, std::string(c->target.get("cursor")), wanted,
                on_thread_of<std::vector<row_view>>(c, take));
}

}  // namespace millrace::gateway
