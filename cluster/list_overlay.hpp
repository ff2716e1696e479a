// Index rows that are newer than the state environment: what lists merge with the stored rows.
// An actor without indexed fields has one all the same (field 0xFFFF), so that a plain list knows
// new actors.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/cell.hpp"
#include "cluster/log_entry.hpp"
#include "cluster/store.hpp"

namespace millrace {

inline constexpr std::uint16_t every_actor = 0xFFFF;  // the index of all ids of a kind

/// Not thread-safe.
class list_overlay {
 public:
  /// A committed change of an actor's indexed field, at that journal index.
  void apply(std::string_view kind, std::string_view id, const index_change& change,
             journal_index index);
  void add(std::string_view kind, std::string_view id, std::uint16_t field, std::string_view value,
           journal_index index);
  /// Everything up to `index` is stored.
  void stored(journal_index index);
  [[nodiscard]] std::size_t size() const { return rows_.size(); }

  /// Ids whose `field` has `value`, above `after`, in order; stored rows and the overlay as one. At
  /// most `limit`.
  [[nodiscard]] result<std::vector<std::string>> scan(store_snapshot& state, std::string_view plant,
                                                      std::string_view kind, std::uint16_t field,
                                                      std::string_view value,
                                                      std::string_view after,
                                                      std::size_t limit) const;
  /// Whether one id has that value.
  [[nodiscard]] result<bool> contains(store_snapshot& state, std::string_view plant,
                                      std::string_view kind, std::uint16_t field,
                                      std::string_view value, std::string_view id) const;

 private:
  struct change {
    bool present = false;
    journal_index index = 0;
  };
  std::map<std::string, change, std::less<>> rows_;  // by index_key
};

}  // namespace millrace
