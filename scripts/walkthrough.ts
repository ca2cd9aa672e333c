/**
 * `deno task walkthrough`: the two-instance check of the user guide, step by step, on loopback.
 *
 * Starts two nodes as processes of their own, sends both ways, reads both event streams and counters,
 * sends once with `--via`, and shows that a key off the whitelist is refused. Prints each step with
 * its result and exits 1 when one failed. With SKYCHAT_BIN set it drives that executable instead of
 * the sources.
 */
import { runWalkthrough, walkthroughSteps } from "#support/walkthrough_steps.ts";
import { errorText } from "#kit";

const encoder = new TextEncoder();
let number = 0;

const whole = await runWalkthrough((step, result) => {
  number++;
  const mark = result.ok ? "ok    " : "FAILED";
  const detail = result.ok ? result.detail : errorText(result.error);
  Deno.stdout.writeSync(encoder.encode(`${mark} ${number}. ${step.name}\n       ${detail}\n`));
});
const verdict = whole
  ? `All ${walkthroughSteps.length} steps went as they should.\n`
  : `The walkthrough stopped at step ${number} of ${walkthroughSteps.length}.\n`;
Deno.stdout.writeSync(encoder.encode(`\n${verdict}`));
Deno.exit(whole ? 0 : 1);
