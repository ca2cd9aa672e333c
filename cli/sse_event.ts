import { type JsonView, numberField, textField } from "./json_view.ts";

/** What an event of `/sse` is (http-api.md 5.3). */
export type SseKind = "message" | "seed" | "control";

/** An event of `/sse`, read for printing. Empty texts: absent. */
export interface ReceivedEvent {
  readonly kind: SseKind;
  readonly direction: "in" | "out" | "";
  readonly id: string;
  /** Author's key; empty when the event does not say. */
  readonly from: string;
  readonly to: string;
  readonly network: string;
  readonly body: string;
  readonly length: number | undefined;
  /** Time of a stored message. */
  readonly ts: string;
  /** Its number, on `/events`. */
  readonly seq?: number | undefined;
  /** The object as it came. */
  readonly view: JsonView;
}

/** Reads an event by the keys it has. */
export function receivedEvent(view: JsonView): ReceivedEvent {
  const common = {
    id: textField(view, "id"),
    body: textField(view, "message"),
    length: numberField(view, "len"),
    network: textField(view, "network"),
    view,
  };
  if (view["history"] === "true") return { ...common, kind: "seed", ...seedParties(view) };
  const control = textField(view, "channel") !== "" && !Object.hasOwn(view, "message");
  const direction = textField(view, "dir");
  return {
    ...common,
    kind: control ? "control" : "message",
    direction: direction === "in" || direction === "out" ? direction : "",
    from: textField(view, "sender"),
    to: textField(view, "to"),
    ts: "",
  };
}

/** A stored message names the conversation and either its author's key or `self`. */
function seedParties(view: JsonView): Pick<ReceivedEvent, "direction" | "from" | "to" | "ts"> {
  const sender = textField(view, "sender");
  const ts = textField(view, "ts");
  return sender === "self"
    ? { direction: "out", from: "", to: textField(view, "peer"), ts }
    : { direction: "in", from: sender, to: "", ts };
}

/**
 * What makes an event this event, for not printing it twice. Keyed by the parties as well as the id,
 * since an id is only unique for its sender (messages.md 3.1); undefined when nothing does.
 */
export function identityOfEvent(event: ReceivedEvent): string | undefined {
  const { view, id, body } = event;
  const parties = `${event.kind} ${event.direction} ${event.from} ${event.to}`;
  if (event.kind === "seed") return `${parties} ${event.ts} ${brief(body)}`;
  if (id === "") return undefined;
  const status = `${textField(view, "channel")} ${textField(view, "peer")} ${
    textField(view, "status")
  }`;
  return `${parties} ${id} ${event.kind === "control" ? status : brief(body)}`;
}

/** Enough of a body to tell two apart without keeping it. */
function brief(body: string): string {
  return `${body.length} ${body.slice(0, 64)}`;
}
