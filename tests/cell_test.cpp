// layer: cluster
// The cell by itself: batches, outcomes, parked facts, faults, replay and images, without any
// shell.
#define BOOST_TEST_MODULE cell
#include <boost/test/unit_test.hpp>

#include <map>

#include "cluster/cell.hpp"
#include "tests/counter_kind.hpp"

using namespace millrace;
using namespace millrace::testing;

namespace {

const auto start = timestamp::from_micros(1'800'000'000'000'000);

struct world final : environment {
  [[nodiscard]] std::string_view plant() const override { return "hamburg"; }
  [[nodiscard]] std::uint32_t generation() const override { return 1; }
  [[nodiscard]] bool bound(System) const override { return false; }
  [[nodiscard]] std::string rule(std::string_view, std::string_view fallback) const override {
    return std::string(fallback);
  }
  [[nodiscard]] result<std::shared_ptr<const reference_state>> look_up(
      std::string_view, std::string_view id) override {
    if (blind) return error{"state.damaged", std::string(id)};
    const auto found = references.find(std::string(id));
    return found == references.end() ? nullptr : found->second;
  }
  [[nodiscard]] result<std::optional<bytes>> read_row(std::string_view, std::string_view table,
                                                      std::string_view key) override {
    ++reads;
    if (damaged) return error{"state.damaged", "row"};
    const auto found = rows.find({std::string(table), std::string(key)});
    return found == rows.end() ? std::optional<bytes>() : std::optional<bytes>(found->second);
  }
  void store(const actor_image& image) {
    for (const auto& r : image.rows)
      if (r.row)
        rows[{r.table, r.key}] = *r.row;
      else
        rows.erase({r.table, r.key});
  }
  std::map<std::string, std::shared_ptr<const reference_state>> references;
  std::map<std::pair<std::string, std::string>, bytes> rows;
  int reads = 0;
  bool damaged = false;
  bool blind = false;
};

const engine::Record& record(const proposal& p, std::size_t n) {
  return *flatbuffers::GetRoot<engine::Record>(p.records.at(n).data());
}

/// A cell with a journal of its own: what it proposes is committed as entry 1, 2, 3, ...
struct fixture {
  world env;
  counter_kind what;
  std::unique_ptr<cell> c = std::make_unique<cell>(what, "1", env);
  std::vector<std::vector<bytes>> journal;
  std::uint64_t tickets = 0;
  timestamp now = start;

  stimulus command(counter_command which, std::int8_t n, std::string_view key = {}) {
    stimulus s;
    s.ticket = ++tickets;
    s.command = static_cast<std::uint8_t>(which);
    s.body = counter_body(n, key);
    s.id = {7, s.ticket};
    s.principal = "dev-mes";
    s.correlation = "corr";
    return s;
  }
  template <class... S>
  proposal offer(S... s) {
    std::vector<stimulus> all;
    (all.push_back(std::move(s)), ...);
    return c->offer(std::move(all), now);
  }
  void commit(const proposal& p) {
    journal.push_back(p.records);
    c->committed(journal.size(), 0);
  }
  template <class... S>
  proposal run(S... s) {
    auto p = offer(std::move(s)...);
    if (!p.records.empty()) commit(p);
    return p;
  }
  std::int64_t value() { return std::stoll(text(c->view().state)); }
  static std::string text(const bytes& b) { return std::string(b.begin(), b.end()); }
  /// A new cell from the journal alone.
  std::unique_ptr<cell> replayed(const actor_image* from = nullptr) {
    auto out = std::make_unique<cell>(what, "1", env);
    if (from) BOOST_REQUIRE(out->load(from->row));
    for (std::size_t i = 0; i < journal.size(); ++i)
      for (std::size_t j = 0; j < journal[i].size(); ++j)
        out->evolve(*flatbuffers::GetRoot<engine::Record>(journal[i][j].data()), i + 1,
                    static_cast<std::uint32_t>(j), start);
    return out;
  }
};

engine::Outcome outcome(const proposal& p, std::size_t n = 0) { return p.verdicts.at(n).outcome; }

}  // namespace

BOOST_FIXTURE_TEST_CASE(an_absent_actor_takes_only_what_creates_it, fixture) {
  auto p = offer(command(counter_command::drop, 1));
  BOOST_CHECK(p.records.empty());
  BOOST_TEST(p.verdicts.at(0).code == "actor.unknown");
  p = run(command(counter_command::add, 5));
  BOOST_TEST(p.records.size() == 1u);
  BOOST_TEST(c->sequence() == 1u);
  BOOST_TEST(value() == 5);
  BOOST_TEST(record(p, 0).actor()->str() == "counter/1");
  BOOST_TEST(record(p, 0).at()->us() == start.micros());
}

BOOST_FIXTURE_TEST_CASE(what_arrives_while_a_batch_is_in_flight_goes_out_together, fixture) {
  const auto first = offer(command(counter_command::add, 1));
  BOOST_TEST(offer(command(counter_command::add, 2), command(counter_command::add, 3)).empty());
  BOOST_TEST(offer(command(counter_command::drop, 100)).empty());
  commit(first);
  const auto second = c->resume(start);
  BOOST_TEST(second.records.size() == 2u);
  BOOST_TEST(second.verdicts.size() == 3u);
  BOOST_CHECK(outcome(second, 2) == engine::Outcome::refused);
  BOOST_TEST(record(second, 0).previous() == 1u);
  commit(second);
  BOOST_TEST(value() == 6);
  BOOST_TEST(c->last_ordinal() == 1u);
  BOOST_TEST(c->resume(start).empty());
}

BOOST_FIXTURE_TEST_CASE(urgent_lanes_go_first_and_keep_their_order, fixture) {
  const auto first = offer(command(counter_command::add, 1));
  auto a = command(counter_command::add, 2), b = command(counter_command::add, 3),
       hold = command(counter_command::add, 4);
  a.lane = b.lane = Lane::rest;
  hold.lane = Lane::hold;
  (void)offer(std::move(a), std::move(b));
  (void)offer(std::move(hold));
  commit(first);
  const auto p = c->resume(start);
  BOOST_TEST(p.verdicts.at(0).ticket == 4u);
  BOOST_TEST(p.verdicts.at(1).ticket == 2u);
  BOOST_TEST(p.verdicts.at(2).ticket == 3u);
}

BOOST_FIXTURE_TEST_CASE(refusals_are_journaled_only_with_a_key, fixture) {
  run(command(counter_command::add, 1));
  BOOST_TEST(offer(command(counter_command::drop, 9)).records.empty());
  auto keyed = command(counter_command::drop, 9);
  keyed.keyed = true;
  const auto p = run(std::move(keyed));
  BOOST_TEST(p.records.size() == 1u);
  BOOST_CHECK(record(p, 0).outcome() == engine::Outcome::refused);
  BOOST_TEST(record(p, 0).code()->str() == "counter.short");
  BOOST_TEST(c->sequence() == 1u);
}

BOOST_FIXTURE_TEST_CASE(if_match_holds_generation_and_sequence, fixture) {
  run(command(counter_command::add, 1));
  auto stale = command(counter_command::add, 1);
  stale.if_match = "1.0";
  BOOST_TEST(offer(std::move(stale)).verdicts.at(0).code == "command.precondition");
  auto right = command(counter_command::add, 1);
  right.if_match = "1.1";
  BOOST_CHECK(outcome(run(std::move(right))) == engine::Outcome::accepted);
}

BOOST_FIXTURE_TEST_CASE(a_fact_is_parked_and_posts_itself_once_its_cause_is_gone, fixture) {
  run(command(counter_command::add, 1));
  const auto p = run(command(counter_command::take, 5));
  BOOST_CHECK(outcome(p) == engine::Outcome::parked);
  BOOST_TEST(p.verdicts.at(0).exception == "counter~1~1");
  BOOST_TEST(p.what.parked.size() == 1u);
  BOOST_TEST(c->parked_count() == 1u);
  const auto more = run(command(counter_command::add, 10));
  BOOST_TEST(more.records.size() == 2u);
  BOOST_TEST(record(more, 1).unparked()->exception()->str() == "counter~1~1");
  BOOST_CHECK(record(more, 1).unparked()->how() == engine::Unpark::posted);
  BOOST_TEST(more.what.unparked.at(0) == "counter~1~1");
  BOOST_TEST(value() == 6);
  BOOST_TEST(c->parked_count() == 0u);
  const auto again = replayed();
  BOOST_TEST(text(again->view().state) == "6");
  BOOST_TEST(again->parked_count() == 0u);
  BOOST_TEST(again->sequence() == c->sequence());
}

BOOST_FIXTURE_TEST_CASE(a_fact_to_nobody_waits_for_the_actor, fixture) {
  const auto p = run(command(counter_command::take, 2));
  BOOST_TEST(p.verdicts.at(0).code == "counter.unknown");
  BOOST_TEST(c->sequence() == 0u);
  run(command(counter_command::add, 3));
  BOOST_TEST(value() == 1);
}

BOOST_FIXTURE_TEST_CASE(parked_facts_are_retried_corrected_and_discarded_on_request, fixture) {
  run(command(counter_command::add, 1));
  run(command(counter_command::take, 50));
  run(command(counter_command::take, 60));
  const auto ask = [&](request::exception_op op, std::string exception) {
    auto s = command(counter_command::take, 1);
    s.op = op;
    s.exception = std::move(exception);
    return s;
  };
  BOOST_CHECK(outcome(run(ask(request::exception_op::retry, "counter~1~1"))) ==
              engine::Outcome::parked);
  BOOST_TEST(run(ask(request::exception_op::retry, "counter~1~9")).verdicts.at(0).code ==
             "exception.unknown");
  const auto corrected = run(ask(request::exception_op::correct, "counter~1~1"));
  BOOST_CHECK(outcome(corrected) == engine::Outcome::accepted);
  BOOST_CHECK(record(corrected, 0).unparked()->how() == engine::Unpark::corrected);
  BOOST_TEST(value() == 0);
  auto gone = ask(request::exception_op::discard, "counter~1~2");
  gone.reason = "typing error";
  const auto discarded = run(std::move(gone));
  BOOST_CHECK(record(discarded, 0).unparked()->how() == engine::Unpark::discarded);
  BOOST_TEST(c->parked_count() == 0u);
  BOOST_TEST(replayed()->parked_count() == 0u);
}

BOOST_FIXTURE_TEST_CASE(an_actor_keeps_a_bounded_number_of_facts, fixture) {
  run(command(counter_command::add, 1));
  for (std::size_t i = 0; i < cell_parked_max; ++i) run(command(counter_command::take, 100));
  BOOST_TEST(run(command(counter_command::take, 100)).verdicts.at(0).code == "exceptions.full");
  BOOST_TEST(c->parked_count() == cell_parked_max);
}

BOOST_FIXTURE_TEST_CASE(an_asked_fact_that_waited_settles_its_asker, fixture) {
  run(command(counter_command::add, 1));
  auto message = std::make_shared<engine::MessageT>();
  message->from = "order/9";
  message->command = static_cast<std::uint8_t>(counter_command::take);
  message->body = counter_body(3);
  message->ask = "taken";
  message->origin = hash128{1, 2};
  stimulus s;
  s.ticket = 77;
  s.source = engine::Source::message;
  s.id = {9, 9};
  s.message = message;
  s.consumed = std::make_unique<engine::ConsumedT>();
  s.consumed->number = 5;
  const auto p = run(std::move(s));
  BOOST_TEST(record(p, 0).reply_to()->str() == "hamburg/order/9");
  BOOST_TEST(record(p, 0).ask()->str() == "taken");
  BOOST_TEST(record(p, 0).origin()->lo() == 2u);
  BOOST_TEST(record(p, 0).consumed()->number() == 5u);
  BOOST_TEST(record(p, 0).parked()->waits());
  const auto later = run(command(counter_command::add, 5));
  BOOST_REQUIRE(record(later, 1).settles());
  BOOST_TEST(record(later, 1).settles()->Get(0)->id()->hi() == 9u);
}

BOOST_FIXTURE_TEST_CASE(asks_carry_their_origin_and_answers_settle, fixture) {
  run(command(counter_command::add, 1));
  const auto p = run(command(counter_command::ask, 2, "other"));
  BOOST_CHECK(outcome(p) == engine::Outcome::pending);
  const auto* m = record(p, 0).effects()->Get(0)->effect_as_Message();
  BOOST_TEST(m->from()->str() == "counter/1");
  BOOST_TEST(m->origin()->lo() == 2u);
  auto answer = std::make_shared<engine::MessageT>();
  answer->from = "counter/other";
  answer->answer = true;
  answer->ask = "dropped";
  answer->origin = hash128{7, 2};
  stimulus s;
  s.source = engine::Source::message;
  s.message = answer;
  s.consumed = std::make_unique<engine::ConsumedT>();
  const auto settled = run(std::move(s));
  BOOST_TEST(record(settled, 0).settles()->Get(0)->id()->lo() == 2u);
  BOOST_TEST(value() == 2);
}

BOOST_FIXTURE_TEST_CASE(a_refusal_that_others_are_told_of_is_journaled_and_changes_nothing,
                        fixture) {
  run(command(counter_command::add, 5));
  auto asked = command(counter_command::disown, 3, "2");
  asked.dry_run = true;
  auto p = offer(std::move(asked));
  BOOST_CHECK(outcome(p) == engine::Outcome::refused);
  BOOST_TEST(p.records.empty());
  p = run(command(counter_command::disown, 3, "2"));
  BOOST_CHECK(outcome(p) == engine::Outcome::refused);
  BOOST_TEST(p.verdicts[0].code == "counter.disowned");
  BOOST_TEST(p.verdicts[0].record == 0);
  BOOST_CHECK(record(p, 0).outcome() == engine::Outcome::refused);
  BOOST_TEST((record(p, 0).events() == nullptr || record(p, 0).events()->size() == 0));
  const auto* m = record(p, 0).effects()->Get(0)->effect_as_Message();
  BOOST_TEST(m->to()->str() == "counter/2");
  BOOST_TEST(m->from()->str() == "counter/1");
  BOOST_TEST(c->sequence() == 1u);
  BOOST_TEST(value() == 5);
  BOOST_TEST(text(replayed()->view().state) == "5");
}

BOOST_FIXTURE_TEST_CASE(a_failing_command_is_refused_and_journaled_the_second_time, fixture) {
  run(command(counter_command::add, 1));
  auto s = command(counter_command::fail, 0);
  s.keyed = true;
  const auto id = s.id;
  auto p = offer(std::move(s));
  BOOST_TEST(p.records.empty());
  BOOST_TEST(p.verdicts.at(0).code == "kind.fault");
  auto again = command(counter_command::fail, 0);
  again.keyed = true;
  again.id = id;
  p = run(std::move(again));
  BOOST_TEST(p.records.size() == 1u);
  BOOST_TEST(record(p, 0).code()->str() == "kind.fault");
}

BOOST_FIXTURE_TEST_CASE(a_failing_message_is_refused_for_good_at_its_second_failure, fixture) {
  run(command(counter_command::add, 1));
  auto message = std::make_shared<engine::MessageT>();
  message->from = "counter/2";
  message->command = static_cast<std::uint8_t>(counter_command::spoil);
  message->body = counter_body(1);
  stimulus s;
  s.source = engine::Source::message;
  s.id = {5, 5};
  s.message = message;
  s.consumed = std::make_unique<engine::ConsumedT>();
  auto p = offer(command(counter_command::add, 4), std::move(s), command(counter_command::add, 5));
  for (int reloads = 1; reloads <= 2; ++reloads) {
    BOOST_TEST(p.reload);
    BOOST_TEST(p.records.empty());
    auto legacy = c->take_legacy();
    BOOST_TEST(legacy.stash.size() == 3u);
    c = replayed();
    p = c->inherit(std::move(legacy), start);
  }
  BOOST_TEST(!p.reload);
  commit(p);
  BOOST_TEST(p.records.size() == 3u);
  BOOST_CHECK(record(p, 1).outcome() == engine::Outcome::refused);
  BOOST_TEST(record(p, 1).code()->str() == "kind.fault");
  BOOST_TEST(value() == 10);
}

BOOST_FIXTURE_TEST_CASE(a_command_that_spoils_the_state_takes_nothing_with_it, fixture) {
  run(command(counter_command::add, 1));
  const auto p = offer(command(counter_command::add, 4), command(counter_command::spoil, 0),
                       command(counter_command::add, 5));
  BOOST_TEST(p.reload);
  BOOST_TEST(p.verdicts.size() == 1u);
  BOOST_TEST(p.verdicts.at(0).ticket == 3u);
  BOOST_TEST(p.verdicts.at(0).code == "kind.fault");
  auto legacy = c->take_legacy();
  c = replayed();
  commit(c->inherit(std::move(legacy), start));
  BOOST_TEST(value() == 10);
}

BOOST_FIXTURE_TEST_CASE(a_dry_run_leaves_no_trace, fixture) {
  run(command(counter_command::add, 5));
  auto s = command(counter_command::once, 2, "k");
  s.dry_run = true;
  const auto p = offer(std::move(s));
  BOOST_TEST(p.records.empty());
  BOOST_TEST(p.verdicts.at(0).events.size() == 2u);
  BOOST_TEST(value() == 5);
  BOOST_TEST(c->sequence() == 1u);
  BOOST_TEST(!c->row("marks", "k").has_value());
}

BOOST_FIXTURE_TEST_CASE(a_timer_that_was_moved_while_it_waited_does_not_fire, fixture) {
  run(command(counter_command::add, 1));
  const auto due = start.plus_ms(1000);
  const auto fire = [&](timestamp when) {
    stimulus s;
    s.ticket = ++tickets;
    s.source = engine::Source::timer;
    s.consumed = std::make_unique<engine::ConsumedT>();
    s.consumed->timer = "t";
    s.consumed->due = when;
    return s;
  };
  const auto first = offer(command(counter_command::arm, 5));
  BOOST_TEST(offer(fire(due)).empty());
  commit(first);
  const auto p = c->resume(start);
  BOOST_TEST(p.records.empty());
  BOOST_TEST(p.verdicts.at(0).record == -1);
  BOOST_TEST(run(fire(start.plus_ms(5000))).records.size() == 1u);
  BOOST_TEST(value() == 101);
}

BOOST_FIXTURE_TEST_CASE(an_image_and_the_rest_of_the_journal_give_the_same_actor, fixture) {
  run(command(counter_command::once, 5, "a"));
  run(command(counter_command::add, 5));
  run(command(counter_command::once, 5, "a"));
  run(command(counter_command::take, 100));
  const auto image = c->image();
  BOOST_TEST(!c->dirty());
  BOOST_TEST(!c->idle());
  env.store(*image);
  c->stored();
  BOOST_TEST(c->idle());
  run(command(counter_command::once, 6, "b"));
  BOOST_CHECK(outcome(run(command(counter_command::once, 6, "a"))) == engine::Outcome::refused);
  const auto other = replayed(image.get());
  BOOST_TEST(text(other->view().state) == text(c->view().state));
  BOOST_TEST(other->sequence() == c->sequence());
  BOOST_TEST(other->parked_count() == 1u);
  BOOST_TEST(other->row("marks", "a").has_value());
  BOOST_TEST(other->row("marks", "b").has_value());
}

BOOST_FIXTURE_TEST_CASE(index_changes_follow_the_batch_and_the_image, fixture) {
  const auto made = run(command(counter_command::add, 5));
  BOOST_TEST(made.what.indexes.at(0).before == "");
  BOOST_TEST(made.what.indexes.at(0).after == "few");
  run(command(counter_command::add, 50));
  const auto image = c->image();
  BOOST_TEST(image->indexes.size() == 1u);
  BOOST_TEST(image->indexes.at(0).before == "");
  BOOST_TEST(image->indexes.at(0).after == "many");
  c->stored();
  BOOST_TEST(run(command(counter_command::add, 1)).what.indexes.empty());
  BOOST_TEST(c->image()->indexes.empty());
}

BOOST_FIXTURE_TEST_CASE(references_are_looked_up_and_journaled, fixture) {
  const auto made = run(command(counter_command::add, 5));
  BOOST_REQUIRE(made.what.reference);
  env.references["m"] = made.what.reference;
  const auto p = run(command(counter_command::look, 0, "m"));
  BOOST_TEST(value() == 10);
  BOOST_TEST(record(p, 0).references()->Get(0)->actor()->str() == "counter/m");
  BOOST_TEST(record(p, 0).references()->Get(0)->sequence() == 1u);
}

BOOST_FIXTURE_TEST_CASE(what_cannot_be_looked_up_is_never_taken_for_absent, fixture) {
  run(command(counter_command::add, 5));
  env.blind = true;
  for (int time = 0; time < 3; ++time) {  // never for good
    auto s = command(counter_command::look, 0, "m");
    s.id = {7, 1'000};
    s.keyed = true;
    s.dry_run = time == 2;
    const auto p = offer(std::move(s));
    BOOST_TEST(p.records.empty());
    BOOST_TEST(p.verdicts.at(0).code == "actor.quarantined");
    BOOST_TEST(p.verdicts.at(0).detail.starts_with("counter/m"));
  }
  stimulus s;
  s.source = engine::Source::message;
  s.ticket = 99;
  auto m = std::make_shared<engine::MessageT>();
  m->command = static_cast<std::uint8_t>(counter_command::look);
  m->body = counter_body(0, "m");
  m->from = "counter/9";
  s.message = m;
  s.consumed = std::make_unique<engine::ConsumedT>();
  const auto p = offer(std::move(s));
  BOOST_TEST(p.records.empty());  // it comes again
  BOOST_CHECK(outcome(p) == engine::Outcome::refused);
  env.blind = false;
  BOOST_TEST(offer(command(counter_command::look, 0, "m")).verdicts.at(0).code == "counter.blind");
  BOOST_TEST(value() == 5);
}

BOOST_FIXTURE_TEST_CASE(a_parked_fact_that_cannot_see_is_tried_again_by_a_timer, fixture) {
  const auto other = run(command(counter_command::add, 1));
  run(command(counter_command::take, 5, "m"));
  env.references["m"] = other.what.reference;
  env.blind = true;
  const auto due_in = [&](const proposal& p, std::size_t n) {
    const auto* timer = record(p, n).effects()->Get(0)->effect_as_Timer();
    return std::pair(timer->name()->str(), timer->due()->us() - now.micros());
  };
  const auto wake = [&](const std::string& name) {
    now = now.plus_ms(cell_parked_again_ms);
    stimulus s;
    s.source = engine::Source::timer;
    s.id = {8, ++tickets};
    s.consumed = std::make_unique<engine::ConsumedT>();
    s.consumed->timer = name;
    s.consumed->due = now;
    return run(std::move(s));
  };
  auto p = run(command(counter_command::add, 10));
  BOOST_REQUIRE(p.records.size() == 2u);
  BOOST_TEST(record(p, 1).parked()->code()->str() == "actor.quarantined");
  BOOST_TEST(record(p, 1).parked()->reason()->str() == "counter/m cannot be read now");
  const auto [name, wait_us] = due_in(p, 1);
  BOOST_TEST(wait_us == cell_parked_again_ms * 1'000);
  BOOST_TEST(run(command(counter_command::add, 1)).records.size() == 1u);  // it has its timer
  p = wake(name);  // still blind: once more, later
  BOOST_REQUIRE(p.records.size() == 2u);
  BOOST_TEST(record(p, 0).consumed()->timer()->str() == name);
  BOOST_TEST(due_in(p, 1).second == cell_parked_again_ms * 1'000);
  c = replayed();  // the timer is the host's to keep, the fact the actor's
  BOOST_TEST(c->parked_count() == 1u);
  env.blind = false;
  wake(name);
  BOOST_TEST(c->parked_count() == 0u);
  BOOST_TEST(value() == 7);
}

BOOST_FIXTURE_TEST_CASE(a_parked_fact_that_sees_again_needs_no_timer, fixture) {
  const auto other = run(command(counter_command::add, 1));
  run(command(counter_command::take, 5, "m"));
  env.references["m"] = other.what.reference;
  env.blind = true;
  run(command(counter_command::add, 10));
  env.blind = false;
  now = now.plus_ms(cell_parked_again_ms);
  run(command(counter_command::add, 1));
  BOOST_TEST(c->parked_count() == 0u);
  BOOST_TEST(value() == 7);
}

BOOST_FIXTURE_TEST_CASE(a_parked_fact_that_spoils_blindly_is_put_off_once_and_gets_its_timer,
                        fixture) {
  const auto other = run(command(counter_command::add, 1));
  run(command(counter_command::take_eagerly, 5, "m"));
  env.references["m"] = other.what.reference;
  env.blind = true;
  auto p = offer(command(counter_command::add, 10));
  BOOST_REQUIRE(p.reload);
  auto kept = c->take_legacy();
  c = replayed();
  p = c->inherit(std::move(kept), now);
  BOOST_TEST(!p.reload);
  BOOST_REQUIRE(p.records.size() == 2u);
  BOOST_REQUIRE(record(p, 1).effects());
  BOOST_TEST(record(p, 1).parked()->code()->str() == "actor.quarantined");
  commit(p);
  env.blind = false;
  now = now.plus_ms(cell_parked_again_ms);
  run(command(counter_command::add, 1));
  BOOST_TEST(c->parked_count() == 0u);
}

BOOST_FIXTURE_TEST_CASE(an_event_that_cannot_be_evolved_quarantines_the_actor, fixture) {
  run(command(counter_command::add, 5));
  flatbuffers::FlatBufferBuilder b;
  engine::RecordT bad;
  bad.actor = "counter/1";
  bad.sequence = 2;
  bad.events.push_back(std::make_unique<engine::EventT>());
  bad.events[0]->type = 4;
  bad.events[0]->body = counter_body(1);
  b.Finish(engine::Record::Pack(b, &bad));
  c->evolve(*flatbuffers::GetRoot<engine::Record>(b.GetBufferPointer()), 9, 0, start);
  BOOST_TEST(!c->quarantined().empty());
  BOOST_TEST(offer(command(counter_command::add, 1)).verdicts.at(0).code == "actor.quarantined");
  cell other(what, "1", env);
  BOOST_REQUIRE(other.load(c->image()->row));
  BOOST_TEST(!other.quarantined().empty());
}

BOOST_FIXTURE_TEST_CASE(an_actor_without_stored_rows_reads_none, fixture) {
  run(command(counter_command::once, 1, "a"));
  run(command(counter_command::once, 1, "b"));
  BOOST_TEST(env.reads == 0);
}

BOOST_FIXTURE_TEST_CASE(what_cannot_be_read_is_not_taken_for_absent, fixture) {
  run(command(counter_command::add, 1));
  run(command(counter_command::once, 1, "a"));
  env.store(*c->image());
  c->stored();
  env.damaged = true;
  const auto p = offer(command(counter_command::once, 1, "a"));
  BOOST_TEST(p.verdicts.at(0).code == "kind.fault");
  BOOST_TEST(p.reload);
}

namespace {

/// Its state is everything that its commands ever brought.
class hoarder_kind final : public kind {
 public:
  hoarder_kind() : model_(counter_kind(false).model()) {}
  [[nodiscard]] const kind_model& model() const override { return model_; }
  [[nodiscard]] std::unique_ptr<state_object> create() const override {
    return std::make_unique<held>();
  }
  [[nodiscard]] std::unique_ptr<state_object> load(bytes_view table) const override {
    auto out = std::make_unique<held>();
    out->all.assign(table.begin(), table.end());
    return out;
  }
  [[nodiscard]] bytes save(const state_object& state) const override {
    ++saves;
    return static_cast<const held&>(state).all;
  }
  [[nodiscard]] const void* native(const state_object& state) const override { return &state; }
  void index_values(const state_object&, std::vector<std::string>& out) const override {
    out.emplace_back();
  }
  [[nodiscard]] decided decide(state_object& state, const input& in, context&,
                               evolution& evo) const override {
    decided d;
    const auto body = std::get<command_input>(in).body;
    d.events.push_back({1, bytes(body.begin(), body.end())});
    (void)evolve(state, 1, d.events[0].body, evo);
    return d;
  }
  [[nodiscard]] result<void> evolve(state_object& state, std::uint8_t, bytes_view body,
                                    evolution& evo) const override {
    evo.begin_event();
    auto& all = static_cast<held&>(state).all;
    all.insert(all.end(), body.begin(), body.end());
    return {};
  }
  mutable int saves = 0;

 private:
  struct held final : state_object {
    bytes all;
  };
  kind_model model_;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_decision_that_outgrows_the_state_is_refused_before_it_is_journaled) {
  world env;
  hoarder_kind hoarder;
  auto c = std::make_unique<cell>(hoarder, "1", env);
  std::uint64_t tickets = 0;
  const auto bring = [&](std::size_t size) {
    stimulus s;
    s.ticket = ++tickets;
    s.id = {1, tickets};
    s.command = 1;
    s.body = bytes(size, 7);
    std::vector<stimulus> inputs;
    inputs.push_back(std::move(s));
    return c->offer(std::move(inputs), start);
  };
  for (std::uint64_t index = 1; index <= 2; ++index) {
    BOOST_REQUIRE(bring(100 * 1024).records.size() == 1u);
    c->committed(index, 0);
  }
  const auto p = bring(100 * 1024);
  BOOST_TEST(p.records.empty());
  BOOST_TEST(p.reload);
  BOOST_REQUIRE(p.verdicts.size() == 1u);
  BOOST_TEST((p.verdicts[0].outcome == engine::Outcome::refused));
  BOOST_TEST(p.verdicts[0].code == "entry.too_large");
  BOOST_TEST(p.verdicts[0].detail.find("state") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(small_decisions_do_not_measure_the_state) {
  world env;
  hoarder_kind hoarder;
  cell c(hoarder, "1", env);
  for (std::uint64_t index = 1; index <= 100; ++index) {
    stimulus s;
    s.ticket = index;
    s.id = {1, index};
    s.command = 1;
    s.body = bytes(64, 7);
    std::vector<stimulus> inputs;
    inputs.push_back(std::move(s));
    BOOST_REQUIRE(c.offer(std::move(inputs), start).records.size() == 1u);
    c.committed(index, 0);
  }
  const auto measured = hoarder.saves;
  BOOST_TEST(measured == 0);
}

BOOST_AUTO_TEST_CASE(a_cell_is_small) { BOOST_TEST(sizeof(cell) <= 400u); }

BOOST_FIXTURE_TEST_CASE(a_resting_cell_is_smaller_and_answers_and_decides_as_before, fixture) {
  run(command(counter_command::add, 5));
  c->rest();  // not stored yet: it does not
  const auto first = c->image();
  const auto busy = c->memory();
  c->rest();
  BOOST_TEST(c->memory() == busy);
  env.store(*first);
  c->stored();
  c->rest();
  BOOST_TEST(c->memory() < busy);
  BOOST_TEST(value() == 5);
  BOOST_TEST(c->idle());
  const auto again = c->image();
  BOOST_CHECK(again->row == first->row);
  c->stored();
  c->rest();
  run(command(counter_command::add, 2));
  BOOST_TEST(value() == 7);
  BOOST_TEST(fixture::text(replayed()->view().state) == "7");
}
