import {
  delivery,
  hasShown,
  type Member,
  newMember,
  signedTalk,
  withMembers,
} from "./group_nodes.ts";
import { processorTime } from "./processes.ts";
import type { Row } from "./report.ts";
import { type BenchContext, figures, milliseconds, type Part } from "./rounds.ts";
import { median } from "./statistics.ts";
import { TARGETS } from "./targets.ts";

/** What a group of some length was measured at. */
interface Measured {
  readonly size: number;
  readonly one: One;
  /** Milliseconds from the start of the founder's process until it takes part again. */
  readonly starts: readonly number[];
}

/** One more message. */
interface One {
  /** Milliseconds until the other side's `/events` has it. */
  readonly delivered: readonly number[];
  /** Milliseconds of processor time of either side. */
  readonly sender: number;
  readonly reader: number;
}

/** What grows with a group: one more message, and starting again. */
export const memberPart: Part = {
  name: "member",
  run: async (context) => {
    const small = await measure(context, context.size(1_000, 100));
    const large = await measure(context, context.size(10_000, 400));
    return [...oneMoreRows(small), ...oneMoreRows(large, small), ...startRows(small, large)];
  },
};

async function measure(context: BenchContext, size: number): Promise<Measured> {
  const talk = signedTalk(size);
  return await withMembers(async (start) => {
    const [secret] = talk.authors;
    if (secret === undefined) throw new Error("Nobody founded the group");
    const call = { secret, owner: secret.publicKey.hex };
    let founder = await start(call);
    const member = await newMember(start, { founder, dials: [founder], keeping: "everything" });
    await hasShown(member, size);
    const one = await oneMore(founder, member, context.size(10, 2));
    await member.app.kill();
    const starts: number[] = [];
    for (let round = 0; round < context.size(3, 1); round++) {
      await founder.app.stop();
      starts.push(await milliseconds(async () => founder = await start(call)));
    }
    return { size, one, starts };
  }, talk);
}

/** Each with a Root of its own, since the next one waits until the last was shown. */
async function oneMore(from: Member, to: Member, count: number): Promise<One> {
  for (let warm = 0; warm < count / 4; warm++) await delivery(from, to);
  const pids = [from.app.pid, to.app.pid];
  const before = await Promise.all(pids.map(processorTime));
  const delivered: number[] = [];
  for (let number = 0; number < count; number++) delivered.push(await delivery(from, to));
  const after = await Promise.all(pids.map(processorTime));
  const [sender = NaN, reader = NaN] = after.map((ms, index) =>
    (ms - (before[index] ?? NaN)) / count
  );
  return { delivered, sender, reader };
}

function oneMoreRows({ one, size }: Measured, small?: Measured): Row[] {
  const at = `${size.toLocaleString("en-US")} in the group`;
  const beside = (value: number | undefined) =>
    value === undefined
      ? {}
      : { floor: { name: "short group", value }, target: TARGETS.feedGrowth };
  return [
    {
      name: `one more, its sender, ${at}`,
      ...{ value: one.sender, unit: "ms CPU", ...beside(small?.one.sender) },
    },
    {
      name: `one more, its reader, ${at}`,
      ...{ value: one.reader, unit: "ms CPU", ...beside(small?.one.reader) },
    },
    {
      name: `one more until /events shows it, ${at}`,
      ...{ ...figures(one.delivered), unit: "ms", note: "300 ms of it the batch" },
    },
  ];
}

function startRows(small: Measured, large: Measured): Row[] {
  return [small, large].map(({ size, starts }) => ({
    name: `start, ${size.toLocaleString("en-US")} in the journal`,
    ...{ ...figures(starts), unit: "ms" },
    ...(size === large.size && { floor: { name: "short journal", value: median(small.starts) } }),
  }));
}
