/**
 * What a group promises over crashes: members are killed with SIGKILL at random moments while others and they
 * themselves send; what was answered with 200 is shown to everybody once, and stored once.
 */
import assert from "node:assert/strict";
import { GROUP, type Member, meshed, startGroup, withMembers } from "#support/group_app.ts";
import { SeededRandom } from "#support/seeded_random.ts";

const ROUNDS = 10;
/** Messages of one round, over all senders. */
const SENDS = 200;
const MEMBERS = 3;

/** What was said, and what of it was answered with 200. */
class Load {
  readonly promised: string[] = [];
  readonly said = new Set<string>();

  /** Each member sends its share, one message after the other, until it is gone. */
  async send(members: readonly Member[], round: number): Promise<void> {
    const share = Math.ceil(SENDS / members.length);
    await Promise.all(members.map((member) => this.#sendOf(member, { round, share })));
  }

  async #sendOf(
    member: Member,
    { round, share }: { readonly round: number; readonly share: number },
  ): Promise<void> {
    for (let number = 0; number < share; number++) {
      const message = `${round}:${member.pk.slice(0, 6)}:${number}`;
      this.said.add(message);
      try {
        const { status } = await member.request("POST", "/message", { recipient: "", message });
        if (status === 200) this.promised.push(message);
      } catch {
        return;
      }
    }
  }
}

Deno.test(`${ROUNDS} kills during ${SENDS} sends each: nothing promised is lost, nothing doubled`, () =>
  withMembers(async (scene) => {
    const members = await startGroup(scene, { count: MEMBERS, persist: true });
    await meshed(members);
    const random = new SeededRandom(7);
    const load = new Load();
    for (let round = 0; round < ROUNDS; round++) {
      const victim = members[round % MEMBERS];
      assert.ok(victim);
      const { pid } = victim.app;
      const sending = load.send(members, round);
      await new Promise((resolve) => setTimeout(resolve, 50 + random.below(400)));
      await victim.app.kill();
      await victim.again();
      assert.notEqual(victim.app.pid, pid);
      await sending;
    }
    await meshed(members.filter((_, index) => index === (ROUNDS - 1) % MEMBERS));
    const told: string[][] = [];
    for (const member of members) {
      const texts = await member.texts(load.promised);
      const shown = new Set(texts);
      const lost = load.promised.filter((text) => !shown.has(text));
      assert.deepEqual(lost.slice(0, 3), [], `${lost.length} of ${load.promised.length} are lost`);
      const twice = texts.filter((text, index) => texts.indexOf(text) !== index);
      assert.deepEqual(twice.slice(0, 3), [], `${twice.length} are shown twice`);
      assert.deepEqual(texts.filter((text) => !load.said.has(text)), [], "nobody said that");
      told.push(texts);
    }
    assert.equal(told.length, MEMBERS);
    assert.ok(load.promised.length > ROUNDS * SENDS / 2, `only ${load.promised.length} promised`);

    // Once more, from what each has on disk.
    await Promise.all(members.map(({ app }) => app.kill()));
    await Promise.all(members.map((member) => member.again()));
    await meshed(members);
    const last = await Promise.all(members.map(async (member, index) => {
      await member.send(`last of ${index}`);
      return `last of ${index}`;
    }));
    const all = await Promise.all(
      members.map((member) => member.texts([...load.promised, ...last])),
    );
    for (const texts of all) {
      assert.equal(new Set(texts).size, texts.length, "each once");
      assert.deepEqual(texts.toSorted(), all[0]?.toSorted(), "everybody has the same");
    }
    // The whole history takes more than one answer; in all of them it is the same.
    const histories = await Promise.all(members.map(async (member) => {
      const { code, stderr, stdout } = await member.cli("history", GROUP, "-n", "0", "--json");
      assert.equal(code, 0, stderr);
      return stdout.trimEnd().split("\n");
    }));
    for (const lines of histories) {
      assert.equal(lines.length, all[0]?.length);
      assert.deepEqual(lines, histories[0], "the same order");
    }
  }));
