#!/usr/bin/env python3
"""What the demo must come to, computed a second time, straight from the CSV.

Shares no code with the product. All arithmetic is exact; rounding happens only where a rule
below says so, half to even.

 1. Rows are played by date, then by symbol. Open, high, low and close are multiplied by
    adj_close / close and rounded to 4 decimals.
 2. A market order fills at the open of its symbol's next bar, before anything else on that bar.
 3. Then the bar's close is the symbol's mark.
 4. From 30 closes on: difference = SMA(10) - SMA(30), the current close included. A signal is a
    change of its sign. A difference of zero keeps the sign before; a symbol's first sign is no
    signal.
 5. Change to plus, when flat: buy floor(0.25 x equity / close), where
    equity = cash + sum(position x last mark). Change to minus: sell the whole position.
    A quantity of zero is no order.
 6. A buy reserves quantity x close x 1.001, rounded to the cent, and is refused when that is
    more than cash less the reservations of open orders. A dearer open is booked all the same.
 7. Commission is 0.1 % of quantity x price, rounded to the cent. Cash starts at 100,000 and is
    otherwise exact. What is open at the end is marked at its last close.
"""

import argparse
import csv
import gzip
import io
import json
import sys
from collections import namedtuple
from fractions import Fraction

from exact import half_even, parse, text

CASH_AT_START = Fraction(100_000)
FAST_BARS = 10
SLOW_BARS = 30
EQUITY_FRACTION = Fraction(1, 4)
RESERVE_FACTOR = Fraction(1001, 1000)
COMMISSION_RATE = Fraction(1, 1000)
PRICE_DECIMALS = 4
CENT_DECIMALS = 2

Bar = namedtuple("Bar", "date symbol open high low close")
Order = namedtuple("Order", "symbol side quantity reserved")


def read_bars(stream):
    """Adjusted bars in playing order."""
    bars = []
    for row in csv.DictReader(stream):
        close = parse(row["close"])
        if close <= 0:
            raise ValueError(f"{row['symbol']} {row['date']}: close {row['close']} is not positive")
        factor = parse(row["adj_close"]) / close
        prices = [
            half_even(parse(row[name]) * factor, PRICE_DECIMALS)
            for name in ("open", "high", "low", "close")
        ]
        bars.append(Bar(row["date"], row["symbol"], *prices))
    bars.sort(key=lambda bar: (bar.date, bar.symbol))
    return bars


def open_text(path):
    with open(path, "rb") as file:
        data = file.read()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    return io.StringIO(data.decode("utf-8"), newline="")


class Crossing:
    """Rule 4 for one symbol."""

    def __init__(self):
        self.closes = []
        self.sign = 0

    def see(self, close):
        """+1 or -1 when the sign changed with this close, else 0."""
        self.closes = (self.closes + [close])[-SLOW_BARS:]
        if len(self.closes) < SLOW_BARS:
            return 0
        difference = sum(self.closes[-FAST_BARS:]) / FAST_BARS - sum(self.closes) / SLOW_BARS
        sign = (difference > 0) - (difference < 0)
        if sign in (0, self.sign):
            return 0
        first = self.sign == 0
        self.sign = sign
        return 0 if first else sign


class Book:
    """One account and its open orders, at most one a symbol."""

    def __init__(self, trace):
        self.cash = CASH_AT_START
        self.positions = {}
        self.marks = {}
        self.open_orders = {}
        self.crossings = {}
        self.counts = dict.fromkeys(("bars", "signals", "orders", "fills", "refusals"), 0)
        self.trace = trace

    def play(self, bar):
        self.counts["bars"] += 1
        if bar.symbol in self.open_orders:
            self.fill(self.open_orders.pop(bar.symbol), bar)
        self.marks[bar.symbol] = bar.close
        change = self.crossings.setdefault(bar.symbol, Crossing()).see(bar.close)
        if change:
            self.signal("buy" if change > 0 else "sell", bar)

    def equity(self):
        held = sum(units * self.marks[symbol] for symbol, units in self.positions.items())
        return self.cash + held

    def signal(self, side, bar):
        self.counts["signals"] += 1
        held = self.positions.get(bar.symbol, 0)
        if side == "sell":
            quantity = held
        elif held:
            quantity = 0
        else:
            quantity = EQUITY_FRACTION * self.equity() // bar.close
        outcome = self.submit(side, quantity, bar) if quantity else "none"
        self.record("signal", bar, side, quantity, bar.close, outcome=outcome)

    def submit(self, side, quantity, bar):
        self.counts["orders"] += 1
        reserved = Fraction(0)
        if side == "buy":
            reserved = half_even(quantity * bar.close * RESERVE_FACTOR, CENT_DECIMALS)
            if reserved > self.cash - sum(order.reserved for order in self.open_orders.values()):
                self.counts["refusals"] += 1
                return "refused"
        self.open_orders[bar.symbol] = Order(bar.symbol, side, quantity, reserved)
        return "ordered"

    def fill(self, order, bar):
        self.counts["fills"] += 1
        notional = order.quantity * bar.open
        commission = half_even(notional * COMMISSION_RATE, CENT_DECIMALS)
        sign = 1 if order.side == "buy" else -1
        self.cash -= sign * notional + commission
        self.positions[order.symbol] = self.positions.get(order.symbol, 0) + sign * order.quantity
        self.record("fill", bar, order.side, order.quantity, bar.open, commission=text(commission))

    def record(self, kind, bar, side, quantity, price, **more):
        line = {
            "kind": kind,
            "symbol": bar.symbol,
            "bar": bar.date,
            "side": side,
            "quantity": text(quantity),
            "price": text(price),
            **more,
        }
        self.trace(line)

    def summary(self):
        return {**self.counts, "cash": text(self.cash), "equity": text(self.equity())}


def recompute(bars, trace=lambda line: None):
    book = Book(trace)
    for bar in bars:
        book.play(bar)
    return book.summary()


def main():
    parser = argparse.ArgumentParser(description="Recompute the demo from its market data.")
    parser.add_argument("--data", required=True, metavar="FILE", help="csv or csv.gz")
    parser.add_argument(
        "--trace", metavar="FILE", help="write each signal and each fill there, one JSON a line"
    )
    arguments = parser.parse_args()
    bars = read_bars(open_text(arguments.data))
    if arguments.trace is None:
        summary = recompute(bars)
    else:
        with open(arguments.trace, "w", encoding="utf-8") as file:
            summary = recompute(bars, lambda line: file.write(json.dumps(line) + "\n"))
    json.dump(summary, sys.stdout)
    print()


if __name__ == "__main__":
    main()
