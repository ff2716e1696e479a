// Reads what a genealogy walk wants, many lots at once, over all plants, until it wants nothing
// more. A plant that cannot be asked is named in the result, never passed over in silence.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/genealogy.hpp"
#include "nodes/gateway/core.hpp"

namespace millrace::gateway {

/// One walk under way. Lives as long as a read is; everything runs on the call's thread.
class tracing : public std::enable_shared_from_this<tracing> {
 public:
  /// What has left of a lot, where `with_shipments`.
  struct shipped {
    actors::lot_id lot;
    millrace::batch::ShippedRowT row;
  };
  using then = std::function<void(const actors::genealogy_result&, std::vector<shipped>&)>;

  tracing(core& g, call_ptr c, actors::genealogy_walk walk, actors::walk_direction direction,
          bool with_shipments = false);
  /// `root_must_be`: a root that is not known fails the call, else it is named as unknown. `done`
  /// is called once, unless the call has failed.
  void run(bool root_must_be, then done);

 private:
  struct lot_read;
  void pump();
  void read(std::shared_ptr<lot_read> lot);
  void take_lot(const std::shared_ptr<lot_read>& lot, const result<actor_view>& view);
  void read_rows(const std::shared_ptr<lot_read>& lot);
  void take_rows(const std::shared_ptr<lot_read>& lot, const std::vector<row_view>& rows);
  void ended();
  void fail(const error& e);

  core& g_;
  call_ptr c_;
  actors::genealogy_walk walk_;
  bool up_, down_, with_shipments_;
  bool root_must_be_ = false, first_ = true, failed_ = false, pumping_ = false;
  std::size_t reading_ = 0;
  std::vector<actors::lot_id> todo_;
  std::vector<shipped> shipments_;
  then done_;
};

/// The answer's body, and in GS1's words (EPCIS 2.0, one TransformationEvent for each output and
/// order); `now`: when the document is made.
[[nodiscard]] std::string genealogy_as_epcis(const actors::genealogy_result& result, timestamp now);

}  // namespace millrace::gateway
