// The workload of the benchmark: confirm-operation on released orders, spread over plants.

#include <chrono>

#include "nodes/load/http_connection.hpp"
#include "nodes/load/load.hpp"
#include "schemas/production/order_generated.h"

namespace millrace::load {
namespace {

constexpr std::size_t fixed_bytes = 140;  // of a confirm-operation's FlatBuffer without padding
constexpr std::string_view material_id = "BENCH-1";

std::string run_name(const options& o) {
  if (!o.run.empty()) return o.run;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

/// One setup request; 200, and 409 for what an earlier run has made, are fine.
result<void> post(http_connection& to, const workload& w, std::string_view path,
                  std::string_view system, std::string_view body) {
  std::string request;
  append_request(request, "POST", path, w.settings().token_prefix + std::string(system), {}, body,
                 true);
  const auto answer = to.exchange(request);
  if (answer.status == 200 || answer.status == 409) return {};
  return error{"request.malformed", "set-up failed: " + std::string(path) + ": " +
                                        std::to_string(answer.status) + " " +
                                        std::string(answer.body)};
}

result<void> prepare_plant(http_connection& to, const workload& w, const std::string& plant) {
  const std::string base = "/v1/plants/" + plant;
  if (auto r = post(to, w, base + "/commission", "ops",
                    R"({"region":"eu","time_zone":"Europe/Berlin"})");
      !r)
    return r;
  return post(
      to, w, base + "/materials/" + std::string(material_id) + "/define", "erp",
      R"({"revision":"A","base_unit":"EA","routing":[{"operation":"0010","work_center":"WC-1","description":"Assemble"}]})");
}

/// Sends `requests` pipelined in slices and checks each answer.
result<void> post_many(http_connection& to, const std::vector<std::string>& requests) {
  constexpr std::size_t slice = 64;
  for (std::size_t from = 0; from < requests.size(); from += slice) {
    const auto until = std::min(requests.size(), from + slice);
    std::string bytes;
    for (auto i = from; i < until; ++i) bytes += requests[i];
    auto answer = to.exchange(bytes);
    for (auto i = from; i < until; ++i) {
      if (answer.status != 200 && answer.status != 409)
        return error{"request.malformed", "set-up failed: " + std::to_string(answer.status) + " " +
                                              std::string(answer.body)};
      if (i + 1 < until) answer = to.exchange({});
    }
  }
  return {};
}

}  // namespace

workload::workload(const options& o) : options_(o) {
  options_.run = run_name(o);
  if (options_.payload > fixed_bytes) padding_.assign(options_.payload - fixed_bytes, 'x');
  if (padding_.size() > 1000) padding_.resize(1000);
}

std::string workload::plant_of(std::uint32_t actor) const {
  return "bench-" + std::to_string(actor % options_.plants);
}

std::string workload::order_of(std::uint32_t actor) const { return "B-" + std::to_string(actor); }

std::string workload::lot_of(std::uint32_t hold) const {
  return "H-" + options_.run + '-' + std::to_string(hold);
}

std::string workload::confirmation_id(const work_item& item) const {
  return options_.run + "-" + std::to_string(item.number);
}

bytes workload::confirm_table(const work_item& item) const {
  thread_local flatbuffers::FlatBufferBuilder builder(1024);
  builder.Clear();
  const auto id = builder.CreateString(confirmation_id(item));
  const auto operation = builder.CreateString("0010", 4);
  const auto unit = builder.CreateString("EA", 2);
  const auto text = padding_.empty() ? flatbuffers::Offset<flatbuffers::String>()
                                     : builder.CreateString(padding_);
  const auto one = flatbuffers::Pack(decimal::from_units(1));
  order::ConfirmOperationBuilder table(builder);
  table.add_confirmation(id);
  table.add_operation(operation);
  table.add_unit(unit);
  table.add_yield(&one);
  if (!padding_.empty()) table.add_text(text);
  builder.Finish(table.Finish());
  return bytes(builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize());
}

std::string workload::confirm_json(const work_item& item) const {
  std::string body = R"({"confirmation":")" + confirmation_id(item) +
                     R"(","operation":"0010","yield":"1","unit":"EA")";
  if (!padding_.empty()) body += R"(,"text":")" + padding_ + '"';
  return body + '}';
}

result<void> prepare(const workload& w) {
  auto to = http_connection::open(w.settings().http);
  if (!to) return std::move(to).error();
  for (std::uint32_t p = 0; p < w.settings().plants; ++p)
    if (auto r = prepare_plant(*to, w, w.plant_of(p)); !r) return r;
  if (!w.settings().client.empty()) return prepare_orders(w);
  std::vector<std::string> creates;
  std::vector<std::string> releases;
  for (std::uint32_t a = 0; a < w.settings().actors; ++a) {
    const auto path = "/v1/plants/" + w.plant_of(a) + "/orders/" + w.order_of(a);
    append_request(
        creates.emplace_back(), "POST", path + "/create", w.settings().token_prefix + "erp", {},
        R"({"material":"BENCH-1","revision":"A","quantity":"1000000000","unit":"EA"})", true);
    append_request(releases.emplace_back(), "POST", path + "/release",
                   w.settings().token_prefix + "erp", {}, "{}", true);
  }
  if (auto r = post_many(*to, creates); !r) return r;
  return post_many(*to, releases);
}

}  // namespace millrace::load
