/**
 * `deno task start`: a node on loopback with a throw-away identity, for trying things.
 *
 * Both ports are chosen by the system, so it never collides with a node that already runs. What a
 * newcomer needs next goes to stdout; the node's log goes to stderr as always.
 */
import { runCli, systemIo } from "#cli";

const COMMAND = "npx -y deno@2.9.6 task -q skychat";

const io = systemIo();
const code = await runCli(
  ["app", "--standalone", "--addr", "127.0.0.1:0", "--tcp-listen", "127.0.0.1:0"],
  {
    ...io,
    onServing({ publicKey, controlAddress, linkAddress }) {
      io.output.stdout.write([
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
      ].join("\n"));
    },
  },
);
Deno.exit(code);
