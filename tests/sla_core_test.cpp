// layer: nodes
// Measuring service levels: pairs of events become latencies, breaches and alerts; a saved state
// goes on; a reader that lost its state builds it again.
#define BOOST_TEST_MODULE sla_core
#include "nodes/slas/sla_core.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>

#include "nodes/slas/sla_reader.hpp"
#include "schemas/platform/service_level_kind.hpp"
#include "schemas/production/order_kind.hpp"
#include "tests/engine_double.hpp"

using namespace millrace;
using namespace millrace::slas;

namespace {

const auto start = timestamp::from_micros(1'800'000'000'000'000);
const std::string asked = "production.order.release_requested.v1";
const std::string dispatched = "production.order.dispatched.v1";

class json_fields final : public event_fields {
 public:
  explicit json_fields(const json_value& data) : data_(data) {}
  std::string text(std::string_view pointer) const override {
    const auto* found = data_.at(pointer);
    return found != nullptr ? found->text() : std::string();
  }

 private:
  const json_value& data_;
};

struct bench {
  core c;
  void event(const std::string& type, const std::string& id, timestamp at,
             const char* data = "{}") {
    const auto parsed = json_value::parse(data);
    BOOST_REQUIRE(parsed);
    c.take({type, id, "T-" + id, at, json_fields(*parsed)});
  }
  figures of(std::string_view name, timestamp now) {
    for (auto& f : c.report(now))
      if (f.name == name) return f;
    BOOST_FAIL("no service level " << name);
    return {};
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(buckets_hold_their_values_within_an_eighth) {
  std::uint16_t last = 0;
  for (std::int64_t ms = 0; ms < 300'000; ++ms) {
    const auto bucket = bucket_of(ms);
    BOOST_REQUIRE(bucket >= last);
    BOOST_REQUIRE(upper_ms(bucket) >= ms);
    BOOST_REQUIRE(static_cast<double>(upper_ms(bucket)) <= static_cast<double>(ms) * 1.125 + 1);
    last = bucket;
  }
}

BOOST_AUTO_TEST_CASE(a_pair_of_events_is_a_latency) {
  bench b;
  for (int i = 1; i <= 100; ++i) {
    b.event(asked, std::to_string(i), start);
    b.event(dispatched, std::to_string(i), start.plus_ms(i));
  }
  const auto f = b.of("order_release_latency", start.plus_ms(1000));
  BOOST_CHECK_EQUAL(f.good, 100u);
  BOOST_CHECK_EQUAL(f.bad, 0u);
  BOOST_CHECK_EQUAL(f.open, 0u);
  BOOST_CHECK(f.p50_ms >= 50 && f.p50_ms <= 56);
  BOOST_CHECK(f.p99_ms >= 99 && f.p99_ms <= 112);
}

BOOST_AUTO_TEST_CASE(ends_without_a_beginning_count_nothing_and_the_first_beginning_counts) {
  bench b;
  b.event(dispatched, "1", start);
  b.event(asked, "2", start);
  b.event(asked, "2", start.plus_ms(30'000));
  b.event(dispatched, "2", start.plus_ms(61'000));
  const auto f = b.of("order_release_latency", start.plus_ms(61'000));
  BOOST_CHECK_EQUAL(f.good, 0u);
  BOOST_CHECK_EQUAL(f.bad, 1u);
}

BOOST_AUTO_TEST_CASE(keys_matches_and_times_come_from_the_data) {
  bench b;
  const char* told =
      R"({"confirmation":"C-1","erp_status":"accepted","occurred_at":"2027-01-15T07:59:50Z"})";
  b.event("production.operation.confirmed.v1", "1", start, told);
  b.event("production.operation.confirmed.v1", "2", start,
          R"({"confirmation":"C-1","erp_status":"posted"})");  // no ERP: nobody waits for it
  b.event("production.report.posted.v1", "1", start.plus_ms(5000),
          R"({"report":"C-1","erp":{"status":"sent"}})");
  BOOST_CHECK_EQUAL(b.of("confirmation_timeliness", start).open, 1u);
  b.event("production.report.posted.v1", "1", start.plus_ms(5000),
          R"({"report":"C-1","erp":{"status":"posted"}})");
  const auto f = b.of("confirmation_timeliness", start.plus_ms(5000));
  BOOST_CHECK_EQUAL(f.good, 1u);
  BOOST_CHECK(f.p50_ms >= 15'000 && f.p50_ms < 17'000);  // since it occurred, not since it came
}

BOOST_AUTO_TEST_CASE(what_is_too_late_is_a_breach_before_it_ends_and_counts_once) {
  bench b;
  b.event(asked, "7", start);
  b.c.advance(start.plus_ms(60'000));
  BOOST_CHECK_EQUAL(b.of("order_release_latency", start.plus_ms(60'000)).bad, 0u);
  b.c.advance(start.plus_ms(60'001));
  b.c.advance(start.plus_ms(60'002));
  auto f = b.of("order_release_latency", start.plus_ms(60'002));
  BOOST_CHECK_EQUAL(f.bad, 1u);
  BOOST_CHECK_EQUAL(f.overdue, 1u);
  const auto* breaches = b.c.breaches("order_release_latency");
  BOOST_REQUIRE_EQUAL(breaches->size(), 1u);
  BOOST_CHECK_EQUAL(breaches->front().correlation, "T-7");
  BOOST_CHECK(breaches->front().open);
  b.event(dispatched, "7", start.plus_ms(90'000));
  f = b.of("order_release_latency", start.plus_ms(90'000));
  BOOST_CHECK_EQUAL(f.bad, 1u);
  BOOST_CHECK_EQUAL(f.open, 0u);
  BOOST_CHECK(!breaches->front().open);
  BOOST_CHECK_EQUAL(breaches->front().took_ms, 90'000);
}

BOOST_AUTO_TEST_CASE(a_budget_that_burns_fast_alerts_and_rest_clears_it) {
  bench b;
  for (int i = 0; i < 20; ++i) {
    b.event(asked, std::to_string(i), start);
    b.event(dispatched, std::to_string(i), start.plus_ms(i < 10 ? 61'000 : 1000));
  }
  const auto now = start.plus_ms(62'000);
  b.c.advance(now);
  auto f = b.of("order_release_latency", now);
  BOOST_CHECK_CLOSE(f.short_burn, 50.0, 0.01);  // half of them, with a budget of 1 %
  BOOST_CHECK(f.alerting);
  b.c.advance(now.plus_ms(10 * 60'000));
  f = b.of("order_release_latency", now.plus_ms(10 * 60'000));
  BOOST_CHECK_EQUAL(f.short_burn, 0.0);
  BOOST_CHECK(!f.alerting);
}

BOOST_AUTO_TEST_CASE(the_window_moves_on) {
  bench b;
  b.event(asked, "1", start);
  b.event(dispatched, "1", start.plus_ms(1));
  const auto later = start.plus_ms(168ll * 3'600'000);
  b.event(asked, "2", later);
  b.event(dispatched, "2", later.plus_ms(1));
  BOOST_CHECK_EQUAL(b.of("order_release_latency", later).good, 1u);
}

BOOST_AUTO_TEST_CASE(open_items_have_a_limit) {
  bench b;
  for (std::size_t i = 0; i <= open_max; ++i)
    b.event(asked, std::to_string(i), start.plus_ms(static_cast<std::int64_t>(i)));
  const auto f = b.of("order_release_latency", start);
  BOOST_CHECK_EQUAL(f.open, open_max);
  BOOST_CHECK_EQUAL(f.forgotten, 1u);
}

BOOST_AUTO_TEST_CASE(a_saved_state_goes_on_as_if_nothing_had_been) {
  bench whole;
  bench before;
  const auto first = [](bench& b) {
    b.event(asked, "1", start);
    b.event(asked, "2", start);
    b.event(dispatched, "1", start.plus_ms(70'000));
    b.c.advance(start.plus_ms(71'000));
  };
  first(whole);
  first(before);
  const auto text = before.c.save().dump();
  const auto parsed = json_value::parse(text);
  BOOST_REQUIRE(parsed);
  auto loaded = core::load(*parsed);
  BOOST_REQUIRE(loaded);
  bench after;
  after.c = std::move(*loaded);
  for (auto* b : {&whole, &after}) b->event(dispatched, "2", start.plus_ms(80'000));
  BOOST_CHECK_EQUAL(after.c.save().dump(), whole.c.save().dump());
  BOOST_CHECK(!core::load(json_value("nonsense")));
}

// --- the reader ---

namespace {

event_view seen(const std::string& type, std::uint64_t index, timestamp at, bytes body,
                std::uint8_t member) {
  event_view e;
  e.type = type;
  e.kind = "order";
  e.id = "1000042";
  e.index = index;
  e.stamp = at;
  e.member = member;
  e.body = std::move(body);
  e.correlation = "T-9";
  return e;
}
event_view released(std::uint64_t index, timestamp at) {
  return seen(asked, index, at, tests::packed_table(order::ReleaseRequestedT()),
              static_cast<std::uint8_t>(order::schema::event_member<order::ReleaseRequestedT>()));
}
event_view sent(std::uint64_t index, timestamp at) {
  return seen(dispatched, index, at, tests::packed_table(order::OrderDispatchedT()),
              static_cast<std::uint8_t>(order::schema::event_member<order::OrderDispatchedT>()));
}
/// A service level from that event of an order to its dispatch, told at that index.
event_view definition(std::uint64_t index, const std::string& name, const std::string& from,
                      std::uint32_t target_ms) {
  service_level::DefinedT e;
  e.definition = std::make_unique<service_level::DefinitionT>();
  e.definition->from_event = from;
  e.definition->from_key = "id";
  e.definition->to_event = dispatched;
  e.definition->to_key = "id";
  e.definition->target_ms = target_ms;
  e.definition->objective = decimal::from_units(90);
  e.definition->window_h = 1;
  event_view defined;
  defined.type = "platform.service_level.defined.v1";
  defined.kind = "service_level";
  defined.id = name;
  defined.index = index;
  defined.member =
      static_cast<std::uint8_t>(service_level::schema::event_member<service_level::DefinedT>());
  defined.body = tests::packed_table(e);
  return defined;
}
struct directory {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("millrace-slas-" + std::to_string(::getpid()));
  ~directory() { std::filesystem::remove_all(path); }
};
std::uint64_t good_of(const reader& r, timestamp now) {
  std::uint64_t out = 0;
  r.each("hamburg", now, [&](const auto&, const auto& all, bool caught_up) {
    BOOST_CHECK(caught_up);
    for (const auto& f : all)
      if (f.name == "order_release_latency") out = f.good;
  });
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_reader_goes_on_at_its_cursor_and_is_rebuilt_without_it) {
  tests::engine_double engine;
  engine.plant_names = {"hamburg"};
  const directory d;
  engine.journal = {released(1, start), sent(2, start.plus_ms(10))};
  {
    const auto r = std::make_shared<reader>(engine, schema_model::built_in(), d.path);
    r->tick(start.plus_ms(100));
    BOOST_CHECK_EQUAL(good_of(*r, start.plus_ms(100)), 1u);
    r->tick(start.plus_ms(1100));  // nothing twice
    BOOST_CHECK_EQUAL(good_of(*r, start.plus_ms(1100)), 1u);
    r->stop();
  }
  engine.journal.clear();  // what was read before is not read again
  engine.journal.push_back(released(3, start.plus_ms(200)));
  engine.journal.push_back(sent(4, start.plus_ms(210)));
  const auto again = std::make_shared<reader>(engine, schema_model::built_in(), d.path);
  again->tick(start.plus_ms(300));
  BOOST_CHECK_EQUAL(good_of(*again, start.plus_ms(300)), 2u);
  std::filesystem::remove_all(d.path);
  engine.journal.insert(engine.journal.begin(), sent(2, start.plus_ms(10)));
  engine.journal.insert(engine.journal.begin(), released(1, start));
  const auto rebuilt = std::make_shared<reader>(engine, schema_model::built_in(), d.path);
  rebuilt->tick(start.plus_ms(300));
  BOOST_CHECK_EQUAL(good_of(*rebuilt, start.plus_ms(300)), 2u);
}

BOOST_AUTO_TEST_CASE(the_reader_raises_an_alert_once_and_knows_it_after_a_restart) {
  tests::engine_double engine;
  engine.plant_names = {"hamburg"};
  const directory d;
  engine.journal = {released(1, start)};
  const auto r = std::make_shared<reader>(engine, schema_model::built_in(), d.path);
  const auto late = start.plus_ms(61'000);
  r->tick(late);
  r->tick(late.plus_ms(1000));
  BOOST_REQUIRE_EQUAL(engine.asked.size(), 1u);
  BOOST_CHECK_EQUAL(engine.asked[0].to.to_string(), "hamburg/service_level/order_release_latency");
  service_level::RaiseAlertT raised;
  flatbuffers::GetRoot<service_level::RaiseAlert>(engine.asked[0].body.data())->UnPackTo(&raised);
  BOOST_CHECK_EQUAL(raised.correlation, "T-9");
  r->stop();
  const auto again = std::make_shared<reader>(engine, schema_model::built_in(), d.path);
  again->tick(late.plus_ms(2000));
  BOOST_CHECK_EQUAL(engine.asked.size(), 1u);
}

BOOST_AUTO_TEST_CASE(a_definition_in_the_stream_is_measured_from_there_on) {
  tests::engine_double engine;
  engine.plant_names = {"hamburg"};
  const auto defined = definition(3, "order_release_latency", asked, 5);
  engine.journal = {released(1, start), sent(2, start.plus_ms(10)), defined,
                    released(4, start.plus_ms(20)), sent(5, start.plus_ms(30))};
  const auto r = std::make_shared<reader>(engine, schema_model::built_in(), "");
  r->tick(start.plus_ms(40));
  r->each("hamburg", start.plus_ms(40), [&](const auto&, const auto& all, bool) {
    for (const auto& f : all)
      if (f.name == "order_release_latency") {
        BOOST_CHECK_EQUAL(f.good, 0u);  // 10 ms are too long by now
        BOOST_CHECK_EQUAL(f.bad, 1u);
      }
  });
}

BOOST_AUTO_TEST_CASE(a_definition_of_other_events_asks_for_them_from_there_on) {
  tests::engine_double engine;
  engine.plant_names = {"hamburg"};
  // No default measures from a creation.
  const auto defined = definition(2, "creation_to_dispatch", "production.order.created.v1", 1'000);
  const auto created = [](std::uint64_t index, timestamp at) {
    return seen("production.order.created.v1", index, at,
                tests::packed_table(order::OrderCreatedT()),
                static_cast<std::uint8_t>(order::schema::event_member<order::OrderCreatedT>()));
  };
  BOOST_REQUIRE(!core().types().contains("production.order.created.v1"));
  engine.journal = {created(1, start), defined, created(3, start.plus_ms(20)),
                    sent(4, start.plus_ms(30))};
  const auto r = std::make_shared<reader>(engine, schema_model::built_in(), "");
  r->tick(start.plus_ms(40));
  bool measured = false;
  r->each("hamburg", start.plus_ms(40), [&](const auto&, const auto& all, bool caught_up) {
    BOOST_CHECK(caught_up);
    for (const auto& f : all)
      if (f.name == "creation_to_dispatch") {
        measured = true;
        BOOST_CHECK_EQUAL(f.good, 1u);
        BOOST_CHECK(f.p50_ms <= 11);  // from the creation after the definition
      }
  });
  BOOST_CHECK(measured);
}
