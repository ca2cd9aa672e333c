import assert from "node:assert/strict";
import fc from "fast-check";
import { Output } from "#cli";
import { escapeBody, hideControls, hideControlsInJson } from "../../cli/terminal_text.ts";
import { runTest, startCli } from "#support/cli_run.ts";
import { TextCapture } from "#support/text_capture.ts";

Deno.test("Output hides controls on terminals and only there, each stream for itself", () => {
  const [stdout, stderr] = [new TextCapture({ terminal: true }), new TextCapture()];
  const output = new Output(stdout, stderr);
  output.line("a\x1b[1mb\nc\td");
  output.json('"\x7f"');
  output.note("\x1b[1m");
  assert.equal(stdout.text, 'a\\x1b[1mb\nc\td\n"\\u007f"\n');
  assert.equal(stderr.text, "\x1b[1m\n");
});

Deno.test("hideControls leaves nothing that moves a cursor; hideControlsInJson keeps the value", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      // deno-lint-ignore no-control-regex -- there must be none
      const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/;
      assert.doesNotMatch(hideControls(text), controls);
      const json = JSON.stringify(text);
      assert.doesNotMatch(hideControlsInJson(json), controls);
      assert.equal(JSON.parse(hideControlsInJson(json)), text);
    }),
    { numRuns: 200 },
  );
});

Deno.test("escapeBody makes one line out of every text, and can be undone", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("\\", "\n", "\r", "n", "x") }), (text) => {
      const escaped = escapeBody(text);
      assert.doesNotMatch(escaped, /[\r\n]/);
      const undone = escaped.replace(
        /\\(.)/g,
        (_all, letter: string) => ({ n: "\n", r: "\r" })[letter] ?? letter,
      );
      assert.equal(undone, text);
    }),
    { numRuns: 200 },
  );
});

Deno.test("a command whose reader went away ends quietly; a log nobody reads stops no node", async () => {
  const help = startCli(["--help"]);
  assert.equal(await help.code, 0);

  const stderr = new TextCapture();
  stderr.closed = true;
  const output = new Output(new TextCapture(), stderr);
  output.log("line\n");
  output.note("line");
  assert.equal(stderr.text, "");
});

Deno.test("errors hide controls that came in through the arguments", async () => {
  const { stderr } = await runTest(["status", "\x1b[2J"], { stderrTerminal: true });
  assert.match(stderr, /^skychat: status: unexpected argument "\\x1b\[2J"\n/);
});
