"""Preview, subtitles and the second person's review, as pages."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from elearn.courses import subtitles
from elearn.courses.models import Unit
from elearn.people.models import Account, Role
from tests.builders_courses import a_unit
from tests.builders_people import an_account
from tests.courses.test_subtitles import GOOD
from tests.pages.conftest import Browser, World, text_of

Open = Callable[[Account | None], Browser]


@pytest.fixture
def draft(session: Session, world: World) -> Unit:
    world.course.needs_review = True
    found = a_unit(session, world.lesson, published=False)
    session.commit()
    return found


def test_two_managers_publish_a_draft(session: Session, world: World, browser: Open, draft: Unit) -> None:
    other = an_account(session, Role.INSTITUTION_MANAGER, organisation_id=world.institution.id)
    session.commit()
    path = f"/teaching/units/{draft.id}"
    one = browser(world.manager)
    refused = one.post(f"{path}/publish")
    assert refused.status_code == 409
    assert "A second person must review" in text_of(refused)
    assert "Add a question" in one.page(f"/teaching/lessons/{world.lesson.id}")
    assert one.post(f"{path}/submit").status_code == 303
    assert one.post(f"{path}/submit").status_code == 409
    desk = one.page(f"/teaching/lessons/{world.lesson.id}")
    assert "In review" in desk
    assert "Add a question" not in desk
    assert "Ask no more" not in desk
    own = one.post(f"{path}/approve")
    assert own.status_code == 403
    assert "Somebody else must review" in text_of(own)
    assert "submitted by you" in one.page("/teaching/reviews")
    two = browser(other)
    assert draft.title in two.page("/teaching/reviews")
    assert "Approve and publish" in two.page(f"{path}/preview")
    assert two.post(f"{path}/return", {"note": " "}).status_code == 400
    assert two.post(f"{path}/return", {"note": "第三题有误"}).status_code == 303
    assert "第三题有误" in browser(world.manager).page(f"{path}/preview")
    assert browser(world.manager).post(f"{path}/submit").status_code == 303
    assert browser(world.manager).post(f"{path}/withdraw").status_code == 303
    assert browser(world.manager).post(f"{path}/submit").status_code == 303
    assert browser(other).post(f"{path}/approve").status_code == 303
    session.refresh(draft)
    assert draft.published_at is not None
    assert "Nothing waits for a review" in browser(other).page("/teaching/reviews")


def test_a_preview_is_for_those_who_teach_it(session: Session, world: World, browser: Open, draft: Unit) -> None:
    teacher = an_account(session, Role.TEACHER, organisation_id=world.institution.id)
    session.commit()
    path = f"/teaching/units/{draft.id}/preview"
    page = browser(teacher).page(path)
    assert "earns nobody any time" in page
    assert "Submit for review" not in page
    for account, status in ((world.manager, 200), (world.other_manager, 404), (world.worker, 403), (world.clerk, 403)):
        assert browser(account).get(path).status_code == status
    keys = f"/courses/units/{draft.id}/preview/keys"
    assert browser(teacher).get(f"{keys}/1").data == (1).to_bytes(16, "big")
    assert browser(teacher).get(f"{keys}/99").status_code == 404
    for account, status in ((world.other_manager, 404), (world.worker, 403)):
        for address in (f"{keys}/1", f"/courses/units/{draft.id}/preview.m3u8"):
            assert browser(account).get(address).status_code == status
    assert browser(teacher).get(f"/courses/units/{draft.id}/preview.m3u8").status_code == 404, "no files of this one"


def test_subtitles_are_taken_by_the_page_and_offered_to_the_player(
    session: Session, world: World, browser: Open
) -> None:
    path = f"/teaching/units/{world.unit.id}/subtitles"

    def send(data: bytes, language: str = "zh", by: Account = world.manager) -> tuple[int, str]:
        answer = browser(by).post(path, {"language": language, "file": (io.BytesIO(data), "a.vtt")})
        return answer.status_code, text_of(answer)

    assert send(GOOD.encode())[0] == 303
    assert send(GOOD.encode(), by=world.other_manager)[0] == 404
    status, page = send(b"WEBVTT\n\n00:01,000 --> 00:02.000\nx & y\n")
    assert status == 422
    assert "Line 3 : A time is written" in page
    assert "Line 4 : An & is written" in page
    assert send(GOOD.encode(), language="tlh")[0] == 422
    assert browser(world.manager).post(path, {"language": "zh"}).status_code == 422
    [shown] = subtitles.shown(session, world.unit.id)
    lesson = browser(world.worker).get(f"/learn/{world.unit.id}").text
    assert f'src="/courses/subtitles/{shown.id}.vtt" srclang="zh" label="中文"' in lesson
    gone = browser(world.manager).post(f"/teaching/subtitles/{shown.id}/withdraw")
    assert gone.status_code == 303
    assert subtitles.shown(session, world.unit.id) == []
