import { SecretKey } from "#crypto";
import { CxoFault, decodeRoot } from "#cxo";
import { denoNetwork } from "#net";
import { secretOf } from "./cxo_app.ts";
import { hello } from "./feed_raw.ts";
import type { Member } from "./group_app.ts";

/** What somebody got who asked a member for its feed by hand. */
export interface HandAnswers {
  /** Answer to Sub for the member's feed: `Ok`, the text of the refusal, or `closed`. */
  readonly sub: string;
  /** Answers to requests for objects: `Object`, the text of the refusal, or `closed`. */
  readonly objects: readonly string[];
  /** Objects that the Roots which came name. */
  readonly trees: readonly string[];
}

/** Dials a member with the key of somebody, as a program of its own could, and asks for everything. */
export async function askByHand(
  member: Member,
  { objects = [], who }: { readonly who: number; readonly objects?: readonly string[] },
): Promise<HandAnswers> {
  const port = Number(member.at.slice(member.at.lastIndexOf(":") + 1));
  const secret = SecretKey.parse(secretOf(who));
  const line = await hello({ network: denoNetwork }, port, { secret });
  const askFor = async (message: Parameters<typeof line.ask>[0]) => {
    const answer = await line.ask(message);
    if (answer === "closed") return answer;
    return answer.type === "Err" ? answer.text : answer.type;
  };
  try {
    const sub = await askFor({ type: "Sub", feed: member.pk });
    const answers: string[] = [];
    for (const id of objects) answers.push(await askFor({ type: "RqObject", id }));
    // Answers come in turn: with this one a Root that followed the Ok is here.
    await askFor({ type: "RqObject", id: "00".repeat(32) });
    const roots = line.all("Root").map(({ value }) => decodeRoot(value));
    const trees = roots.flatMap((root) =>
      root instanceof CxoFault ? [] : root.refs.map(({ object }) => object)
    );
    return { sub, objects: answers, trees };
  } finally {
    await line.end();
  }
}
