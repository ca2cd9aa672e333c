import type { Output } from "./output.ts";

/** How a message went, as `send --json` prints it (cli.md 4.2). */
export interface SendResult {
  readonly acked: boolean;
  /** Empty when the app did not tell. */
  readonly id: string;
  /** From just before the write to the receipt; 0 when none was asked for. */
  readonly ms: number;
  readonly via: "tcp" | "http";
  /** What the app did instead of sending it to one peer. */
  readonly published?: {
    /** Whether a restart of the app keeps it. */
    readonly stored: boolean;
  };
}

/** What to tell about a message that is shown but on no disk. */
export const UNSTORED_NOTE =
  "the app could not write it to its disk: a restart of the app loses it";

/** Prints the result in the form that was asked for. */
export function printResult(
  output: Output,
  result: SendResult,
  { json, text }: { json: boolean; text: string },
): void {
  if (!json) return output.line(text);
  const { acked, id, ms, published, via } = result;
  output.json(JSON.stringify({
    ...{ acked, id, ms, via },
    ...(published && { network: "cxo", published: true, stored: published.stored }),
  }));
}
