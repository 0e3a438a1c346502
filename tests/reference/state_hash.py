#!/usr/bin/env python3
"""The state hash of docs/state-hash.md, computed a second time from `blotter events --json`.

Shares no code with the product. Reads one envelope a line on standard input, in order of position
from 1 on, and prints the hash; with --state the hashed JSON as well.
"""

import argparse
import hashlib
import json
import sys

from exact import parse, text

SCHEMA_VERSION = 1

AT_VENUE = {"routed", "in_doubt", "new", "partially_filled"}
# An order thought never to have arrived is approved again, and may be at the venue all the same.
PERHAPS = AT_VENUE | {"approved"}

# What happens to an order -> the statuses in which it counts. Elsewhere it changes nothing.
COUNTS_IN = {
    "OrderApproved": {"submitted"},
    "OrderRefused": {"submitted"},
    "OrderRouted": {"approved"},
    "OrderInDoubt": {"routed"},
    "OrderReconciled": {"in_doubt"},
    "OrderAcknowledged": {"approved", "routed", "in_doubt", "new"},
    "execution with units left": PERHAPS,
    "last execution": PERHAPS | {"pending_cancel"},
    "CancelPending": AT_VENUE,
    "CancelRejected": {"pending_cancel"},
    "OrderRejected": {"approved", "routed", "in_doubt", "new", "pending_cancel"},
    "OrderCanceled": PERHAPS | {"pending_cancel"},
    "OrderExpired": PERHAPS | {"pending_cancel"},
}
STATUS_AFTER = {
    "OrderRefused": "refused",
    "OrderApproved": "approved",
    "OrderRouted": "routed",
    "OrderAcknowledged": "new",
    "CancelPending": "pending_cancel",
    "OrderCanceled": "canceled",
    "OrderExpired": "expired",
    "OrderRejected": "rejected",
    "OrderInDoubt": "in_doubt",
}
FINDINGS = {"known": "new", "never_arrived": "approved"}
STRATEGY_STATUS_AFTER = {"StrategyApproved": "approved", "StrategyStarted": "started"}


class State:
    def __init__(self):
        self.accounts = {}
        self.orders = {}
        self.halts = {}
        self.strategies = {}
        self.position = 0
        self.handlers = {
            "AccountOpened": self.account_opened,
            "CashDeposited": self.cash_deposited,
            "OrderSubmitted": self.order_submitted,
            "OrderApproved": self.order_approved,
            "OrderExecuted": self.order_executed,
            "CancelRejected": self.cancel_rejected,
            "OrderReconciled": self.order_reconciled,
            "FillBooked": self.fill_booked,
            "ReservationReleased": self.reservation_released,
            "KillSwitchEngaged": self.kill_switch_engaged,
            "KillSwitchReleased": self.kill_switch_released,
            "StrategyRegistered": self.strategy_registered,
            "SignalGenerated": self.signal_generated,
        }
        for name in STATUS_AFTER.keys() - self.handlers.keys():
            self.handlers[name] = self.status_changed
        for name in STRATEGY_STATUS_AFTER:
            self.handlers[name] = self.strategy_status_changed

    def apply(self, envelope):
        if envelope["position"] != self.position + 1:
            raise ValueError(
                f"position {envelope['position']} after {self.position}: "
                "give the whole log, in order, from position 1 on"
            )
        self.position = envelope["position"]
        handler = self.handlers.get(envelope["type"])
        if handler is None:
            return
        if envelope["schema_version"] != SCHEMA_VERSION:
            raise ValueError(
                f"position {self.position}: {envelope['type']} has schema version "
                f"{envelope['schema_version']}; this program reads {SCHEMA_VERSION}"
            )
        handler(envelope, envelope["payload"])

    # Accounts

    def account_opened(self, _, payload):
        self.accounts[payload["account"]] = {
            "name": payload["name"],
            "currency": payload["currency"],
            "cash": 0,
            "commission": 0,
            "realised_pnl": 0,
            "reserved_cash": 0,
            "positions": {},
            "orders": [],
        }

    def account_of(self, envelope):
        return self.accounts[id_of(envelope)]

    def cash_deposited(self, envelope, payload):
        self.account_of(envelope)["cash"] += parse(payload["amount"])

    def order_submitted(self, envelope, payload):
        terms = payload["terms"]
        limit_price = terms.get("limit_price")
        order = {
            "ordinal": payload["ordinal"],
            "symbol": terms["symbol"],
            "side": terms["side"],
            "type": terms["type"],
            "limit_price": None if limit_price is None else parse(limit_price),
            "time_in_force": terms["time_in_force"],
            "quantity": parse(terms["quantity"]),
            "status": "submitted",
            "filled_quantity": 0,
            "filled_notional": 0,
            "executed": False,
        }
        self.orders[payload["order_id"]] = order
        self.account_of(envelope)["orders"].append(order)

    def order_approved(self, envelope, payload):
        self.account_of(envelope)["reserved_cash"] += parse(payload["reservation"]["cash"])
        self.status_changed(envelope, payload)

    def fill_booked(self, envelope, payload):
        account = self.account_of(envelope)
        account["cash"] += parse(payload["cash_change"])
        account["commission"] += parse(payload["commission"])
        account["realised_pnl"] += parse(payload["realised_pnl"])
        account["reserved_cash"] -= parse(payload["reservation_released"]["cash"])
        position = account["positions"].setdefault(payload["symbol"], {"quantity": 0, "cost": 0})
        position["quantity"] += parse(payload["quantity_change"])
        position["cost"] += parse(payload["cost_change"])
        order = self.orders[payload["order_id"]]
        order["filled_quantity"] += parse(payload["quantity"])
        order["filled_notional"] += parse(payload["quantity"]) * parse(payload["price"])

    def reservation_released(self, envelope, payload):
        self.account_of(envelope)["reserved_cash"] -= parse(payload["released"]["cash"])

    # Orders

    def step(self, payload, what, status):
        order = self.orders[payload["order_id"]]
        if order["status"] in COUNTS_IN[what]:
            order["status"] = status

    def status_changed(self, envelope, payload):
        self.step(payload, envelope["type"], STATUS_AFTER[envelope["type"]])

    def order_executed(self, _, payload):
        self.orders[payload["order_id"]]["executed"] = True
        if parse(payload["leaves_quantity"]) == 0:
            self.step(payload, "last execution", "filled")
        else:
            self.step(payload, "execution with units left", "partially_filled")

    def cancel_rejected(self, _, payload):
        if payload["origin"]["origin"] != "venue":
            return
        executed = self.orders[payload["order_id"]]["executed"]
        self.step(payload, "CancelRejected", "partially_filled" if executed else "new")

    def order_reconciled(self, _, payload):
        self.step(payload, "OrderReconciled", FINDINGS[payload["finding"]])

    # Halts

    def kill_switch_engaged(self, _, payload):
        self.halts.setdefault((payload["scope"], payload.get("key")), payload["mode"])

    def kill_switch_released(self, _, payload):
        self.halts.pop((payload["scope"], payload.get("key")), None)

    # Strategies

    def strategy_registered(self, envelope, payload):
        self.strategies[id_of(envelope)] = {
            "name": payload["name"],
            "account": payload["account"],
            "status": "registered",
            "signals": 0,
        }

    def strategy_status_changed(self, envelope, _):
        self.strategies[id_of(envelope)]["status"] = STRATEGY_STATUS_AFTER[envelope["type"]]

    def signal_generated(self, envelope, _):
        self.strategies[id_of(envelope)]["signals"] += 1

    # The state as it is hashed

    def document(self):
        halts = [
            {"scope": scope, "key": self.named(scope, key), "mode": mode}
            for (scope, key), mode in self.halts.items()
        ]
        strategies = [
            {**strategy, "account": self.accounts.get(strategy["account"], {}).get("name")}
            for strategy in self.strategies.values()
        ]
        return {
            "accounts": by_name(map(account_document, self.accounts.values())),
            "halts": sorted(halts, key=lambda halt: (halt["scope"], halt["key"] or "")),
            "strategies": by_name(strategies),
        }

    def named(self, scope, key):
        named = {"account": self.accounts, "strategy": self.strategies}.get(scope, {})
        return named[key]["name"] if key in named else key


def account_document(account):
    positions = [
        {"symbol": symbol, **amounts(position, "quantity", "cost")}
        for symbol, position in sorted(account["positions"].items())
        if position["quantity"]
    ]
    orders = sorted(account["orders"], key=lambda order: order["ordinal"])
    return {
        **amounts(account, "cash", "commission", "realised_pnl", "reserved_cash"),
        "name": account["name"],
        "currency": account["currency"],
        "positions": positions,
        "orders": [order_document(order) for order in orders],
    }


def order_document(order):
    limit_price = order["limit_price"]
    return {
        **{key: value for key, value in order.items() if key != "executed"},
        **amounts(order, "quantity", "filled_quantity", "filled_notional"),
        "limit_price": None if limit_price is None else text(limit_price),
    }


def amounts(source, *keys):
    return {key: text(source[key]) for key in keys}


def by_name(items):
    return sorted(items, key=lambda item: item["name"])


def id_of(envelope):
    """A stream is `category-id`; the category ends at the first hyphen."""
    return envelope["stream"].split("-", 1)[1]


def canonical(document):
    """RFC 8785. All keys are ASCII and all numbers integers, so sorting and writing are plain."""
    written = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return written.encode("utf-8")


def state_of(lines):
    state = State()
    for line in lines:
        if line.strip():
            state.apply(json.loads(line))
    return state.document()


def main():
    parser = argparse.ArgumentParser(description="State hash of `blotter events --json`.")
    parser.add_argument("--state", action="store_true", help="print the hashed JSON first")
    arguments = parser.parse_args()
    written = canonical(state_of(line.decode("utf-8") for line in sys.stdin.buffer))
    if arguments.state:
        print(written.decode("utf-8"))
    print(hashlib.sha256(written).hexdigest())


if __name__ == "__main__":
    main()
