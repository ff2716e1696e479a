// layer: actors
// Journal entries and rows of both environments. A damaged disk is caught by checksums; here they
// are right, so that what reads the fields behind them must stand by itself.
#include "cluster/entry.hpp"
#include "actors/registry.hpp"
#include "cluster/crc32c.hpp"
#include "cluster/journal_events.hpp"
#include "cluster/journal_rows.hpp"
#include "cluster/row.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace millrace::fuzz {
namespace {

const kind_registry& kinds() {
  static const auto all = [] {
    auto made = std::make_unique<kind_registry>();
    actors::register_kinds(*made);
    return made;
  }();
  return *all;
}

/// Reads an entry as every reader of the journal does.
void read_entry(bytes_view raw) {
  const auto view = entry_view::verify(raw);
  if (!view) return expect(view.error().code == "journal.damaged", "a clear error");
  std::uint32_t seen = 0;
  for (auto it = view->begin(); it != view->end(); ++it) {
    expect(it.ordinal() == seen++ && !it.record().empty(), "records are in order");
    expect(*it != nullptr, "a record is there");
  }
  expect(seen == view->count(), "every record is read");
  log_entry e;
  e.index = 7;
  e.payload = std::make_shared<const bytes>(raw.begin(), raw.end());
  event_page page;
  (void)append_events(kinds(), "hamburg", e, {}, 100, page);
  std::vector<hop> hops;
  append_hops(kinds(), e, "T-1", hops);
  exception_view parked;
  for (std::uint32_t i = 0; i < seen; ++i) append_parked(kinds(), e, i, parked);
}

void read_rows(bytes_view raw) {
  const auto key = raw.first(std::min<std::size_t>(raw.size(), 12));
  const auto value = raw.subspan(key.size());
  (void)journal_rows::parse_entry_key(key);
  (void)journal_rows::parse_field_key(key);
  (void)journal_rows::parse_entry(key, value, true);
  const auto sealed = journal_rows::seal(key, value);
  const auto back = journal_rows::unseal(key, sealed);
  expect(back && std::equal(back->begin(), back->end(), value.begin(), value.end()),
         "what was sealed comes back");
  if (const auto row = row_reader::open(raw, "row")) {
    auto fields = *row;
    while (fields.ok() && !fields.at_end()) (void)fields.text();
  }
}

/// The same row behind the checksum that it should have.
void read_sealed(bytes_view raw) {
  const auto key = raw.first(std::min<std::size_t>(raw.size(), 12));
  const auto sealed = journal_rows::seal(key, raw.subspan(key.size()));
  if (const auto e = journal_rows::parse_entry(key, sealed, true)) {
    expect(e->entry.payload != nullptr, "an entry has a payload");
    read_entry(*e->entry.payload);
  }
}

}  // namespace

void fuzz(std::string_view input) {
  const auto what = line(input);
  const bytes raw(input.begin(), input.end());
  if (what == "rows")
    read_rows(raw);
  else if (what == "sealed")
    read_sealed(raw);
  else
    read_entry(raw);
}

}  // namespace millrace::fuzz
