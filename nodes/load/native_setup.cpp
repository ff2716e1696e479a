// Orders and lots for the workload by the client port: a million of them by HTTP would take an
// hour, since each release is a workflow of its own and a connection waits for its answer.

#include <chrono>
#include <functional>
#include <vector>
#include <zmq.hpp>

#include "nodes/client_envelope.hpp"
#include "nodes/load/load.hpp"
#include "schemas/engine/envelope_generated.h"
#include "schemas/inventory/batch_generated.h"
#include "schemas/production/order_generated.h"

namespace millrace::load {
namespace {

constexpr std::uint32_t in_flight = 2048;
constexpr std::uint32_t frame_commands_max = 128;
constexpr int tries_max = 20;  // of a command that the node was too busy for

/// One command, sent to that many actors of one kind.
struct setup_step {
  std::string kind;
  std::uint8_t command = 0;
  bytes body;
  std::uint32_t count = 0;
  std::function<std::string(std::uint32_t)> id_of;
};

/// Sends one command to each actor and waits for all answers; 409 is what an earlier run has done.
class setup_round {
 public:
  setup_round(const workload& w, zmq::socket_t& socket, setup_step step)
      : work_(w), socket_(socket), step_(std::move(step)) {}

  result<void> run() {
    std::uint32_t next = 0;
    while (answered_ < step_.count) {
      while (!again_.empty() || (next < step_.count && open_ < in_flight)) {
        if (auto sent = send(next); !sent) return sent;
      }
      if (auto got = receive(); !got) return got;
    }
    return {};
  }

 private:
  result<void> send(std::uint32_t& next) {
    builder_.Clear();
    commands_.clear();
    const auto token = builder_.CreateString(work_.settings().token_prefix + "erp");
    while (commands_.size() < frame_commands_max) {
      if (!again_.empty()) {
        add(again_.back());
        again_.pop_back();
      } else if (next < step_.count && open_ < in_flight) {
        add(next++);
      } else {
        break;
      }
    }
    const auto list = builder_.CreateVector(commands_);
    builder_.Finish(engine::CreateFrame(builder_, token, list));
    socket_.send(zmq::buffer(builder_.GetBufferPointer(), builder_.GetSize()),
                 zmq::send_flags::none);
    return {};
  }

  void add(std::uint32_t actor) {
    ++open_;
    builder_.ForceVectorAlignment(step_.body.size(), 1, 8);
    const auto body = builder_.CreateVector(step_.body);
    const auto plant = builder_.CreateString(work_.plant_of(actor));
    const auto kind = builder_.CreateString(step_.kind);
    const auto id = builder_.CreateString(step_.id_of(actor));
    engine::CommandBuilder b(builder_);
    b.add_plant(plant);
    b.add_kind(kind);
    b.add_id(id);
    b.add_command(step_.command);
    b.add_body(body);
    b.add_deadline_ms(60'000);
    b.add_token_tag(actor);
    commands_.push_back(b.Finish());
  }

  result<void> receive() {
    zmq::pollitem_t item{socket_.handle(), 0, ZMQ_POLLIN, 0};
    if (zmq::poll(&item, 1, std::chrono::seconds(60)) == 0)
      return error{"request.malformed", "set-up failed: no answer for 60 s"};
    zmq::message_t frame;
    while (socket_.recv(frame, zmq::recv_flags::dontwait)) {
      const auto* verified = verified_frame({frame.data<std::uint8_t>(), frame.size()});
      if (verified == nullptr)
        return error{"request.malformed", "set-up failed: a malformed frame"};
      if (verified->replies() == nullptr) continue;
      for (const auto* reply : *verified->replies())
        if (auto taken = take(*reply); !taken) return taken;
    }
    return {};
  }

  result<void> take(const engine::Reply& reply) {
    --open_;
    const auto status = reply.status();
    if (status == 200 || status == 202 || status == 409) {
      ++answered_;
      return {};
    }
    if ((status == 429 || status == 503) && tries_++ < tries_max * step_.count) {
      again_.push_back(static_cast<std::uint32_t>(reply.token_tag()));
      return {};
    }
    return error{"request.malformed", "set-up failed: " + std::to_string(status) + " " +
                                          (reply.code() ? reply.code()->str() : "") + " " +
                                          (reply.detail() ? reply.detail()->str() : "")};
  }

  const workload& work_;
  zmq::socket_t& socket_;
  setup_step step_;
  flatbuffers::FlatBufferBuilder builder_{64 * 1024};
  std::vector<flatbuffers::Offset<engine::Command>> commands_;
  std::vector<std::uint32_t> again_;
  std::uint32_t open_ = 0;
  std::uint32_t answered_ = 0;
  std::uint64_t tries_ = 0;
};

template <class Table>
bytes packed_command(const Table& native) {
  flatbuffers::FlatBufferBuilder builder(256);
  builder.Finish(Table::TableType::Pack(builder, &native));
  return bytes(builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize());
}

/// The steps one after the other, on one connection.
result<void> run_steps(const workload& w, std::vector<setup_step> steps) {
  zmq::context_t context(1);
  zmq::socket_t socket(context, zmq::socket_type::dealer);
  socket.set(zmq::sockopt::linger, 0);
  socket.set(zmq::sockopt::sndhwm, 0);
  socket.set(zmq::sockopt::rcvhwm, 0);
  try {
    socket.connect(w.settings().client);
  } catch (const zmq::error_t& failure) {
    return error{"request.malformed",
                 "cannot connect to " + w.settings().client + ": " + failure.what()};
  }
  for (auto& step : steps)
    if (auto done = setup_round(w, socket, std::move(step)).run(); !done) return done;
  return {};
}

}  // namespace

result<void> prepare_orders(const workload& w) {
  order::CreateT create;
  create.material = "BENCH-1";
  create.revision = "A";
  create.quantity = decimal::from_units(1'000'000'000);
  create.unit = "EA";
  const auto id_of = [&w](std::uint32_t order) { return w.order_of(order); };
  const auto command = [](order::Command c) { return static_cast<std::uint8_t>(c); };
  const auto count = w.settings().actors;
  return run_steps(
      w, {{"order", command(order::Command::Create), packed_command(create), count, id_of},
          {"order", command(order::Command::Release), packed_command(order::ReleaseT()), count,
           id_of}});
}

result<void> prepare_lots(const workload& w, std::uint32_t holds) {
  batch::ReceiveT receive;
  receive.material = "BENCH-1";
  receive.quantity = decimal::from_units(100);
  receive.unit = "EA";
  return run_steps(
      w, {{"batch", static_cast<std::uint8_t>(batch::Command::Receive), packed_command(receive),
           holds, [&w](std::uint32_t hold) { return w.lot_of(hold); }}});
}

}  // namespace millrace::load
