"""`fenqi quote` draws what it prices, and `fenqi apr` reads flows as text, as CSV and on dates."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result
from fenqi import Money, Plan, quote
from fenqi.cli import Surroundings, main
from fenqi.cli.plots import svg_plot, terminal_plot
from fenqi.testing import ManualClock

SVG = "{http://www.w3.org/2000/svg}"
QUOTE = ("quote", "--amount", "3999.00", "--plan", "12x0.12", "--on", "2026-11-21")


def run(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(main, list(arguments), obj=Surroundings(clock=ManualClock()), input=given)


def offer(**terms: object):  # type: ignore[no-untyped-def]
    plan = Plan(**{"id": "p", "installments": 12, "annual_rate": "0.12", **terms})  # type: ignore[arg-type]
    return quote(Money(399900, "CNY"), [plan], on=ManualClock().now().date())[0]


class TestPlot:
    """Bars of principal, interest and fee."""

    def test_every_installment_has_a_bar_when_asked(self) -> None:
        plain, drawn = run(*QUOTE), run(*QUOTE, "--plot")
        assert "█" not in plain.output
        bars = [
            line for line in drawn.output.splitlines() if line.endswith(("355.31", "355.27")) and "█" in line
        ]
        assert len(bars) == 12
        assert bars[0].count("▒") > bars[-1].count("▒")

    def test_a_bar_is_as_long_as_its_share_of_the_largest(self) -> None:
        lines = terminal_plot(offer(method="interest_only"), columns=60).splitlines()[1:]
        lengths = [line.count("█") + line.count("▒") for line in lines]
        assert lengths[-1] == max(lengths)
        assert set(lengths[:-1]) == {1 if 39.99 / 4038.99 * lengths[-1] >= 0.5 else 0}

    def test_all_three_parts_are_drawn(self) -> None:
        text = terminal_plot(offer(fee_rate="0.02"), columns=100)
        bar = text.splitlines()[1]
        assert bar.count("█") > bar.count("░") > bar.count("▒") > 0

    def test_a_terminal_without_blocks_gets_ascii(self) -> None:
        for encoding in ("ascii", "no-such-encoding"):
            assert terminal_plot(offer(), encoding=encoding).isascii()

    @pytest.mark.parametrize("columns", [1, 20, 200])
    def test_any_width_gives_a_line_an_installment(self, columns: int) -> None:
        assert len(terminal_plot(offer(), columns=columns).splitlines()) == 13


class TestSvg:
    """The same as a file."""

    def test_the_file_has_a_panel_for_each_offer_and_a_title_for_each_installment(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "offers.svg"
        done = run(*QUOTE, "--plan", "3x0.006:flat_fee", "--svg", str(path))
        assert done.exit_code == 0, done.output
        root = ElementTree.fromstring(path.read_text(encoding="utf-8"))
        titles = [title.text or "" for title in root.iter(f"{SVG}title")]
        assert titles[0] == "12x0.12 CNY 3999.00, 3x0.006:flat_fee CNY 3999.00"
        assert len(titles) == 1 + 12 + 3
        assert "principal CNY 315.32, interest CNY 39.99, fee CNY 0.00, total CNY 355.31" in titles[1]

    def test_a_hostile_plan_name_stays_text(self) -> None:
        hostile = '"><script>alert(1)</script>&'
        root = ElementTree.fromstring(svg_plot([offer(id=hostile)]))
        assert not list(root.iter(f"{SVG}script"))
        assert hostile in "".join(root.itertext())

    def test_columns_stand_on_one_line_and_reach_no_higher_than_the_panel(self) -> None:
        root = ElementTree.fromstring(svg_plot([offer(method="equal_principal")]))
        for group in root.iter(f"{SVG}g"):
            rects = [
                (int(rect.get("y", "")), int(rect.get("height", ""))) for rect in group.iter(f"{SVG}rect")
            ]
            assert max(y + height for y, height in rects) == 44 + 160
            assert sum(height for _, height in rects) <= 160

    def test_a_folder_that_is_not_there_is_said(self, tmp_path: Path) -> None:
        done = run(*QUOTE, "--svg", str(tmp_path / "no" / "a.svg"))
        assert done.exit_code == 1
        assert "No such file" in done.stderr


class TestAprCommands:
    """One command for each law."""

    @pytest.mark.parametrize(
        ("flows", "per_year", "percent"),
        [
            (["--advance", "5000@0", "--payment", "230@1x24"], 12, "9.69"),
            (["--advance", "6000@0", "--payment", "200@1+19/30x36"], 12, "11.82"),
            (["--advance", "5000@0", "--payment", "219.17@6/15x24"], 24, "10.34"),
            (["--advance", "10000@0", "--payment", "385@1+39/90x40"], 4, "8.97"),
            (["--advance", "500@0", "--payment", "17.60@4+4/7x30"], 52, "14.96"),
        ],
    )
    def test_regulation_z_examples_come_out_as_printed(
        self, flows: list[str], per_year: int, percent: str
    ) -> None:
        """12 CFR 1026 Appendix J (c)(1)."""
        done = run("apr", "reg-z", "--currency", "USD", "--per-year", str(per_year), *flows)
        assert done.output == f"{percent} %\n"

    def test_regulation_z_counts_unit_periods_between_dates(self) -> None:
        """Appendix J (c)(1)(ii): advance on 10 February 1978, 36 monthly payments from 1 April on."""
        flows = ("--advance", "6000@1978-02-10", "--payment", "200@1978-04-01x36")
        assert run("apr", "reg-z", "--currency", "USD", *flows).output == "11.82 %\n"

    def test_the_unions_rate_takes_periods_or_dates(self) -> None:
        periods = run("apr", "eu", "--advance", "1000@0", "--payment", "90@1x12", "--json")
        dates = run("apr", "eu", "--advance", "1000@2026-01-15", "--payment", "90@2026-02-15x12", "--json")
        assert json.loads(periods.output) == json.loads(dates.output)
        assert json.loads(dates.output)["percent"] == "15.45 %"
        assert json.loads(dates.output)["annual_rate"].startswith("0.1544")

    def test_a_charge_before_the_drawdown_raises_the_unions_rate(self) -> None:
        late = ("--advance", "1000@2026-03-01", "--payment", "1100@2027-03-01")
        plain = json.loads(run("apr", "eu", *late, "--json").output)["annual_rate"]
        charged = json.loads(run("apr", "eu", *late, "--payment", "20@2026-02-01", "--json").output)
        assert plain == "0.100000000000000"
        assert charged["annual_rate"] > "0.12"

    def test_the_nominal_rate_of_twelve_times_six_per_mille(self) -> None:
        done = run("apr", "irr", "--advance", "12000@0", "--payment", "1072@1x12")
        assert done.output == "13.03 %\n"

    def test_flows_come_from_a_table(self, tmp_path: Path) -> None:
        table = "kind,amount,time,times\nadvance,12000,0,\npayment,1072,1,12\n"
        assert run("apr", "irr", "--csv", "-", given=table).output == "13.03 %\n"
        path = tmp_path / "flows.csv"
        path.write_text("kind, amount, time\nadvance, 1000, 2026-01-01\npayment, 1100, 2027-01-01\n")
        assert run("apr", "eu", "--csv", str(path)).output == "10.00 %\n"

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (["irr", "--advance", "5"], "AMOUNT@TIME[xTIMES]"),
            (["irr", "--advance", "5@x", "--payment", "6@1"], "AMOUNT@TIME"),
            (["irr", "--advance", "5@0"], "at least one --advance and one --payment"),
            (["irr", "--payment", "5@0"], "at least one --advance and one --payment"),
            (["irr", "--advance", "5@1/0", "--payment", "6@1"], "AMOUNT@TIME"),
            (["irr", "--advance", "5@2026-01-01", "--payment", "6@2026-02-01"], "irr counts periods"),
            (["eu", "--advance", "5@2026-02-30", "--payment", "6@2026-03-01"], "2026-02-30"),
            (["eu", "--advance", "5@0", "--payment", "6@2026-03-01"], "every time"),
            (["eu", "--advance", "5@0", "--payment", "6@1x0"], "1 to 999 times"),
            (["--amount", "5", "--payment", "5", "eu"], "own flows"),
            ([], "--amount"),
        ],
    )
    def test_wrong_usage_is_one_sentence_and_exit_code_2(self, arguments: list[str], says: str) -> None:
        done = run("apr", *arguments)
        assert (done.exit_code, done.stdout) == (2, "")
        assert says in done.stderr
        assert "Traceback" not in done.stderr

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (["irr", "--advance", "5.001@0", "--payment", "6@1"], "too many decimals"),
            (["irr", "--advance", "5@0", "--payment", "6@1", "--currency", "XXX"], "ISO 4217"),
            (["eu", "--advance", "5@2026-01-01", "--payment", "6@2026-02-01", "--period", "moon"], "period"),
            (["reg-z", "--advance", "5@2026-02-01", "--payment", "6@2026-01-01"], "lies before"),
            (["irr", "--advance", "1600@0", "--payment", "10000@1", "--advance", "10000@2"], "several"),
        ],
    )
    def test_what_arithmetic_refuses_is_one_sentence_and_exit_code_1(
        self, arguments: list[str], says: str
    ) -> None:
        done = run("apr", *arguments)
        assert (done.exit_code, done.stdout) == (1, "")
        assert says in done.stderr

    @pytest.mark.parametrize(
        ("table", "says"),
        [
            ("", "no column kind"),
            ("kind,amount\nadvance,5\n", "no column time"),
            ("kind,amount,time\ngift,5,0\n", "line 2"),
            ("kind,amount,time,times\nadvance,5,0,\npayment,6,1,1000\n", "line 3"),
            ("kind,amount,time\nadvance,5,soon\n", "line 2"),
        ],
    )
    def test_a_malformed_table_names_the_line_or_column(self, table: str, says: str) -> None:
        done = run("apr", "irr", "--csv", "-", given=table)
        assert done.exit_code == 2
        assert says in done.stderr
