"""The plant of the crash and chaos tests: its master data, stock and orders, and the commands of their load."""

PLANT = "hamburg"
ORDERS, LOTS, SHIPMENTS = 8, 4, 4
STOCK = 10000000


def token(system):
    return f"dev-{system}"


def command_for(rng, key):
    order = f"O-{rng.randrange(ORDERS)}"
    pick = rng.random()
    if pick < 0.6:
        return dict(collection="orders", id=order, command="confirm-operation", token=token("mes"),
                    body={"confirmation": f"C-{key}", "operation": "0010", "yield": "1", "scrap": "0", "unit": "EA"})
    if pick < 0.85:  # an ask: the order asks the batch and answers afterwards
        return dict(collection="orders", id=order, command="report-consumption", token=token("mes"),
                    body={"report": f"G-{key}", "operation": "0010", "material": "HOUSING", "batch": f"HSG-{rng.randrange(LOTS)}",
                          "quantity": "1", "unit": "EA"})
    return dict(collection="shipments", id=f"S-{rng.randrange(SHIPMENTS)}", command="allocate", token=token("wms"),
                body={"item": "10", "batch": f"HSG-{rng.randrange(LOTS)}", "quantity": "1", "unit": "EA"})


def prepare(client, name=PLANT):
    """Master data, orders and stock for the load."""
    plant = f"/v1/plants/{name}"

    def post(path, system, body):
        client.expect(200, "POST", plant + path, token(system), body)

    post("/commission", "ops", {"region": "eu", "time_zone": "Europe/Berlin"})
    post("/materials/HOUSING/define", "erp", {"revision": "A", "base_unit": "EA"})
    post("/materials/PUMP-100/define", "erp", {
        "revision": "A", "base_unit": "EA",
        "routing": [{"operation": "0010", "work_center": "WC-1", "description": "Assemble"}],
        "components": [{"material": "HOUSING", "quantity": "1", "unit": "EA", "operation": "0010"}]})
    post("/materials/PUMP-100/set-inspection-plan", "qms", {
        "plan": "IP-7", "revision": "1",
        "characteristics": [{"name": "pressure", "lower": "9.5", "upper": "10.5", "unit": "BAR"}]})
    for n in range(max(LOTS, SHIPMENTS)):
        post(f"/batches/HSG-{n}/receive", "erp", {"material": "HOUSING", "quantity": str(STOCK), "unit": "EA",
                                                  "supplier": "ACME", "supplier_lot": "L-17"})
        post(f"/shipments/S-{n}/plan", "wms", {
            "customer": "C-77", "items": [{"item": "10", "material": "HOUSING", "quantity": str(STOCK), "unit": "EA"}]})
    for n in range(ORDERS):
        post(f"/orders/O-{n}/create", "erp", {"material": "PUMP-100", "revision": "A", "quantity": "100000", "unit": "EA",
                                              "due": "2026-12-01T00:00:00Z"})
        post(f"/orders/O-{n}/request-release", "erp", {})
    for n in range(ORDERS):
        client.wait_for(lambda n=n: client.get(f"{plant}/orders/O-{n}", token("ops"))["state"]["life"] == "released",
                        f"order O-{n} released")
