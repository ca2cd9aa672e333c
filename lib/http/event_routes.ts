import { parseChannels, seedLine, type Subscription } from "#events";
import type { Clock } from "#kit";
import type { Context } from "hono";
import { eventStreamReply, type StreamOptions } from "./event_stream.ts";
import { isGroupId } from "./group_path.ts";
import { MAX_STREAMS } from "./limits.ts";
import type { ControlPorts, HistoryPort } from "./ports.ts";
import { textReply } from "./replies.ts";

/** What the event routes need besides {@link ControlPorts}. */
export interface EventRoutesContext {
  /** For the pings, and the time a seed may take. */
  clock: Clock;
  /** Event streams at a time; MAX_STREAMS unless a test wants to reach the cap sooner. */
  maxStreams?: number;
}

/** The handlers of the two streams; which methods they answer is for the caller to check. */
export interface EventRoutes {
  /** `GET /sse` (http-api.md 5). */
  sse(c: Context): Response;
  /** `GET /events` (http-api.md 6); `group` is ours. */
  events(c: Context): Response;
}

/** A number of `/events` in decimal; longer ones are no number of ours. */
const SEQ = /^[0-9]{1,19}$/;

/**
 * Makes the handlers of `/sse` and `/events`, which share one cap on open streams: at the cap both
 * answer 503.
 */
export function eventRoutes(ports: ControlPorts, context: EventRoutesContext): EventRoutes {
  const { clock, maxStreams = MAX_STREAMS } = context;
  let open = 0;
  const stream = (subscribe: () => Subscription, options: () => Partial<StreamOptions>) => {
    if (open >= maxStreams) return textReply(503, "too many event streams");
    const subscription = subscribe();
    open++;
    return eventStreamReply(subscription, { clock, onEnd: () => void open--, ...options() });
  };
  return {
    // Subscribed before the seed is read: nothing falls between (http-api.md 5.2).
    sse: () => stream(() => ports.events.subscribeLegacy(), () => ({ seed: readSeed(ports) })),
    events(c) {
      const since = c.req.query("since") ?? "";
      if (since !== "" && !SEQ.test(since)) return textReply(400, "invalid since");
      const channels = parseChannels(c.req.query("channel"));
      const group = c.req.query("group") ?? "";
      if (group !== "" && !isGroupId(group)) return textReply(400, "invalid group");
      const durable = ports.events.durable === true;
      const last = c.req.header("last-event-id") ?? "";
      // Numbers that start anew with the process are not sent as ids, so none comes back.
      const cursor = Number(durable && SEQ.test(last) ? last : since);
      return stream(
        () => ports.events.subscribe({ channels, since: cursor, ...(group && { group }) }),
        () => ({ ids: durable }),
      );
    },
  };
}

/** The newest stored messages as seed events, oldest first; undefined when none are wanted. */
function readSeed(ports: ControlPorts): Promise<readonly string[]> | undefined {
  const { history, seedCount = 0 } = ports;
  if (history === undefined || seedCount <= 0) return undefined;
  return seedLines(history, seedCount);
}

async function seedLines(history: HistoryPort, count: number): Promise<readonly string[]> {
  return (await history.recent(count)).map(seedLine);
}
