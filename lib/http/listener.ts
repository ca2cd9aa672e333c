import { type ControlAddress, formatAddress } from "./address.ts";
import { listenErrorOf } from "./listen_error.ts";

/** One client's connection, as much of it as HTTP needs. */
export interface ControlSocket {
  /** Address of the other side, without its port. */
  readonly remote: string;
  /** Bytes read into the buffer, or null when the client has finished sending. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes some of the bytes; resolves with how many the system took. */
  write(bytes: Uint8Array): Promise<number>;
  /** Says that nothing more will be written. */
  closeWrite(): Promise<void>;
  /** Ends everything; pending reads and writes reject. May be called again. */
  close(): void;
}

/** A bound port. */
export interface SocketListener {
  /** `host:port` really bound. */
  readonly address: string;
  /** The port of {@link address}. */
  readonly port: number;
  /** The next connection; rejects once closed, and when the system is out of descriptors. */
  accept(): Promise<ControlSocket>;
  close(): void;
}

/**
 * Binds a TCP port with the runtime's own sockets. The only place of the control surface that knows
 * them.
 *
 * @throws {ListenError} when the system refuses, for example because the port is taken.
 */
export function listenTcp(address: ControlAddress): SocketListener {
  const listener = bind(address);
  return {
    address: formatAddress(listener.addr.hostname, listener.addr.port),
    port: listener.addr.port,
    accept: async () => wrap(await listener.accept()),
    close: () => listener.close(),
  };
}

/** Whether {@link SocketListener.accept} failed because the process or the system has no descriptor left. */
export function isOutOfDescriptors(thrown: unknown): boolean {
  return thrown instanceof Error && "code" in thrown &&
    (thrown.code === "EMFILE" || thrown.code === "ENFILE");
}

function bind(address: ControlAddress): Deno.TcpListener {
  try {
    return Deno.listen({ hostname: address.host, port: address.port });
  } catch (thrown) {
    throw listenErrorOf(thrown, address);
  }
}

function wrap(socket: Deno.TcpConn): ControlSocket {
  // Small replies and single events must not wait for the client's acknowledgement.
  socket.setNoDelay(true);
  let open = true;
  return {
    remote: socket.remoteAddr.hostname,
    read: (buffer) => socket.read(buffer),
    write: (bytes) => socket.write(bytes),
    closeWrite: () => socket.closeWrite(),
    close() {
      if (open) socket.close();
      open = false;
    },
  };
}
