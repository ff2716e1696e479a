// layer: actors
// Reports on their way into the ERP: accepted, sent, posted, partly posted, refused, corrected,
// cancelled.
#define BOOST_TEST_MODULE production_confirmation
#include "actors/production_confirmation.hpp"

#include "actors/order.hpp"
#include "tests/kind_harness.hpp"

using namespace millrace;
using namespace millrace::testing;
using namespace millrace::production_confirmation;
using subject = actors::production_confirmation;
namespace po = millrace::order;
using po::PostingStatus;
using po::ReportKind;

namespace {

PostT post(ReportKind kind = ReportKind::confirmation, const char* report = "C-1") {
  PostT c;
  c.posting = std::make_unique<PostingT>();
  c.posting->kind = kind;
  c.posting->report = report;
  c.posting->erp_id = "E-42";
  if (kind == ReportKind::confirmation) {
    c.posting->confirmation = std::make_unique<po::ConfirmationT>();
    c.posting->confirmation->confirmation = report;
    c.posting->confirmation->posting_date = "2026-10-31";
  } else if (kind != ReportKind::cancel_confirmation) {
    c.posting->movement = std::make_unique<po::MovementT>();
    c.posting->movement->report = report;
  }
  return c;
}
given<subject> sent() {
  given<subject> g;
  g.id("1000042").when_from("order/1000042", post()).then_accepted();
  return g;
}
given<subject> refused() {
  auto g = sent();
  g.when_delivered("1", System::erp, engine::DeliveryEnd::dead, {}, "period closed");
  return g;
}
PostingStatus told(given<subject>& g) {
  const auto tell = g.sent<actors::order, po::MarkPostedT>();
  return tell && tell->erp ? tell->erp->status : PostingStatus::none;
}
ReportPostingT word(PostingStatus status) {
  ReportPostingT c;
  c.report = "C-1";
  c.status = status;
  c.document = "4900001";
  c.reason = "said so";
  return c;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_report_is_sent_at_once_under_the_orders_key) {
  auto g = sent();
  g.then_event_names({"PostingAccepted", "PostingSent"})
      .then_effects({"deliver erp order/1000042 1", "tell order/1000042"})
      .then_state([](const StateT& s) {
        BOOST_REQUIRE_EQUAL(s.open.size(), 1u);
        BOOST_CHECK(s.open[0].status == PostingStatus::sent);
        BOOST_CHECK(!s.open[0].posting);
        BOOST_CHECK_EQUAL(s.erp_id, "E-42");
      });
  BOOST_CHECK(told(g) == PostingStatus::sent);
  g.when_from("order/1000042", post(ReportKind::consumption, "G-1"))
      .then_effects({"deliver erp order/1000042 2", "tell order/1000042"});
}

BOOST_AUTO_TEST_CASE(movement_types_are_saps) {
  const auto type_of = [](ReportKind kind, bool by_product) {
    auto c = post(kind, "X");
    if (by_product) c.posting->movement->use = batch::MaterialUse::by_product;
    given<subject> g;
    g.id("1").when_from("order/1", c);
    for (const auto& effect : g.last().effects)
      if (const auto* d = effect.AsDelivery()) {
        PostGoodsMovementT out;
        flatbuffers::GetRoot<PostGoodsMovement>(d->body.data())->UnPackTo(&out);
        return out.movement_type + (out.reversal_of.empty() ? "" : " of " + out.reversal_of);
      }
    return std::string("nothing");
  };
  BOOST_CHECK_EQUAL(type_of(ReportKind::consumption, false), "261");
  BOOST_CHECK_EQUAL(type_of(ReportKind::reverse_consumption, false), "262 of X");
  BOOST_CHECK_EQUAL(type_of(ReportKind::production, false), "101");
  BOOST_CHECK_EQUAL(type_of(ReportKind::production, true), "531");
  BOOST_CHECK_EQUAL(type_of(ReportKind::reverse_production, false), "102 of X");
  BOOST_CHECK_EQUAL(type_of(ReportKind::reverse_production, true), "532 of X");
}

BOOST_AUTO_TEST_CASE(acknowledged_means_posted_with_the_document) {
  auto g = sent();
  g.when_delivered("1", System::erp, engine::DeliveryEnd::acknowledged, "4900001")
      .then_event_names({"PostingPosted"})
      .then_effects({"tell order/1000042"})
      .then_state([](const StateT& s) {
        BOOST_CHECK(s.open.empty());
        BOOST_CHECK_EQUAL(s.posted, 1u);
      });
  BOOST_CHECK(told(g) == PostingStatus::posted);
  const auto row = g.row<TransactionT>("transactions", "1");
  BOOST_REQUIRE(row && row->posting);
  BOOST_CHECK_EQUAL(row->document, "4900001");
  g.when_delivered("1", System::erp).then_nothing();
}

BOOST_AUTO_TEST_CASE(a_dead_letter_is_a_refusal_and_its_retry_posts) {
  auto g = refused();
  g.then_event_names({"PostingRefused"}).then_state([](const StateT& s) {
    BOOST_CHECK(s.open[0].status == PostingStatus::refused);
  });
  BOOST_CHECK(told(g) == PostingStatus::refused);
  g.when_delivered("1", System::erp, engine::DeliveryEnd::acknowledged, "4900001")
      .then_event_names({"PostingPosted"});
  refused()
      .when_delivered("1", System::erp, engine::DeliveryEnd::discarded)
      .then_event_names({"PostingCancelled"});
}

BOOST_AUTO_TEST_CASE(a_correction_sends_it_again) {
  CorrectT c;
  c.report = "C-1";
  c.posting_date = "2026-11-01";
  c.reason = "new period";
  auto g = refused();
  g.when(c, System::erp)
      .then_event_names({"PostingCorrected", "PostingSent"})
      .then_effects({"deliver erp order/1000042 1", "tell order/1000042"})
      .then_state([](const StateT& s) { BOOST_CHECK_EQUAL(s.open[0].attempts, 2u); });
  BOOST_CHECK_EQUAL(g.row<TransactionT>("transactions", "1")->posting->confirmation->posting_date,
                    "2026-11-01");
  sent().when(c, System::erp).then_refused("production_confirmation.not_refused");
  c.report = "C-9";
  sent().when(c, System::erp).then_refused("production_confirmation.posting_unknown");
}

BOOST_AUTO_TEST_CASE(what_the_erp_will_not_post_is_given_up) {
  CancelT c;
  c.report = "C-1";
  c.reason = "booked by hand";
  auto g = refused();
  g.when(c, System::erp).then_event_names({"PostingCancelled"}).then_state([](const StateT& s) {
    BOOST_CHECK(s.open.empty());
    BOOST_CHECK_EQUAL(s.cancelled, 1u);
  });
  BOOST_CHECK(told(g) == PostingStatus::cancelled);
  sent().when(c, System::erp).then_refused("production_confirmation.not_refused");
  g.when(c, System::erp).then_refused("production_confirmation.posting_unknown");
}

BOOST_AUTO_TEST_CASE(the_erps_own_word_counts) {
  auto g = sent();
  g.when(word(PostingStatus::partly_posted), System::erp).then_event_names({"PostingPartlyPosted"});
  BOOST_CHECK(told(g) == PostingStatus::partly_posted);
  g.when(word(PostingStatus::posted), System::erp).then_event_names({"PostingPosted"});
  g.when(word(PostingStatus::posted), System::erp)
      .then_parked("production_confirmation.posting_unknown");
  sent().when(word(PostingStatus::refused), System::erp).then_event_names({"PostingRefused"});
  sent()
      .when(word(PostingStatus::sent), System::erp)
      .then_refused("production_confirmation.status_invalid");
}
