import {
  AUTHORS,
  bytesReceived,
  freshText,
  hasShown,
  type Member,
  newMember,
  say,
  shownBy,
  signedTalk,
  type Start,
  type Talk,
  withMembers,
} from "./group_nodes.ts";
import { processorTime, residentKibibytes } from "./processes.ts";
import type { Row } from "./report.ts";
import { type BenchContext, milliseconds, type Part } from "./rounds.ts";
import { median } from "./statistics.ts";
import { TARGETS } from "./targets.ts";

/** After this time nothing more comes of what was said, milliseconds. */
const SETTLE_MS = 1_500;

/** A full mesh of five: what several copies of the same messages cost. */
export const meshPart: Part = {
  name: "mesh",
  run: (context) => measure(context, { size: context.size(2_000, 100), isMore: true }),
};

/** The same, long; apart, since no part takes more than a minute. */
export const longMeshPart: Part = {
  name: "longmesh",
  run: (context) => measure(context, { size: context.size(10_000, 200), isMore: false }),
};

async function measure(
  context: BenchContext,
  { size, isMore }: { readonly size: number; readonly isMore: boolean },
): Promise<Row[]> {
  const talk = signedTalk(size);
  const name = size.toLocaleString("en-US");
  return await withMembers(async (start) => {
    const { members, ms } = await mesh(start, talk);
    const resident = await Promise.all(members.map(({ app }) => residentKibibytes(app.pid)));
    const rows: Row[] = [
      {
        name: `five members, ${name} of one: until all have all`,
        ...{ value: (AUTHORS - 1) * size * 1_000 / ms, unit: "/s", note: "sum of four readers" },
      },
      { name: `a member's RSS, ${name}`, value: median(resident) / 1_024, unit: "MiB" },
    ];
    if (!isMore) return rows;
    const copies = await join(start, { dials: members, members, size });
    const copy = await join(start, { dials: members.slice(0, 1), members, size });
    return [
      ...rows,
      {
        name: `a sixth member, ${name} of each of five`,
        ...{ value: size * 1_000 / copies.ms, unit: "/s" },
        floor: { name: "of one", value: size * 1_000 / copy.ms },
      },
      ...byteRow(`bytes received a message, ${name}, from five`, copies.bytes, copy.bytes),
      ...await live(context, members),
    ];
  }, talk);
}

/** The founder has everything, the others begin at once with nothing. */
async function mesh(start: Start, talk: Talk): Promise<{ members: Member[]; ms: number }> {
  const members: Member[] = [];
  const ms = await milliseconds(async () => {
    for (const secret of talk.authors) {
      const owner = talk.authors[0]?.publicKey.hex ?? "";
      members.push(await start({ secret, owner, peers: members.map(({ spec }) => spec) }));
    }
    // Each wrote a share itself, which is not shown again.
    const others = talk.leaves.length * (AUTHORS - 1) / AUTHORS;
    await Promise.all(members.slice(1).map((member) => hasShown(member, others)));
  });
  await settle();
  return { members, ms };
}

/** Somebody new who dials some of the members; milliseconds, and bytes for one message. */
async function join(
  start: Start,
  { dials, members, size }: {
    readonly dials: readonly Member[];
    readonly members: readonly Member[];
    readonly size: number;
  },
): Promise<{ ms: number; bytes: number | undefined }> {
  const [founder] = members;
  if (founder === undefined) throw new Error("Nobody founded the group");
  const member = await newMember(start, { founder, dials, keeping: "everything" });
  try {
    const { ms } = await hasShown(member, size);
    const bytes = await bytesReceived(member, [...members, member]);
    return { ms, bytes: bytes === undefined ? undefined : bytes / size };
  } finally {
    await member.app.kill();
  }
}

/** Everybody talks at once, and then two of a group of two do. */
async function live(context: BenchContext, members: readonly Member[]): Promise<Row[]> {
  const count = context.size(60, 4);
  const many = await talkLive(members, count);
  const talk = signedTalk(0);
  const two = await withMembers(async (start) => {
    const pair: Member[] = [];
    for (const secret of talk.authors.slice(0, 2)) {
      const owner = talk.authors[0]?.publicKey.hex ?? "";
      pair.push(await start({ secret, owner, peers: pair.map(({ spec }) => spec) }));
    }
    await pair[1]?.app.waitForLog("cxo-group follows");
    return await talkLive(pair, count * AUTHORS / 2);
  }, talk);
  const messages = count * AUTHORS;
  return [
    {
      name: `five members say ${messages} at once: until all have all`,
      ...{ value: many.ms, unit: "ms", floor: { name: "two members", value: two.ms } },
    },
    {
      name: "processor time of a member for one of these",
      ...{ value: many.cpu, unit: "ms CPU", floor: { name: "two members", value: two.cpu } },
    },
    ...byteRow("bytes received for one message of another", many.bytes, two.bytes),
  ];
}

/** Milliseconds until all have all; for one message and member, processor time and bytes. */
async function talkLive(
  members: readonly Member[],
  count: number,
): Promise<{ ms: number; cpu: number; bytes: number | undefined }> {
  const before = await Promise.all(members.map(shownBy));
  const figures = () =>
    Promise.all(members.map(async (member) => ({
      cpu: await processorTime(member.app.pid),
      bytes: await bytesReceived(member, members),
    })));
  const begun = await figures();
  const others = count * (members.length - 1);
  const ms = await milliseconds(async () => {
    await Promise.all(members.map(async (member) => {
      for (let number = 0; number < count; number++) await say(member, freshText());
    }));
    await Promise.all(
      members.map((member, index) => hasShown(member, (before[index] ?? 0) + others)),
    );
  });
  await settle();
  const ended = await figures();
  const cpu = ended.map(({ cpu }, index) => (cpu - (begun[index]?.cpu ?? NaN)) / (others + count));
  const bytes = ended.map(({ bytes = NaN }, index) =>
    (bytes - (begun[index]?.bytes ?? NaN)) / others
  );
  const middle = median(bytes);
  return { ms, cpu: median(cpu), bytes: Number.isNaN(middle) ? undefined : middle };
}

/** None where the system does not count them. */
function byteRow(name: string, value: number | undefined, one: number | undefined): Row[] {
  if (value === undefined) return [];
  const floor = one && { floor: { name: "one copy", value: one }, target: TARGETS.oneCopy };
  return [{ name, value, unit: "B", ...floor }];
}

function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
}
