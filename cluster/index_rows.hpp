// The stored index rows of one actor. Images say which values changed since the last one; who was
// loaded anew in between may have missed one, so for it the rows are compared with what is stored.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cluster/cell.hpp"
#include "cluster/store.hpp"

namespace millrace {

/// What turns the stored index rows of the actor into those of `image`; all but the row that lists
/// every actor. Rows of earlier images must have been written. A stored row that is damaged does
/// not tell its values: then the values of the kind's indexes are tried one after the other. Error:
/// disk.failed, state.damaged (the image is none).
[[nodiscard]] result<std::vector<index_change>> compare_index_rows(store_snapshot& state,
                                                                   std::string_view plant,
                                                                   const kind& k,
                                                                   const actor_image& image);

}  // namespace millrace
