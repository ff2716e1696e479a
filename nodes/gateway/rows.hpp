// What grows without bound beside an actor's state, page by page: receipts of a supplier, the
// ledger of a reconciliation, transactions, links.
#pragma once

#include <string>

#include "nodes/gateway/core.hpp"

namespace millrace::gateway {

/// The row table that a path segment names ("quality-events"); nullptr when the kind has none.
[[nodiscard]] const table_model* row_table(const kind_model& kind, std::string_view segment);

/// {"items":[{"key","row":{…}}],"next":"…"|null}, in the order of the keys.
void get_rows(core& g, const call_ptr& c, const address& where, const table_model& table);

}  // namespace millrace::gateway
