"""Pure: a QTI 2.1 package of questions, as `qti` reads it and other programs do.

Left out and named: blanks that take a range of numbers, or numbers and texts mixed; QTI would need a program of
response rules that few players run.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from html import escape

from elearn.courses.questions.formats.draft import Outgoing, Written
from elearn.courses.questions.formats.gift import BLANK
from elearn.courses.questions.formats.qti import APART, EXPLANATION, MANIFEST, PART
from elearn.courses.questions.kinds import (
    Blank,
    Case,
    Content,
    Difficulty,
    Fill,
    Option,
    Ordering,
    Simple,
    Single,
    TrueFalse,
    images_of,
    parts_of,
)

SPACE = "http://www.imsglobal.org/xsd/imsqti_v2p1"
TEMPLATE = "http://www.imsglobal.org/question/qti_v2p1/rptemplates/"
LOM = {Difficulty.EASY: "easy", Difficulty.MEDIUM: "medium", Difficulty.HARD: "difficult"}
AT = (2026, 1, 1, 0, 0, 0)
"""The same questions make the same bytes."""


def write(questions: Sequence[Outgoing], images: dict[str, tuple[str, bytes]]) -> Written:
    """A package; `images`: hash -> (media type, bytes)."""
    out = io.BytesIO()
    left_out, resources, used = [], [], {}
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for one in questions:
            if not all(_can_be_said(part) for part in parts_of(one.content)):
                left_out.append(one.name)
                continue
            pictures = {name: _file_of(name, images) for name in images_of(one.content) if name in images}
            used.update(pictures)
            package.writestr(zipfile.ZipInfo(f"items/{one.name}.xml", AT), _item(one, pictures))
            resources.append(_resource(one, sorted(pictures.values())))
        for name, path in used.items():
            package.writestr(zipfile.ZipInfo(path, AT), images[name][1])
        package.writestr(zipfile.ZipInfo(MANIFEST, AT), _manifest(resources, left_out))
    return Written(out.getvalue(), tuple(left_out))


def _file_of(name: str, images: dict[str, tuple[str, bytes]]) -> str:
    return f"images/{name[:32]}.{'png' if images[name][0] == 'image/png' else 'jpg'}"


def _can_be_said(part: Simple) -> bool:
    if not isinstance(part, Fill):
        return True
    return all(
        bool(blank.texts) != bool(blank.ranges) and all(low == high for low, high in blank.ranges)
        for blank in part.blanks
    )


def _manifest(resources: list[str], left_out: list[str]) -> str:
    note = f"<!-- Not in this package: {' '.join(left_out)} -->\n" if left_out else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{note}'
        '<manifest xmlns="http://www.imsglobal.org/xsd/imscp_v1p1" '
        'xmlns:imsmd="http://www.imsglobal.org/xsd/imsmd_v1p2" identifier="elearn-questions">\n'
        "<metadata><schema>QTIv2.1 Package</schema><schemaversion>1.0.0</schemaversion></metadata>\n"
        f"<organizations/>\n<resources>\n{''.join(resources)}</resources>\n</manifest>\n"
    )


def _resource(one: Outgoing, pictures: list[str]) -> str:
    taxon = (
        "<imsmd:classification><imsmd:purpose><imsmd:value>educational objective</imsmd:value></imsmd:purpose>"
        f"<imsmd:taxonpath><imsmd:taxon><imsmd:id>{escape(one.item_code)}</imsmd:id></imsmd:taxon></imsmd:taxonpath>"
        "</imsmd:classification>"
        if one.item_code
        else ""
    )
    files = "".join(f'<file href="{path}"/>' for path in [f"items/{one.name}.xml", *pictures])
    return (
        f'<resource identifier="q-{one.name}" type="imsqti_item_xmlv2p1" href="items/{one.name}.xml"><metadata>'
        f"<imsmd:lom><imsmd:educational><imsmd:difficulty><imsmd:value>{LOM[one.difficulty]}</imsmd:value>"
        f"</imsmd:difficulty></imsmd:educational>{taxon}</imsmd:lom></metadata>{files}</resource>\n"
    )


def _item(one: Outgoing, pictures: dict[str, str]) -> str:
    content = one.content
    declarations: list[str] = []
    body = _shown(content.stem, content.image, pictures) if isinstance(content, Case) else ""
    for part in parts_of(content):
        asked = _asked(part, pictures, declarations)
        body += f'<div class="{PART}">{asked}</div>' if isinstance(content, Case) else asked
    responses = len(declarations)
    feedback = (
        f'<modalFeedback outcomeIdentifier="FEEDBACK" identifier="{EXPLANATION}" showHide="show">'
        f"{_lines(content.explanation)}</modalFeedback>"
        if content.explanation
        else ""
    )
    outcome = (
        '<outcomeDeclaration identifier="FEEDBACK" cardinality="single" baseType="identifier"/>' if feedback else ""
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<assessmentItem xmlns="{SPACE}" identifier="q-{one.name}" '
        f'title="{one.name}" adaptive="false" timeDependent="false">\n{"".join(declarations)}'
        f'<outcomeDeclaration identifier="SCORE" cardinality="single" baseType="float"/>{outcome}\n'
        f"<itemBody>{body}</itemBody>\n{_processing(responses, content)}{feedback}</assessmentItem>\n"
    )


def _processing(responses: int, content: Content) -> str:
    if responses == 1:
        rule = "map_response" if isinstance(content, Fill) and content.blanks[0].texts else "match_correct"
        return f'<responseProcessing template="{TEMPLATE}{rule}"/>'
    return (
        "<responseProcessing>"
        + "".join(
            f'<responseCondition><responseIf><match><variable identifier="{name}"/><correct identifier="{name}"/>'
            '</match><setOutcomeValue identifier="SCORE"><sum><variable identifier="SCORE"/>'
            '<baseValue baseType="float">1'
            "</baseValue></sum></setOutcomeValue></responseIf></responseCondition>"
            for name in (_name(place) for place in range(responses))
        )
        + "</responseProcessing>"
    )


def _name(place: int) -> str:
    return "RESPONSE" if place == 0 else f"RESPONSE{place + 1}"


def _asked(part: Simple, pictures: dict[str, str], declarations: list[str]) -> str:
    """The body of one question; what is right goes to `declarations`."""
    if isinstance(part, Fill):
        return _blanks(part, pictures, declarations)
    name = _name(len(declarations))
    if isinstance(part, Ordering):
        # Written in another order than the right one, which players that do not shuffle would show.
        lines = sorted(enumerate(part.lines), key=lambda pair: (pair[1].text, pair[1].image or ""))
        declarations.append(_declared(name, "ordered", [f"c{place}" for place in range(len(part.lines))]))
        choices = "".join(_choice(f"c{place}", line, pictures) for place, line in lines)
        tag, limits = "orderInteraction", ""
    elif isinstance(part, TrueFalse):
        declarations.append(_declared(name, "single", [str(part.correct).lower()]))
        choices = _choice("true", Option("对"), pictures) + _choice("false", Option("错"), pictures)
        tag, limits = "choiceInteraction", ' maxChoices="1"'
    else:
        single = isinstance(part, Single)
        right = [part.correct] if isinstance(part, Single) else list(part.correct)
        declarations.append(_declared(name, "single" if single else "multiple", [f"c{place}" for place in right]))
        choices = "".join(_choice(f"c{place}", option, pictures) for place, option in enumerate(part.options))
        tag, limits = "choiceInteraction", f' maxChoices="{1 if single else 0}"'
    return (
        f'{_shown(part.stem, part.image, pictures)}<{tag} responseIdentifier="{name}" shuffle="true"{limits}>'
        f"{choices}</{tag}>"
    )


def _declared(name: str, cardinality: str, values: list[str]) -> str:
    said = "".join(f"<value>{value}</value>" for value in values)
    return (
        f'<responseDeclaration identifier="{name}" cardinality="{cardinality}" baseType="identifier">'
        f"<correctResponse>{said}</correctResponse></responseDeclaration>\n"
    )


def _blanks(part: Fill, pictures: dict[str, str], declarations: list[str]) -> str:
    gaps = []
    for blank in part.blanks:
        name = _name(len(declarations))
        declarations.append(_declared_blank(name, blank))
        gaps.append(f'<textEntryInteraction responseIdentifier="{name}"/>')
    pieces = part.stem.split(BLANK)
    if len(pieces) != len(gaps) + 1:
        return f'{_shown(part.stem, part.image, pictures)}<p class="{APART}">{" ".join(gaps)}</p>'
    text = "".join(_lines(piece) + gap for piece, gap in zip(pieces, [*gaps, ""], strict=True))
    return f"<p>{text}</p>{_image(part.image, pictures)}"


def _declared_blank(name: str, blank: Blank) -> str:
    if blank.ranges:
        return (
            f'<responseDeclaration identifier="{name}" cardinality="single" baseType="float"><correctResponse>'
            f"<value>{blank.ranges[0][0]}</value></correctResponse>{_mapping([low for low, _ in blank.ranges])}"
            "</responseDeclaration>\n"
        )
    return (
        f'<responseDeclaration identifier="{name}" cardinality="single" baseType="string"><correctResponse>'
        f"<value>{escape(blank.texts[0])}</value></correctResponse>{_mapping(list(blank.texts))}"
        "</responseDeclaration>\n"
    )


def _mapping(keys: list[str]) -> str:
    entries = "".join(f'<mapEntry mapKey="{escape(key)}" mappedValue="1"/>' for key in keys)
    return f'<mapping defaultValue="0">{entries}</mapping>'


def _choice(name: str, option: Option, pictures: dict[str, str]) -> str:
    return f'<simpleChoice identifier="{name}">{_lines(option.text)}{_image(option.image, pictures)}</simpleChoice>'


def _shown(text: str, image: str | None, pictures: dict[str, str]) -> str:
    return f"<p>{_lines(text)}</p>{_image(image, pictures)}"


def _image(image: str | None, pictures: dict[str, str]) -> str:
    return f'<p><img src="../{pictures[image]}" alt=""/></p>' if image in pictures and image else ""


def _lines(text: str) -> str:
    return "<br/>".join(escape(line) for line in text.split("\n"))
