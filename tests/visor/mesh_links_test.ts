import assert from "node:assert/strict";
import { PublicKey } from "#crypto";
import { utf8 } from "#kit";
import { BACKLOG_LIMIT_BYTES } from "#net";
import { type MeshLink, VisorError } from "#visor";
import { MAX_ACCEPTED_BACKLOG_BYTES } from "../../lib/visor/accepted_links.ts";
import { MAX_MESH_LINKS, MeshLinks } from "../../lib/visor/mesh_links.ts";
import type { WriteAnswer } from "../../lib/visor/visor_calls.ts";
import { ManualClock, settle } from "#support/manual_clock.ts";
import vectors from "../vectors/visor.json" with { type: "json" };

const PEER = PublicKey.parse(vectors.keys.visor_pk);
const MIB = 1_048_576;

/** Links of a visor that takes nothing, and gives what it is told to. */
class Scene {
  readonly clock = new ManualClock();
  readonly closed: number[] = [];
  readonly links = new MeshLinks({
    closeConn: (id) => {
      this.closed.push(id);
      return Promise.resolve();
    },
    read: () => assert.fail("nothing is read"),
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

Deno.test("MeshLinks: so many may be open, whoever opened them, and each that ends leaves room", async () => {
  const scene = new Scene();
  const first = scene.open("in", MAX_MESH_LINKS - 1);
  scene.open("out");
  scene.refuses("in");
  scene.refuses("out");
  first.close();
  await settle();
  scene.open("in");
  scene.refuses("out");
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
