// The closed loop over the client port: one DEALER socket; as many commands go out as answers came
// in, in one frame.

#include <chrono>
#include <vector>
#include <zmq.hpp>

#include "nodes/client_envelope.hpp"
#include "nodes/load/load.hpp"
#include "schemas/engine/envelope_generated.h"
#include "schemas/production/order_generated.h"

namespace millrace::load {
namespace {

using clock = std::chrono::steady_clock;
constexpr std::uint32_t frame_commands_max = 128;

/// One command in flight.
struct slot {
  clock::time_point sent;
  std::uint32_t actor = 0;
  bool open = false;
};

class native_loop {
 public:
  explicit native_loop(const workload& w)
      : work_(w), slots_(w.settings().in_flight), sequences_(w.settings().actors, 0) {}

  result<outcome> run() {
    const auto& o = work_.settings();
    zmq::context_t context(1);
    zmq::socket_t socket(context, zmq::socket_type::dealer);
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::sndhwm, 0);
    socket.set(zmq::sockopt::rcvhwm, 0);
    try {
      socket.connect(o.client);
    } catch (const zmq::error_t& failure) {
      return error{"request.malformed", "cannot connect to " + o.client + ": " + failure.what()};
    }
    measure_from_ =
        clock::now() + std::chrono::microseconds(static_cast<std::int64_t>(o.warm_up * 1e6));
    stop_at_ =
        measure_from_ + std::chrono::microseconds(static_cast<std::int64_t>(o.seconds * 1e6));
    for (std::uint32_t i = 0; i < o.in_flight; ++i) free_.push_back(i);
    send_free(socket);
    loop(socket);
    result_.seconds = o.seconds;
    return std::move(result_);
  }

 private:
  void loop(zmq::socket_t& socket) {
    zmq::message_t frame;
    while (unanswered_ > 0) {
      zmq::pollitem_t item{socket.handle(), 0, ZMQ_POLLIN, 0};
      if (zmq::poll(&item, 1, std::chrono::seconds(10)) == 0) return fail("no answer for 10 s");
      while (socket.recv(frame, zmq::recv_flags::dontwait)) take_frame(frame);
      if (clock::now() < stop_at_) send_free(socket);
    }
  }

  void take_frame(const zmq::message_t& frame) {
    const auto* verified = verified_frame({frame.data<std::uint8_t>(), frame.size()});
    if (verified == nullptr) return fail("a malformed frame");
    if (verified->replies() == nullptr) return;
    const auto now = clock::now();
    for (const auto* reply : *verified->replies()) take(*reply, now);
  }

  void take(const engine::Reply& reply, clock::time_point now) {
    const auto tag = reply.token_tag();
    if (tag >= slots_.size() || !slots_[tag].open) return fail("an answer that nobody asked for");
    auto& s = slots_[tag];
    s.open = false;
    --unanswered_;
    free_.push_back(static_cast<std::uint32_t>(tag));
    if (reply.status() != 200) {
      ++result_.refused;
      if (result_.first_failure.empty())
        result_.first_failure = std::to_string(reply.status()) + " " +
                                (reply.code() ? reply.code()->str() : "") + " " +
                                (reply.detail() ? reply.detail()->str() : "");
      return;
    }
    if (reply.sequence() <= sequences_[s.actor]) return fail("an actor's sequence did not grow");
    sequences_[s.actor] = reply.sequence();
    if (now >= measure_from_ && now < stop_at_) {
      ++result_.answered;
      result_.latency.add(static_cast<std::uint64_t>(
          std::chrono::duration_cast<std::chrono::nanoseconds>(now - s.sent).count()));
    }
  }

  void send_free(zmq::socket_t& socket) {
    while (!free_.empty()) {
      builder_.Clear();
      commands_.clear();
      const auto token = builder_.CreateString(work_.settings().token_prefix + "mes");
      const auto now = clock::now();
      while (!free_.empty() && commands_.size() < frame_commands_max) {
        const auto tag = free_.back();
        free_.pop_back();
        commands_.push_back(command(tag, now));
      }
      const auto list = builder_.CreateVector(commands_);
      builder_.Finish(engine::CreateFrame(builder_, token, list));
      socket.send(zmq::buffer(builder_.GetBufferPointer(), builder_.GetSize()),
                  zmq::send_flags::none);
    }
  }

  flatbuffers::Offset<engine::Command> command(std::uint32_t tag, clock::time_point now) {
    const work_item item{static_cast<std::uint32_t>(number_ % work_.settings().actors), number_};
    ++number_;
    slots_[tag] = {now, item.actor, true};
    ++unanswered_;
    const auto table = work_.confirm_table(item);
    builder_.ForceVectorAlignment(table.size(), 1, 8);
    const auto body = builder_.CreateVector(table);
    const auto plant = builder_.CreateString(work_.plant_of(item.actor));
    const auto kind = builder_.CreateString("order", 5);
    const auto id = builder_.CreateString(work_.order_of(item.actor));
    const auto key = builder_.CreateString(work_.confirmation_id(item));
    engine::CommandBuilder b(builder_);
    b.add_plant(plant);
    b.add_kind(kind);
    b.add_id(id);
    b.add_command(static_cast<std::uint8_t>(order::Command::ConfirmOperation));
    b.add_body(body);
    b.add_key(key);
    b.add_token_tag(tag);
    return b.Finish();
  }

  void fail(std::string what) {
    ++result_.violations;
    if (result_.first_failure.empty()) result_.first_failure = std::move(what);
    unanswered_ = 0;
  }

  const workload& work_;
  std::vector<slot> slots_;
  std::vector<std::uint64_t> sequences_;
  std::vector<std::uint32_t> free_;
  std::vector<flatbuffers::Offset<engine::Command>> commands_;
  flatbuffers::FlatBufferBuilder builder_{256 * 1024};
  std::uint64_t number_ = 0;
  std::uint64_t unanswered_ = 0;
  clock::time_point measure_from_;
  clock::time_point stop_at_;
  outcome result_;
};

}  // namespace

result<outcome> run_native(const workload& w) { return native_loop(w).run(); }

}  // namespace millrace::load
