import {
  type ArchivedEvent,
  type Channel,
  type MessageEvent,
  structuredMessageLine,
} from "#events";
import { nameInGroup } from "./event_match.ts";
import { FieldReader, FieldWriter } from "./byte_fields.ts";

/** An event with its number. */
export interface NumberedEvent {
  readonly seq: number;
  readonly event: MessageEvent;
}

const CHANNELS: readonly Channel[] = ["dm", "group", "pair", "system"];
const OUTGOING = 1;
const REQUEST = 2;
const SENT_AT = 4;
const UNLISTED = 8;

/** The bytes of an event: what its JSON line is made from, at a quarter of the size. */
export function encodeEvent(event: MessageEvent): Uint8Array {
  const writer = new FieldWriter()
    .long(event.wall)
    .byte(flagsOf(event))
    .byte(CHANNELS.indexOf(event.channel))
    .text(event.id)
    .text(event.network)
    .text(event.sender)
    .text(event.to)
    .text(event.replyTo)
    .text(event.groupId)
    .number(event.length)
    .text(event.text);
  // Last, where programs that know nothing of it read no further.
  return (event.sentAt === undefined ? writer : writer.long(event.sentAt)).finish();
}

function flagsOf({ direction, request, sentAt, listed }: MessageEvent): number {
  return (direction === "out" ? OUTGOING : 0) + (request ? REQUEST : 0) +
    (sentAt === undefined ? 0 : SENT_AT) + (listed === false ? UNLISTED : 0);
}

/** The inverse. @throws {FieldError} for other bytes */
export function decodeEvent(bytes: Uint8Array): MessageEvent {
  const reader = new FieldReader(bytes);
  const wall = reader.long();
  const flags = reader.byte();
  const channel = CHANNELS[reader.byte()] ?? "system";
  const [id = "", network = "", sender = ""] = [reader.text(), reader.text(), reader.text()];
  const [to, replyTo, groupId] = [reader.text(), reader.text(), reader.text()];
  const event: MessageEvent = {
    wall,
    direction: (flags & OUTGOING) === 0 ? "in" : "out",
    channel,
    id,
    network,
    sender,
    ...(to === undefined ? {} : { to }),
    ...(replyTo === undefined ? {} : { replyTo }),
    ...(groupId === undefined ? {} : { groupId }),
    ...((flags & REQUEST) === 0 ? {} : { request: true }),
    ...((flags & UNLISTED) === 0 ? {} : { listed: false }),
    length: reader.number(),
    text: reader.text() ?? "",
  };
  return (flags & SENT_AT) === 0 ? event : { ...event, sentAt: reader.long() };
}

/** Time of an event and what it is looked up by: its id, or for one of a group {@link nameInGroup}. */
export function eventHead(bytes: Uint8Array): { readonly wall: bigint; readonly name: string } {
  const reader = new FieldReader(bytes);
  const wall = reader.long();
  reader.byte();
  const isDirect = CHANNELS[reader.byte()] === "dm";
  const name = isDirect ? undefined : nameInGroup(decodeEvent(bytes));
  return { wall, name: name ?? reader.text() ?? "" };
}

/** The time of an event alone. */
export function eventWall(bytes: Uint8Array): bigint {
  return new FieldReader(bytes).long();
}

/** An event of a block, still encoded. */
export interface BlockEntry {
  readonly seq: number;
  readonly bytes: Uint8Array;
}

/** The value of a block: events with ascending numbers, each as distance from the one before. */
export function encodeBlock(entries: readonly BlockEntry[]): Uint8Array {
  const writer = new FieldWriter();
  let before = 0;
  for (const { seq, bytes } of entries) {
    writer.number(seq - before).block(bytes);
    before = seq;
  }
  return writer.finish();
}

/** The inverse; views into the block. @throws {FieldError} for other bytes */
export function decodeBlock(bytes: Uint8Array): readonly BlockEntry[] {
  const reader = new FieldReader(bytes);
  const entries: BlockEntry[] = [];
  let seq = 0;
  while (!reader.done) {
    seq += reader.number();
    entries.push({ seq, bytes: reader.block() });
  }
  return entries;
}

/** An entry as `/events` sends it. */
export function archivedEvent({ seq, bytes }: BlockEntry): ArchivedEvent {
  const event = decodeEvent(bytes);
  return { seq, channel: event.channel, line: structuredMessageLine(event, seq) };
}
