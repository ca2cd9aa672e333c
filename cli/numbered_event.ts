import { unwrapBody, unwrapGroupBody } from "#events";
import { type JsonView, numberField, textField } from "./json_view.ts";
import type { ReceivedEvent } from "./sse_event.ts";

/** An event of `/events` (http-api.md 6) as the message that `/sse` would have shown. */
export function numberedEvent(view: JsonView): ReceivedEvent {
  const direction = textField(view, "dir");
  const unwrap = textField(view, "group_id") === "" ? unwrapBody : unwrapGroupBody;
  return {
    kind: "message",
    direction: direction === "in" || direction === "out" ? direction : "",
    id: textField(view, "id"),
    from: textField(view, "from"),
    to: direction === "out" ? textField(view, "to") : "",
    network: textField(view, "transport"),
    body: unwrap(textField(view, "text")).text,
    length: numberField(view, "len"),
    ts: "",
    seq: numberField(view, "seq"),
    view,
  };
}

/**
 * The number after which a reader is to come back: none for an event that is not on disk, whose number
 * the app may give to another one after a restart (`"kept":false`, which has no `id:` line either).
 */
export function resumableSeq(view: JsonView): number | undefined {
  return view["kept"] === false ? undefined : numberField(view, "seq");
}

/**
 * What makes an event of `/events` this event: an id is only unique for its sender, and a message to
 * oneself is both out and in. Undefined without an id.
 */
export function identityOf(view: JsonView): string | undefined {
  const id = textField(view, "id");
  if (id === "") return undefined;
  return ["dir", "from", "to", "group_id"].map((name) => textField(view, name)).join(" ") +
    ` ${id}`;
}
