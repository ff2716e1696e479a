// Which stores can do it is known when they are made, not from their type.
#include "cluster/large_commit.hpp"

#include "cluster/check.hpp"

namespace millrace {

result<void> commit_all(store& to, const write_source& from) {
  auto* large = dynamic_cast<large_store*>(&to);
  check(large != nullptr);
  return large->commit_all(from);
}

}  // namespace millrace
