#include "cluster/plant_mail.hpp"

#include <utility>

namespace millrace {

plant_mail::plant_mail(node_number self, seams around, peer_bulk& out, leader_book& leaders,
                       const clock& time)
    : self_(self), around_(std::move(around)), out_(out), leaders_(leaders), clock_(time) {
  out_.take(bulk_tag::streams, [this](node_number from, bytes_view body) { arrived(from, body); });
}

plant_mail::~plant_mail() { out_.take(bulk_tag::streams, {}); }

void plant_mail::post(stream_letter letter) {
  const auto& plant = to_plant(letter);
  const auto here = around_.find(plant);
  if (here && here->leading()) return here->take(std::move(letter));
  const auto known = here ? here->leader() : 0;
  const auto to =
      known != 0 ? known : leaders_.next(plant, around_.members(plant), clock_.monotonic_us());
  if (to == 0 || to == self_) return;  // nobody leads it now: the stream comes again
  out_.send(to, bulk_tag::streams, encode_stream(letter));
}

void plant_mail::arrived(node_number from, bytes_view body) {
  auto letter = decode_stream(body);
  if (!letter || (!letter->forwarded && letter->origin != from)) return;
  leaders_.learn(from_plant(*letter), letter->origin);
  const auto here = around_.find(to_plant(*letter));
  if (!here) return;
  if (here->leading()) return here->take(std::move(*letter));
  const auto leader = here->leader();
  if (letter->forwarded || leader == 0 || leader == self_) return;
  letter->forwarded = true;
  out_.send(leader, bulk_tag::streams, encode_stream(*letter));
}

}  // namespace millrace
