// Commits of any size: their writes are pulled one after another, so that nobody holds them all.
#pragma once

#include <functional>

#include "cluster/store.hpp"

namespace millrace {

/// Gives the writes of a commit one after another, null at the end. What it gave lives until it is
/// called again.
using write_source = std::function<result<const write*>()>;

class large_store : public store {
 public:
  /// As commit. An error of `from` is the answer then: nothing was written, and the store goes on.
  [[nodiscard]] virtual result<void> commit_all(const write_source& from) = 0;
};

/// Every store that is not read-only is one.
[[nodiscard]] result<void> commit_all(store& to, const write_source& from);

}  // namespace millrace
