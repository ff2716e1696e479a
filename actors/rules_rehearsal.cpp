// Each rule has its events: a release has waited so long, a person has released what the same
// person had placed, a decision was made on these findings.
#include "actors/rules_rehearsal.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "actors/batch_release_rules.hpp"
#include "actors/rules.hpp"
#include "schemas/inventory/batch_kind.hpp"
#include "schemas/production/order_kind.hpp"
#include "schemas/production/order_release_kind.hpp"
#include "schemas/production/recipe_kind.hpp"
#include "schemas/quality/batch_release_kind.hpp"
#include "schemas/quality/inspection_kind.hpp"
#include "schemas/text.hpp"

namespace millrace::actors {

namespace {

namespace lot = millrace::batch;
namespace po = millrace::order;
namespace pr = millrace::order_release;
namespace rel = millrace::batch_release;

constexpr std::array rehearsed{std::string_view("release.timeout_s"),
                               std::string_view("release.mode"),
                               std::string_view("references.must_exist"),
                               std::string_view("tolerance.over_delivery_percent"),
                               std::string_view("hold.release_second_person"),
                               std::string_view("inspection.hold_on_failed_result"),
                               std::string_view("recipe.approve_second_person"),
                               std::string_view("batch_release.open_deviations"),
                               std::string_view("batch_release.failed_test"),
                               std::string_view("batch_release.signature")};

template <class Native>
Native body_of(const past_event& e) {
  Native out;
  flatbuffers::GetRoot<typename Native::TableType>(e.body.data())->UnPackTo(&out);
  return out;
}

std::int64_t whole(const std::string& text) {
  std::int64_t out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

}  // namespace

result<rule_rehearsal> rule_rehearsal::with(std::map<std::string, std::string> rules) {
  rule_rehearsal out;
  for (auto& [name, value] : rules) {
    if (auto sound = check_rule(name, value); !sound) return sound.error();
    out.rules_.emplace(name, value);
  }
  return out;
}

std::vector<std::string> rule_rehearsal::not_rehearsed() const {
  std::vector<std::string> out;
  for (const auto& [name, value] : rules_)
    if (std::ranges::find(rehearsed, name) == rehearsed.end()) out.push_back(name);
  return out;
}

const std::string* rule_rehearsal::value(std::string_view rule) const {
  const auto found = rules_.find(rule);
  return found == rules_.end() ? nullptr : &found->second;
}

void rule_rehearsal::differ(std::string_view rule, const past_event& e, std::string was,
                            std::string would) {
  ++count_;
  if (differences_.size() >= differences_max) return;
  auto& one = differences_.emplace_back();
  one.rule = rule;
  one.actor = std::string(e.kind) + '/' + std::string(e.id);
  one.was = std::move(was);
  one.would = std::move(would);
  one.correlation = e.correlation;
  one.at = e.stamp;
}

void rule_rehearsal::take(const past_event& e) {
  if (e.kind == pr::schema::name) return take_release(e);
  if (e.kind == po::schema::name) return take_order(e);
  if (e.kind == lot::schema::name) return take_batch(e);
  if (e.kind == millrace::inspection::schema::name) return take_inspection(e);
  if (e.kind == millrace::recipe::schema::name) return take_recipe(e);
  if (e.kind == rel::schema::name) return take_batch_release(e);
}

void rule_rehearsal::end_release(const past_event& e, bool timed_out) {
  const auto* seconds = value("release.timeout_s");
  const auto started = releases_.find(e.id);
  if (started == releases_.end()) return;
  const auto waited = (e.stamp.micros() - started->second.micros()) / 1'000'000;
  releases_.erase(started);
  if (seconds == nullptr) return;
  const bool would_time_out = waited >= whole(*seconds);
  const auto after = "after " + std::to_string(waited) + " s";
  if (!timed_out && would_time_out)
    differ("release.timeout_s", e, "passed " + after, "timed out after " + *seconds + " s");
  if (timed_out && !would_time_out)
    differ("release.timeout_s", e, "timed out " + after, "waited on, up to " + *seconds + " s");
}

void rule_rehearsal::take_release(const past_event& e) {
  switch (static_cast<pr::Event>(e.member)) {
    case pr::Event::ReleaseStarted:
      if (releases_.size() < open_max) releases_[std::string(e.id)] = e.stamp;
      return;
    case pr::Event::Passed: {
      if (const auto* must = value("references.must_exist"); must && *must == "true")
        for (const auto& check : body_of<pr::PassedT>(e).checks)
          if (!check.warning.empty() && check.code.ends_with(".unknown"))
            differ("references.must_exist", e, "passed with a warning: " + check.warning,
                   "parked with " + check.code);
      return end_release(e, false);
    }
    case pr::Event::TimedOut:
      return end_release(e, true);
    default:
      return;
  }
}

void rule_rehearsal::take_order(const past_event& e) {
  switch (static_cast<po::Event>(e.member)) {
    case po::Event::OrderCreated: {
      const auto created = body_of<po::OrderCreatedT>(e);
      if (orders_.size() >= open_max || !created.order) return;
      orders_[std::string(e.id)] = {
          created.order->quantity, {}, created.over_delivery_percent != nullptr, false};
      return;
    }
    case po::Event::ReleaseRequested: {
      const auto* mode = value("release.mode");
      const auto was = std::string(po::EnumNameMode(body_of<po::ReleaseRequestedT>(e).mode));
      if (mode != nullptr && was != *mode)
        differ("release.mode", e, "released by " + was, "released by " + *mode);
      return;
    }
    case po::Event::ProductProduced: {
      const auto* percent = value("tolerance.over_delivery_percent");
      const auto found = orders_.find(e.id);
      if (percent == nullptr || percent->empty() || found == orders_.end()) return;
      auto& order = found->second;
      order.delivered += body_of<po::ProductProducedT>(e).order_quantity;
      const auto hundred = decimal::from_units(100);
      const auto limit = decimal::parse(*percent);
      const auto most =
          limit ? decimal::proportion(order.quantity, hundred + *limit, hundred) : std::nullopt;
      if (order.own_tolerance || order.over || !most || order.delivered <= *most) return;
      order.over = true;
      differ("tolerance.over_delivery_percent", e,
             order.delivered.to_string() + " of " + order.quantity.to_string() + " delivered",
             "parked with order.over_delivery above " + most->to_string());
      return;
    }
    default:
      return;
  }
}

void rule_rehearsal::take_batch(const past_event& e) {
  const auto* second = value("hold.release_second_person");
  if (second == nullptr || *second != "yes") return;
  const auto key = [&](const std::string& hold) { return std::string(e.id) + '/' + hold; };
  if (static_cast<lot::Event>(e.member) == lot::Event::HoldPlaced) {
    const auto placed = body_of<lot::HoldPlacedT>(e);
    if (placed.hold && placed_by_.size() < open_max)
      placed_by_[key(placed.hold->hold)] = placed.hold->placed_by;
  } else if (static_cast<lot::Event>(e.member) == lot::Event::HoldReleased) {
    const auto released = body_of<lot::HoldReleasedT>(e);
    const auto found = placed_by_.find(key(released.hold));
    if (found == placed_by_.end()) return;
    if (is_same_person(found->second, released.by))
      differ("hold.release_second_person", e, "released by " + released.by + ", who had placed it",
             "refused: a second person releases");
    placed_by_.erase(found);
  }
}

void rule_rehearsal::take_inspection(const past_event& e) {
  namespace lots = millrace::inspection;
  const auto* hold = value("inspection.hold_on_failed_result");
  if (hold == nullptr || *hold != "yes") return;
  if (static_cast<lots::Event>(e.member) != lots::Event::ResultRecorded) return;
  const auto recorded = body_of<lots::ResultRecordedT>(e);
  if (!recorded.result || recorded.result->verdict != lots::Verdict::fail) return;
  if (failed_.size() >= open_max || !failed_.emplace(std::string(e.id), true).second) return;
  differ("inspection.hold_on_failed_result", e,
         "a failed result of " + recorded.result->characteristic, "the batch is held at once");
}

void rule_rehearsal::take_recipe(const past_event& e) {
  namespace rc = millrace::recipe;
  const auto* second = value("recipe.approve_second_person");
  if (second == nullptr || *second != "yes") return;
  if (static_cast<rc::Event>(e.member) == rc::Event::Defined) {
    const auto defined = body_of<rc::DefinedT>(e);
    if (defined.revision && defined_by_.size() < open_max)
      defined_by_[std::string(e.id) + '/' + defined.revision->revision] =
          defined.revision->defined_by;
  } else if (static_cast<rc::Event>(e.member) == rc::Event::Approved) {
    const auto approved = body_of<rc::ApprovedT>(e);
    const auto found = defined_by_.find(std::string(e.id) + '/' + approved.revision);
    if (found != defined_by_.end() && is_same_person(found->second, approved.by))
      differ("recipe.approve_second_person", e, "approved by " + approved.by + ", who defined it",
             "refused: a second person approves");
  }
}

void rule_rehearsal::take_batch_release(const past_event& e) {
  if (static_cast<rel::Event>(e.member) != rel::Event::Decided) return;
  const auto decided = body_of<rel::DecidedT>(e);
  if (!decided.decision) return;
  auto findings = decided.decision->findings;
  const auto* deviations = value("batch_release.open_deviations");
  const auto* test = value("batch_release.failed_test");
  for (auto& one : findings) {
    if (deviations && one.what == "deviation" && one.verdict != rel::Verdict::reject)
      one.verdict = *deviations == "ignore" ? rel::Verdict::pass : rel::Verdict::wait;
    if (test && one.what == "inspection" && one.verdict == rel::Verdict::retest)
      one.verdict = *test == "quarantine" ? rel::Verdict::wait
                    : *test == "reject"   ? rel::Verdict::reject
                                          : rel::Verdict::retest;
  }
  const auto before = decided.decision->decision;
  const auto after = decision_of(findings);
  const auto rule = deviations ? "batch_release.open_deviations" : "batch_release.failed_test";
  if ((deviations || test) && after != before)
    differ(rule, e, rel::EnumNameDecision(before), rel::EnumNameDecision(after));
  const auto* signature = value("batch_release.signature");
  const bool final = after == rel::Decision::release || after == rel::Decision::reject;
  if (signature && final && decided.decision->signature_needed != (*signature == "yes"))
    differ("batch_release.signature", e,
           decided.decision->signature_needed ? "waited for a signature" : "went on by itself",
           *signature == "yes" ? "waits for a signature" : "goes on by itself");
}

}  // namespace millrace::actors
