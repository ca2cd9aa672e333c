import { type DirectChatOptions, MESH_LOOK_MS } from "#chat";
import { type PublicKey, SecretKey } from "#crypto";
import { ALICE, type ChatFixture, chatFixture } from "./fake_chat_link.ts";
import { FakeQueueTable } from "./fake_chat_store.ts";
import { FakeMesh } from "./fake_mesh.ts";
import { ManualClock } from "./manual_clock.ts";
import { SeededRandom } from "./seeded_random.ts";

/** A node that reaches peers through a {@link FakeMesh}. */
export interface MeshFixture extends ChatFixture {
  readonly mesh: FakeMesh;
  /** What it has queued. */
  readonly table: FakeQueueTable;
}

/** Builds a {@link MeshFixture}. */
export function meshFixture(options: Partial<DirectChatOptions> = {}): MeshFixture {
  const clock = new ManualClock();
  const mesh = new FakeMesh(clock);
  const table = new FakeQueueTable();
  return { ...chatFixture({ clock, mesh, outbox: table, ...options }), mesh, table };
}

/** Sends to Alice, while as much time passes as a new skynet connection is looked at. */
export async function send(
  { chat, clock }: ChatFixture,
  text: string,
  network?: string,
): Promise<Awaited<ReturnType<ChatFixture["chat"]["send"]>>> {
  const sending = chat.send({ recipient: ALICE, text, ...(network && { network }) });
  await clock.advance(MESH_LOOK_MS);
  return await sending;
}

/** Keys of peers that are nobody in particular. */
export function strangers(count: number): PublicKey[] {
  return Array.from(
    { length: count },
    (_, index) => SecretKey.generate(new SeededRandom(1_000 + index)).publicKey,
  );
}
