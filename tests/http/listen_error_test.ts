import { strictEqual, throws } from "node:assert/strict";
import { ListenError, parseControlAddress } from "#http";
import { listenErrorOf } from "../../lib/http/listen_error.ts";
import { listenTcp } from "../../lib/http/listener.ts";

/** Fails unless binding this fails with exactly this code and text. */
function refuses(address: string, code: string, message: string): void {
  throws(() => listenTcp(parseControlAddress(address)).close(), (error) => {
    strictEqual(error instanceof ListenError, true, String(error));
    return true;
  });
  throws(() => listenTcp(parseControlAddress(address)).close(), {
    name: "ListenError",
    code,
    message,
  });
}

/** An error as the runtime throws it; tests cannot provoke all of them, since they may run as root. */
function systemError(message: string, code: string): Error {
  return Object.assign(new Error(message), { code });
}

Deno.test("listenTcp on a taken port says so as http-api.md 1.1 words it, and what to do", () => {
  const listener = listenTcp(parseControlAddress(":0"));
  try {
    const address = `127.0.0.1:${listener.port}`;
    strictEqual(listener.address, address);
    refuses(
      address,
      "address-in-use",
      `HTTP server error on ${address}: listen tcp ${address}: bind: address already in use` +
        " — is another skychat running? stop it, or choose another --addr",
    );
  } finally {
    listener.close();
  }
});

Deno.test("listenTcp on an address that is not ours says so", () => {
  refuses(
    "192.0.2.1:8001",
    "address-not-available",
    "HTTP server error on 192.0.2.1:8001: listen tcp 192.0.2.1:8001: " +
      "bind: cannot assign requested address" +
      " — this machine has no such address: choose another --addr, for example :8001",
  );
});

Deno.test("listenTcp on a name that does not exist says no such host", () => {
  // Too long a label, an empty label: every resolver knows without asking anybody.
  for (const host of [`${"x".repeat(64)}.invalid`, ".."]) {
    refuses(
      `${host}:8001`,
      "no-such-host",
      `HTTP server error on ${host}:8001: listen tcp: lookup ${host}: no such host` +
        " — use a name or an address of this machine in --addr, for example :8001",
    );
  }
});

Deno.test("listenErrorOf words a refused port, a silent resolver and anything else", () => {
  const address = parseControlAddress("[::1]:80");
  const rows: [Error, string, string][] = [
    [
      systemError("Permission denied (os error 13)", "EACCES"),
      "permission-denied",
      "listen tcp [::1]:80: bind: permission denied — choose an --addr with a port above 1023",
    ],
    [
      new Error("failed to lookup address information: Temporary failure in name resolution"),
      "no-such-host",
      "listen tcp: lookup ::1: temporary failure in name resolution" +
      " — use a name or an address of this machine in --addr, for example :8001",
    ],
    [
      systemError("Too many open files (os error 24)", "EMFILE"),
      "listen-failed",
      "listen tcp [::1]:80: Too many open files (os error 24) — choose another --addr",
    ],
  ];
  for (const [thrown, code, text] of rows) {
    const error = listenErrorOf(thrown, address);
    strictEqual(error.code, code);
    strictEqual(error.message, `HTTP server error on [::1]:80: ${text}`);
    strictEqual(error.cause, thrown);
  }
});
