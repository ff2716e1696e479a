// The walk over genealogy links: which lots went into a lot, and which came of it, any depth,
// across plants. Pure. The caller reads: ask `wanted()`, read those lots' rows, hand them in, until
// nothing is wanted.
//
//   genealogy_walk walk({"hamburg", "PMP-1"}, walk_direction::up, 10, {});
//   while (!walk.wanted().empty())
//     for (const auto& lot : walk.take_wanted()) walk.give(lot, facts, up_rows, down_rows);
//   const auto story = walk.finish();
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/inventory/batch_kind.hpp"

namespace millrace::actors {

enum class walk_direction : std::uint8_t { up, down, both };  // up: towards inputs
[[nodiscard]] std::optional<walk_direction> parse_direction(std::string_view text);

struct lot_id {
  std::string plant, batch;
  auto operator<=>(const lot_id&) const = default;
};
/// What a lot says of itself. `arrived`: all that ever came into it, in its unit.
struct lot_facts {
  std::string material, unit;
  decimal arrived;
  bool held = false;
};
struct genealogy_node {
  std::string batch, material, plant, unit;
  decimal arrived;
  /// Upwards: so much of this lot went into the root. Downwards: so much of the root is in this
  /// lot, in the root's unit. At most: an order's link names all that the order used.
  decimal carried;
  bool held = false;
};
/// `from` went into `to`.
struct genealogy_edge {
  std::string from, to, from_plant, to_plant;
  decimal quantity;
  std::string unit, order, operation, report;
  timestamp at;
  millrace::batch::Basis basis = millrace::batch::Basis::order;
};
/// `since`: when it was last heard, as far as the links tell.
struct missing_plant {
  std::string plant;
  timestamp since;
};
struct genealogy_result {
  lot_id root;
  walk_direction direction = walk_direction::up;
  std::vector<genealogy_node> nodes;  // the root first, then by distance
  std::vector<genealogy_edge> edges;
  std::vector<std::string> unknown;  // lots that links name and no plant knows
  std::vector<missing_plant> missing;
  bool complete = true;  // nothing is missing, unknown, or cut off by depth or size
  bool cut_by_depth = false, cut_by_size = false;
};

/// Why the story is not all of it, in words: "plant lyon last heard 2026-…", one a line.
[[nodiscard]] std::vector<std::string> gaps_of(const genealogy_result& result);

class genealogy_walk {
 public:
  static constexpr std::size_t nodes_max = 10'000;
  /// `depth` 0 = any. `at`, when given, shows the links as they stood then; else those in force.
  genealogy_walk(lot_id root, walk_direction direction, std::uint32_t depth, timestamp at,
                 std::size_t lots_max = nodes_max);
  /// One more lot to start from, in the root's direction.
  void also(const lot_id& root);
  /// Lots to be read next; each is wanted once.
  [[nodiscard]] const std::vector<lot_id>& wanted() const { return wanted_; }
  [[nodiscard]] std::vector<lot_id> take_wanted();
  /// A lot's material and its link rows (tables "genealogy_up" and "genealogy_down"; the walk uses
  /// what its direction needs).
  void give(const lot_id& lot, const lot_facts& facts,
            const std::vector<millrace::batch::GenealogyUpRowT>& up,
            const std::vector<millrace::batch::GenealogyDownRowT>& down);
  /// No such lot.
  void give_unknown(const lot_id& lot);
  /// Its plant cannot be read; `since`: when it was last heard.
  void give_missing(const lot_id& lot, timestamp since);
  [[nodiscard]] const genealogy_result& result() const { return result_; }
  /// The result with quantities carried through; when nothing is wanted any more.
  [[nodiscard]] const genealogy_result& finish();

 private:
  /// Which ways a lot is walked from, and how far it is from the root.
  struct visit {
    std::size_t node;
    std::uint32_t depth;
    bool up;
    bool down;
  };
  void follow(const lot_id& from, const visit& v, const millrace::batch::LinkT& link, bool upwards);
  void carry(bool upwards);
  void reach(const lot_id& lot, const std::string& material, std::uint32_t depth, bool up,
             bool down);
  [[nodiscard]] bool in_force(const millrace::batch::LinkT& link, timestamp removed_at) const;

  genealogy_result result_;
  std::uint32_t depth_max_;
  std::size_t lots_max_;
  timestamp at_;
  std::vector<lot_id> wanted_;
  std::map<lot_id, visit> seen_;
  std::set<std::string> edges_;
};

/// As GET …/genealogy answers it.
[[nodiscard]] std::string to_json(const genealogy_result& result);

}  // namespace millrace::actors
