import type { ByteSource } from "./stream_reply.ts";

/** What a {@link writeSource} needs besides the source. */
export interface StreamWriterOptions {
  /** Puts the transfer coding around a piece: what is to be written, one after the other. */
  frame(piece: Uint8Array): readonly Uint8Array[];
  /** Writes some of the bytes; resolves with how many were taken. */
  write(bytes: Uint8Array): Promise<number>;
  /** Called whenever everything was taken. */
  onIdle(): void;
}

/**
 * Writes a source's pieces in order, one write at a time, and asks for the next piece only when the
 * one before was taken. Resolves at the end of the source, rejects when a write does.
 *
 * Calls back and awaits nothing: with many streams each promise on the way of an event shows.
 */
export function writeSource(source: ByteSource, options: StreamWriterOptions): Promise<void> {
  const done = Promise.withResolvers<void>();
  let parts: readonly Uint8Array[];
  let part = 0;
  let rest: Uint8Array;
  let writing = false;
  const send = (bytes: Uint8Array) => {
    writing = true;
    rest = bytes;
    options.write(bytes).then(onWritten, done.reject);
  };
  const onWritten = (count: number) => {
    if (count < rest.length) return send(rest.subarray(count));
    const next = parts[++part];
    if (next !== undefined) return send(next);
    writing = false;
    options.onIdle();
    goOn();
  };
  const goOn = () => {
    if (writing) return;
    const piece = source.take();
    if (piece === undefined) {
      if (source.over) done.resolve();
      else source.whenReady(goOn);
      return;
    }
    [parts, part] = [options.frame(piece), 0];
    const [first] = parts;
    if (first === undefined) goOn();
    else send(first);
  };
  goOn();
  return done.promise;
}
