import assert from "node:assert/strict";
import { endOf, releasedExecutable } from "../../scripts/artifact_tests.ts";
import { fileSha256 } from "../../scripts/release_files.ts";

Deno.test("endOf is good only when tests passed, none failed and the exit code is 0", () => {
  const rows: [last: string, code: number, line: string, ok: boolean][] = [
    ["3 passed, 0 failed", 0, "3 passed, 0 failed", true],
    ["3 passed, 0 failed", 1, "3 passed, 1 failed", false],
    ["3 passed, 2 failed", 1, "3 passed, 2 failed", false],
    ["3 passed, 2 failed", 0, "3 passed, 2 failed", false],
    ["0 passed, 0 failed", 0, "0 passed, 1 failed", false],
    ["0 passed, 0 failed", 1, "0 passed, 1 failed", false],
    ["", 0, "0 passed, 1 failed", false],
    ["error: 3 passed, 0 failed", 0, "0 passed, 1 failed", false],
  ];
  for (const [last, code, line, ok] of rows) {
    assert.deepEqual(endOf(last, code), { line, ok }, last);
  }
});

Deno.test("releasedExecutable takes the file of the sums, and no other", async () => {
  const dist = await Deno.makeTempDir({ prefix: "skychat-dist-" });
  try {
    await assert.rejects(
      () => releasedExecutable(dist, "program"),
      /Cannot find program in SHA256/,
    );
    await Deno.writeTextFile(`${dist}/program`, "released");
    const sum = await fileSha256(`${dist}/program`);
    await Deno.writeTextFile(`${dist}/SHA256SUMS`, `${sum}  program\n`);
    assert.equal(await releasedExecutable(dist, "program"), `${dist}/program`);
    await assert.rejects(() => releasedExecutable(dist, "gram"), /Cannot find gram/);
    await Deno.writeTextFile(`${dist}/program`, "another");
    await assert.rejects(() => releasedExecutable(dist, "program"), /not the one of SHA256SUMS/);
  } finally {
    await Deno.remove(dist, { recursive: true });
  }
});
