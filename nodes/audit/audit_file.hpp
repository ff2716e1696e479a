// An audit as a file: a stretch of a plant's journal, whole or by filter, that shows by itself that
// nothing in it was changed or left out.
//
//   file    := head line* end                       each a JSON object and a newline
//   head    := {"audit":1,"plant","generation","before":{"index","chain"},"actor"?,"principal"?}
//   line    := {"index","term","type","chain","payload":base64,"records":[…]}
//            | {"index","chain"}                    withheld: it has no record that was asked for
//   end     := {"end":{"index","chain","entries","withheld","records"}}
//
// chain(i) is the journal's own (cluster/journal.hpp): it covers chain(i-1), generation, index,
// term, type and payload. Each line's index follows the one before. The records are what the
// payload says, for people; they are checked against it. A withheld line is a link whose content
// stays with the plant: that its chain is the journal's can be asked there.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/journal.hpp"
#include "nodes/audit/audit_records.hpp"
#include "nodes/json/json_value.hpp"

namespace millrace::audit {

inline constexpr std::size_t file_bytes_max = 1024 * 1024 * 1024;
inline constexpr std::size_t findings_max = 100;

struct head {
  std::string plant;
  std::uint32_t generation = 1;
  std::uint64_t before = 0;  // index
  std::string chain;         // hex, at `before`
  filter wanted;
};

/// The head as a line.
[[nodiscard]] std::string head_line(const head& h);
/// One entry as a line. Error: journal.damaged.
[[nodiscard]] result<std::string> entry_line(const schema_model& model, const chained_entry& e,
                                             const filter& f);

/// Counts lines as they are written or read.
struct tally {
  std::uint64_t index = 0;  // of the last line
  std::string chain;
  std::uint64_t entries = 0, withheld = 0, records = 0;
  void add(const json_value& line);
  bool operator==(const tally&) const = default;
};
[[nodiscard]] std::string end_line(const tally& t);

struct report {
  std::string plant;
  std::uint64_t first = 0;
  tally counted;
  bool whole = false;  // nothing is withheld
  std::vector<std::string> findings;
  [[nodiscard]] std::string to_text() const;
};

/// Checks a file's text: grammar, no gap, the chain, records against payloads, the end. Findings
/// name line and index.
[[nodiscard]] report check(const schema_model& model, std::string_view text);

[[nodiscard]] std::string to_base64(bytes_view data);
/// Error: audit.invalid.
[[nodiscard]] result<bytes> from_base64(std::string_view text);

}  // namespace millrace::audit
