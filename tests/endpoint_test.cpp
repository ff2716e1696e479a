// layer: nodes; starts the program
// A node and one outer system that misbehaves: nothing is lost, order is kept per key, a poison
// message stops only its key.
#define BOOST_TEST_MODULE endpoint
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <mutex>

#include "nodes/http/server.hpp"
#include "tests/program_fixture.hpp"

using namespace millrace;
using namespace millrace::tests;

namespace {

/// An ERP that notes the confirmations it takes, in order, each key once.
class outer_erp final : public http::handler {
 public:
  void handle(std::shared_ptr<http::exchange> e) override {
    const auto body = json_value::parse(e->request().body);
    const std::string id = body ? body->at("/data/confirmation/confirmation") != nullptr
                                      ? body->at("/data/confirmation/confirmation")->text()
                                      : body->text("type")
                                : "?";
    const std::lock_guard lock(mutex_);
    if (down.load()) return e->drop();
    if (!poison.empty() && id == poison)
      return e->answer({422, {}, R"({"detail":"not postable"})"});
    if (std::find(keys_.begin(), keys_.end(), e->request().get("Idempotency-Key")) == keys_.end()) {
      keys_.emplace_back(e->request().get("Idempotency-Key"));
      taken_.push_back(id);
    }
    if (lose.exchange(false)) return e->drop();  // acted, and the answer is lost
    e->answer({200, {}, R"({"document":"D"})"});
  }
  std::vector<std::string> taken() {
    const std::lock_guard lock(mutex_);
    return taken_;
  }
  void set_poison(const std::string& id) {
    const std::lock_guard lock(mutex_);
    poison = id;
  }
  std::atomic<bool> down{false}, lose{false};

 private:
  std::mutex mutex_;
  std::string poison;
  std::vector<std::string> keys_, taken_;
};

struct with_erp {
  with_erp() {
    static const auto system = std::make_shared<outer_erp>();
    static const auto server = [] {
      auto started = http::server::start({}, system);
      BOOST_REQUIRE(started);
      node::arguments() = {"--endpoint",
                           "erp=http://127.0.0.1:" + std::to_string((*started)->port())};
      return *std::move(started);
    }();
    erp = system;
    erp->down = false;
    erp->set_poison("");
  }
  static void confirm(plant& p, const std::string& order, const std::string& id) {
    p.must("/orders/" + order + "/confirm-operation", "mes",
           R"({"confirmation":")" + id +
               R"(","operation":"0010","yield":"1","scrap":"0","unit":"EA"})");
  }
  /// What the ERP took of these, in its order.
  std::vector<std::string> order_of(const std::string& prefix) const {
    std::vector<std::string> out;
    for (const auto& id : erp->taken())
      if (id.starts_with(prefix)) out.push_back(id);
    return out;
  }
  std::shared_ptr<outer_erp> erp;
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(an_endpoint_that_was_down_gets_everything_in_order, with_erp) {
  plant p("outage");
  p.set_up();
  p.release_order("1");
  erp->down = true;
  std::vector<std::string> expected;
  for (int i = 0; i < 10; ++i) {
    expected.push_back("down-" + std::to_string(i));
    confirm(p, "1", expected.back());
  }
  BOOST_TEST(order_of("down-").empty());
  node::the().kill();
  node::the().start();
  erp->down = false;
  p.eventually("all ten arrive", [&] { return order_of("down-").size() == 10; });
  BOOST_TEST(order_of("down-") == expected, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_lost_answer_does_not_double_the_effect, with_erp) {
  plant p("lost");
  p.set_up();
  p.release_order("1");
  p.eventually("the outbox is empty", [&] {
    const auto all = node::the().send("GET", "/v1/endpoints?plant=lost", "ops");
    return all.at("/items/0/waiting") == "0";
  });
  erp->lose = true;
  confirm(p, "1", "lost-1");
  confirm(p, "1", "lost-2");
  p.eventually("both are there", [&] { return order_of("lost-").size() >= 2; });
  p.eventually("and acknowledged", [&] {
    const auto all = node::the().send("GET", "/v1/endpoints?plant=lost", "ops");
    return all.at("/items/0/waiting") == "0";
  });
  BOOST_TEST(order_of("lost-") == (std::vector<std::string>{"lost-1", "lost-2"}),
             boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_poison_message_stops_only_its_key_until_it_is_retried, with_erp) {
  plant p("poison");
  p.set_up();
  p.release_order("1");
  p.release_order("2");
  erp->set_poison("poison-1");
  confirm(p, "1", "poison-1");
  confirm(p, "1", "poison-2");
  confirm(p, "2", "poison-other");
  p.eventually("the other order's confirmation passes",
               [&] { return order_of("poison-other").size() == 1; });
  answer dead;
  p.eventually("the poison message is a dead letter", [&] {
    dead = node::the().send("GET", "/v1/deadletters?plant=poison", "ops");
    return dead.body.find("items") != nullptr && dead.body.find("items")->items().size() == 1;
  });
  BOOST_TEST(dead.at("/items/0/last_error").find("not postable") != std::string::npos, dead.text);
  BOOST_TEST(order_of("poison-2").empty());
  erp->set_poison("");
  const auto retried = node::the().send(
      "POST", "/v1/deadletters/" + percent_encode(dead.at("/items/0/id")) + "/retry", "ops", "{}");
  BOOST_TEST(retried.status == 200, retried.text);
  p.eventually("it and what waited behind it arrive",
               [&] { return order_of("poison-").size() == 3; });
  BOOST_TEST(
      order_of("poison-") == (std::vector<std::string>{"poison-other", "poison-1", "poison-2"}),
      boost::test_tools::per_element());
  BOOST_TEST(node::the()
                 .send("GET", "/v1/deadletters?plant=poison", "ops")
                 .body.find("items")
                 ->items()
                 .empty());
}
