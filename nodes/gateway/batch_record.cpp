// The batch record: the run's entries as they were hashed, byte for byte. The chain is computed
// again on the way out; a record that does not check out is not handed out as one.
#include "nodes/gateway/batch_record.hpp"

#include <flatbuffers/flatbuffers.h>

#include <algorithm>

#include "actors/batch_record.hpp"
#include "nodes/gateway/json_text.hpp"
#include "schemas/production/batch_run_kind.hpp"

namespace millrace::gateway {
namespace {

namespace br = millrace::batch_run;

constexpr std::uint32_t rows_a_page = 500;
constexpr std::size_t record_bytes_max = 64u << 20;

/// Reads the run, then its entries page by page.
struct exporting : std::enable_shared_from_this<exporting> {
  core& g;
  call_ptr c;
  address where;
  br::StateT run;
  std::string after, entries, hash{actors::first_record_hash};
  std::uint32_t count = 0;

  exporting(core& core_, call_ptr call_, address a)
      : g(core_), c(std::move(call_)), where(std::move(a)) {}

  void start() {
    g.engine.read(where, consistency::leader,
                  on_thread_of<actor_view>(c, [self = shared_from_this()](result<actor_view> view) {
                    if (!view) return self->c->fail(view.error());
                    flatbuffers::GetRoot<br::State>(view->state.data())->UnPackTo(&self->run);
                    self->next();
                  }));
  }
  void next() {
    g.engine.rows(where, "record", after, rows_a_page,
                  on_thread_of<std::vector<row_view>>(
                      c, [self = shared_from_this()](result<std::vector<row_view>> rows) {
                        if (!rows) return self->c->fail(rows.error());
                        self->take(*rows);
                      }));
  }
  void take(const std::vector<row_view>& rows) {
    for (const auto& row : rows) {
      if (count == run.entries) break;  // written since the run was read
      const auto* entry = flatbuffers::GetRoot<br::EntryRow>(row.row.data());
      const auto json = entry->json() ? entry->json()->string_view() : std::string_view();
      hash = actors::next_record_hash(hash, json);
      if (entry->hash() == nullptr || entry->hash()->string_view() != hash)
        return c->fail({"state.damaged", "entry " + std::to_string(count + 1) +
                                             " of the record does not have the hash it should"});
      entries += (entries.empty() ? "" : ",");
      entries += json;
      ++count;
      after = row.key;
    }
    if (entries.size() > record_bytes_max)
      return c->fail({"request.too_large", "the record is larger than 64 MB"});
    if (rows.size() == rows_a_page && count < run.entries) return next();
    finish();
  }
  void finish() {
    if (count != run.entries || (count != 0 && hash != run.record_hash))
      return c->fail({"state.damaged", "the record has " + std::to_string(count) + " of " +
                                           std::to_string(run.entries) + " entries"});
    std::string out;
    {
      json_object o(out);
      o.text("format", "millrace batch record 1").text("address", where.to_string());
      o.text("run", where.id).text("order", run.order);
      o.text("recipe", run.recipe).text("revision", run.revision).text("material", run.material);
      o.text("status", br::EnumNameStatus(run.status)).flag("closed", run.closed);
      o.number("version", run.record_version).when("closed_at", run.closed_at);
      o.text("hash", hash)
          .text("algorithm",
                "h(0) = 64 zeros; h(n) = SHA-256(h(n-1) LF entry(n)), "
                "hexadecimal; entries are RFC 8785 JSON");
      o.raw("entries", "[" + entries + "]");
    }
    c->json(200, std::move(out));
  }
};

}  // namespace

void get_batch_record(core& g, const call_ptr& c, const address& run) {
  std::make_shared<exporting>(g, c, run)->start();
}

}  // namespace millrace::gateway
