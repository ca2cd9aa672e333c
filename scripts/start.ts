/**
 * `deno task start`: a node on loopback with a throw-away identity, for trying things.
 *
 * Both ports are chosen by the system, so it never collides with a node that already runs. What a
 * newcomer needs next goes to stdout; the node's log goes to stderr as always.
 */
import { runApp } from "#cli";
import { utf8 } from "#kit";

const COMMAND = "npx -y deno@2.9.6 task -q skychat";

const code = await runApp(
  ["--standalone", "--addr", "127.0.0.1:0", "--tcp-listen", "127.0.0.1:0"],
  ({ publicKey, controlAddress, linkAddress }) => {
    const lines = [
      "",
      `key:   ${publicKey}`,
      `page:  http://${controlAddress}/`,
      "send:  paste this into another terminal, in this folder:",
      "",
      `  ${COMMAND} send --via tcp://${publicKey}@${linkAddress} \\`,
      `    --sk "$(${COMMAND} keygen | tail -n 1)" -w 8s -m "hello"`,
      "",
      "Stop with Ctrl-C.",
      "",
    ];
    Deno.stdout.writeSync(utf8(lines.join("\n")));
  },
);
Deno.exit(code);
