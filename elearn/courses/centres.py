"""Pure: what a course is for. Its centre with that centre's audiences and credit, its grade, its industries.

The academy has six centres, each an audience, a catalogue and a credit policy (seed functions A01-A07). Only the first
trains the three posts whose certificates are examined, so only its hours go to exam systems.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Centre(StrEnum):
    """One of the academy's six training centres."""

    POSTS = "posts"
    """企业三项岗位人员培训中心: principals, safety managers, special operators."""
    OFFICIALS = "officials"
    """安全监管监察干部培训中心."""
    EMPLOYEES = "employees"
    """企业从业人员培训中心: three-level, yearly and flexible staff's training."""
    PUBLIC = "public"
    """公众安全素质教育中心."""
    COACHING = "coaching"
    """职业资格考试辅导中心: practice towards an exam, never credit."""
    SIMULATION = "simulation"
    """模拟仿真培训中心: does not replace practice on site."""


class Audience(StrEnum):
    """Whom a course is for."""

    PRINCIPAL = "principal"
    SAFETY_MANAGER = "safety_manager"
    SPECIAL_OPERATOR = "special_operator"
    EMPLOYEE = "employee"
    OFFICIAL = "official"
    PUBLIC = "public"


class Level(StrEnum):
    """How much a course takes for granted."""

    ENTRY = "entry"
    INTERMEDIATE = "intermediate"
    ADVANCED = "advanced"


class Industry(StrEnum):
    """The 26 industries by which courses are found (seed function A10 names their number)."""

    COAL_MINING = "coal_mining"
    OTHER_MINING = "other_mining"
    OIL_AND_GAS = "oil_and_gas"
    HAZARDOUS_CHEMICALS = "hazardous_chemicals"
    FIREWORKS = "fireworks"
    EXPLOSIVES = "explosives"
    METALLURGY = "metallurgy"
    NONFERROUS = "nonferrous"
    BUILDING_MATERIALS = "building_materials"
    MACHINERY = "machinery"
    LIGHT_INDUSTRY = "light_industry"
    TEXTILES = "textiles"
    TOBACCO = "tobacco"
    COMMERCE = "commerce"
    CONSTRUCTION = "construction"
    ROADS = "roads"
    RAILWAYS = "railways"
    SHIPPING = "shipping"
    AVIATION = "aviation"
    ELECTRICITY = "electricity"
    CITY_GAS = "city_gas"
    SPECIAL_EQUIPMENT = "special_equipment"
    FARMING = "farming"
    FISHERIES = "fisheries"
    TOURISM = "tourism"
    EDUCATION = "education"


class Credit(StrEnum):
    """What time studied in a centre's course is worth."""

    EXAM = "exam"
    """Hours that exam systems are told of."""
    OWN = "own"
    """Hours of the learner and the employer; exam systems never hear of them."""
    NONE = "none"
    """Open to everybody, or practice: worth no hours at all."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A centre: whom its courses are for, and what its hours are worth."""

    audiences: frozenset[Audience]
    credit: Credit


_THREE_POSTS = frozenset({Audience.PRINCIPAL, Audience.SAFETY_MANAGER, Audience.SPECIAL_OPERATOR})

POLICIES: Mapping[Centre, Policy] = {
    Centre.POSTS: Policy(_THREE_POSTS, Credit.EXAM),
    Centre.OFFICIALS: Policy(frozenset({Audience.OFFICIAL}), Credit.OWN),
    Centre.EMPLOYEES: Policy(frozenset({Audience.EMPLOYEE}), Credit.OWN),
    Centre.PUBLIC: Policy(frozenset(Audience), Credit.NONE),
    Centre.COACHING: Policy(_THREE_POSTS | {Audience.EMPLOYEE}, Credit.NONE),
    Centre.SIMULATION: Policy(_THREE_POSTS | {Audience.EMPLOYEE}, Credit.OWN),
}

EXPORTING = frozenset(centre for centre, policy in POLICIES.items() if policy.credit is Credit.EXAM)
"""The centres whose hours reach exam systems. The query that writes the log's leaves names them too."""

CENTRES: Mapping[Centre, str] = {
    Centre.POSTS: "Posts that need a certificate",
    Centre.OFFICIALS: "Safety officials",
    Centre.EMPLOYEES: "Enterprise employees",
    Centre.PUBLIC: "Public safety education",
    Centre.COACHING: "Exam coaching",
    Centre.SIMULATION: "Simulation",
}
"""Centre -> its short name (message id); so below."""

CREDITS: Mapping[Credit, str] = {
    Credit.EXAM: "Its hours count towards the exam.",
    Credit.OWN: "Its hours are yours and your employer's; exam systems are not told of them.",
    Credit.NONE: "It earns no hours.",
}

AUDIENCES: Mapping[Audience, str] = {
    Audience.PRINCIPAL: "Principals",
    Audience.SAFETY_MANAGER: "Safety managers",
    Audience.SPECIAL_OPERATOR: "Special operators",
    Audience.EMPLOYEE: "Employees",
    Audience.OFFICIAL: "Officials",
    Audience.PUBLIC: "Everybody",
}

LEVELS: Mapping[Level, str] = {
    Level.ENTRY: "Entry level",
    Level.INTERMEDIATE: "Intermediate",
    Level.ADVANCED: "Advanced",
}

INDUSTRIES: Mapping[Industry, str] = {
    Industry.COAL_MINING: "Coal mining",
    Industry.OTHER_MINING: "Mining other than coal",
    Industry.OIL_AND_GAS: "Oil and gas",
    Industry.HAZARDOUS_CHEMICALS: "Hazardous chemicals",
    Industry.FIREWORKS: "Fireworks",
    Industry.EXPLOSIVES: "Civil explosives",
    Industry.METALLURGY: "Iron and steel",
    Industry.NONFERROUS: "Non-ferrous metals",
    Industry.BUILDING_MATERIALS: "Building materials",
    Industry.MACHINERY: "Machinery",
    Industry.LIGHT_INDUSTRY: "Light industry",
    Industry.TEXTILES: "Textiles",
    Industry.TOBACCO: "Tobacco",
    Industry.COMMERCE: "Commerce",
    Industry.CONSTRUCTION: "Construction",
    Industry.ROADS: "Road transport",
    Industry.RAILWAYS: "Railways",
    Industry.SHIPPING: "Shipping",
    Industry.AVIATION: "Aviation",
    Industry.ELECTRICITY: "Electricity",
    Industry.CITY_GAS: "City gas",
    Industry.SPECIAL_EQUIPMENT: "Special equipment",
    Industry.FARMING: "Farming and farm machines",
    Industry.FISHERIES: "Fisheries",
    Industry.TOURISM: "Tourism",
    Industry.EDUCATION: "Education",
}


def reaches_exams(centre: Centre) -> bool:
    """Whether exam systems are told of hours earned in this centre's courses."""
    return centre in EXPORTING


def out_of_place(centre: Centre, audiences: Collection[Audience]) -> frozenset[Audience]:
    """Those of `audiences` whom this centre does not serve."""
    return frozenset(audiences) - POLICIES[centre].audiences
