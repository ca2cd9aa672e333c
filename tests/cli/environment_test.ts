import assert from "node:assert/strict";
import { ENVIRONMENT_VARIABLES } from "#cli";
import { ENVIRONMENT } from "../../scripts/permissions.ts";
import { wantsColour } from "../../cli/environment.ts";

Deno.test("the program reads the variables it has permission for, and no others", () => {
  assert.deepEqual([...ENVIRONMENT_VARIABLES].sort(), [...ENVIRONMENT].sort());
});

Deno.test("wantsColour asks NO_COLOR first, then the forcing variables, then the terminal", () => {
  assert.equal(wantsColour({}, true), true);
  assert.equal(wantsColour({}, false), false);
  assert.equal(wantsColour({ NO_COLOR: "" }, true), true);
  assert.equal(wantsColour({ NO_COLOR: "1", FORCE_COLOR: "1" }, true), false);
  assert.equal(wantsColour({ CLICOLOR_FORCE: "1" }, false), true);
  assert.equal(wantsColour({ FORCE_COLOR: "false" }, true), false);
});
