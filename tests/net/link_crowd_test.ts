import assert from "node:assert/strict";
import { LinkCrowd } from "../../lib/net/link_crowd.ts";

function link(remoteAddress: string, activeAt: number) {
  const closed: string[] = [];
  return { remoteAddress, activeAt, closed, close: (reason: string) => void closed.push(reason) };
}

Deno.test("LinkCrowd.shed closes the quietest link of the source that has most", () => {
  const crowd = new LinkCrowd();
  assert.equal(crowd.shed(), undefined);
  const quietest = link("198.51.100.1:1", 1);
  const crowded = [3, 2, 4].map((at) => link(`203.0.113.1:${at}`, at));
  crowd.add("198.51.100.1", quietest);
  for (const one of crowded) crowd.add("203.0.113.1", one);
  assert.equal(crowd.shed(), crowded[1]);
  assert.deepEqual(crowded.map(({ closed }) => closed), [[], ["too many open files"], []]);
  assert.equal(crowd.from("203.0.113.1"), 2, "it counts no more");
  assert.equal(crowd.shed(), crowded[0]);
  assert.equal(crowd.shed(), quietest, "with one each it is the quietest of all");
  assert.equal(crowd.shed(), crowded[2]);
  assert.equal(crowd.shed(), undefined);
});

Deno.test("LinkCrowd.remove forgets a source with its last link", () => {
  const crowd = new LinkCrowd();
  const one = link("203.0.113.1:1", 1);
  crowd.add("203.0.113.1", one);
  crowd.remove("203.0.113.1", one);
  crowd.remove("203.0.113.1", one);
  assert.equal(crowd.from("203.0.113.1"), 0);
  assert.equal(crowd.shed(), undefined);
});
