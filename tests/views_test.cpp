// layer: nodes
// What people look at: views over lists and exceptions, and lists and events as lines.
#define BOOST_TEST_MODULE views
#include "nodes/gateway/views.hpp"

#include <boost/test/unit_test.hpp>

#include <flatbuffers/reflection.h>

#include <algorithm>

#include "nodes/config.hpp"
#include "nodes/gateway/gateway.hpp"
#include "nodes/json/json_value.hpp"
#include "schemas/maintenance/work_center_kind.hpp"
#include "schemas/production/batch_run_kind.hpp"
#include "schemas/production/order_kind.hpp"
#include "schemas/production/order_release_kind.hpp"
#include "schemas/quality/hold_kind.hpp"
#include "tests/engine_double.hpp"
#include "tests/exchange_double.hpp"

using namespace millrace;
using tests::engine_double;
using tests::exchange_double;

namespace {

struct answer {
  int status = 0;
  http::response raw;
  json_value body;
  [[nodiscard]] std::string at(std::string_view pointer) const {
    const auto* v = body.at(pointer);
    return v == nullptr ? "(absent)" : v->text();
  }
};

struct fixture {
  engine_double engine;
  gateway::gateway gate{engine, schema_model::built_in(), gateway::authenticator(dev_tokens()), {}};
  fixture() {
    engine.plant_names = {"hamburg", "lyon"};
    engine.filters = true;
  }
  answer get(std::string target, std::string accept = {}) {
    http::request r;
    r.method = "GET";
    r.target = std::move(target);
    r.headers.push_back({"Authorization", "Bearer dev-ops"});
    if (!accept.empty()) r.headers.push_back({"Accept", std::move(accept)});
    auto e = std::make_shared<exchange_double>(std::move(r));
    gate.handle(e);
    answer out;
    BOOST_REQUIRE(e->answered);
    out.status = e->answered->status;
    out.raw = *e->answered;
    if (auto parsed = json_value::parse(e->answered->body)) out.body = std::move(*parsed);
    return out;
  }
  void put_hold(const std::string& plant, const std::string& id, hold::Status status) {
    hold::StateT s;
    s.status = status;
    s.batch = "B-" + id;
    s.reason = "leak";
    s.lots_lifted = 7;
    engine.put(plant, "hold", id, s);
  }
  void put_order(const std::string& id, order::Dispatch dispatch, const std::string& work_center) {
    order::StateT s;
    s.material = "PUMP-100";
    s.dispatch = dispatch;
    s.operations.emplace_back().work_center = work_center;
    engine.put("hamburg", "order", id, s);
  }
  void park(const std::string& plant, const std::string& id, const std::string& code,
            std::int64_t at_us) {
    exception_view x;
    x.plant = plant;
    x.id = id;
    x.actor = "order/1";
    x.code = code;
    x.raised_at = timestamp::from_micros(at_us);
    engine.exception_list.push_back(x);
  }
  void happen(std::uint64_t index, const std::string& type) {
    event_view e;
    e.index = index;
    e.ordinal = 1;
    e.type = type;
    e.kind = "order";
    e.id = "1";
    engine.commit(e);
  }
};

std::size_t lines_in(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_name_in_a_view_is_in_the_schema) {
  const auto& model = schema_model::built_in();
  for (const auto& v : gateway::views())
    for (const auto& s : v.sections) {
      const auto* kind = model.kind(s.kind);
      BOOST_REQUIRE_MESSAGE(kind != nullptr, s.kind);
      const auto index = std::find_if(kind->indexes.begin(), kind->indexes.end(),
                                      [&](const auto& i) { return i.field == s.field; });
      BOOST_REQUIRE_MESSAGE(index != kind->indexes.end() && index->enumeration, s.field);
      for (const auto value : s.values)
        BOOST_TEST(
            std::any_of(index->enumeration->values()->begin(), index->enumeration->values()->end(),
                        [&](const auto* e) { return e->name()->string_view() == value; }),
            s.kind << ": no " << value);
      for (const auto shown : s.shows)
        BOOST_TEST(
            (kind->state.object->fields()->LookupByKey(std::string(shown).c_str()) != nullptr),
            s.kind << " has no " << shown);
    }
}

BOOST_FIXTURE_TEST_CASE(the_hold_board_has_open_holds_of_all_plants, fixture) {
  put_hold("hamburg", "H-1", hold::Status::placing);
  put_hold("hamburg", "H-2", hold::Status::released);
  put_hold("lyon", "H-3", hold::Status::enforced_with_escapes);
  auto a = get("/v1/views/hold-board");
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.at("/view") == "hold-board");
  BOOST_TEST(a.at("/as_of") != "(absent)");
  BOOST_TEST(a.at("/plants/1") == "lyon");
  BOOST_TEST(a.at("/holds/count") == "2");
  BOOST_TEST(a.at("/holds/more") == "false");
  BOOST_TEST(a.at("/holds/items/0/address") == "hamburg/hold/H-1");
  BOOST_TEST(a.at("/holds/items/0/status") == "placing");
  BOOST_TEST(a.at("/holds/items/0/reason") == "leak");
  BOOST_TEST(a.at("/holds/items/0/lots_lifted") == "(absent)");  // not for this board
  a = get("/v1/views/hold-board?plant=lyon");
  BOOST_TEST(a.at("/holds/count") == "1");
  BOOST_TEST(a.at("/holds/items/0/address") == "lyon/hold/H-3");
}

BOOST_FIXTURE_TEST_CASE(the_release_cockpit_says_what_waits_and_why, fixture) {
  order_release::StateT s;
  s.status = order_release::Status::parked;
  s.reason = "HOUSING is short";
  engine.put("hamburg", "order_release", "1000042", s);
  s.status = order_release::Status::completed;
  engine.put("hamburg", "order_release", "1000043", s);
  const auto a = get("/v1/views/release-cockpit?plant=hamburg");
  BOOST_TEST(a.at("/order_releases/count") == "1");
  BOOST_TEST(a.at("/order_releases/items/0/reason") == "HOUSING is short");
  BOOST_TEST(a.at("/batch_releases/count") == "0");
}

BOOST_FIXTURE_TEST_CASE(a_shift_sees_what_runs_is_down_and_could_not_be_posted, fixture) {
  put_order("1", order::Dispatch::running, "WC-1");
  put_order("2", order::Dispatch::completed, "WC-1");
  work_center::StateT down;
  down.life = work_center::Life::down;
  down.reason = "spindle";
  engine.put("hamburg", "work_center", "WC-1", down);
  engine.put("hamburg", "work_center", "WC-2", work_center::StateT());
  park("hamburg", "order~1~1", "batch.short", 2'000'000);
  park("hamburg", "order~1~2", "batch.short", 1'000'000);
  park("lyon", "order~9~1", "batch.held", 1'000'000);
  const auto a = get("/v1/views/shift?plant=hamburg");
  BOOST_TEST(a.at("/orders/count") == "1");
  BOOST_TEST(a.at("/orders/items/0/dispatch") == "running");
  BOOST_TEST(a.at("/work_centers/count") == "1");
  BOOST_TEST(a.at("/work_centers/items/0/reason") == "spindle");
  BOOST_TEST(a.at("/exceptions/count") == "2");
  BOOST_TEST(a.at("/exceptions/by_code/0/code") == "batch.short");
  BOOST_TEST(a.at("/exceptions/by_code/0/count") == "2");
  BOOST_TEST(a.at("/exceptions/by_code/0/oldest") == "1970-01-01T00:00:01Z");
  BOOST_TEST(a.at("/exceptions/items/0/id") == "hamburg~order~1~2");  // has waited longest
  BOOST_TEST(get("/v1/views/exceptions").at("/exceptions/count") == "3");
}

BOOST_FIXTURE_TEST_CASE(a_supervisor_sees_one_work_center, fixture) {
  engine.put("hamburg", "work_center", "WC-1", work_center::StateT());
  engine.put("hamburg", "work_center", "WC-2", work_center::StateT());
  put_order("1", order::Dispatch::running, "WC-1");
  put_order("2", order::Dispatch::running, "WC-2");
  batch_run::StateT run;
  run.status = batch_run::Status::held;
  run.equipment = "WC-1";
  engine.put("hamburg", "batch_run", "R-1", run);
  const auto a = get("/v1/views/supervisor/WC-1?plant=hamburg");
  BOOST_TEST(a.at("/work_center") == "WC-1");
  BOOST_TEST(a.at("/work_centers/count") == "1");
  BOOST_TEST(a.at("/work_centers/items/0/address") == "hamburg/work_center/WC-1");
  BOOST_TEST(a.at("/orders/count") == "1");
  BOOST_TEST(a.at("/orders/items/0/address") == "hamburg/order/1");
  BOOST_TEST(a.at("/batch_runs/count") == "1");
}

BOOST_FIXTURE_TEST_CASE(a_long_section_says_that_there_is_more, fixture) {
  for (int i = 0; i < 120; ++i)
    put_hold("hamburg", "H-" + std::to_string(1000 + i), hold::Status::enforced);
  const auto a = get("/v1/views/hold-board?plant=hamburg");
  BOOST_TEST(a.at("/holds/count") == "100");
  BOOST_TEST(a.at("/holds/more") == "true");
}

BOOST_FIXTURE_TEST_CASE(views_that_are_not_there_and_plants_that_are_missing, fixture) {
  BOOST_TEST(get("/v1/views/nothing").status == 404);
  BOOST_TEST(get("/v1/views/hold-board/WC-1").status == 404);
  BOOST_TEST(get("/v1/views/supervisor?plant=hamburg").status == 404);
  BOOST_TEST(get("/v1/views/shift").status == 422);
  BOOST_TEST(get("/v1/views/shift?plant=nowhere").status == 404);
  BOOST_TEST(get("/v1/views/supervisor/WC-1").status == 422);
  for (int i = 0; i < 60; ++i) engine.plant_names.insert("p" + std::to_string(i));
  BOOST_TEST(get("/v1/views/hold-board").status == 422);
}

BOOST_FIXTURE_TEST_CASE(lists_come_as_lines_for_who_accepts_them, fixture) {
  for (const char* id : {"1", "2", "3"}) put_order(id, order::Dispatch::running, "WC-1");
  auto a = get("/v1/plants/hamburg/orders?limit=2&dispatch=running", "application/x-ndjson");
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.raw.get("Content-Type") == "application/x-ndjson");
  BOOST_TEST(lines_in(a.raw.body) == 2u);
  BOOST_TEST(a.raw.get("Link") ==
             "</v1/plants/hamburg/orders?cursor=2&limit=2&dispatch=running>; rel=\"next\"");
  a = get("/v1/plants/hamburg/orders?cursor=2&limit=2&dispatch=running", "application/x-ndjson");
  BOOST_TEST(lines_in(a.raw.body) == 1u);
  BOOST_TEST(a.raw.get("Link") == "");
  const auto line = json_value::parse(a.raw.body.substr(0, a.raw.body.find('\n')));
  BOOST_REQUIRE(line);
  BOOST_TEST(line->text("address") == "hamburg/order/3");
}

BOOST_FIXTURE_TEST_CASE(events_are_exported_as_lines_from_a_cursor_on, fixture) {
  engine.plant_names = {"hamburg"};
  for (std::uint64_t i = 1; i <= 5; ++i)
    happen(i, i == 3 ? "quality.hold.placed.v1" : "production.order.released.v1");
  auto a = get("/v1/export?plant=hamburg");
  BOOST_TEST(a.status == 200);
  BOOST_TEST(lines_in(a.raw.body) == 5u);
  BOOST_TEST(a.raw.get("Next-Cursor") == "1.5.1");
  BOOST_TEST(a.raw.get("Link") == "");
  a = get("/v1/export?plant=hamburg&from=1.3.1");
  BOOST_TEST(lines_in(a.raw.body) == 2u);
  a = get("/v1/export?types=quality.hold.placed.v1,quality.hold.enforced.v1");
  BOOST_TEST(lines_in(a.raw.body) == 1u);
  const auto line = json_value::parse(a.raw.body.substr(0, a.raw.body.find('\n')));
  BOOST_REQUIRE(line);
  BOOST_TEST(line->text("type") == "quality.hold.placed.v1");
  BOOST_TEST(get("/v1/export?from=nonsense&plant=hamburg").status == 400);
  BOOST_TEST(get("/v1/export?plant=nowhere").status == 404);
}

BOOST_FIXTURE_TEST_CASE(a_long_export_is_carried_on_by_its_link_without_a_gap, fixture) {
  engine.plant_names = {"hamburg"};
  for (std::uint64_t i = 1; i <= 25'000; ++i) happen(i, "production.order.released.v1");
  const auto first = get("/v1/export?plant=hamburg");
  BOOST_TEST(lines_in(first.raw.body) == 20'000u);
  const std::string link(first.raw.get("Link"));
  BOOST_REQUIRE(link.size() > 2);
  const auto second = get(link.substr(1, link.find('>') - 1));
  BOOST_TEST(lines_in(second.raw.body) == 5'000u);
  BOOST_TEST(second.raw.get("Link") == "");
}
