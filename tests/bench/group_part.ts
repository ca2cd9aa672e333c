import {
  hasShown,
  type Keeping,
  newMember,
  recoverSigners,
  type Recovery,
  type Shown,
  signedTalk,
  withMembers,
} from "./group_nodes.ts";
import type { Row } from "./report.ts";
import { type BenchContext, figures, type Part } from "./rounds.ts";
import { median } from "./statistics.ts";
import { TARGETS } from "./targets.ts";

/** Groups of two: somebody whom nobody knew gets everything that was ever said. */
export const groupPart: Part = {
  name: "group",
  run: async (context) => [
    ...await catchingUp(context, { size: context.size(2_000, 200), rounds: context.size(3, 1) }),
    ...await catchingUp(context, { size: context.size(10_000, 400), rounds: 1 }),
  ],
};

async function catchingUp(
  context: BenchContext,
  { size, rounds }: { readonly size: number; readonly rounds: number },
): Promise<Row[]> {
  const count = size.toLocaleString("en-US");
  context.progress(`  ${count} messages`);
  const talk = signedTalk(size);
  const recovery: Recovery[] = [];
  const shown: Record<Keeping, Shown[]> = { nothing: [], everything: [] };
  await withMembers(async (start) => {
    const [secret] = talk.authors;
    if (secret === undefined) throw new Error("Nobody founded the group");
    const founder = await start({ secret, owner: secret.publicKey.hex });
    for (let round = 0; round < rounds; round++) {
      recovery.push(recoverSigners(talk));
      for (const keeping of ["nothing", "everything"] as const) {
        const member = await newMember(start, { founder, dials: [founder], keeping });
        shown[keeping].push(await hasShown(member, size));
        await member.app.kill();
      }
    }
  }, talk);
  const rates = recovery.map(({ rate }) => rate);
  const floor = { name: "nothing but that", value: median(rates) };
  const least = { name: floor.name, value: median(recovery.map(({ cpu }) => cpu)) };
  return [
    { name: `signers of ${count} messages found`, ...figures(rates), unit: "/s" },
    ...(["nothing", "everything"] as const).flatMap((keeping): Row[] => [
      {
        name: `catch-up of ${count}, ${keeping} kept`,
        ...figures(shown[keeping].map(({ ms }) => size * 1_000 / ms)),
        ...{ unit: "/s", floor, target: TARGETS.groupCatchUp },
      },
      {
        name: "reader's processor time a message",
        ...{ ...figures(shown[keeping].map(({ cpu }) => cpu * 1_000 / size)), floor: least },
        unit: "us CPU",
      },
      {
        name: "longest answer of /status meanwhile",
        ...{ ...figures(shown[keeping].map(({ longest }) => longest)), unit: "ms" },
      },
    ]),
  ];
}
