/** Types that two layers declare for themselves, because neither may know the other, stay the same. */
import type { DirectChat, QueuedMessage, QueueTable } from "#chat";
import type { CxoConnection, FeedJournal, RootSource } from "#cxo";
import type { MessageSink } from "#group";
import type { HistoryPort, StoredMessage } from "#http";
import type {
  GroupRecord,
  History,
  HistoryRecord,
  Journal,
  OutboxEntry,
  OutboxTable,
} from "#store";

/** Whether two types are the same, optional and read-only members included. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
  : false;
/** An object type without the names that led to it. */
type Plain<T> = { [Key in keyof T]: T[Key] };
type Groups = Parameters<HistoryPort["import"]>[0]["groupMessages"][number];
/** What the control surface uses of a store. */
type Used = Pick<History, keyof HistoryPort>;

// Deno's type check is the test: a difference makes one of these lines wrong.
const twins: readonly true[] = [
  true satisfies Same<Plain<StoredMessage>, Plain<HistoryRecord>>,
  true satisfies Same<Plain<Groups>, Plain<GroupRecord>>,
  true satisfies Same<Plain<QueuedMessage>, Plain<OutboxEntry>>,
  true satisfies Same<keyof QueueTable, keyof OutboxTable>,
  true satisfies Used extends HistoryPort ? true : false,
  true satisfies OutboxTable extends QueueTable ? true : false,
  true satisfies Journal extends FeedJournal ? true : false,
  true satisfies DirectChat extends MessageSink ? true : false,
  true satisfies CxoConnection extends RootSource ? true : false,
];

Deno.test("the twins of a seam are told apart when they differ", () => {
  true satisfies Same<{ a?: string }, { a?: string }>;
  false satisfies Same<{ a?: string }, { a: string }>;
  false satisfies Same<{ a: string }, { readonly a: string }>;
  if (twins.includes(false as true)) throw new Error("unreachable");
});
