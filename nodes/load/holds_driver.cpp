// The open loop with holds: commands at a fixed rate whatever their answers do, holds on lots
// meanwhile. A hold's way through the outer systems is read from the hold itself afterwards, which
// keeps who acknowledged when; the load is disturbed by no reader that way.

#include <algorithm>
#include <chrono>
#include <vector>
#include <zmq.hpp>

#include "cluster/clock.hpp"
#include "nodes/client_envelope.hpp"
#include "nodes/json/json_value.hpp"
#include "nodes/load/http_connection.hpp"
#include "nodes/load/load.hpp"
#include "schemas/engine/envelope_generated.h"
#include "schemas/inventory/batch_generated.h"
#include "schemas/production/order_generated.h"

namespace millrace::load {
namespace {

constexpr std::uint32_t frame_commands_max = 128;
constexpr std::uint32_t open_max = 65'536;        // unanswered: the node does not keep up
constexpr std::uint32_t burst_of_socket = 2'048;  // below what a client may have open
constexpr std::int64_t idle_us_max = 10'000'000;

/// One command in flight: when it was due, and which hold it places.
struct slot {
  std::int64_t due_us = 0;
  std::uint32_t actor = 0;
  std::int32_t hold = -1;
  bool open = false;
};

class holds_loop {
 public:
  holds_loop(const workload& w, const hold_options& h)
      : work_(w), holds_(h), sequences_(w.settings().actors, 0) {}

  result<hold_outcome> run() {
    const auto& o = work_.settings();
    try {
      connect();
    } catch (const zmq::error_t& failure) {
      return error{"request.malformed", "cannot connect to " + o.client + ": " + failure.what()};
    }
    begin_us_ = now_us();
    measure_us_ = begin_us_ + static_cast<std::int64_t>(o.warm_up * 1e6);
    end_us_ = measure_us_ + static_cast<std::int64_t>(o.seconds * 1e6);
    loop();
    out_.commands.seconds = o.seconds;
    if (out_.commands.violations > 0) return std::move(out_);
    auto read = read_holds();
    if (!read) return std::move(read).error();
    return std::move(out_);
  }

 private:
  // The node's own clock (cluster/clock.hpp): both processes follow the machine's date alike, so
  // that times of the two compare.
  [[nodiscard]] std::int64_t now_us() const { return clock_.now().micros(); }
  [[nodiscard]] std::int64_t due_of(double number, double per_s) const {
    return begin_us_ + static_cast<std::int64_t>(number / per_s * 1e6);
  }
  /// When a command is to be sent: at the rate, or with all of its burst.
  [[nodiscard]] std::int64_t due_of_command(std::uint64_t number) const {
    if (holds_.burst == 0) return due_of(static_cast<double>(number), holds_.rate);
    const auto before = static_cast<double>(number / holds_.burst);
    return measure_us_ + static_cast<std::int64_t>(before * holds_.burst_every_s * 1e6);
  }

  /// The first is the holds' own, so that a burst goes by other clients.
  void connect() {
    const auto others = (holds_.burst + burst_of_socket - 1) / burst_of_socket;
    for (std::uint32_t i = 0; i <= others; ++i) {
      auto& socket = sockets_.emplace_back(context_, zmq::socket_type::dealer);
      socket.set(zmq::sockopt::linger, 0);
      socket.set(zmq::sockopt::sndhwm, 0);
      socket.set(zmq::sockopt::rcvhwm, 0);
      socket.connect(work_.settings().client);
      items_.push_back({socket.handle(), 0, ZMQ_POLLIN, 0});
    }
  }
  /// An order's commands all go by one client, so that their answers come in order.
  [[nodiscard]] std::size_t socket_of(std::uint64_t number) const {
    if (sockets_.size() == 1) return 0;
    return 1 + number % work_.settings().actors / frame_commands_max % (sockets_.size() - 1);
  }

  void loop() {
    zmq::message_t frame;
    auto heard_us = begin_us_;
    for (auto now = now_us(); now < end_us_ || open_ > 0; now = now_us()) {
      if (now < end_us_) send_due(now);
      zmq::poll(items_, std::chrono::milliseconds(1));
      for (auto& socket : sockets_)
        while (socket.recv(frame, zmq::recv_flags::dontwait)) {
          heard_us = now;
          take_frame(frame);
        }
      if (open_ > open_max) return fail("too many commands without an answer");
      if (now > heard_us + idle_us_max) return fail("no answer for 10 s");
    }
  }

  /// A hold that is due goes before what is left of a burst, as its client is another.
  void send_due(std::int64_t now) {
    while (due_of_command(number_) <= now && due_of_command(number_) < end_us_) {
      while (due_of(hold_ + 0.5, holds_.holds_per_s) <= now_us()) send_hold();
      send_commands(now);
    }
    while (due_of(hold_ + 0.5, holds_.holds_per_s) <= now) send_hold();
  }

  void send_commands(std::int64_t now) {
    const auto by = socket_of(number_);
    builder_.Clear();
    commands_.clear();
    const auto token = builder_.CreateString(work_.settings().token_prefix + "mes");
    for (auto due = due_of_command(number_);
         due <= now && due < end_us_ && commands_.size() < frame_commands_max &&
         socket_of(number_) == by;
         due = due_of_command(number_)) {
      if (holds_.burst != 0 && number_ % holds_.burst == 0) bursts_.push_back({due, 0});
      const work_item item{static_cast<std::uint32_t>(number_ % work_.settings().actors), number_};
      ++number_;
      add("order", static_cast<std::uint8_t>(order::Command::ConfirmOperation), item.actor,
          work_.order_of(item.actor), work_.confirmation_id(item), work_.confirm_table(item),
          take_slot(due, item.actor, -1));
    }
    send(sockets_[by], token);
  }

  void send_hold() {
    builder_.Clear();
    commands_.clear();
    const auto token = builder_.CreateString(work_.settings().token_prefix + "qms");
    const auto due = due_of(hold_ + 0.5, holds_.holds_per_s);
    batch::PlaceHoldT place;
    place.hold = work_.lot_of(hold_);
    place.reason = "measured";
    flatbuffers::FlatBufferBuilder body(256);
    body.Finish(batch::PlaceHold::Pack(body, &place));
    add("batch", static_cast<std::uint8_t>(batch::Command::PlaceHold), hold_, work_.lot_of(hold_),
        place.hold, bytes(body.GetBufferPointer(), body.GetBufferPointer() + body.GetSize()),
        take_slot(due, 0, static_cast<std::int32_t>(hold_)));
    placed_us_.push_back(due);
    placed_ns_.push_back(0);
    ++hold_;
    send(sockets_[0], token);
  }

  std::uint64_t take_slot(std::int64_t due, std::uint32_t actor, std::int32_t hold) {
    if (free_.empty()) {
      free_.push_back(static_cast<std::uint32_t>(slots_.size()));
      slots_.emplace_back();
    }
    const auto tag = free_.back();
    free_.pop_back();
    slots_[tag] = {due, actor, hold, true};
    ++open_;
    return tag;
  }

  void add(const char* kind, std::uint8_t command, std::uint32_t number, const std::string& id,
           const std::string& key, const bytes& table, std::uint64_t tag) {
    builder_.ForceVectorAlignment(table.size(), 1, 8);
    const auto body = builder_.CreateVector(table);
    const auto plant = builder_.CreateString(work_.plant_of(number));
    const auto kind_name = builder_.CreateString(kind);
    const auto id_name = builder_.CreateString(id);
    const auto key_name = builder_.CreateString(key);
    engine::CommandBuilder b(builder_);
    b.add_plant(plant);
    b.add_kind(kind_name);
    b.add_id(id_name);
    b.add_command(command);
    b.add_body(body);
    b.add_key(key_name);
    b.add_token_tag(tag);
    commands_.push_back(b.Finish());
  }

  void send(zmq::socket_t& socket, flatbuffers::Offset<flatbuffers::String> token) {
    const auto list = builder_.CreateVector(commands_);
    builder_.Finish(engine::CreateFrame(builder_, token, list));
    socket.send(zmq::buffer(builder_.GetBufferPointer(), builder_.GetSize()),
                zmq::send_flags::none);
  }

  void take_frame(const zmq::message_t& frame) {
    const auto* verified = verified_frame({frame.data<std::uint8_t>(), frame.size()});
    if (verified == nullptr) return fail("a malformed frame");
    if (verified->replies() == nullptr) return;
    const auto now = now_us();
    for (const auto* reply : *verified->replies()) take(*reply, now);
  }

  void take(const engine::Reply& reply, std::int64_t now) {
    const auto tag = reply.token_tag();
    if (tag >= slots_.size() || !slots_[tag].open) return fail("an answer that nobody asked for");
    auto& s = slots_[tag];
    s.open = false;
    --open_;
    free_.push_back(static_cast<std::uint32_t>(tag));
    if (reply.status() != 200) {
      ++out_.commands.refused;
      note(std::to_string(reply.status()) + " " + (reply.code() ? reply.code()->str() : "") + " " +
           (reply.detail() ? reply.detail()->str() : ""));
      return;
    }
    const bool counts = s.due_us >= measure_us_ && s.due_us < end_us_;
    const auto took_ns =
        static_cast<std::uint64_t>(std::max<std::int64_t>(now - s.due_us, 0)) * 1000;
    if (s.hold >= 0) {
      placed_ns_[static_cast<std::size_t>(s.hold)] = took_ns;
      return;
    }
    if (!bursts_.empty() && s.due_us == bursts_.back().due_us) bursts_.back().end_us = now;
    if (reply.sequence() <= sequences_[s.actor]) return fail("an actor's sequence did not grow");
    sequences_[s.actor] = reply.sequence();
    if (!counts) return;
    ++out_.commands.answered;
    out_.commands.latency.add(took_ns);
  }

  /// Every hold, until all of the three systems have acknowledged it.
  result<void> read_holds() {
    for (const auto& b : bursts_)
      if (b.end_us != 0) out_.bursts.add(static_cast<std::uint64_t>(b.end_us - b.due_us) * 1000);
    auto opened = http_connection::open(work_.settings().http);
    if (!opened) return std::move(opened).error();
    const auto until = now_us() + static_cast<std::int64_t>(holds_.settle_s_max * 1e6);
    for (std::uint32_t hold = 0; hold < hold_; ++hold) {
      std::array<std::int64_t, 3> acknowledged{};
      while (!read_hold(*opened, hold, acknowledged) && now_us() < until) {
      }
      if (placed_us_[hold] < measure_us_ || placed_us_[hold] >= end_us_) continue;
      note_hold(hold, acknowledged);
    }
    return {};
  }

  /// True when all three have acknowledged; times are written as far as they are known.
  bool read_hold(http_connection& to, std::uint32_t hold, std::array<std::int64_t, 3>& when) {
    std::string request;
    append_request(request, "GET",
                   "/v1/plants/" + work_.plant_of(hold) + "/holds/" + work_.lot_of(hold),
                   work_.settings().token_prefix + "ops", {}, std::nullopt, false);
    const auto answer = to.exchange(request);
    const auto body = answer.status == 200 ? json_value::parse(answer.body) : json_value();
    if (!body) return false;
    const auto* systems = body->at("/state/acknowledgers");
    if (systems == nullptr) return false;
    for (const auto& one : systems->items()) {
      const auto at = std::find(hold_systems.begin(), hold_systems.end(), one.text("system"));
      const auto time = timestamp::parse(one.text("acknowledged_at"));
      if (at == hold_systems.end() || !time || one.text("by_platform") == "true") continue;
      when[static_cast<std::size_t>(at - hold_systems.begin())] = time->micros();
    }
    return std::all_of(when.begin(), when.end(), [](auto t) { return t != 0; });
  }

  /// Whether commands of a burst had no answer yet when the hold was due.
  [[nodiscard]] bool met_burst(std::uint32_t hold) const {
    return std::any_of(bursts_.begin(), bursts_.end(), [&](const burst& b) {
      return placed_us_[hold] >= b.due_us && placed_us_[hold] <= b.end_us;
    });
  }

  void note_hold(std::uint32_t hold, const std::array<std::int64_t, 3>& when) {
    for (std::size_t i = 0; i < when.size(); ++i) {
      if (when[i] == 0) {
        ++out_.unacknowledged;
        return note(work_.lot_of(hold) + " was not acknowledged by " +
                    std::string(hold_systems[i]));
      }
    }
    const auto took_ns = [&](std::int64_t at) {
      return static_cast<std::uint64_t>(std::max<std::int64_t>(at - placed_us_[hold], 0)) * 1000;
    };
    const bool crowded = met_burst(hold);
    if (!crowded)
      for (std::size_t i = 0; i < when.size(); ++i) out_.systems[i].add(took_ns(when[i]));
    (crowded ? out_.placed_in_burst : out_.placed).add(placed_ns_[hold]);
    (crowded ? out_.all_in_burst : out_.all)
        .add(took_ns(*std::max_element(when.begin(), when.end())));
  }

  void note(std::string what) {
    if (out_.commands.first_failure.empty()) out_.commands.first_failure = std::move(what);
  }
  void fail(std::string what) {
    ++out_.commands.violations;
    note(std::move(what));
    open_ = 0;
    end_us_ = 0;
  }

  struct burst {
    std::int64_t due_us = 0, end_us = 0;  // end: the answer of its last command
  };
  const workload& work_;
  zmq::context_t context_{1};  // ends after its sockets
  std::vector<zmq::socket_t> sockets_;
  std::vector<zmq::pollitem_t> items_;
  std::vector<burst> bursts_;
  hold_options holds_;
  node_clock clock_;
  std::vector<slot> slots_;
  std::vector<std::uint32_t> free_;
  std::vector<std::uint64_t> sequences_;
  std::vector<std::int64_t> placed_us_;   // when each hold was due
  std::vector<std::uint64_t> placed_ns_;  // until its command was answered
  std::vector<flatbuffers::Offset<engine::Command>> commands_;
  flatbuffers::FlatBufferBuilder builder_{256 * 1024};
  std::uint64_t number_ = 0;
  std::uint32_t hold_ = 0;
  std::uint32_t open_ = 0;
  std::int64_t begin_us_ = 0, measure_us_ = 0, end_us_ = 0;
  hold_outcome out_;
};

}  // namespace

result<hold_outcome> run_holds(const workload& w, const hold_options& h) {
  const auto& o = w.settings();
  const auto holds = static_cast<std::uint32_t>((o.warm_up + o.seconds) * h.holds_per_s) + 1;
  if (auto ready = prepare_lots(w, holds); !ready) return std::move(ready).error();
  return holds_loop(w, h).run();
}

}  // namespace millrace::load
