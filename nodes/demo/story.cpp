// The scenario, chapter by chapter, over real HTTP. Reads like the story it tells; the machinery is
// in stage.hpp.
#include "nodes/demo/story.hpp"

#include <chrono>
#include <csignal>
#include <future>

#include "nodes/demo/stage.hpp"

namespace millrace::demo {
namespace {

/// Number of the ERP's documents of a kind about a batch or an order.
std::size_t documents(const json& erp, std::string_view kind, std::string_view field,
                      std::string_view value) {
  std::size_t out = 0;
  if (const auto* list = erp.find("documents"))
    for (const auto& entry : list->items())
      if (entry.text("kind") == kind && text_at(entry, "/content/" + std::string(field)) == value)
        ++out;
  return out;
}

void master_data(stage& s) {
  s.chapter("Master data: each system sends what it owns");
  s.command("ops", "/commission", R"({"region":"eu","time_zone":"Europe/Berlin"})",
            "commissions the plant hamburg");
  s.act("erp", "/act/define-material", R"({"material":"HOUSING","revision":"A","base_unit":"EA"})",
        "defines the material HOUSING");
  s.act("erp", "/act/define-material",
        R"({"material":"PUMP-100","inspection":true,"revision":"A","base_unit":"EA",
            "routing":[{"operation":"0010","work_center":"WC-1","description":"Assemble"},
                       {"operation":"0020","work_center":"WC-2","description":"Test"}],
            "components":[{"material":"HOUSING","quantity":"1","unit":"EA","operation":"0010"}]})",
        "defines PUMP-100 with its routing and components");
  s.act("qms", "/act/set-plan",
        R"({"material":"PUMP-100","plan":"IP-7","revision":"1",
            "characteristics":[{"name":"pressure","lower":"9.5","upper":"10.5","unit":"BAR"}]})",
        "sets inspection plan IP-7: pressure 9.5 to 10.5 BAR");
}

void stock_and_order(stage& s) {
  s.chapter("Stock and a production order");
  s.act(
      "erp", "/act/receive",
      R"({"batch":"HSG-0001","material":"HOUSING","quantity":"100","unit":"EA","supplier":"ACME","supplier_lot":"L-17"})",
      "receives 100 housings as lot HSG-0001");
  const auto stock = s.state("/stock?material=HOUSING");
  s.expect("the platform has 100 housings in stock", stock.text("quantity") == "100", stock.dump());
  s.act(
      "erp", "/act/create-order",
      R"({"order":"1000042","material":"PUMP-100","revision":"A","quantity":"10","unit":"EA","due":"2026-12-01T00:00:00Z"})",
      "creates order 1000042: 10 pumps");
  s.command("erp", "/orders/1000042/check-release", "{}",
            "asks what a release would meet, changing nothing");
  const auto order = s.state("/orders/1000042");
  s.expect("the order is still only created", text_at(order, "/state/life") == "created",
           order.dump());
}

void release(stage& s) {
  s.chapter("Release: checks, reservation, dispatch to the MES, release in the ERP");
  const auto begun = clock::now();
  s.act("erp", "/act/request-release", R"({"order":"1000042"})", "requests the release of 1000042");
  const double ms =
      s.eventually("the order is released and dispatched", begun, [&](std::string& found) {
        const auto order = s.state("/orders/1000042");
        found = order.dump();
        return text_at(order, "/state/life") == "released" &&
               text_at(order, "/state/dispatch") == "dispatched";
      });
  s.figure("order release: asked -> MES has acknowledged", "release_ms", ms);
  const auto mes = s.system("mes");
  s.expect("the MES has a work order with two steps and the reserved lot",
           text_at(mes, "/orders/1000042/steps/1/step") == "0020" &&
               text_at(mes, "/orders/1000042/parts/0/lots/0") == "HSG-0001",
           mes.dump());
  s.eventually("the ERP has set its order to released", [&](std::string& found) {
    const auto erp = s.system("erp");
    found = erp.dump();
    return text_at(erp, "/orders/1000042/status") == "REL";
  });
}

void execution(stage& s) {
  s.chapter("Execution: the MES assembles and reports");
  const auto begun = clock::now();
  s.act("mes", "/run", R"({"order":"1000042","step":"0010"})",
        "assembles: consumes 10 housings, confirms operation 0010");
  const double ms =
      s.eventually("the ERP has posted the consumption (261) and the confirmation", begun,
                   [&](std::string& found) {
                     const auto erp = s.system("erp");
                     found = erp.dump();
                     return documents(erp, "confirmation", "VORNR", "0010") == 1 &&
                            documents(erp, "goods-movement", "CHARG", "HSG-0001") == 1;
                   });
  s.figure("confirmation: reported -> ERP document", "confirmation_ms", ms);
  const auto housing = s.state("/stock?material=HOUSING");
  s.expect("90 housings are left on the platform", housing.text("quantity") == "90",
           housing.dump());
  const auto erp = s.system("erp");
  s.expect("and 90 in the ERP", text_at(erp, "/stock/HSG-0001/unrestricted") == "90", erp.dump());
}

// The MES keeps trying under its keys while the node is killed and comes back; the ERP is away all
// the while.
void outage_and_crash(stage& s) {
  s.chapter("The ERP goes away, and the node is killed in the middle of a report");
  if (!s.fine()) return;
  s.on().simulator("erp", "POST", "/faults", R"({"down":true})");
  s.step("erp", "is down: it closes every connection");
  auto run = std::async(std::launch::async, [url = s.on().simulator_url("mes")] {
    http_client client;
    return client.send({"POST",
                        url + "/run",
                        {{"Content-Type", "application/json"}},
                        R"({"order":"1000042","step":"0020","output_lot":"PMP-0001"})",
                        60'000});
  });
  s.step("mes", "tests the pumps and reports 10 good ones as lot PMP-0001");
  s.on().kill_node();
  s.step("platform", "kill -9");
  const auto back = s.on().restart_node();
  s.expect("the node comes back on its data", bool(back), back ? "" : back.error().detail);
  if (!s.fine()) return;
  s.step("platform", "is ready again", *back);
  s.figure("restart of the node after kill -9, until ready", "restart_ms", *back);
  const auto answer = run.get();
  s.expect("the MES got every report through, each under its own key",
           answer && answer->status == 200, answer ? answer->body : answer.error().detail);
  s.eventually("nothing is lost and nothing counts twice: 10 confirmed, 10 delivered",
               [&](std::string& found) {
                 const auto order = s.state("/orders/1000042");
                 found = order.dump();
                 return text_at(order, "/state/yield") == "10" &&
                        text_at(order, "/state/delivered") == "10" &&
                        text_at(order, "/state/confirmation") == "final";
               });
  const auto lot = s.state("/batches/PMP-0001");
  s.expect("the pumps stand in quality inspection",
           text_at(lot, "/state/stock/0/type") == "quality_inspection", lot.dump());
  s.eventually("the deliveries to the ERP wait in the outbox", [&](std::string& found) {
    const auto endpoints = s.on().get("/v1/endpoints?plant=hamburg").body;
    found = endpoints.dump();
    if (const auto* items = endpoints.find("items"))
      for (const auto& e : items->items())
        if (e.text("system") == "erp")
          return e.find("waiting") != nullptr && e.find("waiting")->integer() >= 1;
    return false;
  });
  const auto begun = clock::now();
  s.on().simulator("erp", "DELETE", "/faults");
  s.step("erp", "is back");
  const double ms =
      s.eventually("the outbox drains: the ERP has the receipt (101) once, in inspection stock",
                   begun, [&](std::string& found) {
                     const auto erp = s.system("erp");
                     found = erp.dump();
                     return documents(erp, "goods-movement", "CHARG", "PMP-0001") == 1 &&
                            text_at(erp, "/stock/PMP-0001/quality") == "10" &&
                            documents(erp, "confirmation", "VORNR", "0020") == 1;
                   });
  s.figure("ERP back -> its outbox is drained", "drain_ms", ms);
}

void failed_inspection(stage& s) {
  s.chapter("A failed inspection: the hold reaches every system");
  const auto begun = clock::now();
  s.act(
      "qms", "/act/inspect",
      R"({"inspection":"IL-1","batch":"PMP-0001","plan":"IP-7","characteristic":"pressure","value":"11.2","unit":"BAR",
            "decision":"reject"})",
      "inspects PMP-0001: 11.2 BAR, rejects it");
  const auto lot = s.state("/batches/PMP-0001");
  s.expect(
      "the lot is held by IL-1 and grants nothing",
      text_at(lot, "/state/holds/0/hold") == "IL-1" && text_at(lot, "/state/allocatable") == "0",
      lot.dump());
  s.eventually("the ERP has blocked the stock", begun, [&](std::string& found) {
    const auto erp = s.system("erp");
    found = erp.dump();
    return text_at(erp, "/stock/PMP-0001/blocked") == "10";
  });
  s.eventually("the MES has restricted the lot", [&](std::string& found) {
    const auto mes = s.system("mes");
    found = mes.dump();
    return text_at(mes, "/restricted_lots/PMP-0001/0") == "IL-1";
  });
  s.figure("hold: inspection begun -> platform, ERP and MES all refuse", "hold_seen_ms",
           ms_since(begun));
  json hold;
  s.eventually("the hold is enforced", [&](std::string& found) {
    hold = s.state("/holds/IL-1");
    found = hold.dump();
    return text_at(hold, "/state/status") == "enforced";
  });
  s.figure("hold: asked -> contained (no descendant can leave)", "hold_contained_ms",
           ms_between(hold, "/state/asked_at", "/state/contained_at"));
  s.figure("hold: asked -> enforced in ERP, MES and WMS", "hold_enforced_ms",
           ms_between(hold, "/state/asked_at", "/state/enforced_at"));
}

void held_stock_stays(stage& s) {
  s.chapter("Held stock does not leave");
  s.command(
      "wms", "/shipments/S-1/plan",
      R"({"customer":"C-77","items":[{"item":"10","material":"PUMP-100","quantity":"5","unit":"EA"}]})",
      "plans shipment S-1 of 5 pumps to C-77");
  s.refused("wms", "/shipments/S-1/allocate",
            R"({"item":"10","batch":"PMP-0001","quantity":"5","unit":"EA"})",
            "tries to allocate the held pumps", 409, "batch.held");
  if (!s.fine()) return;
  const auto erp = s.on().simulator("erp", "POST", "/act/allocate",
                                    R"({"CHARG":"PMP-0001","MENGE":"5","KUNNR":"C-77"})");
  s.step("erp", "is asked for the same stock directly", erp.ms);
  s.expect("the ERP refuses too: the batch is blocked there", erp.status == 409, erp.in_short());
  s.command("mes", "/batches/PMP-0001/place-hold",
            R"({"hold":"H-9","type":"quality","reason":"visual defect"})",
            "an operator stops the lot as well: anyone may");
  const auto no =
      s.refused("mes", "/batches/PMP-0001/release-hold", R"({"hold":"H-9","reason":"looks fine"})",
                "tries to release it", 403, "command.not_owner");
  s.expect("the answer names the owner, qms", no.body.dump().find("qms") != std::string::npos,
           no.body.dump());
  s.act("qms", "/act/release-hold", R"({"batch":"PMP-0001","hold":"H-9","reason":"reworked"})",
        "releases H-9");
}

void second_inspection(stage& s) {
  s.chapter("The second inspection passes: the hold goes");
  s.act(
      "qms", "/act/inspect",
      R"({"inspection":"IL-2","batch":"PMP-0001","plan":"IP-7","retest_of":"IL-1","characteristic":"pressure","value":"10.1",
            "unit":"BAR","decision":"accept"})",
      "inspects again: 10.1 BAR, accepts");
  s.eventually("no hold is open, 10 pumps can be allocated", [&](std::string& found) {
    const auto lot = s.state("/batches/PMP-0001");
    found = lot.dump();
    const auto* holds = lot.at("/state/holds");
    return (holds == nullptr || holds->items().empty()) &&
           text_at(lot, "/state/allocatable") == "10";
  });
  s.eventually("the ERP has the pumps in free stock", [&](std::string& found) {
    const auto erp = s.system("erp");
    found = erp.dump();
    return text_at(erp, "/stock/PMP-0001/unrestricted") == "10" &&
           text_at(erp, "/stock/PMP-0001/blocked") == "0";
  });
  s.eventually("the MES has cleared the lot", [&](std::string& found) {
    const auto mes = s.system("mes");
    found = mes.dump();
    return mes.at("/restricted_lots/PMP-0001") == nullptr;
  });
}

void shipment(stage& s) {
  s.chapter("Shipment and the lot's history");
  s.command("wms", "/shipments/S-1/allocate",
            R"({"item":"10","batch":"PMP-0001","quantity":"5","unit":"EA"})", "allocates 5 pumps");
  s.command("wms", "/shipments/S-1/pick", "{}", "picks them");
  s.command("wms", "/shipments/S-1/ship", "{}", "ships them");
  s.eventually("the ERP has posted the goods issue: 5 pumps are left", [&](std::string& found) {
    const auto erp = s.system("erp");
    found = erp.dump();
    return text_at(erp, "/stock/PMP-0001/unrestricted") == "5";
  });
  const auto tree = s.state("/batches/PMP-0001/genealogy?direction=up");
  bool linked = false;
  if (const auto* edges = tree.find("edges"))
    for (const auto& edge : edges->items())
      linked = linked || (edge.text("from") == "HSG-0001" && edge.text("quantity") == "10" &&
                          edge.text("order") == "1000042");
  s.expect("the genealogy leads from PMP-0001 to HSG-0001 through order 1000042", linked,
           tree.dump());
  if (!s.fine()) return;
  const auto events = s.on().get("/v1/events?plant=hamburg&after=0&limit=1000");
  s.expect("every change is an event in the journal", events.good() && !events.body.dump().empty(),
           events.in_short());
  const auto dead = s.on().get("/v1/deadletters?plant=hamburg").body;
  s.expect("no delivery is dead",
           dead.find("items") != nullptr && dead.find("items")->items().empty(), dead.dump());
  const auto exceptions = s.on().get("/v1/exceptions?plant=hamburg").body;
  s.expect("no fact waits as an exception",
           exceptions.find("items") != nullptr && exceptions.find("items")->items().empty(),
           exceptions.dump());
}

}  // namespace

bool interrupted() {
  sigset_t waiting;
  return sigpending(&waiting) == 0 &&
         (sigismember(&waiting, SIGINT) == 1 || sigismember(&waiting, SIGTERM) == 1);
}

bool play(world& w, timeline& t) {
  stage s(w, t);
  master_data(s);
  stock_and_order(s);
  release(s);
  execution(s);
  outage_and_crash(s);
  failed_inspection(s);
  held_stock_stays(s);
  second_inspection(s);
  shipment(s);
  return s.fine();
}

}  // namespace millrace::demo
