"""xAPI Data 2.4.5; IEEE 9274.1.1 4.2.2.4: the result and its score."""

from __future__ import annotations

from typing import Any

import pytest

from elearn.tracking.lrs.rules.check import BadStatement, check_statement
from tests.builders_lrs import a_checked, a_statement
from tests.tracking.lrs.data.judging import VERSIONS, Example, Rule, at, each, judge, judged, wrong


def _result(**what: Any) -> Example:
    return {"result": what}


def _score(**what: Any) -> Example:
    return {"result": {"score": what}}


@judged(
    [
        Rule(
            "XAPI-00006 a result is an object",
            "2.4.5",
            (_result(), _result(success=True, completion=False, response="", duration="PT1S", score={}, extensions={})),
            wrong("/result", at("result"), "x", [], 7, True),
        ),
        *(
            Rule(
                f"{number} {name} is true or false",
                "2.4.5",
                (_result(**{name: True}), _result(**{name: False})),
                wrong(f"/result/{name}", at("result", name), "true", "", 0, 1, None, [], {}),
            )
            for number, name in (("XAPI-00074", "success"), ("XAPI-00075", "completion"))
        ),
        Rule(
            "XAPI-00076 a response is a string, of any length",
            "2.4.5",
            each(lambda one: _result(response=one), "", "{lang=fr}a[,]b", "课\u0000", "x" * 10_000),
            wrong("/result/response", lambda one: _result(response=one), 7, True, None, ["a"], {}),
        ),
        Rule(
            "XAPI-00077 a duration is one of ISO 8601",
            "2.4.5",
            each(lambda one: _result(duration=one), "PT4H35M59.14S", "P4W"),
            wrong("/result/duration", lambda one: _result(duration=one), "PA1H0M0S", "1 h", "", 7, None, {"key": "x"}),
        ),
        Rule(
            "XAPI-00078 a result's extensions are an object with IRIs as keys",
            "4.1",
            (_result(extensions={"http://e/1": [1]}),),
            (
                *wrong("/result/extensions", lambda one: _result(extensions=one), "x", [], 7, None),
                (_result(extensions={"": 1}), "/result/extensions/"),
            ),
        ),
        Rule("XAPI-00010 a result has no other property", "2.2", (), ((_result(grade="A"), "/result/grade"),)),
    ]
)
def test_a_result(rule: Rule) -> None:
    judge(rule)


NOT_NUMBERS: tuple[Any, ...] = ("1", "", True, None, [1], {})


@judged(
    [
        Rule(
            "XAPI-00079 a score is an object of four properties",
            "2.4.5.1",
            (_score(), _score(scaled=0.5, raw=5, min=0, max=10)),
            (
                *wrong("/result/score", lambda one: _result(score=one), 7, "7", [], None),
                (_score(points=1), "/result/score/points"),
            ),
        ),
        Rule(
            "XAPI-00080 max is a number above min",
            "2.4.5.1",
            (_score(max=-7), _score(min=1, max=1.0000001), _score(min=-2, max=-1), _score(min=0, max=2**70)),
            (
                *wrong("/result/score/max", lambda one: _score(max=one), *NOT_NUMBERS),
                (_score(min=1, max=0.9999), "/result/score/min"),
                (_score(min=2**70, max=2**70 - 1), "/result/score/min"),
            ),
        ),
        Rule(
            "XAPI-00081 min is a number below max",
            "2.4.5.1",
            (_score(min=7), _score(min=-1e300)),
            (
                *wrong("/result/score/min", lambda one: _score(min=one), *NOT_NUMBERS),
                (_score(min=1, max=1), "/result/score/min"),
                (_score(min=0.0, max=-0.0), "/result/score/min"),
            ),
        ),
        Rule(
            "XAPI-00082 raw is a number from min to max",
            "2.4.5.1",
            (_score(raw=-1e9), _score(raw=5, min=5), _score(raw=5, max=5), _score(raw=5.0, min=4.9999, max=5)),
            (
                *wrong("/result/score/raw", lambda one: _score(raw=one), *NOT_NUMBERS),
                (_score(raw=4.9999, min=5), "/result/score/raw"),
                (_score(raw=5.0001, max=5), "/result/score/raw"),
                (_score(raw=11, min=0, max=10), "/result/score/raw"),
            ),
        ),
        Rule(
            "XAPI-00083 scaled is a number from -1 to 1",
            "2.4.5.1",
            each(lambda one: _score(scaled=one), -1, -1.0, -0.0, 0, 0.123456789, 1, 1.0),
            (
                *wrong("/result/score/scaled", lambda one: _score(scaled=one), *NOT_NUMBERS),
                *wrong("/result/score/scaled", lambda one: _score(scaled=one), 1.0001, -1.0001, 2, -(10**30), 1e300),
            ),
        ),
    ]
)
def test_a_score(rule: Rule) -> None:
    judge(rule)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("score", "where"),
    [
        ('{"raw": 1e400}', None),
        ('{"raw": -1E+99999, "max": 5}', None),
        ('{"min": -1e400, "max": 1e400, "raw": 0}', None),
        ('{"max": ' + "9" * 5000 + ', "raw": 7}', None),
        ('{"scaled": 1e400}', "/result/score/scaled"),
        ('{"scaled": 1e-400}', None),
        ('{"raw": 1e400, "max": 5}', "/result/score/raw"),
        ('{"raw": ' + "9" * 5000 + ', "max": 5}', "/result/score/raw"),
    ],
)
def test_a_score_beyond_every_machine_word_is_a_number_all_the_same(
    score: str, where: str | None, version: str
) -> None:
    assert a_checked(version, result={"score": {}}).raw.count('"score": {}') == 1
    text = a_checked(version, result={"score": {}}).raw.replace('"score": {}', f'"score": {score}')
    if where is None:
        assert check_statement(text, version).raw == text
    else:
        with pytest.raises(BadStatement) as refused:
            check_statement(text, version)
        assert refused.value.where == where


def test_the_builders_statement_has_no_result() -> None:
    assert "result" not in a_statement()
