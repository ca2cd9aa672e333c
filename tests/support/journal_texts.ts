import type { JournalNote, MessageEvent } from "#events";
import type { History, Journal } from "#store";
import { utf8, utf8Text } from "#kit";

/** Entries of a journal with these texts. */
export function entriesOf(...texts: readonly string[]): readonly Uint8Array[] {
  return texts.map((text) => utf8(text));
}

/** A note with this text, for a message. */
export function noteFor(feed: string, text: string): { readonly journal: JournalNote } {
  return { journal: { feed, entry: utf8(text) } };
}

/** What is in a journal, as texts. */
export async function textsIn(journal: Journal | undefined): Promise<readonly string[]> {
  const { entries } = await journal?.read() ?? { entries: [] };
  return entries.map((entry) => utf8Text(entry));
}

/** The state of a journal, as a text. */
export async function stateOf(journal: Journal | undefined): Promise<string | undefined> {
  const { state } = await journal?.read() ?? { state: undefined };
  return state && utf8Text(state);
}

/** The journal of a feed that must have one. */
export function journalOf(history: History, feed: string): Journal {
  const journal = history.journal(feed);
  if (journal === undefined) throw new Error(`The whitelist is against ${feed}`);
  return journal;
}

/** Texts of the archived events. */
export async function eventTexts(history: History): Promise<readonly string[]> {
  const lines = await history.events.read(0, 100_000);
  return lines.map(({ line }) => (JSON.parse(line) as Pick<MessageEvent, "text">).text);
}
