// @xapi/xapi as its readers use it: every resource of the store once. Prints what was observed as one JSON object.
// node xapi.mjs FRONTEND ENDPOINT KEY SECRET
import { createRequire } from "node:module";
import { randomUUID } from "node:crypto";

const [frontend, endpoint, key, secret] = process.argv.slice(2);
const load = createRequire(`${frontend}/package.json`);
const XAPI = load("@xapi/xapi").default ?? load("@xapi/xapi");
const auth = XAPI.toBasicAuth(key, secret);
const agent = { objectType: "Agent", account: { homePage: "https://school.example", name: "w-1001" } };
const activityId = "https://school.example/units/7";
const experienced = { id: "http://adlnet.gov/expapi/verbs/experienced", display: { en: "experienced" } };
const failed = { id: "http://adlnet.gov/expapi/verbs/failed" };
const seen = {};

const status = async (promise) => {
  try {
    return (await promise).status;
  } catch (error) {
    return error.response?.status ?? JSON.parse(error.message).error; // by fetch it tells the body only
  }
};

async function tell(version, adapter) {
  const api = new XAPI({ endpoint, auth, version, adapter });
  const statement = () => ({
    id: randomUUID(),
    actor: agent,
    verb: experienced,
    object: { id: activityId, definition: { name: { en: "Unit 7", "zh-CN": "第七课" } } },
    timestamp: new Date().toISOString(),
  });
  const found = {};
  found.about = (await api.getAbout()).data.version;
  const sent = [statement(), statement(), statement()];
  found.ids = JSON.stringify((await api.sendStatements({ statements: sent })).data) === JSON.stringify(sent.map((one) => one.id));
  const one = statement();
  found.single = (await api.sendStatement({ statement: one })).data[0] === one.id;
  found.again = await status(api.sendStatement({ statement: one }));
  found.conflict = await status(api.sendStatement({ statement: { ...one, verb: failed } }));
  found.got = (await api.getStatement({ statementId: one.id })).data.id === one.id;

  const asked = { agent, verb: experienced.id, activity: activityId, ascending: true, limit: 3, since: sent[0].timestamp };
  const first = (await api.getStatements(asked)).data;
  const second = (await api.getMoreStatements({ more: first.more })).data;
  found.pages = [first.statements.length, second.statements.length, second.more];
  found.order = [...first.statements, ...second.statements].map(({ id }) => id).join() === [...sent, one].map(({ id }) => id).join();

  await api.voidStatement({ actor: agent, statementId: one.id });
  found.voided = [await status(api.getStatement({ statementId: one.id })), (await api.getVoidedStatement({ voidedStatementId: one.id })).data.id === one.id];

  const data = new TextEncoder().encode("a certificate of studying").buffer;
  const hash = Buffer.from(await crypto.subtle.digest("SHA-256", data)).toString("hex");
  const attached = {
    ...statement(),
    attachments: [{
      usageType: "http://id.tincanapi.com/attachment/certificate",
      display: { en: "certificate" }, contentType: "text/plain", length: data.byteLength, sha2: hash,
    }],
  };
  if (adapter === "fetch") { // by axios and node it loses the Content-Type of a multipart body
    found.attached = (await api.sendStatement({ statement: attached, attachments: [data] })).data[0] === attached.id;
    const parts = (await api.getStatement({ statementId: attached.id, attachments: true })).data;
    found.attachment = [parts.length, parts[0].id === attached.id, parts[1]];
  }

  const place = { agent, activityId, stateId: `bookmark-${version}` };
  await api.setState({ ...place, state: { at: 1 } });
  await api.createState({ ...place, state: { more: 2 } });
  found.state = (await api.getState(place)).data;
  found.states = (await api.getStates({ agent, activityId })).data.includes(place.stateId);
  found.dropped = [await status(api.deleteState(place)), await status(api.getState(place))];
  await api.deleteStates({ agent, activityId });

  const profile = { activityId, profileId: `p-${version}` };
  found.profile_new = await status(api.setActivityProfile({ ...profile, profile: { a: 1 }, etag: "*", matchHeader: "If-None-Match" }));
  const kept = await api.getActivityProfile(profile);
  found.profile = kept.data;
  found.profile_stale = await status(api.setActivityProfile({ ...profile, profile: { a: 2 }, etag: '"stale"', matchHeader: "If-Match" }));
  const etag = kept.headers.etag ?? kept.headers.get?.("etag");
  found.profile_set = await status(api.setActivityProfile({ ...profile, profile: { a: 2 }, etag, matchHeader: "If-Match" }));
  found.profiles = (await api.getActivityProfiles({ activityId })).data.includes(profile.profileId);
  found.profile_gone = await status(api.deleteActivityProfile(profile));

  const mine = { agent, profileId: `p-${version}` };
  found.agent_profile_new = await status(api.createAgentProfile({ ...mine, profile: { b: 1 }, etag: "*", matchHeader: "If-None-Match" }));
  found.agent_profile = (await api.getAgentProfile(mine)).data;
  found.agent_profiles = (await api.getAgentProfiles({ agent })).data.includes(mine.profileId);
  found.agent_profile_gone = await status(api.deleteAgentProfile(mine));

  found.person = (await api.getAgent({ agent })).data.objectType;
  found.activity = (await api.getActivity({ activityId })).data.definition?.name?.["zh-CN"];
  found.stranger = await status(new XAPI({ endpoint, auth: XAPI.toBasicAuth("x", "y"), version, adapter }).getStatements());
  return found;
}

for (const version of ["1.0.3", "2.0.0"]) {
  for (const adapter of ["axios", "fetch"]) {
    seen[`${version} ${adapter}`] = await tell(version, adapter).catch((error) => {
      throw new Error(JSON.stringify(error.response?.data ?? error.stack)); // an axios error prints its sockets
    });
  }
}
console.log(JSON.stringify(seen));
