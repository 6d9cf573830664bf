// tincanjs as its readers use it. Prints what was observed as one JSON object.
// node tincan.mjs FRONTEND ENDPOINT KEY SECRET
import { createRequire } from "node:module";

const [frontend, endpoint, username, password] = process.argv.slice(2);
const TinCan = createRequire(`${frontend}/package.json`)("tincanjs");
const lrs = new TinCan.LRS({ endpoint, username, password, allowFail: false });
const agent = new TinCan.Agent({ account: { homePage: "https://school.example", name: "w-1001" } });
const activity = new TinCan.Activity({ id: "https://school.example/units/7", definition: { name: { en: "Unit 7" } } });
const verb = new TinCan.Verb({ id: "http://adlnet.gov/expapi/verbs/experienced", display: { en: "experienced" } });
const statement = () => new TinCan.Statement({ actor: agent, verb, object: activity });

const call = (name, ...rest) =>
  new Promise((resolve) => {
    const cfg = rest.pop() ?? {};
    lrs[name](...rest, { ...cfg, callback: (err, result) => resolve({ err, result, status: typeof err === "number" ? err : result?.status }) });
  });

const seen = {};
const sent = [statement(), statement(), statement()];
seen.many = (await call("saveStatements", sent, {})).err;
const one = statement();
seen.single = (await call("saveStatement", one, {})).err;
seen.again = (await call("saveStatement", one, {})).err;
seen.got = (await call("retrieveStatement", one.id, {})).result.id === one.id;
seen.conflict = (await call("saveStatement", new TinCan.Statement({ id: one.id, actor: agent, verb: { id: "http://a/other" }, object: activity }), {})).err;

const first = (await call("queryStatements", { params: { agent, verb, activity, limit: 3, ascending: true } })).result;
const second = (await call("moreStatements", { url: first.more })).result;
seen.pages = [first.statements.length, second.statements.length];
seen.order = [...first.statements, ...second.statements].map(({ id }) => id).join() === [...sent, one].map(({ id }) => id).join();

const voiding = new TinCan.Statement({ actor: agent, verb: { id: "http://adlnet.gov/expapi/verbs/voided" }, object: { objectType: "StatementRef", id: one.id } });
seen.voiding = (await call("saveStatement", voiding, {})).err;
seen.voided = [(await call("retrieveStatement", one.id, {})).err, (await call("retrieveVoidedStatement", one.id, {})).result.id === one.id];

const attachment = new TinCan.Attachment({ usageType: "http://id.tincanapi.com/attachment/certificate", display: { en: "c" }, contentType: "text/plain" });
attachment.setContentFromString("a certificate of studying");
const attached = new TinCan.Statement({ actor: agent, verb, object: activity, attachments: [attachment] });
seen.attached = (await call("saveStatement", attached, {})).err;
const back = (await call("retrieveStatement", attached.id, { params: { attachments: true } })).result;
seen.attachment = back.attachments?.[0]?.getContentAsString?.();

seen.state_saved = (await call("saveState", "bookmark", { at: 3 }, { agent, activity, contentType: "application/json" })).err;
seen.state = (await call("retrieveState", "bookmark", { agent, activity })).result?.contents;
seen.states = (await call("retrieveStateIds", { agent, activity })).result;
seen.state_dropped = (await call("dropState", "bookmark", { agent, activity })).err;
seen.state_gone = (await call("retrieveState", "bookmark", { agent, activity })).result;

seen.profile_saved = (await call("saveActivityProfile", "p", { a: 1 }, { activity, contentType: "application/json" })).err;
const kept = (await call("retrieveActivityProfile", "p", { activity })).result;
seen.profile = kept?.contents;
seen.profile_again = (await call("saveActivityProfile", "p", { a: 2 }, { activity, contentType: "application/json", lastSHA1: kept?.etag })).err;
seen.profile_stale = (await call("saveActivityProfile", "p", { a: 3 }, { activity, contentType: "application/json", lastSHA1: kept?.etag })).err;
seen.profile_dropped = (await call("dropActivityProfile", "p", { activity })).err;
seen.agent_profile_saved = (await call("saveAgentProfile", "p", { b: 1 }, { agent, contentType: "application/json" })).err;
seen.agent_profile = (await call("retrieveAgentProfile", "p", { agent })).result?.contents;
seen.agent_profile_dropped = (await call("dropAgentProfile", "p", { agent })).err;
seen.activity = (await call("retrieveActivity", activity.id, {})).result?.definition?.name;
console.log(JSON.stringify(seen));
