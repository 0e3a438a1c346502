"""Hand-built logs. Run with `python3 -m unittest discover -s tests/reference`."""

import hashlib
import json
import unittest
from pathlib import Path

from state_hash import canonical, state_of

ACCOUNT = "account-a1"
ORDER = "order-o1"
OPENED = (ACCOUNT, "AccountOpened", {"account": "a1", "name": "main", "currency": "USD"})
DEPOSITED = (ACCOUNT, "CashDeposited", {"amount": "1000.50", "reason": "start"})
SUBMITTED = (
    ACCOUNT,
    "OrderSubmitted",
    {
        "order_id": "o1",
        "ordinal": 1,
        "terms": {
            "symbol": "X",
            "side": "buy",
            "quantity": "10",
            "type": "limit",
            "limit_price": "2.50",
            "time_in_force": "day",
        },
    },
)
RESERVED = {"cash": "25.03", "quantity": "0"}
APPROVED = (ACCOUNT, "OrderApproved", {"order_id": "o1", "reservation": RESERVED})


def order_event(name, **payload):
    return (ORDER, name, {"order_id": "o1", **payload})


def cancel_rejected(origin):
    report = {"venue": "paper", "sequence": 1, "transact_time": "2000-03-01T00:00:00.000000Z"}
    by = {"origin": "venue", "report": report} if origin == "venue" else {"origin": "gateway"}
    return order_event("CancelRejected", origin=by)


def booked(quantity, price, change, commission, released):
    payload = {
        "order_id": "o1",
        "symbol": "X",
        "quantity": quantity,
        "price": price,
        "commission": commission,
        "cash_change": change,
        "quantity_change": quantity,
        "cost_change": "10",
        "realised_pnl": "0",
        "reservation_released": {"cash": released, "quantity": "0"},
    }
    return (ACCOUNT, "FillBooked", payload)


def state(*events):
    lines = []
    for number, (stream, name, payload) in enumerate(events):
        envelope = {
            "position": number + 1,
            "stream": stream,
            "type": name,
            "schema_version": 1,
            "payload": payload,
        }
        lines.append(json.dumps(envelope))
    return state_of(lines)


def status(*events):
    document = state(OPENED, SUBMITTED, APPROVED, *events)
    return document["accounts"][0]["orders"][0]["status"]


class Hash(unittest.TestCase):
    def test_an_empty_log(self):
        written = canonical(state())
        self.assertEqual(written, b'{"accounts":[],"halts":[],"strategies":[]}')
        self.assertEqual(
            hashlib.sha256(written).hexdigest(),
            "648f51b7c7210a0f4ce290ca6c5799755d15418ff238a0ef02f358293e811b34",
        )

    def test_an_account_with_one_partly_filled_order(self):
        document = state(
            OPENED,
            DEPOSITED,
            SUBMITTED,
            APPROVED,
            order_event("OrderRouted"),
            order_event("OrderAcknowledged"),
            order_event("OrderExecuted", leaves_quantity="6"),
            booked("4", "2.5", "-10.01", "0.01", "10.01"),
        )
        self.assertEqual(
            canonical(document).decode(),
            '{"accounts":[{"cash":"990.49","commission":"0.01","currency":"USD","name":"main",'
            '"orders":[{"filled_notional":"10","filled_quantity":"4","limit_price":"2.5",'
            '"ordinal":1,"quantity":"10","side":"buy","status":"partially_filled","symbol":"X",'
            '"time_in_force":"day","type":"limit"}],'
            '"positions":[{"cost":"10","quantity":"4","symbol":"X"}],'
            '"realised_pnl":"0","reserved_cash":"15.02"}],"halts":[],"strategies":[]}',
        )

    def test_the_product_computes_the_same(self):
        """The product's own tests hold the same log and the same hash against each other."""
        log = Path(__file__).with_name("small_log.jsonl").read_text(encoding="utf-8")
        self.assertEqual(
            hashlib.sha256(canonical(state_of(log.splitlines()))).hexdigest(),
            "f89f756caf1d9788c3a5c439f528a420fa90b5c4f9afc5d0756242fbf69353cb",
        )

    def test_a_gap_in_the_log_is_refused(self):
        with self.assertRaisesRegex(ValueError, "whole log"):
            state_of(['{"position":2,"stream":"node-n","type":"NodeStarted"}'])

    def test_an_unknown_schema_version_is_refused_only_where_it_matters(self):
        line = {"position": 1, "stream": ACCOUNT, "schema_version": 2, "payload": {}}
        with self.assertRaisesRegex(ValueError, "schema version"):
            state_of([json.dumps({**line, "type": "AccountOpened"})])
        state_of([json.dumps({**line, "type": "PriceMarked"})])


class Status(unittest.TestCase):
    def test_each_event_has_its_status(self):
        routed = order_event("OrderRouted")
        in_doubt = order_event("OrderInDoubt")
        pending = order_event("CancelPending")
        partly = order_event("OrderExecuted", leaves_quantity="1")
        never_arrived = order_event("OrderReconciled", finding="never_arrived")
        cases = [
            ((), "approved"),
            ((routed,), "routed"),
            ((routed, in_doubt), "in_doubt"),
            ((routed, in_doubt, order_event("OrderReconciled", finding="known")), "new"),
            ((routed, in_doubt, never_arrived), "approved"),
            ((routed, in_doubt, never_arrived, routed), "routed"),
            ((routed, in_doubt, routed), "in_doubt"),
            ((routed, in_doubt, never_arrived, order_event("OrderAcknowledged")), "new"),
            ((routed, in_doubt, never_arrived, partly), "partially_filled"),
            ((routed, in_doubt, never_arrived, order_event("OrderExpired")), "expired"),
            ((routed, order_event("OrderAcknowledged")), "new"),
            ((routed, partly, order_event("OrderAcknowledged")), "partially_filled"),
            ((routed, pending), "pending_cancel"),
            ((routed, pending, partly), "pending_cancel"),
            ((routed, pending, cancel_rejected("venue")), "new"),
            ((routed, partly, pending, cancel_rejected("venue")), "partially_filled"),
            ((routed, pending, cancel_rejected("gateway")), "pending_cancel"),
            ((routed, cancel_rejected("venue")), "routed"),
            ((routed, partly, order_event("OrderExpired")), "expired"),
            ((routed, order_event("OrderRejected")), "rejected"),
        ]
        for events, expected in cases:
            self.assertEqual(status(*events), expected, events)

    def test_a_terminal_status_is_final(self):
        routed = order_event("OrderRouted")
        filled = order_event("OrderExecuted", leaves_quantity="0")
        self.assertEqual(status(routed, filled, cancel_rejected("venue")), "filled")
        self.assertEqual(status(routed, order_event("OrderCanceled"), filled), "canceled")

    def test_a_refused_order_reserves_nothing(self):
        refused = (ACCOUNT, "OrderRefused", {"order_id": "o1"})
        account = state(OPENED, SUBMITTED, refused)["accounts"][0]
        self.assertEqual(account["orders"][0]["status"], "refused")
        self.assertEqual(account["reserved_cash"], "0")

    def test_a_released_reservation_is_free_and_a_closed_position_gone(self):
        released = (ACCOUNT, "ReservationReleased", {"order_id": "o1", "released": RESERVED})
        closed = booked("-4", "2.5", "10", "0", "0")
        account = state(
            OPENED, SUBMITTED, APPROVED, booked("4", "2.5", "-10", "0", "0"), closed, released
        )["accounts"][0]
        self.assertEqual(account["reserved_cash"], "0")
        self.assertEqual(account["positions"], [])


class HaltsAndStrategies(unittest.TestCase):
    def test_names_stand_in_place_of_ids(self):
        registered = {"strategy": "s1", "name": "cross", "account": "a1"}
        document = state(
            OPENED,
            ("strategy-s1", "StrategyRegistered", registered),
            ("strategy-s1", "StrategyApproved", {"reason": "demo"}),
            ("strategy-s1", "StrategyStarted", {}),
            ("strategy-s1", "SignalGenerated", {}),
            ("system-halts", "KillSwitchEngaged", {"scope": "strategy", "key": "s1", "mode": "halt"}),
            ("system-halts", "KillSwitchEngaged", {"scope": "firm", "mode": "halt"}),
            ("system-halts", "KillSwitchEngaged", {"scope": "account", "key": "a1", "mode": "halt"}),
            ("system-halts", "KillSwitchReleased", {"scope": "firm"}),
        )
        self.assertEqual(
            document["strategies"],
            [{"name": "cross", "account": "main", "status": "started", "signals": 1}],
        )
        self.assertEqual(
            document["halts"],
            [
                {"scope": "account", "key": "main", "mode": "halt"},
                {"scope": "strategy", "key": "cross", "mode": "halt"},
            ],
        )


if __name__ == "__main__":
    unittest.main()
