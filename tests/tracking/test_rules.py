"""A catalogue of rules is checked whole before any of it holds, and what was loaded is never changed."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import date

import pytest
import yaml

from elearn.tracking import policies
from elearn.tracking.policy import Policy
from elearn.tracking.rules import RANGES, SAME_EVERYWHERE, BadRules, Plan, Rule, plan, read, regions_for

TODAY = date(2026, 6, 20)
FAST = replace(Policy(), rate_max_permille=1_250, real_hours=True)


def a_rule(
    region: str | None = None, begins: date = date(2026, 1, 1), ends: date | None = None, policy: Policy | None = None
) -> Rule:
    return Rule(region, begins, ends, policy or Policy())


def test_the_catalogue_that_is_shipped_says_every_value_and_they_are_models() -> None:
    text = policies.SHIPPED.read_text(encoding="utf-8")
    [rule] = read(text)
    assert rule == Rule(None, date(2024, 7, 1), None, Policy())
    assert list(yaml.safe_load(text)["rules"][0]["values"]) == list(asdict(Policy())), "each value, in Policy's order"


def test_every_number_has_a_range_that_holds_models_value() -> None:
    numbers = {name: value for name, value in asdict(Policy()).items() if type(value) is int}
    assert set(RANGES) == set(numbers) - set(SAME_EVERYWHERE)
    for name, (least, most) in RANGES.items():
        assert least <= numbers[name] <= most, name


def test_what_a_rule_leaves_out_has_models_value() -> None:
    text = """
    rules:
      - {region: 530000, from: 2026-07-01, to: 2026-12-31, values: {rate_max_permille: 1250, real_hours: true}}
      - {region: everywhere, from: 2026-01-01}
    """
    assert read(text) == [a_rule("530000", date(2026, 7, 1), date(2026, 12, 31), FAST), a_rule()]


def entry(**changes: str) -> str:
    said = {"region": "everywhere", "from": "2026-01-01"} | {name.rstrip("_"): text for name, text in changes.items()}
    return "rules: [{" + ", ".join(f"{name}: {text}" for name, text in said.items()) + "}]"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("rules: [", "this is not YAML"),
        ("", "a catalogue is one list called rules"),
        ("rules: {}", "a catalogue is one list called rules"),
        ("rules: []\nmore: 1", "a catalogue is one list called rules"),
        ("rules: [1]", "rule 1: a rule has region, from, to and values"),
        (entry(region="yunnan"), "region is 'everywhere' or the six digits of GB/T 2260, not 'yunnan'"),
        (entry(region="'053000'"), "not '053000'"),
        ("rules: [{from: 2026-01-01}]", "region is 'everywhere'"),
        (entry(from_="soon"), "from is a day like 2026-06-01, not 'soon'"),
        (entry(from_="2026-01-01 10:00:00"), "from is a day like"),
        (entry(to="never"), "to is a day like 2026-06-01, not 'never'"),
        (entry(to="2025-12-31"), "it ends (2025-12-31) before it begins (2026-01-01)"),
        (entry(until="2026-12-31"), "'until' is no part of a rule"),
        (entry(values="7"), "values are names with a value each"),
        (entry(values="{rate_max: 1250}"), "there is no value 'rate_max'; is rate_max_permille meant?"),
        (entry(values="{rate_max_permille: 1.25}"), "is a whole number from 1000 to 2000, not 1.25"),
        (entry(values="{rate_max_permille: 16000}"), "is a whole number from 1000 to 2000, not 16000"),
        (entry(values="{day_cap_ms: -1}"), "day_cap_ms is a whole number from 0 to 86400000, not -1"),
        (entry(values="{day_cap_ms: true}"), "not True"),
        (entry(values='{day_cap_ms: "8h"}'), "not '8h'"),
        (entry(values="{lead_ms: 14999}"), "lead_ms is a whole number from 15000"),
        (entry(values="{real_hours: 1}"), "real_hours is true or false, not 1"),
        (entry(values="{zone: Beijing}"), "zone is no time zone of the IANA: 'Beijing'"),
        (entry(values="{presence_methods: question}"), "presence_methods is a list of words, not 'question'"),
        (entry(values="{presence_methods: [guess]}"), "presence_methods are one or more of"),
        (entry(values="{presence_methods: []}"), "presence_methods are one or more of"),
        (entry(values="{tail_permille: 500}"), "tail_permille is 10 everywhere"),
        (entry(values="{presence_min_ms: 900001}"), "presence_min_ms <= presence_max_ms"),
        (entry(values="{day_cap_ms: 1, day_cap_ms: 2}"), "day_cap_ms twice"),
        ("rules: [{region: everywhere, from: 2026-01-01}, {region: everywhere, from: 2026-05-01}]", "rule 2: overlaps"),
    ],
)
def test_a_catalogue_with_a_mistake_is_refused_and_the_mistake_is_named(text: str, sentence: str) -> None:
    with pytest.raises(BadRules) as refused:
        read(text)
    assert sentence in str(refused.value)


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(BadRules) as refused:
        read(entry(region="x", to="y", values="{a: 1, reorder: 0}"))
    assert len(refused.value.problems) == 4


@pytest.mark.parametrize(
    ("why", "first", "second", "overlap"),
    [
        ("the next day", a_rule(ends=date(2026, 5, 31)), a_rule(begins=date(2026, 6, 1)), False),
        ("the last day is in force", a_rule(ends=date(2026, 6, 1)), a_rule(begins=date(2026, 6, 1)), True),
        ("both open", a_rule(), a_rule(begins=date(2027, 1, 1)), True),
        ("other regions", a_rule("530000"), a_rule("530100"), False),
        ("a region and everywhere", a_rule("530000"), a_rule(), False),
        ("one day within", a_rule(), a_rule(begins=TODAY, ends=TODAY), True),
    ],
)
def test_one_region_has_one_rule_a_day(why: str, first: Rule, second: Rule, overlap: bool) -> None:
    assert (first.overlaps(second), second.overlaps(first)) == (overlap, overlap), why


def test_the_nearest_region_comes_first() -> None:
    assert regions_for("530102") == ["530102", "530100", "530000"]
    assert regions_for("530000") == ["530000"]
    assert regions_for(None) == []


def test_loading_again_changes_nothing() -> None:
    loaded = [a_rule(), a_rule("530000", policy=FAST)]
    assert plan(loaded, loaded, today=TODAY) == Plan((), (), tuple(loaded))


def test_rules_that_the_catalogue_does_not_name_stay() -> None:
    assert plan([a_rule()], [a_rule("530000")], today=TODAY) == Plan((), (a_rule("530000"),), ())


def test_an_open_rule_is_ended_and_another_begins() -> None:
    ended, following = a_rule(ends=date(2026, 6, 30)), a_rule(begins=date(2026, 7, 1), policy=FAST)
    assert plan([a_rule()], [ended, following], today=TODAY) == Plan((ended,), (following,), ())


@pytest.mark.parametrize(
    ("why", "loaded", "wanted", "sentence"),
    [
        ("other values", a_rule(), a_rule(policy=FAST), "loaded with other values (rate_max_permille, real_hours)"),
        ("an end in the past", a_rule(), a_rule(ends=date(2026, 6, 19)), "cannot be ended before today, 2026-06-20"),
        ("another end", a_rule(ends=date(2026, 9, 1)), a_rule(ends=date(2026, 8, 1)), "has its last day already"),
        ("open again", a_rule(ends=date(2026, 9, 1)), a_rule(), "has its last day already"),
        ("overlap", a_rule(), a_rule(begins=date(2026, 7, 1)), "overlaps with everywhere from 2026-01-01"),
        ("overlap before", a_rule(), a_rule(begins=date(2025, 7, 1)), "overlaps with everywhere from 2026-01-01"),
    ],
)
def test_what_was_loaded_is_never_changed(why: str, loaded: Rule, wanted: Rule, sentence: str) -> None:
    with pytest.raises(BadRules) as refused:
        plan([loaded], [wanted], today=TODAY)
    assert sentence in str(refused.value), why


def test_a_rule_may_end_today() -> None:
    assert plan([a_rule()], [a_rule(ends=TODAY)], today=TODAY).end == (a_rule(ends=TODAY),)
