import assert from "node:assert/strict";
import { PublicKey } from "#crypto";
import { utf8 } from "#kit";
import { BACKLOG_LIMIT_BYTES } from "#net";
import { type MeshLink, VisorError } from "#visor";
import { MAX_ACCEPTED_BACKLOG_BYTES, SILENT_MESH_LINK_MS } from "../../lib/visor/accepted_links.ts";
import { MAX_ACCEPTED_MESH_LINKS, MAX_MESH_LINKS, MeshLinks } from "../../lib/visor/mesh_links.ts";
import type { ReadAnswer, WriteAnswer } from "../../lib/visor/visor_calls.ts";
import { ManualClock, settle } from "#support/manual_clock.ts";
import vectors from "../vectors/visor.json" with { type: "json" };

const PEER = PublicKey.parse(vectors.keys.visor_pk);
const MIB = 1_048_576;

/** Links of a visor that takes nothing, and gives what it is told to. */
class Scene {
  readonly clock = new ManualClock();
  readonly closed: number[] = [];
  readonly #reads = new Map<number, (answer: ReadAnswer) => void>();
  readonly links = new MeshLinks({
    closeConn: (id) => {
      this.closed.push(id);
      return Promise.resolve();
    },
    read: (id) => new Promise((resolve) => void this.#reads.set(id, resolve)),
    write: () => new Promise<WriteAnswer>(() => {}),
  }, this.clock);
  #lastId = 0;

  /** Opens so many; the first. */
  open(direction: "in" | "out", count = 1): MeshLink {
    const connId = ++this.#lastId;
    const link = this.links.open({ connId, direction, network: "dmsg", peer: PEER });
    if (count > 1) this.open(direction, count - 1);
    return link;
  }

  /** The peer of a link says something. */
  async say(link: MeshLink, text: string): Promise<void> {
    void link.serve(() => {});
    await settle();
    this.#reads.get(link.connId)?.({ bytes: utf8(text), failure: undefined });
    await settle();
  }

  /** Checks that one more is refused, and let go of. */
  refuses(direction: "in" | "out"): void {
    assert.throws(() => this.open(direction), (error) => {
      return error instanceof VisorError && error.code === "too-many-links";
    });
    assert.equal(this.closed.at(-1), this.#lastId);
  }

  end(): void {
    this.links.visorLost("end of the test");
  }
}

Deno.test("MeshLinks: peers open so many, and that never keeps us from dialling", async () => {
  const scene = new Scene();
  const first = scene.open("in", MAX_ACCEPTED_MESH_LINKS);
  scene.refuses("in");
  scene.open("out", MAX_MESH_LINKS - MAX_ACCEPTED_MESH_LINKS);
  assert.equal(scene.links.size, MAX_MESH_LINKS);
  scene.open("out");
  assert.equal(scene.links.size, MAX_MESH_LINKS);
  assert.equal((await first.closed).message, "makes room for another connection");
  assert.ok(scene.closed.includes(first.connId));
  scene.refuses("in");
  scene.end();
});

Deno.test("MeshLinks: one that we dial takes the place of the oldest silent one, else of the oldest", async () => {
  const scene = new Scene();
  const talkers = [scene.open("in"), scene.open("in")] as const;
  const silent = scene.open("in");
  for (const link of talkers) await scene.say(link, "hello");
  scene.open("out", MAX_MESH_LINKS - 3);
  for (const expected of [silent, ...talkers]) {
    scene.open("out");
    await settle();
    assert.equal(scene.closed.at(-1), expected.connId);
  }
  // Those that we dialled are never taken for another.
  scene.refuses("out");
  scene.end();
});

Deno.test("MeshLinks: one that has been silent for a minute gives way to another peer", async () => {
  const scene = new Scene();
  const talker = scene.open("in");
  await scene.say(talker, "hello");
  const silent = scene.open("in", MAX_ACCEPTED_MESH_LINKS - 1);
  await scene.clock.advance(SILENT_MESH_LINK_MS - 1);
  scene.refuses("in");
  await scene.clock.advance(1);
  scene.open("in");
  await settle();
  assert.equal(scene.closed.at(-1), silent.connId);
  assert.equal(scene.links.size, MAX_ACCEPTED_MESH_LINKS);
  scene.end();
});

Deno.test("MeshLinks: a silent one stays for ever while there is room", async () => {
  const scene = new Scene();
  const silent = scene.open("in");
  await scene.clock.advance(1_000 * SILENT_MESH_LINK_MS);
  scene.open("in", MAX_ACCEPTED_MESH_LINKS - 1);
  assert.ok(!scene.closed.includes(silent.connId));
  scene.end();
});

Deno.test("MeshLinks: the number of a link that gave way may be another's at once", async () => {
  const scene = new Scene();
  const first = scene.open("in", MAX_ACCEPTED_MESH_LINKS);
  scene.open("out", MAX_MESH_LINKS - MAX_ACCEPTED_MESH_LINKS);
  scene.open("out");
  scene.links.open({ connId: first.connId, direction: "out", network: "dmsg", peer: PEER });
  await settle();
  assert.equal(scene.links.size, MAX_MESH_LINKS);
  scene.end();
});

Deno.test("MeshLinks: peers that read nothing hold so much memory together, and the greediest goes", async () => {
  const scene = new Scene();
  const bystander = scene.open("in");
  bystander.write(utf8("a receipt")).catch(() => {});
  const dialled = scene.open("out");
  dialled.write(new Uint8Array(BACKLOG_LIMIT_BYTES)).catch(() => {});
  const links: MeshLink[] = [];
  const held = () => links.reduce((sum, link) => sum + link.held, 0);
  for (let index = 0; index < 100; index++) {
    const link = scene.open("in");
    links.push(link);
    link.write(new Uint8Array(900_000)).catch(() => {});
    link.write(new Uint8Array(index)).catch(() => {});
    await settle();
    assert.ok(held() <= MAX_ACCEPTED_BACKLOG_BYTES + MIB, `${held()} bytes after ${index}`);
  }
  assert.ok(held() > MAX_ACCEPTED_BACKLOG_BYTES - 2 * MIB, `${held()} bytes`);
  assert.ok(scene.closed.length > 50, `${scene.closed.length} were closed`);
  for (const link of [bystander, dialled]) assert.ok(!scene.closed.includes(link.connId));
  const [greedy] = scene.closed;
  const closed = links.find(({ connId }) => connId === greedy) ?? assert.fail("none");
  assert.match((await closed.closed).message, /too much waits/);
  scene.end();
});

Deno.test("MeshLinks: many small writes count by what they hold", async () => {
  const scene = new Scene();
  const links = Array.from({ length: 4 }, () => scene.open("in"));
  for (let index = 0; index < 100_000; index++) {
    links[index % links.length]?.write(Uint8Array.of(1)).catch(() => {});
  }
  await settle();
  assert.ok(scene.closed.length > 0, "100,000 writes of a byte wait");
  scene.end();
});
