// deno-lint-ignore-file skychat/globals -- runs in a browser, where there is no Clock
// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="es2023" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** What the page asks of the process it came from. Addresses are relative, for proxies with a prefix. */

/** Milliseconds before an event stream that was refused is asked for again. */
const RETRY_MS = 3_000;

/**
 * The process's own view of itself.
 *
 * @returns {Promise<Record<string, unknown>>}
 */
export async function fetchStatus() {
  const reply = await fetch("./status");
  if (!reply.ok) throw new Error((await reply.text()).trim());
  return await reply.json();
}

/**
 * Sends a message and asks for a receipt; throws an error with the server's text.
 *
 * @param {string} recipient
 * @param {string} message
 * @returns {Promise<void>}
 */
export async function sendMessage(recipient, message) {
  const reply = await fetch("./message", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ recipient, message, receipts: true }),
  });
  if (!reply.ok) throw new Error((await reply.text()).trim());
}

/**
 * Follows the event stream for as long as the page is open.
 *
 * @param {(event: Record<string, unknown>) => void} onEvent
 * @param {(state: "live" | "lost") => void} onState
 */
export function followEvents(onEvent, onState) {
  const source = new EventSource("./sse");
  source.addEventListener("open", () => onState("live"));
  source.addEventListener("message", ({ data }) => {
    const event = readEvent(String(data));
    if (event !== undefined) onEvent(event);
  });
  source.addEventListener("error", () => {
    onState("lost");
    // The browser comes back by itself, except when the server answered with an error.
    if (source.readyState !== EventSource.CLOSED) return;
    setTimeout(() => followEvents(onEvent, onState), RETRY_MS);
  });
}

/**
 * @param {string} text
 * @returns {Record<string, unknown> | undefined}
 */
function readEvent(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
