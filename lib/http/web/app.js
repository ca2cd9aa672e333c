// deno-lint-ignore-file skychat/globals -- runs in a browser, where there is no Clock
// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="es2023" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** Ties the page together: events in, status every few seconds, the form out. */
import { fetchStatus, followEvents, sendMessage } from "./api.js";
import { element, showEvent, showSendResult, showState, showStatus } from "./view.js";

/** Milliseconds between two looks at the status. */
const STATUS_MS = 5_000;

const recipient = element("recipient", HTMLInputElement);
const message = element("message", HTMLTextAreaElement);
const form = element("send", HTMLFormElement);
const copy = element("copy-key", HTMLButtonElement);

/** @param {string} peer */
function pickPeer(peer) {
  recipient.value = peer;
  message.focus();
}

async function refreshStatus() {
  try {
    showStatus(await fetchStatus(), pickPeer);
  } catch {
    // The event stream says whether the process is there; the next look will tell more.
  }
}

async function send() {
  const button = element("send", HTMLFormElement).querySelector("button");
  if (button !== null) button.disabled = true;
  try {
    await sendMessage(recipient.value.trim(), message.value);
    message.value = "";
    showSendResult("");
  } catch (error) {
    showSendResult(error instanceof Error ? error.message : String(error));
  } finally {
    if (button !== null) button.disabled = false;
    message.focus();
  }
}

async function copyKey() {
  const key = element("own-key", HTMLElement);
  try {
    await navigator.clipboard.writeText(key.textContent ?? "");
    copy.textContent = "Copied";
    setTimeout(() => copy.textContent = "Copy", 1_500);
  } catch {
    // Browsers give the clipboard to secure pages only; selecting is the next best thing.
    getSelection()?.selectAllChildren(key);
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void send();
});
message.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
});
copy.addEventListener("click", () => void copyKey());
followEvents(showEvent, (state) => {
  showState(state);
  void refreshStatus();
});
setInterval(refreshStatus, STATUS_MS);
void refreshStatus();
