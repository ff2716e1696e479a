// layer: nodes; starts the program
// Suppliers, their containments and nonconformances against the built program over HTTP: across
// plants, with signatures, in the lists and rows of the API.
#define BOOST_TEST_MODULE quality_exchange
#include <boost/test/unit_test.hpp>

#include "tests/program_fixture.hpp"

using namespace millrace;
using namespace millrace::tests;

namespace {

const char* site = R"({"region":"eu","time_zone":"Europe/Berlin"})";
const char* signature = R"("signature":{"meaning":"approved","reason":"as agreed"})";

std::string signed_body(const std::string& members) {
  return "{" + members + (members.empty() ? "" : ",") + signature + "}";
}
void receive(plant& p, const std::string& batch) {
  p.must("/materials/HOUSING/define", "erp", R"({"revision":"A","base_unit":"EA"})");
  p.must(
      "/batches/" + batch + "/receive", "erp",
      R"({"material":"HOUSING","quantity":"100","unit":"EA","supplier":"ACME","supplier_lot":"L-17"})");
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_supplier_event_is_contained_in_two_plants_and_withdrawn) {
  plant hamburg("hamburg"), lyon("lyon"), enterprise("enterprise");
  hamburg.must("/commission", "ops", site);
  receive(hamburg, "HSG-1");  // before there is a master: the plant's registration waits for it
  enterprise.must("/commission", "ops", site);
  lyon.must("/commission", "ops", site);
  receive(lyon, "HSG-9");
  const auto bare = enterprise.post("/suppliers/ACME/approve", "sqm", R"({"reason":"audit"})");
  BOOST_TEST(bare.at("/code") == "signature.missing", bare.text);
  enterprise.must("/suppliers/ACME/approve", "sqm",
                  signed_body(R"("name":"Acme","reason":"audit")"));
  hamburg.eventually("the plant has the master's data", [&] {
    return hamburg.get("/suppliers/ACME").at("/state/status") == "approved";
  });
  const auto not_owner =
      enterprise.post("/suppliers/ACME/block", "erp", R"({"reason":"too expensive"})");
  BOOST_TEST(not_owner.status == 403, not_owner.text);
  const auto receipts = hamburg.get("/suppliers/ACME/receipts");
  BOOST_TEST(receipts.at("/items/0/row/batch") == "HSG-1", receipts.text);
  BOOST_TEST(hamburg.get("/suppliers/ACME/no-such-rows").status == 404);

  enterprise.must(
      "/suppliers/ACME/report-quality-event", "sqm",
      R"({"event":"SQE-1","severity":"critical","supplier_lots":["L-17"],"reason":"porosity","alert":["J. Smith"]})");
  enterprise.eventually("both plants are contained", [&] {
    return enterprise.get("/supplier-containments/SQE-1").at("/state/status") == "enforced";
  });
  BOOST_TEST(hamburg.get("/batches/HSG-1").at("/state/allocatable") == "0");
  BOOST_TEST(lyon.get("/batches/HSG-9").at("/state/allocatable") == "0");
  const auto processes = node::the().send("GET", "/v1/processes?kind=supplier_containment", "qms");
  BOOST_TEST(processes.at("/items/0/state/waits_for/0") == "acknowledgement by J. Smith",
             processes.text);
  receive(lyon, "HSG-10");
  BOOST_TEST(lyon.get("/batches/HSG-10").at("/state/holds/0/hold") == "SQE-1");

  enterprise.must("/supplier-containments/SQE-1/acknowledge", "mes", R"({"person":"J. Smith"})");
  enterprise.must("/supplier-containments/SQE-1/withdraw", "sqm",
                  signed_body(R"("reason":"wrong lot")"));
  enterprise.eventually("everything is given back", [&] {
    return enterprise.get("/supplier-containments/SQE-1").at("/state/status") == "withdrawn";
  });
  BOOST_TEST(lyon.get("/batches/HSG-10").at("/state/allocatable") == "100");
}

BOOST_AUTO_TEST_CASE(a_nonconformance_over_http) {
  plant p("graz");
  p.must("/commission", "ops", site);
  receive(p, "HSG-1");
  p.must("/nonconformances/NC-1/raise", "mes",
         R"({"title":"porous","lots":[{"batch":"HSG-1","quantity":"30","unit":"EA"}]})");
  p.eventually("its lot is held", [&] {
    return p.get("/nonconformances?status=contained").at("/items/0/state/title") == "porous";
  });
  BOOST_TEST(p.get("/batches/HSG-1").at("/state/allocatable") == "70");
  const auto early = p.post("/nonconformances/NC-1/close", "qms", signed_body(""));
  BOOST_TEST(early.status == 409, early.text);
  BOOST_TEST(early.at("/code") == "nonconformance.wrong_status", early.text);
  p.must("/capas/CA-1/open", "qms", R"({"title":"porosity"})");
  p.must("/nonconformances/NC-1/link-capa", "qms", R"({"capa":"CA-1"})");
  BOOST_TEST(p.get("/capas/CA-1").at("/state/nonconformances/0") == "NC-1");
  p.must("/nonconformances/NC-1/cancel", "qms", R"({"reason":"a shadow on the photo"})");
  p.eventually("the hold is gone",
               [&] { return p.get("/batches/HSG-1").at("/state/allocatable") == "100"; });
}
