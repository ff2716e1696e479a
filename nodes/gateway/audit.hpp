// /v1/audit: who did what, when, why and on whose behalf, out of a plant's journal; and its entries
// with their chain, of which `millrace audit export` makes a file that shows it by itself.
#pragma once

#include "cluster/entry_source.hpp"
#include "nodes/gateway/core.hpp"

namespace millrace::gateway {

/// ?plant=&from=&to=&actor=&principal=&limit=&cursor=: records, oldest first. `from` and `to` are
/// positions (indexes) or times, both included. `journals` outlives the call; null: there are none.
void get_audit(core& g, const call_ptr& c, entry_source* journals);
/// The same stretch as lines of an audit file (nodes/audit/audit_file.hpp), a page at a time.
void get_audit_entries(core& g, const call_ptr& c, entry_source* journals);

}  // namespace millrace::gateway
