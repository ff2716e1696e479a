// The receiving side of a router: which of a peer's attempts have come before. An attempt is run
// once, however often its frame comes; its reply is kept until the peer says that it has it.
// Pure, one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "cluster/route_frame.hpp"

namespace millrace {

class route_server {
 public:
  /// Attempts of one peer that are kept; more are answered plant.overloaded.
  static constexpr std::size_t kept_max = 131'072;

  struct admitted {
    std::vector<request> run;    // new ones, in their order; tags are the peer's numbers
    std::vector<reply> replies;  // to what was answered before or cannot be taken
  };
  /// The head of every frame: another session is another process, whose predecessor is gone.
  void on_head(node_number from, std::uint64_t session, std::uint64_t done_below,
               const std::vector<std::uint64_t>& done);
  [[nodiscard]] admitted on_submit(node_number from, std::vector<request> batch);
  /// Replies of the engine, to be sent as they are; those of an older session are left out.
  [[nodiscard]] std::vector<reply> on_replies(node_number from, std::uint64_t session,
                                              std::vector<reply> replies);
  [[nodiscard]] std::uint64_t session(node_number from) const;
  [[nodiscard]] std::size_t kept(node_number from) const;

 private:
  struct attempt {
    bool answered = false;
    reply answer;
  };
  struct peer {
    std::uint64_t session = 0;
    std::uint64_t done_below = 0;
    std::map<std::uint64_t, attempt> attempts;
  };
  std::map<node_number, peer> peers_;
};

}  // namespace millrace
