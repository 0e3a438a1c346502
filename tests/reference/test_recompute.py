"""Hand-computed cases. Run with `python3 -m unittest discover -s tests/reference`."""

import io
import unittest
from fractions import Fraction

from exact import half_even, parse, text
from recompute import Crossing, read_bars, recompute

HEADER = "symbol,date,open,high,low,close,volume,adj_close\n"

# Twenty closes of 10, then ten of 9: SMA(10) = 9 is below SMA(30) = 9.666..., the first sign.
FALLING = [10] * 20 + [9] * 10


def csv_of(*symbols, opens=None, closes):
    """Rows of one price a bar, the open being the close unless `opens` says otherwise by bar."""
    rows = [HEADER]
    for symbol in symbols:
        for number, close in enumerate(closes):
            opening = (opens or {}).get(number, close)
            rows.append(f"{symbol},{1000 + number},{opening},{close},{close},{close},1,{close}\n")
    return io.StringIO("".join(rows))


def run(*symbols, opens=None, closes):
    lines = []
    summary = recompute(read_bars(csv_of(*symbols, opens=opens, closes=closes)), lines.append)
    return summary, lines


class Amounts(unittest.TestCase):
    def test_a_tie_goes_to_the_even_neighbour(self):
        for value, rounded in [("0.125", "0.12"), ("0.135", "0.14"), ("-0.125", "-0.12")]:
            self.assertEqual(text(half_even(parse(value), 2)), rounded)

    def test_text_is_normalised(self):
        for value, written in [("100.00", "100"), ("-0.0", "0"), ("0.050", "0.05"), ("-1.5", "-1.5")]:
            self.assertEqual(text(parse(value)), written)
        with self.assertRaises(ValueError):
            text(Fraction(1, 3))
        with self.assertRaises(ValueError):
            parse("1e5")


class Bars(unittest.TestCase):
    def test_prices_are_adjusted_and_rounded_half_even(self):
        # Halved: 1.25005 and 1.25015 are ties at the fourth decimal.
        rows = "A,2000-01-03,2.5001,2.5003,2,2,1,1\n"
        (bar,) = read_bars(io.StringIO(HEADER + rows))
        self.assertEqual([text(bar.open), text(bar.high), text(bar.close)], ["1.25", "1.2502", "1"])

    def test_rows_play_by_date_and_then_by_symbol(self):
        rows = "".join(f"{s},{d},1,1,1,1,1,1\n" for s in "BA" for d in ("2000-01-03", "2000-01-04"))
        played = [bar.symbol + bar.date[-1] for bar in read_bars(io.StringIO(HEADER + rows))]
        self.assertEqual(played, ["A3", "B3", "A4", "B4"])


class Signals(unittest.TestCase):
    def signs(self, closes):
        crossing = Crossing()
        return [crossing.see(Fraction(str(close))) for close in closes]

    def test_the_first_sign_is_no_signal(self):
        self.assertEqual(self.signs(FALLING), [0] * 30)

    def test_a_difference_of_zero_keeps_the_sign(self):
        # 18.5 makes 3 x (81 + 18.5) = 280 + 18.5: exactly zero.
        self.assertEqual(self.signs(FALLING + [18.5])[-1], 0)
        self.assertEqual(self.signs(FALLING + [18.5, 9])[-1], 1)
        self.assertEqual(self.signs(FALLING + [18.5, 8])[-1], 0)

    def test_zero_from_the_start_is_no_sign(self):
        self.assertEqual(self.signs([10] * 30 + [11, 1])[-2:], [0, -1])


class Trades(unittest.TestCase):
    def test_a_crossing_there_and_back(self):
        # Bar 31: 10.1 over 10, buy floor(25000 / 20); bar 34: 9.6 under 9.73, sell all.
        closes = FALLING + [20, 20, 1, 1, 2]
        summary, lines = run("A", opens={31: 21}, closes=closes)
        told = [(line["kind"], line["side"], line["quantity"], line["price"]) for line in lines]
        self.assertEqual(
            told,
            [
                ("signal", "buy", "1250", "20"),
                ("fill", "buy", "1250", "21"),
                ("signal", "sell", "1250", "1"),
                ("fill", "sell", "1250", "2"),
            ],
        )
        self.assertEqual([lines[1]["commission"], lines[3]["commission"]], ["26.25", "2.5"])
        # 100000 - 26250 - 26.25 + 2500 - 2.5
        self.assertEqual(summary["cash"], "76221.25")
        self.assertEqual(summary["equity"], "76221.25")

    def test_what_is_open_is_marked_at_the_last_close(self):
        summary, _ = run("A", opens={31: 21}, closes=FALLING + [20, 20])
        # 100000 - 26250 - 26.25, and 1250 x 20 on top.
        self.assertEqual((summary["cash"], summary["equity"]), ("73723.75", "98723.75"))

    def test_an_order_on_the_last_bar_stays_open(self):
        summary, _ = run("A", closes=FALLING + [20])
        self.assertEqual((summary["orders"], summary["fills"]), (1, 0))
        self.assertEqual(summary["cash"], "100000")

    def test_selling_nothing_is_a_signal_but_no_order(self):
        rising = [9] * 20 + [10] * 10
        summary, lines = run("A", closes=rising + [1, 1])
        self.assertEqual((summary["signals"], summary["orders"]), (1, 0))
        self.assertEqual(lines[0]["outcome"], "none")

    def test_a_buy_is_refused_when_reservations_leave_too_little(self):
        # Each reserves 1250 x 20 x 1.001 = 25025; after three, 24925 are left.
        summary, lines = run("A", "B", "C", "D", closes=FALLING + [20])
        self.assertEqual((summary["orders"], summary["refusals"]), (4, 1))
        outcomes = {line["symbol"]: line["outcome"] for line in lines}
        self.assertEqual(
            outcomes, {"A": "ordered", "B": "ordered", "C": "ordered", "D": "refused"}
        )

    def test_a_dearer_open_is_booked_all_the_same(self):
        summary, _ = run("A", opens={31: 100}, closes=FALLING + [20, 20])
        # 100000 - 125000 - 125
        self.assertEqual(summary["cash"], "-25125")


if __name__ == "__main__":
    unittest.main()
