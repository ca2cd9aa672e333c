// deno-lint-ignore-file skychat/globals -- runs in a browser, where there is no Clock
// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="es2023" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** Ties the page together: what comes in goes to the state, and the state to what is shown. */
import { Actions, hidden } from "./actions.js";
import { get } from "./api.js";
import { Composer } from "./composer.js";
import { ConversationList } from "./conversations.js";
import { copy } from "./dialogs.js";
import { element, onceAFrame } from "./dom.js";
import { GroupActions } from "./group_actions.js";
import { GroupDetails } from "./group_details.js";
import { GroupSync } from "./group_sync.js";
import { groupInHash, hashOf, isGroup } from "./groups.js";
import { showHead } from "./head.js";
import { MessageLog } from "./messages.js";
import { People } from "./people.js";
import { markOf, Receipts, rememberMark, seenUntil } from "./receipts.js";
import { ChatState } from "./state.js";
import { Sync } from "./sync.js";
import { keyIn, shortKey } from "./text.js";

/** Milliseconds between two looks at the status. */
const STATUS_MS = 4_000;

const people = new People();
const state = new ChatState(onChange, { now: Date.now, seenUntil, markOf, hidden });
const receipts = new Receipts(state, people);
const actions = new Actions(state, people, {
  onReply: (message) => composer.reply(message, message.out ? "You" : people.nameOf(message.peer)),
  onOpen: go,
  onClose: () => go(""),
  redraw,
});
const groupSync = new GroupSync(state, people, (message) => receipts.announce(message, go));
const groupActions = new GroupActions(state, people, groupSync, { onOpen: go, refresh: look });
const details = new GroupDetails(people, { onOpen: go, onLeft: () => go(""), refresh: look });
const log = new MessageLog({
  menu: (message) => isGroup(message.peer) ? groupActions.menu(message) : actions.menu(message),
  retry: (message) =>
    void (isGroup(message.peer) ? groupActions.again(message) : actions.again(message, false)),
  later: (message) => void actions.again(message, true),
  find: ({ peer, replyTo = "" }) => state.find(peer, replyTo),
  quoted: ({ peer, replyTo = "" }) => {
    const original = state.find(peer, replyTo);
    if (original !== undefined) log.reveal(original);
  },
  nameOf: (key) => people.nameOf(key),
  canWait: ({ peer }) => people.persistent && !isGroup(peer),
  isStranger,
}, {
  more: () => groupSync.mayHaveOlder(state.open),
  read: () => groupActions.readOlder(state.open),
}, () => receipts.look());
const composer = new Composer((text, replyTo) => {
  if (isGroup(state.open)) void groupActions.send(state.open, text);
  else void actions.send(state.open, text, replyTo?.id);
});
const list = new ConversationList(state, people, {
  onOpen: (peer) => {
    list.clearSearch();
    go(peer);
  },
  onHit: (peer, hit) => void openAt(peer, hit),
  later: (action, ms) => void setTimeout(action, ms),
});
const sync = new Sync(state, people, groupSync, {
  onConnection: showConnection,
  onMessage: (message) => receipts.announce(message, go),
  onDeleted: (peer, id) => void actions.deleted(peer, id),
  onReceipt: rememberMark,
  refresh,
});
const drawHead = onceAFrame(() => state.open !== "" && showHead(state.open, people, composer));

/** @param {import("./message.js").Change} change */
function onChange(change) {
  list.drawSoon();
  receipts.count();
  const peer = "message" in change ? change.message.peer : change.peer;
  if (peer !== state.open) return;
  if (change.kind === "added") log.added(change.message, change.last);
  if (change.kind === "changed") log.changed(change.message);
  if (change.kind === "removed") log.removed(change.message);
}

function redraw() {
  list.drawSoon();
  drawHead();
}

/** Opens a conversation, or the list: the address says which, so that "back" works. @param {string} peer */
function go(peer) {
  const hash = hashOf(peer);
  if (peer === state.open || location.hash === `#${hash}`) void show(peer);
  location.hash = hash;
}

/** The conversation that the address names; empty for the list. */
function linkedPeer() {
  const hash = location.hash.slice(1);
  return groupInHash(hash) ?? keyIn(hash) ?? "";
}

/** @param {string} peer empty for the list */
async function show(peer) {
  document.body.dataset.view = peer === "" ? "list" : "chat";
  element("chat", HTMLElement).hidden = peer === "";
  element("welcome", HTMLElement).hidden = peer !== "";
  if (peer === "") {
    state.open = "";
    composer.open("");
    list.focus();
    return redraw();
  }
  const conversation = state.conversation(peer);
  const { unread } = conversation;
  state.show(peer);
  composer.open(peer);
  log.open(conversation.messages, unread);
  redraw();
  // On a phone the keyboard would cover what there is to read.
  if (matchMedia("(hover: hover)").matches) composer.focus();
  receipts.notifying();
  await sync.readConversation(peer).catch(() => {});
}

/** @param {string} peer @param {{ out: boolean, text: string, ts: string }} hit */
async function openAt(peer, hit) {
  location.hash = hashOf(peer);
  await show(peer);
  const message = state.known({ ...hit, peer, id: "" });
  if (message !== undefined) log.reveal(message);
}

/** Reads who is who and how things are. */
async function refresh() {
  const [status, contacts, privacy] = await Promise.all([
    get("status"),
    get("contacts").catch(() => undefined),
    get("privacy").catch(() => undefined),
  ]);
  people.readStatus(status);
  people.canName = contacts !== undefined;
  people.canBlock = privacy !== undefined;
  await readGroups(status);
  if (contacts !== undefined) people.readContacts(contacts);
  if (privacy !== undefined) people.readPrivacy(privacy);
  for (const peer of [...people.connected, ...people.followed]) state.conversation(peer);
  element("own-key", HTMLElement).textContent = shortKey(people.self) || "…";
  element("own-key", HTMLElement).title = people.self;
  element("copy-key", HTMLButtonElement).disabled = people.self === "";
  redraw();
  return status;
}

/** @param {any} status of `/status` */
async function readGroups(status) {
  const runs = Array.isArray(status.groups) && status.groups.length > 0;
  const membersOf = () => String(people.groups.get(state.open)?.members);
  const before = membersOf();
  // A group that is ending or beginning is looked at again soon.
  const groups = runs ? await get("group").catch(() => undefined) : [];
  if (groups !== undefined) people.readGroups(groups);
  if (before !== membersOf()) log.redrawSoon();
  details.refresh();
}

/** Reads how things are, and what came of groups that began or ended. */
async function look() {
  await refresh();
  await groupSync.meet();
  redraw();
}

/** Whether the author of a message is no member of its group. @param {import("./message.js").Message} message */
function isStranger({ peer, sender = "", out, listed }) {
  const members = people.groups.get(peer)?.members;
  return !out && (listed === false || (members !== undefined && !members.includes(sender)));
}

/** Queued messages that wait no more, and of which no event came, were given up. */
async function checkQueued() {
  const queued = [...state.conversations.values()].flatMap(({ messages }) =>
    messages.filter(({ mark }) => mark === "queued")
  );
  if (queued.length === 0) return;
  const waiting = await get("outbox");
  const ids = new Set((waiting ?? []).map((/** @type {{ id: string }} */ { id }) => id));
  for (const message of queued) {
    if (message.mark === "queued" && !ids.has(message.id)) {
      state.fail(message, "It was not delivered in time");
    }
  }
}

/** @param {"live" | "lost"} connection */
function showConnection(connection) {
  const line = element("state", HTMLElement);
  line.dataset.state = connection;
  line.textContent = connection === "live" ? "live" : "reconnecting…";
  if (connection === "live") redraw();
}

function showMore() {
  if (isGroup(state.open)) details.open(state.open);
  else actions.personMenu(state.open);
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (element("dialog", HTMLDialogElement).open) return;
  if ((event.ctrlKey || event.metaKey) && event.key === "k") {
    event.preventDefault();
    element("search", HTMLInputElement).focus();
  }
  if (event.key === "Escape" && state.open !== "") list.focus();
}

/** @param {string} id @param {() => unknown} action */
function onClick(id, action) {
  element(id, HTMLButtonElement).addEventListener("click", action);
}

onClick("copy-key", () => copy(people.self, "Your key"));
onClick("start", () => actions.start());
onClick("start-first", () => actions.start());
onClick("settings", () => actions.settings());
onClick("back", () => go(""));
onClick("groups", () => groupActions.start());
onClick("menu", showMore);
onClick("peer", showMore);
onClick("accept", () => actions.accept(state.open));
onClick("refuse", () => actions.block(state.open, true));
onClick("unblock", () => actions.block(state.open, false));
addEventListener("keydown", onKey);
addEventListener("hashchange", () => {
  const peer = linkedPeer();
  if (peer !== state.open) void show(peer);
});
for (const kind of ["visibilitychange", "focus", "blur"]) {
  addEventListener(kind, () => {
    if (log.atEnd) receipts.look();
    receipts.notifying();
  });
}
setInterval(() => void look().then(checkQueued).catch(() => {}), STATUS_MS);
if (linkedPeer() !== "") void show(linkedPeer());
sync.start();
