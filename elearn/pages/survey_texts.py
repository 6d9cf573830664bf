"""Words of surveys of training needs: topics to choose from, the ready-made questions, how a survey stands.

A question that was taken from here is kept by its word, so each reader reads it in their own language; what a clerk
wrote is kept, and read, as it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from elearn.locale import gettext as _
from elearn.pages.people import employment_kinds
from elearn.training.plans.survey_rules import MIXED, Question, QuestionKind, SurveyState, Wrong


def topics() -> dict[str, str]:
    """What training is about, most often asked first."""
    return {
        "topic.fire": _("Fire safety and extinguishers"),
        "topic.electricity": _("Safe use of electricity"),
        "topic.height": _("Work at height"),
        "topic.confined": _("Confined spaces"),
        "topic.hot": _("Hot work: welding and cutting"),
        "topic.chemicals": _("Hazardous chemicals"),
        "topic.machines": _("Machines and their guards"),
        "topic.lifting": _("Cranes and lifting"),
        "topic.vehicles": _("Vehicles and forklifts"),
        "topic.ppe": _("Protective equipment"),
        "topic.first_aid": _("First aid"),
        "topic.escape": _("Escape and emergency drills"),
        "topic.hazards": _("Finding hazards around you"),
        "topic.health": _("Dust, noise, poison: health at work"),
        "topic.new": _("New machines and methods"),
        "topic.rights": _("Rights and duties at work"),
        "topic.cases": _("Accidents and what they teach"),
    }


def ready() -> list[Question]:
    """The ready-made questions: a minute to answer."""
    return [
        Question(QuestionKind.SEVERAL, "ready.topics", tuple(topics())),
        Question(QuestionKind.ONE, "ready.way", ("way.phone", "way.site", "way.class", "way.meeting")),
        Question(QuestionKind.ONE, "ready.when", ("when.before", "when.during", "when.after", "when.off")),
        Question(QuestionKind.SCALE, "ready.helped"),
        Question(QuestionKind.TEXT, "ready.else"),
    ]


def said(text: str) -> str:
    """A question or an option in the reader's language."""
    return {
        **topics(),
        "ready.topics": _("Which training would help you most?"),
        "ready.way": _("How do you learn best?"),
        "ready.when": _("When does it suit you?"),
        "ready.helped": _("How far did last year's training help in your work?"),
        "ready.else": _("What else would you like to learn, or tell us?"),
        "way.phone": _("With lessons on the phone"),
        "way.site": _("Shown on site, and tried"),
        "way.class": _("In a classroom"),
        "way.meeting": _("In short talks before the shift"),
        "when.before": _("Before the shift"),
        "when.during": _("In working time"),
        "when.after": _("After the shift"),
        "when.off": _("On days off"),
    }.get(text, text)


def is_subject(question: Question) -> bool:
    """Whether its options are things to learn, which may become lines of a plan."""
    return question.kind.chooses and question.title not in ("ready.way", "ready.when")


def kind_text(kind: QuestionKind) -> str:
    return {
        QuestionKind.ONE: _("choose one"),
        QuestionKind.SEVERAL: _("choose several"),
        QuestionKind.SCALE: _("from 1 to 5"),
        QuestionKind.TEXT: _("in own words"),
    }[kind]


def kind_choices() -> list[tuple[str, str]]:
    return [(one.value, kind_text(one)) for one in QuestionKind]


def wrong_text(wrong: Wrong) -> str:
    return {
        Wrong.NOT_OFFERED: _("Choose one of the answers that are offered."),
        Wrong.ONLY_ONE: _("Choose one answer only."),
        Wrong.TOO_LONG: _("At most 500 characters."),
    }[wrong]


def state_text(state: SurveyState) -> str:
    return {
        SurveyState.DRAFT: _("being written"),
        SurveyState.OPENING: _("being opened"),
        SurveyState.OPEN: _("takes answers"),
        SurveyState.CLOSED: _("closed"),
    }[state]


def state_tone(state: SurveyState) -> str:
    return {SurveyState.OPEN: "good", SurveyState.OPENING: "warn", SurveyState.DRAFT: "warn"}.get(state, "")


def group_text(group: Sequence[str]) -> str:
    """Names of employment kinds that are shown together."""
    kinds = employment_kinds()
    return " + ".join(_("Other kinds") if one == MIXED else kinds.get(one, one) for one in group)


def together(names: Sequence[str]) -> str:
    """Names of units that are shown together."""
    return names[0] if len(names) == 1 else _("%(count)s small units together", count=len(names))


def kinds_text(kinds: Sequence[str]) -> str:
    """Who is asked."""
    known = employment_kinds()
    return ", ".join(known[one] for one in kinds if one in known) or _("all kinds of employment")
