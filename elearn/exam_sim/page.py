"""What the simulator shows a person: what it holds and what it answered. Document numbers are masked."""

from __future__ import annotations

from html import escape
from typing import Any

from elearn.exam_sim.beliefs import Belief

STYLE = """
body{font:16px/1.5 system-ui,"Noto Sans SC",sans-serif;margin:0 auto;max-width:70rem;padding:1rem;color:#1c2430}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}
.box{overflow-x:auto}table{border-collapse:collapse;width:100%}
th,td{border-bottom:1px solid #d5dbe3;padding:.4rem .6rem;text-align:left;vertical-align:top}
.id{font-family:ui-monospace,monospace;font-size:.85rem;word-break:break-all;min-width:12rem}
.bad{background:#fde8e6;border-left:4px solid #b3261e;padding:.6rem 1rem}
.quiet{color:#5a6675}
"""

WORDS = {
    "granted": "有效 granted",
    "withdrawn": "已撤回 withdrawn",
    "revoked": "已撤销 revoked",
    "suspended": "已暂停 suspended",
    "superseded": "已更正 superseded",
    "computed": "已计算 computed",
    "submitted": "已提交 submitted",
    "institution_checked": "机构已核 institution checked",
    "regulator_verified": "监管已审 regulator verified",
    "accepted": "接受 accepted",
    "rejected": "退回 rejected",
}


def masked(number: str | None) -> str:
    return f"{number[:3]}***{number[-2:]}" if number and len(number) > 6 else "***"


def page(beliefs: list[Belief], state: dict[str, Any]) -> str:
    rows = "".join(_row(one) for one in reversed(beliefs)) or '<tr><td colspan="5">没有记录 nothing yet</td></tr>'
    receipts = "".join(_receipt(one) for one in reversed(state["receipts"][-50:]))
    return f"""<!doctype html><html lang="zh"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>考试系统模拟器 Exam system simulator</title>
<style>{STYLE}</style></head><body>
<h1>考试系统模拟器 <span class="quiet" lang="en">Exam system simulator</span></h1>
{_trouble(state)}
<h2>持有的记录 <span class="quiet" lang="en">Records held</span></h2>
<div class="box"><table><thead><tr><th>人员 Person</th><th>类别 Category</th><th>状态 Status</th><th>决定 Decision</th>
<th>记录 Record</th></tr></thead><tbody>{rows}</tbody></table></div>
<h2>回执 <span class="quiet" lang="en">Receipts</span></h2>
<div class="box"><table><thead><tr><th>编号 Number</th><th>内容 Says</th><th>发送 Sent</th><th>应答 Answer</th></tr>
</thead><tbody>{receipts}</tbody></table></div>
<h2>学时日志 <span class="quiet" lang="en">Log of hours</span></h2>{_log(state["log"])}
<p class="quiet">推送 Pushes: {sum(one["times"] for one in state["messages"])} ·
<a href="/records.json">records.json</a> · <a href="/state.json">state.json</a></p></body></html>"""


def _row(one: Belief) -> str:
    person, category = one.data.get("person") or {}, one.data.get("category") or {}
    name = person.get("name") or "—"
    cells = (
        f"{escape(name)}<br><span class=quiet>{escape(masked(person.get('document_number')))}</span>",
        escape(str(category.get("name", ""))),
        escape(WORDS.get(one.status, one.status)),
        escape(WORDS.get(one.outcome or "", one.outcome or "—")),
        f"<span class=id>{escape(one.record_id)} v{one.version}</span>",
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _receipt(one: dict[str, Any]) -> str:
    answer = one["answered"] or {}
    says = " ".join(str(one[name]) for name in ("outcome", "code") if one.get(name))
    told = " ".join(str(answer[name]) for name in ("answer", "delivery") if answer.get(name))
    cells = (one["receipt_id"], f"{WORDS.get(says, says)} · {one['record_id']} v{one['version']}", one["sent"], told)
    return "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in cells) + "</tr>"


def _trouble(state: dict[str, Any]) -> str:
    return f'<p class="bad">{escape(state["trouble"])}</p>' if state["trouble"] else ""


def _log(log: dict[str, Any] | None) -> str:
    if log is None:
        return "<p>未监视 not watched</p>"
    if "trouble" in log:
        return f'<p class="bad">{escape(log["trouble"])}</p>'
    alarms = "".join(f'<p class="bad">{escape(alarm)}</p>' for alarm in log["alarms"])
    return (
        f"<p>{escape(str(log['origin']))}: {log['size']} 条 leaves, 已核 {log['checked']} checked, "
        f"警报 {len(log['alarms'])} alarms</p>{alarms}"
    )
