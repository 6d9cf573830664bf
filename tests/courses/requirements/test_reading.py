"""A catalogue file is read whole or refused with every error, each with its line and its place in words."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elearn.courses.requirements.reading import BadCatalogue, read

HEAD = 'catalogue: elearn-requirements\nversion: "2026-11"\n'
ROW = "id: x, effective_from: 2026-06-01, confirmed: true"
MANAGER = "categories:\n  - {" + ROW + ", name: 甲, group: manager, hours: {initial: "


def errors(text: str) -> list[str]:
    with pytest.raises(BadCatalogue) as refused:
        read(text)
    return [str(one) for one in refused.value.problems]


def test_a_small_catalogue_is_read() -> None:
    file = read(
        HEAD + "class_hours:\n"
        "  - {id: short, modality: online, minutes: 30, effective_from: 2024-07-01, confirmed: true}\n"
        "categories:\n"
        "  - id: welder\n    name: 焊工\n    group: special_operation\n    effective_from: 2024-07-01\n"
        "    confirmed: true\n    hours: {initial: {total: 108, theory: 68, practice: 40}}\n"
    )
    assert (file.version, [(section, row.id) for section, row in file.rows]) == (
        "2026-11",
        [("class_hours", "short"), ("categories", "welder")],
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: a catalogue is a mapping of sections"),
        ("- 1\n", "line 1: a catalogue is a mapping of sections"),
        ("a: [1,\n", "line 2: this is no YAML: "),
        ("catalogue: x\n" + HEAD[31:], "line 1: catalogue: must be elearn-requirements"),
        (HEAD + "classes: []\n", "line 3: classes: there is no such section"),
        (HEAD + "categories: 3\n", "line 3: categories: a section is a list of rows"),
        (HEAD + "categories:\n  - 3\n", "line 4: categories[0]: a row is a mapping of fields"),
        (HEAD + "version: again\n", "line 3: version: stands twice"),
        (HEAD + "class_hours:\n  - &a {id: x}\n", "line 4: anchors and aliases are not taken"),
        (HEAD + "class_hours:\n  - !!python/object:os.system {}\n", "line 4: class_hours[0]"),
        (HEAD + "class_hours:\n  - {" + ROW + ", modality: online}\n", "line 4: class_hours[0]: minutes is missing"),
        (
            HEAD + "class_hours:\n  - {" + ROW + ', modality: online, minutes: "30"}\n',
            "line 4: class_hours[0].minutes: Expected int, got str",
        ),
        (
            HEAD + "class_hours:\n  - {" + ROW + ", modality: online,\n     minutes: 0}\n",
            "line 5: class_hours[0].minutes: Expected int >= 1",
        ),
        (
            HEAD + "class_hours:\n  - {" + ROW + ", modality: radio, minutes: 30}\n",
            "line 4: class_hours[0].modality: Invalid enum value 'radio'",
        ),
        (
            HEAD + "class_hours:\n  - {" + ROW + ", modality: online, minutes: 30, region: Yunnan}\n",
            "line 4: class_hours[0]: region: six digits of GB/T 2260, or CN",
        ),
        (
            HEAD + "class_hours:\n  - {" + ROW.replace("06-01", "02-30") + ", modality: online, minutes: 30}\n",
            "line 4: class_hours[0].effective_from: Invalid RFC3339",
        ),
        (
            HEAD + "class_hours:\n  - {" + ROW + ", effective_to: 2026-05-31, modality: online, minutes: 30}\n",
            "line 4: class_hours[0]: effective_to: before effective_from",
        ),
        (
            HEAD + "class_hours:\n  - {" + ROW + ", modality: online, minutes: 30, colour: red}\n",
            "line 4: class_hours[0].colour: there is no such field",
        ),
        (
            HEAD + "modality_limits:\n  - {" + ROW + ", kind: practice, online_max_percent: 10}\n",
            "line 4: modality_limits[0]: online_max_percent: practice counts on site only, so it is 0",
        ),
        (
            HEAD + MANAGER + "{total: 9, theory: 5, practice: 5}}}\n",
            "line 4: categories[0]: hours.initial: theory and practice do not make the total",
        ),
        (
            HEAD + MANAGER + "{total: 9, theory: 9}}}\n",
            "line 4: categories[0]: hours.initial: theory and practice are both known, or neither is",
        ),
        (HEAD + "prerequisites:\n  - {" + ROW + "}\n", "line 4: prerequisites[0]: asks for nothing"),
        (HEAD + "credit_rules:\n  - {" + ROW + "}\n", "line 4: credit_rules[0]: says nothing"),
        (HEAD + "retention:\n  - {" + ROW + ", what: 档}\n", "line 4: retention[0]: name years or months"),
        (
            HEAD + "certificates:\n  - {" + ROW + ", certificate: 证, groups: [], retraining_after_failure: true}\n",
            "line 4: certificates[0]: groups: at least one",
        ),
        (
            HEAD + "regions:\n  - {" + ROW + ", name: 某地}\n",
            "line 4: regions[0]: id: six digits of GB/T 2260",
        ),
        (
            HEAD + "regions:\n" + 2 * "  - {id: '530000', effective_from: 2026-06-01, confirmed: true, name: 云南省}\n",
            "line 5: regions[1]: 530000 of CN from 2026-06-01 stands twice",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(text: str, said: str) -> None:
    assert any(one.startswith(said) for one in errors(text)), errors(text)


def test_all_that_is_wrong_is_told_at_once_in_the_order_of_lines() -> None:
    found = errors(
        HEAD + "class_hours:\n  - {id: a b, modality: online, minutes: x}\n  - {id: c}\nfoo: 1\ncategories:\n  - 3\n"
    )
    assert [one.partition(":")[0] for one in found] == [
        "line 4", "line 4", "line 4", "line 4", "line 5", "line 5", "line 5", "line 5", "line 6", "line 8",
    ]  # fmt: skip


def test_a_file_without_end_or_bottom_is_not_read() -> None:
    assert len(errors("[" * 100_000)) == 1
    assert "nested too deeply" in errors(HEAD + "class_hours: " + "[" * 50 + "]" * 50 + "\n")[0]
    assert errors(HEAD + "#" * 4_000_001) == ["larger than 4 MB"]


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab:-{}[]&*!|>#'\" \n0", max_size=80))
def test_no_text_ends_in_anything_but_rows_or_errors(text: str) -> None:
    with contextlib.suppress(BadCatalogue):
        read(HEAD + "class_hours:\n" + text)
