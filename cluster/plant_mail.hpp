// Frames between plants on their way: to the plant next door when it leads here, else over bulk to
// the node that is thought to lead it. What is lost is sent again by the stream.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "cluster/clock.hpp"
#include "cluster/leader_book.hpp"
#include "cluster/peer_bulk.hpp"
#include "cluster/stream_wire.hpp"

namespace millrace {

/// What the mail needs to know of a plant on this node.
class mail_box {
 public:
  virtual ~mail_box() = default;
  [[nodiscard]] virtual bool leading() const = 0;
  [[nodiscard]] virtual node_number leader() const = 0;  // 0 = unknown
  virtual void take(stream_letter letter) = 0;
};

/// Thread-safe.
class plant_mail {
 public:
  struct seams {
    std::function<std::shared_ptr<mail_box>(std::string_view plant)> find;  // on this node, or null
    std::function<std::vector<node_number>(std::string_view plant)> members;  // who may host it
  };
  /// All outlive it; it takes the bulk tag `streams` until its end.
  plant_mail(node_number self, seams around, peer_bulk& out, leader_book& leaders,
             const clock& time);
  ~plant_mail();
  plant_mail(const plant_mail&) = delete;
  plant_mail& operator=(const plant_mail&) = delete;

  template <class Frame>
  void send(Frame frame) {
    post({std::move(frame), self_, false});
  }

 private:
  void post(stream_letter letter);
  void arrived(node_number from, bytes_view body);

  node_number self_;
  seams around_;
  peer_bulk& out_;
  leader_book& leaders_;
  const clock& clock_;
};

}  // namespace millrace
